/**
 * Connections for reads that wait: a waiting read holds its connection, so each has one of its own.
 *
 * Owns how many there are, waiting in slices, and what ends a wait. Leaves commands and replies to redis-streams-bus.ts.
 *
 * W1 A wait ends within a moment of an abort or close: its connection is given up. An entry that was on its way to it just then stays
 *    pending (a group's), or is read again (a stream's).
 * W2 A wait outlives a lost connection: it goes on with the next one until its time is up.
 * W3 At most `readersMax` connections; one that was not used for a minute is closed.
 */
import { CoreCError } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { RedisClient } from './client.ts';
import type { Link } from './link.ts';
import { mayPass } from './redis-error.ts';
import type { Reply } from './reply.ts';

export interface ReadersOptions {
  readonly makeLink: () => Link;
  readonly clock: Clock;
  readonly readersMax: number;
  /** A server that is gone without a word is noticed when a slice has passed and some. */
  readonly sliceMs: number;
  /** Ends every wait. */
  readonly closing: AbortSignal;
}

const IDLE_MS = 60_000;
/** A connection that is neither made nor refused by then is not coming. */
const OPEN_MS = 5000;
const PAUSE_MS = 50;

interface Idle {
  readonly link: Link;
  readonly sinceMs: number;
}

export class Readers {
  readonly #options: ReadersOptions;
  /** The one that was used last is the last. */
  readonly #idle: Idle[] = [];
  /** Made once for a signal: who reads, reads again with the same one. */
  readonly #ends = new WeakMap<AbortSignal, Ending>();
  readonly #closing: Ending;
  #cancelTidy: (() => void) | null = null;
  #count = 0;

  constructor(options: ReadersOptions) {
    this.#options = options;
    this.#closing = new Ending(options.closing);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Asks `ask` for slices of `blockMs` until it gives something, and gives that; null when the time is up or the wait was ended.
   * Throws the reason when there is no connection at the end of the time.
   */
  async wait(
    blockMs: number,
    signal: AbortSignal | undefined,
    ask: (client: RedisClient, sliceMs: number) => Promise<Reply>,
  ): Promise<Reply> {
    const { clock, sliceMs } = this.#options;
    const ending = signal === undefined ? this.#closing : this.#endOf(signal);
    const ended = ending.signal;
    const endMs = clock.monotonicMs() + blockMs;
    const link = this.#take();
    let isWhole = true;
    try {
      let failure: Error | null = null;
      for (let isFirst = true; ; isFirst = false) {
        const leftMs = endMs - clock.monotonicMs();
        if (ended.aborted) return null;
        // Also a short wait asks once: the time that a new connection takes is not taken off it.
        if (leftMs <= 0 && !isFirst) {
          if (failure !== null) throw failure;
          return null;
        }
        const client =
          link.client ?? (await link.ready(leftMs, ended)) ?? (isFirst ? await this.#opened(link, ended) : null);
        if (client === null) {
          if (!ended.aborted) failure = asError(link.reason);
          continue;
        }
        try {
          isWhole = false;
          const reply = await ending.unless(ask(client, Math.max(1, Math.ceil(Math.min(leftMs, sliceMs)))));
          isWhole = reply !== ENDED;
          if (reply === ENDED) return null;
          if (reply !== null) return reply;
          failure = null;
        } catch (error) {
          isWhole = true;
          if (!mayPass(error)) throw error;
          failure = asError(error);
          await this.#pause(Math.min(PAUSE_MS, endMs - clock.monotonicMs()), ended);
        }
      }
    } finally {
      if (isWhole) this.#giveBack(link);
      else this.#end(link);
    }
  }

  close(): void {
    this.#cancelTidy?.();
    for (const { link } of this.#idle.splice(0)) this.#end(link);
  }

  #endOf(signal: AbortSignal): Ending {
    let end = this.#ends.get(signal);
    if (end === undefined) {
      this.#ends.set(signal, (end = new Ending(AbortSignal.any([signal, this.#options.closing]))));
    }
    return end;
  }

  /** The client of a connection that is just being made; null when that fails. */
  async #opened(link: Link, ended: AbortSignal): Promise<RedisClient | null> {
    return link.reason === null ? await link.ready(OPEN_MS, ended) : null;
  }

  #take(): Link {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle.link;
    const { readersMax, makeLink } = this.#options;
    if (this.#count >= readersMax) {
      throw new CoreCError('COREC_E_LIMIT', {
        what: 'The number of reads that wait at once',
        found: this.#count + 1,
        allowed: readersMax,
      });
    }
    this.#count++;
    return makeLink().open();
  }

  #giveBack(link: Link): void {
    const { closing, clock } = this.#options;
    if (closing.aborted) {
      this.#end(link);
      return;
    }
    this.#idle.push({ link, sinceMs: clock.monotonicMs() });
    this.#cancelTidy ??= clock.after(IDLE_MS, () => this.#tidy());
  }

  /** Closes what was not used for IDLE_MS. One timer for all and for many reads: a timer a read costs as much as sending it. */
  #tidy(): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() - IDLE_MS;
    while (this.#idle.length > 0 && this.#idle[0]!.sinceMs <= dueMs) this.#end(this.#idle.shift()!.link);
    const [oldest] = this.#idle;
    this.#cancelTidy = oldest === undefined ? null : clock.after(oldest.sinceMs - dueMs, () => this.#tidy());
  }

  #end(link: Link): void {
    this.#count--;
    link.close();
  }

  async #pause(ms: number, ended: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(Math.max(0, ms), resolve);
    const end = (): void => resolve();
    ended.addEventListener('abort', end, { once: true });
    await promise;
    ended.removeEventListener('abort', end);
    cancel();
  }
}

const ENDED = Symbol('ended');

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('no answer');
}

/** The end of waits, listened to once for all of them: a listener a read would cost more than the rest of a short one. */
class Ending {
  readonly signal: AbortSignal;
  /** In no order. Not a Set: one that is added to and taken from all the time is copied again and again. */
  readonly #waits: (() => void)[] = [];

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener('abort', () => {
      for (const end of this.#waits) end();
    });
  }

  #over(end: () => void): void {
    const last = this.#waits.pop()!;
    if (last !== end) this.#waits[this.#waits.indexOf(end)] = last;
  }

  /** What is still under way at the end is let go: its connection is closed, which rejects it. */
  unless(work: Promise<Reply>): Promise<Reply | typeof ENDED> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve(ENDED);
      this.#waits.push(end);
      work.then(
        (reply) => {
          this.#over(end);
          resolve(reply);
        },
        (error: unknown) => {
          this.#over(end);
          reject(error);
        },
      );
      if (this.signal.aborted) end();
    });
  }
}
