import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checksum } from '#domain/codec/bytes.ts';
import { decodeEstado } from '#domain/codec/estado-decode.ts';
import { encodeEstado } from '#domain/codec/estado.ts';
import type { Column, NamedColumn } from '#domain/entidad/columns.ts';
import { CoreCError } from '#domain/errors.ts';
import { zstd3 } from './zstd.ts';

const ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;
type Type = keyof typeof ARRAYS;

const column = (name: string, type: Type, values: ArrayLike<number>, spare = 0): NamedColumn => {
  const make = ARRAYS[type];
  const width = make.BYTES_PER_ELEMENT;
  // As in a bloque: on shared memory, not at its beginning, and longer than what is used.
  const shared = new SharedArrayBuffer(8 + (values.length + spare) * width) as unknown as ArrayBuffer;
  const data: Column = new make(shared, 8, values.length + spare);
  data.set(values);
  return { name, type, data };
};

const bitsOf = (data: Column, used: number): string =>
  Buffer.from(
    data.buffer.slice(data.byteOffset, data.byteOffset + used * data.BYTES_PER_ELEMENT) as ArrayBuffer,
  ).toString('hex');

function assertRoundTrip(columns: readonly NamedColumn[], used: number): Uint8Array {
  const bytes = encodeEstado({ nombre: 'detector', version: 513, columns, used }, zstd3);
  const back = decodeEstado(bytes, zstd3, 'b/1');
  assert.deepEqual([back.nombre, back.version, back.used], ['detector', 513, used]);
  assert.deepEqual(
    back.columns.map((c) => [c.name, c.type, c.data.constructor.name, c.data.length, bitsOf(c.data, used)]),
    columns.map((c) => [c.name, c.type, ARRAYS[c.type].name, used, bitsOf(c.data, used)]),
  );
  return bytes;
}

test('columns of every type come back bit for bit', () => {
  const values: Record<Type, fc.Arbitrary<number>> = {
    u8: fc.oneof(fc.nat(255), fc.nat(1)),
    u16: fc.oneof(fc.nat(65_535), fc.nat(3)),
    u32: fc.oneof(fc.nat(0xffffffff), fc.nat(9)),
    i32: fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 })),
    f32: fc.oneof(fc.float(), fc.constantFrom(0, -0, NaN, Infinity), fc.float({ min: 1, max: 2, noNaN: true })),
    f64: fc.oneof(fc.double(), fc.integer({ min: 1.7e12, max: 1.7e12 + 1e7 }), fc.constantFrom(-0, 0, NaN)),
  };
  const arbitrary = fc.integer({ min: 0, max: 300 }).chain((used) =>
    fc.tuple(
      fc.constant(used),
      fc.array(
        fc
          .constantFrom<Type>(...(Object.keys(ARRAYS) as Type[]))
          .chain((type) =>
            fc.tuple(fc.constant(type), fc.array(values[type], { minLength: used, maxLength: used }), fc.nat(3)),
          ),
        { maxLength: 6 },
      ),
    ),
  );
  fc.assert(
    fc.property(arbitrary, ([used, list]) => {
      assertRoundTrip(
        list.map(([type, data, spare], k) => column(`columna ñ${k}`, type, data, spare)),
        used,
      );
    }),
    { numRuns: 300 },
  );
});

test('what holds no information costs nothing but its name', () => {
  const used = 1000;
  const bytes = assertRoundTrip(
    [
      column(
        'numero',
        'u32',
        Array.from({ length: used }, (_, k) => 7_000_000 + k),
      ),
      column('activo', 'u8', new Uint8Array(used).fill(1)),
      column('nada', 'f32', new Float32Array(used)),
      column('hora', 'f64', new Float64Array(used).fill(1.7e12)),
      column(
        'baja',
        'i32',
        Array.from({ length: used }, (_, k) => -5 * k),
      ),
    ],
    used,
  );
  assert.ok(bytes.length < 150, `${bytes.length}`);
});

test('times of one minute and counts with rare large ones take few bits', () => {
  const used = 1000;
  const times = Array.from({ length: used }, (_, k) => 1.7e12 + ((k * 7919) % 60_000));
  assert.ok(assertRoundTrip([column('tsMs', 'f64', times)], used).length < used * 2 + 100);
  const counts = Array.from({ length: used }, (_, k) => (k % 100 === 0 ? 4_000_000_000 : k % 7));
  assert.ok(assertRoundTrip([column('n', 'u32', counts)], used).length < used * 1.2);
});

test('damage is an error that names whose state it is, also under a fitting checksum', () => {
  const used = 200;
  const mixed = [
    column(
      'a',
      'f32',
      Array.from({ length: used }, (_, k) => Math.sin(k * k) * 9),
    ),
    column(
      'b',
      'u16',
      Array.from({ length: used }, (_, k) => (k % 50 === 0 ? 60_000 : 0)),
    ),
    column(
      'c',
      'f64',
      Array.from({ length: used }, (_, k) => Math.cos(k)),
    ),
    column(
      'd',
      'u8',
      Array.from({ length: used }, (_, k) => k % 3),
    ),
  ];
  const bytes = encodeEstado({ nombre: 'p', version: 1, columns: mixed, used }, zstd3);
  const isUnreadable = (error: unknown) =>
    error instanceof CoreCError && error.code === 'COREC_E_STATE_UNREADABLE' && error.details['id'] === 'b/1';
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = bytes.slice();
      damaged[at]! ^= flip;
      assert.throws(() => decodeEstado(damaged, zstd3, 'b/1'), isUnreadable);
      assert.throws(() => decodeEstado(bytes.subarray(0, at), zstd3, 'b/1'), isUnreadable);
      if (at < 5) return;
      new DataView(damaged.buffer).setUint32(1, checksum(damaged, 5, damaged.length), true);
      try {
        decodeEstado(damaged, zstd3, 'b/1');
      } catch (error) {
        assert.ok(isUnreadable(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
