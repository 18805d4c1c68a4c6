/** One figure of the bench: what was measured, what it is held against, and whether that is enough. */

export interface BenchRow {
  readonly name: string;
  /** Null: it could not be measured; `note` says why. */
  readonly value: number | null;
  readonly unit: string;
  /** The baseline of the same run, in the same unit; null where there is none to compare with. */
  readonly baseline: number | null;
  /** value / baseline. */
  readonly ratio: number | null;
  /** As the requirements give it: `ratio <= 2.5`, `value >= 400000`. */
  readonly must: string;
  readonly aim: string;
  readonly ok: boolean;
  /** What else was seen, in words. */
  readonly note: string;
}

export interface Limit {
  /** Where a ratio is given it decides. */
  readonly of: 'value' | 'ratio';
  readonly is: 'most' | 'least';
  readonly must: number;
  readonly aim: number;
}

export interface Measured {
  readonly value: number;
  readonly baseline: number | null;
  readonly note?: string;
  /** False: the run itself went wrong in a way that the figure does not tell (lecturas lost). */
  readonly sound?: boolean;
}

export const atMost = (must: number, aim: number): Limit => ({ of: 'value', is: 'most', must, aim });
export const atLeast = (must: number, aim: number): Limit => ({ of: 'value', is: 'least', must, aim });
export const ratioAtLeast = (must: number, aim: number): Limit => ({ of: 'ratio', is: 'least', must, aim });
export const ratioAtMost = (must: number, aim: number): Limit => ({ of: 'ratio', is: 'most', must, aim });

/** Of a figure that is told and not judged. */
export const REPORTED: Limit = atMost(Infinity, Infinity);

const words = (limit: Limit, figure: number): string =>
  limit === REPORTED ? 'reported' : `${limit.of} ${limit.is === 'most' ? '<=' : '>='} ${figure}`;

/** Three significant digits more than anybody reads. */
const round = (x: number): number => Number(x.toPrecision(5));

export function makeRow(name: string, unit: string, limit: Limit, measured: Measured): BenchRow {
  const { value, baseline, note = '', sound = true } = measured;
  const ratio = baseline === null || baseline === 0 ? null : value / baseline;
  const judged = limit.of === 'ratio' ? ratio : value;
  const holds = judged !== null && (limit.is === 'most' ? judged <= limit.must : judged >= limit.must);
  return {
    name,
    value: round(value),
    unit,
    baseline: baseline === null ? null : round(baseline),
    ratio: ratio === null ? null : round(ratio),
    must: words(limit, limit.must),
    aim: words(limit, limit.aim),
    ok: sound && holds,
    note,
  };
}

/** The row of a figure that could not be had. */
export function failedRow(name: string, unit: string, limit: Limit, note: string): BenchRow {
  return {
    name,
    value: null,
    unit,
    baseline: null,
    ratio: null,
    must: words(limit, limit.must),
    aim: words(limit, limit.aim),
    ok: false,
    note,
  };
}

/** A figure of others, for comparison: nothing is expected of it, and it may be missing. */
export function reportedRow(name: string, unit: string, value: number | null, note: string): BenchRow {
  return { ...failedRow(name, unit, REPORTED, note), value: value === null ? null : round(value), ok: true };
}
