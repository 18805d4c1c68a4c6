/**
 * What a procesador that takes long does to everybody else: how long what comes at any moment waits for the main loop while four bloques of canal 3 judge a
 * thousand lecturas each again and again, every run some ten milliseconds.
 *
 * apart   on a thread, by Runs and ThreadRunner as CoreC has them; baseline: the same bloques in the main loop, as they run in canal 1.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DUE } from '#domain/cycle/schedule.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { InlineRunner } from '#adapters/inline-runner/inline-runner.ts';
import { ThreadRunner } from '#adapters/worker-threads/thread-runner.ts';
import { CANAL_APART } from '#nucleus/apart-runs.ts';
import type { BloqueRunner } from '#ports/bloque-runner.ts';
import { makeBloque } from '../lib/bloque.ts';
import { makeRow, REPORTED, type BenchRow } from '../lib/row.ts';
import { makeRuns } from '../lib/runs.ts';
import slow from '../lib/slow-procesador.ts';

export const APART_LIMIT = REPORTED;

const BLOQUES = 4;
const POR_BLOQUE = 1000;
const EVERY_MS = 120;
const WARM_UP_MS = 1500;
const MEASURED_MS = 5000;
const PROCESADOR = './slow-procesador.ts';
const FOLDER = new URL('../lib', import.meta.url).pathname;

interface Seen {
  readonly p99: number;
  readonly max: number;
  readonly lecturasPerS: number;
  readonly sum: number;
}

export async function benchApart(): Promise<BenchRow[]> {
  const threads = new ThreadRunner({
    thread: new URL('../../src/app/running-thread.ts', import.meta.url),
    threadData: { folder: FOLDER },
    takes: () => true,
    lanes: 1,
  });
  const apart = await busy(threads);
  await threads.close();
  const here = await busy(new InlineRunner(() => null));
  return [
    makeRow('modules.apart', 'ms', APART_LIMIT, {
      value: apart.p99,
      baseline: here.p99,
      sound: apart.sum > 0 && Number.isFinite(apart.sum),
      note:
        `99th percentile of how long what comes at any moment waits for the main loop while ${BLOQUES} bloques of canal 3 judge ${apart.lecturasPerS.toFixed(0)} lecturas/s by a procesador of a file, ` +
        `on one thread (longest ${apart.max.toFixed(1)}); beside it the same in the main loop (${here.lecturasPerS.toFixed(0)} lecturas/s, longest ${here.max.toFixed(1)})`,
    }),
  ];
}

async function busy(runner: BloqueRunner): Promise<Seen> {
  const compiled = compileProcesador(slow);
  const bloques = Array.from({ length: BLOQUES }, (_, k) => makeBloque('slow', k, POR_BLOQUE, compiled, CANAL_APART));
  for (const bloque of bloques) while (bloque.bind() >= 0);
  const entradas = new Map([['slow', { config: { procesador: PROCESADOR, tiempo_limite_ms: 5000 } }]]);
  const runs = makeRuns(
    () => ({ entradas, drained: () => {} }),
    { take: () => {} },
    () => Infinity,
    runner,
  );
  const gapsMs: number[] = [];
  let timer: NodeJS.Timeout | null = null;
  let lastMs = 0;
  const tick = (): void => {
    const nowMs = performance.now();
    gapsMs.push(nowMs - lastMs);
    lastMs = nowMs;
    timer = setTimeout(tick, 1);
  };
  const runsTotal = (): number => bloques.reduce((sum, bloque) => sum + bloque.runsTotal, 0);
  const endMs = performance.now() + WARM_UP_MS + MEASURED_MS;
  let fromMs = 0;
  let before = 0;
  while (performance.now() < endMs) {
    if (fromMs === 0 && performance.now() > endMs - MEASURED_MS) {
      fromMs = performance.now();
      before = runsTotal();
      lastMs = fromMs;
      tick();
    }
    const nowMs = Date.now();
    for (const bloque of bloques) {
      bloque.watermarkMs = nowMs;
      for (let slot = 0; slot < POR_BLOQUE && bloque.inbox.room > 0; slot++)
        bloque.inbox.pushOne(slot, slot, nowMs, nowMs);
      runs.runBloque(bloque, DUE.lecturas | DUE.cycle, 1);
    }
    await delay(EVERY_MS);
  }
  clearTimeout(timer!);
  const tookS = (performance.now() - fromMs) / 1000;
  const lecturasPerS = (runsTotal() - before) / tookS;
  await runs.drained();
  const sum = bloques.reduce((all, { memory }) => all + memory.core.valor.reduce((a, b) => a + b, 0), 0);
  return { p99: waitOf(gapsMs, 0.01), max: Math.max(...gapsMs), lecturasPerS, sum };
}

/** What a share of all that comes at any moment waits at least, when the loop looks after these gaps. */
function waitOf(gapsMs: readonly number[], share: number): number {
  const total = gapsMs.reduce((sum, gap) => sum + gap, 0);
  let [low, high] = [0, Math.max(...gapsMs)];
  for (let k = 0; k < 40; k++) {
    const middle = (low + high) / 2;
    const over = gapsMs.reduce((sum, gap) => sum + Math.max(0, gap - middle), 0);
    if (over > share * total) low = middle;
    else high = middle;
  }
  return high;
}
