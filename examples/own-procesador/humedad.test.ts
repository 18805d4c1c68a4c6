import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryProcesador } from 'corec';
import humedad from './humedad.ts';

const at = (minute: number, valor: number): { clave: string; valor: number; tsMs: number } => ({
  clave: 'patio',
  valor,
  tsMs: 1_700_000_000_000 + minute * 60_000,
});

test('a fall of ten points within an hour is a leak', () => {
  const tried = tryProcesador(humedad, [at(0, 60), at(10, 58), at(20, 49)]);
  assert.deepEqual(
    tried.map((lectura) => lectura.alerta?.codigo ?? null),
    [null, null, 'jump'],
  );
});

test('the same fall over a day is the weather', () => {
  const tried = tryProcesador(humedad, [at(0, 60), at(300, 55), at(600, 49)]);
  assert.ok(tried.every((lectura) => lectura.alerta === null));
});

test('how far it may fall is a parameter', () => {
  assert.equal(tryProcesador(humedad, [at(0, 60), at(10, 49)], { caida: 20 }).at(-1)!.alerta, null);
  assert.throws(() => tryProcesador(humedad, [at(0, 60)], { caida: -1 }), /caida/);
});
