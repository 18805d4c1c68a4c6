/**
 * Entries of a Redis stream as a Source of lecturas.
 *
 * Owns: which entries come next, what of them is acknowledged, and the position. Leaves rows to domain/mapeo, the server to the bus.
 *
 * R1 The position is the id of the last entry that is wholly dealt with, and how far the next one is: kept by the epoch with what came
 *    of it, so that after kill -9 every entry acts once. What the group says was delivered decides nothing.
 * R2 Opened at a position, it reads by id from there to about the end of the stream, then by the group, which brings some of that again:
 *    an id that was dealt with is passed over. So nothing that was delivered to a process that is gone is missed.
 * R3 An entry is acknowledged when an epoch holds it, never before. At most UNACKNOWLEDGED_MAX wait for that; then it reads no more.
 * R4 A lectura without a time of its own gets that of its entry's id, not that of its arrival: a replay gives the same.
 * R5 An entry that is no record is a refused row, and the next one is read.
 *
 *   open(position) -> pending ones up to it acknowledged -> read(position ...) -> readGroup ... -> committed(position) -> ack
 */
import { CoreCError } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import { formatMapeo, mappingError, parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import { resolvedText } from '#domain/mapeo/resolve.ts';
import { RowReader } from '#domain/mapeo/row-reader.ts';
import { compareStreamIds, formatStreamId, parseStreamId, type StreamId } from '#domain/stream-id.ts';
import type { Logger } from '#ports/logger.ts';
import type { RefusedRows, Source, SourcePosition, SourceState } from '#ports/source.ts';
import type { StreamBus, StreamEntry } from '#ports/stream-bus.ts';
import { ENTRY_BYTES_MAX, entryRows, entryText } from './rows.ts';

export interface RedisSourceDeps {
  readonly bus: StreamBus;
  readonly refused: RefusedRows;
  readonly logger: Logger;
  /** Name of this process in the group. */
  readonly consumer: string;
  /** The group of a source that names none. */
  readonly group: string;
}

/** A fuente as configured. */
export interface RedisSourceConfig {
  readonly tipo?: 'redis';
  readonly stream: string;
  readonly grupo?: string | undefined;
  readonly desde?: 'inicio' | 'ahora' | undefined;
  readonly id?: string | undefined;
  readonly bloque?: string | undefined;
  readonly mapeo?: Mapeo | undefined;
}

const TAG = 'Fuente';
const READ_MIN = 16;
const READ_MAX = 2048;
/** What one read should bring. */
const READ_BYTES = 1024 * 1024;
const WAIT_MS = 1000;
const CLAIM_COUNT = 128;
/** One epoch's worth: at 100 bytes each in Redis and 50 here some 10 MB. */
const UNACKNOWLEDGED_MAX = 65_536;
const EPOCH_AT = 16_384;
const ACK_COUNT = 1000;
const WAIT_FOR_EPOCH_MS = 20;
/** Entries looked at to tell the mapping. */
const SAMPLE_ENTRIES = 64;
/** Ids below it were not made by a clock (2000-01-01), and say nothing of time. */
const CLOCK_MS_MIN = 946_684_800_000;
const START: StreamId = { ms: 0, n: 0 };

const MORE: SourceState = { kind: 'more' };
const END: SourceState = { kind: 'end' };
/** read() has waited itself. */
const IDLE: SourceState = { kind: 'idle', retryMs: 0 };

export class RedisSource implements Source {
  readonly id: string;
  readonly replayable = true;
  readonly live = false;
  readonly #config: RedisSourceConfig;
  readonly #group: string;
  readonly #deps: RedisSourceDeps;
  #closing = new AbortController();
  #reader: RowReader | null = null;
  #mapeo = '';
  /** Last entry that is wholly dealt with. */
  #done: StreamId = START;
  /** Of the entry that comes next: bytes dealt with, and the part of the row there. */
  #within: Within = WHOLE;
  /** Up to this place of the queue no entry is a record. */
  #barrenTo = 0;
  /** Read and not yet begun. */
  #queue: readonly StreamEntry[] = [];
  #at = 0;
  /** The entry that is under way. */
  #current: {
    readonly entry: StreamEntry;
    readonly id: StreamId;
    readonly from: number;
    readonly skipped: number;
  } | null = null;
  /** Still reading by id (R2). */
  #catchingUp = true;
  #count = READ_MIN;
  /** Handed out and not acknowledged, in order; kept over a close, for the epoch that is still to come. */
  #unacknowledged: StreamId[] = [];
  #isSwept = false;
  #trimmed = 0;
  #bytes = 0;
  #rows = 0;
  #refusedEntries = 0;

  constructor(config: RedisSourceConfig, deps: RedisSourceDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#group = config.grupo ?? deps.group;
    this.id = config.id ?? `redis:${config.stream}:${this.#group}`;
  }

  get wantsEpoch(): boolean {
    return this.#unacknowledged.length >= EPOCH_AT;
  }

  async open(position: SourcePosition | null): Promise<void> {
    const { stream, desde, mapeo } = this.#config;
    if (mapeo?.formato === 'csv') throw mappingError(this.id, 'formato csv', 'ndjson: an entry is a record');
    this.#closing = new AbortController();
    const stored = readPosition(position, this.#pedidoText());
    this.#mapeo = stored?.mapeo ?? '';
    this.#done = stored?.id ?? START;
    this.#within = stored?.within ?? WHOLE;
    this.#reader = null;
    this.#queue = [];
    this.#at = 0;
    this.#current = null;
    this.#catchingUp = stored !== null;
    await this.#deps.bus.openGroup(stream, this.#group, desde === 'ahora' ? '$' : '0');
    // of a source that is opened again in the same process some of what was handed out is still to be acknowledged, and only later
    if (this.#unacknowledged.length === 0) await this.#sweep(stored?.id ?? null);
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    for (;;) {
      if (this.#closing.signal.aborted) return END;
      if (this.#current !== null) {
        if (this.#readCurrent(batch)) return MORE;
        continue;
      }
      const entry = this.#queue[this.#at];
      if (entry !== undefined) {
        this.#at++;
        this.#begin(entry);
        continue;
      }
      if (batch.length > 0) return MORE;
      if (this.#unacknowledged.length >= UNACKNOWLEDGED_MAX) return { kind: 'idle', retryMs: WAIT_FOR_EPOCH_MS };
      if (!(await this.#fetch())) return this.#closing.signal.aborted ? END : IDLE;
    }
  }

  position(): SourcePosition {
    const within = this.#current === null ? this.#within : this.#withinCurrent();
    return {
      id: formatStreamId(this.#done),
      entrada: within.entry,
      dentro: within.bytes,
      parte: within.part,
      pedido: this.#pedidoText(),
      mapeo: this.#reader?.resolution ? resolvedText(this.#reader.resolution) : this.#mapeo,
    };
  }

  progress(): { bytesDone: number; bytesTotal: number | null; rows: number; refused: number } {
    const reader = this.#reader;
    return {
      bytesDone: this.#bytes,
      bytesTotal: null,
      rows: this.#rows + (reader?.rows ?? 0) + this.#refusedEntries,
      refused: (reader?.refused ?? 0) + this.#refusedEntries,
    };
  }

  /** R3. What cannot be acknowledged now is with the next epoch. */
  async committed(position: SourcePosition): Promise<void> {
    const stored = readPosition(position, this.#pedidoText());
    if (stored === null) return;
    const { bus } = this.#deps;
    const { stream } = this.#config;
    try {
      for (;;) {
        let count = 0;
        while (count < ACK_COUNT && count < this.#unacknowledged.length) {
          if (compareStreamIds(this.#unacknowledged[count]!, stored.id) > 0) break;
          count++;
        }
        if (count === 0) break;
        await bus.ack(stream, this.#group, this.#unacknowledged.slice(0, count).map(formatStreamId));
        this.#unacknowledged.splice(0, count);
      }
      if (!this.#isSwept && !this.#closing.signal.aborted) {
        this.#isSwept = true;
        await this.#countTrimmed();
      }
    } catch (error) {
      this.#deps.logger.debug(TAG, String(error), { fuente: this.id });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  // -- the group -------------------------------------------------------------------------------------------------------------

  /**
   * What a process that is gone had been given: up to `done` it is in an epoch, and acknowledged now. Without a position (it was
   * killed before its first epoch) reading begins with the first of it.
   */
  async #sweep(done: StreamId | null): Promise<void> {
    const { bus, consumer } = this.#deps;
    const { stream } = this.#config;
    for (;;) {
      const { entries, trimmed } = await bus.claim(stream, this.#group, consumer, 0, CLAIM_COUNT);
      this.#tellTrimmed(trimmed.length);
      const [first] = entries;
      if (first === undefined && trimmed.length === 0) return;
      if (done === null) {
        if (first === undefined) continue;
        const { ms, n } = parseStreamId(first.id, 'claim');
        this.#done = n > 0 ? { ms, n: n - 1 } : { ms: ms - 1, n: Number.MAX_SAFE_INTEGER };
        this.#catchingUp = true;
        return;
      }
      const old = entries.filter(({ id }) => compareStreamIds(parseStreamId(id, 'claim'), done) <= 0);
      if (old.length > 0)
        await bus.ack(
          stream,
          this.#group,
          old.map(({ id }) => id),
        );
      if (old.length < entries.length) return;
    }
  }

  /** Entries that were delivered to a process that is gone, and trimmed before this one could read them. */
  async #countTrimmed(): Promise<void> {
    const { bus, consumer } = this.#deps;
    for (;;) {
      const { trimmed } = await bus.claim(this.#config.stream, this.#group, consumer, 0, CLAIM_COUNT);
      this.#tellTrimmed(trimmed.length);
      if (trimmed.length === 0) return;
    }
  }

  #tellTrimmed(count: number): void {
    if (count === 0) return;
    this.#trimmed += count;
    this.#deps.logger.warn(TAG, `${this.#config.stream}: entries were trimmed away before they were read`, {
      fuente: this.id,
      entries: count,
      entries_all: this.#trimmed,
    });
  }

  /** The next entries into the queue; false: there are none for now. */
  async #fetch(): Promise<boolean> {
    const { bus, consumer } = this.#deps;
    const { stream } = this.#config;
    const { signal } = this.#closing;
    let entries: readonly StreamEntry[];
    if (this.#catchingUp) {
      entries = await bus.read(stream, formatStreamId(this.#done), this.#count, 0, signal);
      if (entries.length < this.#count) this.#catchingUp = false;
      if (entries.length === 0) return this.#fetch();
    } else {
      try {
        entries = await bus.readGroup(stream, this.#group, consumer, this.#count, WAIT_MS, signal);
      } catch (error) {
        if (!(error instanceof CoreCError) || error.code !== 'COREC_E_NOT_FOUND') throw error;
        this.#deps.logger.warn(TAG, `${stream}: its group ${this.#group} was gone and was made anew`, {
          fuente: this.id,
        });
        await bus.openGroup(stream, this.#group, '0');
        return true;
      }
      if (entries.length === 0) return false;
    }
    this.#queue = entries;
    this.#at = 0;
    this.#barrenTo = 0;
    let bytes = 0;
    for (const { fields } of entries) for (const value of Object.values(fields)) bytes += value.length;
    const fitting = Math.floor((READ_BYTES * entries.length) / Math.max(1, bytes));
    this.#count = Math.max(1, Math.min(READ_MAX, fitting, this.#count * 2));
    return true;
  }

  // -- entries ---------------------------------------------------------------------------------------------------------------

  #begin(entry: StreamEntry): void {
    const id = parseStreamId(entry.id, 'readGroup');
    if (compareStreamIds(id, this.#done) <= 0) {
      // dealt with by id before the group brought it
      this.#unacknowledged.push(id);
      return;
    }
    const rows = entryRows(entry.fields);
    if (rows === null || rows.length <= 1) {
      if (rows === null) this.#refuseEntry(entry, 'too_long', `more than ${ENTRY_BYTES_MAX} bytes`);
      else this.#refuseEntry(entry, 'malformed', 'it is empty');
      this.#finish(id);
      return;
    }
    // one that was trimmed away half-read leaves the next one whole
    if (this.#within.entry !== entry.id) this.#within = WHOLE;
    const reader = (this.#reader ??= this.#makeReader());
    if (reader === null) {
      this.#refuseEntry(entry, 'malformed', 'no record');
      this.#finish(id);
      return;
    }
    const skipped = Math.min(this.#within.bytes, rows.length);
    this.#bytes += rows.length;
    this.#current = { entry, id, from: reader.position().offset, skipped };
    reader.offer(rows, skipped, rows.length, false);
  }

  /** True: the batch is full. */
  #readCurrent(batch: LecturaBatch): boolean {
    const { id } = this.#current!;
    const before = batch.length;
    const isFull = this.#reader!.read(batch);
    if (id.ms >= CLOCK_MS_MIN) {
      for (let k = before; k < batch.length; k++) if (Number.isNaN(batch.tsMs[k])) batch.tsMs[k] = id.ms;
    }
    if (isFull) return true;
    this.#finish(id);
    return false;
  }

  #finish(id: StreamId): void {
    this.#current = null;
    this.#done = id;
    this.#within = WHOLE;
    this.#unacknowledged.push(id);
  }

  #withinCurrent(): Within {
    const { entry, from, skipped } = this.#current!;
    const { offset, part } = this.#reader!.position();
    return { entry: entry.id, bytes: skipped + offset - from, part };
  }

  /** Its mapping told by the entries that are there; null when none of them is a record. */
  #makeReader(): RowReader | null {
    if (this.#at <= this.#barrenTo) return null;
    const { mapeo, stream } = this.#config;
    const pedido = this.#mapeo === '' ? { ...mapeo, formato: 'ndjson' as const } : parseMapeo(this.#mapeo, this.id);
    const reader = new RowReader(
      // each row is judged for itself: what comes first need not have every field
      { pedido, nombre: stream, source: this.id, verify: false },
      (reason, row, where) =>
        this.#deps.refused.refuse(this.id, reason, row, `${this.#current?.entry.id ?? ''}, ${where}`),
      // not the beginning of a file: there is no header and no byte order mark
      { offset: 1, part: this.#within.part, line: 0, skipping: false },
    );
    const sample = sampleOf(this.#queue.slice(this.#at - 1, this.#at - 1 + SAMPLE_ENTRIES));
    if (sample === null) this.#barrenTo = this.#at - 1 + SAMPLE_ENTRIES;
    return sample !== null && reader.prepare(sample, true) ? reader : null;
  }

  #refuseEntry({ id, fields }: StreamEntry, reason: 'malformed' | 'too_long', found: string): void {
    this.#refusedEntries++;
    this.#deps.refused.refuse(this.id, reason, entryText(fields), `${id}: ${found}`);
  }

  #pedidoText(): string {
    const { mapeo } = this.#config;
    return mapeo === undefined ? '' : formatMapeo(mapeo);
  }
}

/** How far the entry that comes next is dealt with. */
interface Within {
  readonly entry: string;
  readonly bytes: number;
  readonly part: number;
}
const WHOLE: Within = { entry: '', bytes: 0, part: 0 };

interface StoredPosition {
  readonly id: StreamId;
  readonly within: Within;
  /** The mapping that reading came to, when it was for the same request. */
  readonly mapeo: string;
}

function readPosition(position: SourcePosition | null, pedido: string): StoredPosition | null {
  if (position === null || typeof position['id'] !== 'string') return null;
  const { id, entrada, dentro, parte, mapeo } = position;
  return {
    id: parseStreamId(id, 'the position'),
    within: { entry: String(entrada ?? ''), bytes: Number(dentro ?? 0), part: Number(parte ?? 0) },
    mapeo: position['pedido'] === pedido && typeof mapeo === 'string' ? mapeo : '',
  };
}

/** Rows of entries to tell a mapping by; null when there is not one record among them. */
function sampleOf(entries: readonly StreamEntry[]): Uint8Array | null {
  const parts: Uint8Array[] = [];
  for (const { fields } of entries) {
    const rows = entryRows(fields);
    if (rows !== null && isRecord(rows)) parts.push(rows);
  }
  if (parts.length === 0) return null;
  const sample = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    sample.set(part, at);
    at += part.length;
  }
  return sample;
}

function isRecord(rows: Uint8Array): boolean {
  const line = new TextDecoder().decode(rows.subarray(0, rows.indexOf(0x0a)));
  try {
    const value = JSON.parse(line) as unknown;
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}
