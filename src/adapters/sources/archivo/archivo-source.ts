/**
 * Rows of a file: plain, gzip or zstd, read once or followed as it grows and is rotated.
 *
 * Owns bytes and position: which file, how far. Leaves rows to RowReader.
 *
 * A1 A position names the file by inode and by a fingerprint of its first bytes: a file that was replaced is read from its start, a
 *    renamed one (rotation) is finished first.
 * A2 A followed file's last line is taken when its newline has come; otherwise the end of the file ends the row.
 * A3 The position in compressed data counts uncompressed bytes; opening again reads up to there without parsing.
 */
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { hashClave, type LecturaBatch } from '#domain/lectura/batch.ts';
import type { FuenteArchivo } from '#domain/mapeo/fuentes.ts';
import { SAMPLE_BYTES } from '#domain/mapeo/limits.ts';
import { ROW_START, type RowPosition, type RowReader } from '#domain/mapeo/row-reader.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import { CHUNK_HEADROOM, makeChunk, makeRowReader, type RowSourceDeps } from '../row-source.ts';

const CHUNK_BYTES = 512 * 1024;
const FOLLOW_MS = 200;
/** Bytes at the beginning that tell a file from another of the same inode. */
const HEAD_BYTES = 256;

type Packing = 'plain' | 'gzip' | 'zstd';

/** Chunks of a file's (uncompressed) bytes from `offset`; null at the end, which may move for a followed file. */
interface ByteFeed {
  next(): Promise<Uint8Array | null>;
  /** The chunk before the last is free: the next one may be read into it while the caller works. */
  ahead(): void;
  /** Bytes of the file that were read. */
  readonly fileBytes: number;
  close(): Promise<void>;
}

export function makeArchivoSource(config: FuenteArchivo, deps: RowSourceDeps): Source {
  return new ArchivoSource(config, deps);
}

class ArchivoSource implements Source {
  readonly id: string;
  readonly replayable = true;
  readonly live = false;
  readonly #config: FuenteArchivo;
  readonly #deps: RowSourceDeps;
  #handle: FileHandle | null = null;
  #feed: ByteFeed | null = null;
  #reader: RowReader | null = null;
  #inode = 0;
  #size = 0;
  #head = { bytes: 0, hash: 0 };
  #wantsMore = true;
  #final = false;
  #rowsBefore = 0;
  #refusedBefore = 0;
  #bytesDone = 0;

  constructor(config: FuenteArchivo, deps: RowSourceDeps) {
    this.id = config.id ?? `archivo:${config.ruta}`;
    this.#config = config;
    this.#deps = deps;
  }

  async open(position: SourcePosition | null): Promise<void> {
    await this.close();
    try {
      this.#handle = await open(this.#config.ruta, 'r');
      const info = await this.#handle.stat();
      if (info.isDirectory()) throw new Error('it is a folder');
      this.#inode = info.ino;
      this.#size = info.size;
      const start = position === null ? ROW_START : await this.#resume(position);
      await this.#begin(start);
    } catch (error) {
      await this.close();
      if (error instanceof CoreCError) throw error;
      throw new CoreCError(
        'COREC_E_SOURCE_OPEN',
        {
          source: this.#config.ruta,
          found: describe(error),
          hint: 'Give a file that exists and that this user can read.',
        },
        error,
      );
    }
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    const reader = this.#reader!;
    for (;;) {
      if (this.#wantsMore) {
        if (this.#final) return this.#afterEnd();
        const chunk = await this.#feed!.next();
        if (chunk !== null) {
          reader.offer(chunk, CHUNK_HEADROOM, chunk.length, false);
          this.#feed!.ahead();
        } else if (await this.#mayGrow()) {
          if (batch.length > 0) return { kind: 'more' };
          return { kind: 'idle', retryMs: FOLLOW_MS };
        } else {
          this.#final = true;
          reader.offer(makeChunk(0), CHUNK_HEADROOM, CHUNK_HEADROOM, true);
        }
      }
      this.#wantsMore = !reader.read(batch);
      if (batch.full) return { kind: 'more' };
    }
  }

  position(): SourcePosition {
    const { offset, part, line, skipping } = this.#reader?.position() ?? ROW_START;
    return { inode: this.#inode, headBytes: this.#head.bytes, headHash: this.#head.hash, offset, part, line, skipping };
  }

  progress(): ReturnType<Source['progress']> {
    return {
      bytesDone: this.#feed?.fileBytes ?? this.#bytesDone,
      bytesTotal: this.#config.seguir ? null : this.#size,
      rows: this.#rowsBefore + (this.#reader?.rows ?? 0),
      refused: this.#refusedBefore + (this.#reader?.refused ?? 0),
    };
  }

  async close(): Promise<void> {
    const feed = this.#feed;
    this.#feed = null;
    this.#bytesDone = feed?.fileBytes ?? this.#bytesDone;
    await feed?.close();
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  /** A1. */
  async #resume(position: SourcePosition): Promise<RowPosition> {
    const headBytes = Number(position.headBytes ?? 0);
    const head = new Uint8Array(headBytes);
    const { bytesRead } = await this.#handle!.read(head, 0, headBytes, 0);
    const same = bytesRead === headBytes && hashClave(head, 0, headBytes) === position.headHash;
    if (!same) {
      this.#deps.logger.info('Fuente', 'The file is another one than before; read from its start', { fuente: this.id });
      return ROW_START;
    }
    return {
      offset: Number(position.offset),
      part: Number(position.part),
      line: Number(position.line),
      skipping: position.skipping === true,
    };
  }

  async #begin(start: RowPosition): Promise<void> {
    const handle = this.#handle!;
    const head = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    this.#head = { bytes: bytesRead, hash: hashClave(head, 0, bytesRead) };
    const packing = packingOf(head, bytesRead);
    this.#rowsBefore += this.#reader?.rows ?? 0;
    this.#refusedBefore += this.#reader?.refused ?? 0;
    this.#reader = makeRowReader(
      this.id,
      {
        pedido: this.#config.mapeo ?? null,
        nombre: stem(this.#config.ruta),
        source: this.#config.ruta,
        verify: true,
      },
      this.#deps,
      start,
    );
    this.#wantsMore = true;
    this.#final = false;
    if (start.offset > 0) await this.#prepare(packing);
    this.#feed =
      packing === 'plain'
        ? new PlainFeed(handle, start.offset)
        : new PackedFeed(this.#config.ruta, packing, start.offset);
  }

  /** The mapping is told from the beginning of the data, where reading does not begin this time. */
  async #prepare(packing: Packing): Promise<void> {
    const feed = packing === 'plain' ? new PlainFeed(this.#handle!, 0) : new PackedFeed(this.#config.ruta, packing, 0);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let whole = false;
    while (bytes < SAMPLE_BYTES) {
      const chunk = await feed.next();
      if (chunk === null) {
        whole = true;
        break;
      }
      parts.push(chunk.slice(CHUNK_HEADROOM));
      bytes += chunk.length - CHUNK_HEADROOM;
    }
    if (packing !== 'plain') await feed.close();
    const sample = new Uint8Array(bytes);
    let at = 0;
    for (const part of parts) {
      sample.set(part, at);
      at += part.length;
    }
    this.#reader!.prepare(sample, whole);
  }

  /** At the end of the bytes there are: may more come? Finishes a rotated file first. */
  async #mayGrow(): Promise<boolean> {
    if (!this.#config.seguir) return false;
    const now = await stat(this.#config.ruta).catch(() => null);
    const own = await this.#handle!.stat();
    if (own.size < this.#reader!.position().offset) return false;
    // rotated away: its writer may still finish a line, so it is left only when the new file is there and nothing came
    return now === null || now.ino === this.#inode;
  }

  async #afterEnd(): Promise<SourceState> {
    if (!this.#config.seguir) return { kind: 'end' };
    await this.open(null);
    return { kind: 'more' };
  }
}

/** Reads ahead: the next chunk is on its way while the caller works on this one. */
class PlainFeed implements ByteFeed {
  readonly #handle: FileHandle;
  /** One is with the reader, one is being filled. */
  readonly #buffers = [makeChunk(CHUNK_BYTES), makeChunk(CHUNK_BYTES)];
  #turn = 0;
  #offset: number;
  #ahead: Promise<number> | null = null;

  constructor(handle: FileHandle, offset: number) {
    this.#handle = handle;
    this.#offset = offset;
  }

  get fileBytes(): number {
    return this.#offset;
  }

  async next(): Promise<Uint8Array | null> {
    const ahead = this.#ahead ?? this.#fill();
    this.#ahead = null;
    const bytes = await ahead;
    if (bytes === 0) return null;
    const chunk = this.#buffers[this.#turn]!.subarray(0, CHUNK_HEADROOM + bytes);
    this.#offset += bytes;
    this.#turn ^= 1;
    return chunk;
  }

  ahead(): void {
    if (this.#ahead !== null) return;
    this.#ahead = this.#fill();
    // a failure is met by the next call, not by nobody
    this.#ahead.catch(() => {});
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => {});
  }

  async #fill(): Promise<number> {
    const { bytesRead } = await this.#handle.read(
      this.#buffers[this.#turn]!,
      CHUNK_HEADROOM,
      CHUNK_BYTES,
      this.#offset,
    );
    return bytesRead;
  }
}

class PackedFeed implements ByteFeed {
  readonly #file: ReturnType<typeof createReadStream>;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #unpacked: ReturnType<typeof createGunzip>;
  #skip: number;
  #failure: unknown = null;

  constructor(path: string, packing: Packing, offset: number) {
    this.#file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
    this.#unpacked = (packing === 'gzip' ? createGunzip : createZstdDecompress)({
      chunkSize: CHUNK_BYTES,
    }) as ReturnType<typeof createGunzip>;
    this.#file.on('error', (error) => this.#unpacked.destroy(error));
    this.#unpacked.on('error', (error) => {
      this.#failure = error;
    });
    this.#file.pipe(this.#unpacked);
    this.#chunks = this.#unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#skip = offset;
  }

  get fileBytes(): number {
    return this.#file.bytesRead;
  }

  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const next = await this.#chunks.next();
      if (this.#failure !== null) throw this.#failure;
      if (next.done === true) return null;
      const skip = Math.min(this.#skip, next.value.length);
      this.#skip -= skip;
      if (skip === next.value.length) continue;
      const chunk = makeChunk(next.value.length - skip);
      chunk.set(next.value.subarray(skip), CHUNK_HEADROOM);
      return chunk;
    }
  }

  /** Streams read ahead by themselves. */
  ahead(): void {}

  async close(): Promise<void> {
    this.#file.destroy();
    this.#unpacked.destroy();
  }
}

function packingOf(head: Uint8Array, bytes: number): Packing {
  if (bytes >= 2 && head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (bytes >= 4 && head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return 'plain';
}

function stem(path: string): string {
  const name = basename(path).replace(/\.(gz|zst)$/, '');
  return name.replace(/\.[^.]+$/, '') || name;
}

function describe(error: unknown): string {
  const code = (error as { code?: string }).code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  return messageOf(error);
}
