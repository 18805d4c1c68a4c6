/** Quoted cells of CSV (RFC 4180), for both CSV parsers; they are rare enough to share one slow way. */
import { QUOTE } from './bytes.ts';

/** Whether the last quoted cell holds `""`, and so has to be unquoted. */
export let hasDoubledQuote = false;

/** Behind the closing quote of the cell whose inside begins at bytes[from]; -1 when there is none before `end`. */
export function scanQuoted(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  hasDoubledQuote = false;
  while (i < end) {
    if (bytes[i++] !== QUOTE) continue;
    if (i === end || bytes[i] !== QUOTE) return i;
    hasDoubledQuote = true;
    i++;
  }
  return -1;
}

/** The inside bytes[from..to) of a quoted cell to target[at..limit), `""` as `"`; the index behind it, or -1 without room. */
export function unquote(
  bytes: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
  limit: number,
): number {
  let k = at;
  let i = from;
  while (i < to) {
    if (k === limit) return -1;
    const c = bytes[i++]!;
    target[k++] = c;
    if (c === QUOTE) i++;
  }
  return k;
}
