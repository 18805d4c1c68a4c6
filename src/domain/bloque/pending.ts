/**
 * What a bloque drained since its last row, waiting to be stored: raw columns up to a chunk, then encoded.
 *
 * N1 `columns.length <= capacity`; a full chunk is encoded before anything more is added, so what waits costs few bytes a lectura.
 * N2 What was found to be a change is one: it is not looked at again, or it would be taken for a repetition of itself.
 * N3 Mode `ultimo` keeps the last lectura of a slot only; `cambios` those that differ from the slot's one before; `ninguno` nothing.
 */
import type { PendingColumns } from '../procesadores/compile.ts';

export type ModoMensajes = 'todos' | 'cambios' | 'ultimo' | 'ninguno';

/** Lecturas in one encoded frame: enough for compression to find its pattern, small enough to wait raw in a thousand bloques. */
export const CHUNK_LECTURAS = 2048;

/** Encodes columns[0..length) to one frame. */
export type EncodePending = (columns: PendingColumns) => Uint8Array;

class Columns implements PendingColumns {
  readonly slot: Uint16Array;
  readonly tsMs: Float64Array;
  readonly lectura: Float32Array;
  readonly valor: Float32Array;
  length = 0;

  constructor(capacity: number) {
    this.slot = new Uint16Array(capacity);
    this.tsMs = new Float64Array(capacity);
    this.lectura = new Float32Array(capacity);
    this.valor = new Float32Array(capacity);
  }
}

export class PendingMensajes {
  readonly modo: ModoMensajes;
  readonly #encode: EncodePending;
  #slots: number;
  #columns: Columns | null = null;
  #frames: Uint8Array[] = [];
  #framesBytes = 0;
  /** Per slot, 1 + row of its lectura in the chunk (ultimo), or the bits of its last stored lectura (cambios). */
  #bySlot: Float64Array | null = null;
  /** Rows of the chunk that are changes (N2). */
  #changes = 0;

  constructor(modo: ModoMensajes, slots: number, encode: EncodePending) {
    this.modo = modo;
    this.#slots = slots;
    this.#encode = encode;
  }

  /** Bytes that wait, encoded and raw. */
  get bytes(): number {
    return this.#framesBytes + (this.#columns === null ? 0 : this.#columns.length * 18);
  }

  get empty(): boolean {
    return this.#framesBytes === 0 && (this.#columns === null || this.#columns.length === 0);
  }

  /** Columns with room for at least one of up to `wanted` lecturas; null when nothing is kept. */
  columns(wanted: number): PendingColumns | null {
    if (this.modo === 'ninguno') return null;
    let columns = this.#columns;
    if (columns === null) {
      let capacity = 64;
      while (capacity < wanted && capacity < CHUNK_LECTURAS) capacity *= 2;
      columns = this.#columns = new Columns(capacity);
    } else if (columns.length === columns.slot.length) {
      this.#reduce(columns);
      if (columns.length > columns.slot.length / 2) {
        if (columns.slot.length < CHUNK_LECTURAS || this.modo === 'ultimo') columns = this.#grow(columns);
        else this.#flush();
      }
    }
    return columns;
  }

  /** Adds rows that were drained elsewhere. */
  append({ slot, tsMs, lectura, valor, length }: Readonly<PendingColumns>): void {
    for (let from = 0; from < length;) {
      const columns = this.columns(length - from);
      if (columns === null) return;
      const to = Math.min(length, from + columns.slot.length - columns.length);
      columns.slot.set(slot.subarray(from, to), columns.length);
      columns.tsMs.set(tsMs.subarray(from, to), columns.length);
      columns.lectura.set(lectura.subarray(from, to), columns.length);
      columns.valor.set(valor.subarray(from, to), columns.length);
      columns.length += to - from;
      from = to;
    }
  }

  /** Lecturas that wait raw. */
  get rawLength(): number {
    return this.#columns?.length ?? 0;
  }

  /** Everything that waits as frames back to back, or null; afterwards nothing waits. */
  take(): Uint8Array | null {
    this.encode();
    const frames = this.#takeFrames();
    if (frames.length === 0) return null;
    return frames.length === 1 ? frames[0]! : concat(frames);
  }

  /** As `take`, but what waits raw goes to `copy`, if it is anything. Gives the frames before it. */
  takeRaw(copy: (columns: PendingColumns) => void): Uint8Array[] {
    const columns = this.#columns;
    if (columns !== null && columns.length > 0) {
      this.#reduce(columns);
      if (columns.length > 0) copy(columns);
      columns.length = this.#changes = 0;
    }
    return this.#takeFrames();
  }

  /** Encodes what waits raw: the numbers of its slots are about to change. */
  encode(): void {
    if (this.#columns === null || this.#columns.length === 0) return;
    this.#reduce(this.#columns);
    this.#flush();
  }

  /** Another entidad stands in this slot: nothing is known of what was stored of it. */
  forget(slot: number): void {
    if (this.#bySlot !== null) this.#bySlot[slot] = NaN;
  }

  resize(slots: number): void {
    this.#slots = slots;
    if (this.#bySlot === null) return;
    const bySlot = new Float64Array(slots).fill(NaN);
    bySlot.set(this.#bySlot.subarray(0, slots));
    this.#bySlot = bySlot;
  }

  #takeFrames(): Uint8Array[] {
    // a bloque that was busy once need not hold its chunk for ever
    if (this.#columns !== null && this.#columns.slot.length > 256) this.#columns = null;
    const frames = this.#frames;
    this.#frames = [];
    this.#framesBytes = 0;
    return frames;
  }

  #flush(): void {
    const columns = this.#columns!;
    if (columns.length === 0) return;
    const frame = this.#encode(columns);
    this.#frames.push(frame);
    this.#framesBytes += frame.length;
    columns.length = this.#changes = 0;
  }

  #grow(columns: Columns): Columns {
    const grown = new Columns(columns.slot.length * 2);
    grown.slot.set(columns.slot);
    grown.tsMs.set(columns.tsMs);
    grown.lectura.set(columns.lectura);
    grown.valor.set(columns.valor);
    grown.length = columns.length;
    this.#columns = grown;
    return grown;
  }

  /** N3, in place. */
  #reduce(columns: Columns): void {
    if (this.modo === 'todos') return;
    if (this.modo === 'ultimo') this.#keepLast(columns);
    else this.#keepChanges(columns);
  }

  #keepLast(columns: Columns): void {
    const last = new Int32Array(this.#slots).fill(-1);
    for (let k = 0; k < columns.length; k++) last[columns.slot[k]!] = k;
    let n = 0;
    for (let k = 0; k < columns.length; k++) if (last[columns.slot[k]!] === k) move(columns, k, n++);
    columns.length = n;
  }

  #keepChanges(columns: Columns): void {
    const seen = (this.#bySlot ??= new Float64Array(this.#slots).fill(NaN));
    let n = this.#changes;
    for (let k = n; k < columns.length; k++) {
      const slot = columns.slot[k]!;
      const lectura = columns.lectura[k]!;
      if (seen[slot] === lectura) continue;
      seen[slot] = lectura;
      move(columns, k, n++);
    }
    columns.length = this.#changes = n;
  }
}

function move(columns: PendingColumns, from: number, to: number): void {
  columns.slot[to] = columns.slot[from]!;
  columns.tsMs[to] = columns.tsMs[from]!;
  columns.lectura[to] = columns.lectura[from]!;
  columns.valor[to] = columns.valor[from]!;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
