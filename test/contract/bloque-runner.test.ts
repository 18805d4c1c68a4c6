import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InlineRunner } from '#adapters/inline-runner/inline-runner.ts';
import { ThreadRunner } from '#adapters/worker-threads/thread-runner.ts';
import { contador } from '#domain/procesadores/contador.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import { loadProcesador } from '#app/procesadores.ts';
import { bloqueRunnerSuite, fed, NOW, runOn } from './bloque-runner.suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'corec-test-runner-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const makeThreads = (): ThreadRunner =>
  new ThreadRunner({
    thread: new URL('../../src/app/running-thread.ts', import.meta.url),
    threadData: { folder },
    takes: () => true,
    lanes: 1,
  });

bloqueRunnerSuite('inline-runner', () => new InlineRunner((nombre) => (nombre === 'contador' ? contador : null)));
bloqueRunnerSuite('worker-threads', makeThreads);

/** A file of one's own with contador's columns and this body. */
function write(name: string, body: string): void {
  writeFileSync(
    join(folder, name),
    `export default { nombre: '${name.slice(0, 4)}', version: 1, estado: ${JSON.stringify(contador.estado)}, onLectura(e, l) { ${body} } };\n`,
  );
}

/** The same, as CoreC loads it at its start. */
async function own(name: string, body: string): Promise<{ readonly ref: string; readonly procesador: AnyProcesador }> {
  write(name, body);
  const ref = `./${name}`;
  return { ref, procesador: await loadProcesador(ref, folder) };
}

test('what never ends is broken off, and the next job runs on a thread of its own', async () => {
  const runner = makeThreads();
  try {
    const endless = await own('hang.ts', 'for (;;);');
    await runOn(runner, fed(3));
    const bloque = fed(3, endless.procesador);
    const before = Buffer.from(bloque.memory.buffer).toString('hex');
    // the limit of a procesador that has to be loaded first is longer
    const [first, second] = [runOn(runner, bloque, endless.ref, 100), runOn(runner, fed(3))];
    const outcome = await first;
    assert.equal(outcome.kind, 'broken_off');
    assert.match(outcome.kind === 'broken_off' ? outcome.found : '', /no end within 100 ms/);
    assert.equal(Buffer.from(bloque.memory.buffer).toString('hex'), before);
    assert.equal(bloque.inbox.size, 3);
    assert.equal((await second).kind, 'done');
  } finally {
    await runner.close();
  }
});

test('a procesador that fills its memory takes down its thread alone', async () => {
  const runner = makeThreads();
  try {
    const greedy = await own('grab.ts', 'const all = []; for (;;) all.push(new Array(10_000).fill(l.valor));');
    const outcome = await runOn(runner, fed(1, greedy.procesador), greedy.ref);
    assert.equal(outcome.kind, 'broken_off');
    assert.match(outcome.kind === 'broken_off' ? outcome.found : '', /its thread ended: .*memory/);
    assert.equal((await runOn(runner, fed(3))).kind, 'done');
  } finally {
    await runner.close();
  }
});

test('a file that was edited since the start is not run by a thread that loads it anew', async () => {
  const runner = makeThreads();
  try {
    const edited = await own('edit.ts', 'return l.valor;');
    const endless = await own('hang2.ts', 'for (;;);');
    const bloque = fed(3, edited.procesador);
    assert.equal((await runOn(runner, bloque, edited.ref)).kind, 'done');
    write('edit.ts', 'return -l.valor;');
    // the thread that has loaded it goes on with what it has loaded
    bloque.inbox.pushOne(0, 7, NOW, NOW);
    assert.equal((await runOn(runner, bloque, edited.ref)).kind, 'done');
    assert.equal(bloque.memory.core.valor[0], 7);
    assert.equal((await runOn(runner, fed(1, endless.procesador), endless.ref, 100)).kind, 'broken_off');
    bloque.inbox.pushOne(0, 9, NOW, NOW);
    const before = Buffer.from(bloque.memory.buffer).toString('hex');
    const outcome = await runOn(runner, bloque, edited.ref);
    assert.equal(outcome.kind, 'refused');
    assert.match(outcome.kind === 'refused' ? outcome.found : '', /edit\.ts is no longer what it was/);
    assert.equal(Buffer.from(bloque.memory.buffer).toString('hex'), before);
    assert.equal(bloque.inbox.size, 1);
    assert.equal(runner.takes(edited.ref), false);
    assert.equal(runner.takes('contador'), true);
  } finally {
    await runner.close();
  }
});

test('what cannot be loaded or sent there is refused, and not taken again', async () => {
  const runner = makeThreads();
  try {
    assert.equal((await runOn(runner, fed(1), './nowhere.ts')).kind, 'refused');
    assert.equal(runner.takes('./nowhere.ts'), false);
    assert.equal(runner.takes('contador'), true);
  } finally {
    await runner.close();
  }
});
