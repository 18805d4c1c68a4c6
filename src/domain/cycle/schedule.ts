/**
 * Which bloque runs next: strict priority of canales with ageing.
 *
 * Owns the queues. Leaves running to ModuloEjecucion and what a run does to the bloque.
 *
 * Q1 A bloque stands in the queue at most once; what is due for it is added up in its flags.
 * Q2 Canales in order 4, 2, 1, 3, 5 (specification, section 2.5: critical, security, generic, intensive, generation); a bloque that
 *    has waited AGEING_MS goes before those of higher canales, so that none starves. Among equals, bloques of plugins come first.
 * Q3 Of two that ageing lets pass, one that was overtaken comes between: a sweep that takes longer than AGEING_MS keeps no alert waiting
 *    for longer than one bloque.
 * Q4 Canal 5 is the background: it runs when nothing else is due. Only after BACKGROUND_AGEING_MS it is let pass, since an epoch waits
 *    for what was queued before it. At most BACKGROUND_MAX bloques stand there: one more is refused and counted, its lecturas wait in
 *    its inbox, its next interval asks again.
 */

export const DUE = { lecturas: 1, cycle: 2 } as const;
export const AGEING_MS = 250;
export const BACKGROUND_AGEING_MS = 10_000;
export const BACKGROUND_MAX = 1024;

/** Rank of canal 1..5; 0 runs first. */
const RANK: readonly number[] = [4, 2, 1, 3, 0, 4];
const RANKS = 5;
const BACKGROUND = RANK[5]!;

/** The place of a canal in the order; 0 runs first. */
export function rankOfCanal(canal: number): number {
  return RANK[canal]!;
}

export interface Schedulable {
  readonly canal: number;
  /** True for bloques of an active plugin. */
  readonly preferred: boolean;
  /** Bits of DUE; 0 = not queued. The schedule's own. */
  due: number;
  queuedMs: number;
}

class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  push(item: T): void {
    this.#items.push(item);
  }
  peek(): T | undefined {
    return this.#items[this.#head];
  }
  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 4096 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export class Schedule<T extends Schedulable> {
  /** Two queues a rank: preferred, then the others. */
  readonly #queues: readonly Fifo<T>[] = Array.from({ length: RANKS * 2 }, () => new Fifo<T>());
  /** Bloques of the background that found no room. */
  refused = 0;
  #size = 0;
  /** The one that ran last had overtaken others by its age. */
  #overtook = false;

  get size(): number {
    return this.#size;
  }

  /** Bloques that wait in the background. */
  get background(): number {
    return this.#queues[BACKGROUND * 2]!.length + this.#queues[BACKGROUND * 2 + 1]!.length;
  }

  /** When the one that waits longest was queued; Infinity when none waits. */
  get oldestMs(): number {
    let oldest = Infinity;
    for (const queue of this.#queues) oldest = Math.min(oldest, queue.peek()?.queuedMs ?? Infinity);
    return oldest;
  }

  add(item: T, due: number, nowMs: number): void {
    const queued = item.due !== 0;
    const rank = RANK[item.canal]!;
    if (!queued && rank === BACKGROUND && this.background >= BACKGROUND_MAX) {
      this.refused++;
      return;
    }
    item.due |= due;
    if (queued) return;
    item.queuedMs = nowMs;
    this.#queues[rank * 2 + (item.preferred ? 0 : 1)]!.push(item);
    this.#size++;
  }

  /** The next to run with what is due for it, or null. */
  next(nowMs: number): { readonly item: T; readonly due: number } | null {
    if (this.#size === 0) return null;
    let first: Fifo<T> | null = null;
    let aged: Fifo<T> | null = null;
    let oldest = nowMs - AGEING_MS;
    for (let k = 0; k < this.#queues.length; k++) {
      const queue = this.#queues[k]!;
      const head = queue.peek();
      if (head === undefined) continue;
      first ??= queue;
      if (k >= BACKGROUND * 2 && nowMs - head.queuedMs <= BACKGROUND_AGEING_MS) continue;
      if (head.queuedMs < oldest) {
        oldest = head.queuedMs;
        aged = queue;
      }
    }
    this.#overtook = !this.#overtook && aged !== null && aged !== first;
    const item = (this.#overtook ? aged! : first!).shift()!;
    this.#size--;
    const due = item.due;
    item.due = 0;
    return { item, due };
  }
}
