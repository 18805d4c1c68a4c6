/**
 * The bytes of a file in chunks: plain (read ahead while the caller works) or compressed.
 *
 * Owns: reading. Leaves which file, and what follows when it ends, to file-source.ts.
 *
 * D1 A chunk has CHUNK_HEADROOM free bytes before it and holds until ahead() is called for the one after it.
 * D2 `null` is the end of what is there now; a plain file that has grown since gives more when asked again.
 */
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import type { FileHandle } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { CHUNK_HEADROOM } from '#domain/mapeo/limits.ts';

export interface Chunk {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export interface ByteFeed {
  next(): Promise<Chunk | null>;
  /** The chunk before the last one is no longer needed: its room may be filled. */
  ahead(): void;
  /** Bytes of the file itself that were read. */
  readonly bytesDone: number;
  close(): Promise<void>;
}

/**
 * Big enough that a read costs little beside parsing it (0.2 ms against 3), small enough that two of them, and the headroom that is
 * hardly ever touched, do not show in the memory of a process.
 */
export const CHUNK_BYTES: number = 512 << 10;

const PACKED_BYTES = 128 << 10;

export class PlainFeed implements ByteFeed {
  readonly #file: FileHandle;
  readonly #chunkBytes: number;
  #offset: number;
  #current: Uint8Array | null = null;
  #spare: Uint8Array | null = null;
  /** A read under way into #spare. */
  #pull: Promise<number> | null = null;
  #isClosed = false;

  constructor(file: FileHandle, offset: number, chunkBytes: number = CHUNK_BYTES) {
    this.#file = file;
    this.#offset = offset;
    this.#chunkBytes = chunkBytes;
  }

  get bytesDone(): number {
    return this.#offset;
  }

  async next(): Promise<Chunk | null> {
    this.#pull ??= this.#read();
    const pull = this.#pull;
    this.#pull = null;
    const length = await pull;
    if (length === 0) return null;
    this.#offset += length;
    const bytes = this.#spare!;
    this.#spare = this.#current;
    this.#current = bytes;
    return { bytes, from: CHUNK_HEADROOM, to: CHUNK_HEADROOM + length };
  }

  ahead(): void {
    if (this.#pull !== null || this.#isClosed) return;
    this.#pull = this.#read();
    // It is awaited by next(), perhaps much later; a failure must not pass for one that nobody handles.
    this.#pull.catch(() => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pull?.catch(() => {});
    await this.#file.close();
  }

  async #read(): Promise<number> {
    this.#spare ??= new Uint8Array(CHUNK_HEADROOM + this.#chunkBytes);
    const { bytesRead } = await this.#file.read(this.#spare, CHUNK_HEADROOM, this.#chunkBytes, this.#offset);
    return bytesRead;
  }
}

export type Compression = 'gzip' | 'zstd';

/** What the first bytes of a file say it is packed with; null for none. */
export function compressionOf(head: Uint8Array): Compression | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return null;
}

function makeUnpacker(compression: Compression): ReturnType<typeof createGunzip> {
  return compression === 'gzip'
    ? createGunzip({ chunkSize: 128 << 10 })
    : createZstdDecompress({
        chunkSize: 128 << 10,
        // 128 MiB: what zstd --ultra uses at most; a window of gigabytes is an attack, not a file.
        params: { [constants.ZSTD_d_windowLogMax]: 27 },
      });
}

/** What `file` unpacks to. A stream of Node's own would close the file with itself, so the bytes are read by hand. */
function unpack(file: FileHandle, compression: Compression, onRead: (bytes: number) => void): Readable {
  async function* packed(): AsyncGenerator<Buffer> {
    for (let offset = 0; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PACKED_BYTES), 0, PACKED_BYTES, offset);
      if (bytesRead === 0) return;
      offset += bytesRead;
      onRead(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  }
  const unpacker = makeUnpacker(compression);
  // The callback has nothing to do: whoever reads the unpacker meets its error.
  pipeline(Readable.from(packed(), { objectMode: false }), unpacker, () => {});
  return unpacker;
}

/** A compressed file from `skip` bytes (of what is unpacked) on. It cannot be sought: what is skipped is unpacked as well. */
export class PackedFeed implements ByteFeed {
  readonly #file: FileHandle;
  readonly #unpacked: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #skip: number;
  #left: Buffer | null = null;
  #buffers: [Uint8Array, Uint8Array] | null = null;
  #bytesDone = 0;

  constructor(file: FileHandle, compression: Compression, skip: number) {
    this.#file = file;
    this.#skip = skip;
    this.#unpacked = unpack(file, compression, (bytes) => {
      this.#bytesDone += bytes;
    });
    this.#chunks = this.#unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  get bytesDone(): number {
    return this.#bytesDone;
  }

  async next(): Promise<Chunk | null> {
    for (;;) {
      let chunk = this.#left;
      this.#left = null;
      if (chunk === null) {
        const result = await this.#chunks.next();
        if (result.done === true) return null;
        chunk = result.value;
      }
      if (this.#skip >= chunk.length) {
        this.#skip -= chunk.length;
        continue;
      }
      chunk = chunk.subarray(this.#skip);
      this.#skip = 0;
      this.#buffers ??= [new Uint8Array(CHUNK_HEADROOM + CHUNK_BYTES), new Uint8Array(CHUNK_HEADROOM + CHUNK_BYTES)];
      // By turns: the chunk before still holds the row that it did not end.
      const [bytes, other] = this.#buffers;
      this.#buffers = [other, bytes];
      const length = Math.min(chunk.length, CHUNK_BYTES);
      bytes.set(chunk.subarray(0, length), CHUNK_HEADROOM);
      if (length < chunk.length) this.#left = chunk.subarray(length);
      return { bytes, from: CHUNK_HEADROOM, to: CHUNK_HEADROOM + length };
    }
  }

  /** The streams read ahead by themselves. */
  ahead(): void {}

  async close(): Promise<void> {
    this.#unpacked.destroy();
    await this.#file.close();
  }
}

/** The first bytes of what a compressed file holds, at most `bytesMax`, and whether that is all. The file stays open. */
export async function unpackSample(
  file: FileHandle,
  compression: Compression,
  bytesMax: number,
): Promise<{ sample: Uint8Array; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  let isWhole = true;
  for await (const chunk of unpack(file, compression, () => {}) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < bytesMax) continue;
    isWhole = false;
    break;
  }
  return { sample: new Uint8Array(Buffer.concat(chunks)), isWhole };
}
