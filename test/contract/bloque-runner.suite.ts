/** What a BloqueRunner promises (src/ports/bloque-runner.ts), on any of them. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { contador } from '#domain/procesadores/contador.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import { bindAll, makeBloque } from '../fixtures/bloque.ts';

export const NOW = 1_767_225_600_000;

export function fed(lecturas: number, procesador: AnyProcesador = contador): BloqueSimbiotico {
  const bloque = makeBloque(procesador);
  bindAll(bloque, 5);
  bloque.watermarkMs = NOW;
  for (let k = 0; k < lecturas; k++) bloque.inbox.pushOne(k % 5, k, NOW + k, NOW);
  return bloque;
}

export function runOn(
  runner: BloqueRunner,
  bloque: BloqueSimbiotico,
  procesador = 'contador',
  limitMs = 10_000,
): Promise<ApartOutcome> {
  return new Promise((resolve) => {
    runner.run({
      limitMs,
      make: (room) => bloque.beginApart(procesador, 1, null, NOW, room),
      end: (outcome) => {
        if (outcome.kind === 'done') assert.equal(bloque.endApart(outcome.task, outcome.result), true);
        resolve(outcome);
      },
    });
  });
}

export function bloqueRunnerSuite(name: string, make: () => BloqueRunner): void {
  describe(`bloque-runner: ${name}`, () => {
    const made: BloqueRunner[] = [];
    const open = (): BloqueRunner => {
      const runner = make();
      made.push(runner);
      return runner;
    };
    after(() => Promise.all(made.map((runner) => runner.close())));

    test('a bloque comes to the same as by itself', async () => {
      const runner = open();
      assert.equal(runner.takes('contador'), true);
      const [apart, own] = [fed(40), fed(40)];
      assert.equal((await runOn(runner, apart)).kind, 'done');
      own.drain(1, NOW);
      assert.equal(apart.inbox.size, 0);
      assert.deepEqual(Buffer.from(apart.memory.buffer), Buffer.from(own.memory.buffer));
    });

    test('jobs begin in their order, each sees the bloque as it is then, and has one outcome', async () => {
      const runner = open();
      const bloques = Array.from({ length: 20 }, (_, k) => fed(k));
      const ended: number[] = [];
      await Promise.all(
        bloques.map(async (bloque, k) => {
          const outcome = runOn(runner, bloque);
          // not yet begun
          if (k === 19) bloque.inbox.pushOne(0, 1, NOW + 100, NOW);
          assert.equal((await outcome).kind, k === 0 ? 'nothing' : 'done');
          ended.push(k);
        }),
      );
      assert.equal(ended.length, 20);
      assert.equal(bloques.at(-1)!.runsTotal + bloques.at(-1)!.inbox.size, 0);
      assert.equal(bloques.at(-1)!.settle(NOW).runs, 20);
    });

    test('nothing is run within `run`, and after a close everything ends as closed', async () => {
      const runner = open();
      let isEnded = false;
      const outcome = runOn(runner, fed(3)).then((one) => {
        isEnded = true;
        return one;
      });
      assert.equal(isEnded, false);
      await outcome;
      const late = runOn(runner, fed(3));
      await runner.close();
      assert.ok(['closed', 'done'].includes((await late).kind));
      assert.equal(runner.takes('contador'), false);
      assert.equal((await runOn(runner, fed(3))).kind, 'closed');
    });
  });
}
