/**
 * Reads one segment front to back with bounded memory: one window, grown only to the largest record.
 *
 * Owns telling a sound record from anything else, and finding proof that damage lies before what was acknowledged.
 * Leaves to journal.ts what to do about damage.
 */
import { close as closeFd, fstat, open as openFd, read as readFd } from 'node:fs';
import { promisify } from 'node:util';
import {
  RECORD_HEAD_BYTES,
  SEGMENT_HEADER_BYTES,
  decodeHead,
  decodeSegmentHeader,
  isSound,
  type RecordHead,
} from './format.ts';

const open = promisify(openFd);
const close = promisify(closeFd);
const stat = promisify(fstat);
const read = promisify(readFd);

/** Big enough that reading costs little beside the crc, small enough to be nothing beside the process. */
const WINDOW_BYTES = 512 * 1024;

/** A record in the reader's window: `offset` in the file, `at` in `window`; good until the next call of `next`. */
export interface SeenRecord {
  readonly head: RecordHead;
  readonly offset: number;
  readonly window: Buffer;
  readonly at: number;
}

/** Where the segment stops making sense, and how. */
export interface Damage {
  readonly offset: number;
  readonly found: string;
}

export type Seen =
  | { readonly kind: 'record'; readonly record: SeenRecord }
  | { readonly kind: 'end'; readonly offset: number }
  | { readonly kind: 'damage'; readonly damage: Damage };

export class SegmentReader {
  readonly #fd: number;
  readonly #salt: number;
  readonly #size: number;
  #expectedSeq: number;
  #window: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  /** Offset in the file of the window's first byte, and what of the window is unread. */
  #windowOffset = 0;
  #start = 0;
  #end = 0;

  private constructor(fd: number, size: number, firstSeq: number, salt: number) {
    this.#fd = fd;
    this.#size = size;
    this.#expectedSeq = firstSeq;
    this.#salt = salt;
  }

  /** Opens a segment; damage when its own header is not sound or not the one its name promises. */
  static async open(path: string, firstSeq: number): Promise<SegmentReader | Damage> {
    const fd = await open(path, 'r');
    try {
      const { size } = await stat(fd);
      const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const { bytesRead } = await read(fd, bytes, 0, SEGMENT_HEADER_BYTES, 0);
      const header = bytesRead < SEGMENT_HEADER_BYTES ? null : decodeSegmentHeader(bytes);
      if (header === null || header.firstSeq !== firstSeq) {
        await close(fd);
        return { offset: 0, found: header === null ? 'no segment header' : `the header of segment ${header.firstSeq}` };
      }
      const reader = new SegmentReader(fd, size, firstSeq, header.salt);
      reader.#windowOffset = SEGMENT_HEADER_BYTES;
      return reader;
    } catch (error) {
      await close(fd).catch(() => undefined);
      throw error;
    }
  }

  get salt(): number {
    return this.#salt;
  }

  /** The file's size when it was opened; what is written later is not read. */
  get size(): number {
    return this.#size;
  }

  /** Of the next byte to be read. */
  get offset(): number {
    return this.#windowOffset + this.#start;
  }

  /**
   * The next record, or why there is none. After damage the reader stays where it is.
   * The crc of records before `checkFromSeq` is left unchecked: they are only passed over.
   */
  async next(checkFromSeq: number): Promise<Seen> {
    const left = this.#size - this.offset;
    if (left === 0) return { kind: 'end', offset: this.offset };
    if (left < RECORD_HEAD_BYTES) return this.#damaged(`${left} bytes, too few for a record`);
    if (!(await this.#fill(RECORD_HEAD_BYTES))) return this.#damaged('the file became shorter');
    const head = decodeHead(this.#window, this.#start);
    if (head === null) return this.#damaged('bytes that are no record');
    const bytes = RECORD_HEAD_BYTES + head.length;
    if (bytes > left) return this.#damaged(`a record of ${bytes} bytes where ${left} are left`);
    if (head.seq !== this.#expectedSeq) return this.#damaged(`record ${head.seq} where ${this.#expectedSeq} belongs`);
    if (!(await this.#fill(bytes))) return this.#damaged('the file became shorter');
    if (head.seq >= checkFromSeq && !isSound(this.#window, this.#start, head, this.#salt)) {
      return this.#damaged(`record ${head.seq} with a wrong checksum`);
    }
    const record: SeenRecord = { head, offset: this.offset, window: this.#window, at: this.#start };
    this.#start += bytes;
    this.#expectedSeq += 1;
    return { kind: 'record', record };
  }

  /**
   * Whether a sound record after the damage proves (B1) that the damaged one was acknowledged. Tried at every byte, since after
   * damage no length can be trusted; the plausibility of a head rules out nearly all of them before a crc is computed.
   */
  async provesAcknowledged(): Promise<boolean> {
    const damagedSeq = this.#expectedSeq;
    const recordsMax = Math.ceil((this.#size - this.offset) / RECORD_HEAD_BYTES);
    this.#start += 1;
    for (;;) {
      if (this.#size - this.offset < RECORD_HEAD_BYTES || !(await this.#fill(RECORD_HEAD_BYTES))) return false;
      const lastStart = this.#end - RECORD_HEAD_BYTES;
      for (; this.#start <= lastStart; this.#start += 1) {
        const head = decodeHead(this.#window, this.#start);
        if (head === null || head.seq - head.inFlight < damagedSeq || head.seq > damagedSeq + recordsMax) continue;
        const bytes = RECORD_HEAD_BYTES + head.length;
        if (bytes > this.#size - this.offset) continue;
        if (!(await this.#fill(bytes))) return false;
        if (isSound(this.#window, this.#start, head, this.#salt)) return true;
        // Filling may have moved the window: take the bounds anew, from the byte after this one.
        this.#start += 1;
        break;
      }
    }
  }

  close(): Promise<void> {
    return close(this.#fd);
  }

  #damaged(found: string): Seen {
    return { kind: 'damage', damage: { offset: this.offset, found } };
  }

  /** Makes `bytes` from the current place on available in the window; false when the file has become too short for it. */
  async #fill(bytes: number): Promise<boolean> {
    if (this.#end - this.#start >= bytes) return true;
    const kept = this.#end - this.#start;
    if (bytes > this.#window.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#window.length * 2));
      this.#window.copy(grown, 0, this.#start, this.#end);
      this.#window = grown;
    } else {
      this.#window.copyWithin(0, this.#start, this.#end);
    }
    this.#windowOffset += this.#start;
    this.#start = 0;
    this.#end = kept;
    while (this.#end < bytes) {
      const { bytesRead } = await read(
        this.#fd,
        this.#window,
        this.#end,
        Math.min(this.#window.length - this.#end, this.#size - this.#windowOffset - this.#end),
        this.#windowOffset + this.#end,
      );
      if (bytesRead === 0) return false;
      this.#end += bytesRead;
    }
    return true;
  }
}
