import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import { FULL } from '#domain/supervision/circuit.ts';
import { fromEntidades } from '#domain/procesadores/closure.ts';
import { makeSay } from '#domain/texts/text.ts';
import { Runs, type RunsDeps } from '#nucleus/runs.ts';
import { makeBloque } from '../../fixtures/bloque.ts';

test('who waits for closures waits for those under way, not for those that begin meanwhile', async () => {
  const clock = new VirtualClock(1_000_000);
  const answered: string[] = [];
  const bloques = ['a', 'b'].map((name) => {
    const slow = (): Promise<{ valor: number }> =>
      new Promise((resolve) => {
        clock.after(100, () => {
          answered.push(name);
          resolve({ valor: 1 });
        });
      });
    return makeBloque(fromEntidades(name, [[name, 1, slow, true]]), { id: `${name}/0`, entrada: name, slots: 1 });
  });
  const runs = new Runs({
    swarm: () => ({ entradas: new Map(), drained: () => {} }),
    hub: { take: () => {} },
    clock,
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: assert.fail },
    say: makeSay('en'),
    paused: () => false,
    supervision: { leave: () => FULL, settled: () => {} },
    repaired: () => {},
    publish: () => {},
    oldestQueuedMs: () => Infinity,
  } as unknown as RunsDeps);
  // half of their time apart, and due again as soon as they are done: at any time one of them is under way
  for (const [k, bloque] of bloques.entries()) {
    clock.after(k * 50, function again() {
      runs.runBloque(bloque, DUE.cycle, 1);
      clock.after(20, again);
    });
  }
  await clock.advance(120);
  assert.equal(runs.hasClosures, true);
  let isDone = false;
  void runs.closuresDone().then(() => (isDone = true));
  await clock.advance(110);
  assert.equal(isDone, true);
  assert.equal(runs.hasClosures, true);
  assert.ok(answered.includes('a') && answered.includes('b'));
});
