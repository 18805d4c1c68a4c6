import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import { FULL } from '#domain/supervision/circuit.ts';
import { runApart } from '#domain/bloque/apart.ts';
import { fromEntidades } from '#domain/procesadores/closure.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { contador } from '#domain/procesadores/contador.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';
import { latido } from '#domain/procesadores/latido.ts';
import { makeSay } from '#domain/texts/text.ts';
import { CANAL_APART } from '#nucleus/apart-runs.ts';
import { Runs, type RunsDeps } from '#nucleus/runs.ts';
import type { ApartJob, ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import { bindAll, makeBloque } from '../../fixtures/bloque.ts';

function makeRuns(clock: VirtualClock, more: Partial<RunsDeps> = {}): Runs {
  return new Runs({
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
    ...more,
  } as unknown as RunsDeps);
}

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
  const runs = makeRuns(clock);
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

/** Takes everything, begins it at once, and answers after 100 ms with what it is told to. */
function slowRunner(clock: VirtualClock, outcomeOf: (job: ApartJob) => ApartOutcome): BloqueRunner {
  return {
    takes: () => true,
    run(job) {
      const outcome = outcomeOf(job);
      clock.after(100, () => job.end(outcome));
    },
    close: async () => {},
  };
}

test('of bloques that run apart, what came for them is waited for, but not those that are due again and again', async () => {
  const clock = new VirtualClock(1_000_000);
  const bloque = makeBloque(contador, { canal: CANAL_APART });
  bindAll(bloque, 1);
  const runner = slowRunner(clock, ({ make }) => {
    const task = make((bytes) => new SharedArrayBuffer(bytes));
    return task === null ? { kind: 'nothing' } : { kind: 'done', task, result: runApart(compiled, task) };
  });
  const compiled = compileProcesador(contador);
  const runs = makeRuns(clock, { runner });
  const push = (): void => bloque.inbox.pushOne(0, 1, clock.nowMs(), clock.nowMs());
  push();
  runs.runBloque(bloque, DUE.lecturas, 1);
  await clock.advance(50);
  push();
  runs.runBloque(bloque, DUE.lecturas, 1);
  let isDone = false;
  void runs.drained().then(() => (isDone = true));
  await clock.advance(60);
  assert.equal(isDone, false);
  // the doors are shut, but its cycles come due at any time
  clock.after(0, function again() {
    runs.runBloque(bloque, DUE.cycle, 1);
    clock.after(20, again);
  });
  await clock.advance(110);
  assert.equal(isDone, true);
  assert.equal(bloque.inbox.size, 0);
});

test('what is held of a bloque that runs apart keeps nobody waiting', async () => {
  const clock = new VirtualClock(1_000_000);
  const bloque = makeBloque(contador, { canal: CANAL_APART });
  bindAll(bloque, 1);
  bloque.inbox.pushOne(0, 1, clock.nowMs(), clock.nowMs());
  const runs = makeRuns(clock, { runner: slowRunner(clock, () => ({ kind: 'nothing' })) });
  clock.after(0, function again() {
    runs.runBloque(bloque, DUE.lecturas, 1);
    clock.after(20, again);
  });
  await clock.advance(30);
  let isDone = false;
  void runs.drained().then(() => (isDone = true));
  await clock.advance(300);
  assert.equal(isDone, true);
  assert.equal(bloque.inbox.size, 1);
});

test('a run that no thread can do is done here, counted, and told once a procesador', async () => {
  const clock = new VirtualClock(1_000_000);
  const told: unknown[] = [];
  const logger = { debug: () => {}, info: () => {}, error: assert.fail, warn: (...args: unknown[]) => told.push(args) };
  const bloques = [0, 1].map((indice) => makeBloque(contador, { id: `own/${indice}`, indice, canal: CANAL_APART }));
  const runner = slowRunner(clock, () => ({ kind: 'refused', found: 'no such file' }));
  const runs = makeRuns(clock, { runner, logger });
  for (const bloque of bloques) bindAll(bloque, 1);
  for (let round = 0; round < 2; round++) {
    for (const bloque of bloques) {
      bloque.inbox.pushOne(0, 1, clock.nowMs(), clock.nowMs());
      runs.runBloque(bloque, DUE.lecturas, 1);
    }
    await clock.advance(150);
  }
  assert.deepEqual(
    bloques.map(({ inbox }) => inbox.size),
    [0, 0],
  );
  assert.equal(runs.apart.refused, 4);
  assert.equal(told.length, 1);
  assert.match(JSON.stringify(told[0]), /cannot run on a thread.*start CoreC again.*own\/0.*no such file/);
});

test('closures never run apart', async () => {
  const clock = new VirtualClock(1_000_000);
  const micro = fromEntidades('micro', [['m', 1, () => ({ valor: 5 }), true]]);
  const bloque = makeBloque(micro, { canal: CANAL_APART, slots: 1 });
  const runs = makeRuns(clock, { runner: slowRunner(clock, () => assert.fail('it runs here')) });
  runs.runBloque(bloque, DUE.cycle, 1);
  await runs.drained();
  assert.equal(bloque.memory.core.valor[0], 5);
});

test('a procesador of which a run was broken off never runs here, whatever becomes of its threads', async () => {
  const clock = new VirtualClock(1_000_000);
  let asked = 0;
  const endless = defineProcesador({
    nombre: 'endless',
    version: 1,
    estado: {},
    onLectura: () => assert.fail('it would never end'),
  });
  const bloque = makeBloque(endless, { canal: CANAL_APART });
  bindAll(bloque, 1);
  bloque.inbox.pushOne(0, 1, clock.nowMs(), clock.nowMs());
  let takes = true;
  const runner: BloqueRunner = {
    takes: () => takes,
    run: ({ make, end }) => {
      const task = make((bytes) => new SharedArrayBuffer(bytes))!;
      const outcome: ApartOutcome =
        asked++ === 0
          ? { kind: 'broken_off', task, found: 'no end' }
          : { kind: 'refused', found: 'edited since the start' };
      clock.after(100, () => end(outcome));
    },
    close: async () => {},
  };
  const brokenOff: unknown[] = [];
  const told: string[] = [];
  const note = (_tag: string, text: string): void => void told.push(text);
  const runs = makeRuns(clock, {
    runner,
    logger: { debug: note, info: note, warn: note, error: note },
    supervision: { leave: () => FULL, settled: () => {}, brokenOff: (one) => void brokenOff.push(one) },
  });
  for (let round = 0; round < 3; round++) {
    runs.runBloque(bloque, DUE.lecturas | DUE.cycle, 1);
    await clock.advance(150);
    // it cannot be loaded any more
    if (round === 1) takes = false;
  }
  assert.equal(brokenOff.length, 3);
  assert.equal(asked, 2);
  runs.makeRoom(bloque);
  assert.equal(bloque.inbox.size, 1);
  assert.equal(bloque.lastFallo, 'edited since the start');
  assert.match(told.join('\n'), /left alone until CoreC is started again/);
});

test('what was run apart in vain runs here, without what has come since', async () => {
  const clock = new VirtualClock(1_000_000);
  const bloque = makeBloque(contador, { canal: CANAL_APART, slots: 4 });
  bindAll(bloque, 2);
  const compiled = compileProcesador(contador);
  const runner = slowRunner(clock, ({ make }) => {
    const task = make((bytes) => new SharedArrayBuffer(bytes))!;
    return { kind: 'done', task, result: runApart(compiled, task) };
  });
  const runs = makeRuns(clock, { runner });
  const push = (slot: number): void => bloque.inbox.pushOne(slot, 1, clock.nowMs(), clock.nowMs());
  for (let k = 0; k < 3; k++) push(0);
  runs.runBloque(bloque, DUE.lecturas, 1);
  await clock.advance(50);
  push(1);
  // a clave gets its entidad: the columns are no longer those that were copied
  bloque.bind();
  await clock.advance(60);
  assert.equal(bloque.inbox.size, 1);
  assert.equal(bloque.memory.core.valor[1], 0);
  assert.equal(bloque.settle(clock.nowMs()).runs, 3);
});

test('a cycle that was run apart in vain takes nobody for silent whose lecturas came meanwhile', async () => {
  const clock = new VirtualClock(1_000_000);
  const bloque = makeBloque(latido, { canal: CANAL_APART, slots: 4, parametros: { silencio_s: 20 } });
  bindAll(bloque, 2);
  const compiled = compileProcesador(latido);
  const runner = slowRunner(clock, ({ make }) => {
    const task = make((bytes) => new SharedArrayBuffer(bytes))!;
    return { kind: 'done', task, result: runApart(compiled, task) };
  });
  const opened: unknown[] = [];
  const hub = { take: (_bloque: unknown, changes: readonly unknown[]) => opened.push(...changes) };
  const runs = makeRuns(clock, { runner, hub } as unknown as Partial<RunsDeps>);
  const push = (slot: number, tsMs: number): void => {
    bloque.inbox.pushOne(slot, 1, tsMs, clock.nowMs());
    bloque.watermarkMs = Math.max(bloque.watermarkMs, tsMs);
  };
  push(0, 1000);
  push(1, 1000);
  runs.runBloque(bloque, DUE.lecturas, 1);
  await clock.advance(150);
  runs.runBloque(bloque, DUE.cycle, 1);
  await clock.advance(50);
  for (let tsMs = 11_000; tsMs <= 61_000; tsMs += 10_000) for (const slot of [0, 1]) push(slot, tsMs);
  // the columns are no longer those that were copied
  bloque.bind();
  runs.runBloque(bloque, DUE.lecturas, 1);
  await clock.advance(300);
  assert.equal(bloque.inbox.size, 0);
  assert.deepEqual(opened, []);
  assert.equal(bloque.memory.core.valor[0], 0);
});

test('closures of canal 3 are waited for once', async () => {
  const clock = new VirtualClock(1_000_000);
  const slow = (): Promise<{ valor: number }> =>
    new Promise((resolve) => {
      clock.after(100, () => resolve({ valor: 1 }));
    });
  const closure = fromEntidades('micro', [['m', 1, slow, true]]);
  const bloque = makeBloque(closure, { canal: CANAL_APART, slots: 1 });
  const runs = makeRuns(clock, { runner: slowRunner(clock, () => assert.fail('it runs here')) });
  runs.runBloque(bloque, DUE.cycle, 1);
  bloque.inbox.pushOne(0, 1, clock.nowMs(), clock.nowMs());
  runs.runBloque(bloque, DUE.cycle, 1);
  let isDone = false;
  void runs.drained().then(() => (isDone = true));
  await clock.advance(110);
  assert.equal(isDone, true);
  assert.equal(runs.hasClosures, true);
});
