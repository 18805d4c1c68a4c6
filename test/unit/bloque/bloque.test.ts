import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bindAll, column, fragile, makeBloque } from '../../fixtures/bloque.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';

const push = (bloque: ReturnType<typeof makeBloque>, slot: number, valor: number, tsMs: number): void =>
  bloque.inbox.pushOne(slot, valor, tsMs, 0);

test('every lectura of a sound entidad acts once, in order of arrival', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 3);
  for (let k = 0; k < 30; k++) push(bloque, k % 3, k, k);
  assert.equal(bloque.drain(1, 0), 30);
  assert.deepEqual(column(bloque, 'n').slice(0, 4), [10, 10, 10, 0]);
  assert.equal(bloque.inbox.size, 0);
  assert.equal(bloque.memory.core.lectura[2], 29);
});

for (const [name, valor, text] of [
  ['throws', 666, 'cannot take 666'],
  ['answers NaN', 667, 'valor is no finite number'],
  ['answers more than a float32', 668, 'valor is no finite number'],
] as const) {
  test(`an entidad that ${name} is inactive, and the others are untouched`, () => {
    const bloque = makeBloque(fragile);
    bindAll(bloque, 3);
    push(bloque, 0, 1, 1);
    push(bloque, 1, valor, 1);
    push(bloque, 2, 3, 1);
    push(bloque, 0, 4, 2);
    bloque.drain(1, 0);
    assert.deepEqual(Array.from(bloque.memory.core.activo.slice(0, 3)), [1, 0, 1]);
    assert.deepEqual(column(bloque, 'suma').slice(0, 3), [5, 0, 3]);
    assert.equal(bloque.fallos, 1);
    assert.equal(bloque.lastFallo, text);
  });
}

test('lecturas of an inactive entidad wait, and act after its repair', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 2);
  push(bloque, 0, 666, 1);
  push(bloque, 0, 5, 2);
  push(bloque, 1, 7, 2);
  bloque.drain(1, 0);
  assert.equal(bloque.inbox.size, 1);
  bloque.repairFrom([0], () => false, 10);
  assert.equal(bloque.drain(1, 10), 1);
  assert.deepEqual(column(bloque, 'suma').slice(0, 2), [5, 7]);
  assert.equal(bloque.memory.core.generacion[0], 1);
});

test('at two fallos the inactive ones are replaced, under the same number', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 3);
  const numbers = Array.from(bloque.memory.core.numero);
  push(bloque, 0, 666, 1);
  bloque.drain(1, 0);
  assert.deepEqual(bloque.settle(1000).restore, []);
  push(bloque, 1, 666, 1);
  bloque.drain(1, 1000);
  assert.deepEqual(
    bloque.settle(2000).restore.toSorted((a, b) => a - b),
    [0, 1],
  );
  bloque.repairFresh([0, 1], 2000);
  assert.equal(bloque.activos, 10);
  assert.deepEqual(Array.from(bloque.memory.core.numero), numbers);
});

test('one inactive entidad alone is replaced after five intervals', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 1);
  push(bloque, 0, 666, 1);
  bloque.drain(1, 1000);
  assert.deepEqual(bloque.settle(5999).restore, []);
  assert.deepEqual(bloque.settle(6000).restore, [0]);
});

test('an entidad that fails again and again ends in quarantine; its lecturas are stored and act on nothing', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 2);
  let nowMs = 0;
  for (let round = 0; round < 10 && bloque.quarantined === 0; round++) {
    push(bloque, 0, 666, round);
    bloque.drain(1, nowMs);
    nowMs += 5000;
    const settled = bloque.settle(nowMs);
    bloque.repairFrom(settled.restore, () => false, nowMs);
  }
  assert.equal(bloque.quarantined, 1);
  assert.equal(bloque.repairsTotal, 3);
  bloque.pending.take();
  push(bloque, 0, 5, 99);
  push(bloque, 1, 6, 99);
  bloque.drain(1, nowMs);
  assert.equal(bloque.inbox.size, 0);
  assert.equal(column(bloque, 'suma')[0], 0);
  assert.equal(bloque.pending.take()!.length, 2);
  assert.ok([...bloque.avisos.open].some((aviso) => aviso.regla === 'quarantine'));
});

test('with carga below 1 the entidades that have waited longest go first', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 4);
  for (const slot of [2, 0, 2, 3, 1]) push(bloque, slot, 1, 1);
  assert.equal(bloque.drain(0.5, 0), 3);
  assert.deepEqual(column(bloque, 'n').slice(0, 4), [1, 0, 2, 0]);
  assert.equal(bloque.drain(1, 0), 2);
});

test('autonomous entidades take turns when carga is below 1', () => {
  const sensor = defineProcesador({
    nombre: 'sensor',
    version: 1,
    estado: { n: 'u32' },
    autonomo: true,
    onCycle: (e) => (e.n += 1),
  });
  const bloque = makeBloque(sensor);
  for (let round = 1; round <= 5; round++) bloque.cycle(0.4, round);
  assert.deepEqual(column(bloque, 'n'), [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
});

test('fitness rises with steady work, falls with errors, and halves in ten idle intervals', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 10);
  let nowMs = 0;
  const cycle = (valorOf: (slot: number) => number): void => {
    for (let slot = 0; slot < 10; slot++) push(bloque, slot, valorOf(slot), nowMs);
    nowMs += 1000;
    bloque.procesar(1, nowMs);
  };
  for (let k = 0; k < 60; k++) cycle((slot) => slot);
  const steady = bloque.fitness;
  assert.ok(steady > 0.85 && steady < 0.95, `steady ${steady}`);
  for (let k = 0; k < 5; k++) cycle((slot) => (slot < 6 ? 666 : slot));
  assert.ok(bloque.fitness < steady);
  const before = bloque.fitness;
  for (let k = 0; k < 10; k++) bloque.settle((nowMs += 1000));
  assert.ok(Math.abs(bloque.fitness / before - 0.5) < 0.01);
});

test('a failing bloque alerts for its error rate, and the alert closes when it is well again', () => {
  const bloque = makeBloque(fragile, { maxReparaciones: 1000 });
  bindAll(bloque, 10);
  for (let slot = 0; slot < 10; slot++) push(bloque, slot, slot < 5 ? 666 : 1, 0);
  bloque.procesar(1, 1000);
  const opened = bloque.takeChanges();
  assert.deepEqual(
    opened.map((c) => [c.evento, c.episodio.regla]),
    [['abierta', 'error_rate']],
  );
  let closed: string[] = [];
  for (let nowMs = 2000; nowMs < 40_000 && closed.length === 0; nowMs += 1000) {
    for (let slot = 0; slot < 10; slot++) push(bloque, slot, 1, nowMs);
    bloque.procesar(1, nowMs);
    closed = bloque
      .takeChanges()
      .filter((c) => c.evento === 'cerrada')
      .map((c) => c.episodio.regla);
  }
  assert.deepEqual(closed, ['error_rate']);
});

test('a freed entidad forgets its state, its waiting lecturas and its place in quarantine', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 2);
  push(bloque, 0, 5, 1);
  bloque.drain(1, 0);
  push(bloque, 0, 5, 1);
  push(bloque, 1, 6, 1);
  assert.equal(bloque.unbind(0), 1);
  assert.equal(bloque.free, 9);
  assert.equal(bloque.bind(), 0);
  bloque.drain(1, 0);
  assert.deepEqual(column(bloque, 'suma').slice(0, 2), [0, 6]);
});

test('a held bloque calls back once, before its first change', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 1);
  const seen: number[] = [];
  bloque.hold(() => seen.push(column(bloque, 'n')[0]!));
  push(bloque, 0, 1, 1);
  bloque.drain(1, 0);
  push(bloque, 0, 1, 1);
  bloque.drain(1, 0);
  assert.deepEqual(seen, [0]);
  assert.equal(column(bloque, 'n')[0], 2);
});

test('however lecturas are cut into batches, state, rows and episodios are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ slot: fc.nat(4), valor: fc.integer({ min: 0, max: 140 }) }), { maxLength: 120 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 30 }),
      (rows, cuts) => {
        const whole = makeBloque(fragile);
        const parts = makeBloque(fragile);
        bindAll(whole, 5);
        bindAll(parts, 5);
        rows.forEach((row, k) => push(whole, row.slot, row.valor, k * 1000));
        whole.drain(1, 0);
        let at = 0;
        for (let c = 0; at < rows.length; c++) {
          const to = Math.min(rows.length, at + cuts[c % cuts.length]!);
          for (; at < to; at++) push(parts, rows[at]!.slot, rows[at]!.valor, at * 1000);
          parts.drain(1, c);
        }
        assert.deepEqual(column(parts, 'suma'), column(whole, 'suma'));
        const told = (b: typeof whole): unknown =>
          b.takeChanges().map(({ evento, episodio }) => [evento, { ...episodio }]);
        assert.deepEqual(told(parts), told(whole));
        assert.deepEqual(parts.pending.take(), whole.pending.take());
      },
    ),
  );
});
