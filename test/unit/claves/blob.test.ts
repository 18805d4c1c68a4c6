import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeClaves, encodeClaves, restoreClaves } from '#domain/claves/blob.ts';
import { ClaveDirectory, makeLoc } from '#domain/claves/directory.ts';
import { CoreCError } from '#domain/errors.ts';
import { zstd3 } from '../codec/zstd.ts';

const isUnreadable = (error: unknown) =>
  error instanceof CoreCError && error.code === 'COREC_E_STATE_UNREADABLE' && error.details['id'] === 'b/0';

test('the claves of a bloque come back at their slots, whatever they are', () => {
  const clave = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.nat(300).map((n) => `sensor/${n}`),
    fc.nat(3).map((n) => `${'x'.repeat(255)}${n}`),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(clave, { maxLength: 80 }),
      fc.array(fc.integer({ min: 1, max: 900 })),
      (claves, gaps) => {
        const directory = new ClaveDirectory();
        const expected = new Map<string, number>();
        let slot = -1;
        for (const [k, text] of claves.entries()) {
          slot += gaps[k] ?? 1;
          directory.insertText(text, makeLoc(2, slot));
          expected.set(text, makeLoc(5, slot));
        }
        const bytes = encodeClaves(directory, 2, zstd3);
        if (claves.length === 0) return assert.equal(bytes, null);
        const restored = new ClaveDirectory();
        assert.equal(restoreClaves(restored, 5, bytes!, zstd3, 'b/0'), claves.length);
        assert.equal(restored.size, claves.length);
        for (const [text, loc] of expected) {
          assert.equal(restored.lookupText(text), loc);
          assert.equal(restored.claveText(loc), text);
        }
      },
    ),
  );
});

test('restored claves join those that are there already', () => {
  const source = new ClaveDirectory();
  for (let i = 0; i < 3000; i++) source.insertText(`s-${i}`, makeLoc(i >> 10, i & 1023));
  const restored = new ClaveDirectory();
  restored.insertText('first', makeLoc(9, 9));
  for (let bloque = 0; bloque < 3; bloque++) {
    restoreClaves(restored, bloque, encodeClaves(source, bloque, zstd3)!, zstd3, 'b/0');
  }
  assert.equal(restored.size, 3001);
  for (let i = 0; i < 3000; i++) assert.equal(restored.lookupText(`s-${i}`), makeLoc(i >> 10, i & 1023));
  assert.equal(restored.lookupText('first'), makeLoc(9, 9));
});

test('sequential names cost few bytes', () => {
  const directory = new ClaveDirectory();
  for (let i = 0; i < 1000; i++) directory.insertText(`sensor/${String(i * 7).padStart(9, '0')}`, makeLoc(0, i));
  assert.ok(encodeClaves(directory, 0, zstd3)!.length < 3500);
});

test('damaged bytes are an error that names whose they are, never another list', () => {
  const directory = new ClaveDirectory();
  for (let i = 0; i < 50; i++) directory.insertText(`clave-${i * i}`, makeLoc(0, i * 3));
  const bytes = encodeClaves(directory, 0, zstd3)!;
  fc.assert(
    fc.property(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(bytes.length - 1),
      (at, flip, cut) => {
        const damaged = bytes.slice();
        damaged[at]! ^= flip;
        assert.throws(() => decodeClaves(damaged, zstd3, 'b/0'), isUnreadable);
        assert.throws(() => decodeClaves(bytes.subarray(0, cut), zstd3, 'b/0'), isUnreadable);
      },
    ),
  );
});
