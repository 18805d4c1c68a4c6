import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFrame,
  decodeMensaje,
  encodeFrame,
  encodeMensaje,
  inspectFrame,
  MENSAJE_BYTES,
  type MensajeColumns,
} from '#domain/codec/mensaje.ts';
import { CoreCError } from '#domain/errors.ts';

interface Vector {
  id: number;
  canal: number;
  valor: number;
  activo: boolean;
  hex: string;
}
const fixture = new URL('../../fixtures/codec-vectors.json', import.meta.url);
const vectors = (JSON.parse(readFileSync(fixture, 'utf8')) as { vectors: Vector[] }).vectors;

const columns = (n: number): MensajeColumns => ({
  numeros: new Uint32Array(n),
  canales: new Int8Array(n),
  valores: new Float32Array(n),
  activos: new Uint8Array(n),
});

/** `bytes` moved to an address that is `shift` past a multiple of 8. */
function shifted(bytes: Uint8Array, shift: number): Uint8Array {
  const moved = new Uint8Array(new ArrayBuffer(bytes.length + 8), shift, bytes.length);
  moved.set(bytes);
  return moved;
}

const refuses = (part: RegExp) => (error: unknown) =>
  error instanceof CoreCError && error.code === 'COREC_E_MENSAJE' && part.test(error.message);

test('every golden vector of struct.pack("!Ibf?") encodes to its bytes and decodes back', () => {
  assert.equal(vectors.length, 207);
  for (const { hex, ...mensaje } of vectors) {
    assert.equal(Buffer.from(encodeMensaje(mensaje)).toString('hex'), hex);
    const back = decodeMensaje(Buffer.from(hex, 'hex'));
    assert.equal(back.id, mensaje.id);
    assert.equal(back.canal, mensaje.canal);
    assert.ok(Object.is(back.valor, Math.fround(mensaje.valor)));
    assert.equal(back.activo, mensaje.activo);
  }
});

test('a frame of all golden vectors decodes to them at every alignment', () => {
  const frame = Buffer.from(vectors.map((v) => v.hex).join(''), 'hex');
  for (let shift = 0; shift < 8; shift++) {
    const got = columns(vectors.length);
    assert.equal(decodeFrame(shifted(frame, shift), got), vectors.length);
    for (const [k, v] of vectors.entries()) {
      assert.equal(got.numeros[k], v.id);
      assert.equal(got.canales[k], v.canal);
      assert.ok(Object.is(got.valores[k], Math.fround(v.valor)));
      assert.equal(got.activos[k], v.activo ? 1 : 0);
    }
  }
});

test('a frame equals its mensajes encoded one by one, for any range, address and canal', () => {
  const entidad = fc.record({
    id: fc.nat(0xffffffff),
    valor: fc.float({ noNaN: true, noDefaultInfinity: true }),
    activo: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(entidad, { maxLength: 40 }),
      fc.integer({ min: -128, max: 127 }),
      fc.nat(7),
      fc.nat(13),
      fc.nat(40),
      (entidades, canal, shift, at, skip) => {
        const n = entidades.length;
        const from = Math.min(skip, n);
        const numeros = Uint32Array.from(entidades, (e) => e.id);
        const valores = Float32Array.from(entidades, (e) => e.valor);
        const activos = Uint8Array.from(entidades, (e) => (e.activo ? 1 : 0));
        const expected = entidades.slice(from).flatMap((e) => [...encodeMensaje({ ...e, canal })]);
        const target = shifted(new Uint8Array(at + expected.length + 3).fill(0xee), shift);
        assert.equal(encodeFrame(numeros, canal, valores, activos, from, n, target, at), at + expected.length);
        assert.deepEqual([...target.subarray(at, at + expected.length)], expected);
        assert.ok(target.subarray(0, at).every((b) => b === 0xee));
        assert.ok(target.subarray(at + expected.length).every((b) => b === 0xee));
        const got = columns(n);
        assert.equal(decodeFrame(target.subarray(at, at + expected.length), got, canal), n - from);
        assert.deepEqual(got.numeros.subarray(0, n - from), numeros.subarray(from));
        assert.deepEqual(got.valores.subarray(0, n - from), valores.subarray(from));
        assert.deepEqual(got.activos.subarray(0, n - from), activos.subarray(from));
      },
    ),
  );
});

test('an invalid mensaje is named by index wherever it stands, with how many there are', () => {
  const n = 9;
  const good = new Uint8Array(n * MENSAJE_BYTES);
  encodeFrame(new Uint32Array(n), 3, new Float32Array(n).fill(1.5), new Uint8Array(n).fill(1), 0, n, good, 0);
  const faults: [string, RegExp, (frame: Uint8Array, at: number) => void][] = [
    ['activo', /activo 2/, (f, at) => (f[at + 9] = 2)],
    ['activo', /activo 255/, (f, at) => (f[at + 9] = 255)],
    ['NaN', /valor NaN/, (f, at) => f.set([0x7f, 0xc0, 0, 1], at + 5)],
    ['-Infinity', /valor -Infinity/, (f, at) => f.set([0xff, 0x80, 0, 0], at + 5)],
    ['canal', /canal -3/, (f, at) => (f[at + 4] = 0xfd)],
  ];
  for (const [, words, damage] of faults) {
    for (let shift = 0; shift < 4; shift++) {
      for (let k = 0; k < n; k++) {
        const frame = shifted(good, shift);
        damage(frame, k * MENSAJE_BYTES);
        damage(frame, (n - 1) * MENSAJE_BYTES);
        assert.throws(() => decodeFrame(frame, columns(n), 3), refuses(words));
        assert.throws(() => decodeFrame(frame, columns(n), 3), refuses(new RegExp(`mensaje ${k} has`)));
        const report = inspectFrame(frame, 3);
        assert.equal(report.first, k);
        assert.equal(report.invalid, k === n - 1 ? 1 : 2);
      }
    }
  }
  assert.deepEqual(inspectFrame(good, 3), { mensajes: n, invalid: 0, first: -1, found: '' });
});

test('the largest finite float32, denormals and minus zero are valid', () => {
  const valores = Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0);
  const frame = new Uint8Array(40);
  encodeFrame(new Uint32Array(4), 1, valores, new Uint8Array(4), 0, 4, frame, 0);
  const got = columns(4);
  decodeFrame(frame, got);
  for (let k = 0; k < 4; k++) assert.ok(Object.is(got.valores[k], valores[k]));
});

test('lengths that are no multiple of 10, short columns and fields out of range are refused', () => {
  assert.throws(() => decodeFrame(new Uint8Array(11), columns(2)), refuses(/11 bytes.*multiple of 10/));
  assert.throws(() => decodeMensaje(new Uint8Array(9)), refuses(/9 bytes/));
  assert.throws(() => decodeFrame(new Uint8Array(30), columns(2)), refuses(/3 mensajes/));
  const one = [new Uint32Array(1), 1, new Float32Array(1), new Uint8Array(1)] as const;
  assert.throws(() => encodeFrame(...one, 0, 1, new Uint8Array(9), 0), refuses(/target/));
  assert.throws(() => encodeFrame(...one, 0, 2, new Uint8Array(99), 0), refuses(/columns/));
  assert.throws(() => encodeMensaje({ id: -1, canal: 1, valor: 0, activo: true }), refuses(/id -1/));
  assert.throws(() => encodeMensaje({ id: 1, canal: 128, valor: 0, activo: true }), refuses(/canal 128/));
  assert.throws(() => encodeMensaje({ id: 1, canal: 1, valor: 1e39, activo: true }), refuses(/valor/));
  assert.equal(decodeFrame(new Uint8Array(0), columns(0)), 0);
});
