/**
 * Entries of one stream as a member of its consumer group: new ones, and those that a killed member left.
 *
 * Owns the pace of reading, what is under way, and claiming. Leaves what an entry means, and acknowledging it, to whoever takes it.
 *
 * R1 What is under way is bounded in entries and bytes; at the bound nothing more is read.
 * R2 How large entries are nobody knows before they are read: the first reads are small, and one read brings about READ_BYTES.
 * R3 What a killed process had taken comes first, before anything new: while this one runs, the group is its own (the store's lock
 *    lets an instance run once).
 * R4 An entry that was delivered SUSPECT times is taken alone, with nothing else under way, so that it cannot take others down with it.
 */
import { CoreCError } from '#domain/errors.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { ClaimedEntry, StreamBus, StreamFields } from '#ports/stream-bus.ts';
import type { StreamHealth } from './stream-health.ts';

const TAG = 'Streams';
/** Entries in one read. */
const READ_MIN = 16;
const READ_MAX = 512;
const READ_BYTES = 4 * 1024 * 1024;
/** How long one read waits for the first entry; a stop does not wait for it. */
const WAIT_MS = 5000;
/**
 * After a read that brought few, so long is waited before the next: at 1,000 entries a second three of them then share a read and an
 * answer, which is most of what they cost. The first one after a silence never waits.
 */
const GATHER_MS = 3;
const GATHER_BELOW = 64;
const UNDER_WAY_MAX = 4096;
const UNDER_WAY_BYTES = 32 * 1024 * 1024;
/** Work at one go before sockets and timers get their turn. */
const YIELD_AFTER_MS = 5;
/** Whoever has not acknowledged for so long is dead, or as good as. */
const IDLE_MS = 60_000;
const CLAIM_EVERY_MS = 30_000;
const CLAIM_COUNT = 256;
const SUSPECT = 3;

export interface GroupReaderDeps {
  readonly bus: StreamBus;
  readonly health: StreamHealth;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  /** In the order of the stream; `done` is called for it later. */
  readonly take: (entry: ClaimedEntry) => void;
  /** Everything that a read brought was taken, or what was until now: what came of it may leave. */
  readonly taken: () => void;
  /** Resolves when there is room for what is taken to leave again; null: there is. */
  readonly room: () => Promise<void> | null;
  /** So many entries in all were trimmed away while they were pending. */
  readonly onTrimmed: (count: number) => void;
}

interface UnderWay {
  readonly sinceMs: number;
  readonly bytes: number;
}

export class GroupReader {
  trimmed = 0;
  claimed = 0;

  readonly #deps: GroupReaderDeps;
  readonly #stop = new AbortController();
  readonly #underWay = new Map<string, UnderWay>();
  #underWayBytes = 0;
  #waiters: (() => void)[] = [];
  #endGathering = (): void => {};
  #looping: Promise<void> = Promise.resolve();
  #count = READ_MIN;
  /** Until a read finds nothing: what it brought was there before. */
  #isBacklog = true;
  #claimedAtMs = -Infinity;
  /** 0 until what a killed process left is taken (R3). */
  #claimIdleMs = 0;

  constructor(deps: GroupReaderDeps) {
    this.#deps = deps;
  }

  /** True while what is read may have been sent before this process began to read. */
  get isBacklog(): boolean {
    return this.#isBacklog;
  }

  /** Entries taken and not done. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Resolves when the group is there: what is sent from now on is taken. */
  async start(): Promise<void> {
    const { bus, health, stream, group } = this.#deps;
    await health.keepTrying(stream, this.#stop.signal, () => bus.openGroup(stream, group, '0'));
    this.#looping = this.#read();
  }

  /** Reads no more; resolves when what was read is taken. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#endGathering();
    this.#wake();
    await this.#looping;
  }

  /** Resolves when everything that was taken is done. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  done(ids: readonly string[]): void {
    for (const id of ids) {
      this.#underWayBytes -= this.#underWay.get(id)?.bytes ?? 0;
      this.#underWay.delete(id);
    }
    this.#wake();
  }

  async #read(): Promise<void> {
    const { health, clock, stream } = this.#deps;
    const { signal } = this.#stop;
    const step = (): Promise<boolean> => this.#step();
    const hasRoom = (): boolean => this.#underWay.size < UNDER_WAY_MAX && this.#underWayBytes <= UNDER_WAY_BYTES;
    while (!signal.aborted) {
      const hasGathered = await health.keepTrying(stream, signal, step);
      if (!hasRoom()) await this.#until(hasRoom);
      // sockets and timers had their turn while it gathered
      if (hasGathered !== true) await clock.yieldToIo();
    }
  }

  /** True: it waited after a read that brought few. */
  async #step(): Promise<boolean> {
    const { bus, logger, say, stream, group } = this.#deps;
    try {
      if (!this.#isClaimDue()) return await this.#readNew();
      await this.#claim();
    } catch (error) {
      if (!(error instanceof CoreCError) || error.code !== 'COREC_E_NOT_FOUND') throw error;
      // the server lost the stream, or somebody deleted it
      logger.warn(TAG, say('log.streams_group'), { stream });
      await bus.openGroup(stream, group, '0');
    }
    return false;
  }

  async #readNew(): Promise<boolean> {
    const { bus, clock, stream, group, consumer } = this.#deps;
    const { signal } = this.#stop;
    const count = Math.min(this.#count, UNDER_WAY_MAX - this.#underWay.size);
    const waitMs = this.#isBacklog ? 0 : WAIT_MS;
    const entries = await bus.readGroup(stream, group, consumer, count, waitMs, signal);
    if (entries.length === 0) {
      this.#isBacklog = false;
      return false;
    }
    const bytes = await this.#takeAll(entries.map(({ id, fields }) => ({ id, fields, deliveries: 1 })));
    const fitting = Math.floor((READ_BYTES * entries.length) / Math.max(1, bytes));
    this.#count = Math.max(1, Math.min(READ_MAX, fitting, this.#count * 2));
    if (entries.length >= GATHER_BELOW || signal.aborted) return false;
    await new Promise<void>((resolve) => {
      this.#endGathering = resolve;
      clock.after(GATHER_MS, resolve);
    });
    return true;
  }

  #isClaimDue(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#claimedAtMs < CLAIM_EVERY_MS) return false;
    // what waits here for a store that is away is not dead: claimed by ourselves it would only look as if it failed again and again
    const [oldest] = this.#underWay.values();
    return oldest === undefined || nowMs - oldest.sinceMs < IDLE_MS / 2;
  }

  async #claim(): Promise<void> {
    const { bus, clock, logger, say, stream, group, consumer, onTrimmed } = this.#deps;
    const { entries, trimmed } = await bus.claim(stream, group, consumer, this.#claimIdleMs, CLAIM_COUNT);
    if (trimmed.length > 0) {
      this.trimmed += trimmed.length;
      logger.warn(TAG, say('log.streams_trimmed', { cuenta: trimmed.length }), { stream });
      onTrimmed(this.trimmed);
    }
    const fresh = entries.filter(({ id }) => !this.#underWay.has(id));
    this.claimed += fresh.length;
    if (fresh.length + trimmed.length === 0) {
      this.#claimIdleMs = IDLE_MS;
      this.#claimedAtMs = clock.monotonicMs();
      return;
    }
    await this.#takeAll(fresh.filter(({ deliveries }) => deliveries < SUSPECT));
    // until these are acknowledged the same ones would be claimed again
    await this.#until(() => this.#underWay.size === 0);
    for (const suspect of fresh) {
      if (suspect.deliveries < SUSPECT || this.#stop.signal.aborted) continue;
      await this.#takeAll([suspect]);
      await this.#until(() => this.#underWay.size === 0);
    }
  }

  /** Takes entries in their order; returns their bytes. */
  async #takeAll(entries: readonly ClaimedEntry[]): Promise<number> {
    const { clock, take, taken, room } = this.#deps;
    let sinceMs = clock.monotonicMs();
    let sum = 0;
    for (const entry of entries) {
      const bytes = bytesOf(entry.fields);
      sum += bytes;
      this.#underWay.set(entry.id, { sinceMs, bytes });
      this.#underWayBytes += bytes;
    }
    try {
      for (const entry of entries) {
        take(entry);
        const isLong = clock.monotonicMs() - sinceMs >= YIELD_AFTER_MS;
        const emptied = room();
        if (!isLong && emptied === null) continue;
        taken();
        if (emptied !== null) await emptied;
        if (!isLong) continue;
        await clock.yieldToIo();
        sinceMs = clock.monotonicMs();
      }
    } finally {
      taken();
    }
    return sum;
  }

  /** Resolves when `holds`, looked at whenever something is done, or when it is stopped. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

function bytesOf(fields: StreamFields): number {
  let bytes = 0;
  for (const name of Object.keys(fields)) bytes += name.length + fields[name]!.length;
  return bytes;
}
