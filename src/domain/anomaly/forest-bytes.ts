/**
 * A forest as bytes, for the epoch, and back.
 *
 *   u8 version | u32 checksum of the rest | varint features, trees, sample | f64 limit | medians
 *   for each tree, its nodes from the root, each before its children, the left one first:
 *     varint feature + 1, float32 cut    or    varint 0, float32 what a row that ends here counts
 *
 * Only what was grown is kept, not the complete trees: a third of the bytes.
 *
 * O1 The forest comes back with every number as it was.
 * O2 Damaged bytes throw COREC_E_STATE_UNREADABLE; nothing is allocated for what they cannot hold.
 */
import { ByteReader, ByteWriter, checksum } from '../codec/bytes.ts';
import { FEATURES_MAX, type IsolationForest, SAMPLE_MAX, TREES_MAX } from './isolation-forest.ts';

const VERSION = 1;
const NODE_BYTES_MIN = 5;

export function encodeForest(forest: IsolationForest): Uint8Array {
  const { features, trees, sample, limit, medians, depth, feature, cut, leaf } = forest;
  const writer = new ByteWriter(trees * sample * 8);
  writer.u8(VERSION);
  writer.u32(0);
  writer.varint(features);
  writer.varint(trees);
  writer.varint(sample);
  writer.f64(limit);
  for (const median of medians) writer.f64(median);
  const cuts = 2 ** depth - 1;
  const write = (tree: number, node: number): void => {
    if (node < cuts && cut[tree * cuts + node] !== Infinity) {
      writer.varint(feature[tree * cuts + node]! + 1);
      writer.u32(bitsOf(cut[tree * cuts + node]!));
      write(tree, 2 * node + 1);
      write(tree, 2 * node + 2);
      return;
    }
    let end = node;
    while (end < cuts) end = 2 * end + 1;
    writer.varint(0);
    writer.u32(bitsOf(leaf[tree * (cuts + 1) + end - cuts]!));
  };
  for (let t = 0; t < trees; t++) write(t, 0);
  writer.patchU32(1, checksum(writer.bytes, 5, writer.length));
  return writer.toBytes();
}

/** `id`: whose forest it is, for the error. */
export function decodeForest(bytes: Uint8Array, id: string): IsolationForest {
  const reader = new ByteReader(bytes, id);
  const version = reader.u8();
  if (version !== VERSION) reader.fail(`a forest of format ${version}, known ${VERSION},`);
  if (reader.u32() !== checksum(bytes, 5, bytes.length)) reader.fail('a checksum that does not fit');
  const features = reader.varint(FEATURES_MAX);
  const trees = reader.varint(TREES_MAX);
  const sample = reader.varint(SAMPLE_MAX);
  if (features < 1 || trees < 1 || sample < 2 || trees * NODE_BYTES_MIN > bytes.length)
    reader.fail(`a forest of ${trees} trees over ${features} features and ${sample} rows`);
  const limit = reader.f64();
  const medians = Float32Array.from({ length: features }, () => reader.f64());
  const depth = Math.ceil(Math.log2(sample));
  const cuts = 2 ** depth - 1;
  const feature = new Uint16Array(trees * cuts);
  const cut = new Float32Array(trees * cuts).fill(Infinity);
  const leaf = new Float32Array(trees * (cuts + 1));
  const read = (tree: number, node: number): void => {
    const which = reader.varint(features);
    const value = floatOf(reader.u32());
    if (which === 0) {
      let end = node;
      while (end < cuts) end = 2 * end + 1;
      leaf[tree * (cuts + 1) + end - cuts] = value;
      return;
    }
    if (node >= cuts) reader.fail('a tree deeper than its sample');
    feature[tree * cuts + node] = which - 1;
    cut[tree * cuts + node] = value;
    read(tree, 2 * node + 1);
    read(tree, 2 * node + 2);
  };
  for (let t = 0; t < trees; t++) read(t, 0);
  reader.finish();
  return { features, trees, sample, limit, medians, depth, feature, cut, leaf };
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return bits[0]!;
}

function floatOf(value: number): number {
  bits[0] = value;
  return float[0]!;
}
