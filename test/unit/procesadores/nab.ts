/** A folder of series of the Numenta Anomaly Benchmark, read and scored. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { scoreNab as score, type NabScore } from '#domain/evaluation/nab-score.ts';

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

/** `alerts`: rows of each series whose score reached the limit. */
export function scoreNab(corpus: readonly NabSeries[], alerts: readonly (readonly number[])[]): NabScore {
  return score(
    corpus.map(({ valores, windows }) => ({ rows: valores.length, windows })),
    alerts,
  );
}
