/**
 * The rate of a counter that only rises: how much a second, judged like a lectura. A counter that falls began anew at 0.
 *
 * Owns: rates. Leaves what is a normal one to norma.ts.
 *
 * T1 A lectura not later than the last one used says nothing about a rate: it changes nothing and has its valor.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';
import { ALERT, ALERT_TAIL, NORMA_COLUMNS, expected, isAbove, judge } from './norma.ts';
import { sensibilidadSchema } from './detector.ts';

const tasaParametros = z.strictObject({ sensibilidad: sensibilidadSchema });
export type TasaParametros = z.infer<typeof tasaParametros>;

const ESTADO = {
  ...NORMA_COLUMNS,
  /** The counter, its time, and the time of the lectura before (the rate's beginning). */
  cuenta: 'f64',
  cuentaMs: 'f64',
  /** Rate a second over the last two. */
  tasa: 'f32',
} as const;

export const tasa: Procesador<typeof ESTADO, TasaParametros> = defineProcesador({
  nombre: 'tasa',
  version: 1,
  estado: ESTADO,
  parametros: tasaParametros,
  onLectura: (e, lectura, p) => {
    const x = lectura.valor;
    const t = lectura.tsMs;
    const beforeMs = e.cuentaMs;
    if (beforeMs === 0) {
      e.cuenta = x;
      e.cuentaMs = t;
      return 0;
    }
    if (t <= beforeMs) return e.valor;
    const before = e.cuenta;
    e.cuenta = x;
    e.cuentaMs = t;
    const rise = x >= before ? x - before : x < 0 ? 0 : x;
    const rate = (rise * 1000) / (t - beforeMs);
    e.tasa = rate;
    return judge(e, rate, t, beforeMs, p.sensibilidad);
  },
  alerta: {
    regla: 'tasa',
    abre: ALERT,
    cierra: ALERT_TAIL,
    explica: (e) => {
      const { min, max } = expected(e);
      return {
        codigo: isAbove(e) ? 'rate_high' : 'rate_low',
        params: { lectura: e.tasa },
        esperadoMin: min,
        esperadoMax: max,
      };
    },
  },
});
