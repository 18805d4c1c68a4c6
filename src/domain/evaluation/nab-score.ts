/**
 * The Numenta Anomaly Benchmark's scoring (Lavin and Ahmad 2015; NAB v1.1) at a fixed limit.
 *
 * A detection in a window counts the more the earlier, and once; one outside counts against; 0 is what nothing found scores, 100 what
 * every window found at once does. The first rows of a series are probation and count neither way.
 */

export interface NabSeries {
  readonly rows: number;
  /** First and last row of each labelled window, in order. */
  readonly windows: readonly (readonly [number, number])[];
}

export interface NabScore {
  readonly standard: number;
  readonly lowFp: number;
  readonly found: number;
  readonly windows: number;
  readonly falseAlarms: number;
}

const PROBATION_SHARE = 0.15;
const PROBATION_ROWS_MAX = 750;
const STANDARD_FP = 0.11;
const LOW_FP = 0.22;

const worthAt = (y: number): number => (y > 3 ? -1 : 2 / (1 + Math.exp(5 * y)) - 1);

/** `alerts`: rows of each series whose score reached the limit. */
export function scoreNab(corpus: readonly NabSeries[], alerts: readonly (readonly number[])[]): NabScore {
  let windows = 0;
  let found = 0;
  let gained = 0;
  let lost = 0;
  let falseAlarms = 0;
  corpus.forEach((series, k) => {
    const probation = Math.min(Math.floor(PROBATION_SHARE * series.rows), PROBATION_ROWS_MAX);
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
    windows === 0 ? 0 : (100 * (gained - (windows - found) + fpWeight * lost + windows)) / (2 * windows);
  return { standard: normal(STANDARD_FP), lowFp: normal(LOW_FP), found, windows, falseAlarms };
}
