/**
 * CSV rows with named fields to lecturas: RFC 4180 with any separator, CRLF or LF.
 *
 * Owns: cells and rows. A row has as many cells as the header; blank ones more at its end are let pass, else it is malformed: a
 * row that lost its end would give a wrong number. Outer spaces of a cell do not count, those inside quotes do.
 * Leaves tables whose every column is a clave to csv-wide-parser.ts, which is faster.
 */
import {
  finishHash,
  HASH_PRIME,
  HASH_SEED,
  hashClave,
  MAX_CLAVE_BYTES,
  type LecturaBatch,
} from '#domain/lectura/batch.ts';
import { CLASS, CLASS_BACKSLASH, classesOf, NEWLINE, QUOTE, RETURN, SPACE, TAB } from './bytes.ts';
import { hasDoubledQuote, scanQuoted, unquote } from './csv-scan.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { FULL, MISSING, NUMBER, RecordParser, TEXT, UNCLOSED, type RecordPlan, type RefuseRow } from './row-parser.ts';
import { scanLooseNumber, scanned, scanShortNumber } from './number.ts';
import { scannedMs } from './time.ts';

/** What a column's cell is for. */
const SKIPPED = 0;
const AS_TEXT = 1;
const AS_NUMBER = 2;

const ROLE_CLAVE = 1;
const ROLE_VALOR = 2;
const ROLE_TS = 3;

/** More than scanPlain of a time reads. */
const LOOK_AHEAD = 32;

/** Bytes that stand for themselves in a cell, quoted or not, ASCII only; the separator is looked at beside. */
const PLAIN_CELL: Uint8Array = Uint8Array.from(CLASS, (cls) => Number(cls === 0 || cls === CLASS_BACKSLASH));

export class CsvParser extends RecordParser {
  private readonly separador: number;
  private readonly columns: number;
  /** By column: its slot, and how its cell is read. */
  private readonly slotOf: Int32Array;
  private readonly roleOf: Uint8Array;
  /** By column, what plainRows does with it; null when the mapping asks for more than it does. */
  private readonly plainRole: Uint8Array | null;
  /** The bytes that `view` is a view of. */
  private viewed: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** The header is the first row and is still to come. */
  private headerPending: boolean;

  /** columnOf[slot] is the column of each slot of the plan; `header` tells that the next row to be parsed is the header. */
  constructor(
    columnOf: readonly number[],
    columns: number,
    separador: number,
    header: boolean,
    plan: RecordPlan,
    refuse: RefuseRow,
  ) {
    super(plan, refuse);
    this.separador = separador;
    this.columns = columns;
    this.headerPending = header;
    this.slotOf = new Int32Array(columns).fill(-1);
    this.roleOf = new Uint8Array(columns);
    for (const [slot, column] of columnOf.entries()) {
      this.slotOf[column] = slot;
      // Only a valor is turned into a number on the way; the others are needed as they are written.
      const isText = plan.claveSlots.includes(slot) || slot === plan.tsSlot;
      this.roleOf[column] = isText ? AS_TEXT : AS_NUMBER;
    }
    const { claveSlots, prefijo, valorNames, valorSlots, tsSlot } = plan;
    const roles = [...claveSlots, ...valorSlots, tsSlot];
    const isPlain = valorNames === null && claveSlots.length + Math.min(1, prefijo.length) === 1;
    this.plainRole = isPlain && new Set(roles).size === roles.length ? new Uint8Array(columns) : null;
    for (const [slot, column] of columnOf.entries()) {
      if (this.plainRole === null) break;
      this.plainRole[column] = slot === tsSlot ? ROLE_TS : slot === valorSlots[0] ? ROLE_VALOR : ROLE_CLAVE;
    }
  }

  /**
   * Rows of one clave or none, one number and a ts as machines write it, whose cells are plain ASCII, quoted or not: all at once
   * in one pass. Whatever else a row has, it is left to row().
   */
  protected override plainRows(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    const plainRole = this.plainRole;
    if (plainRole === null || this.headerPending) return from;
    if (this.viewed !== bytes) {
      this.viewed = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const { view, separador, columns } = this;
    const { time, pointA, pointB, prefijo } = this.plan;
    const { valor: valores, tsMs: tiempos, claveOffset, claveLength, claveHash, capacity } = batch;
    // The only look ahead is for a time.
    const safe = Math.min(end, bytes.length - LOOK_AHEAD);
    const hasClave = this.plan.claveSlots.length > 0;
    batch.ensureClaveBytes(MAX_CLAVE_BYTES + 1);
    const sharedFrom = batch.claveBytesLength;
    let sharedHash = 0;
    if (!hasClave && from < safe) {
      batch.claveBytes.set(prefijo, sharedFrom);
      batch.claveBytesLength += prefijo.length;
      sharedHash = hashClave(prefijo, 0, prefijo.length);
    }
    let count = batch.length;
    let rows = 0;
    let rowFrom = from;
    row: while (rowFrom < safe && count < capacity) {
      batch.ensureClaveBytes(MAX_CLAVE_BYTES + 1);
      const arena = batch.claveBytes;
      const claveFrom = batch.claveBytesLength;
      const claveLimit = claveFrom + MAX_CLAVE_BYTES;
      let claveTo = claveFrom;
      let hash = HASH_SEED;
      let valor = 0;
      let tsMs = Number.NaN;
      let i = rowFrom;
      let c = bytes[i]!;
      for (let column = 0; ; column++) {
        if (column === columns) break row;
        const isQuoted = c === QUOTE;
        if (isQuoted) c = bytes[++i]!;
        const role = plainRole[column]!;
        if (role === ROLE_CLAVE) {
          if (c === SPACE) break row;
          while (PLAIN_CELL[c] === 1 && c !== separador && claveTo < claveLimit) {
            arena[claveTo++] = c;
            hash = Math.imul(hash ^ c, HASH_PRIME);
            c = bytes[++i]!;
          }
          if (claveTo === claveFrom || arena[claveTo - 1] === SPACE) break row;
        } else if (role === ROLE_VALOR) {
          i = scanShortNumber(bytes, i, pointA, pointB);
          if (i < 0) break row;
          valor = scanned[0]!;
          if (valor - valor !== 0) break row;
          c = bytes[i]!;
        } else if (role === ROLE_TS) {
          if (i >= safe) break row;
          const textFrom = i;
          i = time.scanPlain(bytes, view, textFrom);
          c = i < 0 ? 0 : bytes[i]!;
          if (c === separador || c === QUOTE || c === NEWLINE || c === RETURN) tsMs = scannedMs[0]!;
          else {
            i = textFrom;
            c = bytes[i]!;
            while (PLAIN_CELL[c] === 1 && c !== separador) c = bytes[++i]!;
            tsMs = time.parse(bytes, textFrom, i);
            if (tsMs !== tsMs) break row;
          }
        } else if (isQuoted) {
          while (PLAIN_CELL[c] === 1 || c >= 0x80) c = bytes[++i]!;
        } else {
          // row() knows what a quote behind spaces is.
          if ((c === SPACE || c === TAB) && c !== separador) break row;
          while (c !== separador && c !== NEWLINE) c = bytes[++i]!;
        }
        if (isQuoted) {
          if (c !== QUOTE) break row;
          c = bytes[++i]!;
        }
        if (c === separador) {
          c = bytes[++i]!;
          continue;
        }
        if (c === RETURN) c = bytes[++i]!;
        if (c !== NEWLINE || column + 1 !== columns) break row;
        break;
      }
      if (i - rowFrom > MAX_LINE_BYTES) break;
      if (hasClave) {
        claveOffset[count] = claveFrom;
        claveLength[count] = claveTo - claveFrom;
        claveHash[count] = finishHash(hash);
        batch.claveBytesLength = claveTo;
      } else {
        claveOffset[count] = sharedFrom;
        claveLength[count] = prefijo.length;
        claveHash[count] = sharedHash;
      }
      valores[count] = valor;
      tiempos[count] = tsMs;
      batch.length = ++count;
      rows++;
      rowFrom = i + 1;
    }
    this.rows += rows;
    this.line += rows;
    return rowFrom;
  }

  protected row(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    const { separador, columns, kind, roleOf, slotOf } = this;
    const { pointA, pointB } = this.plan;
    let c = bytes[from]!;
    if (c === NEWLINE || (c === RETURN && bytes[from + 1] === NEWLINE)) {
      this.line++;
      return from + (c === NEWLINE ? 1 : 2);
    }
    for (let slot = 0; slot < kind.length; slot++) kind[slot] = MISSING;
    let i = from;
    let column = 0;
    let lines = 1;
    let isRagged = false;
    for (;;) {
      const role = column < columns ? roleOf[column]! : SKIPPED;
      let start: number;
      let stop: number;
      let isEscaped = false;
      c = bytes[i]!;
      while (c === SPACE || (c === TAB && separador !== TAB)) c = bytes[++i]!;
      start = i;
      if (c === QUOTE) {
        start = i + 1;
        i = scanQuoted(bytes, start, Math.min(end, from + MAX_LINE_BYTES + 1));
        if (i < 0) {
          if (end - from > MAX_LINE_BYTES) return this.refuseLine('malformed', bytes, from, end);
          return UNCLOSED;
        }
        stop = i - 1;
        isEscaped = hasDoubledQuote;
        for (let at = bytes.indexOf(NEWLINE, start); at >= 0 && at < stop; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
        c = bytes[i]!;
        while (c === SPACE || c === RETURN || (c === TAB && separador !== TAB)) c = bytes[++i]!;
        if (c !== separador && c !== NEWLINE) return this.refuseLine('malformed', bytes, from, end);
      } else {
        if (role === AS_NUMBER) {
          const next = scanLooseNumber(bytes, i, pointA, pointB);
          if (next >= 0) {
            i = next;
            c = bytes[i]!;
            if (c === RETURN && bytes[i + 1] === NEWLINE) c = bytes[++i]!;
            if (c === separador || c === NEWLINE) {
              const slot = slotOf[column]!;
              kind[slot] = NUMBER;
              this.num[slot] = scanned[0]!;
              if (c === NEWLINE) break;
              column++;
              i++;
              continue;
            }
          }
        }
        i = start;
        c = bytes[i]!;
        while (c !== separador && c !== NEWLINE) c = bytes[++i]!;
        stop = i;
        while (stop > start && isBlank(bytes[stop - 1]!)) stop--;
      }
      if (role !== SKIPPED) {
        const slot = slotOf[column]!;
        // A blank cell of a clave is an empty name, of a valor or ts it is nothing.
        kind[slot] = TEXT;
        this.from[slot] = start;
        this.to[slot] = stop;
        const classes = role === AS_TEXT ? classesOf(bytes, start, stop) & ~CLASS_BACKSLASH : 0;
        this.classes[slot] = isEscaped ? classes | CLASS_BACKSLASH : classes;
      } else if (column >= columns && stop > start) isRagged = true;
      if (c === NEWLINE) break;
      column++;
      i++;
    }
    // Here bytes[i] is the row's newline.
    if (column + 1 < columns || isRagged) {
      this.headerPending = false;
      return this.refuseLine('malformed', bytes, from, end);
    }
    if (i - from > MAX_LINE_BYTES) return this.refuseLine(lines > 1 ? 'malformed' : 'too_long', bytes, from, end);
    if (this.headerPending) this.headerPending = false;
    else if (!this.emit(bytes, from, i, batch)) return FULL;
    this.line += lines;
    return i + 1;
  }

  protected unescape(
    bytes: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    at: number,
    limit: number,
  ): number {
    return unquote(bytes, from, to, target, at, limit);
  }
}

function isBlank(c: number): boolean {
  return c === SPACE || c === RETURN || c === TAB;
}
