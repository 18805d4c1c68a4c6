/**
 * The detector on labelled series from machines, clouds, roads and tweets, at the shipped threshold. Skipped where the development
 * data is not; the figures asked for here lie below those of docs/DETECTION.md by what another choice of constants moves them.
 */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import { detectorFino } from '#domain/procesadores/detector-fino.ts';
import { detector } from '#domain/procesadores/detector.ts';
import { devData, readNab, scoreNab, type NabSeries } from './nab.ts';
import { Bench, DAY, START, every } from './run.ts';

const nab = devData('nab-dev');
const metr = devData('streams', 'metr_la_week.csv.gz');
const bus = devData('streams', 'montevideo_bus.csv.gz');

function alertsOf(
  { valores, times }: Pick<NabSeries, 'valores' | 'times'>,
  procesador: AnyProcesador = detector,
): number[] {
  const scores = new Bench(procesador).feed(valores, times);
  return Array.from(scores.keys()).filter((i) => scores[i]! >= 0.5);
}

test(
  'labelled series: standard and low-false-positive scores at the shipped threshold',
  { skip: nab === null },
  (t) => {
    const corpus = readNab(nab!);
    const alerts = corpus.map((series) => alertsOf(series));
    const score = scoreNab(corpus, alerts);
    t.diagnostic(
      `standard ${score.standard.toFixed(1)}, low FP ${score.lowFp.toFixed(1)}, ${score.found} of ${score.windows} windows, ` +
        `${score.falseAlarms} false alarms`,
    );
    assert.ok(score.standard >= 66, `standard ${score.standard}`);
    assert.ok(score.lowFp >= 62, `low FP ${score.lowFp}`);
    corpus.forEach((series, k) => {
      const days = (series.times.at(-1)! - series.times[0]!) / DAY;
      const most = Math.max(7, (8 * days) / 30);
      assert.ok(alerts[k]!.length <= most, `${series.name}: ${alerts[k]!.length} alerts in ${days.toFixed(0)} days`);
    });
  },
);

test(
  'detector_fino on the same series: standard at the shipped threshold, close to the best one',
  { skip: nab === null },
  (t) => {
    const corpus = readNab(nab!);
    const scores = corpus.map(({ valores, times }) => new Bench(detectorFino).feed(valores, times));
    const at = (limit: number, among = corpus.map(() => true)): ReturnType<typeof scoreNab> => {
      const used = corpus.filter((_, k) => among[k]);
      const alerts = scores.filter((_, k) => among[k]).map((list) => [...list.keys()].filter((i) => list[i]! >= limit));
      return scoreNab(used, alerts);
    };
    const limits = Array.from({ length: 16 }, (_, k) => (118 + 2 * k) / 256);
    const bestOf = (among?: boolean[]): number =>
      limits.reduce((best, limit) => (at(limit, among).standard > at(best, among).standard ? limit : best), 0.5);
    const shipped = at(0.5);
    const best = at(bestOf());
    const categoryOf = ({ name }: NabSeries): string => name.split('/')[0]!;
    const left = [...new Set(corpus.map(categoryOf))].map((category) => {
      const inside = corpus.map((series) => categoryOf(series) === category);
      const limit = bestOf(inside.map((is) => !is));
      return `${category} at ${limit}: ${at(limit, inside).standard.toFixed(1)} (at 0.5: ${at(0.5, inside).standard.toFixed(1)})`;
    });
    t.diagnostic(
      `standard ${shipped.standard.toFixed(1)}, low FP ${shipped.lowFp.toFixed(1)}, ${shipped.found} of ${shipped.windows} windows, ` +
        `${shipped.falseAlarms} false alarms; best limit ${best.standard.toFixed(1)}`,
    );
    t.diagnostic(`limit chosen without the category: ${left.join('; ')}`);
    assert.ok(shipped.standard >= 66, `standard ${shipped.standard}`);
    assert.ok(shipped.lowFp >= 62, `low FP ${shipped.lowFp}`);
    assert.ok(best.standard - shipped.standard <= 4, `best ${best.standard}`);
  },
);

test(
  'the failures of the machine are told: in their labelled windows or the day before',
  { skip: nab === null },
  () => {
    const machine = readNab(nab!).find(({ name }) => name.includes('machine_temperature'))!;
    const alerts = alertsOf(machine);
    const told = machine.windows.map(([left, right]) => alerts.some((i) => i >= left - 288 && i <= right));
    // the third is a subtle change of pattern, which this method does not see
    assert.deepEqual([told[0], told[1], told[3]], [true, true, true]);
  },
);

/** Columns of a wide, zipped CSV whose rows are `stepMs` apart from `start`. */
function readWide(file: string, start: number, stepMs: number): { times: Float64Array; columns: Float64Array[] } {
  const rows = gunzipSync(readFileSync(file)).toString().trim().split('\n').slice(1);
  const table = rows.map((row) => row.split(',').slice(1).map(Number));
  return {
    times: every(stepMs, table.length).map((t) => t - START + start),
    columns: Array.from({ length: table[0]!.length }, (_, k) => Float64Array.from(table, (row) => row[k]!)),
  };
}

test(
  'a quiet Sunday of 207 road sensors: few alerts, most of them of sensors that fail',
  { skip: metr === null },
  (t) => {
    const { times, columns } = readWide(metr!, Date.UTC(2012, 2, 1), 300_000);
    const perDay = new Float64Array(7);
    for (const valores of columns) for (const i of alertsOf({ valores, times })) perDay[Math.floor(i / 288)]!++;
    t.diagnostic(
      `alerts per 100 claves, Thursday to Wednesday: ${Array.from(perDay, (n) => ((100 * n) / columns.length).toFixed(1)).join(' ')}`,
    );
    assert.ok((100 * perDay[3]!) / columns.length <= 3, `${perDay[3]} alerts of ${columns.length} sensors`);
  },
);

test('bus stops with mostly empty hours: about one alert per 100 claves and day', { skip: bus === null }, (t) => {
  const { times, columns } = readWide(bus!, Date.UTC(2020, 9, 1), 3_600_000);
  let alerts = 0;
  for (const valores of columns) alerts += alertsOf({ valores, times }).length;
  const rate = (100 * alerts) / (columns.length * (times.length / 24));
  t.diagnostic(`${rate.toFixed(2)} alerts per 100 claves and day`);
  assert.ok(rate <= 1.5, String(rate));
});
