/**
 * Events per window of event time, judged like a lectura: how many flights a day, how many errors an hour; or the sum or the mean of
 * their valor: how late a day's flights left.
 *
 * Owns: windows. Leaves what is a normal count to norma.ts.
 *
 * K1 Only lecturas change the state; a window ends with the clave's first lectura of a later one. So a replay in other batches gives
 *    the same counts. onCycle only looks: when the watermark has left the window and no lectura came, the silence shows in the valor.
 *    The lectura that ends a silence tells it too, with the same score and the same beginning, in case no cycle saw it: whether and
 *    when an alert opens does not hang on how lecturas were batched (unless the clave's lag behind the bloque's watermark: what a
 *    cycle took for silence may still have been under way). How long an open one is seen odd does, by less than a window.
 * K2 The window in which a clave is first seen is incomplete and is not judged. Empty windows between are judged as 0, MOST_EMPTY
 *    of them at most. A late lectura (of a window that has ended) counts into the one that is open.
 * K3 A mean needs `minimo` lecturas: a window with fewer has none, is not judged and adds no experience; silence is no mean.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';
import { ALERT, ALERT_TAIL, NORMA_COLUMNS, SCORE_STEPS, expected, isAbove, judge, peek } from './norma.ts';
import { sensibilidadSchema } from './detector.ts';

const MOST_EMPTY = 64;
const MARCA_MAX = 255;
/** So that no window adds up to infinity. */
const MOST_ADDED = 1e290;

/** Below this, one lectura decides what a mean is: judged beside means of many, it would be odd for being alone. */
const MINIMO = 10;

const conteoParametros = z
  .strictObject({
    /** Length of a window in seconds; windows begin at multiples of it (UTC). */
    ventana_s: z.number().min(1).max(2_678_400).default(3600),
    /** False: counts lecturas; true: adds up their valor. */
    sumar: z.boolean().default(false),
    /** True: the mean of their valor, of windows with at least `minimo` lecturas. */
    media: z.boolean().default(false),
    minimo: z.int().min(1).max(1_000_000).default(MINIMO),
    sensibilidad: sensibilidadSchema,
  })
  .refine(({ sumar, media }) => !(sumar && media), { error: 'one of sumar and media', path: ['media'] });
export type ConteoParametros = z.infer<typeof conteoParametros>;

const ESTADO = {
  ...NORMA_COLUMNS,
  /** What the open window holds so far, and its number (ms since 1970 / window). */
  cuenta: 'f64',
  ventana: 'f64',
  /** Lecturas in the open window. */
  veces: 'u32',
  /** 0 before the first lectura, 1 in the first (incomplete) window, 2 from then on. */
  fase: 'u8',
  /** Score of the last window that ended, in steps. */
  marca: 'u8',
  /** What the alert was about: the window's count and what was expected of it. */
  alertaCuenta: 'f32',
  alertaMin: 'f32',
  alertaMax: 'f32',
  /** Since when, if it was about a silence; else 0. */
  alertaDesdeMs: 'f64',
  /** Number + 1 of the window; 0: not known. */
  alertaVentana: 'f64',
} as const;

export const conteo: Procesador<typeof ESTADO, ConteoParametros> = defineProcesador({
  nombre: 'conteo',
  version: 2,
  estado: ESTADO,
  parametros: conteoParametros,
  onLectura: (e, lectura, p) => {
    const ventanaMs = p.ventana_s * 1000;
    const ventana = Math.floor(lectura.tsMs / ventanaMs);
    const adds = p.sumar || p.media ? Math.max(-MOST_ADDED, Math.min(MOST_ADDED, lectura.valor)) : 1;
    const open = e.ventana;
    if (e.fase !== 0 && ventana <= open) {
      e.cuenta += adds;
      e.veces++;
      return e.marca / SCORE_STEPS;
    }
    let score = 0;
    e.alertaDesdeMs = 0;
    if (p.media) {
      if (e.fase === 2 && e.veces >= p.minimo)
        score = endWindow(e, e.cuenta / e.veces, open, ventanaMs, p.sensibilidad, score);
    } else if (e.fase !== 0) {
      if (e.fase === 2 && ventana >= open + 2) score = tellSilence(e, open + 2, ventanaMs, p.sensibilidad);
      if (e.fase === 2) score = endWindow(e, e.cuenta, open, ventanaMs, p.sensibilidad, score);
      const from = Math.max(open + 1, ventana - MOST_EMPTY);
      for (let empty = from; empty < ventana; empty++) score = endWindow(e, 0, empty, ventanaMs, p.sensibilidad, score);
    }
    e.fase = e.fase === 0 ? 1 : 2;
    e.ventana = ventana;
    e.cuenta = adds;
    e.veces = 1;
    e.marca = Math.min(MARCA_MAX, score * SCORE_STEPS);
    return e.marca / SCORE_STEPS;
  },
  onCycle: (e, nowMs, p) => {
    const held = e.marca / SCORE_STEPS;
    if (p.media || e.fase !== 2 || nowMs < (e.ventana + 2) * p.ventana_s * 1000) return held;
    const silent = Math.min(MARCA_MAX / SCORE_STEPS, peek(e, 0, p.sensibilidad));
    return silent > held ? silent : held;
  },
  alerta: {
    regla: 'conteo',
    abre: ALERT,
    cierra: ALERT_TAIL,
    explica: (e, _lectura, _valor, p) => {
      const what = p.media ? 'mean' : p.sumar ? 'sum' : 'events';
      const ventanaMs = p.ventana_s * 1000;
      if (e.marca < ALERT * SCORE_STEPS) {
        // seen by onCycle alone: the window after the open one has passed without a lectura
        const { min, max } = expected(e, true);
        const next = e.ventana + 2;
        return {
          codigo: `${what}_${max < 0 ? 'high' : 'low'}`,
          params: { lectura: 0, ...windowOf(next, ventanaMs) },
          esperadoMin: Math.fround(min),
          esperadoMax: Math.fround(max),
          desdeMs: next * ventanaMs,
        };
      }
      const { alertaCuenta, alertaMin, alertaMax, alertaDesdeMs } = e;
      const above = alertaCuenta > alertaMax || (alertaCuenta >= alertaMin && isAbove(e));
      return {
        codigo: `${what}_${above ? 'high' : 'low'}`,
        params: { lectura: alertaCuenta, ...windowOf(e.alertaVentana, ventanaMs) },
        esperadoMin: alertaMin,
        esperadoMax: alertaMax,
        ...(alertaDesdeMs === 0 ? {} : { desdeMs: alertaDesdeMs }),
      };
    },
  },
});

/** The window before number `next`, as alerts name it: when it began. The state of an older version does not know it. */
function windowOf(next: number, ventanaMs: number): { ventanaDesdeMs: number } | Record<string, never> {
  return next === 0 ? {} : { ventanaDesdeMs: (next - 1) * ventanaMs };
}

type ConteoView = Parameters<NonNullable<(typeof conteo)['onLectura']>>[0];

/** As a cycle would have seen the silence in the window before number `next`; 0 when that is no alert. */
function tellSilence(e: ConteoView, next: number, ventanaMs: number, sensitivity: number): number {
  const score = peek(e, 0, sensitivity);
  if (score < ALERT) return 0;
  const { min, max } = expected(e, true);
  e.alertaCuenta = 0;
  e.alertaMin = min;
  e.alertaMax = max;
  e.alertaDesdeMs = next * ventanaMs;
  e.alertaVentana = next;
  return score;
}

function endWindow(
  e: ConteoView,
  cuenta: number,
  ventana: number,
  ventanaMs: number,
  sensitivity: number,
  worst: number,
): number {
  const score = judge(e, cuenta, (ventana + 1) * ventanaMs, ventana * ventanaMs, sensitivity);
  if (score >= ALERT && score > worst) {
    const { min, max } = expected(e);
    e.alertaCuenta = cuenta;
    e.alertaMin = min;
    e.alertaMax = max;
    e.alertaVentana = ventana + 1;
  }
  return score > worst ? score : worst;
}
