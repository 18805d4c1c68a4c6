import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { checksum } from '#domain/codec/bytes.ts';
import {
  decodeColumnas,
  decodeMensajes,
  encodeColumnas,
  encodePending,
  FRAME_MENSAJES_MAX,
  type MensajeRows,
  toJson,
} from '#domain/codec/columnas.ts';
import { CoreCError } from '#domain/errors.ts';
import { zstd3 } from './zstd.ts';

const numeroBySlot = Uint32Array.from({ length: 65_536 }, (_, slot) => 4_294_900_000 + slot);

interface Row {
  slot: number;
  ts: number;
  lectura: number;
  valor: number;
  activo: number;
}
const rowsOf = (list: readonly Row[], withActivo: boolean): MensajeRows => ({
  length: list.length,
  slot: Uint16Array.from(list, (r) => r.slot),
  tsMs: Float64Array.from(list, (r) => r.ts),
  lectura: Float32Array.from(list, (r) => r.lectura),
  valor: Float32Array.from(list, (r) => r.valor),
  ...(withActivo ? { activo: Uint8Array.from(list, (r) => r.activo) } : {}),
});

/** What must come back: each slot's mensajes in their order, slots ascending within a frame. */
function expectedOf(rows: MensajeRows, canal: number): string[] {
  const order = Array.from({ length: rows.length }, (_, k) => k).toSorted(
    (a, b) => rows.slot[a]! - rows.slot[b]! || a - b,
  );
  return order.map((k) =>
    describeRow(
      numeroBySlot[rows.slot[k]!]!,
      canal,
      rows.tsMs[k]!,
      rows.lectura[k]!,
      rows.valor[k]!,
      rows.activo?.[k] ?? 1,
    ),
  );
}
const describeRow = (id: number, canal: number, ts: number, lectura: number, valor: number, activo: number): string => {
  const sign = (x: number) => (Object.is(x, -0) ? '-0' : String(x));
  return `${id} ${canal} ${sign(ts)} ${sign(lectura)} ${sign(valor)} ${activo}`;
};
function decodedOf(bytes: Uint8Array): string[] {
  const list: string[] = [];
  decodeColumnas(bytes, zstd3, (f) => {
    for (let k = 0; k < f.length; k++) {
      list.push(describeRow(f.numero[k]!, f.canal, f.tsMs[k]!, f.lectura[k]!, f.valor[k]!, f.activo[k]!));
    }
  });
  return list;
}

const float = fc.oneof(
  fc.float(),
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 100),
  fc.integer({ min: 0, max: 70 * 9 }).map((n) => Math.round((n / 9) * 1e4) / 1e4),
  fc.integer({ min: 0, max: 256 }).map((n) => n / 256),
  fc.constantFrom(-0, NaN, Infinity, -Infinity, 3.4028234663852886e38, 1e-45),
);
const time = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((n) => 1_700_000_000_000 + n * 300_000),
  fc.integer({ min: 0, max: 1e9 }).map((n) => 1_700_000_000_000 + n),
  fc.integer({ min: 0, max: 1e9 }).map((n) => 1_700_000_000_000 + n / 1000),
  fc.double({ min: 1.6e12, max: 1.9e12, noNaN: true }),
  fc.constantFrom(0.5, NaN, -1, 8.64e15, 0, -0),
);
// Values of one kind more often than of all: that is what the choices are made on.
const rowsArbitrary = fc
  .tuple(
    fc.constantFrom<fc.Arbitrary<number>>(float, fc.constantFrom(1.5, 2.25, 1e9), fc.nat(1000), fc.constant(7)),
    fc.constantFrom<fc.Arbitrary<number>>(
      float,
      fc.nat(256).map((n) => n / 256),
      fc.constant(0),
    ),
    fc.constantFrom<fc.Arbitrary<number>>(
      time,
      fc.nat(3).map((n) => 1e12 + n * 1000),
      fc.constant(1e12),
    ),
  )
  .chain(([lectura, valor, ts]) =>
    fc.array(fc.record({ slot: fc.oneof(fc.nat(5), fc.nat(65_535)), ts, lectura, valor, activo: fc.nat(1) }), {
      minLength: 1,
      maxLength: 200,
    }),
  );

test('any mensajes come back bit for bit, in order within their slot', () => {
  fc.assert(
    fc.property(rowsArbitrary, fc.boolean(), fc.integer({ min: -128, max: 127 }), (list, withActivo, canal) => {
      const rows = rowsOf(list, withActivo);
      assert.deepEqual(decodedOf(encodeColumnas(rows, numeroBySlot, canal, zstd3)), expectedOf(rows, canal));
    }),
    { numRuns: 1000 },
  );
});

test('kinds beside each other come back bit for bit as well', () => {
  const kind = fc.constantFrom<fc.Arbitrary<number>>(
    float,
    fc.nat(1000),
    fc.nat(10_000).map((n) => n / 10),
    fc.nat(256).map((n) => n / 256),
    fc.float({ min: 0, max: 1, noNaN: true }),
  );
  const slots = fc.array(
    kind.chain((lectura) => fc.array(lectura, { minLength: 1, maxLength: 30 })),
    { minLength: 2, maxLength: 12 },
  );
  fc.assert(
    fc.property(slots, (list) => {
      const rows = list.flatMap((lecturas, slot) =>
        lecturas.map((lectura, k): Row => ({ slot, ts: 1.7e12 + k * 1000, lectura, valor: 0, activo: 1 })),
      );
      const all = rowsOf(rows, false);
      assert.deepEqual(decodedOf(encodeColumnas(all, numeroBySlot, 1, zstd3)), expectedOf(all, 1));
    }),
    { numRuns: 1000 },
  );
});

/** A seeded generator, so that every run sees the same noise. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}
const gauss = (random: () => number): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());

/** `steps` rounds over `slots` entidades, as a wide table or a scan delivers them. */
function rounds(slots: number, steps: number, lectura: (slot: number, step: number) => number, valor: () => number) {
  const list: Row[] = [];
  for (let step = 0; step < steps; step++) {
    for (let slot = 0; slot < slots; slot++) {
      list.push({ slot, ts: 1.7e12 + step * 60_000, lectura: lectura(slot, step), valor: valor(), activo: 1 });
    }
  }
  return rowsOf(list, false);
}

test('the shapes that readings come in keep to their bytes', () => {
  const random = noise(7);
  const none = () => 0;
  const shapes: [string, MensajeRows, number][] = [
    ['all equal', rounds(200, 10, () => 21.5, none), 0.06],
    ['a counter each', rounds(200, 10, (slot, step) => slot * 1000 + step * 5, none), 0.25],
    ['on and off', rounds(200, 10, () => (random() < 0.1 ? 1 : 0), none), 0.2],
    ['whole numbers', rounds(200, 10, () => Math.round(50 + 3 * gauss(random)), none), 0.65],
    ['one decimal', rounds(200, 10, () => Math.round(500 + 10 * gauss(random)) / 10, none), 0.85],
    [
      'means of 8 or 9',
      rounds(
        200,
        10,
        (_, step) => Number((Math.round(60 * 8 + 20 * gauss(random)) / (8 + (step & 1))).toPrecision(6)),
        none,
      ),
      1.35,
    ],
    ['noise about 50', rounds(200, 10, () => 50 + gauss(random), none), 2.75],
    ['uniform noise', rounds(200, 10, () => random(), none), 3.45],
    ['few large values', rounds(200, 10, () => [1.234567, 98765.43, 3.3e33][Math.floor(random() * 3)]!, none), 0.35],
    [
      'kinds beside each other',
      rounds(
        40,
        50,
        (slot, step) =>
          [
            Math.round(500 + 10 * gauss(random)) / 10,
            slot * 1000 + step,
            random(),
            Math.floor(random() * 8) / 256,
            21.5,
            Math.round(50 + 3 * gauss(random)),
          ][slot % 6]!,
        none,
      ),
      1.45,
    ],
    ['scores in 1/256', rounds(200, 10, none, () => Math.floor(random() * 16) / 256), 0.62],
    [
      'a long pattern again and again',
      rounds(1, 2000, (_, step) => Math.fround(Math.sin(step % 100) * 1e5), none),
      0.35,
    ],
  ];
  for (const [name, rows, most] of shapes) {
    const bytes = encodeColumnas(rows, numeroBySlot, 1, zstd3);
    assert.deepEqual(decodedOf(bytes), expectedOf(rows, 1), name);
    assert.ok(
      bytes.length / rows.length <= most,
      `${name}: ${(bytes.length / rows.length).toFixed(3)} bytes, at most ${most}`,
    );
  }
});

test('a single mensaje fits in a hundred bytes', () => {
  const rows = rowsOf([{ slot: 9, ts: 1.7e12, lectura: 21.35, valor: 0.25, activo: 1 }], false);
  const bytes = encodeColumnas(rows, numeroBySlot, 1, zstd3);
  assert.ok(bytes.length <= 100, `${bytes.length}`);
  assert.deepEqual(toJson(bytes, zstd3), [
    { id: numeroBySlot[9], canal: 1, valor: 0.25, activo: true, lectura: Math.fround(21.35), ts: 1.7e12 },
  ]);
});

test('frames back to back are read as one, and more mensajes than a frame may hold become several', () => {
  const a = rounds(
    3,
    5,
    (slot, step) => slot + step,
    () => 0.5,
  );
  const b = rounds(
    2,
    4,
    (slot, step) => slot * step * 1.1,
    () => 0.25,
  );
  const both = Buffer.concat([encodeColumnas(a, numeroBySlot, 2, zstd3), encodeColumnas(b, numeroBySlot, 2, zstd3)]);
  assert.deepEqual(decodedOf(both), [...expectedOf(a, 2), ...expectedOf(b, 2)]);
  const many = rounds(
    1000,
    70,
    (slot, step) => slot + step,
    () => 0,
  );
  let frames = 0;
  let mensajes = 0;
  decodeColumnas(encodeColumnas(many, numeroBySlot, 1, zstd3), zstd3, (frame) => {
    frames++;
    mensajes += frame.length;
    assert.ok(frame.length <= FRAME_MENSAJES_MAX);
  });
  assert.deepEqual([frames, mensajes], [2, 70_000]);
  assert.equal(encodeColumnas(rowsOf([], false), numeroBySlot, 1, zstd3).length, 0);
  assert.deepEqual(toJson(new Uint8Array(0), zstd3), []);
});

const isUnreadable = (error: unknown) =>
  error instanceof CoreCError && error.code === 'COREC_E_STATE_UNREADABLE' && error.details['id'] === 'swarm/3';

const samples = (() => {
  const random = noise(3);
  return [
    rounds(
      20,
      5,
      () => 50 + gauss(random),
      () => Math.floor(random() * 9) / 256,
    ),
    rounds(20, 8, () => Math.round(gauss(random) * 100) / 100, random),
    rounds(
      1,
      300,
      (_, step) => Math.fround(Math.sin(step % 30) * 1e5),
      () => 0,
    ),
    rounds(
      100,
      3,
      (slot, step) => Number((Math.round(60 * 8 + 20 * gauss(random)) / (8 + ((step + slot) & 1))).toPrecision(6)),
      () => 0,
    ),
    rowsOf([{ slot: 1, ts: 0.5, lectura: NaN, valor: 1, activo: 0 }], true),
    rounds(
      6,
      40,
      (slot) => [random(), Math.floor(random() * 9), Math.floor(random() * 99) / 10][slot % 3]!,
      () => 0,
    ),
  ].map((rows) => encodeColumnas(rows, numeroBySlot, 1, zstd3));
})();

test('a flipped byte or a cut is always an error that names whose bytes they are', () => {
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, place, flip) => {
      const damaged = bytes.slice();
      damaged[place % bytes.length]! ^= flip;
      const ignore = () => {};
      assert.throws(() => decodeColumnas(damaged, zstd3, ignore, 'swarm/3'), isUnreadable);
      const cut = bytes.subarray(0, 1 + (place % (bytes.length - 1)));
      assert.throws(() => decodeColumnas(cut, zstd3, ignore, 'swarm/3'), isUnreadable);
    }),
    { numRuns: 1000 },
  );
});

test('damage under a fitting checksum ends in an error or in mensajes, never in anything else', () => {
  let errors = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (bytes, edits) => {
        const damaged = bytes.slice();
        for (const [place, byte] of edits) damaged[10 + (place % (bytes.length - 10))] = byte;
        new DataView(damaged.buffer).setUint32(6, checksum(damaged, 10, damaged.length), true);
        try {
          decodeColumnas(damaged, zstd3, (frame) => assert.ok(frame.length <= FRAME_MENSAJES_MAX), 'swarm/3');
        } catch (error) {
          assert.ok(isUnreadable(error), String(error));
          errors++;
        }
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(errors > 500);
});

test('noise of any length is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      assert.throws(() => decodeMensajes('columnas+zstd3', bytes, zstd3, 'swarm/3'), isUnreadable);
      assert.throws(() => decodeMensajes('json+zstd3', bytes, zstd3, 'swarm/3'), isUnreadable);
    }),
  );
  assert.throws(() => decodeMensajes('protobuf', new Uint8Array(3), zstd3, 'swarm/3'), isUnreadable);
});

test('both codecs give every reader the same mensajes', () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x));
  const row = fc.record({
    slot: fc.nat(5),
    ts: fc.integer({ min: 0, max: 2e12 }),
    lectura: fc.oneof(finite, fc.constant(NaN)),
    valor: finite,
    activo: fc.nat(1),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 50 }), fc.boolean(), (list, withActivo) => {
      const rows = rowsOf(
        list.toSorted((a, b) => a.slot - b.slot),
        withActivo,
      );
      const columnas = encodePending('columnas+zstd3', rows, numeroBySlot, 3, zstd3);
      const json = encodePending('json+zstd3', rows, numeroBySlot, 3, zstd3);
      const twice = Buffer.concat([json, json]);
      const expected = decodeMensajes('columnas+zstd3', columnas, zstd3);
      assert.deepEqual(decodeMensajes('json+zstd3', json, zstd3), expected);
      assert.deepEqual(decodeMensajes('json+zstd3', twice, zstd3), [...expected, ...expected]);
    }),
  );
});

test('json+zstd3 is what any Zstandard tool reads, with short decimals', () => {
  const rows = rowsOf([{ slot: 0, ts: 5, lectura: 0.1, valor: 1 / 256, activo: 1 }], false);
  const text = zstdDecompressSync(encodePending('json+zstd3', rows, numeroBySlot, 4, zstd3)).toString();
  assert.equal(text, '[{"id":4294900000,"canal":4,"valor":0.00390625,"activo":true,"lectura":0.1,"ts":5}]\n');
});
