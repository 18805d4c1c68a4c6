/**
 * One column cut into byte planes and bit fields, sixteen values an instruction: the arithmetic of estado.ts.
 *
 * Owns the WebAssembly module (planes.wat) and its memory, which holds one column at a time. Leaves every format to its caller.
 * In plain loops over typed arrays the same work took three to four times as long, a third of a whole epoch.
 *
 * P1 Results are good until the next column is loaded; nobody else writes to the memory, and all of it is synchronous.
 * P2 A column has 1 to COLUMN_VALUES_MAX values. Bytes past the last value hold repetitions of it and mean nothing.
 */
import type { Column } from '#domain/entidad/columns.ts';
import { type KernelExports, makeKernel } from '../wasm.ts';
import { PLANES_WASM } from './planes.wasm.ts';

export const COLUMN_VALUES_MAX = 65_536;

/** Where planes.wat keeps what it makes. */
const PLANES_AT = 0x80000;
export const BITS_AT = 0xc0000;
const RESULT_AT = 0xd1000;

interface Exports extends KernelExports {
  turn32(n: number, turn: number): number;
  distance32(n: number, least: number): number;
  offLine32(n: number, first: number, step: number): number;
  split32(n: number, turn: number, shift: number, stride: number): number;
  range8(n: number): number;
  pack(from: number, n: number, least: number, shift: number, width: number, to: number): void;
  whole64(n: number): number;
  narrow64(n: number, least: number): void;
}

const wasm = makeKernel<Exports>(PLANES_WASM);

/** All of the memory: planes and bits are read here. */
export const bytes: Uint8Array = new Uint8Array(wasm.memory.buffer);
const asU32 = new Uint32Array(wasm.memory.buffer, 0, COLUMN_VALUES_MAX);
const asF32 = new Float32Array(wasm.memory.buffer, 0, COLUMN_VALUES_MAX);
const asF64 = new Float64Array(wasm.memory.buffer, 0, COLUMN_VALUES_MAX);
const result = new Float64Array(wasm.memory.buffer, RESULT_AT, 2);

const first = <T extends Column>(data: T, n: number): T => (data.length === n ? data : (data.subarray(0, n) as T));

/** Integers become uint32 words, by their lowest 32 bits. */
export function loadWords(data: Exclude<Column, Float32Array | Float64Array>, n: number): void {
  asU32.set(first(data, n));
}
export function loadBytes(data: Uint8Array, n: number): void {
  bytes.set(first(data, n));
}
/** Their bits as words. */
export function loadFloats(data: Float32Array, n: number): void {
  asF32.set(first(data, n));
}
export function loadDoubles(data: Float64Array, n: number): void {
  asF64.set(first(data, n));
}
/** One half of each double as words: 0 the low one, 1 the high one. */
export function loadHalves(data: Float64Array, n: number, half: 0 | 1): void {
  const bits = new Uint32Array(data.buffer, data.byteOffset, n * 2);
  for (let k = 0; k < n; k++) asU32[k] = bits[k * 2 + half]!;
}

/** The loaded word k, as int32. */
export const wordAt = (k: number): number => asU32[k]! | 0;

/** Turns the loaded words left by `turn` bits, in place; the least of them, as uint32. */
export const turnWords = (n: number, turn: number): number => wasm.turn32(n, turn) >>> 0;
/** Flips the sign bit of each, so that the order of int32 is that of the words. */
export function flipSigns(n: number): void {
  for (let k = 0; k < n; k++) asU32[k]! ^= 0x80000000;
}
/** Words become their distances from `least`, in place; all bits that occur in one. */
export const distances = (n: number, least: number): number => wasm.distance32(n, least);
export const isLine = (n: number, start: number, step: number): boolean => wasm.offLine32(n, start, step) === 0;

/** Bytes from one plane to the next. */
const strideOf = (n: number): number => (n + 15) & ~15;
/** Where plane `p` (0: the lowest byte) of the split words begins. */
export const planeAt = (n: number, p: number): number => PLANES_AT + p * strideOf(n);
/** Cuts the words, turned left and then shifted right, into four planes; least and highest byte of the topmost as least + 256 x highest. */
export const split = (n: number, turn: number, shift: number): number => wasm.split32(n, turn, shift, strideOf(n));

/** Of loaded bytes: the least, and 256 x all bits that occur in a distance from it. */
export const rangeOfBytes = (n: number): number => wasm.range8(n);

export const packedBytes = (n: number, width: number): number => (n * width + 7) >> 3;
/** n bytes from `from` on, as distances from `least` shifted right, each of 1 to 8 bits, to BITS_AT; how many bytes these are. */
export function pack(from: number, n: number, least: number, shift: number, width: number): number {
  wasm.pack(from, n, least, shift, width, BITS_AT);
  return packedBytes(n, width);
}

/** The least of the loaded doubles when they are whole numbers, none minus zero, less than 2^32 apart and below 2^52; else NaN. */
export function wholeLeast(n: number): number {
  if (wasm.whole64(n) === 0) return NaN;
  const [least, highest] = [result[0]!, result[1]!];
  return highest - least <= 0xffffffff && Math.abs(least) <= 2 ** 52 && Math.abs(highest) <= 2 ** 52 ? least : NaN;
}
/** Doubles become words, their distance from `least` (wholeLeast). */
export function narrow(n: number, least: number): void {
  wasm.narrow64(n, least);
}
