/** A million closures by the whole of a run, in turns with bare promises, in a process that does nothing else. */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import type { MicroCeluEntidadCoreC } from '#domain/entidad/entidad.ts';
import { fromEntidades } from '#domain/procesadores/closure.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { makeBloque } from '../lib/bloque.ts';
import { say } from '../lib/child.ts';
import { collectGarbage } from '../lib/collect.ts';
import { makeRuns } from '../lib/runs.ts';

const ENTIDADES = 1_000_000;
const POR_BLOQUE = 1000;
const SWEEPS = 21;
/** Sweeps before the first that counts. */
const WARMING = 5;

function makeMicro(n: number): MicroCeluEntidadCoreC {
  const valor = ((n * 7919) % 1000) / 1000;
  return [`m${n}`, 1, async () => ({ valor }), true];
}

const bloques: BloqueSimbiotico[] = [];
const bare: MicroCeluEntidadCoreC[][] = [];
for (let k = 0; k < ENTIDADES / POR_BLOQUE; k++) {
  const entidades = Array.from({ length: POR_BLOQUE }, (_, n) => makeMicro(k * POR_BLOQUE + n));
  bare.push(entidades);
  bloques.push(makeBloque('micro', k, POR_BLOQUE, compileProcesador(fromEntidades('micro', entidades))));
}
const runs = makeRuns(
  () => ({ entradas: new Map(), drained: () => {} }),
  { take: () => {} },
  () => Infinity,
);
/** ms of each bloque's run, one after the other. */
async function sweep(): Promise<number[]> {
  const tookMs: number[] = [];
  for (const bloque of bloques) {
    const beganMs = performance.now();
    runs.runBloque(bloque, DUE.cycle, 1);
    await runs.closuresDone([bloque]);
    tookMs.push(performance.now() - beganMs);
  }
  return tookMs;
}

let sum = 0;

async function bareSweep(): Promise<number[]> {
  const tookMs: number[] = [];
  for (const list of bare) {
    const beganMs = performance.now();
    for (const { valor } of await Promise.all(list.map(([, , funcion]) => funcion() as Promise<{ valor: number }>)))
      sum += valor;
    tookMs.push(performance.now() - beganMs);
  }
  return tookMs;
}

const sumOf = (list: readonly number[]): number => list.reduce((all, ms) => all + ms, 0);

// A million closures, made in a second, bring a full collection of 0.1 s and the marking before it into one of the first sweeps. The sweeps
// themselves leave the old space as it is (0.1 MB more in each): it would be a figure of what went before.
collectGarbage();
const each: number[][] = [];
const bareEach: number[][] = [];
for (let round = -WARMING; round < SWEEPS; round++) {
  const [ours, theirs] = [await sweep(), await bareSweep()];
  if (round < 0) continue;
  each.push(ours);
  bareEach.push(theirs);
}
const failed = bloques.reduce((total, bloque) => total + bloque.fallosTotal, 0);
const total = bloques.reduce((all, bloque) => all + bloque.runsTotal, 0);
const seen = bloques.reduce((all, { memory }) => all + memory.core.valor.reduce((a, b) => a + b, 0), 0);
const rounds = SWEEPS + WARMING;
const isSound = failed === 0 && total === rounds * ENTIDADES && Math.abs(seen * rounds - sum) < sum * 1e-5;
const sorted = Float64Array.from(each.flat()).sort();
const at = (list: Float64Array, q: number): number => list[Math.ceil(q * list.length) - 1]!;
say({
  sweeps: each.map(sumOf),
  bareSweeps: bareEach.map(sumOf),
  p50: at(sorted, 0.5),
  p99: at(sorted, 0.99),
  max: at(sorted, 1),
  bareP99: at(Float64Array.from(bareEach.flat()).sort(), 0.99),
  failed,
  fault: isSound ? '' : `; ${failed} failed, ${total} runs, valores ${seen} for ${sum / rounds}`,
});
