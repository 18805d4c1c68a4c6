/**
 * Rows of a file as a Source: NDJSON or CSV, plain or compressed, read once to its end or followed as it grows.
 *
 * Owns: which file is read and from where, and what happens at its end. Leaves bytes to feed.ts and rows to domain/mapeo.
 *
 * F1 The position names the file (hashes of its beginning and of the last bytes read) beside the offset: a file put in its place is
 *    read from its own beginning, never from the offset of another.
 * F2 Followed (`seguir`) and rotated by rename: the rest of the old file is read first, and until it has stayed the same for one
 *    more look, since its writer may still be writing. Rotated by copy and truncation: the copy's rest first, then from the
 *    beginning. What a rotation took that was never read, and cannot be found, is told in the log. Of two rotations between two
 *    looks (a quarter of a second) the file in the middle is not read.
 * F3 An unfinished last row is a row at the end of a file that is read once, and of one that was rotated away; in a file that is
 *    followed it waits for its newline.
 *
 *   read -> more bytes? -> batch
 *             | none
 *             +- seguir: same file -> idle;  another -> one more look -> rest as last row -> open it
 *             `- else:   rest as last row -> end
 */
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import { SAMPLE_BYTES } from '#domain/mapeo/limits.ts';
import { formatMapeo, parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import { resolvedText } from '#domain/mapeo/resolve.ts';
import { ROW_START, RowReader, type RowPosition } from '#domain/mapeo/row-reader.ts';
import type { Logger } from '#ports/logger.ts';
import type { RefusedRows, Source, SourcePosition, SourceState } from '#ports/source.ts';
import { compressionOf, PackedFeed, PlainFeed, type ByteFeed, type Compression } from './feed.ts';
import {
  findRotated,
  inodeOf,
  isSameData,
  isWholeHead,
  readHead,
  statOrNull,
  type Head,
  type Identity,
  type Tail,
} from './identity.ts';
import { firstBytes, openArchivo, openError, readSample, seriesName } from './open.ts';

export interface ArchivoDeps {
  readonly refused: RefusedRows;
  readonly logger: Logger;
}

/** A fuente as configured; only ruta is needed. */
export interface ArchivoConfig {
  readonly tipo?: 'archivo';
  readonly ruta: string;
  readonly id?: string | undefined;
  readonly bloque?: string | undefined;
  readonly mapeo?: Mapeo | undefined;
  readonly seguir?: boolean | undefined;
}

/** How long to wait before a followed file is looked at again. */
const IDLE_MS = 250;
const TAG = 'Fuente';

const MORE: SourceState = { kind: 'more' };
const IDLE: SourceState = { kind: 'idle', retryMs: IDLE_MS };
const END: SourceState = { kind: 'end' };

/** What is written in a position; a number or text each. */
interface StoredPosition extends RowPosition, Identity {
  /** The mapping asked for, and the one it came to. */
  readonly pedido: string;
  readonly mapeo: string;
}

/** One file while it is read. */
interface Current {
  readonly file: FileHandle;
  readonly feed: ByteFeed;
  readonly reader: RowReader;
  readonly compression: Compression | null;
  readonly inode: string;
  head: Head;
  tail: Tail | null;
  /** Its name is now another file's, or nobody's. */
  isRotated: boolean;
  /** It was looked at since, and had nothing new. */
  isQuiet: boolean;
  isEnding: boolean;
}

export class FileSource implements Source {
  readonly id: string;
  readonly path: string;
  readonly replayable = true;
  readonly live = false;
  readonly #seguir: boolean;
  readonly #pedido: Mapeo | null;
  readonly #deps: ArchivoDeps;
  #current: Current | null = null;
  /** Where to begin again; what position() says while there is no file. */
  #position: SourcePosition = {};
  /** The mapping that reading this source came to. */
  #mapeo = '';
  /** Of the files left so far. */
  #done = { bytesDone: 0, rows: 0, refused: 0 };
  #bytesTotal: number | null = null;
  #changedMs = 0;
  #wasIdle = false;
  #isClosed = false;

  constructor(config: ArchivoConfig, deps: ArchivoDeps) {
    this.path = resolve(config.ruta);
    this.#seguir = config.seguir ?? false;
    this.#pedido = config.mapeo ?? null;
    this.#deps = deps;
    this.id = config.id ?? `archivo:${this.path}`;
  }

  async open(position: SourcePosition | null): Promise<void> {
    this.#isClosed = false;
    this.#wasIdle = false;
    this.#position = position ?? {};
    await this.#openAt();
  }

  /** Opens at #position. False: the file is followed and not there. */
  async #openAt(): Promise<boolean> {
    const stored = readPosition(this.#position, this.#pedidoText());
    this.#mapeo = stored?.mapeo ?? this.#mapeo;
    const file = await this.#openFile();
    if (stored === null) {
      if (file !== null) await this.#begin(file, ROW_START, false);
      return file !== null;
    }
    if (file !== null && (await isSameData(file, stored))) {
      await this.#begin(file, stored, false);
      return true;
    }
    if (this.#seguir) {
      const rotated = await findRotated(this.path, stored, stored.offset);
      if (rotated !== null) {
        await file?.close();
        this.#say(`${this.path} was rotated while nobody read it: its rest is read first`);
        await this.#begin(rotated, stored, true);
        return true;
      }
    }
    if (file === null) return false;
    this.#say(`${this.path} is another file than the one read before: it is read from its beginning`);
    await this.#begin(file, ROW_START, false);
    return true;
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    for (;;) {
      const current = this.#current;
      if (this.#isClosed) return END;
      if (current === null) {
        if (!this.#seguir) return END;
        if (!(await this.#openAt())) return IDLE;
        continue;
      }
      if (this.#wasIdle && !current.isRotated && (await this.#wasReplaced(current))) continue;
      this.#wasIdle = false;
      if (current.reader.read(batch)) return MORE;
      const chunk = current.isEnding ? null : await this.#nextChunk(current);
      if (chunk !== null) {
        current.reader.offer(chunk.bytes, chunk.from, chunk.to, false);
        current.feed.ahead();
        current.isQuiet = false;
        if (!isWholeHead(current.head)) current.head = await readHead(current.file);
        continue;
      }
      if (batch.length > 0) return MORE;
      if (current.isEnding) {
        if (!this.#seguir) return END;
        await this.#leave(current);
        continue;
      }
      if (!this.#seguir) this.#finish(current);
      else if (current.isRotated && current.isQuiet) this.#finish(current);
      else {
        // Its writer may still have it open: what comes until the next look belongs to it.
        current.isQuiet = current.isRotated;
        if (!current.isRotated) current.isRotated = await this.#looksRotated(current);
        this.#wasIdle = !current.isRotated;
        return this.#isClosed ? END : IDLE;
      }
    }
  }

  position(): SourcePosition {
    const current = this.#current;
    if (current === null) return this.#position;
    const { reader, head } = current;
    const { resolution } = reader;
    if (current.compression === null) current.tail = reader.tail() ?? current.tail;
    return {
      ...reader.position(),
      inode: current.inode,
      headHash: head.hash,
      headBytes: head.bytes,
      tailHash: current.tail?.hash ?? 0,
      tailBytes: current.tail?.bytes ?? 0,
      tailEnd: current.tail?.end ?? 0,
      pedido: this.#pedidoText(),
      mapeo: resolution === null ? this.#mapeo : resolvedText(resolution),
    };
  }

  progress(): { bytesDone: number; bytesTotal: number | null; rows: number; refused: number } {
    const current = this.#current;
    if (current === null) return { ...this.#done, bytesTotal: this.#bytesTotal };
    const { reader, feed, compression } = current;
    return {
      bytesDone: compression === null ? reader.position().offset : feed.bytesDone,
      bytesTotal: this.#bytesTotal,
      rows: this.#done.rows + reader.rows,
      refused: this.#done.refused + reader.refused,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const current = this.#current;
    if (current === null) return;
    this.#position = this.position();
    this.#count();
    this.#current = null;
    await current.feed.close().catch(() => {});
  }

  #pedidoText(): string {
    return this.#pedido === null ? '' : formatMapeo(this.#pedido);
  }

  /** The file at ruta; null when it is followed and not there. */
  async #openFile(): Promise<FileHandle | null> {
    if (this.#seguir && (await statOrNull(this.path).catch(() => undefined)) === null) return null;
    const { file, stats } = await openArchivo(this.path);
    this.#bytesTotal = stats.size;
    this.#changedMs = stats.mtimeMs;
    return file;
  }

  /** Reads `file` from `start` on. The file is closed when this fails. */
  async #begin(
    file: FileHandle,
    start: RowPosition & { readonly tail?: Tail | null },
    isRotated: boolean,
  ): Promise<void> {
    const { offset, part, line, skipping, tail = null } = start;
    let feed: ByteFeed | null = null;
    try {
      const compression = compressionOf(await firstBytes(file));
      if (compression !== null && this.#seguir) {
        throw openError(
          this.path,
          `it is compressed (${compression})`,
          'A compressed file cannot be followed: leave out seguir',
        );
      }
      const isResumed = offset > 0;
      const reader = await this.#makeReader(file, compression, { offset, part, line, skipping });
      feed = compression === null ? new PlainFeed(file, start.offset) : new PackedFeed(file, compression, start.offset);
      this.#current = {
        file,
        feed,
        reader,
        compression,
        inode: inodeOf(await file.stat()),
        head: await readHead(file),
        tail,
        isRotated,
        isQuiet: false,
        isEnding: false,
      };
      for (const notice of isResumed ? [] : (reader.resolution?.notices ?? [])) this.#say(`${this.path}: ${notice}`);
    } catch (error) {
      await (feed ?? file).close().catch(() => {});
      throw error;
    }
  }

  /** A reader with its mapping settled on the beginning of the file, if there is enough of it. */
  async #makeReader(file: FileHandle, compression: Compression | null, start: RowPosition): Promise<RowReader> {
    const isResumed = start.offset > 0;
    const { sample, isWhole } = await readSample(file, compression, SAMPLE_BYTES);
    const attempt = (): RowReader | null => {
      const reader = new RowReader(
        {
          pedido: this.#mapeo === '' ? this.#pedido : parseMapeo(this.#mapeo, this.id),
          nombre: seriesName(this.path),
          source: this.id,
          // What was settled before is not judged again by whatever rows come first today.
          verify: this.#mapeo === '',
        },
        (reason, row, where) => this.#deps.refused.refuse(this.id, reason, row, where),
        start,
      );
      return reader.prepare(sample, isWhole && !this.#seguir) || !isResumed ? reader : null;
    };
    let reader: RowReader | null;
    try {
      reader = attempt();
    } catch (error) {
      if (isResumed || this.#mapeo === '' || !(error instanceof CoreCError)) throw error;
      // The next file of a rotation may have other columns: settled anew from what was asked for.
      this.#mapeo = '';
      reader = attempt();
    }
    if (reader === null) {
      throw openError(this.path, 'its beginning is no longer what it was', 'Read it under another id');
    }
    return reader;
  }

  async #nextChunk(current: Current): ReturnType<ByteFeed['next']> {
    try {
      return await current.feed.next();
    } catch (error) {
      if (this.#isClosed) return null;
      const { code } = error as NodeJS.ErrnoException;
      const hint =
        current.compression === null
          ? 'What came before is taken; look at the disk and try again'
          : 'What came before is taken; the compressed file is damaged or cut short';
      throw new CoreCError(
        'COREC_E_SOURCE_READ',
        { source: this.id, found: `${messageOf(error)} (${code ?? '?'})`, hint },
        error,
      );
    }
  }

  /** No more bytes will come: an unfinished row is a row. */
  #finish(current: Current): void {
    current.reader.end();
    current.isEnding = true;
  }

  /** Leaves a file that was rotated away, for the one that has its name now. */
  async #leave(current: Current): Promise<void> {
    this.#count();
    this.#rememberMapeo(current);
    this.#current = null;
    // Until the new file is there: nothing of the old one is left to read.
    this.#position = { pedido: this.#pedidoText(), mapeo: this.#mapeo };
    await current.feed.close();
  }

  /** Keeps the counts of a file that is left. */
  #count(): void {
    const { bytesDone, rows, refused } = this.progress();
    this.#done = { bytesDone, rows, refused };
  }

  #rememberMapeo({ reader }: Current): void {
    if (reader.resolution !== null) this.#mapeo = resolvedText(reader.resolution);
  }

  /** True when the name belongs to another file now, or to none. */
  async #looksRotated(current: Current): Promise<boolean> {
    const stats = await statOrNull(this.path);
    if (stats === null) return true;
    this.#bytesTotal = stats.size;
    return inodeOf(stats) !== current.inode;
  }

  /** After a pause: was the file truncated or written anew under us? Then it is read from its beginning. */
  async #wasReplaced(current: Current): Promise<boolean> {
    const stats = await current.file.stat();
    if (stats.mtimeMs === this.#changedMs && stats.size === this.#bytesTotal) return false;
    this.#changedMs = stats.mtimeMs;
    this.#bytesTotal = stats.size;
    const identity: Identity = { ...current, tail: current.reader.tail() ?? current.tail };
    if (stats.size >= current.feed.bytesDone && (await isSameData(current.file, identity))) return false;
    this.#count();
    this.#rememberMapeo(current);
    const start = { ...current.reader.position(), tail: identity.tail };
    const rotated = await findRotated(this.path, identity, start.offset);
    this.#current = null;
    this.#position = { pedido: this.#pedidoText(), mapeo: this.#mapeo };
    await current.feed.close();
    if (rotated !== null) {
      this.#say(`${this.path} was truncated: the rest of its copy is read first`);
      await this.#begin(rotated, start, true);
    } else this.#say(`${this.path} was truncated or written anew: it is read from its beginning`);
    return true;
  }

  #say(text: string): void {
    this.#deps.logger.info(TAG, text, { fuente: this.id });
  }
}

function readPosition(position: SourcePosition | null, pedido: string): StoredPosition | null {
  if (position === null || typeof position['offset'] !== 'number') return null;
  return {
    offset: position['offset'],
    part: Number(position['part'] ?? 0),
    line: Number(position['line'] ?? 0),
    skipping: position['skipping'] === true,
    inode: String(position['inode'] ?? ''),
    head: { hash: String(position['headHash'] ?? ''), bytes: Number(position['headBytes'] ?? 0) },
    tail:
      Number(position['tailBytes'] ?? 0) === 0
        ? null
        : {
            hash: Number(position['tailHash']),
            bytes: Number(position['tailBytes']),
            end: Number(position['tailEnd']),
          },
    pedido,
    // Another mapping is asked for now: what the old one came to does not count.
    mapeo: position['pedido'] === pedido ? String(position['mapeo'] ?? '') : '',
  };
}
