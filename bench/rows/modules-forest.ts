/**
 * The IsolationForest that bloques are judged by: growing one of 100 trees over 1,000 rows of 8 features (its limit and medians
 * included), and scoring 100,000 rows with it.
 *
 * Baselines: drawing the samples of the trees and finding each feature's range in them, which any forest must; the same trees walked row by
 * row in plain JavaScript.
 */
import { seededDice } from '#domain/anomaly/dice.ts';
import { fitForest, scoreForest, type IsolationForest } from '#domain/anomaly/isolation-forest.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { interleave } from '../lib/stats.ts';

export const FIT_LIMIT = atMost(10, 5);
export const SCORE_LIMIT = atMost(1000, 250);

const FEATURES = 8;
const FITTED = 1000;
const SCORED = 100_000;
const FIT_ROUNDS = 41;
const SCORE_ROUNDS = 9;
const WARM_UP = 5;
/** Scores of plain sums and of the kernel's differ by rounding alone. */
const SAME = 1e-6;

export function benchForest(): BenchRow[] {
  const fitted = cloud(FITTED, 1);
  const scored = cloud(SCORED, 2);
  let forest = fitForest(fitted, FEATURES, {}, seededDice(3));
  const fit = interleave(
    {
      ranges: { run: (round) => void ranges(forest, fitted, seededDice(round)) },
      fit: {
        run: (round) => {
          forest = fitForest(fitted, FEATURES, {}, seededDice(round));
        },
      },
    },
    FIT_ROUNDS,
    WARM_UP,
  );
  const scores = new Float64Array(SCORED);
  const plain = new Float64Array(SCORED);
  const score = interleave(
    {
      walk: { run: () => walk(forest, scored, plain) },
      score: { run: () => scoreForest(forest, scored, scores) },
    },
    SCORE_ROUNDS,
    2,
  );
  const same = scores.every(
    (one, k) => Math.abs(Math.log2(one) - Math.log2(scores[0]!) - (plain[k]! - plain[0]!)) < SAME,
  );
  return [
    makeRow('modules.forest-fit', 'ms', FIT_LIMIT, { value: fit.fit, baseline: fit.ranges }),
    makeRow('modules.forest-score', 'ms', SCORE_LIMIT, { value: score.score, baseline: score.walk, sound: same }),
  ];
}

function cloud(rows: number, seed: number): Float32Array {
  const dice = seededDice(seed);
  return Float32Array.from({ length: rows * FEATURES }, () => dice() + dice() + dice() - 1.5);
}

function ranges({ trees, sample }: IsolationForest, rows: Float32Array, dice: () => number): number {
  const n = rows.length / FEATURES;
  let sum = 0;
  for (let t = 0; t < trees; t++) {
    const least = new Float32Array(FEATURES).fill(Infinity);
    const most = new Float32Array(FEATURES).fill(-Infinity);
    for (let k = 0; k < sample; k++) {
      const at = Math.floor(dice() * n) * FEATURES;
      for (let f = 0; f < FEATURES; f++) {
        const x = rows[at + f]!;
        if (x < least[f]!) least[f] = x;
        if (x > most[f]!) most[f] = x;
      }
    }
    for (let f = 0; f < FEATURES; f++) sum += most[f]! - least[f]!;
  }
  return sum;
}

/** Logarithms of the scores, to the base 2 and but for a constant. */
function walk(
  { trees, depth, feature, cut, leaf, sample }: IsolationForest,
  rows: Float32Array,
  out: Float64Array,
): void {
  const cuts = 2 ** depth - 1;
  const mean = 2 * (Math.log(sample - 1) + 0.5772156649015329) - (2 * (sample - 1)) / sample;
  for (let k = 0; k < out.length; k++) {
    const at = k * FEATURES;
    let sum = 0;
    for (let t = 0; t < trees; t++) {
      let node = 0;
      while (node < cuts) node = 2 * node + 1 + (rows[at + feature[t * cuts + node]!]! > cut[t * cuts + node]! ? 1 : 0);
      sum += leaf[t * (cuts + 1) + node - cuts]!;
    }
    out[k] = -sum / (trees * mean);
  }
}
