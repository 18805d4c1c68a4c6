/**
 * Rows from standard input (or any readable stream). What was read and is in no epoch yet is gone after a crash.
 */
import type { Readable } from 'node:stream';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { FuenteStdin } from '#domain/mapeo/fuentes.ts';
import type { RowReader } from '#domain/mapeo/row-reader.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import { CHUNK_HEADROOM, makeChunk, makeRowReader, type RowSourceDeps } from '../row-source.ts';

export interface StdinDeps extends RowSourceDeps {
  readonly stdin: Readable;
}

export function makeStdinSource(config: FuenteStdin, deps: StdinDeps): Source {
  return new StdinSource(config, deps);
}

class StdinSource implements Source {
  readonly id: string;
  readonly replayable = false;
  readonly live = false;
  readonly #config: FuenteStdin;
  readonly #deps: StdinDeps;
  #reader: RowReader | null = null;
  #chunks: AsyncIterator<Buffer> | null = null;
  #bytes = 0;
  #wantsMore = true;
  #ended = false;

  constructor(config: FuenteStdin, deps: StdinDeps) {
    this.id = config.id ?? 'stdin';
    this.#config = config;
    this.#deps = deps;
  }

  async open(): Promise<void> {
    const request = { pedido: this.#config.mapeo ?? null, nombre: 'stdin', source: 'stdin', verify: true };
    this.#reader = makeRowReader(this.id, request, this.#deps);
    this.#chunks = this.#deps.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    const reader = this.#reader!;
    for (;;) {
      if (this.#wantsMore) {
        if (this.#ended) return { kind: 'end' };
        const next = await this.#chunks!.next();
        if (next.done === true) {
          this.#ended = true;
          reader.offer(makeChunk(0), CHUNK_HEADROOM, CHUNK_HEADROOM, true);
        } else {
          const chunk = makeChunk(next.value.length);
          chunk.set(next.value, CHUNK_HEADROOM);
          this.#bytes += next.value.length;
          reader.offer(chunk, CHUNK_HEADROOM, chunk.length, false);
        }
      }
      this.#wantsMore = !reader.read(batch);
      if (batch.length > 0 && (!this.#wantsMore || !this.#ended)) return { kind: 'more' };
      if (this.#wantsMore && this.#ended) return { kind: 'end' };
    }
  }

  position(): SourcePosition {
    return { bytes: this.#bytes };
  }

  progress(): ReturnType<Source['progress']> {
    return {
      bytesDone: this.#bytes,
      bytesTotal: null,
      rows: this.#reader?.rows ?? 0,
      refused: this.#reader?.refused ?? 0,
    };
  }

  async close(): Promise<void> {
    this.#ended = true;
    this.#deps.stdin.destroy();
  }
}
