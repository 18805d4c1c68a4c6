/**
 * Rows of the standard input as a Source.
 *
 * Owns: pulling bytes out of the pipe, unpacking them when they are compressed. Leaves rows to domain/mapeo.
 *
 * I1 Bytes are pulled only by read(): a slow reader fills the pipe, and whoever writes into it waits.
 * I2 Nothing can be read twice; after a crash what was not in an epoch is gone (`replayable` false).
 * I3 read() waits at most WAIT_MS for bytes and gives what rows it has rather than wait for a full batch.
 */
import { finished, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import { CHUNK_HEADROOM } from '#domain/mapeo/limits.ts';
import type { Mapeo } from '#domain/mapeo/mapeo.ts';
import { RowReader } from '#domain/mapeo/row-reader.ts';
import type { Clock } from '#ports/clock.ts';
import type { RefusedRows, Source, SourcePosition, SourceState } from '#ports/source.ts';

export interface StdinDeps {
  readonly refused: RefusedRows;
  readonly clock: Pick<Clock, 'after'>;
  readonly stdin: Readable;
}

/** A fuente as configured. */
export interface StdinConfig {
  readonly tipo?: 'stdin';
  readonly id?: string | undefined;
  readonly bloque?: string | undefined;
  readonly mapeo?: Mapeo | undefined;
}

const CHUNK_BYTES = 256 << 10;
const WAIT_MS = 200;

const MORE: SourceState = { kind: 'more' };
const END: SourceState = { kind: 'end' };
/** read() has waited itself. */
const IDLE: SourceState = { kind: 'idle', retryMs: 0 };

export function makeStdinSource(config: StdinConfig, deps: StdinDeps): Source {
  return new StdinSource(config, deps);
}

class StdinSource implements Source {
  readonly id: string;
  readonly replayable = false;
  readonly live = false;
  readonly #deps: StdinDeps;
  readonly #reader: RowReader;
  #stream: Readable | null = null;
  /** By turns: the chunk before still holds the row that it did not end. */
  #buffers: readonly [Uint8Array, Uint8Array] | null = null;
  #left: Uint8Array | null = null;
  #bytesDone = 0;
  #isEnded = false;
  #failure: Error | null = null;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(config: StdinConfig, deps: StdinDeps) {
    this.id = config.id ?? 'stdin';
    this.#deps = deps;
    this.#reader = new RowReader(
      { pedido: config.mapeo ?? null, nombre: 'stdin', source: this.id, verify: true },
      (reason, row, where) => deps.refused.refuse(this.id, reason, row, where),
    );
  }

  // Nothing to open at: a pipe begins where it is.
  async open(_position: SourcePosition | null): Promise<void> {
    if (this.#stream !== null) return;
    const { stdin } = this.#deps;
    if ((stdin as Partial<NodeJS.ReadStream>).isTTY === true) {
      throw new CoreCError('COREC_E_SOURCE_OPEN', {
        source: this.id,
        found: 'the standard input is a terminal',
        hint: 'Give it rows, e.g. corec ingest - < file.csv.',
      });
    }
    this.#use(stdin);
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    for (;;) {
      if (this.#isClosed) return END;
      if (this.#reader.read(batch)) return MORE;
      const chunk = this.#nextChunk();
      if (chunk !== null) {
        this.#offer(chunk);
        continue;
      }
      if (batch.length > 0) return MORE;
      if (this.#failure !== null) throw readError(this.id, this.#failure);
      if (this.#isEnded) {
        // The last row may lack its newline.
        this.#reader.end();
        return this.#reader.read(batch) || batch.length > 0 ? MORE : END;
      }
      if (!(await this.#bytesCome())) return IDLE;
    }
  }

  position(): SourcePosition {
    return { offset: this.#reader.position().offset };
  }

  progress(): { bytesDone: number; bytesTotal: number | null; rows: number; refused: number } {
    return { bytesDone: this.#bytesDone, bytesTotal: null, rows: this.#reader.rows, refused: this.#reader.refused };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    // Lets the process end although its input is still open.
    this.#deps.stdin.pause();
    (this.#deps.stdin as Partial<NodeJS.ReadStream>).unref?.();
  }

  #use(stream: Readable): void {
    this.#stream = stream;
    stream.on('readable', () => this.#wake());
    finished(stream, { writable: false }, (error) => {
      if (this.#stream !== stream) return;
      if (error === undefined || error === null) this.#isEnded = true;
      else this.#failure = error;
      this.#wake();
    });
  }

  /** Bytes that are there now, at most CHUNK_BYTES; null for none. */
  #nextChunk(): Uint8Array | null {
    let chunk = this.#left;
    this.#left = null;
    if (chunk === null) {
      const read = this.#stream?.read() as Buffer | string | null | undefined;
      if (read === null || read === undefined) return null;
      chunk = typeof read === 'string' ? Buffer.from(read) : read;
      const isFirst = this.#bytesDone === 0;
      this.#bytesDone += chunk.length;
      if (isFirst && this.#unpack(chunk)) return null;
    }
    if (chunk.length > CHUNK_BYTES) {
      this.#left = chunk.subarray(CHUNK_BYTES);
      chunk = chunk.subarray(0, CHUNK_BYTES);
    }
    return chunk;
  }

  /** When the first bytes are those of a compressed stream, it is read through an unpacker from now on. */
  #unpack(chunk: Uint8Array): boolean {
    const unpacker = unpackerFor(chunk);
    if (unpacker === null) return false;
    const packed = this.#stream!;
    packed.removeAllListeners('readable');
    unpacker.write(chunk);
    packed.on('error', (error) => unpacker.destroy(error));
    packed.pipe(unpacker);
    this.#use(unpacker);
    return true;
  }

  #offer(chunk: Uint8Array): void {
    this.#buffers ??= [new Uint8Array(CHUNK_HEADROOM + CHUNK_BYTES), new Uint8Array(CHUNK_HEADROOM + CHUNK_BYTES)];
    const [bytes, other] = this.#buffers;
    this.#buffers = [other, bytes];
    bytes.set(chunk, CHUNK_HEADROOM);
    this.#reader.offer(bytes, CHUNK_HEADROOM, CHUNK_HEADROOM + chunk.length, false);
  }

  /** Waits until there may be bytes, or an end; false when WAIT_MS have passed without. */
  #bytesCome(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isThere: boolean): void => {
        this.#wake = () => {};
        cancel();
        resolve(isThere);
      };
      const cancel = this.#deps.clock.after(WAIT_MS, () => done(false));
      this.#wake = () => done(true);
      if ((this.#stream?.readableLength ?? 0) > 0) done(true);
    });
  }
}

/** What unpacks a stream that begins with `chunk`; null for one that is not compressed. */
function unpackerFor(chunk: Uint8Array): ReturnType<typeof createGunzip> | null {
  if (chunk[0] === 0x1f && chunk[1] === 0x8b) return createGunzip();
  const isZstd = chunk[0] === 0x28 && chunk[1] === 0xb5 && chunk[2] === 0x2f && chunk[3] === 0xfd;
  return isZstd ? createZstdDecompress() : null;
}

function readError(source: string, error: Error): CoreCError {
  return new CoreCError(
    'COREC_E_SOURCE_READ',
    { source, found: messageOf(error), hint: 'What came before is taken; the stream is damaged or was cut short.' },
    error,
  );
}
