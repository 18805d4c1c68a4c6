import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Circuit,
  CYCLES_MAX,
  FAILING_MIN,
  FULL,
  PROBE,
  WAIT_MS_MAX,
  WAIT_MS_MIN,
} from '#domain/supervision/circuit.ts';

/** Opens it at `ms` by cycles in which everything fails. */
function fail(circuit: Circuit, ms: number): void {
  for (let k = 0; k < CYCLES_MAX; k++) circuit.observe(100, 100, ms);
  assert.equal(circuit.state, 'abierto');
}

describe('a circuit', () => {
  test('opens when most runs failed in three cycles in a row, and not before', () => {
    const circuit = new Circuit();
    assert.equal(circuit.observe(100, 50, 0), null);
    assert.equal(circuit.observe(100, 90, 1), null);
    assert.equal(circuit.observe(100, 49, 2), null, 'one cycle that was better begins it anew');
    assert.equal(circuit.observe(100, 90, 3), null);
    assert.equal(circuit.observe(100, 90, 4), null);
    assert.equal(circuit.observe(0, 0, 5), null, 'a cycle without runs says nothing');
    assert.equal(circuit.observe(100, 90, 6), 'abierto');
    assert.equal(circuit.leave(6), null);
  });

  test('a few entidades that fail open nothing, though they are all there are', () => {
    const circuit = new Circuit();
    for (let k = 0; k < 100; k++) assert.equal(circuit.observe(FAILING_MIN - 1, FAILING_MIN - 1, k), null);
    for (let k = 0; k < 100; k++) assert.equal(circuit.observe(1000, 50, k), null, '5 % at random');
    assert.equal(circuit.leave(0), FULL);
  });

  test('after its wait a share of the bloque is tried; the wait doubles while that fails, up to a bound', () => {
    const circuit = new Circuit();
    let nowMs = 1000;
    fail(circuit, nowMs);
    for (let waitMs = WAIT_MS_MIN; ; waitMs *= 2) {
      waitMs = Math.min(WAIT_MS_MAX, waitMs);
      assert.equal(circuit.nextMs, nowMs + waitMs);
      assert.equal(circuit.leave(nowMs + waitMs - 1), null);
      nowMs += waitMs;
      assert.equal(circuit.leave(nowMs), PROBE);
      assert.equal(circuit.observe(0, 0, nowMs), null, 'nothing ran: still on trial');
      assert.equal(circuit.observe(3, 3, nowMs), 'abierto');
      if (waitMs === WAIT_MS_MAX) break;
    }
    assert.equal(circuit.nextMs, nowMs + WAIT_MS_MAX);
  });

  test('closes when what was tried went well, and remembers for a while that it was open', () => {
    const circuit = new Circuit();
    fail(circuit, 0);
    circuit.leave(WAIT_MS_MIN);
    assert.equal(circuit.observe(10, 4, WAIT_MS_MIN), 'cerrado');
    assert.equal(circuit.isForgotten(WAIT_MS_MIN), false);
    fail(circuit, 2 * WAIT_MS_MIN);
    assert.equal(circuit.nextMs, 4 * WAIT_MS_MIN, 'twice as long as before');
    circuit.leave(4 * WAIT_MS_MIN);
    circuit.observe(10, 0, 5 * WAIT_MS_MIN);
    const later = 5 * WAIT_MS_MIN + WAIT_MS_MAX;
    assert.equal(circuit.isForgotten(later), true);
    fail(circuit, later);
    assert.equal(circuit.nextMs, later + WAIT_MS_MIN, 'anew');
  });

  test('a reset holds nothing against it', () => {
    const circuit = new Circuit();
    fail(circuit, 0);
    circuit.reset();
    assert.deepEqual([circuit.state, circuit.opened], ['cerrado', 0]);
    fail(circuit, 10);
    assert.equal(circuit.nextMs, 10 + WAIT_MS_MIN);
  });
});
