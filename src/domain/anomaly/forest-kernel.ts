/**
 * Rows through the trees of a forest: the hot part of scoring.
 *
 * Owns the WebAssembly module (forest.wat) and where trees and rows lie in its memory. Loops over typed arrays took two to three times as
 * long: the compiler makes a branch of the comparison, which half of the time goes the other way than foretold.
 */
import { type KernelExports, makeKernel } from '../wasm.ts';
import { FOREST_WASM } from './forest.wasm.ts';

interface Exports extends KernelExports {
  descend(
    rows: number,
    n: number,
    stride: number,
    depth: number,
    features: number,
    cuts: number,
    leaves: number,
    to: number,
  ): void;
}

/** Trees are at most so deep: 4,096 leaves. */
export const DEPTH_MAX = 12;
const NODES_MAX = 2 ** DEPTH_MAX;
const ROWS_MAX = 4096;
const VALUES_MAX = 1024 * 1024;

const CUTS_AT = NODES_MAX * 4;
const LEAVES_AT = CUTS_AT + NODES_MAX * 4;
const DEPTHS_AT = LEAVES_AT + NODES_MAX * 4;
const ROWS_AT = DEPTHS_AT + ROWS_MAX * 8;

const kernel = makeKernel<Exports>(FOREST_WASM);
const { buffer } = kernel.memory;
const features = new Uint32Array(buffer, 0, NODES_MAX);
const cuts = new Float32Array(buffer, CUTS_AT, NODES_MAX);
const leaves = new Float32Array(buffer, LEAVES_AT, NODES_MAX);
const depths = new Float64Array(buffer, DEPTHS_AT, ROWS_MAX);
const values = new Float32Array(buffer, ROWS_AT, VALUES_MAX);

/** Rows that can be loaded together. */
export function rowsAtOnce(featuresCount: number): number {
  return Math.min(ROWS_MAX, Math.floor(VALUES_MAX / featuresCount) & ~3);
}

/** Loads rows[from..to) and begins their sums anew. */
export function loadRows(rows: Float32Array, featuresCount: number, from: number, to: number): void {
  values.set(rows.subarray(from * featuresCount, to * featuresCount));
  depths.fill(0, 0, (to - from + 3) & ~3);
}

/** Adds to each loaded row's sum what it counts in one tree: `depth` steps, the tree's cuts and leaves as in IsolationForest. */
export function descend(
  n: number,
  featuresCount: number,
  depth: number,
  treeFeature: Uint16Array,
  treeCut: Float32Array,
  treeLeaf: Float32Array,
): void {
  features.set(treeFeature);
  cuts.set(treeCut);
  leaves.set(treeLeaf);
  // Behind the last row lie older ones: up to three of them are carried along and not looked at.
  kernel.descend(
    ROWS_AT,
    (n + 3) & ~3,
    featuresCount * 4,
    depth,
    0,
    CUTS_AT,
    LEAVES_AT - treeCut.length * 4,
    DEPTHS_AT,
  );
}

/** Sum of the loaded row k. */
export const sumOf = (k: number): number => depths[k]!;
