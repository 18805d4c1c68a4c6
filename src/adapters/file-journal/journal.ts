/**
 * The journal as files: segments in one folder, each named by the seq of its first record, the last one open for appending.
 *
 * Owns group commit, rolling and releasing segments, cutting a torn tail, and numbering that never starts again.
 * Leaves the bytes to format.ts, reading to reader.ts, and who else may use the folder to the lock of the data folder.
 *
 *   append -> waiting group -> (seal, write, fdatasync) -> acknowledge       what arrives meanwhile is the next group
 *                                  | fails
 *                                  v
 *                     truncate to the last sound byte -> reject the group
 *
 * F1 Only `#exclusive` work touches files and segments: groups, rolls and releases happen one after another.
 * F2 A seq is given when its group is written; a failed group gives its seqs back. So seqs have no gaps.
 * F3 The last segment always exists, empty or not: its name keeps the numbering over restarts.
 * F4 A segment is begun only when all before it is durable, so damage outside the last segment is never a torn tail.
 * F5 Nothing is appended behind bytes of a failed write: they are truncated away first.
 * F6 Whether a disk that failed is well again is found by a write of the size that failed: a full one takes small ones for long.
 */
import { randomInt } from 'node:crypto';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { JOURNAL_BYTES_MAX, JOURNAL_PENDING_BYTES, JOURNAL_SEGMENT_BYTES, MIB } from '#domain/limits.ts';
import type { Journal, JournalRecord } from '#ports/journal.ts';
import { realFiles, writeAll, type JournalFiles } from './files.ts';
import {
  RECORD_HEAD_BYTES,
  SEGMENT_HEADER_BYTES,
  encodeSegmentHeader,
  parseSegmentName,
  segmentName,
} from './format.ts';
import { SegmentReader } from './reader.ts';
import { Group, PiecePool } from './staging.ts';

export interface FileJournalOptions {
  /** A segment is the unit that is released; a larger group makes a larger segment. */
  readonly segmentBytes?: number;
  /** All segments together; beyond it appends are refused as busy until an epoch releases some. */
  readonly bytesMax?: number;
  /** Appended and not yet durable; beyond it appends are refused as busy. Also the bound of one record. */
  readonly pendingBytesMax?: number;
  /** For tests of failing disks. */
  readonly files?: JournalFiles;
}

interface Segment {
  readonly path: string;
  readonly firstSeq: number;
  /** Bytes that are durable and sound. */
  size: number;
}

interface ActiveSegment extends Segment {
  readonly fd: number;
  readonly salt: number;
}

/** Of a trial of the disk, at most (F6). */
const TRIAL_BYTES_MAX = MIB;

const FULL_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** Weight of the newest fsync in the mean that `stats` tells. */
const FSYNC_WEIGHT = 0.1;

export class FileJournal implements Journal {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #bytesMax: number;
  readonly #pendingBytesMax: number;
  readonly #files: JournalFiles;
  readonly #pool = new PiecePool();

  /** All segments, oldest first; the last one is `#active`. */
  #segments: Segment[] = [];
  #active: ActiveSegment | null = null;
  #lastSeq = 0;
  #releasedSeq = 0;
  #waiting: Group;
  #pendingBytes = 0;
  #isFlushPlanned = false;
  /** Bytes of a failed write may stand behind the active segment's size. */
  #isTailUnsound = false;
  #isFolderUnsynced = false;
  /** Why the last group could not be written, and its size; null when it was. */
  #fault: { readonly found: string; readonly bytes: number } | null = null;
  #fsyncMs = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(folder: string, options: FileJournalOptions = {}) {
    this.#folder = folder;
    this.#segmentBytes = options.segmentBytes ?? JOURNAL_SEGMENT_BYTES;
    this.#bytesMax = options.bytesMax ?? JOURNAL_BYTES_MAX;
    this.#pendingBytesMax = options.pendingBytesMax ?? JOURNAL_PENDING_BYTES;
    this.#files = options.files ?? realFiles;
    this.#waiting = new Group(this.#pool);
  }

  /**
   * Finds what a former process left, cuts a torn tail, and is ready to append.
   *
   * `afterSeq` is what the store says was already used: numbering goes on above it even when the folder was deleted, so that no
   * new record can pass for one that is in an epoch. Errors: COREC_E_STATE_UNREADABLE for damage in what was acknowledged (with
   * file and offset; nothing is changed), COREC_E_DISK_FULL, COREC_E_JOURNAL.
   */
  async open(afterSeq: number = 0): Promise<{ firstSeq: number; lastSeq: number; cutBytes: number }> {
    if (this.#active !== null || this.#isClosed) throw new Error('a journal is opened once');
    const cutBytes = await this.#exclusive(async () => {
      await this.#makeFolder();
      this.#segments = await this.#listSegments();
      const last = this.#segments.at(-1);
      if (last === undefined) {
        this.#lastSeq = afterSeq;
        await this.#roll();
        return 0;
      }
      const cut = await this.#openLast(last);
      if (this.#lastSeq < afterSeq) {
        this.#lastSeq = afterSeq;
        await this.#roll();
        await this.#dropReleased(afterSeq);
      }
      return cut;
    }).catch((error: unknown) => {
      throw this.#wrap(error);
    });
    return { firstSeq: this.#segments[0]!.firstSeq, lastSeq: this.#lastSeq, cutBytes };
  }

  /** The body is copied before this returns. */
  append(header: JournalRecord['header'], body: Uint8Array, tsMs: number): Promise<number> {
    if (this.#active === null || this.#isClosed) return Promise.reject(new CoreCError('COREC_E_STOPPING'));
    const headerBytes = Buffer.from(JSON.stringify(header));
    const bytes = RECORD_HEAD_BYTES + headerBytes.length + body.length;
    const refusal = this.#refusal(bytes);
    if (refusal !== null) return Promise.reject(refusal);
    this.#pendingBytes += bytes;
    const durable = this.#waiting.add(headerBytes, body, tsMs);
    if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      // Not at once: the other requests of this turn of the loop then share the group.
      setImmediate(() => void this.#exclusive(() => this.#flush()));
    }
    return durable;
  }

  /**
   * Records after `afterSeq` that are durable when it starts, oldest first. What was released is gone: a lower `afterSeq` begins
   * at the oldest record there is (`open` told its seq). Throws COREC_E_STATE_UNREADABLE at damage.
   */
  async *replay(afterSeq: number): AsyncGenerator<JournalRecord> {
    const lastSeq = this.#lastSeq;
    let nextSeq = afterSeq + 1;
    while (nextSeq <= lastSeq) {
      // Looked up anew for every segment, since a release may have taken some meanwhile.
      const segment = this.#segments.findLast(({ firstSeq }) => firstSeq <= nextSeq) ?? this.#segments[0]!;
      const endSeq = Math.min(this.#endSeqOf(segment), lastSeq);
      nextSeq = Math.max(nextSeq, segment.firstSeq);
      const reader = await this.#openToRead(segment);
      if (reader === null) continue;
      try {
        while (nextSeq <= endSeq) {
          const seen = await reader.next(nextSeq).catch((error: unknown) => {
            throw unreadable(segment.path, reader.offset, messageOf(error), error);
          });
          if (seen.kind === 'damage') throw unreadable(segment.path, seen.damage.offset, seen.damage.found);
          if (seen.kind === 'end') {
            throw unreadable(segment.path, seen.offset, `the end of the file before record ${nextSeq}`);
          }
          const { head, window, at } = seen.record;
          if (head.seq < nextSeq) continue;
          nextSeq += 1;
          const headerStart = at + RECORD_HEAD_BYTES;
          const bodyStart = headerStart + head.headerBytes;
          yield {
            seq: head.seq,
            tsMs: head.tsMs,
            header: JSON.parse(window.toString('utf8', headerStart, bodyStart)) as JournalRecord['header'],
            body: new Uint8Array(window.subarray(bodyStart, headerStart + head.length)),
          };
        }
      } finally {
        await reader.close();
      }
    }
  }

  async release(seq: number): Promise<void> {
    await this.#exclusive(async () => {
      if (this.#active === null || this.#isClosed) return;
      const releasedSeq = Math.min(seq, this.#lastSeq);
      this.#releasedSeq = Math.max(this.#releasedSeq, releasedSeq);
      // First what can go at once: on a full disk it makes the room that a new segment needs.
      await this.#dropReleased(releasedSeq);
      if (releasedSeq >= this.#lastSeq && this.#active.firstSeq <= this.#lastSeq) await this.#roll();
      await this.#dropReleased(releasedSeq);
    }).catch((error: unknown) => {
      throw this.#wrap(error);
    });
  }

  /** `records`: not yet released; `fsyncMs`: running mean of one group's write and fdatasync. */
  stats(): { bytes: number; records: number; lastSeq: number; fsyncMs: number } {
    const oldestSeq = Math.max(this.#releasedSeq, (this.#segments[0]?.firstSeq ?? 1) - 1);
    return {
      bytes: this.#bytes(),
      records: this.#lastSeq - oldestSeq,
      lastSeq: this.#lastSeq,
      fsyncMs: this.#fsyncMs,
    };
  }

  async health(): Promise<{ ok: boolean; found: string }> {
    if (this.#fault !== null) {
      await this.#exclusive(() => this.#tryDisk()).catch((error: unknown) => {
        if (this.#fault !== null) this.#fault = { ...this.#fault, found: this.#wrap(error).message };
      });
    }
    return { ok: this.#fault === null, found: this.#fault?.found ?? '' };
  }

  /** What was appended before is made durable and acknowledged (or fails) first. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#exclusive(async () => {
      if (this.#active === null) return;
      await this.#flush();
      await this.#files.close(this.#active.fd);
      this.#active = null;
    });
  }

  // ---- one at a time

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Never throws: a failure is the group's. */
  async #flush(): Promise<void> {
    this.#isFlushPlanned = false;
    const group = this.#waiting;
    if (group.records === 0) return;
    this.#waiting = new Group(this.#pool);
    try {
      if (this.#active!.size > SEGMENT_HEADER_BYTES && this.#active!.size + group.bytes > this.#segmentBytes) {
        await this.#roll();
      }
      await this.#ensureSound();
      await this.#write(group);
    } catch (error) {
      // The first try to mend; while it fails, each coming group tries again before it writes.
      await this.#ensureSound().catch(() => undefined);
      this.#pendingBytes -= group.bytes;
      const wrapped = this.#wrap(error);
      this.#fault = { found: wrapped.message, bytes: Math.min(group.bytes, TRIAL_BYTES_MAX) };
      group.fail(wrapped);
      return;
    }
    this.#fault = null;
    this.#pendingBytes -= group.bytes;
    const durableSeq = this.#lastSeq;
    this.#lastSeq += group.records;
    group.acknowledge(durableSeq);
  }

  /** F6. */
  async #tryDisk(): Promise<void> {
    if (this.#fault === null || this.#active === null) return;
    await this.#ensureSound();
    this.#isTailUnsound = true;
    try {
      await writeAll(this.#files, this.#active.fd, [new Uint8Array(this.#fault.bytes)], this.#active.size);
      await this.#files.sync(this.#active.fd);
    } finally {
      await this.#ensureSound();
    }
    this.#fault = null;
  }

  async #write(group: Group): Promise<void> {
    const segment = this.#active!;
    const buffers = group.seal(segment.salt, this.#lastSeq);
    const startMs = performance.now();
    this.#isTailUnsound = true;
    await writeAll(this.#files, segment.fd, buffers, segment.size);
    await this.#files.sync(segment.fd);
    this.#isTailUnsound = false;
    segment.size += group.bytes;
    const tookMs = performance.now() - startMs;
    this.#fsyncMs = this.#fsyncMs === 0 ? tookMs : this.#fsyncMs + FSYNC_WEIGHT * (tookMs - this.#fsyncMs);
  }

  /**
   * Takes away what a failed write or fsync left (F5). After a failed fsync the kernel may hold dropped pages for clean, so the
   * bytes are given up rather than synced again; what lies before them was synced in its own turn.
   */
  async #ensureSound(): Promise<void> {
    if (this.#isTailUnsound) {
      await this.#files.truncate(this.#active!.fd, this.#active!.size);
      await this.#files.sync(this.#active!.fd);
      this.#isTailUnsound = false;
    }
    if (this.#isFolderUnsynced) {
      await this.#files.syncFolder(this.#folder);
      this.#isFolderUnsynced = false;
    }
  }

  /** Begins the segment of `lastSeq + 1`. Made under another name and renamed, so that a segment always has its header. */
  async #roll(): Promise<void> {
    await this.#ensureSound();
    const firstSeq = this.#lastSeq + 1;
    const path = join(this.#folder, segmentName(firstSeq));
    const salt = randomInt(2 ** 32);
    const fd = await this.#files.open(`${path}.new`, 'w', 0o600);
    try {
      await writeAll(this.#files, fd, [encodeSegmentHeader({ firstSeq, salt })], 0);
      await this.#files.sync(fd);
      await this.#files.rename(`${path}.new`, path);
    } catch (error) {
      await this.#files.close(fd).catch(() => undefined);
      await this.#files.unlink(`${path}.new`).catch(() => undefined);
      throw error;
    }
    // From here on the segment is there, whatever fails: records go into it once its name is durable.
    const former = this.#active;
    const active: ActiveSegment = { path, firstSeq, fd, salt, size: SEGMENT_HEADER_BYTES };
    this.#active = active;
    this.#segments.push(active);
    this.#isFolderUnsynced = true;
    if (former !== null) await this.#files.close(former.fd).catch(() => undefined);
    await this.#ensureSound();
  }

  async #dropReleased(releasedSeq: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[1]!.firstSeq <= releasedSeq + 1) {
      // Unlinked first: one that could not go stays listed, and the next release tries again.
      await this.#files.unlink(this.#segments[0]!.path).catch(ignoreMissing);
      this.#segments.shift();
    }
  }

  // ---- opening

  async #makeFolder(): Promise<void> {
    const made = await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    if (made !== undefined) await this.#files.syncFolder(dirname(made));
  }

  async #listSegments(): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith('.seg.new')) await this.#files.unlink(path);
      const firstSeq = parseSegmentName(name);
      if (firstSeq !== null) segments.push({ path, firstSeq, size: (await stat(path)).size });
    }
    return segments.sort((a, b) => a.firstSeq - b.firstSeq);
  }

  /** Reads the last segment through, cuts what was never acknowledged and leaves it open for appending. */
  async #openLast(segment: Segment): Promise<number> {
    const reader = (await this.#openToRead(segment))!;
    let lastSeq = segment.firstSeq - 1;
    let soundBytes: number;
    try {
      for (;;) {
        const seen = await reader.next(0);
        if (seen.kind === 'record') {
          lastSeq = seen.record.head.seq;
          continue;
        }
        soundBytes = seen.kind === 'end' ? seen.offset : seen.damage.offset;
        if (seen.kind === 'damage' && (await reader.provesAcknowledged())) {
          throw unreadable(segment.path, seen.damage.offset, seen.damage.found);
        }
        break;
      }
    } finally {
      await reader.close();
    }
    const fd = await this.#files.open(segment.path, 'r+');
    const active: ActiveSegment = {
      path: segment.path,
      firstSeq: segment.firstSeq,
      fd,
      salt: reader.salt,
      size: soundBytes,
    };
    this.#active = active;
    this.#segments[this.#segments.length - 1] = active;
    this.#lastSeq = lastSeq;
    const cutBytes = reader.size - soundBytes;
    // Also without a cut: records that the former process wrote but could not fsync are given out by `replay` from now on.
    this.#isTailUnsound = true;
    await this.#ensureSound();
    return cutBytes;
  }

  // ---- bounds and errors

  #refusal(bytes: number): CoreCError | null {
    if (bytes > this.#pendingBytesMax) {
      return new CoreCError('COREC_E_BODY', {
        found: `${bytes} bytes for one journal record`,
        expected: `at most ${this.#pendingBytesMax}`,
      });
    }
    if (this.#pendingBytes + bytes > this.#pendingBytesMax) {
      return new CoreCError('COREC_E_BUSY', {
        what: 'The journal',
        found: `${toMib(this.#pendingBytes)} MiB wait for the disk, of ${toMib(this.#pendingBytesMax)}`,
        seconds: 1,
      });
    }
    if (this.#bytes() + this.#pendingBytes + bytes > this.#bytesMax) {
      return new CoreCError('COREC_E_BUSY', {
        what: 'The journal',
        found: `${toMib(this.#bytes())} MiB wait for an epoch, of ${toMib(this.#bytesMax)}`,
        seconds: 5,
      });
    }
    return null;
  }

  #bytes(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.size;
    return bytes;
  }

  /** Null when a release took the segment away just now. */
  async #openToRead(segment: Segment): Promise<SegmentReader | null> {
    const opened = await SegmentReader.open(segment.path, segment.firstSeq).catch((error: unknown) => {
      if (!this.#segments.includes(segment)) return null;
      throw unreadable(segment.path, 0, messageOf(error), error);
    });
    if (opened === null || opened instanceof SegmentReader) return opened;
    throw unreadable(segment.path, opened.offset, opened.found);
  }

  #endSeqOf(segment: Segment): number {
    const next = this.#segments.find(({ firstSeq }) => firstSeq > segment.firstSeq);
    return next === undefined ? this.#lastSeq : next.firstSeq - 1;
  }

  #wrap(error: unknown): CoreCError {
    if (error instanceof CoreCError) return error;
    const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
    const details = { path: this.#folder, found: messageOf(error) };
    return new CoreCError(FULL_CODES.has(code) ? 'COREC_E_DISK_FULL' : 'COREC_E_JOURNAL', details, error);
  }
}

function unreadable(file: string, offset: number, found: string, cause?: unknown): CoreCError {
  const details = { id: `journal file ${file}, byte ${offset}`, found, file, offset };
  return new CoreCError('COREC_E_STATE_UNREADABLE', details, cause);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function toMib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
