/**
 * The mensajes of several bloques in one piece of shared memory, for whoever encodes them elsewhere.
 *
 * Owns how they lie in it. Leaves the frames to columnas.ts, and who encodes to ports/mensaje-encoder.ts.
 *
 *   an item, from a multiple of 8: f64 tsMs[n] | f32 lectura[n] | f32 valor[n] | u32 numero[slots] | u16 slot[n]
 *
 * The memory is shared, not handed over: when whoever encodes ends in the middle, what was to be encoded is still here.
 */
import { growTo, type BytesCompressor } from './bytes.ts';
import { encodePending, type CodecNombre, type MensajeRows } from './columnas.ts';

export const BATCH_BYTES = 1024 * 1024;

/** Where an item lies. */
export interface BatchItem {
  readonly at: number;
  readonly length: number;
  readonly slots: number;
  readonly canal: number;
}

export class MensajeBatch {
  readonly memory: SharedArrayBuffer;
  readonly items: BatchItem[] = [];
  #end = 0;

  constructor(bytes: number = BATCH_BYTES) {
    this.memory = new SharedArrayBuffer(bytes);
  }

  reset(): void {
    this.items.length = 0;
    this.#end = 0;
  }

  /** Room that so many rows of so many slots take. */
  static bytesOf(length: number, slots: number): number {
    return endOf({ at: 0, length, slots });
  }

  fits(length: number, slots: number): boolean {
    return endOf({ at: this.#end, length, slots }) <= this.memory.byteLength;
  }

  /** Copies the rows in, at least one, which must fit. `numeroBySlot` as for encodePending. */
  add(rows: MensajeRows, numeroBySlot: Uint32Array, canal: number): void {
    const { length } = rows;
    let highest = 0;
    for (let k = 0; k < length; k++) if (rows.slot[k]! > highest) highest = rows.slot[k]!;
    const item: BatchItem = { at: this.#end, length, slots: highest + 1, canal };
    const view = viewOf(this.memory, item);
    view.tsMs.set(rows.tsMs.subarray(0, length));
    view.lectura.set(rows.lectura.subarray(0, length));
    view.valor.set(rows.valor.subarray(0, length));
    view.numero.set(numeroBySlot.subarray(0, item.slots));
    view.slot.set(rows.slot.subarray(0, length));
    this.items.push(item);
    this.#end = endOf(item);
  }
}

/** The frames of each item, all in one piece: `lengths[k]` bytes of item k, in order. */
export interface EncodedBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
}

export function encodeBatch(
  memory: SharedArrayBuffer,
  items: readonly BatchItem[],
  codec: CodecNombre,
  compressor: BytesCompressor,
): EncodedBatch {
  const lengths: number[] = [];
  let bytes = new Uint8Array(0);
  let at = 0;
  for (const item of items) {
    const view = viewOf(memory, item);
    const frames = encodePending(codec, view, view.numero, item.canal, compressor);
    if (bytes.length < at + frames.length) {
      const grown = new Uint8Array(growTo(at + frames.length));
      grown.set(bytes.subarray(0, at));
      bytes = grown;
    }
    bytes.set(frames, at);
    at += frames.length;
    lengths.push(frames.length);
  }
  return { bytes: bytes.slice(0, at), lengths };
}

/** The frames of item k. */
export function framesOf({ bytes, lengths }: EncodedBatch): Uint8Array[] {
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, (at += length)));
}

function endOf({ at, length, slots }: Omit<BatchItem, 'canal'>): number {
  return (at + length * (8 + 4 + 4 + 2) + slots * 4 + 7) & ~7;
}

function viewOf(memory: SharedArrayBuffer, { at, length, slots }: BatchItem): MensajeRows & { numero: Uint32Array } {
  const lecturaAt = at + length * 8;
  const valorAt = lecturaAt + length * 4;
  const numeroAt = valorAt + length * 4;
  return {
    length,
    tsMs: new Float64Array(memory, at, length),
    lectura: new Float32Array(memory, lecturaAt, length),
    valor: new Float32Array(memory, valorAt, length),
    numero: new Uint32Array(memory, numeroAt, slots),
    slot: new Uint16Array(memory, numeroAt + slots * 4, length),
  };
}
