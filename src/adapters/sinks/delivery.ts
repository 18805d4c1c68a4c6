/**
 * A bounded queue in front of something slow that may be away: one item at a time, in order, tried again with growing pauses.
 *
 * Owns waiting, trying again, dropping and counting. Leaves the sending itself, and what of it may be tried again, to `send`.
 *
 *   push -> [ oldest ... newest ] -> send -> sent
 *            | over the bound          |---> refused: failed
 *            v                         '---> later: pause, again; after `attemptsMax`: failed
 *         dropped (the oldest)
 *
 * K1 `push` neither throws nor waits.
 * K2 Pauses grow with failures in a row, over all items: a receiver that is away is not hurried by a new item.
 * K3 Every item ends as exactly one of sent, failed, dropped.
 */
import { messageOf } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';

export type SendResult =
  | { readonly kind: 'sent' }
  /** Trying again cannot help. */
  | { readonly kind: 'refused'; readonly found: string }
  | { readonly kind: 'later'; readonly found: string; readonly afterMs?: number };

export interface DeliveryOptions<T> {
  /** A throw counts as `later`. */
  readonly send: (item: T, signal: AbortSignal) => Promise<SendResult>;
  /** Items that wait; over it the oldest is dropped. */
  readonly queueMax: number;
  readonly attemptsMax: number;
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  /** What `close` gives to what still waits. */
  readonly closeMs: number;
  readonly clock?: Pick<Clock, 'after'> | undefined;
  /** 0 .. 1, for pauses that do not beat in time with those of others. */
  readonly random?: (() => number) | undefined;
  /** Of an item that ends as failed or dropped. */
  readonly onLost?: (item: T) => void;
  /** After every try that did not succeed, and after the first that did again. `inRow`: failures in a row, 0 when it succeeded. */
  readonly onTry?: (inRow: number, found: string) => void;
}

export interface DeliveryStats {
  readonly sent: number;
  readonly failed: number;
  readonly dropped: number;
}

export class Delivery<T> {
  readonly #options: DeliveryOptions<T>;
  readonly #after: Clock['after'];
  readonly #random: () => number;
  readonly #abort = new AbortController();
  #queue: T[] = [];
  /** The item that is being sent. */
  #current: T | null = null;
  #sent = 0;
  #failed = 0;
  #dropped = 0;
  #failuresInRow = 0;
  /** Set while a pause is under way: ends it at once. */
  #endPause: (() => void) | null = null;
  #working: Promise<void> | null = null;
  #isClosing = false;

  constructor(options: DeliveryOptions<T>) {
    this.#options = options;
    const { clock } = options;
    this.#after = clock === undefined ? startTimer : (ms, callback) => clock.after(ms, callback);
    this.#random = options.random ?? Math.random;
  }

  push(item: T): void {
    if (this.#isClosing) {
      this.#drop(item);
      return;
    }
    this.#queue.push(item);
    if (this.#queue.length > this.#options.queueMax) this.#drop(this.#queue.shift()!);
    this.#working ??= this.#work();
  }

  /** Items that wait or are being sent, and the oldest of them. */
  get waiting(): number {
    return this.#queue.length + (this.#current === null ? 0 : 1);
  }
  get oldest(): T | null {
    return this.#current ?? this.#queue[0] ?? null;
  }

  stats(): DeliveryStats {
    return { sent: this.#sent, failed: this.#failed, dropped: this.#dropped };
  }

  /** Gives what waits one more try each, without pauses, for at most `closeMs`; the rest is dropped. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endPause?.();
    if (this.#working === null) return;
    const cancel = this.#after(this.#options.closeMs, () => this.#abort.abort());
    await this.#working;
    cancel();
  }

  async #work(): Promise<void> {
    // The first item is taken in a later turn, so that whoever pushes goes on first.
    await Promise.resolve();
    while (this.#queue.length > 0 && !this.#abort.signal.aborted) {
      this.#current = this.#queue.shift()!;
      await this.#deliver(this.#current);
      this.#current = null;
    }
    for (const item of this.#queue.splice(0)) this.#drop(item);
    this.#working = null;
  }

  #drop(item: T): void {
    this.#dropped += 1;
    this.#options.onLost?.(item);
  }

  async #deliver(item: T): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#try(item);
      if (result.kind === 'sent') {
        this.#sent += 1;
        if (this.#failuresInRow > 0) this.#tell(0, '');
        this.#failuresInRow = 0;
        return;
      }
      this.#failuresInRow += 1;
      this.#tell(this.#failuresInRow, result.found);
      if (result.kind === 'refused' || attempt >= this.#options.attemptsMax) {
        this.#failed += 1;
        this.#options.onLost?.(item);
        return;
      }
      // A pause that closing cuts short is followed by one last try; a try that fails while closing is the last.
      if (!this.#isClosing) await this.#pause(result.afterMs);
      else {
        this.#drop(item);
        return;
      }
    }
  }

  async #try(item: T): Promise<SendResult> {
    try {
      return await this.#options.send(item, this.#abort.signal);
    } catch (error) {
      return { kind: 'later', found: messageOf(error) };
    }
  }

  /** From half to all of a pause that doubles; what the receiver asked for, when it asked. */
  #pause(askedMs: number | undefined): Promise<void> {
    const { pauseMsMin, pauseMsMax } = this.#options;
    const grown = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(30, this.#failuresInRow - 1));
    const ms = askedMs === undefined ? grown * (0.5 + this.#random() / 2) : Math.max(pauseMsMin, askedMs);
    return new Promise((resolve) => {
      const end = (): void => {
        this.#endPause = null;
        resolve();
      };
      const cancel = this.#after(ms, end);
      this.#endPause = () => {
        cancel();
        end();
      };
    });
  }

  #tell(inRow: number, found: string): void {
    try {
      this.#options.onTry?.(inRow, found);
    } catch {
      // Telling of a failure must not become one.
    }
  }
}

function startTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
