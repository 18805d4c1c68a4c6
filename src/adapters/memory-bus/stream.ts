/**
 * One stream in memory: its entries, in order, and who waits for the next.
 *
 * Owns ids, copies, trimming and finding. Leaves to group.ts what was delivered to whom, and to memory-bus.ts when to trim.
 *
 * U1 Ids grow, also when the clock steps back: then the counter behind the dash goes on under the last time.
 * U2 Nobody shares bytes with anybody: fields are copied on the way in and for every reader.
 */
import { compareStreamIds, formatStreamId, type StreamId } from '#domain/stream-id.ts';
import type { StreamEntry, StreamFields } from '#ports/stream-bus.ts';
import type { Group } from './group.ts';

interface StoredEntry extends StreamId {
  readonly fields: StreamFields;
  readonly bytes: number;
}

/** What an entry costs besides its fields. */
const ENTRY_BYTES = 120;
/** Stands where an entry was trimmed away, so that its fields are free at once. */
const GONE: StoredEntry = { ms: 0, n: 0, fields: {}, bytes: 0 };

export class Stream {
  readonly groups: Map<string, Group> = new Map();
  /** Whoever waits for the next entry, in the order in which they came. */
  readonly waiters: Set<() => void> = new Set();
  /** Live entries are those from `#first` on; the ones before go away together, so that trimming costs nothing per entry. */
  #entries: StoredEntry[] = [];
  #first = 0;
  #bytes = 0;
  #last: StreamId = { ms: 0, n: 0 };

  get length(): number {
    return this.#entries.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The id of the newest entry that ever was; 0-0 before the first. */
  get lastId(): StreamId {
    return this.#last;
  }

  append(fields: StreamFields, nowMs: number): StreamId {
    const ms = Math.max(this.#last.ms, nowMs);
    const n = ms === this.#last.ms ? this.#last.n + 1 : 0;
    const entry: StoredEntry = { ms, n, fields: copyFields(fields), bytes: sizeOf(fields) };
    this.#last = { ms, n };
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    return this.#last;
  }

  /** Up to `count` entries after `after`, as copies. */
  after(after: StreamId, count: number): StreamEntry[] {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareStreamIds(this.#entries[middle]!, after) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#entries
      .slice(low, low + Math.max(0, count))
      .map((entry) => ({ id: formatStreamId(entry), fields: copyFields(entry.fields) }));
  }

  /** The entry of this id, as a copy; null when it is gone. */
  get(id: StreamId): StreamEntry | null {
    const before: StreamId = id.n > 0 ? { ms: id.ms, n: id.n - 1 } : { ms: id.ms - 1, n: Infinity };
    const [entry] = this.after(before, 1);
    return entry?.id === formatStreamId(id) ? entry : null;
  }

  /** Lets the oldest go until `keep` are left; returns the bytes that became free. */
  trim(keep: number): number {
    const bytesBefore = this.#bytes;
    const firstKept = Math.max(this.#first, this.#entries.length - keep);
    for (; this.#first < firstKept; this.#first++) {
      this.#bytes -= this.#entries[this.#first]!.bytes;
      this.#entries[this.#first] = GONE;
    }
    // Half of the list being gone pays for moving the other half.
    if (this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return bytesBefore - this.#bytes;
  }

  wake(): void {
    for (const wake of this.waiters) wake();
  }
}

function copyFields(fields: StreamFields): StreamFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? value : new Uint8Array(value)]),
  );
}

function sizeOf(fields: StreamFields): number {
  let bytes = ENTRY_BYTES;
  for (const [name, value] of Object.entries(fields)) bytes += 2 * name.length + 2 * value.length;
  return bytes;
}
