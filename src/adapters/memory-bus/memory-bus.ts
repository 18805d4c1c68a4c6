/**
 * Streams inside the process: the twin of Redis Streams for a machine without Redis.
 *
 * Volatile on purpose: after a restart whoever needs a stream again refills it from the store. Owns the streams by name, waiting and
 * what all of them may hold together; leaves one stream to stream.ts, its groups to group.ts.
 *
 * U3 Bounded: a stream by entries, all streams together by their number and by bytes (the longest one gives way first); groups by
 *    their number and by what is pending; ids of appendOnce by their number.
 * U4 A waiting reader is woken by an entry, the end of its time, an abort or close; the first to wait is the first to take.
 */
import { CoreCError } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import { assertStreamId, formatStreamId, parseStreamId } from '#domain/stream-id.ts';
import { assertFieldsCount, assertOnceId } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import {
  type Answered,
  type AppendedOnce,
  type BusHealth,
  type Claimed,
  type GroupOf,
  type PendingSummary,
  type StreamAnswer,
  type StreamBus,
  type StreamEntry,
  type StreamFields,
} from '#ports/stream-bus.ts';
import { Group } from './group.ts';
import { OnceIds } from './once.ts';
import { Stream } from './stream.ts';

export interface MemoryBusOptions {
  readonly clock: Clock;
  /** Entries kept of a stream; as the specification's `maxlen`. */
  readonly maxlen?: number;
  /** Trim to `maxlen` at every append; else, as `MAXLEN ~`, when a tenth more has gathered. */
  readonly isExact?: boolean;
  readonly bytesMax?: number;
  readonly streamsMax?: number;
  readonly groupsMax?: number;
  readonly pendingMax?: number;
  readonly onceMax?: number;
}

const MAXLEN_DEFAULT = 100_000;
const STREAMS_MAX_DEFAULT = 256;
const BYTES_MAX_DEFAULT = 64 * MIB;
/** Of one stream. */
const GROUPS_MAX_DEFAULT = 16;
/** Of one group, at ~200 bytes each: 20 MB, and then somebody has read for a day without ever acknowledging. */
const PENDING_MAX_DEFAULT = 100_000;
/** Of all streams, at ~200 bytes each: 20 MB; one a second for a day. */
const ONCE_MAX_DEFAULT = 100_000;

export class MemoryBus implements StreamBus {
  readonly isVolatile = true;
  readonly #clock: Clock;
  readonly #maxlen: number;
  readonly #slack: number;
  readonly #bytesMax: number;
  readonly #streamsMax: number;
  readonly #groupsMax: number;
  readonly #pendingMax: number;
  readonly #streams = new Map<string, Stream>();
  readonly #once: OnceIds;
  #bytes = 0;
  #isClosed = false;

  constructor(options: MemoryBusOptions) {
    this.#clock = options.clock;
    this.#maxlen = options.maxlen ?? MAXLEN_DEFAULT;
    if (!Number.isInteger(this.#maxlen) || this.#maxlen < 1) throw new RangeError(`maxlen ${this.#maxlen}`);
    this.#slack = options.isExact === true ? 0 : Math.max(16, Math.ceil(this.#maxlen / 10));
    this.#bytesMax = options.bytesMax ?? BYTES_MAX_DEFAULT;
    this.#streamsMax = options.streamsMax ?? STREAMS_MAX_DEFAULT;
    this.#groupsMax = options.groupsMax ?? GROUPS_MAX_DEFAULT;
    this.#pendingMax = options.pendingMax ?? PENDING_MAX_DEFAULT;
    this.#once = new OnceIds(options.onceMax ?? ONCE_MAX_DEFAULT);
  }

  async append(name: string, fields: StreamFields): Promise<string> {
    this.#assertOpen();
    return this.#append(name, fields);
  }

  async appendAll(name: string, list: readonly StreamFields[]): Promise<readonly string[]> {
    this.#assertOpen();
    for (const fields of list) assertFieldsCount(Object.keys(fields).length);
    return list.map((fields) => this.#append(name, fields));
  }

  async appendOnce(name: string, onceId: string, fields: StreamFields, ttlS: number): Promise<AppendedOnce> {
    this.#assertOpen();
    return this.#appendOnce(name, onceId, fields, ttlS);
  }

  async answerAll(
    name: string,
    asked: GroupOf,
    answers: readonly StreamAnswer[],
    ttlS: number,
  ): Promise<readonly Answered[]> {
    this.#assertOpen();
    for (const { entry } of answers) assertStreamId(entry, 'answer');
    return answers.map(({ onceId, fields, entry }) => {
      const { id, first } = this.#appendOnce(name, onceId, fields, ttlS);
      if (first) this.#streams.get(asked.stream)?.groups.get(asked.group)?.ack([entry]);
      return { id, first, acknowledged: first };
    });
  }

  async read(
    name: string,
    afterId: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#isClosed || signal?.aborted === true) return [];
    const known = this.#streams.get(name);
    const after = afterId === '$' ? (known?.lastId ?? { ms: 0, n: 0 }) : parseStreamId(afterId, 'stream read');
    const ready = known?.after(after, count) ?? [];
    if (ready.length > 0 || blockMs <= 0 || count < 1) return ready;
    const stream = this.#stream(name);
    return await this.#wait(stream, blockMs, signal, () => stream.after(after, count));
  }

  async openGroup(name: string, groupName: string, from: '0' | '$'): Promise<void> {
    this.#assertOpen();
    const stream = this.#stream(name);
    if (stream.groups.has(groupName)) return;
    if (stream.groups.size >= this.#groupsMax) {
      throw new CoreCError('COREC_E_LIMIT', {
        what: `The number of groups of ${name}`,
        found: stream.groups.size + 1,
        allowed: this.#groupsMax,
      });
    }
    const start = from === '$' ? stream.lastId : { ms: 0, n: 0 };
    stream.groups.set(groupName, new Group(groupName, start, this.#pendingMax));
  }

  async readGroup(
    name: string,
    groupName: string,
    _consumer: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#isClosed || signal?.aborted === true) return [];
    const { stream, group } = this.#group(name, groupName);
    const deliver = (): StreamEntry[] => group.deliver(stream, count, this.#clock.monotonicMs());
    const ready = deliver();
    if (ready.length > 0 || blockMs <= 0 || count < 1) return ready;
    return await this.#wait(stream, blockMs, signal, deliver);
  }

  async ack(name: string, groupName: string, ids: readonly string[]): Promise<number> {
    this.#assertOpen();
    for (const id of ids) assertStreamId(id, 'ack');
    return this.#streams.get(name)?.groups.get(groupName)?.ack(ids) ?? 0;
  }

  async claim(name: string, groupName: string, _consumer: string, minIdleMs: number, count: number): Promise<Claimed> {
    this.#assertOpen();
    const { stream, group } = this.#group(name, groupName);
    return group.claim(stream, minIdleMs, count, this.#clock.monotonicMs());
  }

  async pending(name: string, groupName: string): Promise<PendingSummary> {
    this.#assertOpen();
    return this.#group(name, groupName).group.summary(this.#clock.monotonicMs());
  }

  async length(name: string): Promise<number> {
    this.#assertOpen();
    return this.#streams.get(name)?.length ?? 0;
  }

  async health(): Promise<BusHealth> {
    return { ok: !this.#isClosed, found: this.#isClosed ? 'closed' : 'in the process', version: null };
  }

  /** Whoever waits is answered with nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.wake();
    this.#streams.clear();
    this.#once.clear();
    this.#bytes = 0;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new CoreCError('COREC_E_STOPPING');
  }

  #append(name: string, fields: StreamFields): string {
    assertFieldsCount(Object.keys(fields).length);
    const stream = this.#stream(name);
    const bytesBefore = stream.bytes;
    const id = stream.append(fields, Math.trunc(this.#clock.nowMs()));
    this.#bytes += stream.bytes - bytesBefore;
    if (stream.length > this.#maxlen + this.#slack) this.#bytes -= stream.trim(this.#maxlen);
    while (this.#bytes > this.#bytesMax) this.#trimLongest();
    stream.wake();
    return formatStreamId(id);
  }

  #appendOnce(name: string, onceId: string, fields: StreamFields, ttlS: number): AppendedOnce {
    assertOnceId(onceId);
    const key = JSON.stringify([name, onceId]);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#once.find(key, nowMs);
    if (known !== null) return { id: known, first: false };
    this.#once.assertRoom(key, nowMs);
    const id = this.#append(name, fields);
    this.#once.remember(key, id, nowMs + ttlS * 1000);
    return { id, first: true };
  }

  async #wait(
    stream: Stream,
    blockMs: number,
    signal: AbortSignal | undefined,
    take: () => StreamEntry[],
  ): Promise<readonly StreamEntry[]> {
    let isOver = false;
    let wake = (): void => {};
    const wakeUp = (): void => wake();
    const end = (): void => {
      isOver = true;
      wake();
    };
    const cancelTimer = Number.isFinite(blockMs) ? this.#clock.after(blockMs, end) : null;
    stream.waiters.add(wakeUp);
    signal?.addEventListener('abort', end, { once: true });
    try {
      // Another reader of the group may have taken what came: then the wait goes on.
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
        if (this.#isClosed || signal?.aborted === true) return [];
        const entries = take();
        if (entries.length > 0 || isOver) return entries;
      }
    } finally {
      stream.waiters.delete(wakeUp);
      signal?.removeEventListener('abort', end);
      cancelTimer?.();
    }
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      if (this.#streams.size >= this.#streamsMax) {
        throw new CoreCError('COREC_E_LIMIT', {
          what: 'The number of streams',
          found: this.#streams.size + 1,
          allowed: this.#streamsMax,
        });
      }
      stream = new Stream();
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #group(name: string, groupName: string): { readonly stream: Stream; readonly group: Group } {
    const stream = this.#streams.get(name);
    const group = stream?.groups.get(groupName);
    if (stream === undefined || group === undefined) {
      throw new CoreCError('COREC_E_NOT_FOUND', {
        what: `group of ${name}`,
        found: groupName,
        hint: 'openGroup makes it.',
      });
    }
    return { stream, group };
  }

  #trimLongest(): void {
    let longest: Stream | null = null;
    for (const stream of this.#streams.values()) {
      if (longest === null || stream.bytes > longest.bytes) longest = stream;
    }
    const { length } = longest!;
    // A tenth at a time, but at least one: even an entry larger than everything allowed leaves again.
    this.#bytes -= longest!.trim(length - Math.max(1, Math.floor(length / 10)));
  }
}
