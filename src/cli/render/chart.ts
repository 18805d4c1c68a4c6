/**
 * A line over time in braille: two dots a column across, four a row down.
 *
 * Owns placing points. The x axis is time, so that a gap is seen as one; a column that several points share shows all they span.
 */
export interface ChartPoint {
  readonly tsMs: number;
  readonly value: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Chart {
  /** Top row first. */
  readonly rows: readonly string[];
  readonly min: number;
  readonly max: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Under each column whether one of the spans touches it. */
  readonly marked: readonly boolean[];
}

/** Dots of one cell by column and row, in braille's own order. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const EMPTY = 0x2800;
/** A step longer than so many usual ones is a gap. */
const GAP_STEPS = 4;

/** Null when there is nothing to draw. `width` and `height` in characters. */
export function drawChart(
  points: readonly ChartPoint[],
  spans: readonly Span[],
  width: number,
  height: number,
): Chart | null {
  const sound = points.filter((point) => Number.isFinite(point.value) && Number.isFinite(point.tsMs));
  if (sound.length === 0) return null;
  const ordered = sound.toSorted((a, b) => a.tsMs - b.tsMs);
  const fromMs = ordered[0]!.tsMs;
  const toMs = ordered.at(-1)!.tsMs;
  let min = Infinity;
  let max = -Infinity;
  for (const { value } of ordered) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const dotsX = width * 2;
  const dotsY = height * 4;
  const xOf = (tsMs: number): number =>
    toMs === fromMs
      ? dotsX - 1
      : Math.min(dotsX - 1, Math.max(0, Math.round(((tsMs - fromMs) / (toMs - fromMs)) * (dotsX - 1))));
  // a line that never moves runs through the middle
  const yOf = (value: number): number =>
    max === min ? dotsY >> 1 : Math.round(((max - value) / (max - min)) * (dotsY - 1));

  const cells = new Uint8Array(width * height);
  const dot = (x: number, y: number): void => {
    const at = (y >> 2) * width + (x >> 1);
    cells[at] = cells[at]! | DOTS[x & 1]![y & 3]!;
  };
  const gapMs = usualStep(ordered) * GAP_STEPS;
  let before: { x: number; y: number; tsMs: number } | null = null;
  for (const { tsMs, value } of ordered) {
    const here = { x: xOf(tsMs), y: yOf(value), tsMs };
    if (before === null || tsMs - before.tsMs > gapMs) dot(here.x, here.y);
    else join(before, here, dot);
    before = here;
  }
  const rows = Array.from({ length: height }, (_, row) => {
    let line = '';
    for (const bits of cells.subarray(row * width, (row + 1) * width)) line += String.fromCodePoint(EMPTY + bits);
    return line;
  });
  const marked = Array.from({ length: width }, () => false);
  for (const span of spans) {
    if (span.toMs < fromMs || span.fromMs > toMs) continue;
    for (let k = xOf(span.fromMs) >> 1; k <= xOf(span.toMs) >> 1; k++) marked[k] = true;
  }
  return { rows, min, max, fromMs, toMs, marked };
}

/** The median step; steps of most series are all alike, and the gaps between them are what is looked for. */
function usualStep(ordered: readonly ChartPoint[]): number {
  const steps: number[] = [];
  for (let k = 1; k < ordered.length; k++) steps.push(ordered[k]!.tsMs - ordered[k - 1]!.tsMs);
  steps.sort((a, b) => a - b);
  const median = steps[steps.length >> 1] ?? 0;
  return median > 0 ? median : Infinity;
}

function join(
  a: { readonly x: number; readonly y: number },
  b: { readonly x: number; readonly y: number },
  dot: (x: number, y: number) => void,
): void {
  const steps = Math.max(Math.abs(b.x - a.x), Math.abs(b.y - a.y), 1);
  for (let k = 0; k <= steps; k++) {
    dot(Math.round(a.x + ((b.x - a.x) * k) / steps), Math.round(a.y + ((b.y - a.y) * k) / steps));
  }
}
