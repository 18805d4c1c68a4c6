/** A pump by its pressure in bar: 1 at the most that it may have. Below zero its sensor is broken, and the run fails. */
import { defineProcesador, z } from 'corec';

export default defineProcesador({
  nombre: 'pump',
  version: 1,
  estado: { highest: 'f32' },
  parametros: z.strictObject({ most: z.number().positive().default(10) }),
  onLectura(e, lectura, p) {
    if (lectura.valor < 0) throw new Error(`a pressure of ${lectura.valor} bar: the sensor is broken`);
    e.highest = Math.max(e.highest, lectura.valor);
    return lectura.valor / p.most;
  },
});
