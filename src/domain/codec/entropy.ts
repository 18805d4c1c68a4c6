/**
 * Entropy coding of a column of unsigned 32-bit residuals, most of them small.
 *
 * Owns the bins, their frequency table and the coder. Leaves prediction (what makes residuals small) to ints.ts.
 *
 * Two kinds of bins. OCTAVES, for residuals that are mostly small: below 16 each its own, above a bin is the highest three bits.
 * Level bins, for values that follow no prediction: up to 128 bins of one width. The bits under a bin are stored as they are:
 * within a bin any smooth distribution is nearly flat, so little is lost. Bins go through a range coder of the ANS family
 * (two interleaved states, renewed 16 bits at a time), which comes within about 1 % of the entropy where a byte-wise
 * compressor pays whole bytes for the noise of a sensor. Source: Duda, "Asymmetric numeral systems" (2013); bins after the
 * "bins and offsets" of the pco format.
 *
 *   u8 kind of bins (shift of level bins, or OCTAVES) | u8 table bits | the frequency table | varint bytes of stored bits, these | varint words of the coder, these, its two states
 *
 * E1 Decoding damaged bytes ends within the column's length and throws: the states must end where they began.
 */
import { type ByteReader, type ByteWriter, growTo } from './bytes.ts';

const DIRECT = 16;
/** 16 direct bins, four to each octave from 2^4 to 2^31. */
const BINS: number = DIRECT + 28 * 4;
const TABLE_BITS_MIN = 5;
const TABLE_BITS_MAX = 12;
const STATE_MIN = 1 << 15;
/** What a used bin costs in the table: 4 bits of length, half of them nearly free, and the frequency itself. */
const TABLE_BITS_PER_BIN = 8;

/** A kind of bins: OCTAVES, or by how many bits level bins are shifted (0 to LEVEL_SHIFT_MAX). */
export type BinKind = number;
export const OCTAVES: BinKind = 255;
const LEVEL_SHIFT_MAX = 28;

/** Level bins that hold every residual up to `highest`. */
export function levelBins(highest: number): BinKind {
  return Math.max(0, 25 - Math.clz32(highest));
}

/** The octave bin of a residual (any uint32, also given as int32). */
function binOf(u: number): number {
  if (u >>> 4 === 0) return u;
  const octave = 31 - Math.clz32(u);
  return DIRECT + ((octave - 4) << 2) + ((u >>> (octave - 2)) & 3);
}

/** Bits that are stored under each bin. */
const BIN_BITS: Uint8Array = Uint8Array.from({ length: BINS }, (_, bin) =>
  bin < DIRECT ? 0 : ((bin - DIRECT) >> 2) + 2,
);
/** The smallest residual of each bin. */
const BIN_BASE: Uint32Array = Uint32Array.from({ length: BINS }, (_, bin) =>
  bin < DIRECT ? bin : ((4 | ((bin - DIRECT) & 3)) << BIN_BITS[bin]!) >>> 0,
);

/** Logarithms of the counts that a sample can have. */
const LOG2: Float64Array = Float64Array.from({ length: 512 }, (_, count) => Math.log2(count));
const log2 = (count: number): number => (count < LOG2.length ? LOG2[count]! : Math.log2(count));

// Scratch, without meaning between calls. Encoding and decoding are synchronous and call nobody.
const counts = new Uint32Array(BINS);
const frequencies = new Uint32Array(BINS);
const starts = new Uint32Array(BINS);
const inverses = new Float64Array(BINS);
const binOfPlace = new Uint8Array(1 << TABLE_BITS_MAX);
let bins = new Uint8Array(4096);
let bitWords = new Int32Array(4096);
let coderWords = new Uint16Array(4096);

/**
 * Bits that coding `whole` residuals would take, of which residuals[0..n) are a sample, table included; near enough to
 * choose by.
 */
export function estimateBits(residuals: Uint32Array, n: number, kind: BinKind, whole: number): number {
  counts.fill(0);
  let bits = 0;
  if (kind === OCTAVES) {
    for (let k = 0; k < n; k++) {
      const bin = binOf(residuals[k]! | 0);
      counts[bin]!++;
      bits += BIN_BITS[bin]!;
    }
  } else {
    for (let k = 0; k < n; k++) counts[residuals[k]! >>> kind]!++;
    bits = n * kind;
  }
  const log2n = log2(n);
  let used = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const count = counts[bin]!;
    if (count === 0) continue;
    bits += count * (log2n - log2(count));
    used++;
  }
  // A sample of n over so many bins looks less mixed than it is, by about this (Miller and Madow, 1955).
  bits += (used - 1) / (2 * Math.LN2);
  return (bits * whole) / n + used * TABLE_BITS_PER_BIN;
}

/** Writes residuals[0..n), n >= 1. */
export function encodeResiduals(residuals: Uint32Array, n: number, kind: BinKind, out: ByteWriter): void {
  if (bins.length < n) bins = new Uint8Array(growTo(n));
  if (bitWords.length < n + 2) bitWords = new Int32Array(growTo(n + 2));
  // A bin costs at most TABLE_BITS_MAX bits, so n symbols renew the states at most n times.
  if (coderWords.length < n + 2) coderWords = new Uint16Array(growTo(n + 2));

  counts.fill(0);
  let words = 0;
  let held = 0;
  let acc = 0;
  for (let k = 0; k < n; k++) {
    const u = residuals[k]! | 0;
    const bin = kind === OCTAVES ? binOf(u) : u >>> kind;
    bins[k] = bin;
    counts[bin]!++;
    const bits = kind === OCTAVES ? BIN_BITS[bin]! : kind;
    if (bits === 0) continue;
    const low = u & ((1 << bits) - 1);
    acc |= low << held;
    held += bits;
    if (held >= 32) {
      bitWords[words++] = acc;
      held -= 32;
      acc = low >>> (bits - held);
    }
  }
  bitWords[words] = acc;
  const bitBytes = words * 4 + ((held + 7) >> 3);

  out.u8(kind);
  const tableBits = scaleFrequencies(n);
  writeTable(tableBits, out);
  out.varint(bitBytes);
  out.append(new Uint8Array(bitWords.buffer, 0, bitBytes));

  let used = 0;
  let lastBin = -1;
  for (let bin = 0; bin < BINS; bin++) {
    if (frequencies[bin] === 0) continue;
    used++;
    lastBin = bin;
    inverses[bin] = 1 / frequencies[bin]!;
  }
  // One bin alone carries no information.
  if (used === 1 && lastBin >= 0) return;

  let at = 0;
  let even = STATE_MIN;
  let odd = STATE_MIN;
  const limitShift = 31 - tableBits;
  // The decoder reads forward, so the coder runs backward.
  let k = n - 1;
  if ((n & 1) === 1) {
    const bin = bins[k]!;
    const frequency = frequencies[bin]!;
    if (even >= frequency << limitShift) {
      coderWords[at++] = even;
      even >>>= 16;
    }
    const quotient = ((even + 0.5) * inverses[bin]!) | 0;
    even = (quotient << tableBits) + (even - Math.imul(quotient, frequency)) + starts[bin]!;
    k--;
  }
  for (; k > 0; k -= 2) {
    const binOdd = bins[k]!;
    const frequencyOdd = frequencies[binOdd]!;
    if (odd >= frequencyOdd << limitShift) {
      coderWords[at++] = odd;
      odd >>>= 16;
    }
    // (x + 0.5) / f is at least 0.5 / f from an integer: the product's rounding cannot cross one.
    const quotientOdd = ((odd + 0.5) * inverses[binOdd]!) | 0;
    odd = (quotientOdd << tableBits) + (odd - Math.imul(quotientOdd, frequencyOdd)) + starts[binOdd]!;
    const binEven = bins[k - 1]!;
    const frequencyEven = frequencies[binEven]!;
    if (even >= frequencyEven << limitShift) {
      coderWords[at++] = even;
      even >>>= 16;
    }
    const quotientEven = ((even + 0.5) * inverses[binEven]!) | 0;
    even = (quotientEven << tableBits) + (even - Math.imul(quotientEven, frequencyEven)) + starts[binEven]!;
  }
  out.varint(at);
  out.u32(even);
  out.u32(odd);
  out.ensure(at * 2);
  const { bytes } = out;
  let byte = out.length;
  for (let i = at - 1; i >= 0; i--) {
    const word = coderWords[i]!;
    bytes[byte] = word;
    bytes[byte + 1] = word >>> 8;
    byte += 2;
  }
  out.length = byte;
}

/** Reads n residuals, n >= 1, into residuals[0..n). */
export function decodeResiduals(reader: ByteReader, n: number, residuals: Uint32Array): void {
  const kind = reader.u8();
  if (kind > LEVEL_SHIFT_MAX && kind !== OCTAVES) reader.fail(`bins of kind ${kind}`);
  const tableBits = readTable(reader);
  const bitBytes = reader.varint(n * 4);
  const bitFrom = reader.take(bitBytes);
  const bitView = new DataView(reader.bytes.buffer, reader.bytes.byteOffset + bitFrom, bitBytes);
  if (bins.length < n) bins = new Uint8Array(growTo(n));
  decodeBins(reader, n, tableBits);

  let bit = 0;
  const bitEnd = bitBytes * 8;
  for (let k = 0; k < n; k++) {
    const bin = bins[k]!;
    const width = kind === OCTAVES ? BIN_BITS[bin]! : kind;
    if (width === 0) {
      residuals[k] = bin;
      continue;
    }
    if (bit + width > bitEnd) reader.fail('stored bits cut short');
    residuals[k] = (kind === OCTAVES ? BIN_BASE[bin]! : bin << kind) + readBits(bitView, bit, width);
    bit += width;
  }
  if (bitEnd - bit >= 8) reader.fail('stored bits left over');
}

function readBits(view: DataView, bit: number, width: number): number {
  const byte = bit >>> 3;
  const shift = bit & 7;
  if (byte + 4 <= view.byteLength) {
    const low = view.getUint32(byte, true) >>> shift;
    const value = shift + width > 32 ? low | (view.getUint8(byte + 4) << (32 - shift)) : low;
    return value & ((1 << width) - 1);
  }
  let value = 0;
  for (let i = byte, place = -shift; i < view.byteLength; i++, place += 8) {
    const part = view.getUint8(i);
    value |= place < 0 ? part >>> -place : part << place;
  }
  return value & ((1 << width) - 1);
}

function decodeBins(reader: ByteReader, n: number, tableBits: number): void {
  const size = 1 << tableBits;
  const first = binOfPlace[0]!;
  if (frequencies[first] === size) {
    bins.fill(first, 0, n);
    return;
  }
  const words = reader.varint(n + 2);
  let even = reader.u32() | 0;
  let odd = reader.u32() | 0;
  const from = reader.take(words * 2);
  if (even < STATE_MIN || odd < STATE_MIN) reader.fail('a coder state out of range');
  const { bytes } = reader;
  const end = from + words * 2;
  const mask = size - 1;
  let at = from;
  for (let k = 0; k < n; k++) {
    const state = (k & 1) === 0 ? even : odd;
    const place = state & mask;
    const bin = binOfPlace[place]!;
    bins[k] = bin;
    let next = Math.imul(frequencies[bin]!, state >>> tableBits) + place - starts[bin]!;
    if (next < STATE_MIN) {
      if (at >= end) reader.fail('coder words cut short');
      next = (next << 16) | bytes[at]! | (bytes[at + 1]! << 8);
      at += 2;
    }
    if ((k & 1) === 0) even = next;
    else odd = next;
  }
  if (even !== STATE_MIN || odd !== STATE_MIN || at !== end) reader.fail('a coder that does not end where it began');
}

/** Counts to frequencies that sum to 2^tableBits, none of a present bin 0; also fills `starts`. Returns tableBits. */
function scaleFrequencies(n: number): number {
  let used = 0;
  let largest = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const count = counts[bin]!;
    if (count === 0) continue;
    used++;
    if (count > counts[largest]!) largest = bin;
  }
  const wished = 32 - Math.clz32(Math.max(n - 1, used * 2));
  const tableBits = Math.min(TABLE_BITS_MAX, Math.max(TABLE_BITS_MIN, wished));
  const size = 1 << tableBits;
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const count = counts[bin]!;
    const frequency = count === 0 ? 0 : Math.max(1, Math.round((count * size) / n));
    frequencies[bin] = frequency;
    sum += frequency;
  }
  // Rounding is off by at most one a bin; the largest bins feel it least.
  let spare = size - sum;
  if (spare > 0) frequencies[largest]! += spare;
  while (spare < 0) {
    let widest = 0;
    for (let bin = 1; bin < BINS; bin++) if (frequencies[bin]! > frequencies[widest]!) widest = bin;
    const cut = Math.min(-spare, Math.max(1, frequencies[widest]! >> 3));
    frequencies[widest]! -= cut;
    spare += cut;
  }
  fillStarts();
  return tableBits;
}

function fillStarts(): void {
  let start = 0;
  for (let bin = 0; bin < BINS; bin++) {
    starts[bin] = start;
    start += frequencies[bin]!;
  }
}

/** From the first used bin to the last: 4 bits say how long a frequency is (0: unused), then its bits below the highest. */
function writeTable(tableBits: number, out: ByteWriter): void {
  let first = 0;
  while (frequencies[first] === 0) first++;
  let last = BINS - 1;
  while (frequencies[last] === 0) last--;
  out.u8(tableBits);
  out.u8(first);
  out.u8(last);
  let acc = 0;
  let held = 0;
  for (let bin = first; bin <= last; bin++) {
    const frequency = frequencies[bin]!;
    const width = 32 - Math.clz32(frequency);
    acc |= width << held;
    held += 4;
    if (width > 1) {
      acc |= (frequency - (1 << (width - 1))) << held;
      held += width - 1;
    }
    for (; held >= 8; held -= 8) {
      out.u8(acc & 0xff);
      acc >>>= 8;
    }
  }
  if (held > 0) out.u8(acc & 0xff);
}

function readTable(reader: ByteReader): number {
  const tableBits = reader.u8();
  const first = reader.u8();
  const last = reader.u8();
  if (tableBits < TABLE_BITS_MIN || tableBits > TABLE_BITS_MAX || first > last || last >= BINS) {
    reader.fail(`a table of ${tableBits} bits over bins ${first} to ${last}`);
  }
  frequencies.fill(0);
  const size = 1 << tableBits;
  let acc = 0;
  let held = 0;
  let place = 0;
  for (let bin = first; bin <= last; bin++) {
    while (held < 4) {
      acc |= reader.u8() << held;
      held += 8;
    }
    const width = acc & 15;
    acc >>>= 4;
    held -= 4;
    if (width === 0) continue;
    while (held < width - 1) {
      acc |= reader.u8() << held;
      held += 8;
    }
    const top = 1 << (width - 1);
    const frequency = top | (acc & (top - 1));
    acc >>>= width - 1;
    held -= width - 1;
    if (place + frequency > size) reader.fail('frequencies over their sum');
    frequencies[bin] = frequency;
    binOfPlace.fill(bin, place, place + frequency);
    place += frequency;
  }
  if (place !== size) reader.fail('frequencies under their sum');
  fillStarts();
  return tableBits;
}
