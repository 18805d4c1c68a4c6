/**
 * An example plugin: its own procesador in its own bloque (canal 4), and what to do when one of its claves alerts.
 *
 * `corec ingest` or POST /api/lecturas?bloque=example_block feed it; with nothing fed it costs nothing.
 */
import { definePlugin, defineProcesador } from 'corec';

/** Alerts when a value doubles against its own average. */
const duplica = defineProcesador({
  nombre: 'duplica',
  version: 1,
  estado: { media: 'f32', n: 'u32' },
  onLectura(e, lectura) {
    const ratio = e.n < 10 ? 0 : lectura.valor / Math.max(1e-9, e.media);
    e.media += (lectura.valor - e.media) / Math.min(++e.n, 50);
    return Math.max(0, ratio - 1);
  },
  alerta: {
    regla: 'duplica',
    abre: 1,
    cierra: 0.5,
    explica: (e) => ({ codigo: 'too_high', esperadoMin: 0, esperadoMax: 2 * e.media }),
  },
});

export default definePlugin({
  procesador: duplica,
  inicializar(ctx) {
    const greeting = typeof ctx.config.saludo === 'string' ? ctx.config.saludo : 'ready';
    ctx.logger.info('ExamplePlugin', greeting, { bloques: ctx.bloques().length });
    ctx.onAlerta(({ evento, alerta, texto }) =>
      ctx.logger.info('ExamplePlugin', `${evento}: ${alerta.clave} ${texto}`),
    );
  },
});
