import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeRandom } from '#adapters/system/random.ts';
import { fitForest, scoreForest } from '#domain/anomaly/isolation-forest.ts';
import { aucOf } from '#domain/evaluation/auc.ts';

const ODDS = new URL('../../../../shared/data/odds-dev/', import.meta.url);
const SEEDS = 10;

interface Reference {
  readonly sets: Readonly<Record<string, { readonly auc_mean: number; readonly auc_sd: number }>>;
}

test(
  'on labelled sets the forest is as good as the reference implementation',
  { skip: existsSync(ODDS) ? false : 'the development data is not beside the project' },
  () => {
    const { sets } = JSON.parse(readFileSync(new URL('sklearn_auc.json', ODDS), 'utf8')) as Reference;
    let meanDiff = 0;
    for (const [name, { auc_mean, auc_sd }] of Object.entries(sets)) {
      const table = readFileSync(new URL(`${name}.csv`, ODDS), 'utf8')
        .trim()
        .split('\n')
        .slice(1);
      const values = table.map((line) => line.split(',').map(Number));
      const features = values[0]!.length - 1;
      const rows = Float32Array.from(values.flatMap((row) => row.slice(0, features)));
      const isOdd = values.map((row) => row[features] === 1);
      let sum = 0;
      for (let seed = 0; seed < SEEDS; seed++) {
        const dice = makeRandom(seed);
        const scores = new Float64Array(values.length);
        scoreForest(
          fitForest(rows, features, {}, () => dice.next()),
          rows,
          scores,
        );
        sum += aucOf(scores, isOdd);
      }
      const diff = sum / SEEDS - auc_mean;
      assert.ok(Math.abs(diff) <= Math.max(0.003, 1.34 * auc_sd), `${name}: ${diff.toFixed(4)} from ${auc_mean}`);
      meanDiff += diff / Object.keys(sets).length;
    }
    assert.ok(Math.abs(meanDiff) <= 0.005, `mean off by ${meanDiff}`);
  },
);
