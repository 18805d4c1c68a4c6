import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteRepair, planRepair, ranWellSince, type RepairRecord } from '#domain/bloque/repair.ts';

const LIMITS = { maxReparaciones: 2, ventanaMs: 60_000, intervaloMs: 1000 };
const HOUR = 3_600_000;

test('one failed run alone waits five intervals, two are repaired at once', () => {
  const plan = (fallos: number, nowMs: number): readonly number[] =>
    planRepair(fallos, [{ slot: 3, sinceMs: 0, ranWell: false }], new Map(), LIMITS, true, nowMs).restore;
  assert.deepEqual(plan(1, 4999), []);
  assert.deepEqual(plan(1, 5000), [3]);
  assert.deepEqual(plan(2, 0), [3]);
});

test('a clock that is set back keeps nobody waiting until it comes there again', () => {
  const plan = planRepair(1, [{ slot: 3, sinceMs: 10 * HOUR, ranWell: false }], new Map(), LIMITS, true, 9 * HOUR);
  assert.deepEqual(plan.restore, [3]);
});

test('a clock that is set back ends the window in which repairs are counted', () => {
  const records = new Map<number, RepairRecord>();
  noteRepair(records, 3, false, 7, LIMITS.ventanaMs, 10 * HOUR);
  noteRepair(records, 3, false, 7, LIMITS.ventanaMs, 10 * HOUR + 1);
  const inactive = [{ slot: 3, sinceMs: 9 * HOUR, ranWell: false }];
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, true, 10 * HOUR + 2).quarantine, [3]);
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, true, 9 * HOUR).restore, [3]);
  noteRepair(records, 3, false, 7, LIMITS.ventanaMs, 9 * HOUR);
  assert.deepEqual(records.get(3), { windowStartMs: 9 * HOUR, repairs: 1, repairedMs: 9 * HOUR, tsMs: 7 });
});

test('an entidad that has run well since its repair fails as if for the first time', () => {
  const records = new Map<number, RepairRecord>();
  noteRepair(records, 3, true, 100, LIMITS.ventanaMs, 0);
  noteRepair(records, 3, false, 100, LIMITS.ventanaMs, 1);
  const planned = (ranWell: boolean): ReturnType<typeof planRepair> =>
    planRepair(2, [{ slot: 3, sinceMs: 2, ranWell }], records, LIMITS, true, 2);
  assert.deepEqual(planned(false).quarantine, [3]);
  assert.deepEqual(planned(true).restore, [3]);
  noteRepair(records, 3, true, 100, LIMITS.ventanaMs, 5);
  assert.equal(records.get(3)!.repairs, 1);
  // of one by lecturas its own time tells, of one by itself the intervals that have passed
  const record = records.get(3);
  assert.equal(ranWellSince(record, false, 100, 1000, HOUR), false);
  assert.equal(ranWellSince(record, false, 101, 1000, 6), true);
  assert.equal(ranWellSince(record, true, 0, 1000, 5 + 1999), false);
  assert.equal(ranWellSince(record, true, 0, 1000, 5 + 2000), true);
  assert.equal(ranWellSince(undefined, true, 0, 1000, 0), true);
});

test('what fails for its procesador is restored as often as it takes, and counts for nothing', () => {
  const records = new Map<number, RepairRecord>();
  for (let k = 0; k < 5; k++) noteRepair(records, 3, false, 100, LIMITS.ventanaMs, k);
  const inactive = [{ slot: 3, sinceMs: 5, ranWell: false }];
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, true, 5).quarantine, [3]);
  assert.deepEqual(planRepair(2, inactive, records, LIMITS, false, 5).restore, [3]);
});
