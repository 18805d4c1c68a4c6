/**
 * An artificial sensor, for trying CoreC out and for load: a slow wave, noise, and now and then an anomaly of a minute. Every place
 * that shows it says that it is artificial.
 *
 * Owns: the made-up lectura, which is also its valor. It has no state: all follows from semilla, numero and the time, so that a
 * million run in a few milliseconds and two runs at the same times give the same. No alerts are made of invented data.
 */
import { z } from 'zod';
import { defineProcesador, type Procesador } from './define.ts';

const SECONDS_OF_ANOMALY = 60;

const simuladoSchema = z.strictObject({
  semilla: z.int().min(0).max(0xffffffff).default(1),
  /** Mean, height of the wave and of the noise, in the sensor's own unit. */
  media: z.number().min(-1e6).max(1e6).default(50),
  amplitud: z.number().min(0).max(1e6).default(10),
  ruido: z.number().min(0).max(1e6).default(1),
  periodo_s: z.number().min(1).max(31_622_400).default(3600),
  /** Anomalies an entidad and day, each of a minute. */
  anomalias_dia: z.number().min(0).max(1440).default(0.01),
});

/**
 * What every entidad needs of the parametros, and what follows from them and the time of a cycle, computed once per time. A plain
 * object of few fields whose kinds never change: the schema's own result took a third longer to read.
 */
interface Prepared {
  readonly semilla: number;
  readonly periodoMs: number;
  readonly media: number;
  readonly amplitud: number;
  readonly ruido: number;
  /** Of 2^32 numeros, how many have an anomaly in a minute. */
  readonly anomalous: number;
  readonly jump: number;
  nowMs: number;
  phase: number;
  tick: number;
  minute: number;
}
export type SimuladoParametros = Prepared;

const simuladoParametros: z.ZodType<SimuladoParametros> = simuladoSchema.transform((p) => ({
  semilla: p.semilla,
  periodoMs: p.periodo_s * 1000,
  media: p.media,
  amplitud: p.amplitud,
  ruido: p.ruido,
  anomalous: Math.round((p.anomalias_dia * SECONDS_OF_ANOMALY * 2 ** 32) / 86_400),
  jump: 3 * (p.amplitud + p.ruido),
  nowMs: -0.5,
  phase: 0,
  tick: 0,
  minute: 0,
}));

function prepare(p: Prepared, nowMs: number): void {
  p.nowMs = nowMs;
  const turns = nowMs / p.periodoMs;
  p.phase = ((turns - Math.floor(turns)) * 2 ** 32) | 0;
  p.tick = mix(
    (nowMs % 2 ** 32) ^ Math.imul(Math.floor(nowMs / 2 ** 32) + 1, 0x9e3779b1) ^ Math.imul(p.semilla, 0x85ebca6b),
  );
  p.minute = mix(Math.floor(nowMs / (SECONDS_OF_ANOMALY * 1000)) ^ Math.imul(p.semilla + 1, 0xc2b2ae35));
}

function mix(h: number): number {
  let k = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  k = Math.imul(k ^ (k >>> 13), 0xc2b2ae35);
  return k ^ (k >>> 16);
}

export const simulado: Procesador<Record<never, never>, SimuladoParametros> = defineProcesador({
  nombre: 'simulado',
  version: 1,
  estado: {},
  parametros: simuladoParametros,
  autonomo: true,
  checkpoint: false,
  onCycle: (e, nowMs, p) => {
    if (p.nowMs !== nowMs) prepare(p, nowMs);
    const numero = e.numero;
    // a sine by two parabolas: phase as a signed 32-bit turn, each entidad at its own place of the wave
    const turn = ((p.phase + Math.imul(numero, 0x9e3779b1)) | 0) * 2 ** -31;
    const wave = 4 * turn * (1 - (turn < 0 ? -turn : turn));
    let h = Math.imul(numero ^ p.tick, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
    const noise = ((h & 0xffff) + (h >>> 16) - 65_535) * (1 / 65_535);
    let x = p.media + p.amplitud * wave + p.ruido * noise;
    if (Math.imul(numero ^ p.minute, 0x27d4eb2f) >>> 0 < p.anomalous) x += p.jump;
    e.lectura = x;
    return x;
  },
});
