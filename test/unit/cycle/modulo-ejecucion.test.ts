import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { CARGA_MIN } from '#domain/cycle/pressure.ts';
import { simulado } from '#domain/procesadores/simulado.ts';
import { ModuloEjecucion } from '#modules/ejecucion.ts';
import type { Clock } from '#ports/clock.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { makeBloque } from '../../fixtures/bloque.ts';

interface Run {
  readonly bloque: BloqueSimbiotico;
  readonly carga: number;
  readonly atMs: number;
}

/** Runs these bloques until `untilMs`, on a time that passes by what a run costs and by sleeping. */
async function play(
  bloques: readonly BloqueSimbiotico[],
  costMs: (bloque: BloqueSimbiotico, carga: number) => number,
  untilMs: number,
): Promise<{ readonly runs: readonly Run[]; readonly modulo: ModuloEjecucion }> {
  let nowMs = 0;
  const runs: Run[] = [];
  let over = (): void => {};
  const isOver = new Promise<void>((resolve) => (over = resolve));
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(ms, callback) {
      const timer = setImmediate(() => {
        nowMs += ms;
        if (nowMs >= untilMs) over();
        callback();
      });
      return () => clearImmediate(timer);
    },
    yieldToIo: () => {
      if (nowMs >= untilMs) over();
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
  const modulo = new ModuloEjecucion();
  await modulo.inicializar({
    config: { bloques: [] },
    clock,
    bloques: () => bloques,
    runBloque(bloque: BloqueSimbiotico, _due: number, carga: number) {
      runs.push({ bloque, carga, atMs: nowMs });
      nowMs += costMs(bloque, carga);
    },
    onLecturas: () => {},
    turned: () => {},
  } as unknown as NucleusContext);
  await modulo.ejecutar();
  await isOver;
  await modulo.detener();
  return { runs, modulo };
}

const swarm = (canales: readonly number[]): BloqueSimbiotico[] =>
  canales.map((canal, k) => makeBloque(simulado, { id: `b/${k}`, canal, intervaloMs: 1000 }));

test('a swarm that asks for more than there is gets a share of its cycles, canales 2 and 4 all of theirs', async () => {
  const bloques = swarm([...Array<number>(200).fill(1), 2, 4]);
  // 1.6 s of work a second
  const { runs, modulo } = await play(bloques, (_bloque, carga) => 8 * carga, 30_000);
  assert.ok(modulo.carga > CARGA_MIN && modulo.carga < 0.7, `${modulo.carga}`);
  assert.ok(runs.filter(({ bloque }) => bloque.canal !== 1).every(({ carga }) => carga === 1));
  const runsAfter = (ms: number): number => runs.filter(({ atMs, bloque }) => bloque.canal === 1 && atMs > ms).length;
  // first cycles were missed; once there is less to do, each has its turn in each second
  assert.ok(bloques.some(({ missedTotal }) => missedTotal > 0));
  assert.ok(runsAfter(20_000) >= 200 * 9, `${runsAfter(20_000)}`);
});

test('a swarm that has time to spare runs whole cycles and misses none', async () => {
  const bloques = swarm([1, 1, 3, 5]);
  const { runs, modulo } = await play(bloques, () => 50, 10_000);
  assert.equal(modulo.carga, 1);
  assert.ok(runs.every(({ carga }) => carga === 1));
  assert.ok(bloques.every(({ missedTotal }) => missedTotal === 0));
  assert.equal(modulo.background.runs, runs.filter(({ bloque }) => bloque.canal === 5).length);
});

test('a cycle that takes three intervals makes the others miss two', async () => {
  const bloques = swarm([1, 1]);
  let isFirst = true;
  const slow = (): number => {
    const cost = isFirst ? 3100 : 1;
    isFirst = false;
    return cost;
  };
  await play(bloques, slow, 8000);
  const missed = bloques.map(({ missedTotal }) => missedTotal);
  assert.ok(missed[0]! >= 2 && missed[0]! <= 3, `${missed.join()}`);
  assert.ok(missed[1]! >= missed[0]!, `${missed.join()}`);
});
