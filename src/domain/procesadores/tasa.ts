/**
 * The rate of a counter that only rises: how much a second, judged like a lectura.
 *
 * Owns: rates. Leaves what is a normal one to norma.ts.
 *
 * T1 A lectura not later than the last one used says nothing about a rate: it changes nothing.
 * T2 A counter that falls was reset (or wrapped) somewhere between: how far it had risen is unknown, so that step has no rate.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';
import { ALERT, ALERT_TAIL, NORMA_COLUMNS, expected, isAbove, judge } from './norma.ts';
import { sensibilidadSchema } from './detector.ts';

const tasaParametros = z.strictObject({ sensibilidad: sensibilidadSchema });
export type TasaParametros = z.infer<typeof tasaParametros>;

const ESTADO = {
  ...NORMA_COLUMNS,
  /** The counter and its time. */
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
    if (t <= beforeMs) return 0;
    const before = e.cuenta;
    e.cuenta = x;
    e.cuentaMs = t;
    if (x < before) return 0;
    // no counter rises faster than that; an infinite rate would be no number to tell
    const rate = Math.min(((x - before) * 1000) / (t - beforeMs), 1e37);
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
