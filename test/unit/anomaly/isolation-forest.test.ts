import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeRandom } from '#adapters/system/random.ts';
import { decodeForest, encodeForest } from '#domain/anomaly/forest-bytes.ts';
import {
  attributeForest,
  fitForest,
  type ForestOptions,
  type IsolationForest,
  meanDepth,
  scoreForest,
} from '#domain/anomaly/isolation-forest.ts';
import { checksum } from '#domain/codec/bytes.ts';

const grow = (rows: readonly (readonly number[])[], options: ForestOptions = {}, seed = 1): IsolationForest => {
  const dice = makeRandom(seed);
  return fitForest(Float32Array.from(rows.flat()), rows[0]!.length, options, () => dice.next());
};
const score = (forest: IsolationForest, rows: readonly (readonly number[])[]): number[] => {
  const scores = new Float64Array(rows.length);
  scoreForest(forest, Float32Array.from(rows.flat()), scores);
  return [...scores];
};
/** A cloud around 0 of `features` dimensions. */
const cloud = (n: number, features: number, seed = 7): number[][] => {
  const dice = makeRandom(seed);
  return Array.from({ length: n }, () => Array.from({ length: features }, () => dice.next() + dice.next() - 1));
};
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const tables = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 40 })).chain(([features, n]) =>
  fc.array(fc.array(fc.oneof(finite, fc.constantFrom(0, 1, NaN)), { minLength: features, maxLength: features }), {
    minLength: n,
    maxLength: n,
  }),
);

test('what lies apart is alone sooner than what lies in the cloud', () => {
  const rows = cloud(1000, 3);
  const forest = grow(rows);
  const [inside, apart] = score(forest, [
    [0, 0, 0],
    [5, -5, 5],
  ]);
  assert.ok(apart! > 0.7 && inside! < 0.5, `${inside} ${apart}`);
});

test('the limit leaves the share of rows above it that contamination says', () => {
  const rows = cloud(2000, 2);
  for (const contamination of [0.01, 0.1, 0.5]) {
    const forest = grow(rows, { contamination });
    const above = score(forest, rows).filter((value) => value > forest.limit).length / rows.length;
    assert.ok(Math.abs(above - contamination) < 0.01, `${above} of ${contamination}`);
  }
});

test('the odd feature is the one that attribution names', () => {
  const rows = cloud(1000, 5);
  const forest = grow(rows);
  for (let odd = 0; odd < 5; odd++) {
    const row = new Float32Array(5);
    row[odd] = 6;
    const shares = attributeForest(forest, row);
    assert.equal(shares.indexOf(Math.max(...shares)), odd, String(shares));
    assert.ok(
      shares.every((share, f) => f === odd || share < shares[odd]! / 4),
      String(shares),
    );
  }
});

test('the same dice give the same forest, others another one', () => {
  const rows = cloud(300, 3);
  assert.deepEqual(grow(rows, {}, 5), grow(rows, {}, 5));
  assert.notDeepEqual(grow(rows, {}, 5).cut, grow(rows, {}, 6).cut);
});

test("a row's score is its own, whoever is scored beside it, and always between 0 and 1", () => {
  fc.assert(
    fc.property(tables, (rows) => {
      const forest = grow(rows, { trees: 10 });
      const together = score(forest, rows);
      assert.deepEqual(
        rows.flatMap((row) => score(forest, [row])),
        together,
      );
      for (const value of together) assert.ok(value > 0 && value <= 1, `${value}`);
    }),
    { numRuns: 60 },
  );
});

test('many rows score as one by one, over the border of what is loaded at once', () => {
  const rows = cloud(5000, 2);
  const forest = grow(rows, { trees: 5 });
  const together = score(forest, rows);
  for (const k of [0, 4095, 4096, 4097, 4999]) assert.deepEqual(score(forest, [rows[k]!]), [together[k]]);
});

test('rows that are all equal, constant features and missing values make no trouble', () => {
  const same = grow([
    [1, 2],
    [1, 2],
    [1, 2],
  ]);
  assert.deepEqual(
    new Set(
      score(same, [
        [1, 2],
        [9, 9],
      ]),
    ).size,
    1,
  );
  const holes = grow(cloud(200, 2).map(([x], k) => [x!, k % 3 === 0 ? NaN : 4]));
  assert.ok(score(holes, [[NaN, NaN]])[0]! < 0.9);
});

test('options out of range are refused with what is allowed', () => {
  const rows = cloud(10, 2);
  for (const options of [{ trees: 0 }, { trees: 1.5 }, { sample: 1 }, { contamination: 0 }, { contamination: 0.6 }])
    assert.throws(() => grow(rows, options), { code: 'COREC_E_ARGUMENT' });
  assert.throws(() => grow([[1, 2]]), { code: 'COREC_E_ARGUMENT' });
  assert.throws(() => fitForest(new Float32Array(5), 2, {}, Math.random), { code: 'COREC_E_ARGUMENT' });
});

test('the mean depth of a search is that of the source', () => {
  assert.deepEqual([0, 1, 2].map(meanDepth), [0, 0, 1]);
  assert.ok(Math.abs(meanDepth(256) - 10.2448) < 1e-3, String(meanDepth(256)));
});

test('a forest comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(tables, fc.integer({ min: 2, max: 40 }), (rows, sample) => {
      const forest = grow(rows, { trees: 7, sample });
      const back = decodeForest(encodeForest(forest), 'b/0');
      assert.deepEqual(score(back, rows), score(forest, rows));
      assert.deepEqual(
        [back.limit, back.medians, back.cut, back.leaf],
        [forest.limit, forest.medians, forest.cut, forest.leaf],
      );
    }),
    { numRuns: 60 },
  );
});

test('a damaged forest is an error that names whose it is, also under a fitting checksum', () => {
  const bytes = encodeForest(grow(cloud(50, 2), { trees: 3, sample: 16 }));
  const isNamed = { code: 'COREC_E_STATE_UNREADABLE', message: /b\/0/ };
  for (let at = 0; at < bytes.length; at++) {
    const broken = bytes.slice();
    broken[at]! ^= 0x55;
    assert.throws(() => decodeForest(broken, 'b/0'), isNamed);
    new DataView(broken.buffer).setUint32(1, checksum(broken, 5, broken.length), true);
    try {
      decodeForest(broken, 'b/0');
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'COREC_E_STATE_UNREADABLE');
    }
  }
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => decodeForest(bytes.subarray(0, length), 'b/0'), isNamed);
});
