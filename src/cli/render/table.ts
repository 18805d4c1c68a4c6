/**
 * Tables of text: columns aligned by what a terminal shows, cut to its width.
 *
 * Owns widths. On a terminal the widest flexible columns give way until the row fits, then columns that can be spared are left out;
 * into a pipe nothing is cut.
 */
import type { Paint } from './paint.ts';
import { pad, printable, truncate, widthOf } from './width.ts';

export interface Column<T> {
  readonly head: string;
  readonly of: (row: T) => string;
  /** Figures stand to the right. */
  readonly right?: boolean;
  /** May be cut, down to so many columns. */
  readonly min?: number;
  /** May be left out when nothing else helps; the lowest goes first. */
  readonly drop?: number;
  /** Colours the padded cell. */
  readonly paint?: (text: string, row: T) => string;
}

const GAP = '  ';

/** Lines of the table, the head first. `width`: of the terminal, null for no limit. */
export function table<T>(all: readonly Column<T>[], rows: readonly T[], width: number | null, paint: Paint): string[] {
  const columns = width === null ? all : spare(all, rows, width);
  const cells = rows.map((row) => columns.map((column) => printable(column.of(row))));
  const widths = columns.map((column, k) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[k]!)), widthOf(column.head)),
  );
  if (width !== null) shrink(widths, columns, width);
  const line = (texts: readonly string[], painter: (text: string, k: number) => string): string =>
    texts
      .map((text, k) => {
        const last = k === texts.length - 1 && columns[k]!.right !== true;
        const cut = truncate(text, widths[k]!);
        return painter(last ? cut : pad(cut, widths[k]!, columns[k]!.right === true ? 'left' : 'right'), k);
      })
      .join(GAP)
      .trimEnd();
  const head = line(
    columns.map((column) => column.head),
    (text) => paint.dim(text),
  );
  const body = cells.map((texts, r) => line(texts, (text, k) => columns[k]!.paint?.(text, rows[r]!) ?? text));
  return [head, ...body];
}

/** The columns that are left when those that can be spared went, until the rest fits at its least. */
function spare<T>(columns: readonly Column<T>[], rows: readonly T[], width: number): readonly Column<T>[] {
  const leastOf = (column: Column<T>): number =>
    rows.reduce(
      (most, row) => {
        const own = widthOf(printable(column.of(row)));
        return Math.max(most, column.min === undefined ? own : Math.min(own, column.min));
      },
      Math.min(widthOf(column.head), column.min ?? Infinity),
    );
  let kept = columns;
  while (kept.reduce((sum, column) => sum + leastOf(column) + GAP.length, -GAP.length) > width) {
    const [first] = kept.filter((column) => column.drop !== undefined).toSorted((a, b) => a.drop! - b.drop!);
    if (first === undefined) return kept;
    kept = kept.filter((column) => column !== first);
  }
  return kept;
}

/** Takes from the widest flexible column, one by one, until the row fits or nothing gives way any more. */
function shrink<T>(widths: number[], columns: readonly Column<T>[], width: number): void {
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    for (const [k, { min }] of columns.entries()) {
      if (min === undefined || widths[k]! <= min) continue;
      if (widest < 0 || widths[k]! > widths[widest]!) widest = k;
    }
    if (widest < 0) return;
    widths[widest] = widths[widest]! - 1;
  }
}

/** Pairs of a name and its text, the texts below each other. */
export function pairs(rows: readonly (readonly [string, string])[], paint: Paint): string[] {
  const widest = rows.reduce((most, [name]) => Math.max(most, widthOf(name)), 0);
  return rows.map(([name, value]) => `${paint.dim(pad(name, widest))}${GAP}${value}`);
}
