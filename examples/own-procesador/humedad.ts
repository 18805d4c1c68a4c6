/** One's own procesador: soil moisture that falls by more than `caida` points within an hour has sprung a leak. */
import { defineProcesador, z } from 'corec';

export default defineProcesador({
  nombre: 'humedad',
  version: 1,
  estado: { alto: 'f32', desde: 'f64' },
  parametros: z.strictObject({ caida: z.number().positive().default(10) }),
  onLectura(e, lectura, p) {
    const restart = lectura.valor >= e.alto || lectura.tsMs - e.desde > 3_600_000;
    if (restart) {
      e.alto = lectura.valor;
      e.desde = lectura.tsMs;
    }
    return (e.alto - lectura.valor) / p.caida;
  },
  alerta: {
    regla: 'fuga',
    abre: 1,
    cierra: 0.5,
    explica: (e, _lectura, _valor, p) => ({ codigo: 'jump', esperadoMin: e.alto - p.caida, esperadoMax: e.alto }),
  },
});
