import assert from 'node:assert/strict';
import test from 'node:test';
import { latido } from '#domain/procesadores/latido.ts';
import { makeBloque } from '../../fixtures/bloque.ts';
import { Bench, DAY, MINUTE, START, dice, every } from './run.ts';

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

test('with a fixed limit, silence reaches 0.5 at the limit and ends with the next lectura', () => {
  const bench = new Bench(latido, { silencio_s: 60 });
  bench.feed(ones(1), [START]);
  assert.ok(bench.cycle(START + MINUTE - 1)[0]! < 0.5);
  assert.equal(bench.cycle(START + MINUTE)[0], 0.5);
  const { why } = bench.opened[0]!;
  assert.deepEqual([why.codigo, why.esperadoMax, why.desdeMs], ['silent', MINUTE, START]);
  bench.feed(ones(2), [START + 2 * MINUTE, START + 2 * MINUTE + 1000]);
  assert.ok(bench.cycle(START + 2 * MINUTE + 2000)[0]! < 0.5);
});

test('a silence that no cycle saw is told by the lectura that ended it, with the same beginning', () => {
  const seen = new Bench(latido, { silencio_s: 60 });
  seen.feed(ones(1), [START]);
  seen.cycle(START + 5 * MINUTE);
  const unseen = new Bench(latido, { silencio_s: 60 });
  const valores = unseen.feed(ones(3), [START, START + 5 * MINUTE, START + 5 * MINUTE + 1000]);
  assert.ok(valores[1]! >= 0.5);
  assert.equal(valores[2], 0);
  assert.equal(unseen.opened[0]!.why.desdeMs, seen.opened[0]!.why.desdeMs);
  assert.equal(unseen.opened[0]!.why.codigo, 'silent');
});

test('two silences with one lectura between are two alerts, whether cycles saw them or not', () => {
  const told = (enfriamientoMs: number, looks: readonly number[]): string[] => {
    const bloque = makeBloque(latido, { parametros: { silencio_s: 60 }, enfriamientoMs });
    bloque.bind();
    bloque.bind();
    const changes: string[] = [];
    const lectura = (slot: number, tsMs: number): void => {
      bloque.inbox.pushOne(slot, 1, tsMs, tsMs);
      bloque.watermarkMs = Math.max(bloque.watermarkMs, tsMs);
      bloque.drain(1, tsMs);
      for (const at of looks) {
        // the other clave carries the time on
        if (at <= tsMs || at >= tsMs + 5 * MINUTE) continue;
        bloque.watermarkMs = at;
        bloque.cycle(1, at);
      }
      for (const { evento, episodio } of bloque.takeChanges())
        if (evento !== 'actualizada') changes.push(`${evento} ${(episodio.abiertaMs - START) / MINUTE}`);
    };
    for (const minute of [0, 5, 10, 10.1, 10.2]) lectura(0, START + minute * MINUTE);
    return changes;
  };
  const looks = Array.from({ length: 60 }, (_, k) => START + (k + 0.5) * 10_000);
  assert.deepEqual(told(0, []), ['abierta 0', 'cerrada 0', 'abierta 5', 'cerrada 5']);
  assert.deepEqual(told(0, looks), told(0, []));
  assert.deepEqual(told(30_000, looks), told(30_000, []));
  // within the cool-down it is one that goes on
  assert.deepEqual(told(600_000, []), ['abierta 0']);
  assert.deepEqual(told(600_000, looks), ['abierta 0']);
});

test('without a limit the rhythm of the clave is learned', () => {
  const random = dice(1);
  const bench = new Bench(latido);
  let t = START;
  const times = Array.from({ length: 500 }, () => (t += MINUTE * (0.8 + 0.4 * random())));
  bench.feed(ones(times.length), times);
  assert.ok(bench.cycle(t + 3 * MINUTE)[0]! < 0.5);
  assert.ok(bench.cycle(t + 4 * MINUTE)[0]! >= 0.5);
  assert.ok(bench.opened[0]!.why.esperadoMax! > 3 * MINUTE && bench.opened[0]!.why.esperadoMax! < 4 * MINUTE);
});

test('a clave that is silent every night is not told each morning', () => {
  const bench = new Bench(latido);
  const times: number[] = [];
  for (let day = 0; day < 30; day++) for (let i = 0; i < 100; i++) times.push(START + day * DAY + i * 6 * MINUTE);
  const valores = bench.feed(ones(times.length), times);
  assert.ok(bench.opened.length <= 3, `${bench.opened.length}`);
  assert.ok(valores.subarray(1000).every((valor) => valor === 0));
});

test('a new clave is not missed before it has a rhythm', () => {
  const bench = new Bench(latido);
  bench.feed(ones(5), every(1000, 5));
  assert.equal(bench.cycle(START + DAY)[0], 0);
});

test('neither a lectura out of order nor a watermark behind makes noise', () => {
  const bench = new Bench(latido, { silencio_s: 60 });
  bench.feed(ones(3), [START + 10_000, START, START + 10_000]);
  assert.equal(bench.cycle(START)[0], 0);
  assert.equal(bench.opened.length, 0);
});

test('cycles change no state', () => {
  const bench = new Bench(latido);
  bench.feed(ones(50), every(1000, 50));
  const before = bench.state();
  bench.cycle(START + DAY);
  assert.deepEqual(bench.state(), before);
});

test('parametros say what is allowed', () => {
  assert.throws(() => new Bench(latido, { silencio_s: 0 }), /silencio_s/);
  assert.throws(() => new Bench(latido, { veces: 1 }), /veces/);
});
