/**
 * Which file a position belongs to, so that neither a rotation nor a file put in the place of another is mistaken for it: the hash of
 * its first bytes, that of the last ones read (files of one day and the next may share a long header), and its inode, which alone
 * proves nothing, since a freed one is given to the next file.
 */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { hashClave } from '#domain/lectura/batch.ts';

/** As much of the beginning as tells two files apart: log lines and rows begin with their time. */
const HEAD_BYTES = 1024;
/** Rotated files looked at when one is missed. */
const CANDIDATES_MAX = 200;

/** The hash of the first `bytes` bytes of a file (fewer while it was short). */
export interface Head {
  readonly hash: string;
  readonly bytes: number;
}

/** The hash of `bytes` bytes that end at offset `end`. */
export interface Tail {
  readonly hash: number;
  readonly bytes: number;
  readonly end: number;
}

export interface Identity {
  readonly inode: string;
  readonly head: Head;
  /** Null for compressed files, whose offsets are not those of the file, and before enough was read. */
  readonly tail: Tail | null;
}

export const isWholeHead = (head: Head): boolean => head.bytes >= HEAD_BYTES;

export async function readHead(file: FileHandle, bytesMax: number = HEAD_BYTES): Promise<Head> {
  const buffer = new Uint8Array(bytesMax);
  const bytesRead = bytesMax === 0 ? 0 : (await file.read(buffer, 0, bytesMax, 0)).bytesRead;
  const hash = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex').slice(0, 24);
  return { hash, bytes: bytesRead };
}

/** True when `file` holds what was read of the file of `identity`. */
export async function isSameData(file: FileHandle, { head, tail }: Identity): Promise<boolean> {
  const found = await readHead(file, head.bytes);
  if (found.bytes !== head.bytes || found.hash !== head.hash) return false;
  if (tail === null) return true;
  const bytes = new Uint8Array(tail.bytes);
  const { bytesRead } = await file.read(bytes, 0, tail.bytes, tail.end - tail.bytes);
  return bytesRead === tail.bytes && hashClave(bytes, 0, bytesRead) === tail.hash;
}

export function inodeOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

/** What stands at `path`, or null for nothing. */
export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * The file that `identity` was read from, by another name in the same folder (`app.log.1`, `app-2026-01-01.log`), open, when it holds
 * more than `offset` bytes; else null. Compressed ones have another beginning and are not found.
 */
export async function findRotated(path: string, identity: Identity, offset: number): Promise<FileHandle | null> {
  if (identity.head.bytes === 0) return null;
  const folder = dirname(path);
  const own = basename(path);
  const stem = basename(own, extname(own));
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return null;
  }
  const candidates: { path: string; mtimeMs: number }[] = [];
  for (const name of names) {
    if (name === own || !name.startsWith(stem)) continue;
    const stats = await statOrNull(join(folder, name)).catch(() => null);
    if (stats === null || !stats.isFile() || stats.size <= offset) continue;
    candidates.push({ path: join(folder, name), mtimeMs: stats.mtimeMs });
  }
  candidates.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const candidate of candidates.slice(0, CANDIDATES_MAX)) {
    const file = await open(candidate.path, 'r').catch(() => null);
    if (file === null) continue;
    if (await isSameData(file, identity).catch(() => false)) return file;
    await file.close();
  }
  return null;
}
