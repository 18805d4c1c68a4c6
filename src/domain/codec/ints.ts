/**
 * One column of 32-bit integers in groups (one group a slot), as bytes and back.
 *
 * Owns prediction and the choice of it. Leaves coding of residuals to entropy.ts, and what the integers mean to the caller.
 *
 *   u8 predictor | u8 form | varint base | of a line: varint step
 *   then by form: nothing (every residual is 0); the few residuals that are not 0, each after the gap before it; all residuals
 *   entropy coded; or compressed codes
 *
 * I1 Arithmetic is modulo 2^32 and equal on both sides, so that any int32 column comes back exactly.
 * I2 A column that repeats itself in long stretches (where prediction sees noise) is given to the compressor instead.
 */
import { type ByteReader, type ByteWriter, type BytesCompressor, decompressExactly, growTo } from './bytes.ts';
import { type BinKind, decodeResiduals, encodeResiduals, estimateBits, levelBins, OCTAVES } from './entropy.ts';

/** How a value is foretold from those before it. */
export const PREDICTOR = {
  /** From the least of the column: unordered small numbers. */
  least: 0,
  /** The value before; the first of a group from the first of the group before. */
  before: 1,
  /** The mean of the group's last values; the first of a group from the mean of firsts. */
  mean: 2,
  /** The value before plus the step before it; the step outlives the group: times, numbers, counters. */
  line: 3,
  /** Not at all; each value by how often it occurs: noise, ranks. */
  level: 4,
} as const;
export type Predictor = (typeof PREDICTOR)[keyof typeof PREDICTOR];

const FORM = { zero: 0, coded: 1, repeated: 2, sparse: 3 } as const;
/** More residuals than this, or more bytes, and they are entropy coded. */
const SPARSE_MAX = 8;
const SPARSE_BYTES_MAX = 24;

/** The candidates for times and numbers, and those for measured values. */
export const STEADY: readonly Predictor[] = [PREDICTOR.before, PREDICTOR.line, PREDICTOR.least];
export const MEASURED: readonly Predictor[] = [PREDICTOR.mean, PREDICTOR.before, PREDICTOR.least, PREDICTOR.level];

/** A choice among predictors is made on about this many values. */
const SAMPLE = 320;
/** Weight of the newest value in the mean of a group's last values, by how many there are. */
const MEAN_WEIGHTS: Float64Array = Float64Array.of(1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7, 1 / 8);
const FIRSTS_WEIGHT = 1 / 8;

let residuals = new Uint32Array(4096);
let packed = new Uint8Array(16_384);

/**
 * Where groups lie: group g is [starts[g], starts[g + 1]) of a column of `length`. A column of no groups is one group.
 */
export interface Groups {
  readonly count: number;
  readonly starts: Uint32Array;
  readonly length: number;
}

export function oneGroup(length: number): Groups {
  return { count: 1, starts: Uint32Array.of(0, length), length };
}

/** Groups of one value each: the usual case of an epoch in which every entidad was heard once. */
const areSingle = (groups: Groups): boolean => groups.count === groups.length;

/** The first groups, cut so that they hold about SAMPLE values. */
function sampleOf(groups: Groups): Groups {
  if (groups.length <= SAMPLE) return groups;
  if (areSingle(groups)) return { count: SAMPLE, starts: groups.starts, length: SAMPLE };
  let count = 1;
  while (groups.starts[count]! < SAMPLE) count++;
  const starts = groups.starts.slice(0, count + 1);
  starts[count] = Math.min(starts[count]!, SAMPLE);
  return { count, starts, length: starts[count]! };
}

export interface Choice {
  readonly predictor: Predictor;
  readonly bins: BinKind;
  /** Estimate for the whole column. */
  readonly bits: number;
}

/** The best predictor for codes[0..groups.length), judged on a sample; the range is that of the whole column. */
export function choosePredictor(codes: Int32Array, groups: Groups, candidates: readonly Predictor[]): Choice {
  const range = rangeOf(codes, groups.length);
  const sample = sampleOf(groups);
  const single = areSingle(groups);
  ensureResiduals(sample.length);
  let best: Choice = { predictor: candidates[0]!, bins: OCTAVES, bits: Infinity };
  // One value throughout: whoever foretells it from those before leaves nothing.
  if (range.width === 0) return { ...best, bits: 0 };
  for (const predictor of candidates) {
    // Among single values there is no step to go on with: it is the value before.
    if (single && predictor === PREDICTOR.line && candidates.includes(PREDICTOR.before)) continue;
    const fromLeast = predictor === PREDICTOR.least || predictor === PREDICTOR.level;
    predict(predictor, codes, sample, fromLeast ? range.least : codes[0]!, stepOf(codes, sample));
    let bins = predictor === PREDICTOR.level ? levelBins(range.width) : OCTAVES;
    let bits = estimateBits(residuals, sample.length, bins, groups.length);
    if (bits < best.bits) best = { predictor, bins, bits };
    // Half as many bins describe a smooth distribution as well, for half the table.
    while (best.predictor === PREDICTOR.level && range.width >>> bins >= 32 && bits === best.bits) {
      bits = estimateBits(residuals, sample.length, ++bins, groups.length);
      if (bits < best.bits) best = { predictor, bins, bits };
    }
  }
  return best;
}

/** The least code, and how far above it the highest is (uint32). */
function rangeOf(codes: Int32Array, n: number): { readonly least: number; readonly width: number } {
  let least = codes[0]!;
  let highest = least;
  for (let k = 1; k < n; k++) {
    const code = codes[k]!;
    if (code < least) least = code;
    if (code > highest) highest = code;
  }
  return { least, width: (highest - least) >>> 0 };
}

/** Writes codes[0..groups.length), at least one, as chosen for them. */
export function encodeInts(
  codes: Int32Array,
  groups: Groups,
  { predictor, bins }: Choice,
  out: ByteWriter,
  compressor: BytesCompressor,
): void {
  const n = groups.length;
  ensureResiduals(n);
  const fromLeast = predictor === PREDICTOR.least || predictor === PREDICTOR.level;
  const range = rangeOf(codes, n);
  const base = fromLeast ? range.least : codes[0]!;
  const step = stepOf(codes, groups);
  out.u8(predictor);
  const formAt = out.length;
  out.u8(FORM.zero);
  out.varint(base >>> 0);
  if (predictor === PREDICTOR.line) out.varint(zigzag(step) >>> 0);
  // One value throughout: nothing is left of it, whatever the predictor.
  if (range.width === 0 && step === 0) return;
  predict(predictor, codes, groups, base, step);
  let off = 0;
  for (let k = 0; k < n; k++) if (residuals[k] !== 0) off++;
  if (off === 0) return;
  if (off <= SPARSE_MAX && writeSparse(n, off, out)) {
    out.bytes[formAt] = FORM.sparse;
    return;
  }
  out.bytes[formAt] = FORM.coded;
  const from = out.length;
  encodeResiduals(residuals, n, bins, out);
  // Worth a look only where coding left much and the codes do come again (I2).
  if (out.length - from < 64 + n / 4 || !repeats(codes, n)) return;
  const width = packCodes(codes, n, range.least, range.width);
  const compressed = compressor.compress(packed.subarray(0, n * width));
  if (compressed.length + 8 >= out.length - from) return;
  out.bytes[formAt] = FORM.repeated;
  out.length = from;
  out.u8(width);
  out.u32(range.least);
  out.varint(compressed.length);
  out.append(compressed);
}

/** The step at the beginning of a line. */
function stepOf(codes: Int32Array, groups: Groups): number {
  return groups.starts[1]! > 1 ? (codes[1]! - codes[0]!) | 0 : 0;
}

/** False, with nothing written, when they take too many bytes. */
function writeSparse(n: number, off: number, out: ByteWriter): boolean {
  const from = out.length;
  out.varint(off);
  for (let k = 0, next = 0; k < n; k++) {
    if (residuals[k] === 0) continue;
    out.varint(k - next);
    out.varint(residuals[k]!);
    next = k + 1;
  }
  if (out.length - from <= SPARSE_BYTES_MAX) return true;
  out.length = from;
  return false;
}

function readSparse(reader: ByteReader, n: number): void {
  residuals.fill(0, 0, n);
  const off = reader.varint(SPARSE_MAX);
  for (let i = 0, next = 0; i < off; i++) {
    const k = next + reader.varint(n);
    if (k >= n) reader.fail('a residual past the end');
    residuals[k] = reader.varint(0xffffffff);
    next = k + 1;
  }
}

/** Reads groups.length codes, at least one, into codes[0..). */
export function decodeInts(reader: ByteReader, groups: Groups, codes: Int32Array, compressor: BytesCompressor): void {
  const n = groups.length;
  const predictor = reader.u8();
  const form = reader.u8();
  const base = reader.varint(0xffffffff) | 0;
  if (predictor > PREDICTOR.level || form > FORM.sparse) reader.fail(`predictor ${predictor}, form ${form}`);
  const step = predictor === PREDICTOR.line ? unzigzag(reader.varint(0xffffffff)) : 0;
  if (form === FORM.repeated) {
    const width = reader.u8();
    if (width !== 1 && width !== 2 && width !== 4) reader.fail(`codes of ${width} bytes`);
    const least = reader.u32() | 0;
    const compressed = reader.slice(reader.varint(reader.end - reader.at));
    unpackCodes(decompressExactly(compressor, compressed, n * width, reader.id), n, width, least, codes);
    return;
  }
  ensureResiduals(n);
  if (form === FORM.zero) residuals.fill(0, 0, n);
  else if (form === FORM.sparse) readSparse(reader, n);
  else decodeResiduals(reader, n, residuals);
  restore(predictor as Predictor, codes, groups, base, step);
}

function ensureResiduals(n: number): void {
  if (residuals.length < n) residuals = new Uint32Array(growTo(n));
}

/** Signed to unsigned with the small ones small: 0 -1 1 -2 2 ... to 0 1 2 3 4 ... */
const zigzag = (x: number): number => (x << 1) ^ (x >> 31);
const unzigzag = (u: number): number => (u >>> 1) ^ -(u & 1);

/** Fills residuals[0..groups.length). */
function predict(predictor: Predictor, codes: Int32Array, groups: Groups, base: number, firstStep: number): void {
  const { count, starts } = groups;
  if (areSingle(groups) && predictSingle(predictor, codes, count, base)) return;
  switch (predictor) {
    case PREDICTOR.least:
    case PREDICTOR.level:
      for (let k = 0; k < groups.length; k++) residuals[k] = codes[k]! - base;
      return;
    case PREDICTOR.before:
      for (let g = 0, first = base; g < count; g++) {
        let before = first;
        first = codes[starts[g]!]!;
        for (let k = starts[g]!, end = starts[g + 1]!; k < end; k++) {
          const code = codes[k]!;
          residuals[k] = zigzag((code - before) | 0);
          before = code;
        }
      }
      return;
    case PREDICTOR.line:
      for (let g = 0, first = base, step = firstStep; g < count; g++) {
        let before = first;
        let k = starts[g]!;
        const end = starts[g + 1]!;
        first = codes[k]!;
        residuals[k] = zigzag((first - before) | 0);
        before = first;
        for (k++; k < end; k++) {
          const code = codes[k]!;
          const move = (code - before) | 0;
          residuals[k] = zigzag((move - step) | 0);
          step = move;
          before = code;
        }
      }
      return;
    case PREDICTOR.mean:
      for (let g = 0, firsts = base; g < count; g++) {
        const start = starts[g]!;
        const end = starts[g + 1]!;
        let mean = codes[start]!;
        residuals[start] = zigzag((mean - Math.floor(firsts + 0.5)) | 0);
        firsts += (mean - firsts) * FIRSTS_WEIGHT;
        for (let k = start + 1; k < end; k++) {
          const code = codes[k]!;
          residuals[k] = zigzag((code - Math.floor(mean + 0.5)) | 0);
          const held = k - start;
          mean += (code - mean) * (held < 8 ? MEAN_WEIGHTS[held]! : 1 / 8);
        }
      }
      return;
  }
}

/** The same for groups of one value, in half the time. False: no shorter way is known. */
function predictSingle(predictor: Predictor, codes: Int32Array, n: number, base: number): boolean {
  if (predictor === PREDICTOR.before || predictor === PREDICTOR.line) {
    for (let k = 0, before = base; k < n; k++) {
      const code = codes[k]!;
      residuals[k] = zigzag((code - before) | 0);
      before = code;
    }
    return true;
  }
  if (predictor !== PREDICTOR.mean) return false;
  for (let k = 0, firsts = base; k < n; k++) {
    const code = codes[k]!;
    residuals[k] = zigzag((code - Math.floor(firsts + 0.5)) | 0);
    firsts += (code - firsts) * FIRSTS_WEIGHT;
  }
  return true;
}

/** The mirror of predict: fills codes from the residuals. */
function restore(predictor: Predictor, codes: Int32Array, groups: Groups, base: number, firstStep: number): void {
  const { count, starts } = groups;
  switch (predictor) {
    case PREDICTOR.least:
    case PREDICTOR.level:
      for (let k = 0; k < groups.length; k++) codes[k] = base + residuals[k]!;
      return;
    case PREDICTOR.before:
      for (let g = 0, first = base; g < count; g++) {
        let before = first;
        for (let k = starts[g]!, end = starts[g + 1]!; k < end; k++) {
          before = (before + unzigzag(residuals[k]!)) | 0;
          codes[k] = before;
        }
        first = codes[starts[g]!]!;
      }
      return;
    case PREDICTOR.line:
      for (let g = 0, first = base, step = firstStep; g < count; g++) {
        let k = starts[g]!;
        const end = starts[g + 1]!;
        first = (first + unzigzag(residuals[k]!)) | 0;
        codes[k] = first;
        let before = first;
        for (k++; k < end; k++) {
          step = (step + unzigzag(residuals[k]!)) | 0;
          before = (before + step) | 0;
          codes[k] = before;
        }
      }
      return;
    case PREDICTOR.mean:
      for (let g = 0, firsts = base; g < count; g++) {
        const start = starts[g]!;
        const end = starts[g + 1]!;
        let mean = (Math.floor(firsts + 0.5) + unzigzag(residuals[start]!)) | 0;
        codes[start] = mean;
        firsts += (mean - firsts) * FIRSTS_WEIGHT;
        for (let k = start + 1; k < end; k++) {
          const code = (Math.floor(mean + 0.5) + unzigzag(residuals[k]!)) | 0;
          codes[k] = code;
          const held = k - start;
          mean += (code - mean) * (held < 8 ? MEAN_WEIGHTS[held]! : 1 / 8);
        }
      }
      return;
  }
}

const lastSeen = new Int32Array(1024);

/** Whether most values stand where the same value, with the same one before and after, has stood already. */
function repeats(codes: Int32Array, n: number): boolean {
  lastSeen.fill(0);
  let again = 0;
  for (let k = 1; k < n - 1; k++) {
    const place = (Math.imul(codes[k]! ^ Math.imul(codes[k - 1]!, 0x2c1b3c6d), 0x297a2d39) >>> 22) & 1023;
    const other = lastSeen[place]!;
    lastSeen[place] = k;
    if (other === 0) continue;
    if (codes[other] === codes[k] && codes[other - 1] === codes[k - 1] && codes[other + 1] === codes[k + 1]) again++;
  }
  return again * 2 > n;
}

/** Codes as unsigned distances from the least in as few whole bytes as hold them all; returns how many. */
function packCodes(codes: Int32Array, n: number, least: number, range: number): number {
  const width = range < 0x100 ? 1 : range < 0x10000 ? 2 : 4;
  if (packed.length < n * width) packed = new Uint8Array(growTo(n * width));
  for (let k = 0, at = 0; k < n; k++) {
    const distance = (codes[k]! - least) | 0;
    for (let byte = 0; byte < width; byte++) packed[at++] = distance >>> (byte * 8);
  }
  return width;
}

function unpackCodes(raw: Uint8Array, n: number, width: number, least: number, codes: Int32Array): void {
  for (let k = 0, at = 0; k < n; k++) {
    let distance = 0;
    for (let byte = 0; byte < width; byte++) distance |= raw[at++]! << (byte * 8);
    codes[k] = least + distance;
  }
}
