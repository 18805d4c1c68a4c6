/**
 * Buffers for what waits in bloques, shared among all of them: a thousand bloques that each kept their largest inbox would hold
 * hundreds of megabytes for the few that are busy at one time.
 *
 * B1 A set of columns has a capacity that is a power of two; at most `keepEach` free sets of a capacity are kept.
 */

export interface WaitColumns {
  readonly capacity: number;
  readonly slot: Uint16Array;
  readonly valor: Float64Array;
  readonly tsMs: Float64Array;
}

export const EMPTY_WAIT: WaitColumns = {
  capacity: 0,
  slot: new Uint16Array(0),
  valor: new Float64Array(0),
  tsMs: new Float64Array(0),
};
export const WAIT_BYTES = 18;

export class BufferPool {
  readonly #free = new Map<number, WaitColumns[]>();
  readonly #keepBytes: number;
  #freeBytes = 0;

  /** `keepBytes`: how much free memory is kept for the next who asks. */
  constructor(keepBytes: number = 16 * 1024 * 1024) {
    this.#keepBytes = keepBytes;
  }

  /** Columns with room for at least `needed` lecturas; contents undefined. */
  take(needed: number): WaitColumns {
    let capacity = 16;
    while (capacity < needed) capacity *= 2;
    const kept = this.#free.get(capacity)?.pop();
    if (kept !== undefined) {
      this.#freeBytes -= capacity * WAIT_BYTES;
      return kept;
    }
    const buffer = new ArrayBuffer(capacity * WAIT_BYTES);
    return {
      capacity,
      valor: new Float64Array(buffer, 0, capacity),
      tsMs: new Float64Array(buffer, capacity * 8, capacity),
      slot: new Uint16Array(buffer, capacity * 16, capacity),
    };
  }

  give(columns: WaitColumns): void {
    const bytes = columns.capacity * WAIT_BYTES;
    if (columns.capacity === 0 || this.#freeBytes + bytes > this.#keepBytes) return;
    const list = this.#free.get(columns.capacity);
    if (list === undefined) this.#free.set(columns.capacity, [columns]);
    else list.push(columns);
    this.#freeBytes += bytes;
  }
}
