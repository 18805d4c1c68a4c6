import assert from 'node:assert/strict';
import test from 'node:test';
import { simulado } from '#domain/procesadores/simulado.ts';
import { Bench, START } from './run.ts';

test('an entidad has no state, makes up a lectura each cycle and alerts nobody', () => {
  assert.equal(simulado.bytesPorEntidad, 0);
  assert.ok(simulado.autonomo && !simulado.checkpoint && simulado.alerta === undefined);
  const bench = new Bench(simulado, {}, 100);
  const valores = bench.cycle(START);
  assert.deepEqual(bench.memory.core.lectura, valores);
  assert.ok(valores.every((valor) => Number.isFinite(valor)));
});

test('the same semilla and time give the same, another semilla or time something else', () => {
  const at = (semilla: number, nowMs: number): Float32Array => new Bench(simulado, { semilla }, 100).cycle(nowMs);
  assert.deepEqual(at(7, START), at(7, START));
  assert.notDeepEqual(at(7, START), at(8, START));
  assert.notDeepEqual(at(7, START), at(7, START + 1000));
});

test('it waves around media, each entidad at its own place, with noise as large as asked', () => {
  const bench = new Bench(simulado, { media: 100, amplitud: 10, ruido: 2, anomalias_dia: 0 }, 2000);
  const valores = bench.cycle(START);
  const mean = valores.reduce((sum, valor) => sum + valor, 0) / valores.length;
  assert.ok(Math.abs(mean - 100) < 1, String(mean));
  assert.ok(Math.max(...valores) < 112.01 && Math.min(...valores) > 87.99);
  assert.ok(Math.max(...valores) > 108 && Math.min(...valores) < 92);
  // one entidad over a period
  const one: number[] = [];
  for (let s = 0; s < 3600; s += 60) one.push(bench.cycle(START + s * 1000)[0]!);
  assert.ok(Math.max(...one) > 108 && Math.min(...one) < 92);
  const still = new Bench(simulado, { media: 0, amplitud: 0, ruido: 1, anomalias_dia: 0 }, 20_000).cycle(START);
  const variance = still.reduce((sum, valor) => sum + valor * valor, 0) / still.length;
  assert.ok(Math.abs(variance - 1 / 6) < 0.01, `triangular noise, variance ${variance}`);
});

test('anomalies come as often as asked and last a minute', () => {
  const options = { media: 0, amplitud: 1, ruido: 0, anomalias_dia: 14.4 };
  const bench = new Bench(simulado, options, 50_000);
  const odd = (nowMs: number): Set<number> => {
    const slots = new Set<number>();
    bench.cycle(nowMs).forEach((valor, slot) => valor > 1.5 && slots.add(slot));
    return slots;
  };
  // 14.4 a day of a minute each: one in a hundred at any time
  const first = odd(START);
  assert.ok(first.size > 300 && first.size < 700, String(first.size));
  assert.deepEqual(odd(START + 30_000), first);
  assert.notDeepEqual(odd(START + 60_000), first);
});

test('times before 1970 and far ahead are times as well', () => {
  const bench = new Bench(simulado, {}, 10);
  for (const nowMs of [-1e12, 0, 4e12]) assert.ok(bench.cycle(nowMs).every((valor) => Number.isFinite(valor)));
});

test('parametros say what is allowed', () => {
  assert.throws(() => new Bench(simulado, { periodo_s: 0 }), /periodo_s/);
  assert.throws(() => new Bench(simulado, { semilla: -1 }), /semilla/);
});
