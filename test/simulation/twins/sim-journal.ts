/**
 * A Journal whose disk is in memory, outlives the instance, and may fail as a real one does (src/ports/journal.ts, J1 to J4).
 *
 * Group commit as in the file journal: what is appended while a group is written is the next group. A group fails as a whole and gives
 * its seqs back. What a failed or interrupted write left behind the last sound record (`unsound`) was acknowledged to nobody, but may
 * be there at the next open; the next group that is written truncates it first.
 */
import { CoreCError } from '#domain/errors.ts';
import type { Journal, JournalRecord } from '#ports/journal.ts';
import type { Dice } from '../sim/dice.ts';
import type { Host } from '../sim/host.ts';

const RECORD_BYTES = 32;

export class JournalDisk {
  records: JournalRecord[] = [];
  lastSeq = 0;
  releasedSeq = 0;
  /** Written, not fsynced. */
  unsound: JournalRecord[] = [];
  tornBytes = 0;
  /** Told of every record as it becomes durable, in order of seq. */
  onDurable: (record: JournalRecord) => void = () => {};

  /** The process has died: of what was being written some records are whole, maybe one is torn. Returns how many are whole. */
  crash(dice: Dice, torn: boolean): number {
    const whole = dice.below(this.unsound.length + 1);
    this.tornBytes = torn && whole < this.unsound.length ? 1 + dice.below(RECORD_BYTES) : 0;
    this.unsound.length = whole;
    return whole;
  }

  keep(records: readonly JournalRecord[]): void {
    for (const record of records) {
      this.records.push(record);
      this.lastSeq = record.seq;
      this.onDurable(record);
    }
  }

  get bytes(): number {
    return this.records.reduce((sum, record) => sum + bytesOf(record.body), 0);
  }
}

const bytesOf = (body: Uint8Array): number => RECORD_BYTES + body.length;

interface Waiting {
  readonly header: JournalRecord['header'];
  readonly body: Uint8Array;
  readonly tsMs: number;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: Error) => void;
}

export interface SimJournalOptions {
  readonly bytesMax?: number;
  /** Records of a segment: what is released goes by whole ones. */
  readonly segmentRecords?: number;
}

export class SimJournal implements Journal {
  readonly #disk: JournalDisk;
  readonly #host: Host;
  readonly #bytesMax: number;
  readonly #segmentRecords: number;
  #waiting: Waiting[] = [];
  /** Appended and not yet answered. */
  pending = 0;
  /** Why the last group failed; empty when it did not. */
  #found = '';
  #isFlushPlanned = false;
  #isOpen = false;
  #isClosed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(disk: JournalDisk, host: Host, options: SimJournalOptions = {}) {
    this.#disk = disk;
    this.#host = host;
    this.#bytesMax = options.bytesMax ?? Infinity;
    this.#segmentRecords = options.segmentRecords ?? 1;
  }

  async open(afterSeq: number = 0): Promise<{ firstSeq: number; lastSeq: number; cutBytes: number }> {
    if (this.#isOpen || this.#isClosed) throw new Error('a journal is opened once');
    await this.#host.passage('journal open', 'journal_slow');
    if (this.#host.mishap('journal_failed')) throw this.#failure();
    const disk = this.#disk;
    disk.keep(disk.unsound);
    const cutBytes = disk.tornBytes;
    disk.unsound = [];
    disk.tornBytes = 0;
    if (disk.lastSeq < afterSeq) {
      disk.lastSeq = afterSeq;
      disk.records = [];
    }
    this.#isOpen = true;
    return { firstSeq: disk.records[0]?.seq ?? disk.lastSeq + 1, lastSeq: disk.lastSeq, cutBytes };
  }

  append(header: JournalRecord['header'], body: Uint8Array, tsMs: number): Promise<number> {
    if (!this.#isOpen || this.#isClosed) return Promise.reject(new CoreCError('COREC_E_STOPPING'));
    if (this.#disk.bytes + bytesOf(body) > this.#bytesMax) {
      const found = `${this.#disk.bytes} bytes wait for an epoch, of ${this.#bytesMax}`;
      return Promise.reject(new CoreCError('COREC_E_BUSY', { what: 'The journal', found, seconds: 1 }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.push({ header: { ...header }, body: body.slice(), tsMs, resolve, reject });
    this.pending++;
    if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      void this.#exclusive(() => this.#flush());
    }
    return promise;
  }

  async *replay(afterSeq: number): AsyncGenerator<JournalRecord> {
    const { lastSeq } = this.#disk;
    for (let seq = afterSeq; ;) {
      await this.#host.passage('journal replay', 'journal_slow');
      const next = this.#disk.records.find((record) => record.seq > seq && record.seq <= lastSeq);
      if (next === undefined) return;
      seq = next.seq;
      yield { ...next, body: next.body.slice() };
    }
  }

  release(seq: number): Promise<void> {
    return this.#exclusive(async () => {
      await this.#host.passage('journal release', 'journal_slow');
      if (!this.#isOpen || this.#isClosed) return;
      if (this.#host.mishap('journal_release_failed')) throw this.#failure();
      const disk = this.#disk;
      disk.releasedSeq = Math.max(disk.releasedSeq, Math.min(seq, disk.lastSeq));
      const upTo =
        disk.releasedSeq === disk.lastSeq
          ? disk.lastSeq
          : Math.floor(disk.releasedSeq / this.#segmentRecords) * this.#segmentRecords;
      disk.records = disk.records.filter((record) => record.seq > upTo);
    });
  }

  stats(): { bytes: number; records: number; lastSeq: number; fsyncMs: number } {
    const { bytes, lastSeq, releasedSeq, records } = this.#disk;
    return { bytes, records: records.filter(({ seq }) => seq > releasedSeq).length, lastSeq, fsyncMs: 1 };
  }

  async health(): Promise<{ ok: boolean; found: string }> {
    if (this.#found !== '') {
      await this.#host.passage('journal trial', 'journal_slow');
      if (!this.#host.mishap('journal_full')) this.#found = '';
    }
    return { ok: this.#found === '', found: this.#found };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#exclusive(() => this.#flush());
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #flush(): Promise<void> {
    const host = this.#host;
    const disk = this.#disk;
    // the others of this moment share the group
    await host.passage('journal group', 'journal_slow');
    this.#isFlushPlanned = false;
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    disk.unsound = [];
    if (host.mishap('journal_full')) {
      this.#fail(group, new CoreCError('COREC_E_DISK_FULL', { path: 'journal', found: 'no space left' }));
      return;
    }
    const written = group.map(({ header, body, tsMs }, k) => ({ seq: disk.lastSeq + 1 + k, tsMs, header, body }));
    disk.unsound = written;
    await host.passage('journal fsync', 'journal_slow');
    if (host.mishap('journal_failed')) {
      if (!host.mishap('journal_ghost')) disk.unsound = [];
      this.#fail(group, this.#failure());
      return;
    }
    disk.unsound = [];
    disk.keep(written);
    this.#found = '';
    await host.passage('journal synced');
    this.pending -= group.length;
    group.forEach(({ resolve }, k) => resolve(written[k]!.seq));
  }

  #fail(group: readonly Waiting[], error: CoreCError): void {
    this.#found = error.message;
    this.pending -= group.length;
    for (const { reject } of group) reject(error);
  }

  #failure(): CoreCError {
    return new CoreCError('COREC_E_JOURNAL', { path: 'journal', found: 'the disk failed' });
  }
}
