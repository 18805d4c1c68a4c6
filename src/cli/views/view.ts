/** What a view draws with: language, colours, the width of the terminal, and now. */
import type { Idioma } from '#domain/errors.ts';
import { formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { Paint } from '../render/paint.ts';

export interface View {
  readonly idioma: Idioma;
  readonly paint: Paint;
  /** Null: into a pipe, nothing is cut. */
  readonly width: number | null;
  readonly nowMs: number;
}

/** `12 malformed, 3 bad_ts`: the reasons are codes, the same in every language. */
export function refusedText(
  idioma: Idioma,
  refused: Readonly<Record<string, number>>,
): { count: number; reasons: string } {
  const told = Object.entries(refused).filter(([, count]) => count > 0);
  return {
    count: told.reduce((sum, [, count]) => sum + count, 0),
    reasons: told.map(([reason, count]) => `${formatNumber(idioma, count)} ${reason}`).join(', '),
  };
}

/** A score 0..1 or a figure of any size, short. */
export function figure(idioma: Idioma, value: number): string {
  return formatNumber(idioma, value);
}

export function moreLine(view: View, more: boolean): string[] {
  return more ? [view.paint.dim(text(view.idioma, 'cli.more'))] : [];
}
