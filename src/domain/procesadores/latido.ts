/**
 * Dead-man switch: says when a clave has been silent for too long, by the bloque's watermark (event time), not by the wall clock.
 *
 * Owns: how long is too long. `valor` = silence / (silence + limit), stepped by 1/256: 0.5 at the limit.
 *
 * H1 Only lecturas change the state. A silence that ended between two cycles is told by the lectura that ended it, with the same
 *    opening time as if a cycle had seen it, and two silences with one lectura between are two, as if a cycle had seen that: when
 *    alerts open does not hang on how lecturas were batched.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';
import { SCORE_STEPS } from './norma.ts';

const latidoParametros = z.strictObject({
  /** Silence in seconds that is too long; left out: learned from the clave's own rhythm. */
  silencio_s: z.number().min(0.001).max(31_622_400).optional(),
  /** Learned limit: so many times the longest usual silence. */
  veces: z.number().min(1.1).max(1000).default(3),
  /** A learned limit is never shorter than this. */
  minimo_s: z.number().min(0).max(31_622_400).default(10),
});
export type LatidoParametros = z.infer<typeof latidoParametros>;

const ESTADO = {
  /** Time of the last lectura in order, and of the one before it, UTC ms. */
  vistoMs: 'f64',
  antesMs: 'f64',
  /** Mean and longest usual silence, ms. */
  media: 'f32',
  larga: 'f32',
  vistas: 'u16',
} as const;

/** So many lecturas make a rhythm. */
const READY = 20;
const MEAN_RATE = 1 / 64;
/** The longest silence is forgotten towards the mean one over this many lecturas. */
const FORGET = 1 / 2000;
/** An alerted silence is taken in this much, so that a lasting change becomes the rhythm. */
const GATED_GAIN = 0.25;
const ABRE = 0.5;

type LatidoView = Parameters<NonNullable<(typeof latido)['onLectura']>>[0];

/** ms; Infinity while nothing can be said. */
function limitMs(e: LatidoView, p: LatidoParametros): number {
  if (p.silencio_s !== undefined) return p.silencio_s * 1000;
  if (e.vistas < READY) return Infinity;
  return Math.max(p.veces * e.larga, p.minimo_s * 1000);
}

function score(silenceMs: number, limit: number): number {
  if (silenceMs <= 0 || limit === Infinity) return 0;
  // floor: only the limit itself, not a silence just short of it, makes 0.5
  return Math.floor((SCORE_STEPS * silenceMs) / (silenceMs + limit)) / SCORE_STEPS;
}

export const latido: Procesador<typeof ESTADO, LatidoParametros> = defineProcesador({
  nombre: 'latido',
  version: 1,
  estado: ESTADO,
  parametros: latidoParametros,
  onLectura: (e, lectura, p) => {
    const t = lectura.tsMs;
    const vistas = e.vistas;
    if (vistas === 0) {
      e.vistas = 1;
      e.vistoMs = e.antesMs = t;
      return 0;
    }
    const silence = t - e.vistoMs;
    if (silence <= 0) return 0;
    const limit = limitMs(e, p);
    const valor = score(silence, limit);
    e.antesMs = e.vistoMs;
    e.vistoMs = t;
    if (vistas < 65535) e.vistas = vistas + 1;
    const media = e.media;
    const gated = silence > limit ? limit : silence;
    e.media = media + Math.max(MEAN_RATE, 1 / vistas) * (gated - media);
    const larga = e.larga;
    if (silence <= larga) e.larga = larga - FORGET * (larga - e.media);
    else if (silence <= limit) e.larga = silence;
    else e.larga = larga + GATED_GAIN * (silence - larga);
    return valor >= ABRE ? valor : 0;
  },
  onCycle: (e, nowMs, p) => (e.vistas === 0 ? 0 : score(nowMs - e.vistoMs, limitMs(e, p))),
  alerta: {
    regla: 'latido',
    abre: ABRE,
    cierra: ABRE,
    porTiempo: true,
    explica: (e, lectura, _valor, p) => {
      const limit = limitMs(e, p);
      const desdeMs = lectura.tsMs === e.vistoMs ? e.antesMs : e.vistoMs;
      return {
        codigo: 'silent',
        esperadoMin: null,
        esperadoMax: limit === Infinity ? null : limit,
        desdeMs,
        notableMs: desdeMs + (limit === Infinity ? 0 : limit),
      };
    },
  },
});
