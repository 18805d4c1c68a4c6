/**
 * Streams of entries, Redis Streams' semantics: an entry has an id `<ms>-<n>` that grows, and named fields of bytes or text.
 *
 * What is promised of an append: one that was answered is in the stream, once; those of one caller that waits for its answers stand in
 * their order. One that is refused with a transient error (COREC_E_REDIS_UNAVAILABLE, COREC_E_BUSY) says in `details.written` whether
 * it is surely not in (`no`) or may be (`unknown`, the connection was lost and did not come back in time): appended again, such a
 * one may stand there twice. Who must not double uses `appendOnce`, which may be called again as often as it takes.
 *
 * What is promised of a group: an entry is delivered to one of its consumers, and stays pending until it is acknowledged; a delivery
 * that was lost on its way comes with the consumer's next read (it reads one read at a time), or is found by `claim`. So an entry is delivered at least once, never silently not at all, unless it was
 * trimmed away, which `claim` tells.
 *
 * Left out on purpose: deleting streams, groups and entries, reading several streams in one call (a cluster cannot), and durability,
 * which is the server's. Of a bus that is volatile (the in-process twin) whoever needs a stream again after a restart refills it from
 * the store.
 *
 * After `close` appends, acknowledgements and questions are refused with COREC_E_STOPPING and readers are answered with nothing. A configuration that is
 * at fault (password, rights, a key that is no stream) is an error of kind terminal.
 */
export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string | Uint8Array>>;
}

export type StreamFields = StreamEntry['fields'];

export interface ClaimedEntry extends StreamEntry {
  /** How often it has been delivered, this time included: 2 is the first time again. */
  readonly deliveries: number;
}

export interface AppendedOnce {
  readonly id: string;
  /** False: an earlier call had appended it, and `id` is that entry's. */
  readonly first: boolean;
}

/** One of several for `answerAll`. */
export interface StreamAnswer {
  readonly onceId: string;
  readonly fields: StreamFields;
  /** Id of the entry that it answers. */
  readonly entry: string;
}

export interface Answered extends AppendedOnce {
  /** The entry that it answers was acknowledged in the same step; false: that is left to the caller. */
  readonly acknowledged: boolean;
}

/** A group and the stream that it reads. */
export interface GroupOf {
  readonly stream: string;
  readonly group: string;
}

export interface Claimed {
  readonly entries: readonly ClaimedEntry[];
  /** Were pending, but are gone from the stream: nobody will ever get them, and they are no longer pending. */
  readonly trimmed: readonly string[];
}

export interface PendingSummary {
  readonly count: number;
  /** Since the earliest pending entry was last delivered; null when nothing is pending. */
  readonly oldestMs: number | null;
}

export interface BusHealth {
  readonly ok: boolean;
  /** Where the streams are, or what is wrong with them. */
  readonly found: string;
  /** Of the server; null for the twin, or when it was never reached. */
  readonly version: string | null;
}

export interface StreamBus {
  /** True: nothing of it outlives the process. */
  readonly isVolatile: boolean;
  /** Appends an entry of at least one field, and trims to about `maxlen` entries; returns the id. */
  append(stream: string, fields: StreamFields): Promise<string>;
  /** Several, in order and in few round trips. When it is refused, none of them or the first ones may be in: `details.written` as for one. */
  appendAll(stream: string, list: readonly StreamFields[]): Promise<readonly string[]>;
  /** Appends unless an entry was appended to this stream under this id (1 to 256 characters) within `ttlS`: then gives the first one's id, however many call at once. */
  appendOnce(stream: string, onceId: string, fields: StreamFields, ttlS: number): Promise<AppendedOnce>;
  /**
   * Appends answers to entries of `asked`, each as by `appendOnce`, in order and in few round trips. Where one step can do both (a cluster
   * cannot), an entry whose answer was the first under its id is acknowledged with it. When it is refused any of them may be in, and
   * acknowledged: called again it tells which.
   */
  answerAll(
    stream: string,
    asked: GroupOf,
    answers: readonly StreamAnswer[],
    ttlS: number,
  ): Promise<readonly Answered[]>;
  /** Up to `count` entries after `afterId` (`0`: from the start, `$`: only new ones), waiting up to `blockMs` for the first; an abort or `close` ends the wait with nothing. */
  read(
    stream: string,
    afterId: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]>;
  /** Makes the stream and the group where they are missing: the group then begins at the start (`0`) or with what comes next (`$`). One that is there is left as it is. */
  openGroup(stream: string, group: string, from: '0' | '$'): Promise<void>;
  /** As `read`, of what no consumer of the group was given yet; it is pending from now on. A group that was never opened: COREC_E_NOT_FOUND, here and in `claim` and `pending`. */
  readGroup(
    stream: string,
    group: string,
    consumer: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]>;
  /** Done with these; returns how many of them were pending. */
  ack(stream: string, group: string, ids: readonly string[]): Promise<number>;
  /**
   * Takes over up to `count` entries, the earliest first, that were delivered and not acknowledged for `minIdleMs` (0: at once, also
   * one's own). An entry that is gone counts as one of `count`, and is told whenever it was delivered.
   */
  claim(stream: string, group: string, consumer: string, minIdleMs: number, count: number): Promise<Claimed>;
  pending(stream: string, group: string): Promise<PendingSummary>;
  length(stream: string): Promise<number>;
  /** How the streams are just now, within a second or two; never throws. */
  health(): Promise<BusHealth>;
  close(): Promise<void>;
}
