/**
 * What the first rows of some data look like: format, separator, header, and what each field holds.
 *
 * Owns: looking. Works on strings, once a source: nothing here is on the hot path. Leaves the choice of fields to resolve.ts.
 */
import { decodeUtf8 } from './bytes.ts';
import { MAX_FIELDS, SAMPLE_ROWS } from './limits.ts';
import { scanLooseNumber, scanned } from './number.ts';
import { joinPath } from './path.ts';
import { TimeParser } from './time.ts';

/** number: also numbers written as text; empty: blank cells, null and the usual words for nothing. */
export type FieldKind = 'number' | 'time' | 'text' | 'empty';

export interface FoundField {
  /** As a mapping names it (mapeo.ts M2). */
  readonly name: string;
  /** The kind of most of its values that are not empty. */
  readonly kind: FieldKind;
  /** Rows in which it stands with something in it. */
  readonly rows: number;
  readonly distinct: number;
  readonly example: string;
  /** Smallest and largest size of its numbers, to tell an epoch from a counter. */
  readonly minAbs: number;
}

export interface NdjsonSample {
  readonly formato: 'ndjson';
  readonly rows: number;
  readonly malformed: number;
  /** Rows that are arrays of objects: many records in one row, which no mapping can take. */
  readonly listed: number;
  readonly fields: readonly FoundField[];
}

export interface CsvSample {
  readonly formato: 'csv';
  readonly rows: number;
  readonly separador: string;
  readonly decimal: '.' | ',' | null;
  readonly cabecera: boolean;
  /** Every column, in order; those without a name are col1, col2, ... and `named` is false. */
  readonly columns: readonly string[];
  readonly named: readonly boolean[];
  readonly fields: readonly FoundField[];
}

/** Cells looked at closely: a table of thousands of columns shows in a few rows what it holds. */
const SAMPLE_CELLS = 4000;

/** Short texts as bytes, a newline behind them; longer ones are neither numbers nor times. */
const scratch = new Uint8Array(72);

/** How many bytes of `text` stand in `scratch`, or -1: too long, or not ASCII. */
function toScratch(text: string): number {
  if (text.length > 64) return -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return -1;
    scratch[i] = code;
  }
  scratch[text.length] = 0x0a;
  return text.length;
}

const EMPTY_WORDS = new Set(['', 'nan', 'na', 'n/a', 'null', 'none', 'nil', '-', '?']);
const POINT = 0x2e;
const COMMA = 0x2c;
const time = new TimeParser('iso', 0);

/** What one value holds, as text. */
function kindOf(text: string, decimal: '.' | ',' | null): FieldKind {
  const trimmed = text.trim();
  if (EMPTY_WORDS.has(trimmed.toLowerCase())) return 'empty';
  if (numberOf(trimmed, decimal) !== null) return 'number';
  const length = toScratch(trimmed);
  return length < 0 || Number.isNaN(time.parse(scratch, 0, length)) ? 'text' : 'time';
}

/** The number that a trimmed text is, or null; `decimal` null takes either. */
function numberOf(text: string, decimal: '.' | ',' | null): number | null {
  const length = toScratch(text);
  if (length < 0) return null;
  const pointA = decimal === ',' ? COMMA : POINT;
  const pointB = decimal === null ? COMMA : pointA;
  return scanLooseNumber(scratch, 0, pointA, pointB) === length ? scanned[0]! : null;
}

/** Gathers what one field holds over the rows. */
class FieldTally {
  readonly counts: Record<FieldKind, number> = { number: 0, time: 0, text: 0, empty: 0 };
  readonly seen: Set<string> = new Set();
  example = '';
  minAbs: number = Infinity;

  add(text: string, decimal: '.' | ',' | null): void {
    const kind = kindOf(text, decimal);
    this.counts[kind]++;
    if (kind === 'empty') return;
    this.seen.add(text);
    if (this.example === '') this.example = text.length > 40 ? `${text.slice(0, 39)}…` : text;
    if (kind === 'number') this.minAbs = Math.min(this.minAbs, Math.abs(numberOf(text.trim(), decimal)!));
  }

  found(name: string): FoundField {
    const { number, time: times, text } = this.counts;
    const most = Math.max(number, times, text);
    const kind: FieldKind = most === 0 ? 'empty' : number === most ? 'number' : times === most ? 'time' : 'text';
    return {
      name,
      kind,
      rows: number + times + text,
      distinct: this.seen.size,
      example: this.example,
      minAbs: this.minAbs,
    };
  }
}

/** The first lines of `text` that hold something; the last one only when it is complete. */
export function sampleLines(text: string, whole: boolean, linesMax: number): string[] {
  const lines: string[] = [];
  let from = 0;
  while (lines.length < linesMax) {
    const at = text.indexOf('\n', from);
    if (at < 0 && !whole) break;
    const line = (at < 0 ? text.slice(from) : text.slice(from, at)).trim();
    if (line !== '') lines.push(line);
    if (at < 0) break;
    from = at + 1;
  }
  return lines;
}

/** True when most lines are JSON objects or arrays. */
export function looksLikeNdjson(lines: readonly string[]): boolean {
  let json = 0;
  for (const line of lines)
    if (line.startsWith('{') || line.startsWith('[')) json += parseRecord(line) === null ? 0 : 1;
  return json > 0 && json * 2 >= lines.length;
}

/** A line as a JSON object or array, or null. */
export function parseRecord(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

export function examineNdjson(lines: readonly string[]): NdjsonSample {
  const tallies = new Map<string, FieldTally>();
  let rows = 0;
  let listed = 0;
  for (const line of lines) {
    const record = parseRecord(line);
    if (record === null) continue;
    rows++;
    if (Array.isArray(record) && typeof record[0] === 'object' && record[0] !== null) listed++;
    flatten(record, [], (names, value) => {
      const name = joinPath(names);
      let tally = tallies.get(name);
      if (tally === undefined) {
        if (tallies.size >= 1000) return;
        tally = new FieldTally();
        tallies.set(name, tally);
      }
      tally.add(typeof value === 'boolean' ? (value ? '1' : '0') : value === null ? '' : String(value), '.');
    });
  }
  const fields = [...tallies].map(([name, tally]) => tally.found(name));
  return { formato: 'ndjson', rows, malformed: lines.length - rows, listed, fields };
}

function flatten(
  value: object,
  names: readonly string[],
  visit: (names: readonly string[], value: string | number | boolean | null) => void,
): void {
  if (names.length >= 8) return;
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.slice(0, 16).map((element: unknown, index) => [String(index), element])
    : Object.entries(value);
  for (const [name, inner] of entries) {
    if (typeof inner === 'object' && inner !== null) flatten(inner, [...names, name], visit);
    else visit([...names, name], inner as string | number | boolean | null);
  }
}

/** Rows of CSV as cells (RFC 4180, leniently): for looking at, the parsers decide what is a row. The last one only when complete. */
export function csvRows(text: string, separador: string, whole: boolean, rowsMax: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let i = 0;
  while (i < text.length && rows.length < rowsMax) {
    let cell: string;
    if (text[i] === '"') {
      let end = i + 1;
      while (end < text.length && (text[end] !== '"' || text[end + 1] === '"')) end += text[end] === '"' ? 2 : 1;
      cell = text.slice(i + 1, end).replaceAll('""', '"');
      i = end + 1;
      while (i < text.length && text[i] !== separador && text[i] !== '\n') i++;
    } else {
      const from = i;
      while (i < text.length && text[i] !== separador && text[i] !== '\n') i++;
      cell = text.slice(from, i).trim();
    }
    if (i >= text.length && !whole) return rows;
    row.push(cell);
    if (row.length > MAX_FIELDS) return rows;
    if (text[i] === separador && i + 1 < text.length) {
      i++;
      continue;
    }
    if (text[i] === separador) row.push('');
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
    i++;
  }
  return rows;
}

/** Ties go to the first: a comma is also a decimal point and stands in text. */
const SEPARADORES: readonly string[] = ['\t', ';', '|', ','];

/** The separator under which most rows have as many cells as the first, and more than one; ',' when none has. */
function detectSeparador(text: string, whole: boolean): string {
  let best = ',';
  let bestShare = 0;
  // A few rows tell; of a wide table they are long.
  const head = text.slice(0, Math.max(16_384, (text.indexOf('\n') + 1) * 4));
  for (const separador of SEPARADORES) {
    const rows = csvRows(head, separador, whole && head.length === text.length, 50);
    const cells = rows[0]?.length ?? 0;
    if (cells < 2) continue;
    const share = rows.filter((row) => row.length === cells).length / rows.length;
    if (share > bestShare + 1e-9) {
      best = separador;
      bestShare = share;
    }
  }
  return best;
}

export interface CsvHints {
  readonly separador: string | undefined;
  readonly decimal: '.' | ',' | undefined;
  readonly cabecera: boolean | undefined;
  /** Fields that the mapping names: one of them in the first row makes it a header. */
  readonly names: readonly string[];
}

export function examineCsv(text: string, whole: boolean, hints: CsvHints): CsvSample {
  const separador = hints.separador ?? detectSeparador(text, whole);
  const width = csvRows(text, separador, true, 1)[0]?.length ?? 1;
  const rowsMax = Math.min(SAMPLE_ROWS, Math.max(8, Math.ceil(SAMPLE_CELLS / width)));
  const rows = csvRows(text, separador, whole, rowsMax + 1);
  const decimal = hints.decimal ?? detectDecimal(rows, separador);
  const first = rows[0] ?? [];
  const cabecera = hints.cabecera ?? (first.some((cell) => hints.names.includes(cell)) || detectHeader(rows, decimal));
  const data = cabecera ? rows.slice(1) : rows;
  // A separator at the end of every row makes a last column that is none.
  let count = first.length;
  while (cabecera && count > 1 && rows.every((row) => (row[count - 1] ?? '') === '')) count--;
  const header = first.slice(0, count);
  const named = header.map((cell) => cabecera && cell !== '');
  const columns = header.map((cell, index) => (named[index] === true ? cell : `col${index + 1}`));
  const fields = columns.map((name, index) => {
    const tally = new FieldTally();
    for (const row of data) tally.add(row[index] ?? '', decimal);
    return tally.found(name);
  });
  return { formato: 'csv', rows: data.length, separador, decimal, cabecera, columns, named, fields };
}

/** Where `;` separates, the numbers tell their decimal point; null (either) when none of them has one. */
function detectDecimal(rows: readonly (readonly string[])[], separador: string): '.' | ',' | null {
  if (separador === ',') return '.';
  let commas = 0;
  let points = 0;
  for (const row of rows) {
    for (const cell of row) {
      if (/^[-+]?\d*,\d+$/.test(cell)) commas++;
      else if (/^[-+]?\d*\.\d+$/.test(cell)) points++;
    }
  }
  return commas === 0 && points === 0 ? null : commas > points ? ',' : '.';
}

/** A header is text over numbers or times; without any of those below, a first row that is all text. */
function detectHeader(rows: readonly (readonly string[])[], decimal: '.' | ',' | null): boolean {
  const first = rows[0] ?? [];
  const kinds = first.map((cell) => kindOf(cell, decimal));
  const isData = (kind: FieldKind | undefined): boolean => kind === 'number' || kind === 'time';
  for (const [index, kind] of kinds.entries()) {
    if (kind !== 'text') continue;
    for (const row of rows.slice(1, 20)) if (isData(kindOf(row[index] ?? '', decimal))) return true;
  }
  return !kinds.some(isData);
}

/** True for what is no text at all, e.g. UTF-16, an image, an archive: NUL bytes in its beginning. */
export function looksBinary(sample: Uint8Array): boolean {
  return sample.subarray(0, 8192).includes(0);
}

/** The text of a sample, its byte order mark taken off. */
export function sampleText(sample: Uint8Array): string {
  const text = decodeUtf8(sample);
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
