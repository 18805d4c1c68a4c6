/**
 * Wide tables to lecturas: one row a time, one column a clave named by its header.
 *
 * Owns: the cells of such rows. A blank cell is no lectura and no refusal. The claves are copied to the batch once a parse call
 * and shared by all rows of it.
 *
 * W1 The time's column stands before the first clave's (compile.ts takes the general parser otherwise).
 * W2 A malformed row gives nothing but its own refusal: what it gave before its end was seen is taken back, and it is seen to its
 *    end before a part of it goes out for good (a full batch) or a cell of it is refused.
 * W3 `part` is the next column; after a full batch the byte where it begins is remembered too, so that going on costs nothing.
 */
import { hashClave, type LecturaBatch } from '#domain/lectura/batch.ts';
import { NEWLINE, QUOTE, RETURN, SPACE, TAB } from './bytes.ts';
import { scanQuoted, unquote } from './csv-scan.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { scanLooseNumber, scanned, scanShortNumber } from './number.ts';
import { FULL, RowParser, UNCLOSED, type RefuseRow } from './row-parser.ts';
import type { TimeParser } from './time.ts';

export interface WidePlan {
  readonly separador: number;
  /** By column: the clave, or null for a column that gives none. */
  readonly claves: readonly (Uint8Array | null)[];
  readonly labels: readonly string[];
  /** Column of the time, -1 for the time of arrival. */
  readonly tsColumn: number;
  readonly tsOptional: boolean;
  readonly time: TimeParser;
  readonly pointA: number;
  readonly pointB: number;
  /** The next row to be parsed is the header. */
  readonly header: boolean;
}

/** Longest quoted cell that can still be a number. */
const CELL_BYTES = 512;

export class CsvWideParser extends RowParser {
  private readonly plan: WidePlan;
  private readonly columns: number;
  /** All claves back to back, and where each stands; length 0: the column gives no lectura. */
  private readonly claveBytes: Uint8Array;
  private readonly claveOffset: Uint32Array;
  private readonly claveLength: Uint16Array;
  private readonly claveHash: Uint32Array;
  private headerPending: boolean;
  /** Where the claves stand in the batch of this parse call; -1: not copied yet. */
  private base = -1;
  /** The row under way has as many cells as it should (W2). */
  private isChecked = false;
  /** W3: offset in the row where column `part` begins, or -1 when not known; and the row's time. */
  private resumeAt = -1;
  private resumeTsMs = 0;
  private readonly cell = new Uint8Array(CELL_BYTES + 8);

  constructor(plan: WidePlan, refuse: RefuseRow) {
    super(refuse);
    this.plan = plan;
    this.headerPending = plan.header;
    const columns = plan.claves.length;
    this.columns = columns;
    this.claveOffset = new Uint32Array(columns);
    this.claveLength = new Uint16Array(columns);
    this.claveHash = new Uint32Array(columns);
    let total = 0;
    for (const clave of plan.claves) total += clave?.length ?? 0;
    this.claveBytes = new Uint8Array(total);
    let at = 0;
    for (const [column, clave] of plan.claves.entries()) {
      if (clave === null) continue;
      this.claveBytes.set(clave, at);
      this.claveOffset[column] = at;
      this.claveLength[column] = clave.length;
      this.claveHash[column] = hashClave(clave, 0, clave.length);
      at += clave.length;
    }
  }

  override parse(bytes: Uint8Array, from: number, to: number, final: boolean, batch: LecturaBatch): number {
    this.base = -1;
    return super.parse(bytes, from, to, final, batch);
  }

  protected row(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    const { plan, columns, claveOffset, claveLength, claveHash } = this;
    const { separador, tsColumn, pointA, pointB } = plan;
    const first = bytes[from]!;
    if (first === NEWLINE || (first === RETURN && bytes[from + 1] === NEWLINE)) {
      this.line++;
      return from + (first === NEWLINE ? 1 : 2);
    }
    if (this.headerPending) return this.header(bytes, from, end);
    if (this.base < 0) this.placeClaves(batch);
    const base = this.base;
    const lengthBefore = batch.length;
    const done = this.part;
    this.isChecked = false;
    let column = 0;
    let i = from;
    let tsMs = Number.NaN;
    if (done > 0 && this.resumeAt >= 0) {
      column = done;
      i = from + this.resumeAt;
      tsMs = this.resumeTsMs;
    }
    for (;;) {
      let c = bytes[i]!;
      if (column < columns && claveLength[column] !== 0) {
        if (c !== separador) {
          const next = scanShortNumber(bytes, i, pointA, pointB);
          if (
            next >= 0 &&
            ((c = bytes[next]!) === separador || c === NEWLINE || (c === RETURN && bytes[next + 1] === NEWLINE))
          ) {
            if (column >= done) {
              const valor = scanned[0]!;
              if (valor - valor !== 0) {
                const bad = this.refuseCell(bytes, i, next, from, end, column);
                if (bad < 0) return this.giveUp(bad, bytes, from, end, lengthBefore, batch);
              } else if (
                !batch.appendShared(base + claveOffset[column]!, claveLength[column]!, claveHash[column]!, valor, tsMs)
              ) {
                return this.stopAt(bytes, from, end, i, column, tsMs, lengthBefore, batch);
              }
            }
            i = next;
            if (c === RETURN) c = bytes[++i]!;
          } else {
            const stop = this.cellEnd(bytes, i, from, end);
            if (stop < 0) return this.giveUp(stop, bytes, from, end, lengthBefore, batch);
            if (column >= done) {
              const valor = this.slowValor(bytes, i, stop);
              if (valor === BLANK) {
                // Nothing measured here.
              } else if (valor - valor !== 0) {
                const bad = this.refuseCell(bytes, i, stop, from, end, column);
                if (bad < 0) return this.giveUp(bad, bytes, from, end, lengthBefore, batch);
              } else if (
                !batch.appendShared(base + claveOffset[column]!, claveLength[column]!, claveHash[column]!, valor, tsMs)
              ) {
                return this.stopAt(bytes, from, end, i, column, tsMs, lengthBefore, batch);
              }
            }
            i = stop;
            c = bytes[i]!;
          }
        }
      } else {
        const start = i;
        const stop = this.cellEnd(bytes, i, from, end);
        if (stop < 0) return this.giveUp(stop, bytes, from, end, lengthBefore, batch);
        i = stop;
        c = bytes[i]!;
        if (column === tsColumn) {
          tsMs = this.tsOf(bytes, start, stop);
          if (tsMs !== tsMs && !(plan.tsOptional && this.isBlank(bytes, start, stop))) {
            return this.refuseLine('bad_ts', bytes, from, end);
          }
        } else if (column >= columns && !this.isBlank(bytes, start, stop)) {
          return this.giveUp(RAGGED, bytes, from, end, lengthBefore, batch);
        }
      }
      if (c === NEWLINE) break;
      column++;
      i++;
    }
    if (column + 1 < columns) return this.giveUp(RAGGED, bytes, from, end, lengthBefore, batch);
    if (i - from > MAX_LINE_BYTES) return this.giveUp(RAGGED, bytes, from, end, lengthBefore, batch);
    this.rows++;
    this.line++;
    this.part = 0;
    this.resumeAt = -1;
    return i + 1;
  }

  /** The batch is full before `column`, whose cell begins at bytes[at]. */
  private stopAt(
    bytes: Uint8Array,
    from: number,
    end: number,
    at: number,
    column: number,
    tsMs: number,
    lengthBefore: number,
    batch: LecturaBatch,
  ): number {
    const cells = this.checkRow(bytes, at, from, end, column);
    if (cells < 0) return this.giveUp(cells, bytes, from, end, lengthBefore, batch);
    this.part = column;
    this.resumeAt = at - from;
    this.resumeTsMs = tsMs;
    return FULL;
  }

  /** Refuses one cell; RAGGED or UNCLOSED when it turns out that the whole row is refused. */
  private refuseCell(bytes: Uint8Array, at: number, stop: number, from: number, end: number, column: number): number {
    const cells = this.checkRow(bytes, at, from, end, column);
    if (cells >= 0) this.refuseOne('bad_valor', bytes, at, stop, this.plan.labels[column]!);
    return cells;
  }

  /** W2: what has gone out or was refused cannot be taken back, so the row is seen to its end first, once. */
  private checkRow(bytes: Uint8Array, at: number, from: number, end: number, column: number): number {
    if (this.part > 0 || this.isChecked) return 0;
    const cells = this.restCells(bytes, at, from, end, column);
    this.isChecked = cells >= 0;
    return cells;
  }

  /** Checks the cells from column `first` on: how many columns the row has, or RAGGED or UNCLOSED. */
  private restCells(bytes: Uint8Array, at: number, from: number, end: number, first: number): number {
    let i = at;
    for (let column = first; ; column++) {
      const stop = this.cellEnd(bytes, i, from, end);
      if (stop < 0) return stop;
      if (column >= this.columns && !this.isBlank(bytes, i, stop)) return RAGGED;
      i = stop;
      if (bytes[i] === NEWLINE) return column + 1 < this.columns || i - from > MAX_LINE_BYTES ? RAGGED : column + 1;
      i++;
    }
  }

  /** A row that is none: its lecturas are taken back. */
  private giveUp(
    why: number,
    bytes: Uint8Array,
    from: number,
    end: number,
    lengthBefore: number,
    batch: LecturaBatch,
  ): number {
    batch.length = lengthBefore;
    this.resumeAt = -1;
    return why === UNCLOSED ? UNCLOSED : this.refuseLine('malformed', bytes, from, end);
  }

  /** The index of the separator or newline behind the cell at bytes[i]; RAGGED for text behind a closing quote, or UNCLOSED. */
  private cellEnd(bytes: Uint8Array, at: number, from: number, end: number): number {
    const separador = this.plan.separador;
    let i = at;
    let c = bytes[i]!;
    while (c === SPACE || (c === TAB && separador !== TAB)) c = bytes[++i]!;
    if (c === QUOTE) {
      i = scanQuoted(bytes, i + 1, Math.min(end, from + MAX_LINE_BYTES + 1));
      if (i < 0) return end - from > MAX_LINE_BYTES ? RAGGED : UNCLOSED;
      c = bytes[i]!;
      while (c === SPACE || c === RETURN || (c === TAB && separador !== TAB)) c = bytes[++i]!;
      return c === separador || c === NEWLINE ? i : RAGGED;
    }
    while (c !== separador && c !== NEWLINE) c = bytes[++i]!;
    return i;
  }

  private isBlank(bytes: Uint8Array, from: number, to: number): boolean {
    for (let i = from; i < to; i++) if (bytes[i]! > SPACE) return false;
    return true;
  }

  /** A cell that is not plainly a number: BLANK, its number (spaces or quotes around it), or NaN. */
  private slowValor(bytes: Uint8Array, at: number, end: number): number {
    const { pointA, pointB } = this.plan;
    let from = at;
    let to = end;
    while (from < to && bytes[from]! <= SPACE) from++;
    while (from < to && bytes[to - 1]! <= SPACE) to--;
    if (from === to) return BLANK;
    if (bytes[from] !== QUOTE) return finite(scanLooseNumber(bytes, from, pointA, pointB) === to);
    const length = this.unquoted(bytes, from, to);
    if (length < 0) return Number.NaN;
    let begin = 0;
    let stop = length;
    while (begin < stop && this.cell[begin]! <= SPACE) begin++;
    while (begin < stop && this.cell[stop - 1]! <= SPACE) stop--;
    if (begin === stop) return BLANK;
    return finite(scanLooseNumber(this.cell, begin, pointA, pointB) === stop);
  }

  private tsOf(bytes: Uint8Array, at: number, end: number): number {
    let from = at;
    let to = end;
    while (from < to && bytes[from]! <= SPACE) from++;
    while (from < to && bytes[to - 1]! <= SPACE) to--;
    if (from === to || bytes[from] !== QUOTE) return this.plan.time.parse(bytes, from, to);
    const length = this.unquoted(bytes, from, to);
    return length < 0 ? Number.NaN : this.plan.time.parse(this.cell, 0, length);
  }

  /** The inside of the quoted cell bytes[from..to) into this.cell, a newline behind it; its length or -1. */
  private unquoted(bytes: Uint8Array, from: number, to: number): number {
    if (to - from > CELL_BYTES) return -1;
    const length = unquote(bytes, from + 1, to - 1, this.cell, 0, CELL_BYTES);
    this.cell[length] = NEWLINE;
    return length;
  }

  private header(bytes: Uint8Array, from: number, end: number): number {
    let i = from;
    for (;;) {
      const stop = this.cellEnd(bytes, i, from, end);
      if (stop === UNCLOSED) return UNCLOSED;
      if (stop < 0) return this.refuseLine('malformed', bytes, from, end);
      i = stop;
      if (bytes[i++] === NEWLINE) break;
    }
    this.headerPending = false;
    this.line++;
    return i;
  }

  private placeClaves(batch: LecturaBatch): void {
    const bytes = this.claveBytes;
    batch.ensureClaveBytes(bytes.length);
    batch.claveBytes.set(bytes, batch.claveBytesLength);
    this.base = batch.claveBytesLength;
    batch.claveBytesLength += bytes.length;
  }
}

const RAGGED = -3;
/** Stands for no number in a cell, which is not the same as a wrong one: a value that slowValor gives for no cell. */
const BLANK = -Infinity;

function finite(isNumber: boolean): number {
  const valor = scanned[0]!;
  return isNumber && valor - valor === 0 ? valor : Number.NaN;
}
