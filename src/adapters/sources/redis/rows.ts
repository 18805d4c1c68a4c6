/**
 * The rows of one stream entry as NDJSON: its field `data` when it has one (a JSON object, an array of them, or NDJSON), else its
 * fields as one record.
 *
 * Owns that form. Leaves judging rows to domain/mapeo. Pure.
 */
import type { StreamFields } from '#ports/stream-bus.ts';

/** As one HTTP body. */
export const ENTRY_BYTES_MAX: number = 16 * 1024 * 1024;

/** How JSON writes a number: what looks otherwise (007, 1e, +1) stays text. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Rows with a newline behind each; null when they are more than ENTRY_BYTES_MAX. */
export function entryRows(fields: StreamFields): Uint8Array | null {
  const { data } = fields;
  if (data === undefined) return bounded(`${recordOf(fields)}\n`);
  if (data.length > ENTRY_BYTES_MAX) return null;
  if (typeof data !== 'string' && isPlain(data)) return withNewline(data);
  const text = typeof data === 'string' ? data : decoder.decode(data);
  return bounded(`${linesOf(text)}\n`);
}

/** The beginning of an entry, for the file of refused rows. */
export function entryText(fields: StreamFields): string {
  const { data } = fields;
  if (data === undefined) return recordOf(fields).slice(0, 4096);
  return typeof data === 'string' ? data.slice(0, 4096) : decoder.decode(data.subarray(0, 4096));
}

function recordOf(fields: StreamFields): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const text = typeof value === 'string' ? value : decoder.decode(value);
    parts.push(`${JSON.stringify(name)}:${NUMBER.test(text) ? text : JSON.stringify(text)}`);
  }
  return `{${parts.join(',')}}`;
}

/** Arrays, and objects that are written over several lines, one object a line; everything else as it is. */
function linesOf(text: string): string {
  const trimmed = text.trim();
  const isList = trimmed.startsWith('[');
  if (!isList && !trimmed.includes('\n')) return trimmed;
  try {
    const value = JSON.parse(trimmed) as unknown;
    if (Array.isArray(value)) return value.map((one) => JSON.stringify(one)).join('\n');
    return JSON.stringify(value);
  } catch {
    // NDJSON, or nothing that can be read: its rows will tell
    return text;
  }
}

/** One object on one line: by far the most, and taken as the bytes that it is. */
function isPlain(data: Uint8Array): boolean {
  return data[0] === 0x7b && !data.includes(0x0a);
}

function withNewline(data: Uint8Array): Uint8Array {
  const rows = new Uint8Array(data.length + 1);
  rows.set(data);
  rows[data.length] = 0x0a;
  return rows;
}

function bounded(text: string): Uint8Array | null {
  if (text.length > ENTRY_BYTES_MAX) return null;
  const bytes = encoder.encode(text);
  return bytes.length > ENTRY_BYTES_MAX ? null : bytes;
}
