/**
 * A file of rows at the Source port: it grows, is rotated, reads slowly or not at all for a while, and keeps the port's promise:
 * opened at a position it gives exactly the rows behind it, each once, whatever was renamed meanwhile.
 */
import { CoreCError } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import type { Host } from '../sim/host.ts';

export interface SimRow {
  readonly clave: string;
  readonly valor: number;
  readonly tsMs: number;
}

/** What lies in the folder: the files that had the name one after another, the last one being written. */
export class SimFile {
  readonly generations: SimRow[][] = [[]];

  append(row: SimRow): void {
    this.generations.at(-1)!.push(row);
  }

  rotate(): void {
    this.generations.push([]);
  }

  /** Rows before a position, over all generations. */
  rowsBefore(position: SourcePosition): number {
    const { inode, at } = placeOf(position);
    return this.generations.slice(0, inode).reduce((sum, rows) => sum + rows.length, 0) + at;
  }

  get rows(): number {
    return this.rowsBefore({ inode: this.generations.length, at: 0 });
  }
}

interface Place {
  readonly inode: number;
  readonly at: number;
}

function placeOf(position: SourcePosition | null): Place {
  return { inode: Number(position?.['inode'] ?? 0), at: Number(position?.['at'] ?? 0) };
}

export interface SimSourceOptions {
  readonly id: string;
  readonly file: SimFile;
  /** Goes on as the file grows; else it ends where the file ends. */
  readonly seguir: boolean;
  readonly retryMs: number;
  /** Told that the first so many rows are in an epoch. */
  readonly onCommitted: (rows: number) => void;
}

/** Most rows that one read gives. */
export const ROWS_AT_ONCE = 12;
const encoder = new TextEncoder();

export class SimSource implements Source {
  readonly id: string;
  readonly replayable = true;
  readonly live = false;
  readonly #options: SimSourceOptions;
  readonly #host: Host;
  #place: Place = { inode: 0, at: 0 };
  #rows = 0;
  #isOpen = false;

  constructor(options: SimSourceOptions, host: Host) {
    this.id = options.id;
    this.#options = options;
    this.#host = host;
  }

  async open(position: SourcePosition | null): Promise<void> {
    await this.#host.passage(`${this.id} open`, 'source_slow');
    if (this.#host.mishap('source_open_failed')) {
      throw new CoreCError('COREC_E_SOURCE_OPEN', { source: this.id, found: 'it is not there', hint: '' });
    }
    this.#place = placeOf(position);
    this.#isOpen = true;
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    const { file, seguir, retryMs } = this.#options;
    if (!this.#isOpen) throw new Error(`${this.id} is read while it is not open`);
    await this.#host.passage(`${this.id} read`, 'source_slow');
    let { inode, at } = this.#place;
    let left = Math.min(batch.capacity, 1 + this.#host.below(ROWS_AT_ONCE));
    for (;;) {
      const rows = file.generations[inode]!;
      for (; at < rows.length && left > 0; at++, left--) {
        const { clave, valor, tsMs } = rows[at]!;
        const bytes = encoder.encode(clave);
        batch.append(bytes, 0, bytes.length, valor, tsMs);
      }
      if (at < rows.length || inode + 1 === file.generations.length) break;
      // rotated away, and read to its end
      inode++;
      at = 0;
    }
    if (this.#host.mishap('source_read_failed')) {
      throw new CoreCError('COREC_E_SOURCE_READ', { source: this.id, found: 'the disk failed', hint: '' });
    }
    this.#place = { inode, at };
    this.#rows += batch.length;
    if (left === 0 || at < file.generations[inode]!.length) return { kind: 'more' };
    return seguir ? { kind: 'idle', retryMs } : { kind: 'end' };
  }

  position(): SourcePosition {
    return { ...this.#place };
  }

  async committed(position: SourcePosition): Promise<void> {
    await this.#host.passage(`${this.id} committed`, 'source_slow');
    this.#options.onCommitted(this.#options.file.rowsBefore(position));
  }

  progress(): { bytesDone: number; bytesTotal: number | null; rows: number; refused: number } {
    return { bytesDone: this.#rows, bytesTotal: this.#options.file.rows, rows: this.#rows, refused: 0 };
  }

  async close(): Promise<void> {
    await this.#host.passage(`${this.id} close`);
    this.#isOpen = false;
  }
}
