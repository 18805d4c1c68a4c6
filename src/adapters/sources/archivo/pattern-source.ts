/**
 * All files that fit a pattern as one Source.
 *
 * Owns: which files there are, and whose turn it is. Leaves each of them to a FileSource of its own.
 *
 * Read once: one after another, by name. Followed: by turns, and files that come later are found while there is nothing to read.
 * A file that is gone keeps its position, in case it was moved only for a while. A followed pattern must not fit the names that files
 * are rotated to (`*.log`, not `*.log*`): what a FileSource reads on under another name would be read twice.
 */
import { glob, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CoreCError } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import { FileSource, type ArchivoConfig, type ArchivoDeps } from './file-source.ts';
import { openError } from './open.ts';

/** Every followed file is held open, and the positions of all are written with each epoch. */
const FILES_MAX = 256;
/** Looks for new files once in so many idle looks at the known ones (2 s). */
const IDLE_LOOKS = 8;

export function isPattern(ruta: string): boolean {
  return /[*?[{]/.test(ruta);
}

/** The files that a pattern means, in order of name. Errors: CoreCError COREC_E_SOURCE_OPEN for too many. */
async function expandRuta(ruta: string): Promise<string[]> {
  const found: string[] = [];
  // A name may hold such characters itself.
  if ((await sizeOf(resolve(ruta))) !== null) return [resolve(ruta)];
  for await (const match of glob(resolve(ruta))) {
    const path = resolve(match);
    if ((await sizeOf(path)) === null) continue;
    found.push(path);
    if (found.length > FILES_MAX) throw openError(ruta, `more than ${FILES_MAX} files`, 'Give a narrower pattern');
  }
  return found.sort();
}

/** Bytes of the file at `path`, or null for no file. */
async function sizeOf(path: string): Promise<number | null> {
  const stats = await stat(path).catch(() => null);
  return stats?.isFile() === true ? stats.size : null;
}

interface Member {
  readonly source: FileSource;
  /** When it was found. */
  readonly size: number;
  isOpen: boolean;
  isEnded: boolean;
}

export class PatternSource implements Source {
  readonly id: string;
  readonly replayable = true;
  readonly live = false;
  readonly #config: ArchivoConfig;
  readonly #deps: ArchivoDeps;
  /** By path. */
  readonly #members = new Map<string, Member>();
  #positions: Record<string, SourcePosition> = {};
  #turn = 0;
  #idle = 0;
  #looks = 0;

  constructor(config: ArchivoConfig, deps: ArchivoDeps) {
    this.#config = config;
    this.#deps = deps;
    this.id = config.id ?? `archivo:${resolve(config.ruta)}`;
  }

  async open(position: SourcePosition | null): Promise<void> {
    const files = position?.['files'];
    this.#positions = typeof files === 'string' ? (JSON.parse(files) as Record<string, SourcePosition>) : {};
    this.#members.clear();
    this.#turn = 0;
    this.#idle = 0;
    await this.#find();
    if (this.#members.size === 0 && this.#config.seguir !== true) {
      throw openError(this.#config.ruta, 'no file fits the pattern', 'Check ruta');
    }
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    for (;;) {
      const members = [...this.#members.values()];
      const member = members[this.#turn % Math.max(1, members.length)];
      const isRoundDone = this.#idle >= members.length;
      if (member === undefined || isRoundDone) {
        if (this.#config.seguir !== true) return { kind: 'end' };
        this.#idle = 0;
        if (++this.#looks % IDLE_LOOKS === 0) await this.#find();
        return { kind: 'idle', retryMs: 250 };
      }
      const state = await this.#readMember(member, batch);
      if (state.kind === 'more') {
        this.#idle = 0;
        return state;
      }
      this.#idle++;
      this.#turn = (this.#turn + 1) % members.length;
    }
  }

  position(): SourcePosition {
    for (const [path, { source, isOpen }] of this.#members) if (isOpen) this.#positions[path] = source.position();
    return { files: JSON.stringify(this.#positions) };
  }

  progress(): { bytesDone: number; bytesTotal: number | null; rows: number; refused: number } {
    let [bytesDone, bytesTotal, rows, refused] = [0, 0, 0, 0];
    for (const { source, size } of this.#members.values()) {
      const progress = source.progress();
      bytesDone += progress.bytesDone;
      bytesTotal += progress.bytesTotal ?? size;
      rows += progress.rows;
      refused += progress.refused;
    }
    return { bytesDone, bytesTotal, rows, refused };
  }

  async close(): Promise<void> {
    this.position();
    for (const member of this.#members.values()) {
      if (member.isOpen) await member.source.close();
      member.isOpen = false;
    }
  }

  async #readMember(member: Member, batch: LecturaBatch): Promise<SourceState> {
    if (member.isEnded) return { kind: 'end' };
    const { source } = member;
    const path = source.path;
    if (!member.isOpen) {
      try {
        await source.open(this.#positions[path] ?? null);
      } catch (error) {
        // One that is gone or not to be read must not keep the others from being read; one that does not fit is a mistake.
        if (!(error instanceof CoreCError) || error.code !== 'COREC_E_SOURCE_OPEN') throw error;
        this.#deps.logger.warn('Fuente', error.message, { fuente: this.id });
        member.isEnded = true;
        return { kind: 'end' };
      }
      member.isOpen = true;
    }
    const state = await source.read(batch);
    if (state.kind !== 'end') return state;
    this.#positions[path] = source.position();
    member.isEnded = true;
    member.isOpen = false;
    await source.close();
    return batch.length > 0 ? { kind: 'more' } : state;
  }

  async #find(): Promise<void> {
    const { mapeo, ruta, seguir } = this.#config;
    for (const path of await expandRuta(ruta)) {
      if (this.#members.has(path)) continue;
      const source = new FileSource({ ruta: path, mapeo, seguir }, this.#deps);
      this.#members.set(path, { source, size: (await sizeOf(path)) ?? 0, isOpen: false, isEnded: false });
    }
  }
}
