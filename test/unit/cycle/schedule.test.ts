import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AGEING_MS,
  BACKGROUND_AGEING_MS,
  BACKGROUND_MAX,
  DUE,
  Schedule,
  type Schedulable,
} from '#domain/cycle/schedule.ts';
import { Quantiles } from '#domain/cycle/quantiles.ts';

const item = (canal: number, preferred = false): Schedulable & { name: string } => ({
  canal,
  preferred,
  due: 0,
  queuedMs: 0,
  name: `${canal}${preferred ? 'p' : ''}`,
});

test('canales run in order 4, 2, 1, 3, 5, and those of plugins first among equals', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  for (const one of [item(5), item(1), item(3), item(4), item(1, true), item(2)]) schedule.add(one, DUE.lecturas, 0);
  const order: string[] = [];
  for (let next = schedule.next(1); next !== null; next = schedule.next(1)) order.push(next.item.name);
  assert.deepEqual(order, ['4', '2', '1p', '1', '3', '5']);
});

test('whoever has waited past the ageing limit goes before higher canales', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  schedule.add(item(3), DUE.cycle, 0);
  schedule.add(item(4), DUE.cycle, AGEING_MS);
  assert.equal(schedule.next(AGEING_MS + 1)!.item.name, '3');
});

test('canal 5 runs when nothing else is due, and after ten seconds all the same', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  schedule.add(item(5), DUE.cycle, 0);
  for (let nowMs = AGEING_MS; nowMs <= BACKGROUND_AGEING_MS; nowMs += AGEING_MS) {
    schedule.add(item(1), DUE.cycle, nowMs);
    assert.equal(schedule.next(nowMs)!.item.name, '1');
  }
  schedule.add(item(1), DUE.cycle, BACKGROUND_AGEING_MS);
  assert.equal(schedule.next(BACKGROUND_AGEING_MS + 1)!.item.name, '5');
});

test('the background holds so many bloques, refuses and counts what is more, and takes it later', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  for (let k = 0; k < BACKGROUND_MAX; k++) schedule.add(item(5), DUE.cycle, 0);
  const late = item(5);
  schedule.add(late, DUE.lecturas, 0);
  assert.deepEqual([schedule.background, schedule.refused, late.due], [BACKGROUND_MAX, 1, 0]);
  schedule.next(1);
  schedule.add(late, DUE.lecturas, 1);
  assert.equal(late.due, DUE.lecturas);
  assert.equal(schedule.background, BACKGROUND_MAX);
});

test('of two whom age lets pass, one that was overtaken comes between', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  const sweep = Array.from({ length: 100 }, () => item(1));
  for (const one of sweep) schedule.add(one, DUE.cycle, 0);
  const nowMs = AGEING_MS + 1;
  const order: string[] = [];
  for (let k = 0; k < 6; k++) {
    schedule.add(item(4), DUE.lecturas, nowMs);
    order.push(schedule.next(nowMs)!.item.name);
  }
  assert.deepEqual(order, ['1', '4', '1', '4', '1', '4']);
});

test('an item queued twice runs once with all that is due', () => {
  const schedule = new Schedule<ReturnType<typeof item>>();
  const one = item(1);
  schedule.add(one, DUE.lecturas, 0);
  schedule.add(one, DUE.cycle, 0);
  assert.equal(schedule.size, 1);
  assert.equal(schedule.next(0)!.due, DUE.lecturas | DUE.cycle);
  assert.equal(schedule.next(0), null);
});

test('whatever is queued comes out exactly once', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ canal: fc.integer({ min: 1, max: 5 }), gap: fc.nat(400) })), (rows) => {
      const schedule = new Schedule<ReturnType<typeof item>>();
      const items = rows.map((row) => item(row.canal));
      let now = 0;
      items.forEach((one, k) => schedule.add(one, DUE.cycle, (now += rows[k]!.gap)));
      const seen = new Set<unknown>();
      for (let next = schedule.next(now); next !== null; next = schedule.next(now)) seen.add(next.item);
      assert.equal(seen.size, items.length);
    }),
  );
});

test('quantiles are within 2.5 % of the exact ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (values) => {
        const quantiles = new Quantiles();
        for (const value of values) quantiles.observe(value);
        const sorted = values.toSorted((a, b) => a - b);
        for (const q of [0.5, 0.9, 0.99]) {
          const exact = sorted[Math.ceil(q * sorted.length) - 1]!;
          assert.ok(Math.abs(quantiles.at(q) / exact - 1) < 0.026, `${q}: ${quantiles.at(q)} for ${exact}`);
        }
        assert.equal(quantiles.summary().max, sorted.at(-1));
      },
    ),
  );
});
