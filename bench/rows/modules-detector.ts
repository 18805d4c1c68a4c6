/**
 * What `detector` costs, and how often it alerts where little happens.
 *
 * detector      a lectura for each of 100,000 claves at a time, in bloques of 1,000, by the whole of a drain: loop, validation, alert rule,
 *               fitness. The lecturas are noise around a level of each clave's own, as many steps of five minutes as rounds; what it costs to
 *               get them there is left out. Baseline: the fixed kernel (EWMA of mean and variance, and z) as a bare loop over as many.
 * quiet-roads   a week of 207 road sensors of Los Angeles (METR-LA): false alarms on its Sunday, the quiet day, for 100 claves.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { detector } from '#domain/procesadores/detector.ts';
import { makeBloque } from '../lib/bloque.ts';
import { dataFolder, NO_DATA } from '../lib/dev-data.ts';
import { atLeast, atMost, failedRow, makeRow, type BenchRow } from '../lib/row.ts';
import { interleave, median } from '../lib/stats.ts';

export const DETECTOR_LIMIT = atLeast(5_000_000, 15_000_000);
export const QUIET_LIMIT = atMost(1, 0.5);

const CLAVES = 100_000;
const POR_BLOQUE = 1000;
const STEP_MS = 300_000;
const START_MS = 1_767_225_600_000;
const WARM_UP = 320;
const ROUNDS = 101;
const ALPHA = 0.05;
const EPSILON = 1e-6;

export function benchDetector(): BenchRow[] {
  const compiled = compileProcesador(detector);
  const bloques = Array.from({ length: CLAVES / POR_BLOQUE }, (_, k) =>
    makeBloque('detector', k, POR_BLOQUE, compiled),
  );
  for (const bloque of bloques) while (bloque.bind() >= 0);
  const x = new Float32Array(CLAVES);
  const media = new Float32Array(CLAVES);
  const varianza = new Float32Array(CLAVES);
  const z = new Float32Array(CLAVES);
  let steps = 0;
  const ms = interleave(
    {
      bare: {
        prepare: (round) => noise(x, round),
        run: () => {
          for (let i = 0; i < CLAVES; i++) {
            const d = x[i]! - media[i]!;
            media[i] = media[i]! + ALPHA * d;
            const v = (1 - ALPHA) * (varianza[i]! + ALPHA * d * d);
            varianza[i] = v;
            z[i] = d / Math.sqrt(v + EPSILON);
          }
        },
      },
      detector: {
        prepare: () => {
          steps++;
          deliver(bloques, x, START_MS + steps * STEP_MS);
        },
        run: () => {
          for (const bloque of bloques) {
            bloque.drain(1, bloque.watermarkMs);
            bloque.settle(bloque.watermarkMs);
            bloque.takeChanges();
          }
        },
      },
    },
    ROUNDS,
    WARM_UP,
  );
  const runs = bloques.reduce((sum, { runsTotal }) => sum + runsTotal, 0);
  const fallos = bloques.reduce((sum, { fallosTotal }) => sum + fallosTotal, 0);
  const perS = (took: number): number => (CLAVES / took) * 1000;
  return [
    makeRow('modules.detector', 'lecturas/s', DETECTOR_LIMIT, {
      value: perS(ms.detector),
      baseline: perS(ms.bare),
      sound: fallos === 0 && runs === (ROUNDS + WARM_UP) * CLAVES,
      note: `${CLAVES} claves with ${WARM_UP} lecturas behind them, a lectura each at a time; median of ${ROUNDS} times, in turns with the baseline`,
    }),
  ];
}

/** Sums of uniform noise, near enough to what sensors give; the same in every run. */
function noise(x: Float32Array, round: number): void {
  let state = (round + 1000) * 2_654_435_761;
  for (let k = 0; k < x.length; k++) {
    let sum = 0;
    for (let n = 0; n < 3; n++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      sum += (state >>> 8) / 2 ** 24;
    }
    x[k] = 20 + (k % 50) + sum;
  }
}

function deliver(bloques: readonly BloqueSimbiotico[], x: Float32Array, tsMs: number): void {
  bloques.forEach((bloque, b) => {
    bloque.watermarkMs = tsMs;
    for (let slot = 0; slot < POR_BLOQUE; slot++) bloque.inbox.pushOne(slot, x[b * POR_BLOQUE + slot]!, tsMs, tsMs);
  });
}

const SENSORS = 207;
/** 2012-03-01, a Thursday. */
const WEEK_MS = Date.UTC(2012, 2, 1);
const DAY_MS = 86_400_000;
const DAYS = ['Thursday', 'Friday', 'Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday'] as const;
const SUNDAY = DAYS.indexOf('Sunday');

/**
 * An alert is no false alarm when what it tells goes on and has never been: the median of two hours from it on lies outside all medians of
 * two hours that the sensor has had before, by a good part of their range.
 */
const LASTING_STEPS = 24;
const LASTING_MARGIN = 0.25;

export function benchQuietRoads(): BenchRow[] {
  const folder = dataFolder();
  if (folder === null) return [failedRow('modules.quiet-roads', '', QUIET_LIMIT, NO_DATA)];
  const csv = gunzipSync(readFileSync(join(folder, 'streams', 'metr_la_week.csv.gz'))).toString();
  const [, ...rows] = csv.trim().split('\n');
  const steps = rows.map((row) => {
    const [time, ...cells] = row.split(',');
    return { tsMs: Date.parse(`${time!.replace(' ', 'T')}Z`), valores: cells.map(Number) };
  });
  const bloque = makeBloque('roads', 0, SENSORS, compileProcesador(detector));
  while (bloque.bind() >= 0);
  const opened = DAYS.map(() => 0);
  const lasting = DAYS.map(() => 0);
  for (const [step, { tsMs, valores }] of steps.entries()) {
    bloque.watermarkMs = tsMs;
    for (const [slot, valor] of valores.entries()) bloque.inbox.pushOne(slot, valor, tsMs, tsMs);
    bloque.drain(1, tsMs);
    bloque.settle(tsMs);
    for (const { evento, episodio } of bloque.takeChanges()) {
      if (evento !== 'abierta') continue;
      const day = Math.floor((tsMs - WEEK_MS) / DAY_MS);
      opened[day]!++;
      if (
        isLasting(
          steps.map((at) => at.valores[episodio.slot]!),
          step,
        )
      )
        lasting[day]!++;
    }
  }
  const per100 = (count: number): number => (100 * count) / SENSORS;
  const falseOf = (day: number): number => per100(opened[day]! - lasting[day]!);
  const days = DAYS.map((day, k) => `${day} ${falseOf(k).toFixed(1)} of ${per100(opened[k]!).toFixed(1)}`);
  return [
    makeRow('modules.quiet-roads', 'per 100 claves and day', QUIET_LIMIT, {
      value: falseOf(SUNDAY),
      baseline: null,
      sound: bloque.fallosTotal === 0 && steps.every(({ valores }) => valores.length === SENSORS),
      note:
        `false alarms of ${SENSORS} road sensors on Sunday, with the three days before it known: of ${opened[SUNDAY]} episodios ` +
        `(${per100(opened[SUNDAY]!).toFixed(1)} for 100 claves) ${lasting[SUNDAY]} tell what goes on for two hours and has never been (docs/DETECTION.md). ` +
        `Every day, false of all: ${days.join(', ')}`,
    }),
  ];
}

function isLasting(series: readonly number[], step: number): boolean {
  const medianFrom = (from: number): number => median(series.slice(from, from + LASTING_STEPS));
  const here = medianFrom(step);
  const before = Array.from({ length: Math.max(0, step - LASTING_STEPS + 1) }, (_, from) => medianFrom(from));
  const [low, high] = [Math.min(...before), Math.max(...before)];
  const margin = LASTING_MARGIN * (high - low);
  return here > high + margin || here < low - margin;
}
