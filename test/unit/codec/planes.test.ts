import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as planes from '#domain/codec/planes.ts';

const bytesAt = (at: number, n: number): number[] => [...planes.bytes.subarray(at, at + n)];
const words = fc.oneof(
  fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 70 }),
  fc.array(fc.nat(3), { minLength: 1, maxLength: 70 }),
);
const turned = (word: number, turn: number): number => ((word << turn) | (turn === 0 ? 0 : word >>> (32 - turn))) >>> 0;

/** Distances of w bits each, lowest first, as a loop over bits makes them. */
function packedBits(values: readonly number[], width: number): number[] {
  const bits = values.flatMap((value) => Array.from({ length: width }, (_, bit) => (value >>> bit) & 1));
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, byte) =>
    bits.slice(byte * 8, byte * 8 + 8).reduce((sum, bit, place) => sum + (bit << place), 0),
  );
}

test('words are cut into planes as shifts would, and the extremes of the topmost are told', () => {
  fc.assert(
    fc.property(words, fc.constantFrom(0, 1, 7), fc.nat(24), (list, turn, shift) => {
      const n = list.length;
      planes.loadWords(Uint32Array.from(list), n);
      const extremes = planes.split(n, turn, shift);
      const expected = list.map((word) => turned(word, turn) >>> shift);
      for (let p = 0; p < 4; p++) {
        assert.deepEqual(
          bytesAt(planes.planeAt(n, p), n),
          expected.map((word) => (word >>> (8 * p)) & 0xff),
        );
      }
      const top = expected.map((word) => word >>> 24);
      assert.equal(extremes, Math.min(...top) + 256 * Math.max(...top));
    }),
  );
});

test('least, distances and lines of words are those of plain arithmetic', () => {
  const lines = fc
    .tuple(fc.nat(0xffffffff), fc.integer({ min: -5, max: 5 }), fc.integer({ min: 1, max: 40 }))
    .map(([start, step, n]) => Array.from({ length: n }, (_, k) => (start + k * step) >>> 0));
  fc.assert(
    fc.property(fc.oneof(words, lines), fc.constantFrom(0, 1), (list, turn) => {
      const n = list.length;
      planes.loadWords(Uint32Array.from(list), n);
      const start = list[0]!;
      const step = n > 1 ? (list[1]! - start) | 0 : 0;
      assert.equal(
        planes.isLine(n, start, step),
        list.every((word, k) => (start + Math.imul(k, step)) >>> 0 === word),
      );
      const all = list.map((word) => turned(word, turn));
      const least = planes.turnWords(n, turn);
      assert.equal(least, Math.min(...all));
      assert.equal(
        planes.distances(n, least) >>> 0,
        all.reduce((any, word) => (any | (word - least)) >>> 0, 0),
      );
      assert.deepEqual(
        all.map((_, k) => planes.wordAt(k) >>> 0),
        all.map((word) => word - least),
      );
    }),
  );
});

test('bytes are ranged and packed into as many bits as asked', () => {
  const lists = fc.array(fc.nat(255), { minLength: 1, maxLength: 70 });
  fc.assert(
    fc.property(lists, fc.nat(3), fc.integer({ min: 1, max: 8 }), (raw, shift, width) => {
      const least = 255 - (((1 << width) - 1) << shift) > 0 ? 5 : 0;
      const list = raw.map((value) => least + (((value & ((1 << width) - 1)) << shift) & 0xff)).map((v) => v & 0xff);
      const n = list.length;
      planes.loadBytes(Uint8Array.from(list), n);
      const low = Math.min(...list);
      assert.equal(planes.rangeOfBytes(n), low + 256 * list.reduce((any, value) => any | (value - low), 0));
      const values = list.map((value) => ((value - least) & 0xff) >>> shift);
      if (values.some((value) => value >= 1 << width)) return;
      const length = planes.pack(0, n, least, shift, width);
      assert.equal(length, Math.ceil((n * width) / 8));
      const whole = packedBits(values, width);
      assert.deepEqual(bytesAt(planes.BITS_AT, whole.length), whole);
    }),
  );
});

test('doubles that are whole and near each other become words; others are told apart', () => {
  const whole = fc
    .tuple(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 40 }))
    .map(([base, list]) => list.map((word) => base + word));
  fc.assert(
    fc.property(whole, (list) => {
      const n = list.length;
      planes.loadDoubles(Float64Array.from(list), n);
      const least = planes.wholeLeast(n);
      assert.equal(least, Math.min(...list));
      planes.narrow(n, least);
      assert.deepEqual(
        list.map((_, k) => planes.wordAt(k) >>> 0),
        list.map((value) => value - least),
      );
    }),
  );
  for (const odd of [0.5, -0, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 33]) {
    for (let at = 0; at < 5; at++) {
      const list = [1, 2, 3, 4, 5];
      list[at] = odd;
      planes.loadDoubles(Float64Array.from(list), 5);
      assert.ok(Number.isNaN(planes.wholeLeast(5)), `${odd} at ${at}`);
    }
  }
});
