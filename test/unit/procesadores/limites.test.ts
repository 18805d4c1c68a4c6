import assert from 'node:assert/strict';
import test from 'node:test';
import { limites } from '#domain/procesadores/limites.ts';
import { Bench, every } from './run.ts';

const run = (valores: number[], parametros: unknown): { valores: number[]; bench: Bench } => {
  const bench = new Bench(limites, parametros);
  return { valores: [...bench.feed(valores, every(1000, valores.length))], bench };
};

test('a lectura over the limit is 1 until one comes back by the hysteresis', () => {
  const { valores } = run([9, 10, 10.1, 9.9, 9.6, 9.5, 9.9, 10.1], { max: 10, histeresis: 0.5 });
  assert.deepEqual(valores, [0, 0, 1, 1, 1, 0, 0, 1]);
});

test('below the lower limit alike', () => {
  const { valores } = run([0, -0.1, 0.2, 0.3, -5], { min: 0, histeresis: 0.3 });
  assert.deepEqual(valores, [0, 1, 1, 0, 1]);
});

test('a jump from above one limit to below the other stays an alert and says so', () => {
  const { valores, bench } = run([5, 11, -1, 5], { min: 0, max: 10 });
  assert.deepEqual(valores, [0, 1, 1, 0]);
  assert.deepEqual(
    bench.opened.map(({ why }) => [why.codigo, why.esperadoMin, why.esperadoMax]),
    [
      ['limit_above', 0, 10],
      ['limit_below', 0, 10],
    ],
  );
});

test('with seguidas only so many in a row count', () => {
  const { valores } = run([11, 11, 5, 11, 11, 11, 11, 5], { max: 10, seguidas: 3 });
  assert.deepEqual(valores, [0, 0, 0, 0, 0, 1, 1, 0]);
});

test('parametros need a limit, and room between the two', () => {
  assert.throws(() => run([], {}), /min, max or both/);
  assert.throws(() => run([], { min: 5, max: 5 }), /nothing between/);
  assert.throws(() => run([], { min: 0, max: 10, histeresis: 5 }), /histeresis/);
  assert.throws(() => run([], { max: 10, histeresis: -1 }), /histeresis/);
  assert.throws(() => run([], { max: 10, seguidas: 0 }), /seguidas/);
  assert.throws(() => run([], { maximo: 10 }), /maximo/);
});
