/**
 * The state columns of one bloque as bytes, and back: what an epoch stores, a thousand times a second or so at its busiest.
 *
 * Owns the format. Leaves which columns there are to the procesador, and carrying them over between versions to the caller,
 * who finds them here by name.
 *
 *   u8 version | u32 checksum of the rest | u16 procesador version | name | varint used | varint columns
 *   for each column: name | u8 type | u8 transform | what it needs | words
 *   words: u32 least | u8 shift | u8 width | u8 for each plane: how it is kept
 *   varint bytes of plain planes, these | varint bytes before compression | varint compressed bytes (0: not compressed), these
 *
 * A column becomes 32-bit words, their distance from the least, without the bits that are 0 in all: of a float32 turned left
 * by one bit that leaves the mantissa and two to four bits of exponent. What is left is cut into byte planes, the topmost of
 * fewer bits. Planes are kept plain: compressing the noise of mantissas costs the time and gives nothing. Only planes in which
 * a few values rule (flags, free slots, rare large counts) go through the compressor, all together.
 *
 * D1 Columns come back bit for bit, `used` values long, each in new memory; also from a SharedArrayBuffer.
 * D2 Damaged bytes throw COREC_E_STATE_UNREADABLE.
 */
import type { Column, NamedColumn } from '#domain/entidad/columns.ts';
import type { ColumnType } from '#domain/procesadores/define.ts';
import { ByteReader, ByteWriter, type BytesCompressor, checksum, decompressExactly, growTo } from './bytes.ts';

export interface EstadoColumns {
  /** The procesador's name and version, so that a reader knows whose columns these are. */
  readonly nombre: string;
  readonly version: number;
  readonly columns: readonly NamedColumn[];
  /** Values to keep of each column, from the first slot; every column has at least so many. */
  readonly used: number;
}

/** The same as it was given, each column `used` values long. */
export type DecodedEstado = EstadoColumns;

const VERSION = 1;
const USED_MAX = 65_536;
const COLUMNS_MAX = 1024;
const NAME_BYTES_MAX = 256;

const TYPES: readonly ColumnType[] = ['u8', 'u16', 'u32', 'i32', 'f32', 'f64'];
/**
 * turned: float32 bits turned left by one, so that the sign is the lowest; integer: the value; line: first value and step are
 * all there is; whole: f64 of whole numbers, from the least; pair: f64 as its two halves; measured: float32 whose mantissas
 * are noise, as turned but in one pass: mantissa and sign as three plain planes, the exponents from the least one.
 */
const TRANSFORM = { turned: 0, integer: 1, line: 2, whole: 3, pair: 4, measured: 5 } as const;
const PLANE = { plain: 0, packed: 1 } as const;

/** Values of a plane that are looked at; compressing pays when so few are different, or so many the commonest. */
const SAMPLE = 64;
const DISTINCT_MAX = 8;
/**
 * Fewer bytes than this are not worth the compressor's call: for the 1.5 kB of a usual bloque it took a tenth of a millisecond, a
 * sixth of the whole epoch, to make the epoch 3 % smaller.
 */
const PACKED_MIN = 2048;

let words = new Uint32Array(4096);
let highs = new Uint32Array(4096);
const head = new ByteWriter(4096);
const plain = new ByteWriter(65_536);
const packed = new ByteWriter(65_536);
const seenCounts = new Uint8Array(256);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const NOTHING = new Uint8Array(0);

/** The columns as new bytes of just their size, behind `prefix`: the caller's own bytes, which decodeEstado must not be given. */
export function encodeEstado(
  estado: EstadoColumns,
  compressor: BytesCompressor,
  prefix: Uint8Array = NOTHING,
): Uint8Array {
  const { used, columns } = estado;
  if (words.length < used) {
    words = new Uint32Array(growTo(used));
    highs = new Uint32Array(growTo(used));
  }
  head.reset();
  plain.reset();
  packed.reset();
  head.u8(VERSION);
  head.u32(0);
  head.u8(estado.version & 0xff);
  head.u8(estado.version >>> 8);
  writeName(estado.nombre);
  head.varint(used);
  head.varint(columns.length);
  for (const column of columns) {
    writeName(column.name);
    head.u8(TYPES.indexOf(column.type));
    if (used > 0) writeColumn(column, used);
  }
  head.varint(plain.length);
  if (packed.length < PACKED_MIN) {
    // Told by a compressed length of 0: too few to be worth a call.
    head.varint(packed.length);
    head.varint(0);
    return assemble(prefix, packed.bytes.subarray(0, packed.length));
  }
  const compressed = compressor.compress(packed.bytes.subarray(0, packed.length));
  head.varint(packed.length);
  head.varint(compressed.length);
  return assemble(prefix, compressed);
}

function assemble(prefix: Uint8Array, tail: Uint8Array): Uint8Array {
  const from = prefix.length;
  const out = new Uint8Array(from + head.length + plain.length + tail.length);
  out.set(prefix);
  out.set(head.bytes.subarray(0, head.length), from);
  out.set(plain.bytes.subarray(0, plain.length), from + head.length);
  out.set(tail, from + head.length + plain.length);
  new DataView(out.buffer).setUint32(from + 1, checksum(out, from + 5, out.length), true);
  return out;
}

/** Names of columns come again with every bloque; there are as many as procesadores have columns. */
const names = new Map<string, Uint8Array>();
const NAMES_MAX = 4096;

function bytesOfName(name: string): Uint8Array {
  let bytes = names.get(name);
  if (bytes === undefined) {
    bytes = encoder.encode(name);
    if (names.size >= NAMES_MAX) names.clear();
    names.set(name, bytes);
  }
  return bytes;
}

function writeName(name: string): void {
  const bytes = bytesOfName(name);
  head.varint(bytes.length);
  head.append(bytes);
}

function writeColumn(column: NamedColumn, used: number): void {
  const { data } = column;
  if (column.type === 'f32') {
    const bits = new Uint32Array(data.buffer, data.byteOffset, used);
    if (!fewRule(bits, used, 0, 0xff) && !fewRule(bits, used, 8, 0xff) && !fewRule(bits, used, 15, 0xff)) {
      writeMeasured(bits, used);
      return;
    }
    head.u8(TRANSFORM.turned);
    let least = 0xffffffff;
    for (let k = 0; k < used; k++) {
      const word = ((bits[k]! << 1) | (bits[k]! >>> 31)) >>> 0;
      words[k] = word;
      if (word < least) least = word;
    }
    writeWords(words, used, least);
  } else if (column.type === 'f64') writeDoubles(data as Float64Array, used);
  else writeIntegers(data as Exclude<Column, Float32Array | Float64Array>, used);
}

function writeMeasured(bits: Uint32Array, used: number): void {
  plain.ensure(used * 4);
  const { bytes, length } = plain;
  const second = length + used;
  const third = second + used;
  let least = 255;
  let highest = 0;
  for (let k = 0; k < used; k++) {
    const raw = bits[k]!;
    const exponent = (raw >>> 23) & 0xff;
    bytes[length + k] = (raw << 1) | (raw >>> 31);
    bytes[second + k] = raw >>> 7;
    bytes[third + k] = raw >>> 15;
    words[k] = exponent;
    if (exponent < least) least = exponent;
    if (exponent > highest) highest = exponent;
  }
  plain.length = third + used;
  const width = 32 - Math.clz32(highest - least);
  head.u8(TRANSFORM.measured);
  head.u8(least);
  head.u8(width);
  if (width === 0) return;
  for (let k = 0; k < used; k++) words[k]! -= least;
  const isPacked = fewRule(words, used, 0, (1 << width) - 1);
  head.u8(isPacked ? PLANE.packed : PLANE.plain);
  if (isPacked) writePlane(packed, words, used, 0, 0xff);
  else if (width === 8) writePlane(plain, words, used, 0, 0xff);
  else writeBits(words, used, 0, width);
}

function writeIntegers(data: Exclude<Column, Float32Array | Float64Array>, used: number): void {
  // one native conversion first: loops that saw four kinds of arrays took three times as long
  words.set(data.subarray(0, used));
  const first = words[0]! | 0;
  const step = used > 1 ? (words[1]! - first) | 0 : 0;
  let off = 0;
  for (let k = 0, expected = first; k < used; k++) {
    off |= words[k]! ^ expected;
    expected = (expected + step) | 0;
  }
  if (off === 0) {
    head.u8(TRANSFORM.line);
    head.u32(first);
    head.u32(step);
    return;
  }
  head.u8(TRANSFORM.integer);
  // Signed ones by a flipped sign, so that their order is that of the words.
  if (data instanceof Int32Array) for (let k = 0; k < used; k++) words[k]! ^= 0x80000000;
  writeWords(words, used, leastOf(words, used));
}

function writeDoubles(data: Float64Array, used: number): void {
  let least = Infinity;
  let highest = -Infinity;
  let whole = true;
  for (let k = 0; k < used; k++) {
    const value = data[k]!;
    // Minus zero, fractions, NaN and infinities are kept as they are.
    if (value !== Math.floor(value) || (value === 0 && 1 / value < 0)) whole = false;
    if (value < least) least = value;
    if (value > highest) highest = value;
  }
  if (whole && highest - least <= 0xffffffff && Math.abs(least) <= 2 ** 52 && Math.abs(highest) <= 2 ** 52) {
    head.u8(TRANSFORM.whole);
    head.f64(least);
    for (let k = 0; k < used; k++) words[k] = data[k]! - least;
    writeWords(words, used, 0);
    return;
  }
  head.u8(TRANSFORM.pair);
  const bits = new Uint32Array(data.buffer, data.byteOffset, used * 2);
  for (let k = 0; k < used; k++) {
    words[k] = bits[k * 2]!;
    highs[k] = bits[k * 2 + 1]!;
  }
  writeWords(words, used, leastOf(words, used));
  writeWords(highs, used, leastOf(highs, used));
}

function leastOf(list: Uint32Array, used: number): number {
  let least = 0xffffffff;
  for (let k = 0; k < used; k++) if (list[k]! < least) least = list[k]!;
  return least;
}

/** Writes list[0..used), which it changes; `least` is not above any of it. */
function writeWords(list: Uint32Array, used: number, least: number): void {
  let any = 0;
  for (let k = 0; k < used; k++) {
    const distance = (list[k]! - least) | 0;
    list[k] = distance;
    any |= distance;
  }
  const shift = any === 0 ? 0 : 31 - Math.clz32(any & -any);
  const width = 32 - Math.clz32(any >>> shift);
  head.u32(least);
  head.u8(shift);
  head.u8(width);
  const kindsAt = head.length;
  for (let at = 0; at < width; at += 8) {
    const mask = width - at >= 8 ? 0xff : (1 << (width - at)) - 1;
    head.u8(fewRule(list, used, shift + at, mask) ? PLANE.packed : PLANE.plain);
  }
  let at = 0;
  if (width >= 24 && (head.bytes[kindsAt]! | head.bytes[kindsAt + 1]! | head.bytes[kindsAt + 2]!) === PLANE.plain) {
    writeMantissa(list, used, shift);
    at = 24;
  }
  for (; at < width; at += 8) {
    const bits = Math.min(8, width - at);
    if (head.bytes[kindsAt + (at >> 3)] === PLANE.packed) writePlane(packed, list, used, shift + at, (1 << bits) - 1);
    else if (bits === 8) writePlane(plain, list, used, shift + at, 0xff);
    else writeBits(list, used, shift + at, bits);
  }
}

/** Three plain planes in one pass: what nearly every float32 column comes to. */
function writeMantissa(list: Uint32Array, used: number, shift: number): void {
  plain.ensure(used * 3);
  const { bytes, length } = plain;
  const second = length + used;
  const third = second + used;
  for (let k = 0; k < used; k++) {
    const word = list[k]! >>> shift;
    bytes[length + k] = word;
    bytes[second + k] = word >>> 8;
    bytes[third + k] = word >>> 16;
  }
  plain.length = third + used;
}

function writePlane(target: ByteWriter, list: Uint32Array, used: number, from: number, mask: number): void {
  target.ensure(used);
  const { bytes, length } = target;
  for (let k = 0; k < used; k++) bytes[length + k] = (list[k]! >>> from) & mask;
  target.length = length + used;
}

function writeBits(list: Uint32Array, used: number, from: number, bits: number): void {
  const mask = (1 << bits) - 1;
  const length = planeBytes(used, bits);
  plain.ensure(length);
  const { bytes } = plain;
  let byte = plain.length;
  plain.length = byte + length;
  let acc = 0;
  let held = 0;
  for (let k = 0; k < used; k++) {
    acc |= ((list[k]! >>> from) & mask) << held;
    held += bits;
    if (held >= 8) {
      bytes[byte++] = acc;
      acc >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) bytes[byte] = acc;
}

const planeBytes = (used: number, bits: number): number => (used * bits + 7) >> 3;

/** Whether a sample of the plane shows few different values, or one that is most of them. */
function fewRule(list: Uint32Array, used: number, from: number, mask: number): boolean {
  const step = Math.max(1, Math.floor(used / SAMPLE));
  let seen = 0;
  let distinct = 0;
  let commonest = 0;
  for (let k = 0; k < used && seen < SAMPLE; k += step, seen++) {
    const count = ++seenCounts[(list[k]! >>> from) & mask]!;
    if (count === 1) distinct++;
    if (count > commonest) commonest = count;
  }
  for (let k = 0, s = 0; s < seen; k += step, s++) seenCounts[(list[k]! >>> from) & mask] = 0;
  return mask === 0xff ? distinct <= DISTINCT_MAX || commonest * 4 >= seen * 3 : commonest * 8 >= seen * 7;
}

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
  let byte = source.take(planeBytes(used, bits));
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
