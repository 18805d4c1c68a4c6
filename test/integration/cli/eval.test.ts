import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EvalNabResult } from '#app/eval/nab.ts';
import type { EvalOddsResult } from '#app/eval/odds.ts';
import { seededDice } from '#domain/anomaly/dice.ts';
import { corec } from './cli.ts';

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'corec-eval-test-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const time = (k: number): string =>
  new Date(Date.UTC(2014, 3, 1) + k * 300_000).toISOString().slice(0, 19).replace('T', ' ');

/** A wave of five minutes a row that jumps at `jump`; the row after `twice` bears its time once more, and row `bad` is no number. */
function series(rows: number, jump: number, twice: number, bad: number): string {
  const dice = seededDice(rows);
  const lines = Array.from({ length: rows }, (_, k) => {
    const value = 50 + 5 * Math.sin((k * 2 * Math.PI) / 288) + dice() + (k === jump ? 60 : 0);
    return `${time(k === twice + 1 ? twice : k)},${k === bad ? 'lost' : value.toFixed(3)}`;
  });
  return `timestamp,value\n${lines.join('\n')}\n`;
}

const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => /^corec-eval-[^t]/.test(name));

test('eval nab: each row of each series gets the score that the store has of it, and the labels give the score of NAB', async (t) => {
  const home = folder(t);
  const name = 'artificial/jump.csv';
  write(join(home, 'data', name), series(3000, 2400, 700, 900));
  write(join(home, 'data/artificial/calm.csv'), series(800, -1, 300, -1));
  write(
    join(home, 'labels/combined_windows.json'),
    JSON.stringify({ [name]: [[`${time(2380)}.000000`, `${time(2500)}.000000`]], 'artificial/calm.csv': [] }),
  );
  const before = temporary();
  const ran = await corec(['eval', 'nab', home, '--out', join(home, 'out'), '--json']);
  assert.equal(ran.code, 0, ran.stderr);
  const result = JSON.parse(ran.stdout) as EvalNabResult;
  assert.deepEqual(
    result.files.map(({ file, rows, refused, alerts }) => [file, rows, refused, alerts]),
    [
      ['artificial/calm.csv', 800, 0, 0],
      [name, 3000, 1, 1],
    ],
  );
  const { found, windows, falseAlarms, standard } = result.score!;
  assert.deepEqual([found, windows, falseAlarms], [1, 1, 0]);
  assert.ok(standard > 80, String(standard));
  const lines = readFileSync(join(home, 'out', name), 'utf8')
    .trimEnd()
    .split('\n');
  const source = readFileSync(join(home, 'data', name), 'utf8')
    .trimEnd()
    .split('\n');
  assert.equal(lines[0], 'timestamp,value,anomaly_score');
  lines.forEach((line, k) => assert.ok(line.startsWith(source[k]!), `row ${k}: ${line}`));
  const scores = lines.slice(1).map((line) => Number(line.split(',')[2]));
  assert.deepEqual(
    [...scores.keys()].filter((k) => scores[k]! >= 0.5),
    [2400],
  );
  assert.deepEqual(temporary(), before, 'nothing is left behind');
});

test('eval odds: every set with its area under the curve, beside a reference where one is known', async (t) => {
  const home = folder(t);
  const dice = seededDice(5);
  const rows = Array.from({ length: 400 }, (_, k) => {
    const away = k % 40 === 0 ? 6 : 0;
    return `${(dice() + away).toFixed(4)},${dice().toFixed(4)},${away > 0 ? 1 : 0}`;
  });
  write(join(home, 'clear.csv'), `x0,x1,label\n${rows.join('\n')}\n`);
  write(join(home, 'sklearn_auc.json'), JSON.stringify({ sets: { clear: { auc_mean: 1, auc_sd: 0 } } }));
  const ran = await corec(['eval', 'odds', home, '--json']);
  assert.equal(ran.code, 0, ran.stderr);
  const { sets, auc, reference } = JSON.parse(ran.stdout) as EvalOddsResult;
  assert.deepEqual(
    sets.map(({ set, rows: count, features, odd }) => [set, count, features, odd]),
    [['clear', 400, 2, 10]],
  );
  assert.ok(auc > 0.99 && reference === 1, String(auc));
  const shown = await corec(['eval', 'odds', home]);
  assert.match(shown.stdout, /mean AUC of 1 sets: (1|0\.99\d*), scikit-learn 1 \(10 seeds\)/);
});

test('a folder that is none, or holds nothing to evaluate, is a wrong argument in words', async (t) => {
  const home = folder(t);
  for (const [args, says] of [
    [['eval', 'odds', join(home, 'none')], /no folder that can be read/],
    [['eval', 'nab', home], /holds no \.csv/],
    [['eval', 'nab'], /DIR is missing/],
  ] as const) {
    const ran = await corec([...args]);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, says);
  }
  write(join(home, 'x.csv'), 'a,b\n1,2\n');
  assert.match((await corec(['eval', 'odds', home])).stderr, /without a column label/);
  assert.match((await corec(['eval', 'nab', home])).stderr, /without a column timestamp/);
  assert.ok(!existsSync(join(home, 'nab-results')));
});
