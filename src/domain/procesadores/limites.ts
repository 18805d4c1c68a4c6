/**
 * Fixed limits with hysteresis: for whoever knows what is too much.
 *
 * Owns: the rule. `valor` is 1 from the lectura that crosses a limit (the `seguidas`-th in a row) to the one that is back inside by
 * the hysteresis, else 0.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';

const finite = z.number().min(-1e37).max(1e37);

const limitesParametros = z
  .strictObject({
    /** Alerts below it. */
    min: finite.optional(),
    /** Alerts above it. */
    max: finite.optional(),
    /** How far back inside a lectura must come before the alert is over, in the lectura's own unit. */
    histeresis: z.number().min(0).max(1e37).default(0),
    /** So many lecturas in a row must lie outside. */
    seguidas: z.int().min(1).max(1000).default(1),
  })
  .check((ctx) => {
    const { min, max, histeresis } = ctx.value;
    const fault = (path: string, message: string): void => {
      ctx.issues.push({ code: 'custom', input: ctx.value, path: [path], message });
    };
    if (min === undefined && max === undefined) fault('max', 'give min, max or both');
    else if (min !== undefined && max !== undefined && min + histeresis >= max - histeresis) {
      fault('histeresis', `leaves nothing between min ${min} and max ${max}`);
    }
  });
export type LimitesParametros = z.infer<typeof limitesParametros>;

const ESTADO = {
  /** 0 inside, 1 above, 2 below. */
  lado: 'u8',
  /** Lecturas in a row outside, while inside still counts. */
  fuera: 'u16',
} as const;

const INSIDE = 0;
const ABOVE = 1;
const BELOW = 2;

export const limites: Procesador<typeof ESTADO, LimitesParametros> = defineProcesador({
  nombre: 'limites',
  version: 1,
  estado: ESTADO,
  parametros: limitesParametros,
  onLectura: (e, lectura, p) => {
    const x = lectura.valor;
    const { min, max, histeresis } = p;
    const lado = e.lado;
    if (lado === ABOVE && max !== undefined && x > max - histeresis) return 1;
    if (lado === BELOW && min !== undefined && x < min + histeresis) return 1;
    if (lado !== INSIDE) {
      e.lado = INSIDE;
      e.fuera = 0;
    }
    const side = max !== undefined && x > max ? ABOVE : min !== undefined && x < min ? BELOW : INSIDE;
    if (side === INSIDE) {
      if (e.fuera !== 0) e.fuera = 0;
      return 0;
    }
    const row = e.fuera + 1;
    if (row < p.seguidas) {
      e.fuera = row;
      return 0;
    }
    e.lado = side;
    return 1;
  },
  alerta: {
    regla: 'limites',
    abre: 0.5,
    cierra: 0.5,
    explica: (e, _lectura, _valor, p) => ({
      codigo: e.lado === BELOW ? 'limit_below' : 'limit_above',
      esperadoMin: p.min ?? null,
      esperadoMax: p.max ?? null,
    }),
  },
});
