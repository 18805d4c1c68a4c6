/** Limits of reading rows, each with the reason for its size. */

/** A row longer than this is refused as too_long and reading goes on at the next newline: it is a payload, not a row. */
export const MAX_LINE_BYTES: number = 1 << 20;

/**
 * Free bytes that a chunk given to RowReader.offer must have before its first one: an unfinished row of the chunk before
 * is copied there, so that every row lies in one piece. One byte over the longest row, since that byte tells it is too long.
 */
export const CHUNK_HEADROOM: number = MAX_LINE_BYTES + 64;

/** How much of the beginning is looked at when a mapping is guessed or checked. */
export const SAMPLE_BYTES: number = 256 << 10;
export const SAMPLE_ROWS = 200;

/** A refused row is kept up to this length; the rest of a longer one tells no more about why. */
export const REFUSED_ROW_BYTES = 1024;

/** More fields than this in one mapping or one table's header is a mistake in the separator. */
export const MAX_FIELDS = 100_000;
