/**
 * The file of refused rows: what was sent and became no lectura, with the reason, to be mended and sent again.
 *
 * Owns: counting by source and reason, and a bounded file of NDJSON, `rechazadas.ndjson` and one older beside it.
 *
 *   {"ts":"2026-01-01T00:00:00.000Z","fuente":"archivo:/x.csv","motivo":"bad_valor","donde":"line 12","fila":"a,b,c"}
 *
 * Z1 Nothing here throws or waits: a row that the disk does not take in time is counted and left out of the file, and the file
 *    says how many (`{"omitidas":n}`).
 * Z2 The disk holds at most two files of `bytesMax`, memory at most PENDING_BYTES_MAX, whatever comes in.
 */
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { RefusalReason, RefusedRows } from '#ports/source.ts';

export interface RefusedRowsOptions {
  readonly folder: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly logger?: Logger;
  /** Size at which the file becomes the older one. */
  readonly bytesMax?: number;
}

export interface RefusedCount {
  readonly fuente: string;
  readonly reason: RefusalReason;
  readonly count: number;
}

export interface RefusedRowsFile extends RefusedRows {
  readonly path: string;
  counts(): readonly RefusedCount[];
  /** Resolves when every row so far is in the file or left out. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export const REFUSED_FILE = 'rechazadas.ndjson';
const BYTES_MAX = 8 << 20;
const PENDING_BYTES_MAX = 1 << 20;
/** Longest row kept, in characters; sources cut theirs too. */
const ROW_CHARS_MAX = 4096;
const SOURCES_MAX = 10_000;

export function makeRefusedRows(options: RefusedRowsOptions): RefusedRowsFile {
  return new RefusedRowsWriter(options);
}

class RefusedRowsWriter implements RefusedRowsFile {
  readonly path: string;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #logger: Logger | undefined;
  readonly #bytesMax: number;
  readonly #counts = new Map<string, Map<RefusalReason, number>>();
  #pending: string[] = [];
  #pendingChars = 0;
  #omitted = 0;
  #file: FileHandle | null = null;
  #size = 0;
  #writing: Promise<void> | null = null;
  #isFailing = false;
  #isClosed = false;

  constructor({ folder, clock, logger, bytesMax = BYTES_MAX }: RefusedRowsOptions) {
    this.path = join(folder, REFUSED_FILE);
    this.#clock = clock;
    this.#logger = logger;
    this.#bytesMax = bytesMax;
  }

  refuse(sourceId: string, reason: RefusalReason, row: string, where: string): void {
    this.#count(sourceId, reason);
    if (this.#isClosed) return;
    if (this.#pendingChars > PENDING_BYTES_MAX / 2) {
      this.#omitted++;
      return;
    }
    const line = `${JSON.stringify({
      ts: new Date(this.#clock.nowMs()).toISOString(),
      fuente: sourceId,
      motivo: reason,
      donde: where,
      fila: row.length > ROW_CHARS_MAX ? row.slice(0, ROW_CHARS_MAX) : row,
    })}\n`;
    this.#pending.push(line);
    this.#pendingChars += line.length;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  counts(): readonly RefusedCount[] {
    const all: RefusedCount[] = [];
    for (const [fuente, reasons] of this.#counts) {
      for (const [reason, count] of reasons) all.push({ fuente, reason, count });
    }
    return all;
  }

  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    await this.#file?.close().catch(() => {});
    this.#file = null;
  }

  #count(sourceId: string, reason: RefusalReason): void {
    let reasons = this.#counts.get(sourceId);
    if (reasons === undefined) {
      // Sources come and go; their counts must not grow without end.
      if (this.#counts.size >= SOURCES_MAX) return;
      reasons = new Map();
      this.#counts.set(sourceId, reasons);
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }

  /** Writes what waits, and what comes meanwhile, until nothing is left. */
  async #write(): Promise<void> {
    // What the caller refuses in one go is written in one go.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const rows = this.#pending;
      const omitted = this.#omitted;
      this.#pending = [];
      this.#omitted = 0;
      const note = omitted > 0 ? `${JSON.stringify({ omitidas: omitted })}\n` : '';
      try {
        await this.#append(Buffer.from(rows.join('') + note));
        this.#isFailing = false;
      } catch (error) {
        this.#omitted += omitted + rows.length;
        await this.#file?.close().catch(() => {});
        this.#file = null;
        if (!this.#isFailing) {
          this.#isFailing = true;
          this.#logger?.warn('Fuente', `refused rows cannot be kept in ${this.path}: ${messageOf(error)}`);
        }
      }
      this.#pendingChars = this.#pending.reduce((sum, line) => sum + line.length, 0);
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#file === null) {
      await mkdir(dirname(this.path), { recursive: true });
      // Rows may hold anything: nobody else's to read.
      this.#file = await open(this.path, 'a', 0o600);
      this.#size = (await this.#file.stat()).size;
    }
    if (this.#size > 0 && this.#size + bytes.length > this.#bytesMax) {
      await this.#file.close();
      this.#file = null;
      await rename(this.path, `${this.path}.1`);
      this.#file = await open(this.path, 'a', 0o600);
      this.#size = 0;
    }
    await this.#file.writeFile(bytes);
    this.#size += bytes.length;
  }
}
