import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { counterDelta, Counters, percent } from '#domain/host/counters.ts';

test('a counter that grows gives its difference', () => {
  assert.equal(counterDelta(10, 25), 15);
  assert.equal(counterDelta(10, 10), 0);
});

test('a counter that passed the top of 32 bits gives what it counted', () => {
  assert.equal(counterDelta(2 ** 32 - 100, 50), 150);
  assert.equal(counterDelta(2 ** 32 - 1, 0), 1);
});

test('a counter that started again gives nothing', () => {
  assert.ok(Number.isNaN(counterDelta(1_000_000, 5)));
  assert.ok(Number.isNaN(counterDelta(3_000_000_000, 1000)), 'far from the top: a reset, and no wrap of a gigabyte');
  assert.ok(Number.isNaN(counterDelta(2 ** 40, 1000)), 'a counter of 64 bits');
});

test('the first look gives nothing, and one unreadable look loses only itself and the next', () => {
  const counters = new Counters(1);
  assert.ok(Number.isNaN(counters.step(0, 5)));
  assert.equal(counters.step(0, 8), 3);
  assert.ok(Number.isNaN(counters.step(0, Number.NaN)));
  assert.ok(Number.isNaN(counters.step(0, 20)));
  assert.equal(counters.step(0, 21), 1);
});

test('a difference is never negative and never infinite', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (previous, now) => {
      const delta = counterDelta(previous, now);
      assert.ok(Number.isNaN(delta) || (delta >= 0 && Number.isFinite(delta)));
    }),
  );
});

test('a share stays within 0..100, and there is none of nothing', () => {
  assert.equal(percent(1, 4), 25);
  assert.equal(percent(101, 100), 100);
  assert.equal(percent(-1, 100), 0);
  assert.ok(Number.isNaN(percent(5, 0)));
  assert.ok(Number.isNaN(percent(5, Number.NaN)));
  assert.ok(Number.isNaN(percent(Number.NaN, 5)));
});
