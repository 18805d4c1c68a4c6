/**
 * The lecturas of one bloque that arrived and have not run yet, in order of arrival.
 *
 * I1 size <= limit; whoever pushes asks `room` first.
 * I2 Order of arrival is kept, also for lecturas put aside for an inactive entidad: they stand before whatever comes later.
 */
import { EMPTY_WAIT, type BufferPool, type WaitColumns } from './buffer-pool.ts';

export class Inbox {
  readonly limit: number;
  readonly #pool: BufferPool;
  columns: WaitColumns = EMPTY_WAIT;
  size = 0;
  /** The first so many are being worked on by closures. */
  inFlight = 0;
  /** Wall ms at which the oldest lectura now waiting arrived; Infinity when empty. */
  oldestArrivalMs = Infinity;

  constructor(limit: number, pool: BufferPool) {
    this.limit = limit;
    this.#pool = pool;
  }

  get room(): number {
    return this.limit - this.size;
  }

  /** Appends batch rows order[from..to): loc's low 16 bits are the slot. The caller keeps I1. */
  push(
    order: Uint32Array,
    from: number,
    to: number,
    locs: Uint32Array,
    valores: Float64Array,
    tss: Float64Array,
    arrivalMs: number,
  ): void {
    this.#ensure(this.size + (to - from));
    const { slot, valor, tsMs } = this.columns;
    let n = this.size;
    for (let at = from; at < to; at++) {
      const k = order[at]!;
      slot[n] = locs[k]!;
      valor[n] = valores[k]!;
      tsMs[n] = tss[k]!;
      n++;
    }
    this.size = n;
    if (arrivalMs < this.oldestArrivalMs) this.oldestArrivalMs = arrivalMs;
  }

  pushOne(slot: number, valor: number, tsMs: number, arrivalMs: number): void {
    this.#ensure(this.size + 1);
    this.columns.slot[this.size] = slot;
    this.columns.valor[this.size] = valor;
    this.columns.tsMs[this.size] = tsMs;
    this.size++;
    if (arrivalMs < this.oldestArrivalMs) this.oldestArrivalMs = arrivalMs;
  }

  /** Keeps the rows `held[0..heldCount)` (ascending, all below `to`) and everything from `to` on; forgets the rest. */
  consume(to: number, held: Uint32Array, heldCount: number): void {
    const { slot, valor, tsMs } = this.columns;
    let n = 0;
    for (let h = 0; h < heldCount; h++) {
      const k = held[h]!;
      slot[n] = slot[k]!;
      valor[n] = valor[k]!;
      tsMs[n] = tsMs[k]!;
      n++;
    }
    if (to < this.size) {
      slot.copyWithin(n, to, this.size);
      valor.copyWithin(n, to, this.size);
      tsMs.copyWithin(n, to, this.size);
      n += this.size - to;
    }
    this.size = n;
    if (n === 0) {
      this.oldestArrivalMs = Infinity;
      this.#pool.give(this.columns);
      this.columns = EMPTY_WAIT;
    }
  }

  /** Takes out all lecturas of `slot` (its clave is forgotten or it is in quarantine), visiting each; returns how many. */
  removeSlot(slot: number, visit: (valor: number, tsMs: number) => void): number {
    const keep = new Uint32Array(this.size);
    let kept = 0;
    let inFlight = this.inFlight;
    for (let k = 0; k < this.size; k++) {
      if (this.columns.slot[k] === slot) {
        visit(this.columns.valor[k]!, this.columns.tsMs[k]!);
        if (k < this.inFlight) inFlight--;
      } else keep[kept++] = k;
    }
    const removed = this.size - kept;
    this.inFlight = inFlight;
    if (removed > 0) this.consume(this.size, keep, kept);
    return removed;
  }

  #ensure(needed: number): void {
    if (needed <= this.columns.capacity) return;
    const grown = this.#pool.take(Math.min(Math.max(needed, this.columns.capacity * 2), Math.max(needed, this.limit)));
    grown.slot.set(this.columns.slot.subarray(0, this.size));
    grown.valor.set(this.columns.valor.subarray(0, this.size));
    grown.tsMs.set(this.columns.tsMs.subarray(0, this.size));
    this.#pool.give(this.columns);
    this.columns = grown;
  }
}
