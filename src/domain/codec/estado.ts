/**
 * The state columns of one bloque as bytes (estado-format.ts says how they lie).
 *
 * Owns choosing how each column is kept. Leaves the cutting to planes.ts and the way back to estado-decode.ts.
 */
import type { NamedColumn } from '#domain/entidad/columns.ts';
import { ByteWriter, type BytesCompressor, checksum } from './bytes.ts';
import { type EstadoColumns, PLANE, TRANSFORM, TYPES, VERSION } from './estado-format.ts';
import * as planes from './planes.ts';

/** Values of a plane that are looked at; compressing pays when so few are different, or so many the commonest. */
const SAMPLE = 64;
const DISTINCT_MAX = 8;
/**
 * Fewer bytes than this are not worth the compressor's call: for the 1.5 to 3 kB of a usual bloque it takes a tenth of a millisecond,
 * a sixth of the whole epoch, to make the epoch 3 % smaller.
 */
const PACKED_MIN = 3072;
/** Bits of a float32 that are turned away to the right, so that the sign is the lowest. */
const SIGN_TURN = 1;

const head = new ByteWriter(4096);
const plain = new ByteWriter(65_536);
const packed = new ByteWriter(65_536);
const seenCounts = new Uint8Array(256);

const encoder = new TextEncoder();

const NOTHING = new Uint8Array(0);

const makeBytes = (length: number): Uint8Array => new Uint8Array(length);

/**
 * The columns as bytes of just their size, in memory that `take` gives, behind `prefix`: the caller's own bytes, which decodeEstado must
 * not be given.
 */
export function encodeEstado(
  estado: EstadoColumns,
  compressor: BytesCompressor,
  prefix: Uint8Array = NOTHING,
  take: (length: number) => Uint8Array = makeBytes,
): Uint8Array {
  const { used, columns } = estado;
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
    return assemble(prefix, packed.bytes.subarray(0, packed.length), take);
  }
  const compressed = compressor.compress(packed.bytes.subarray(0, packed.length));
  head.varint(packed.length);
  head.varint(compressed.length);
  return assemble(prefix, compressed, take);
}

function assemble(prefix: Uint8Array, tail: Uint8Array, take: (length: number) => Uint8Array): Uint8Array {
  const from = prefix.length;
  const out = take(from + head.length + plain.length + tail.length);
  out.set(prefix);
  out.set(head.bytes.subarray(0, head.length), from);
  out.set(plain.bytes.subarray(0, plain.length), from + head.length);
  out.set(tail, from + head.length + plain.length);
  new DataView(out.buffer, out.byteOffset).setUint32(from + 1, checksum(out, from + 5, out.length), true);
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

function writeColumn({ type, data }: NamedColumn, used: number): void {
  if (type === 'f32') writeFloats(data as Float32Array, used);
  else if (type === 'f64') writeDoubles(data as Float64Array, used);
  else if (type === 'u8') writeBytes(data as Uint8Array, used);
  else writeIntegers(data as Uint16Array | Uint32Array | Int32Array, used);
}

function writeFloats(data: Float32Array, used: number): void {
  planes.loadFloats(data, used);
  const exponents = planes.split(used, SIGN_TURN, 0);
  for (let p = 0; p < 3; p++) {
    if (!fewRule(planes.planeAt(used, p), used, 0xff)) continue;
    head.u8(TRANSFORM.turned);
    writeWords(used, planes.turnWords(used, SIGN_TURN));
    return;
  }
  for (let p = 0; p < 3; p++) append(plain, planes.planeAt(used, p), used);
  const least = exponents & 0xff;
  const width = 32 - Math.clz32((exponents >>> 8) - least);
  head.u8(TRANSFORM.measured);
  head.u8(least);
  head.u8(width);
  if (width > 0) writePlane(planes.planeAt(used, 3), used, least, 0, width);
}

/** Flags and small counts: most of these columns are one value throughout. */
function writeBytes(data: Uint8Array, used: number): void {
  planes.loadBytes(data, used);
  const range = planes.rangeOfBytes(used);
  const least = range & 0xff;
  const any = range >>> 8;
  if (any === 0) {
    writeLine(least, 0);
    return;
  }
  head.u8(TRANSFORM.integer);
  const { shift, width } = writeWidth(least, any);
  writePlane(0, used, least, shift, width);
}

function writeIntegers(data: Uint16Array | Uint32Array | Int32Array, used: number): void {
  planes.loadWords(data, used);
  const start = planes.wordAt(0);
  const step = used > 1 ? (planes.wordAt(1) - start) | 0 : 0;
  if (planes.isLine(used, start, step)) {
    writeLine(start, step);
    return;
  }
  head.u8(TRANSFORM.integer);
  if (data instanceof Int32Array) planes.flipSigns(used);
  writeWords(used, planes.turnWords(used, 0));
}

function writeDoubles(data: Float64Array, used: number): void {
  planes.loadDoubles(data, used);
  const least = planes.wholeLeast(used);
  if (!Number.isNaN(least)) {
    planes.narrow(used, least);
    head.u8(TRANSFORM.whole);
    head.f64(least);
    writeWords(used, 0);
    return;
  }
  head.u8(TRANSFORM.pair);
  for (const half of [0, 1] as const) {
    planes.loadHalves(data, used, half);
    writeWords(used, planes.turnWords(used, 0));
  }
}

function writeLine(first: number, step: number): void {
  head.u8(TRANSFORM.line);
  head.u32(first);
  head.u32(step);
}

/** Least, shift and width of words whose distances from the least have the bits `any`. */
function writeWidth(least: number, any: number): { readonly shift: number; readonly width: number } {
  const shift = any === 0 ? 0 : 31 - Math.clz32(any & -any);
  const width = 32 - Math.clz32(any >>> shift);
  head.u32(least);
  head.u8(shift);
  head.u8(width);
  return { shift, width };
}

/** Writes the loaded words; `least` is not above any of them. */
function writeWords(used: number, least: number): void {
  const { shift, width } = writeWidth(least, planes.distances(used, least));
  if (width === 0) return;
  planes.split(used, 0, shift);
  for (let at = 0; at < width; at += 8) {
    writePlane(planes.planeAt(used, at >> 3), used, 0, 0, Math.min(8, width - at));
  }
}

/** Says how the plane is kept and keeps it: distances from `least`, shifted right, of `width` bits. */
function writePlane(at: number, used: number, least: number, shift: number, width: number): void {
  const isPacked = fewRule(at, used, (1 << width) - 1);
  head.u8(isPacked ? PLANE.packed : PLANE.plain);
  const target = isPacked ? packed : plain;
  const bits = isPacked ? 8 : width;
  if (bits === 8 && least === 0 && shift === 0) append(target, at, used);
  else append(target, planes.BITS_AT, planes.pack(at, used, least, shift, bits));
}

function append(target: ByteWriter, from: number, length: number): void {
  target.append(planes.bytes.subarray(from, from + length));
}

/** Whether a sample of the plane shows few different values, or one that is most of them. */
function fewRule(at: number, used: number, mask: number): boolean {
  const { bytes } = planes;
  const step = Math.max(1, Math.floor(used / SAMPLE));
  const end = at + Math.min(used, step * SAMPLE);
  let seen = 0;
  let distinct = 0;
  let commonest = 0;
  for (let k = at; k < end; k += step, seen++) {
    const count = ++seenCounts[bytes[k]!]!;
    if (count === 1) distinct++;
    if (count > commonest) commonest = count;
  }
  for (let k = at; k < end; k += step) seenCounts[bytes[k]!] = 0;
  return mask === 0xff ? distinct <= DISTINCT_MAX || commonest * 4 >= seen * 3 : commonest * 8 >= seen * 7;
}
