/**
 * Streams inside the process: the twin of Redis Streams for a machine without Redis.
 *
 * Volatile on purpose: after a restart whoever needs a stream again refills it from the store.
 *
 * U1 Ids grow, also when the clock steps back: then the counter behind the dash goes on under the last time.
 * U2 Nobody shares bytes with anybody: fields are copied on the way in and for every reader.
 * U3 Bounded: a stream by entries, all streams together by their number and by bytes (the longest one gives way first).
 */
import { CoreCError } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import type { Clock } from '#ports/clock.ts';
import type { StreamBus, StreamEntry } from '#ports/stream-bus.ts';

export interface MemoryBusOptions {
  readonly clock: Clock;
  /** Entries kept of a stream; as the specification's `maxlen`. */
  readonly maxlen?: number;
  /** Trim to `maxlen` at every append; else, as `MAXLEN ~`, when a tenth more has gathered. */
  readonly isExact?: boolean;
  readonly bytesMax?: number;
  readonly streamsMax?: number;
}

interface StoredEntry {
  readonly ms: number;
  readonly n: number;
  readonly fields: StreamEntry['fields'];
  readonly bytes: number;
}

interface Waiter {
  wake(): void;
}

interface Stream {
  /** Live entries are those from `first` on; the ones before go away together, so that trimming costs nothing per entry. */
  entries: StoredEntry[];
  first: number;
  bytes: number;
  lastMs: number;
  lastN: number;
  readonly waiters: Set<Waiter>;
}

const MAXLEN_DEFAULT = 100_000;
const STREAMS_MAX_DEFAULT = 256;
const BYTES_MAX_DEFAULT = 64 * MIB;
/** What an entry costs besides its fields. */
const ENTRY_BYTES = 120;
/** Stands where an entry was trimmed away, so that its fields are free at once. */
const GONE: StoredEntry = { ms: 0, n: 0, fields: {}, bytes: 0 };
const ID = /^(\d{1,15})(?:-(\d{1,15}))?$/;

export class MemoryBus implements StreamBus {
  readonly #clock: Clock;
  readonly #maxlen: number;
  readonly #slack: number;
  readonly #bytesMax: number;
  readonly #streamsMax: number;
  readonly #streams = new Map<string, Stream>();
  #bytes = 0;
  #isClosed = false;

  constructor(options: MemoryBusOptions) {
    this.#clock = options.clock;
    this.#maxlen = options.maxlen ?? MAXLEN_DEFAULT;
    if (!Number.isInteger(this.#maxlen) || this.#maxlen < 1) throw new RangeError(`maxlen ${this.#maxlen}`);
    this.#slack = options.isExact === true ? 0 : Math.max(16, Math.ceil(this.#maxlen / 10));
    this.#bytesMax = options.bytesMax ?? BYTES_MAX_DEFAULT;
    this.#streamsMax = options.streamsMax ?? STREAMS_MAX_DEFAULT;
  }

  async append(name: string, fields: StreamEntry['fields']): Promise<string> {
    if (this.#isClosed) throw new CoreCError('COREC_E_STOPPING');
    const stream = this.#stream(name);
    const ms = Math.max(stream.lastMs, Math.trunc(this.#clock.nowMs()));
    const n = ms === stream.lastMs ? stream.lastN + 1 : 0;
    const entry: StoredEntry = { ms, n, fields: copyFields(fields), bytes: sizeOf(fields) };
    stream.lastMs = ms;
    stream.lastN = n;
    stream.entries.push(entry);
    stream.bytes += entry.bytes;
    this.#bytes += entry.bytes;
    if (stream.entries.length - stream.first > this.#maxlen + this.#slack) this.#trim(stream, this.#maxlen);
    while (this.#bytes > this.#bytesMax) this.#trimLongest();
    for (const waiter of stream.waiters) waiter.wake();
    return `${ms}-${n}`;
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
    const after = afterId === '$' ? { ms: known?.lastMs ?? 0, n: known?.lastN ?? 0 } : parseId(afterId);
    const ready = known === undefined ? [] : take(known, after, count);
    if (ready.length > 0 || blockMs <= 0 || count < 1) return ready;

    const stream = this.#stream(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { wake: resolve };
    const cancelTimer = Number.isFinite(blockMs) ? this.#clock.after(blockMs, resolve) : null;
    const onAbort = (): void => resolve();
    stream.waiters.add(waiter);
    signal?.addEventListener('abort', onAbort, { once: true });
    await promise;
    stream.waiters.delete(waiter);
    signal?.removeEventListener('abort', onAbort);
    cancelTimer?.();
    return take(stream, after, count);
  }

  async length(name: string): Promise<number> {
    const stream = this.#streams.get(name);
    return stream === undefined ? 0 : stream.entries.length - stream.first;
  }

  /** Whoever waits is answered with nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stream of this.#streams.values()) {
      stream.entries = [];
      stream.first = 0;
      for (const waiter of stream.waiters) waiter.wake();
    }
    this.#bytes = 0;
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
      stream = { entries: [], first: 0, bytes: 0, lastMs: 0, lastN: 0, waiters: new Set() };
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #trim(stream: Stream, keep: number): void {
    const firstKept = Math.max(stream.first, stream.entries.length - keep);
    for (; stream.first < firstKept; stream.first++) {
      const { bytes } = stream.entries[stream.first]!;
      stream.entries[stream.first] = GONE;
      stream.bytes -= bytes;
      this.#bytes -= bytes;
    }
    // Half of the list being gone pays for moving the other half.
    if (stream.first * 2 >= stream.entries.length) {
      stream.entries = stream.entries.slice(stream.first);
      stream.first = 0;
    }
  }

  #trimLongest(): void {
    let longest: Stream | null = null;
    for (const stream of this.#streams.values()) {
      if (longest === null || stream.bytes > longest.bytes) longest = stream;
    }
    const length = longest!.entries.length - longest!.first;
    // A tenth at a time, but at least one: even an entry larger than everything allowed leaves again.
    this.#trim(longest!, length - Math.max(1, Math.floor(length / 10)));
  }
}

interface Id {
  readonly ms: number;
  readonly n: number;
}

function parseId(id: string): Id {
  const [, ms, n] = ID.exec(id) ?? [];
  if (ms === undefined) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'stream read',
      found: `the id "${id}"`,
      allowed: '0, $, or <ms>-<n>',
    });
  }
  return { ms: Number(ms), n: Number(n ?? 0) };
}

/** Up to `count` entries after `after`, as copies. */
function take(stream: Stream, after: Id, count: number): StreamEntry[] {
  let low = stream.first;
  let high = stream.entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = stream.entries[middle]!;
    if (entry.ms < after.ms || (entry.ms === after.ms && entry.n <= after.n)) low = middle + 1;
    else high = middle;
  }
  return stream.entries
    .slice(low, low + Math.max(0, count))
    .map(({ ms, n, fields }) => ({ id: `${ms}-${n}`, fields: copyFields(fields) }));
}

function copyFields(fields: StreamEntry['fields']): StreamEntry['fields'] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : new Uint8Array(value)]),
  );
}

function sizeOf(fields: StreamEntry['fields']): number {
  let bytes = ENTRY_BYTES;
  for (const [name, value] of Object.entries(fields)) bytes += 2 * name.length + 2 * value.length;
  return bytes;
}
