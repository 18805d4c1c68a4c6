/**
 * IsolationForest: how quickly a row of figures is told apart from the others by random cuts.
 *
 * Owns growing the trees, scoring, and telling which feature is odd. Leaves what the features mean to its caller, and the forest as
 * bytes to forest-bytes.ts.
 *
 *   sample of a tree -> cut a random feature at a random place between its least and highest value -> and again in both halves,
 *   until a row stands alone, rows are equal, or the depth that an average tree of the sample would have is reached
 *   score = 2 ^ -(mean depth at which a row ends / mean depth of an unsuccessful search in a binary tree of the sample)
 *
 * Source: Liu, Ting, Zhou, "Isolation Forest" (2008) and "Isolation-based anomaly detection" (2012). As in scikit-learn, features that
 * are constant in a node are not cut there, and cut points are float32.
 *
 * I1 The same rows, options and dice give the same forest, on every machine.
 * I2 Every tree is complete to the same depth and lies in flat arrays, the children of node k at 2k + 1 and 2k + 2: a row takes the
 *    same number of steps through each, without a branch, and scoring allocates nothing for a row. Below a row that stands alone all cuts are
 *    infinite (it goes left), and the leaf it comes to holds the depth at which it was alone. (With stored children and an early end
 *    scoring took three times as long.)
 * I3 A row's score does not depend on which other rows are scored with it.
 * I4 A feature that is NaN in a row goes left, in growing and in scoring: it is no reason to be odd.
 */
import { CoreCError } from '../errors.ts';
import { DEPTH_MAX, descend, loadRows, rowsAtOnce, sumOf } from './forest-kernel.ts';

export interface ForestOptions {
  /** Number of trees, 1 to TREES_MAX. More give steadier scores. */
  readonly trees?: number;
  /** Rows that each tree sees, 2 to SAMPLE_MAX; at most all. */
  readonly sample?: number;
  /** Share of the fitted rows that count as odd, above 0 to 0.5; it sets `limit` only. */
  readonly contamination?: number;
}

export interface IsolationForest {
  readonly features: number;
  readonly trees: number;
  /** Rows that each tree was grown on. */
  readonly sample: number;
  /** A score above is odd: the quantile of the fitted rows' scores that `contamination` asks for. */
  readonly limit: number;
  /** Middle value of each feature among the rows fitted: what attribution puts in its place. */
  readonly medians: Float32Array;
  /** Cuts from the root to a leaf. */
  readonly depth: number;
  /** Of each cut, tree by tree, 2^depth - 1 in each: the feature, and the highest value that goes left. */
  readonly feature: Uint16Array;
  readonly cut: Float32Array;
  /** Of each leaf, tree by tree, 2^depth in each: the depth that a row counts which comes to it. */
  readonly leaf: Float32Array;
}

export const TREES_MAX = 1000;
export const SAMPLE_MAX: number = 2 ** DEPTH_MAX;
export const FEATURES_MAX = 1024;
const TREES = 100;
const SAMPLE = 256;
const CONTAMINATION = 0.01;
/** The share of rows fitted that is looked at for the limit, at most. */
const LIMIT_ROWS_MAX = 20_000;
const EULER = 0.5772156649015329;

/** Mean depth of an unsuccessful search in a binary search tree of n keys: what a leaf of n rows has still ahead of it. */
export function meanDepth(n: number): number {
  if (n <= 1) return 0;
  if (n === 2) return 1;
  return 2 * (Math.log(n - 1) + EULER) - (2 * (n - 1)) / n;
}

/**
 * Grows a forest on rows[0 .. rows.length / features), row by row. `roll` gives dice, 0 (possible) to 1 (never).
 *
 * @throws CoreCError COREC_E_ARGUMENT for options out of range, fewer than two rows, or rows that do not fit `features`.
 */
export function fitForest(
  rows: Float32Array,
  features: number,
  options: ForestOptions,
  roll: () => number,
): IsolationForest {
  const trees = whole('trees', options.trees ?? TREES, 1, TREES_MAX);
  whole('features', features, 1, FEATURES_MAX);
  const n = rows.length / features;
  if (!Number.isInteger(n) || n < 2) refuse(`${rows.length} values`, `two rows or more of ${features} features`);
  const sample = Math.min(n, whole('sample', options.sample ?? SAMPLE, 2, SAMPLE_MAX));
  const contamination = options.contamination ?? CONTAMINATION;
  if (!(contamination > 0 && contamination <= 0.5)) refuse(`contamination ${contamination}`, 'above 0, at most 0.5');

  const depth = Math.ceil(Math.log2(sample));
  const forest = {
    features,
    trees,
    sample,
    medians: mediansOf(rows, features, n),
    depth,
    feature: new Uint16Array(trees * (2 ** depth - 1)),
    cut: new Float32Array(trees * (2 ** depth - 1)).fill(Infinity),
    leaf: new Float32Array(trees * 2 ** depth),
    limit: 1,
  };
  const grower = new Grower(rows, n, forest, roll);
  for (let t = 0; t < trees; t++) grower.grow(t);
  return { ...forest, limit: limitOf(forest, rows, n, contamination) };
}

/** Scores, 0 (never alone) to 1 (alone at once), of rows[0 .. scores.length). About 0.5 is usual. */
export function scoreForest(forest: IsolationForest, rows: Float32Array, scores: Float64Array): void {
  const { features, trees, feature, cut, leaf, sample, depth } = forest;
  const step = rowsAtOnce(features);
  const leaves = 2 ** depth;
  const unit = -Math.LN2 / (trees * meanDepth(sample));
  for (let from = 0; from < scores.length; from += step) {
    const n = Math.min(step, scores.length - from);
    loadRows(rows, features, from, from + n);
    for (let t = 0; t < trees; t++) {
      const at = t * (leaves - 1);
      const to = at + leaves - 1;
      descend(
        n,
        features,
        depth,
        feature.subarray(at, to),
        cut.subarray(at, to),
        leaf.subarray(t * leaves, (t + 1) * leaves),
      );
    }
    for (let k = 0; k < n; k++) scores[from + k] = Math.exp(sumOf(k) * unit);
  }
}

/** By how much each feature makes the row odd: how far its score falls when that feature has its middle value instead; not below 0. */
export function attributeForest(forest: IsolationForest, row: Float32Array): Float64Array {
  const { features, medians } = forest;
  // Row 0 as it is, row f + 1 with feature f changed.
  const rows = new Float32Array((features + 1) * features);
  const scores = new Float64Array(features + 1);
  for (let k = 0; k <= features; k++) rows.set(row.length === features ? row : row.subarray(0, features), k * features);
  for (let f = 0; f < features; f++) rows[(f + 1) * features + f] = medians[f]!;
  scoreForest(forest, rows, scores);
  return scores.slice(1).map((changed) => Math.max(0, scores[0]! - changed));
}

/** Grows the trees of a forest, one after the other, into its arrays. */
class Grower {
  private readonly rows: Float32Array;
  private readonly forest: IsolationForest;
  private readonly roll: () => number;
  /** Numbers of all rows; those of a tree's sample come first. */
  private readonly order: Uint32Array;
  /** The sample's values, feature by feature, and its places in the order of the tree's leaves. */
  private readonly values: Float32Array;
  private readonly places: Uint16Array;
  private readonly candidates: Uint16Array;
  /** The values of the feature looked at, in the order of `places`. */
  private readonly column: Float32Array;
  private readonly meanDepths: Float64Array;
  /** Cuts of a tree. */
  private readonly cuts: number;

  constructor(rows: Float32Array, n: number, forest: IsolationForest, roll: () => number) {
    const { features, sample } = forest;
    this.rows = rows;
    this.forest = forest;
    this.roll = roll;
    this.order = Uint32Array.from({ length: n }, (_, k) => k);
    this.values = new Float32Array(features * sample);
    this.places = new Uint16Array(sample);
    this.candidates = Uint16Array.from({ length: features }, (_, f) => f);
    this.column = new Float32Array(sample);
    this.cuts = 2 ** forest.depth - 1;
    this.meanDepths = Float64Array.from({ length: sample + 1 }, (_, k) => meanDepth(k));
  }

  grow(tree: number): void {
    const { rows, forest, order, values, places, roll } = this;
    const { features, sample } = forest;
    for (let k = 0; k < sample; k++) {
      const other = k + Math.floor(roll() * (order.length - k));
      const row = order[other]!;
      order[other] = order[k]!;
      order[k] = row;
      places[k] = k;
      const base = row * features;
      for (let f = 0, at = k; f < features; f++, at += sample) values[at] = rows[base + f]!;
    }
    this.split(tree, 0, 0, sample, 0);
  }

  private split(tree: number, node: number, from: number, to: number, depth: number): void {
    const { forest, values, places, candidates, column } = this;
    const { sample } = forest;
    // Features that turn out constant here move behind `untried` and are not drawn again in this node.
    for (let untried = to - from > 1 && depth < forest.depth ? forest.features : 0; untried > 0; untried--) {
      const drawn = Math.floor(this.roll() * untried);
      const f = candidates[drawn]!;
      const base = f * sample;
      let least = Infinity;
      let highest = -Infinity;
      for (let k = from; k < to; k++) {
        const value = values[base + places[k]!]!;
        column[k] = value;
        if (value < least) least = value;
        if (value > highest) highest = value;
      }
      if (!(highest > least)) {
        candidates[drawn] = candidates[untried - 1]!;
        candidates[untried - 1] = f;
        continue;
      }
      let cut = Math.fround(least + this.roll() * (highest - least));
      // rounding, or a range beyond float32, must not leave one side empty
      if (!(cut < highest)) cut = least;
      let middle = from;
      for (let k = from; k < to; k++) {
        if (column[k]! > cut) continue;
        const place = places[k]!;
        places[k] = places[middle]!;
        places[middle++] = place;
      }
      const at = tree * this.cuts + node;
      forest.feature[at] = f;
      forest.cut[at] = cut;
      this.split(tree, 2 * node + 1, from, middle, depth + 1);
      this.split(tree, 2 * node + 2, middle, to, depth + 1);
      return;
    }
    this.end(tree, node, depth + this.meanDepths[to - from]!);
  }

  /** I2: whoever comes to `node` goes on to its leftmost leaf, and counts as `counted` deep. */
  private end(tree: number, node: number, counted: number): void {
    const { forest, cuts } = this;
    let at = node;
    while (at < cuts) at = 2 * at + 1;
    forest.leaf[tree * (cuts + 1) + at - cuts] = counted;
  }
}

function mediansOf(rows: Float32Array, features: number, n: number): Float32Array {
  const medians = new Float32Array(features);
  const step = Math.max(1, Math.floor(n / LIMIT_ROWS_MAX));
  const column = new Float32Array(Math.ceil(n / step));
  for (let f = 0; f < features; f++) {
    let seen = 0;
    for (let row = 0; row < n; row += step) {
      const value = rows[row * features + f]!;
      if (!Number.isNaN(value)) column[seen++] = value;
    }
    column.subarray(0, seen).sort();
    medians[f] = seen === 0 ? 0 : column[seen >> 1]!;
  }
  return medians;
}

function limitOf(forest: IsolationForest, rows: Float32Array, n: number, contamination: number): number {
  const step = Math.max(1, Math.ceil(n / LIMIT_ROWS_MAX));
  const { features } = forest;
  const seen = Math.ceil(n / step);
  const some = step === 1 ? rows : new Float32Array(seen * features);
  if (step > 1)
    for (let k = 0; k < seen; k++)
      some.set(rows.subarray(k * step * features, (k * step + 1) * features), k * features);
  const scores = new Float64Array(seen);
  scoreForest(forest, some, scores);
  scores.sort();
  return scores[Math.min(seen - 1, Math.floor(seen * (1 - contamination)))]!;
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(`${name} ${value}`, `a whole number ${least} to ${most}`);
}

function refuse(found: string, allowed: string): never {
  throw new CoreCError('COREC_E_ARGUMENT', { command: 'isolation_forest', found, allowed });
}
