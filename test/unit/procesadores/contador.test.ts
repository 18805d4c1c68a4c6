import assert from 'node:assert/strict';
import test from 'node:test';
import { contador } from '#domain/procesadores/contador.ts';
import { Bench, every } from './run.ts';

test('counts, adds up and keeps the last', () => {
  const bench = new Bench(contador, {}, 2);
  assert.deepEqual([...bench.feed([5, 6, 7], every(1000, 3), 1)], [1, 2, 3]);
  assert.deepEqual(bench.state(1), { cuenta: 3, suma: 18, ultimo: 7 });
  assert.deepEqual(bench.state(0), { cuenta: 0, suma: 0, ultimo: 0 });
});

test('numbered lecturas prove themselves: the sum is n(n+1)/2 exactly, beyond what float32 holds', () => {
  const n = 100_000;
  const bench = new Bench(contador);
  bench.feed(
    Float64Array.from({ length: n }, (_, i) => i + 1),
    every(1, n),
    0,
    777,
  );
  assert.deepEqual(bench.state(), { cuenta: n, suma: (n * (n + 1)) / 2, ultimo: n });
});

test('takes no parametros', () => {
  assert.throws(() => new Bench(contador, { x: 1 }), /x/);
});
