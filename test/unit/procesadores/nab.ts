/**
 * The Numenta Anomaly Benchmark's scoring (Lavin and Ahmad 2015; NAB v1.1) at a fixed threshold, over a folder of its series.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface NabSeries {
  readonly name: string;
  readonly valores: Float64Array;
  readonly times: Float64Array;
  /** First and last row of each labelled window. */
  readonly windows: readonly (readonly [number, number])[];
}

/** Development data lies beside the checkout, or where COREC_DEV_DATA says; it is no part of the project. */
export function devData(...parts: readonly string[]): string | null {
  const root = process.env['COREC_DEV_DATA'] ?? path.resolve(import.meta.dirname, '../../../../shared/data');
  const found = path.join(root, ...parts);
  return existsSync(found) ? found : null;
}

const timeOf = (text: string): number => Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`);

export function readNab(folder: string): NabSeries[] {
  const labels = JSON.parse(readFileSync(path.join(folder, 'labels/combined_windows.json'), 'utf8')) as Record<
    string,
    [string, string][]
  >;
  return Object.keys(labels)
    .toSorted()
    .map((name) => {
      const rows = readFileSync(path.join(folder, 'data', name), 'utf8')
        .trim()
        .split('\n')
        .slice(1);
      const times = Float64Array.from(rows, (row) => timeOf(row));
      const valores = Float64Array.from(rows, (row) => Number(row.slice(row.indexOf(',') + 1)));
      const windows = labels[name]!.map(([a, b]) => [times.indexOf(timeOf(a)), times.indexOf(timeOf(b))] as const);
      return { name, valores, times, windows: windows.toSorted((a, b) => a[0] - b[0]) };
    });
}

const worthAt = (y: number): number => (y > 3 ? -1 : 2 / (1 + Math.exp(5 * y)) - 1);

export interface NabScore {
  readonly standard: number;
  readonly lowFp: number;
  readonly found: number;
  readonly windows: number;
  readonly falseAlarms: number;
}

/** `alerts`: rows of each series whose score reached the threshold. */
export function scoreNab(corpus: readonly NabSeries[], alerts: readonly (readonly number[])[]): NabScore {
  let windows = 0;
  let found = 0;
  let gained = 0;
  let lost = 0;
  let falseAlarms = 0;
  corpus.forEach((series, k) => {
    const n = series.valores.length;
    const probation = Math.ceil(Math.min(Math.floor(0.15 * n), 750));
    const best = new Map<number, number>();
    windows += series.windows.length;
    for (const i of alerts[k]!) {
      if (i < probation) continue;
      const inside = series.windows.findIndex(([left, right]) => i >= left && i <= right);
      if (inside >= 0) {
        const [left, right] = series.windows[inside]!;
        const worth = worthAt(-(right - i + 1) / (right - left + 1)) / worthAt(-1);
        best.set(inside, Math.max(best.get(inside) ?? 0, worth));
      } else {
        const last = series.windows.findLast(([, right]) => right < i);
        falseAlarms++;
        lost += last === undefined ? -1 : worthAt((i - last[1]) / Math.max(last[1] - last[0], 1));
      }
    }
    found += best.size;
    for (const worth of best.values()) gained += worth;
  });
  const normal = (fpWeight: number): number =>
    (100 * (gained - (windows - found) + fpWeight * lost + windows)) / (2 * windows);
  return { standard: normal(0.11), lowFp: normal(0.22), found, windows, falseAlarms };
}
