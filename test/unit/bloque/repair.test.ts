import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteRepair, planRepair, type RepairRecord } from '#domain/bloque/repair.ts';

const LIMITS = { maxReparaciones: 2, ventanaMs: 60_000, intervaloMs: 1000 };
const HOUR = 3_600_000;

test('one failed run alone waits five intervals, two are repaired at once', () => {
  const plan = (fallos: number, nowMs: number): readonly number[] =>
    planRepair(fallos, [{ slot: 3, sinceMs: 0 }], new Map(), LIMITS, nowMs).restore;
  assert.deepEqual(plan(1, 4999), []);
  assert.deepEqual(plan(1, 5000), [3]);
  assert.deepEqual(plan(2, 0), [3]);
});

test('a clock that is set back keeps nobody waiting until it comes there again', () => {
  const plan = planRepair(1, [{ slot: 3, sinceMs: 10 * HOUR }], new Map(), LIMITS, 9 * HOUR);
  assert.deepEqual(plan.restore, [3]);
});

test('a clock that is set back ends the window in which repairs are counted', () => {
  const records = new Map<number, RepairRecord>();
  noteRepair(records, 3, LIMITS.ventanaMs, 10 * HOUR);
  noteRepair(records, 3, LIMITS.ventanaMs, 10 * HOUR + 1);
  const inactive = [{ slot: 3, sinceMs: 9 * HOUR }];
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, 10 * HOUR + 2).quarantine, [3]);
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, 9 * HOUR).restore, [3]);
  noteRepair(records, 3, LIMITS.ventanaMs, 9 * HOUR);
  assert.deepEqual(records.get(3), { windowStartMs: 9 * HOUR, repairs: 1 });
});
