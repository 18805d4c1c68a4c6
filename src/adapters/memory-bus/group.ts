/**
 * A consumer group of one stream: how far it has come, and what was delivered and not yet acknowledged.
 *
 * Owns the pending list. Leaves entries to stream.ts and waiting to memory-bus.ts. Which consumer has an
 * entry is not kept: nothing of the port asks for it.
 *
 * G1 The pending list is in the order of ids: entries are delivered in it, and a claim leaves an entry where it stands.
 * G2 Bounded: at `pendingMax` nothing more is delivered until something is acknowledged.
 * G3 Durations are monotonic: a clock that is set does not make an entry idle.
 */
import { CoreCError } from '#domain/errors.ts';
import { parseStreamId, type StreamId } from '#domain/stream-id.ts';
import type { Claimed, ClaimedEntry, PendingSummary, StreamEntry } from '#ports/stream-bus.ts';
import type { Stream } from './stream.ts';

interface Pending {
  readonly id: StreamId;
  deliveredMs: number;
  deliveries: number;
}

export class Group {
  readonly #name: string;
  readonly #pendingMax: number;
  readonly #pending = new Map<string, Pending>();
  #delivered: StreamId;

  /** Delivers what comes after `start`. */
  constructor(name: string, start: StreamId, pendingMax: number) {
    this.#name = name;
    this.#delivered = start;
    this.#pendingMax = pendingMax;
  }

  /** Up to `count` entries that nobody was given yet; `nowMs` is monotonic. */
  deliver(stream: Stream, count: number, nowMs: number): StreamEntry[] {
    const room = this.#pendingMax - this.#pending.size;
    if (room <= 0) {
      throw new CoreCError('COREC_E_BUSY', {
        what: `Group ${this.#name}`,
        found: `${this.#pending.size} entries were delivered and not acknowledged`,
        seconds: 1,
      });
    }
    const entries = stream.after(this.#delivered, Math.min(count, room));
    for (const { id } of entries) {
      this.#delivered = parseStreamId(id, 'readGroup');
      this.#pending.set(id, { id: this.#delivered, deliveredMs: nowMs, deliveries: 1 });
    }
    return entries;
  }

  ack(ids: readonly string[]): number {
    let count = 0;
    for (const id of ids) if (this.#pending.delete(id)) count++;
    return count;
  }

  claim(stream: Stream, minIdleMs: number, count: number, nowMs: number): Claimed {
    const entries: ClaimedEntry[] = [];
    const trimmed: string[] = [];
    for (const [id, pending] of this.#pending) {
      if (entries.length + trimmed.length >= count) break;
      const entry = stream.get(pending.id);
      if (entry === null) {
        this.#pending.delete(id);
        trimmed.push(id);
      } else if (nowMs - pending.deliveredMs >= minIdleMs) {
        pending.deliveredMs = nowMs;
        pending.deliveries++;
        entries.push({ ...entry, deliveries: pending.deliveries });
      }
    }
    return { entries, trimmed };
  }

  summary(nowMs: number): PendingSummary {
    const [oldest] = this.#pending.values();
    return { count: this.#pending.size, oldestMs: oldest === undefined ? null : nowMs - oldest.deliveredMs };
  }
}
