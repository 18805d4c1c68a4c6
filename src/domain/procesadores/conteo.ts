/**
 * Events per window of event time, judged like a lectura: how many flights a day, how many errors an hour.
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
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';
import { ALERT, ALERT_TAIL, NORMA_COLUMNS, SCORE_STEPS, expected, isAbove, judge, peek } from './norma.ts';
import { sensibilidadSchema } from './detector.ts';

const MOST_EMPTY = 64;
const MARCA_MAX = 255;
/** So that no window adds up to infinity. */
const MOST_ADDED = 1e290;

const conteoParametros = z.strictObject({
  /** Length of a window in seconds; windows begin at multiples of it (UTC). */
  ventana_s: z.number().min(1).max(2_678_400).default(3600),
  /** False: counts lecturas; true: adds up their valor. */
  sumar: z.boolean().default(false),
  sensibilidad: sensibilidadSchema,
});
export type ConteoParametros = z.infer<typeof conteoParametros>;

const ESTADO = {
  ...NORMA_COLUMNS,
  /** What the open window holds so far, and its number (ms since 1970 / window). */
  cuenta: 'f64',
  ventana: 'f64',
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
} as const;

export const conteo: Procesador<typeof ESTADO, ConteoParametros> = defineProcesador({
  nombre: 'conteo',
  version: 1,
  estado: ESTADO,
  parametros: conteoParametros,
  onLectura: (e, lectura, p) => {
    const ventanaMs = p.ventana_s * 1000;
    const ventana = Math.floor(lectura.tsMs / ventanaMs);
    const adds = p.sumar ? Math.max(-MOST_ADDED, Math.min(MOST_ADDED, lectura.valor)) : 1;
    if (e.fase === 0) {
      e.fase = 1;
      e.ventana = ventana;
      e.cuenta = adds;
      return 0;
    }
    const open = e.ventana;
    if (ventana <= open) {
      e.cuenta += adds;
      return e.marca / SCORE_STEPS;
    }
    let score = 0;
    e.alertaDesdeMs = 0;
    if (e.fase === 2 && ventana >= open + 2) score = tellSilence(e, (open + 2) * ventanaMs, p.sensibilidad);
    if (e.fase === 2) score = endWindow(e, e.cuenta, open, ventanaMs, p.sensibilidad, score);
    const from = Math.max(open + 1, ventana - MOST_EMPTY);
    for (let empty = from; empty < ventana; empty++) score = endWindow(e, 0, empty, ventanaMs, p.sensibilidad, score);
    e.fase = 2;
    e.ventana = ventana;
    e.cuenta = adds;
    e.marca = Math.min(MARCA_MAX, score * SCORE_STEPS);
    return e.marca / SCORE_STEPS;
  },
  onCycle: (e, nowMs, p) => {
    const held = e.marca / SCORE_STEPS;
    if (e.fase !== 2 || nowMs < (e.ventana + 2) * p.ventana_s * 1000) return held;
    const silent = Math.min(MARCA_MAX / SCORE_STEPS, peek(e, 0, p.sensibilidad));
    return silent > held ? silent : held;
  },
  alerta: {
    regla: 'conteo',
    abre: ALERT,
    cierra: ALERT_TAIL,
    explica: (e, _lectura, _valor, p) => {
      if (e.marca < ALERT * SCORE_STEPS) {
        // seen by onCycle alone: the window after the open one has passed without a lectura
        const { min, max } = expected(e, true);
        const desdeMs = (e.ventana + 2) * p.ventana_s * 1000;
        return {
          codigo: 'events_low',
          params: { lectura: 0 },
          esperadoMin: Math.fround(min),
          esperadoMax: Math.fround(max),
          desdeMs,
        };
      }
      const { alertaCuenta, alertaMin, alertaMax, alertaDesdeMs } = e;
      return {
        codigo:
          alertaCuenta > alertaMax
            ? 'events_high'
            : alertaCuenta < alertaMin
              ? 'events_low'
              : isAbove(e)
                ? 'events_high'
                : 'events_low',
        params: { lectura: alertaCuenta },
        esperadoMin: alertaMin,
        esperadoMax: alertaMax,
        ...(alertaDesdeMs === 0 ? {} : { desdeMs: alertaDesdeMs }),
      };
    },
  },
});

type ConteoView = Parameters<NonNullable<(typeof conteo)['onLectura']>>[0];

/** As a cycle would have seen the silence before this lectura; 0 when that is no alert. */
function tellSilence(e: ConteoView, desdeMs: number, sensitivity: number): number {
  const score = peek(e, 0, sensitivity);
  if (score < ALERT) return 0;
  const { min, max } = expected(e, true);
  e.alertaCuenta = 0;
  e.alertaMin = min;
  e.alertaMax = max;
  e.alertaDesdeMs = desdeMs;
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
  }
  return score > worst ? score : worst;
}
