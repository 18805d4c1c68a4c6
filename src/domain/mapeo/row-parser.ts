/**
 * Rows to lecturas: what every parser has in common.
 *
 * Owns: cutting the bytes into rows, the position inside them, and making clave, valor and ts of the fields a parser found.
 * Leaves the grammar of a row to ndjson-parser.ts, csv-parser.ts and csv-wide-parser.ts, and the bytes to RowReader.
 *
 * P1 A row is taken or refused as a whole and once, however the bytes are cut into chunks. A row of several lecturas is made of
 *    parts (fields, columns); the position is the offset of the row and `part`, the first part not yet dealt with.
 * P2 A parser sees a row only when its newline is there, so that its loops may run until a byte stops them (json-scan.ts J1).
 *    The last row of the data, when it has no newline, is copied and gets one.
 * P3 A row over MAX_LINE_BYTES is refused; parse never leaves more than that unread while the batch has room.
 */
import { finishHash, HASH_PRIME, HASH_SEED, MAX_CLAVE_BYTES, type LecturaBatch } from '#domain/lectura/batch.ts';
import { CLASS_BACKSLASH, CLASS_CONTROL, CLASS_HIGH, classesOf, isUtf8, NEWLINE } from './bytes.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { scanLooseNumber, scanned } from './number.ts';
import { epochToMs, type TimeParser } from './time.ts';

/** Why a row, or a part of it, became no lectura. The reasons that a parser can find. */
export type RowRefusal = 'malformed' | 'too_long' | 'no_clave' | 'bad_clave' | 'no_valor' | 'bad_valor' | 'bad_ts';

/**
 * Told of every refusal, with the row (or the cell, when only one of many) as bytes[from..to), its line counted from 1, and the
 * field when only that one is refused ('' for the whole row). The bytes hold only during the call.
 */
export type RefuseRow = (
  reason: RowRefusal,
  bytes: Uint8Array,
  from: number,
  to: number,
  line: number,
  field: string,
) => void;

export abstract class RowParser {
  /** Lines behind the position. */
  line = 0;
  /** Rows dealt with (blank lines are none), and how many refusals there were. */
  rows = 0;
  refused = 0;
  /** First part of the row at the position that is not yet dealt with (P1). */
  part = 0;
  /** True inside a line that is too long: what follows up to the next newline belongs to it. */
  skipping = false;
  protected readonly refuse: RefuseRow;
  private tail = new Uint8Array(0);

  constructor(refuse: RefuseRow) {
    this.refuse = refuse;
  }

  /**
   * Parses bytes[from..to) into `batch`; `final` tells that nothing follows. Returns the index up to which all is dealt with:
   * `to`, or the beginning of an unfinished row, or, the batch being full, of the next one (see `part`).
   * `bytes` has to be a plain Uint8Array: a Buffer would make every byte load in here polymorphic.
   */
  parse(bytes: Uint8Array, from: number, to: number, final: boolean, batch: LecturaBatch): number {
    let i = from;
    if (this.skipping) {
      const at = bytes.indexOf(NEWLINE, i);
      if (at < 0 || at >= to) return to;
      i = at + 1;
      this.skipping = false;
      this.line++;
    }
    if (i >= to) return i;
    const end = bytes.lastIndexOf(NEWLINE, to - 1) + 1;
    while (i < end) {
      if (this.part === 0) i = this.plainRows(bytes, i, end, batch);
      if (batch.length === batch.capacity) return i;
      if (i >= end) break;
      const next = this.row(bytes, i, end, batch);
      if (next >= 0) i = next;
      else if (next === FULL) return i;
      // A quote that is not closed within a row's length: its first line is refused, the next one is a row again.
      else if (!final && to - i > MAX_LINE_BYTES) i = this.refuseLine('malformed', bytes, i, to);
      else break;
    }
    if (final) return i < to ? i + this.parseTail(bytes, i, to, batch) : to;
    if (to - i > MAX_LINE_BYTES) {
      this.refuseOne('too_long', bytes, i, to, '');
      this.rows++;
      this.part = 0;
      this.skipping = true;
      return to;
    }
    return i;
  }

  /**
   * One row at bytes[from], a newline standing at bytes[end - 1]: the index behind its newline, FULL when the batch has no room
   * for (the rest of) it, or UNCLOSED when it does not end before `end`. Sets line, rows and part.
   */
  protected abstract row(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number;

  /**
   * As many rows as it can from bytes[from] on, all of the plainest kind: the index behind them. A parser may do without; what
   * it does here has to be what row() would do.
   */
  protected plainRows(_bytes: Uint8Array, from: number, _end: number, _batch: LecturaBatch): number {
    return from;
  }

  protected refuseOne(reason: RowRefusal, bytes: Uint8Array, from: number, to: number, field: string): void {
    this.refused++;
    this.refuse(reason, bytes, from, to, this.line + 1, field);
  }

  /** Refuses the line at bytes[from] and steps behind its newline. */
  protected refuseLine(reason: RowRefusal, bytes: Uint8Array, from: number, end: number): number {
    const at = bytes.indexOf(NEWLINE, from);
    const stop = at < 0 || at >= end ? end : at;
    const length = stop - from;
    this.refuseOne(length > MAX_LINE_BYTES ? 'too_long' : reason, bytes, from, stop, '');
    this.rows++;
    this.line++;
    this.part = 0;
    return at < 0 || at >= end ? end : at + 1;
  }

  /** The last bytes of the data with a newline put behind them; how many of them are dealt with. */
  private parseTail(bytes: Uint8Array, from: number, to: number, batch: LecturaBatch): number {
    const length = to - from;
    if (this.tail.length < length + 1) this.tail = new Uint8Array(length + 1);
    this.tail.set(bytes.subarray(from, to));
    this.tail[length] = NEWLINE;
    let i = 0;
    while (i < length) {
      if (batch.length === batch.capacity) return i;
      const next = this.row(this.tail, i, length + 1, batch);
      if (next >= 0) i = next;
      else if (next === FULL) return i;
      else i = this.refuseLine('malformed', this.tail, i, length + 1);
    }
    return length;
  }
}

/** row(): the batch is full. */
export const FULL = -1;
/** row(): a quote is open at the end of the bytes. */
export const UNCLOSED = -2;

/** What stands in a slot, the place of one field that the mapping asks for. */
export const MISSING = 0;
export const NULL = 1;
export const NUMBER = 2;
export const TEXT = 3;
export const TRUE = 4;
export const FALSE = 5;
export const NESTED = 6;

/** Which slots make clave, valor and ts. */
export interface RecordPlan {
  readonly claveSlots: readonly number[];
  readonly prefijo: Uint8Array;
  readonly valorSlots: readonly number[];
  /** Names of the valores as they end a clave; null when a row gives one lectura. */
  readonly valorNames: readonly Uint8Array[] | null;
  /** The same as text, for refusals. */
  readonly valorLabels: readonly string[];
  readonly tsSlot: number;
  readonly tsOptional: boolean;
  readonly time: TimeParser;
  readonly slots: number;
  /** Bytes taken for a decimal point in numbers written as text. */
  readonly pointA: number;
  readonly pointB: number;
}

const SLASH = 0x2f;
/** Longest text that can still be a number or a time, escapes included. */
const SCALAR_BYTES = 512;

export abstract class RecordParser extends RowParser {
  protected readonly plan: RecordPlan;
  protected readonly kind: Uint8Array;
  /** A field's text (or raw number) is bytes[from[slot]..to[slot]). */
  protected readonly from: Int32Array;
  protected readonly to: Int32Array;
  /** CLASS_BACKSLASH: the text holds escapes, unescape() takes them off. */
  protected readonly classes: Uint8Array;
  protected readonly num: Float64Array;
  private readonly isPlain: boolean;
  private readonly clave = new Uint8Array(MAX_CLAVE_BYTES);
  private readonly scalar = new Uint8Array(SCALAR_BYTES + 1);

  constructor(plan: RecordPlan, refuse: RefuseRow) {
    super(refuse);
    this.plan = plan;
    this.kind = new Uint8Array(plan.slots);
    this.from = new Int32Array(plan.slots);
    this.to = new Int32Array(plan.slots);
    this.classes = new Uint8Array(plan.slots);
    this.num = new Float64Array(plan.slots);
    this.isPlain = plan.claveSlots.length === 1 && plan.prefijo.length === 0 && plan.valorNames === null;
  }

  /** The text bytes[from..to) without its escapes to target[at..limit); the index behind it, or -1 without room. */
  protected abstract unescape(
    bytes: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    at: number,
    limit: number,
  ): number;

  /** Makes lecturas of the slots of the row bytes[rowFrom..rowTo). False: the batch is full, `part` tells where to go on. */
  protected emit(bytes: Uint8Array, rowFrom: number, rowTo: number, batch: LecturaBatch): boolean {
    const plan = this.plan;
    const tsMs = plan.tsSlot < 0 ? Number.NaN : this.tsOf(bytes, plan.tsSlot);
    if (this.isPlain) {
      const slot = plan.claveSlots[0]!;
      const from = this.from[slot]!;
      const to = this.to[slot]!;
      // The common row, without a copy of its clave: plain ASCII text and a number.
      if (
        this.kind[slot] === TEXT &&
        (this.classes[slot]! & (CLASS_HIGH | CLASS_BACKSLASH | CLASS_CONTROL)) === 0 &&
        to > from &&
        to - from <= MAX_CLAVE_BYTES
      ) {
        const valorSlot = plan.valorSlots[0]!;
        if (this.kind[valorSlot] === NUMBER && this.tsGood(tsMs)) {
          const valor = this.num[valorSlot]!;
          if (valor - valor === 0) {
            if (!batch.append(bytes, from, to, valor, tsMs)) return false;
            this.rows++;
            return true;
          }
        }
      }
    }
    return this.emitSlowly(bytes, rowFrom, rowTo, tsMs, batch);
  }

  private tsGood(tsMs: number): boolean {
    return tsMs === tsMs || this.plan.tsSlot < 0 || (this.plan.tsOptional && this.kind[this.plan.tsSlot]! <= NULL);
  }

  private emitSlowly(bytes: Uint8Array, rowFrom: number, rowTo: number, tsMs: number, batch: LecturaBatch): boolean {
    const { valorSlots, valorNames } = this.plan;
    const base = this.writeClave(bytes);
    const refusal: RowRefusal | null =
      base === NO_CLAVE ? 'no_clave' : base < 0 ? 'bad_clave' : this.tsGood(tsMs) ? null : 'bad_ts';
    if (refusal !== null) {
      this.refuseOne(refusal, bytes, rowFrom, rowTo, '');
      this.rows++;
      this.part = 0;
      return true;
    }
    const first = this.part;
    let present = first > 0;
    let hash = HASH_SEED;
    if (valorNames !== null) for (let k = 0; k < base; k++) hash = Math.imul(hash ^ this.clave[k]!, HASH_PRIME);
    for (let part = first; part < valorSlots.length; part++) {
      const slot = valorSlots[part]!;
      if (this.isAbsent(bytes, slot)) continue;
      present = true;
      const valor = this.valorOf(bytes, slot);
      const label = valorNames === null ? '' : this.plan.valorLabels[part]!;
      if (valor - valor !== 0) {
        this.refuseOne('bad_valor', bytes, rowFrom, rowTo, label);
        continue;
      }
      if (valorNames !== null && base + valorNames[part]!.length > MAX_CLAVE_BYTES) {
        this.refuseOne('bad_clave', bytes, rowFrom, rowTo, label);
        continue;
      }
      const isTaken =
        valorNames === null
          ? batch.append(this.clave, 0, base, valor, tsMs)
          : this.appendBelow(base, hash, valorNames[part]!, valor, tsMs, batch);
      if (!isTaken) {
        this.part = part;
        return false;
      }
    }
    if (!present) this.refuseOne('no_valor', bytes, rowFrom, rowTo, '');
    this.rows++;
    this.part = 0;
    return true;
  }

  /** Appends a lectura of the clave this.clave[0..base) + name; `hash` is that of the first part, so that it is made once a row. */
  private appendBelow(
    base: number,
    hash: number,
    name: Uint8Array,
    valor: number,
    tsMs: number,
    batch: LecturaBatch,
  ): boolean {
    const length = base + name.length;
    batch.ensureClaveBytes(length);
    const arena = batch.claveBytes;
    const at = batch.claveBytesLength;
    for (let k = 0; k < base; k++) arena[at + k] = this.clave[k]!;
    let whole = hash;
    for (let k = 0; k < name.length; k++) {
      const byte = name[k]!;
      arena[at + base + k] = byte;
      whole = Math.imul(whole ^ byte, HASH_PRIME);
    }
    if (!batch.appendShared(at, length, finishHash(whole), valor, tsMs)) return false;
    batch.claveBytesLength = at + length;
    return true;
  }

  /** Writes prefijo and clave fields to this.clave, ready for a valor's name: the length, NO_CLAVE or BAD_CLAVE. */
  private writeClave(bytes: Uint8Array): number {
    const { claveSlots, prefijo, valorNames } = this.plan;
    const clave = this.clave;
    let at = 0;
    for (; at < prefijo.length; at++) clave[at] = prefijo[at]!;
    for (let k = 0; k < claveSlots.length; k++) {
      const slot = claveSlots[k]!;
      const kind = this.kind[slot]!;
      if (kind <= NULL) return NO_CLAVE;
      if (kind === NESTED) return BAD_CLAVE;
      if (k > 0) {
        if (at === MAX_CLAVE_BYTES) return BAD_CLAVE;
        clave[at++] = SLASH;
      }
      const begin = at;
      const from = this.from[slot]!;
      const to = this.to[slot]!;
      if (kind === TEXT && (this.classes[slot]! & CLASS_BACKSLASH) !== 0) {
        at = this.unescape(bytes, from, to, clave, at, MAX_CLAVE_BYTES);
        if (at < 0) return BAD_CLAVE;
      } else {
        if (at + to - from > MAX_CLAVE_BYTES) return BAD_CLAVE;
        for (let i = from; i < to; i++) clave[at++] = bytes[i]!;
      }
      if (at === begin) return BAD_CLAVE;
      if (!isClaveText(clave, begin, at)) return BAD_CLAVE;
    }
    if (valorNames !== null && claveSlots.length > 0) {
      if (at === MAX_CLAVE_BYTES) return BAD_CLAVE;
      clave[at++] = SLASH;
    }
    return at;
  }

  /** True for a field that is not there, null or blank. */
  private isAbsent(bytes: Uint8Array, slot: number): boolean {
    const kind = this.kind[slot]!;
    if (kind <= NULL) return true;
    if (kind !== TEXT) return false;
    for (let i = this.from[slot]!; i < this.to[slot]!; i++) if (bytes[i]! > 0x20) return false;
    return true;
  }

  /** A field as a number; NaN when it is none. */
  private valorOf(bytes: Uint8Array, slot: number): number {
    switch (this.kind[slot]) {
      case NUMBER:
        return this.num[slot]!;
      case TRUE:
        return 1;
      case FALSE:
        return 0;
      case TEXT:
        break;
      default:
        return Number.NaN;
    }
    const { pointA, pointB } = this.plan;
    let source = bytes;
    let from = this.from[slot]!;
    let to = this.to[slot]!;
    if ((this.classes[slot]! & CLASS_BACKSLASH) !== 0) {
      to = this.scalarText(bytes, from, to);
      if (to < 0) return Number.NaN;
      from = 0;
      source = this.scalar;
    }
    while (from < to && source[from]! <= 0x20) from++;
    while (from < to && source[to - 1]! <= 0x20) to--;
    return scanLooseNumber(source, from, pointA, pointB) === to ? scanned[0]! : Number.NaN;
  }

  /** A field as a time in UTC ms; NaN when it is none. */
  private tsOf(bytes: Uint8Array, slot: number): number {
    const kind = this.kind[slot]!;
    const time = this.plan.time;
    if (kind === NUMBER) return time.formato === 'iso' ? Number.NaN : epochToMs(this.num[slot]!, time.formato);
    if (kind !== TEXT) return Number.NaN;
    let source = bytes;
    let from = this.from[slot]!;
    let to = this.to[slot]!;
    if ((this.classes[slot]! & CLASS_BACKSLASH) !== 0) {
      to = this.scalarText(bytes, from, to);
      if (to < 0) return Number.NaN;
      from = 0;
      source = this.scalar;
    }
    while (from < to && source[from]! <= 0x20) from++;
    while (from < to && source[to - 1]! <= 0x20) to--;
    return time.parse(source, from, to);
  }

  /** A short text without its escapes into this.scalar, a newline behind it; its length or -1. */
  private scalarText(bytes: Uint8Array, from: number, to: number): number {
    if (to - from > SCALAR_BYTES) return -1;
    const length = this.unescape(bytes, from, to, this.scalar, 0, SCALAR_BYTES);
    if (length >= 0) this.scalar[length] = NEWLINE;
    return length;
  }
}

/** A clave is shown on terminals and stored as text: no control characters, and nothing that is not UTF-8. */
function isClaveText(bytes: Uint8Array, from: number, to: number): boolean {
  const classes = classesOf(bytes, from, to);
  return (classes & CLASS_CONTROL) === 0 && ((classes & CLASS_HIGH) === 0 || isUtf8(bytes, from, to));
}

const NO_CLAVE = -1;
const BAD_CLAVE = -2;
