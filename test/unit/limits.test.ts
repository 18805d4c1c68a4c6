import assert from 'node:assert/strict';
import test from 'node:test';
import { MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
import * as limits from '#domain/limits.ts';

test('every limit is a positive number', () => {
  for (const [name, value] of Object.entries(limits)) {
    assert.ok(typeof value === 'number' && Number.isFinite(value) && value > 0, name);
  }
});

test("the specification's sizes are inside the limits", () => {
  assert.ok(limits.BLOQUES_MAX >= 980 + 1 + 10 + 1);
  assert.ok(limits.ENTIDADES_MAX >= 1_001_000);
  assert.ok(limits.ENTIDADES_POR_BLOQUE_MAX >= 2000);
});

test('numbers of entidades and their packed places fit in uint32 with the last value free for "none"', () => {
  assert.ok(limits.ENTIDADES_MAX < limits.UINT32_MAX);
  const last = ((limits.BLOQUES_MAX - 1) * 2 ** 16 + (limits.ENTIDADES_POR_BLOQUE_MAX - 1)) >>> 0;
  assert.ok(last < limits.UINT32_MAX);
  assert.equal(last >>> 16, limits.BLOQUES_MAX - 1);
});

test('a mensaje is as large as the specification packs it', () => {
  assert.equal(MENSAJE_BYTES, 10);
});
