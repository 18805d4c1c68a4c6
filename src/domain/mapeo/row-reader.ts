/**
 * Chunks of bytes in, batches of lecturas out: the part of a source that is the same for files, pipes and bodies.
 *
 * Owns: resolving the mapping on the first bytes, carrying an unfinished row from chunk to chunk, and the position.
 * Leaves to its neighbours where bytes come from and when there are more.
 *
 *   offer(chunk) -> read(batch) ... until it asks for more -> offer(next chunk) ... -> offer(last, final) -> read until done
 *
 * R1 After read, position() tells where to begin again so that exactly what was not yet returned comes: a byte offset, and in
 *    the row there the first part (field, column) not yet returned.
 * R2 Bytes offered must stay as they are until the next offer; the room before them belongs to the reader.
 */
import { hashClave, type LecturaBatch } from '#domain/lectura/batch.ts';
import { decodeUtf8 } from './bytes.ts';
import { compileMapeo } from './compile.ts';
import { MAX_LINE_BYTES, REFUSED_ROW_BYTES, SAMPLE_BYTES } from './limits.ts';
import { mappingError } from './mapeo.ts';
import { resolveMapeo, type Resolution, type ResolveRequest } from './resolve.ts';
import type { RowParser, RowRefusal } from './row-parser.ts';

/** Where reading stands, as plain numbers. */
export interface RowPosition {
  /** Bytes from the beginning of the data (uncompressed) that are dealt with. */
  readonly offset: number;
  readonly part: number;
  readonly line: number;
  readonly skipping: boolean;
}

const TAIL_BYTES = 64;

export const ROW_START: RowPosition = { offset: 0, part: 0, line: 0, skipping: false };

/** Told of every refusal: the row as text (its beginning), and where it stands in words. */
export type OnRefused = (reason: RowRefusal, row: string, where: string) => void;

export class RowReader {
  private readonly request: ResolveRequest;
  private readonly onRefused: OnRefused;
  private parser: RowParser | null = null;
  private resolved: Resolution | null = null;
  private bytes: Uint8Array = new Uint8Array(0);
  private from = 0;
  /** Where the bytes that were offered begin, an unfinished row before them included. */
  private taken = 0;
  private to = 0;
  private final = false;
  /** Offset in the data of bytes[from]. */
  private offset: number;
  private start: RowPosition;

  constructor(request: ResolveRequest, onRefused: OnRefused, start: RowPosition = ROW_START) {
    this.request = request;
    this.onRefused = onRefused;
    this.start = start;
    this.offset = start.offset;
  }

  /**
   * Resolves the mapping on the beginning of the data; `whole`: there is no more of it. False: too little to tell.
   * Errors: CoreCError COREC_E_MAPPING. read() does this itself for data read from its beginning.
   */
  prepare(sample: Uint8Array, whole: boolean): boolean {
    if (this.parser !== null) return true;
    const plain = plainBytes(sample);
    // No rows at all is no fault: an empty file, an empty body.
    if (whole && isBlank(plain)) return false;
    const isCut = plain.length > SAMPLE_BYTES;
    let resolved = resolveMapeo(isCut ? plain.subarray(0, SAMPLE_BYTES) : plain, whole && !isCut, this.request);
    // A first row, or a header, that is longer than the sample.
    if (resolved === null && isCut) resolved = resolveMapeo(plain, whole, this.request);
    if (resolved === null) {
      if (plain.length <= MAX_LINE_BYTES) return false;
      throw mappingError(
        this.request.source,
        `no row within the first ${MAX_LINE_BYTES} bytes`,
        'rows of at most 1 MiB',
      );
    }
    this.adopt(resolved);
    return true;
  }

  /** The mapping in use, once it is resolved. */
  get resolution(): Resolution | null {
    return this.resolved;
  }

  get rows(): number {
    return this.parser?.rows ?? 0;
  }

  get refused(): number {
    return this.parser?.refused ?? 0;
  }

  /** Lines dealt with, those before the start included. */
  get line(): number {
    return this.parser?.line ?? this.start.line;
  }

  /** Bytes offered and not yet dealt with: after read() asked for more, an unfinished row. */
  get pendingBytes(): number {
    return this.to - this.from;
  }

  /**
   * Gives the next bytes, bytes[from..to); `final` tells that none follow. At least CHUNK_HEADROOM bytes before `from` must be
   * free to write when there was a chunk before.
   */
  offer(bytes: Uint8Array, from: number, to: number, final: boolean): void {
    const next = plainBytes(bytes);
    const rest = this.to - this.from;
    if (rest > 0) next.set(this.bytes.subarray(this.from, this.to), from - rest);
    this.bytes = next;
    this.from = from - rest;
    this.taken = this.from;
    this.to = to;
    this.final = final;
  }

  /** What was offered last was the end of the data. */
  end(): void {
    this.final = true;
  }

  /** Fills `batch` from what was offered. True: it is full and there may be more; false: offer the next bytes. */
  read(batch: LecturaBatch): boolean {
    if (this.parser === null && !this.prepare(this.bytes.subarray(this.from, this.to), this.final)) return false;
    const parser = this.parser!;
    if (this.offset === 0 && this.hasByteOrderMark()) {
      this.from += 3;
      this.offset = 3;
    }
    const next = parser.parse(this.bytes, this.from, this.to, this.final, batch);
    this.offset += next - this.from;
    this.from = next;
    return batch.length === batch.capacity;
  }

  position(): RowPosition {
    const parser = this.parser;
    if (parser === null) return this.start;
    return { offset: this.offset, part: parser.part, line: parser.line, skipping: parser.skipping };
  }

  /**
   * The last bytes dealt with, as a hash, to tell later whether the data before a position is still the same: bytes
   * [end - bytes, end) of the data. Null when too few of them are at hand.
   */
  tail(): { readonly hash: number; readonly bytes: number; readonly end: number } | null {
    const { from, offset } = this;
    if (from - this.taken < TAIL_BYTES) return null;
    return { hash: hashClave(this.bytes, from - TAIL_BYTES, from), bytes: TAIL_BYTES, end: offset };
  }

  private hasByteOrderMark(): boolean {
    const { bytes, from, to } = this;
    return to - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf;
  }

  private adopt(resolved: Resolution): void {
    const { start, onRefused } = this;
    this.resolved = resolved;
    const parser = compileMapeo(
      resolved,
      // Behind a byte order mark the header is still to come.
      start.offset === 0 || (start.offset === 3 && start.line === 0),
      (reason, bytes, from, to, line, field) => {
        const row = decodeUtf8(bytes, from, Math.min(to, from + REFUSED_ROW_BYTES));
        onRefused(reason, row, field === '' ? `line ${line}` : `line ${line}, ${field}`);
      },
      this.request.source,
    );
    parser.line = start.line;
    parser.part = start.part;
    parser.skipping = start.skipping;
    this.parser = parser;
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte <= 0x20 && byte > 0);
}

/** The same bytes as a plain Uint8Array: a Buffer would make the parsers' loads polymorphic. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
