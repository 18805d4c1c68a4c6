import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allowedCarga, CARGA_MIN, nextCarga, type Pressure } from '#domain/cycle/pressure.ts';

const EASY: Pressure = { llegadas: 0, lagMs: 0, cpu: 0 };

test('without pressure everything may run', () => {
  assert.equal(allowedCarga(EASY), 1);
  assert.equal(allowedCarga({ llegadas: 0.5, lagMs: 50, cpu: 0.8 }), 1);
});

test('arrivals, lag and processor each take carga away, and the hardest pressed decides', () => {
  assert.ok(Math.abs(allowedCarga({ ...EASY, llegadas: 0.75 }) - 0.55) < 1e-9);
  assert.ok(Math.abs(allowedCarga({ ...EASY, cpu: 0.9 }) - 0.55) < 1e-9);
  assert.equal(allowedCarga({ ...EASY, lagMs: 200 }), 0.25);
  assert.equal(allowedCarga({ llegadas: 0.75, lagMs: 200, cpu: 0.9 }), 0.25);
});

test('it stays between the least and 1, and more pressure never allows more', () => {
  const share = fc.double({ min: 0, max: 3, noNaN: true });
  const pressure = fc.record({ llegadas: share, lagMs: fc.double({ min: 0, max: 1e6, noNaN: true }), cpu: share });
  fc.assert(
    fc.property(pressure, share, (one, more) => {
      const carga = allowedCarga(one);
      assert.ok(carga >= CARGA_MIN && carga <= 1);
      for (const key of ['llegadas', 'lagMs', 'cpu'] as const)
        assert.ok(allowedCarga({ ...one, [key]: one[key] + more }) <= carga);
    }),
  );
});

test('it comes to rest where it is allowed to, and back to 1 when the pressure is gone', () => {
  let carga = 1;
  for (let k = 0; k < 20; k++) carga = nextCarga(carga, { ...EASY, cpu: 1 });
  assert.ok(Math.abs(carga - CARGA_MIN) < 1e-5);
  for (let k = 0; k < 10; k++) carga = nextCarga(carga, EASY);
  assert.equal(carga, 1);
});
