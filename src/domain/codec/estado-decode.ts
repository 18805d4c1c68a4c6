/** State columns back from the bytes that estado.ts wrote; estado-format.ts says how they lie, and D1 and D2. */
import type { Column, NamedColumn } from '#domain/entidad/columns.ts';
import type { ColumnType } from '#domain/procesadores/define.ts';
import { ByteReader, type BytesCompressor, checksum, decompressExactly } from './bytes.ts';
import {
  COLUMNS_MAX,
  type DecodedEstado,
  NAME_BYTES_MAX,
  PLANE,
  TRANSFORM,
  TYPES,
  USED_MAX,
  VERSION,
} from './estado-format.ts';
import { packedBytes } from './planes.ts';

const decoder = new TextDecoder();

/** Reads what encodeEstado wrote. `id`: whose bytes they are, for the error. */
export function decodeEstado(bytes: Uint8Array, compressor: BytesCompressor, id: string): DecodedEstado {
  const reader = new ByteReader(bytes, id);
  const format = reader.u8();
  if (format !== VERSION) reader.fail(`state of format ${format}, known ${VERSION},`);
  if (reader.u32() !== checksum(bytes, 5, bytes.length)) reader.fail('a checksum that does not fit');
  const version = reader.u8() | (reader.u8() << 8);
  const nombre = readName(reader);
  const used = reader.varint(USED_MAX);
  const count = reader.varint(COLUMNS_MAX);
  // The planes lie behind all heads: first find where.
  const headAt = reader.at;
  for (let c = 0; c < count; c++) skipColumn(reader, used);
  const plainBytes = reader.varint(bytes.length);
  const packedBytes = reader.varint(COLUMNS_MAX * 8 * USED_MAX);
  const compressedBytes = reader.varint(bytes.length);
  const plainFrom = reader.take(plainBytes);
  const plainReader = new ByteReader(bytes, id, plainFrom, plainFrom + plainBytes);
  const tail = reader.slice(compressedBytes === 0 ? packedBytes : compressedBytes);
  reader.finish();
  const unpacked = compressedBytes === 0 ? tail : decompressExactly(compressor, tail, packedBytes, id);
  const packedReader = new ByteReader(unpacked, id);
  const columns: NamedColumn[] = [];
  const heads = new ByteReader(bytes, id, headAt, reader.end);
  for (let c = 0; c < count; c++) columns.push(readColumn(heads, plainReader, packedReader, used));
  plainReader.finish();
  packedReader.finish();
  return { nombre, version, used, columns };
}

function readName(reader: ByteReader): string {
  return decoder.decode(reader.slice(reader.varint(NAME_BYTES_MAX)));
}

function skipColumn(reader: ByteReader, used: number): void {
  reader.take(reader.varint(NAME_BYTES_MAX));
  if (reader.u8() >= TYPES.length) reader.fail('a column of unknown type');
  if (used === 0) return;
  const transform = reader.u8();
  if (transform === TRANSFORM.line) {
    reader.take(8);
    return;
  }
  if (transform > TRANSFORM.measured) reader.fail(`transform ${transform}`);
  if (transform === TRANSFORM.measured) {
    reader.take(1);
    if (reader.u8() > 0) reader.take(1);
    return;
  }
  if (transform === TRANSFORM.whole) reader.take(8);
  for (let lists = transform === TRANSFORM.pair ? 2 : 1; lists > 0; lists--) {
    reader.take(5);
    const width = reader.u8();
    if (width > 32) reader.fail(`words of ${width} bits`);
    reader.take((width + 7) >> 3);
  }
}

function readColumn(heads: ByteReader, plainReader: ByteReader, packedReader: ByteReader, used: number): NamedColumn {
  const name = readName(heads);
  const type = TYPES[heads.u8()]!;
  const data = makeColumn(type, used);
  if (used === 0) return { name, type, data };
  const transform = heads.u8();
  const isFloat = transform === TRANSFORM.turned || transform === TRANSFORM.measured;
  const isDouble = transform === TRANSFORM.whole || transform === TRANSFORM.pair;
  if ((type === 'f32') !== isFloat || (type === 'f64') !== isDouble) {
    heads.fail(`column ${name} of type ${type} with transform ${transform}`);
  }
  switch (transform) {
    case TRANSFORM.turned: {
      const bits = new Uint32Array(data.buffer, 0, used);
      const least = readWords(heads, plainReader, packedReader, bits, used);
      for (let k = 0; k < used; k++) {
        const word = bits[k]! + least;
        bits[k] = (word >>> 1) | (word << 31);
      }
      break;
    }
    case TRANSFORM.measured:
      readMeasured(heads, plainReader, packedReader, new Uint32Array(data.buffer, 0, used), used);
      break;
    case TRANSFORM.line: {
      let value = heads.u32() | 0;
      const step = heads.u32() | 0;
      for (let k = 0; k < used; k++) {
        data[k] = value;
        value = (value + step) | 0;
      }
      break;
    }
    case TRANSFORM.integer: {
      const list = new Uint32Array(used);
      const least = readWords(heads, plainReader, packedReader, list, used);
      const flip = type === 'i32' ? 0x80000000 : 0;
      for (let k = 0; k < used; k++) data[k] = (list[k]! + least) ^ flip;
      break;
    }
    case TRANSFORM.whole: {
      const least = heads.f64();
      const list = new Uint32Array(used);
      readWords(heads, plainReader, packedReader, list, used);
      for (let k = 0; k < used; k++) data[k] = least + list[k]!;
      break;
    }
    default: {
      const low = new Uint32Array(used);
      const high = new Uint32Array(used);
      const leastLow = readWords(heads, plainReader, packedReader, low, used);
      const leastHigh = readWords(heads, plainReader, packedReader, high, used);
      const bits = new Uint32Array(data.buffer, 0, used * 2);
      for (let k = 0; k < used; k++) {
        bits[k * 2] = low[k]! + leastLow;
        bits[k * 2 + 1] = high[k]! + leastHigh;
      }
    }
  }
  return { name, type, data };
}

function readMeasured(
  heads: ByteReader,
  plainReader: ByteReader,
  packedReader: ByteReader,
  bits: Uint32Array,
  used: number,
): void {
  const first = plainReader.take(used * 3);
  const least = heads.u8();
  const width = heads.u8();
  if (width > 8) heads.fail(`exponents of ${width} bits`);
  if (width > 0) {
    const kind = heads.u8();
    if (kind > PLANE.packed) heads.fail(`a plane of kind ${kind}`);
    if (kind === PLANE.packed) readPlane(packedReader, bits, used, 0);
    else if (width === 8) readPlane(plainReader, bits, used, 0);
    else readBits(plainReader, bits, used, 0, width);
  }
  const second = first + used;
  const third = second + used;
  const { bytes } = plainReader;
  for (let k = 0; k < used; k++) {
    const low = bytes[first + k]!;
    // 7 bits and the sign, 8 bits, 8 bits, then the exponent.
    bits[k] =
      (low >>> 1) | (low << 31) | (bytes[second + k]! << 7) | (bytes[third + k]! << 15) | ((bits[k]! + least) << 23);
  }
}

/** Puts the distances that writeWords wrote together in target[0..used), which starts as zeros; returns the least. */
function readWords(
  heads: ByteReader,
  plainReader: ByteReader,
  packedReader: ByteReader,
  target: Uint32Array,
  used: number,
): number {
  const least = heads.u32();
  const shift = heads.u8();
  const width = heads.u8();
  if (shift + width > 32) heads.fail(`words of ${width} bits from bit ${shift}`);
  const kindsAt = heads.take((width + 7) >> 3);
  const kinds = heads.bytes;
  let at = 0;
  if (width >= 24 && (kinds[kindsAt]! | kinds[kindsAt + 1]! | kinds[kindsAt + 2]!) === PLANE.plain) {
    const first = plainReader.take(used * 3);
    const second = first + used;
    const third = second + used;
    const { bytes } = plainReader;
    for (let k = 0; k < used; k++) {
      target[k] = (bytes[first + k]! | (bytes[second + k]! << 8) | (bytes[third + k]! << 16)) << shift;
    }
    at = 24;
  }
  for (; at < width; at += 8) {
    const bits = Math.min(8, width - at);
    const kind = kinds[kindsAt + (at >> 3)]!;
    if (kind > PLANE.packed) heads.fail(`a plane of kind ${kind}`);
    if (kind === PLANE.packed) readPlane(packedReader, target, used, shift + at);
    else if (bits === 8) readPlane(plainReader, target, used, shift + at);
    else readBits(plainReader, target, used, shift + at, bits);
  }
  return least;
}

function readPlane(source: ByteReader, target: Uint32Array, used: number, from: number): void {
  const byte = source.take(used);
  const { bytes } = source;
  for (let k = 0; k < used; k++) target[k]! |= bytes[byte + k]! << from;
}

function readBits(source: ByteReader, target: Uint32Array, used: number, from: number, bits: number): void {
  const mask = (1 << bits) - 1;
  const { bytes } = source;
  let byte = source.take(packedBytes(used, bits));
  let acc = 0;
  let held = 0;
  for (let k = 0; k < used; k++) {
    if (held < bits) {
      acc |= bytes[byte++]! << held;
      held += 8;
    }
    target[k]! |= (acc & mask) << from;
    acc >>>= bits;
    held -= bits;
  }
}

function makeColumn(type: ColumnType, used: number): Column {
  switch (type) {
    case 'u8':
      return new Uint8Array(used);
    case 'u16':
      return new Uint16Array(used);
    case 'u32':
      return new Uint32Array(used);
    case 'i32':
      return new Int32Array(used);
    case 'f32':
      return new Float32Array(used);
    case 'f64':
      return new Float64Array(used);
  }
}
