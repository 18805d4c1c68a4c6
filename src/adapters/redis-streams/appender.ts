/**
 * Appends on their way to the server: gathered, sent in batches, sent again after a loss, answered once.
 *
 * Owns order, batches, bounds and deadlines. Leaves connections to link.ts and the transaction that a batch is to batch.ts.
 *
 *   append -> [ waiting ... ] -> batch 7 -> | sent, at most `windowMax` | -> answered: ids
 *              |  over bytesMax              '-- connection lost: sent again, same number, same order
 *              v
 *           refused at once, written: no          after giveUpMs: refused, written: no, or unknown once it was sent
 *
 * A1 A batch has a number of this sender's and is written once however often it is sent; all of it or nothing.
 * A2 Entries of a stream are written in the order in which they came; a batch goes out only when those before it are out or done.
 * A3 Every append is answered: with its ids, or with an error that says whether it may be in.
 * A4 Bounded in bytes, over all streams; what is at the bound is refused, never what is already in.
 */
import { CoreCError } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import { assertFieldsCount } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type { StreamFields } from '#ports/stream-bus.ts';
import { HalfDone, sendBatch, Unmarked } from './batch.ts';
import { XaddEncoder } from './encoded.ts';
import { appendsKey } from './keys.ts';
import type { Link } from './link.ts';
import { isAnswer, isOfReplica, mayPass, type Attempt } from './redis-error.ts';

export interface AppenderOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly senderId: string;
  readonly maxlen: number;
  /** Batches of one stream under way at a time. On a cluster one: there ioredis sends again by itself, and two might change places. */
  readonly windowMax: number;
  readonly bytesMax: number;
  readonly giveUpMs: number;
  readonly describe: (error: unknown, attempt: Attempt) => CoreCError;
}

/** What one call gave to append. */
interface Item {
  /** XADD commands. */
  readonly entries: readonly Buffer[];
  readonly bytes: number;
  readonly untilMs: number;
  readonly ids: string[];
  /** Entries that were put into batches. */
  taken: number;
  isSettled: boolean;
  readonly resolve: (ids: readonly string[]) => void;
  readonly reject: (error: CoreCError) => void;
}

interface Batch {
  readonly number: number;
  readonly parts: readonly { readonly item: Item; readonly count: number }[];
  readonly entries: readonly Buffer[];
  /** Sent, and neither answered nor lost. */
  isOut: boolean;
  /** Sent and lost at least once: only an answer to this very batch can still say whether it is in. */
  wasLost: boolean;
}

interface Lane {
  readonly stream: string;
  readonly key: string;
  readonly encoder: XaddEncoder;
  readonly waiting: Item[];
  batches: Batch[];
  lastNumber: number;
  /** After a failure: nothing new goes out until all that is out has come back and was sent again. */
  isMending: boolean;
  cancelMend: (() => void) | null;
  failures: number;
}

const BATCH_BYTES = MIB;
const BATCH_ENTRIES = 512;
const LANES_MAX = 1024;
const TICK_MS = 250;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 500;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #lanes = new Map<string, Lane>();
  #bytes = 0;
  #refused = 0;
  #lastError: unknown = null;
  #cancelTick: (() => void) | null = null;
  #idle: (() => void)[] = [];

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** Bytes that wait or are under way. */
  get bytes(): number {
    return this.#bytes;
  }
  /** Entries refused, at the bound or at their deadline. */
  get refused(): number {
    return this.#refused;
  }
  /** Why what waits does not get through; null when it does, or nothing waits. */
  get problem(): unknown {
    return this.#bytes > 0 ? this.#lastError : null;
  }

  append(stream: string, list: readonly StreamFields[]): Promise<readonly string[]> {
    if (list.length === 0) return Promise.resolve([]);
    const { clock, bytesMax, giveUpMs } = this.#options;
    for (const fields of list) assertFieldsCount(Object.keys(fields).length);
    const lane = this.#lane(stream);
    const entries = list.map((fields) => lane.encoder.encode(fields));
    const bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
    if (this.#bytes > 0 && this.#bytes + bytes > bytesMax) {
      this.#refused += list.length;
      return Promise.reject(this.#overBound());
    }
    this.#bytes += bytes;
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const untilMs = clock.monotonicMs() + giveUpMs;
    lane.waiting.push({ entries, bytes, untilMs, ids: [], taken: 0, isSettled: false, resolve, reject });
    // what the rest of this turn appends goes with it
    if (lane.waiting.length === 1) queueMicrotask(() => this.#pump(lane));
    this.#cancelTick ??= clock.after(TICK_MS, () => this.#tick());
    return promise;
  }

  /** The connection is up again. */
  resume(): void {
    for (const lane of this.#lanes.values()) this.#pump(lane);
  }

  /** Resolves when nothing waits; what still does after `ms` is refused. */
  async finish(ms: number): Promise<void> {
    if (this.#bytes === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    const cancel = this.#options.clock.after(ms, () => this.#giveUp(Infinity));
    await promise;
    cancel();
    this.#cancelTick?.();
    for (const lane of this.#lanes.values()) lane.cancelMend?.();
  }

  #lane(stream: string): Lane {
    let lane = this.#lanes.get(stream);
    if (lane === undefined) {
      if (this.#lanes.size >= LANES_MAX) {
        throw new CoreCError('COREC_E_LIMIT', {
          what: 'The number of streams written to',
          found: this.#lanes.size + 1,
          allowed: LANES_MAX,
        });
      }
      const key = appendsKey(stream, this.#options.senderId);
      lane = {
        stream,
        key,
        encoder: new XaddEncoder(stream, this.#options.maxlen),
        waiting: [],
        batches: [],
        lastNumber: 0,
        isMending: false,
        cancelMend: null,
        failures: 0,
      };
      this.#lanes.set(stream, lane);
    }
    return lane;
  }

  #pump(lane: Lane): void {
    if (this.#options.link.client === null) return;
    if (lane.isMending) {
      this.#mend(lane);
      return;
    }
    while (lane.batches.length < this.#options.windowMax && lane.waiting.length > 0) {
      const batch = this.#takeBatch(lane);
      lane.batches.push(batch);
      this.#send(lane, batch);
    }
  }

  #takeBatch(lane: Lane): Batch {
    const parts: { item: Item; count: number }[] = [];
    const entries: Buffer[] = [];
    let bytes = 0;
    for (let item = lane.waiting[0]; item !== undefined; item = lane.waiting[0]) {
      let count = 0;
      while (item.taken < item.entries.length && hasRoom(entries.length, bytes)) {
        const entry = item.entries[item.taken++]!;
        entries.push(entry);
        bytes += entry.length;
        count++;
      }
      if (count > 0) parts.push({ item, count });
      if (item.taken < item.entries.length) break;
      lane.waiting.shift();
    }
    return { number: ++lane.lastNumber, parts, entries, isOut: false, wasLost: false };
  }

  #send(lane: Lane, batch: Batch): void {
    const { client } = this.#options.link;
    if (client === null) {
      lane.isMending = true;
      return;
    }
    batch.isOut = true;
    const { stream, key, batches } = lane;
    const { number, entries } = batch;
    const after = batches[batches.indexOf(batch) - 1]?.number ?? 0;
    sendBatch(client, { stream, key, number, after, entries }).then(
      (ids) => this.#answered(lane, batch, ids, null),
      (error: unknown) => {
        if (error instanceof Unmarked) this.#answered(lane, batch, error.ids, error);
        else this.#failed(lane, batch, error);
      },
    );
  }

  #answered(lane: Lane, batch: Batch, ids: readonly string[], problem: Error | null): void {
    this.#lastError = problem;
    lane.failures = 0;
    lane.batches = lane.batches.filter((other) => other !== batch);
    let at = 0;
    for (const { item, count } of batch.parts) {
      for (let k = 0; k < count; k++) item.ids.push(ids[at++]!);
      if (item.ids.length === item.entries.length) this.#settle(item, () => item.resolve(item.ids));
    }
    this.#pump(lane);
  }

  #failed(lane: Lane, batch: Batch, error: unknown): void {
    batch.isOut = false;
    this.#lastError = error;
    if (isOfReplica(error)) this.#options.link.drop();
    if (!(error instanceof HalfDone) && mayPass(error)) {
      batch.wasLost ||= !isAnswer(error);
      lane.isMending = true;
      this.#mendSoon(lane);
      return;
    }
    // The server has said that it will not: nothing of it was written (A1), unless an earlier try was and its answer got lost.
    lane.batches = lane.batches.filter((other) => other !== batch);
    const isHalf = error instanceof HalfDone;
    for (const { item } of batch.parts) {
      this.#refuse(
        lane,
        item,
        isHalf ? error.cause : error,
        isHalf || batch.wasLost || item.ids.length > 0 ? 'unknown' : 'no',
      );
    }
    this.#pump(lane);
  }

  #mendSoon(lane: Lane): void {
    if (lane.batches.some(({ isOut }) => isOut) || this.#options.link.client === null) return;
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(10, lane.failures++));
    lane.cancelMend?.();
    lane.cancelMend = this.#options.clock.after(pauseMs, () => this.#pump(lane));
  }

  /** Sends again what came back, in its order, then goes on. */
  #mend(lane: Lane): void {
    if (lane.batches.some(({ isOut }) => isOut)) return;
    lane.cancelMend?.();
    lane.cancelMend = null;
    lane.batches = lane.batches.filter(({ parts }) => parts.some(({ item }) => !item.isSettled));
    lane.isMending = false;
    for (const batch of lane.batches) this.#send(lane, batch);
    this.#pump(lane);
  }

  #tick(): void {
    this.#cancelTick = null;
    this.#giveUp(this.#options.clock.monotonicMs());
    if (this.#bytes > 0) this.#cancelTick ??= this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  /** Refuses what should have been done by `nowMs`. */
  #giveUp(nowMs: number): void {
    for (const lane of this.#lanes.values()) {
      const late = new Map<Item, 'no' | 'unknown'>();
      for (const item of lane.waiting)
        if (item.untilMs <= nowMs) late.set(item, item.ids.length > 0 ? 'unknown' : 'no');
      for (const { parts, isOut, wasLost } of lane.batches) {
        for (const { item } of parts) {
          if (item.untilMs > nowMs) continue;
          const isOpen = isOut || wasLost || item.ids.length > 0;
          if (isOpen || !late.has(item)) late.set(item, isOpen ? 'unknown' : 'no');
        }
      }
      for (const [item, written] of late) {
        this.#refuse(lane, item, this.#options.link.reason ?? this.#lastError, written);
      }
    }
  }

  #refuse(lane: Lane, item: Item, error: unknown, written: 'no' | 'unknown'): void {
    if (item.isSettled) return;
    this.#refused += item.entries.length - item.ids.length;
    const at = lane.waiting.indexOf(item);
    if (at >= 0) lane.waiting.splice(at, 1);
    const cause = error ?? new Error('no answer in time');
    this.#settle(item, () =>
      item.reject(this.#options.describe(cause, { operation: 'XADD', stream: lane.stream, written })),
    );
  }

  #settle(item: Item, tell: () => void): void {
    if (item.isSettled) return;
    item.isSettled = true;
    this.#bytes -= item.bytes;
    tell();
    if (this.#bytes === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #overBound(): CoreCError {
    const { link, describe, bytesMax } = this.#options;
    if (link.client === null) return describe(link.reason, { operation: 'XADD', written: 'no' });
    return new CoreCError('COREC_E_BUSY', {
      what: 'Redis',
      found: `${this.#bytes} of ${bytesMax} bytes wait to be written`,
      seconds: 1,
      written: 'no',
    });
  }
}

function hasRoom(entriesCount: number, bytes: number): boolean {
  return entriesCount === 0 || (entriesCount < BATCH_ENTRIES && bytes < BATCH_BYTES);
}
