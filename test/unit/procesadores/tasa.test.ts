import assert from 'node:assert/strict';
import test from 'node:test';
import { tasa } from '#domain/procesadores/tasa.ts';
import { Bench, DAY, MINUTE, START, dice, every, gauss } from './run.ts';

test('the rate is what the counter rose by, a second', () => {
  const bench = new Bench(tasa);
  bench.feed([1000, 1600], [START, START + MINUTE]);
  assert.equal(bench.state()['tasa'], 10);
});

test('a counter that falls was reset: no negative rate, no giant one, and the next step counts again', () => {
  const bench = new Bench(tasa);
  const valores = bench.feed([3_999_999_400, 4_000_000_000, 120, 720], every(MINUTE, 4));
  assert.ok(valores.every((valor) => valor === 0));
  assert.equal(bench.state()['tasa'], 10);
  assert.equal(bench.state()['seen'], 2);
});

test('a duplicate and a lectura out of order change nothing', () => {
  const bench = new Bench(tasa);
  bench.feed([0, 600], [START, START + MINUTE]);
  const before = bench.state();
  bench.feed([700, 10, 900], [START + MINUTE, START, START - DAY]);
  assert.deepEqual(bench.state(), before);
  bench.feed([1200], [START + 2 * MINUTE]);
  assert.equal(bench.state()['tasa'], 10);
});

test('an extraordinary rate is told with the usual ones, resets are not', () => {
  const random = dice(1);
  const n = 12 * 288;
  const counter = new Float64Array(n);
  let count = 0;
  for (let i = 0; i < n; i++) {
    count += 300 * (i === 3000 ? 90 : 20 + gauss(random));
    if (i % 500 === 499) count = 0;
    counter[i] = count;
  }
  const bench = new Bench(tasa);
  bench.feed(counter, every(5 * MINUTE, n));
  const told = bench.opened.filter(({ valor }) => valor >= 0.5);
  assert.deepEqual(
    told.map(({ tsMs, why }) => [tsMs, why.codigo]),
    [[START + 3000 * 5 * MINUTE, 'rate_high']],
  );
  const { why } = told[0]!;
  assert.ok(Math.abs(Number(why.params!['lectura']) - 90) < 0.01);
  assert.ok(why.esperadoMin! < 18.5 && why.esperadoMax! > 21.5 && why.esperadoMax! < 30);
});

test('no counter makes a run fail', () => {
  const bench = new Bench(tasa);
  const wild = [0, 1e308, -1e308, 1e308, 5e-324, -5, 7, 1e300];
  bench.feed(
    Array.from({ length: 800 }, (_, i) => wild[i % wild.length]!),
    Array.from({ length: 800 }, (_, i) => START + i * 0.001),
  );
  assert.deepEqual(bench.fallos, []);
  for (const value of Object.values(bench.state())) assert.ok(Number.isFinite(value));
});
