/**
 * One column of float32 values in groups (one group a slot), as bytes and back, bit for bit.
 *
 * Owns the mapping of floats to integers whose neighbours are near each other, by trial. Leaves the integers to ints.ts.
 *
 *   u8 scale | u8 fold | by fold: a sorted list | the integers
 *   u8 SPLIT | varint classes | the class of each group | for each class: its groups as a column of the form above
 *
 * scale  0: the float's bits in the order of the floats; otherwise value x SCALES[scale], an integer
 * fold   none
 *        parts: the list holds the fractions that occur (mean speeds of 8 or 9 lanes: 16 of 10,000); the whole parts remain,
 *        and a second column of integers says which fraction each has
 *        rank: the list holds the values that occur; rank remains
 * SPLIT  groups of different kinds (a temperature of one decimal beside a counter beside a ratio) are columns of their own, each
 *        under the scale that all of its values keep: a bloque of many kinds takes half the bytes
 *
 * F1 A scale is taken only when every value divides back to its very bits: 0.1 as 1/10 does, minus zero and NaN never do.
 */
import { type ByteReader, ByteWriter, type BytesCompressor, growTo } from './bytes.ts';
import {
  type Choice,
  choosePredictor,
  decodeInts,
  encodeInts,
  type Groups,
  MEASURED,
  oneGroup,
  PREDICTOR,
  STEADY,
  type Predictor,
} from './ints.ts';

/** Decimals as people write them, then the steps of binary sensors and scores. Index 0 stands for "bits". */
const SCALES: readonly number[] = [0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 256, 65_536];
const LAST_DECIMAL = 7;
/** Above, float32 no longer tells integers apart. */
const SCALED_MAX = 2 ** 24;
const SPLIT = 255;
/** Groups shorter than this on average show too little of their kind: a value alone keeps some scale by chance. */
const SPLIT_LENGTH_MIN = 4;
const FOLD = { none: 0, parts: 1, rank: 2 } as const;
const FRACTIONS_MAX = 256;
const RANKED_MAX = 1024;
/** Which fraction a value has hardly follows from the one before. */
const RANKS: readonly Predictor[] = [PREDICTOR.level];

let base = new Int32Array(4096);
let folded = new Int32Array(4096);
let ranked = new Int32Array(4096);
let byRank = new Int32Array(4096);

function ensureScratch(n: number): void {
  if (base.length >= n) return;
  base = new Int32Array(growTo(n));
  folded = new Int32Array(growTo(n));
  ranked = new Int32Array(growTo(n));
  byRank = new Int32Array(growTo(n));
}

/** Float bits to integers in the order of the floats; its own inverse. */
const ordered = (bits: number): number => bits ^ ((bits >> 31) & 0x7fffffff);

/** A small set of integers that ends up sorted, with the rank of each. */
class RankSet {
  private readonly keys = new Int32Array(4096);
  private readonly ranks = new Int32Array(4096);
  private readonly stamps = new Int32Array(4096);
  private stamp = 0;
  readonly list = new Int32Array(RANKED_MAX);
  count = 0;

  clear(): void {
    this.stamp++;
    this.count = 0;
  }

  /** False when the set would exceed `limit`. */
  add(key: number, limit: number): boolean {
    const place = this.placeOf(key);
    if (this.stamps[place] === this.stamp) return true;
    if (this.count === limit) return false;
    this.keys[place] = key;
    this.stamps[place] = this.stamp;
    this.list[this.count++] = key;
    return true;
  }

  sort(): void {
    this.list.subarray(0, this.count).sort();
    for (let rank = 0; rank < this.count; rank++) this.ranks[this.placeOf(this.list[rank]!)] = rank;
  }

  rankOf(key: number): number {
    return this.ranks[this.placeOf(key)]!;
  }

  private placeOf(key: number): number {
    let place = Math.imul(key, 0x9e3779b1) >>> 20;
    while (this.stamps[place] === this.stamp && this.keys[place] !== key) place = (place + 1) & 4095;
    return place;
  }
}
const fractions = new RankSet();
const values = new RankSet();

/** Writes column[0..groups.length), at least one value. */
export function encodeFloats(column: Float32Array, groups: Groups, out: ByteWriter, compressor: BytesCompressor): void {
  const n = groups.length;
  ensureScratch(n);
  const bits = new Int32Array(column.buffer, column.byteOffset, n);
  if (isConstant(bits, n)) {
    base.fill(ordered(bits[0]!), 0, n);
    writeMapped(0, FOLD.none, null, base, groups, choosePredictor(base, groups, STEADY), null, out, compressor);
    return;
  }
  const scale = scaleColumn(column, bits, n);
  const from = out.length;
  encodeScaled(scale, bits, groups, out, compressor);
  if (scale !== 0 || groups.count === 1 || n < groups.count * SPLIT_LENGTH_MIN) return;
  const classes = classesOf(column, groups);
  if (classes === null) return;
  split.reset();
  encodeClasses(column, groups, classes, split, compressor);
  if (split.length >= out.length - from) return;
  out.truncate(from);
  out.append(split.bytes.subarray(0, split.length));
}

const split = new ByteWriter(16_384);

/** Some value is no integer under any scale (0), or all are under `scale`, and `base` holds them. */
function encodeScaled(
  scale: number,
  bits: Int32Array,
  groups: Groups,
  out: ByteWriter,
  compressor: BytesCompressor,
): void {
  const n = groups.length;
  if (scale === 0) for (let k = 0; k < n; k++) base[k] = ordered(bits[k]!);

  let best = choosePredictor(base, groups, MEASURED);
  let fold: number = FOLD.none;
  let codes = base;
  let list: RankSet | null = null;
  let second: Choice | null = null;
  // A list pays only when it leaves much less than it costs.
  if (scale > 1 && scale <= LAST_DECIMAL && foldFractions(n, SCALES[scale]!)) {
    const choice = choosePredictor(folded, groups, MEASURED);
    const which = choosePredictor(ranked, groups, RANKS);
    const bits = choice.bits + which.bits + listBits(fractions);
    if (bits < best.bits) {
      best = { ...choice, bits };
      second = which;
      fold = FOLD.parts;
      codes = folded;
      list = fractions;
    }
  }
  if (fold === FOLD.none && best.bits > 2 * n && foldRanks(n)) {
    const choice = choosePredictor(byRank, groups, MEASURED);
    const bits = choice.bits + listBits(values);
    if (bits < best.bits) {
      best = { ...choice, bits };
      fold = FOLD.rank;
      codes = byRank;
      list = values;
    }
  }
  writeMapped(scale, fold, list, codes, groups, best, second, out, compressor);
}

/** Reads groups.length values, at least one, into column[0..). */
export function decodeFloats(
  reader: ByteReader,
  groups: Groups,
  column: Float32Array,
  compressor: BytesCompressor,
): void {
  const scale = reader.u8();
  if (scale === SPLIT) decodeClasses(reader, groups, column, compressor);
  else decodeScaled(scale, reader, groups, column, compressor);
}

function decodeScaled(
  scale: number,
  reader: ByteReader,
  groups: Groups,
  column: Float32Array,
  compressor: BytesCompressor,
): void {
  const n = groups.length;
  ensureScratch(n);
  const fold = reader.u8();
  if (scale >= SCALES.length || fold > FOLD.rank) reader.fail(`scale ${scale}, fold ${fold}`);
  let list = new Int32Array(0);
  if (fold !== FOLD.none) {
    list = new Int32Array(reader.varint(fold === FOLD.parts ? FRACTIONS_MAX : RANKED_MAX));
    if (list.length === 0) reader.fail('an empty list');
    decodeInts(reader, oneGroup(list.length), list, compressor);
  }
  decodeInts(reader, groups, base, compressor);
  const unit = SCALES[scale]!;
  if (fold === FOLD.parts) {
    decodeInts(reader, groups, ranked, compressor);
    for (let k = 0; k < n; k++) {
      const rank = ranked[k]!;
      if (rank < 0 || rank >= list.length) reader.fail(`fraction ${rank} of ${list.length}`);
      base[k] = base[k]! * unit + list[rank]!;
    }
  } else if (fold === FOLD.rank) {
    for (let k = 0; k < n; k++) {
      const rank = base[k]!;
      if (rank < 0 || rank >= list.length) reader.fail(`rank ${rank} of ${list.length}`);
      base[k] = list[rank]!;
    }
  }
  if (scale === 0) {
    const bits = new Int32Array(column.buffer, column.byteOffset, n);
    for (let k = 0; k < n; k++) bits[k] = ordered(base[k]!);
  } else for (let k = 0; k < n; k++) column[k] = base[k]! / unit;
}

/** The scale of each group, numbered in the order in which scales first occur; null when all have the same. */
interface Classes {
  readonly ofGroup: Int32Array;
  readonly count: number;
}

function classesOf(column: Float32Array, groups: Groups): Classes | null {
  const ofGroup = new Int32Array(groups.count);
  const known: number[] = [];
  for (let g = 0; g < groups.count; g++) {
    const part = column.subarray(groups.starts[g], groups.starts[g + 1]);
    const scale = scaleColumn(part, new Int32Array(part.buffer, part.byteOffset, part.length), part.length);
    let index = known.indexOf(scale);
    if (index < 0) index = known.push(scale) - 1;
    ofGroup[g] = index;
  }
  return known.length === 1 ? null : { ofGroup, count: known.length };
}

/** The groups of class `index` as a column's. */
function groupsOf({ ofGroup }: Classes, index: number, groups: Groups): Groups {
  const starts: number[] = [0];
  for (let g = 0; g < groups.count; g++)
    if (ofGroup[g] === index) starts.push(starts.at(-1)! + groups.starts[g + 1]! - groups.starts[g]!);
  return { count: starts.length - 1, starts: Uint32Array.from(starts), length: starts.at(-1)! };
}

function encodeClasses(
  column: Float32Array,
  groups: Groups,
  classes: Classes,
  out: ByteWriter,
  compressor: BytesCompressor,
): void {
  const { ofGroup, count } = classes;
  out.u8(SPLIT);
  out.varint(count);
  const one = oneGroup(groups.count);
  encodeInts(ofGroup, one, choosePredictor(ofGroup, one, [...STEADY, PREDICTOR.level]), out, compressor);
  for (let index = 0; index < count; index++) {
    const own = groupsOf(classes, index, groups);
    const gathered = new Float32Array(own.length);
    let at = 0;
    for (let g = 0; g < groups.count; g++) {
      if (ofGroup[g] !== index) continue;
      gathered.set(column.subarray(groups.starts[g], groups.starts[g + 1]), at);
      at += groups.starts[g + 1]! - groups.starts[g]!;
    }
    const bits = new Int32Array(gathered.buffer);
    encodeScaled(scaleColumn(gathered, bits, own.length), bits, own, out, compressor);
  }
}

function decodeClasses(reader: ByteReader, groups: Groups, column: Float32Array, compressor: BytesCompressor): void {
  const count = reader.varint(SCALES.length);
  const ofGroup = new Int32Array(groups.count);
  decodeInts(reader, oneGroup(groups.count), ofGroup, compressor);
  for (let index = 0; index < count; index++) {
    const own = groupsOf({ ofGroup, count }, index, groups);
    if (own.count === 0) reader.fail(`no group of class ${index}`);
    const gathered = new Float32Array(own.length);
    decodeScaled(reader.u8(), reader, own, gathered, compressor);
    let at = 0;
    for (let g = 0; g < groups.count; g++) {
      if (ofGroup[g] !== index) continue;
      const length = groups.starts[g + 1]! - groups.starts[g]!;
      column.set(gathered.subarray(at, at + length), groups.starts[g]);
      at += length;
    }
  }
  if (ofGroup.some((index) => index < 0 || index >= count)) reader.fail('a group of no class');
}

function writeMapped(
  scale: number,
  fold: number,
  list: RankSet | null,
  codes: Int32Array,
  groups: Groups,
  choice: Choice,
  second: Choice | null,
  out: ByteWriter,
  compressor: BytesCompressor,
): void {
  out.u8(scale);
  out.u8(fold);
  if (list !== null) {
    const one = oneGroup(list.count);
    out.varint(list.count);
    encodeInts(list.list, one, choosePredictor(list.list, one, STEADY), out, compressor);
  }
  encodeInts(codes, groups, choice, out, compressor);
  if (second !== null) encodeInts(ranked, groups, second, out, compressor);
}

function isConstant(bits: Int32Array, n: number): boolean {
  const first = bits[0]!;
  for (let k = 1; k < n; k++) if (bits[k] !== first) return false;
  return true;
}

/** Fills `base` with value x scale for the first scale that keeps every bit (F1), and returns its index; 0 when none does. */
function scaleColumn(column: Float32Array, bits: Int32Array, n: number): number {
  return (
    scaleAmong(column, bits, n, 1, LAST_DECIMAL) || scaleAmong(column, bits, n, LAST_DECIMAL + 1, SCALES.length - 1)
  );
}

function scaleAmong(column: Float32Array, bits: Int32Array, n: number, first: number, last: number): number {
  let index = first;
  let unit = SCALES[index]!;
  let settled = 0;
  for (let k = 0; k < n; k++) {
    const value = column[k]!;
    let scaled = Math.floor(value * unit + 0.5);
    while (Math.fround(scaled / unit) !== value || (scaled === 0 && bits[k] !== 0)) {
      if (index === last) return 0;
      unit = SCALES[++index]!;
      scaled = Math.floor(value * unit + 0.5);
      settled = k;
    }
    if (!(scaled <= SCALED_MAX && scaled >= -SCALED_MAX)) return 0;
    base[k] = scaled;
  }
  // Values before the last change of scale were judged by a coarser one.
  for (let k = 0; k < settled; k++) {
    const scaled = Math.floor(column[k]! * unit + 0.5);
    if (Math.fround(scaled / unit) !== column[k]! || !(scaled <= SCALED_MAX && scaled >= -SCALED_MAX)) return 0;
    base[k] = scaled;
  }
  return index;
}

/** Fills `folded` (whole parts), `ranked` (which fraction) and `fractions` from `base`; false when so many fractions occur that nothing is gained. */
function foldFractions(n: number, unit: number): boolean {
  const limit = Math.min(FRACTIONS_MAX, n >> 2, unit >> 1);
  fractions.clear();
  for (let k = 0; k < n; k++) {
    const whole = Math.floor(base[k]! / unit);
    folded[k] = whole;
    ranked[k] = base[k]! - whole * unit;
    if (!fractions.add(ranked[k]!, limit)) return false;
  }
  fractions.sort();
  for (let k = 0; k < n; k++) ranked[k] = fractions.rankOf(ranked[k]!);
  return true;
}

/** Fills `byRank` and `values` from `base`; false when too many values occur. */
function foldRanks(n: number): boolean {
  const limit = Math.min(RANKED_MAX, n >> 2);
  values.clear();
  for (let k = 0; k < n; k++) if (!values.add(base[k]!, limit)) return false;
  values.sort();
  for (let k = 0; k < n; k++) byRank[k] = values.rankOf(base[k]!);
  return true;
}

function listBits(set: RankSet): number {
  return choosePredictor(set.list, oneGroup(set.count), STEADY).bits + 64;
}
