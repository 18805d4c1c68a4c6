/** Opening a file of rows and looking at its beginning; every way in which that can fail, said clearly. */
import type { Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { unpackSample, type Compression } from './feed.ts';
import { statOrNull } from './identity.ts';

/** Opens the file at `path` for reading. Errors: CoreCError COREC_E_SOURCE_OPEN. */
export async function openArchivo(path: string): Promise<{ file: FileHandle; stats: Stats }> {
  let file: FileHandle | null = null;
  try {
    const found = await statOrNull(path);
    if (found === null) {
      throw openError(path, 'there is no such file', 'Check ruta; a pattern like dir/*.csv takes every file that fits');
    }
    if (found.isDirectory())
      throw openError(path, 'it is a directory', 'Give a file in it, or a pattern like dir/*.csv');
    // Opening a pipe would wait for its writer.
    if (!found.isFile()) throw openError(path, 'it is a pipe or a device, not a file', 'Read a pipe with tipo stdin');
    file = await open(path, 'r');
    return { file, stats: await file.stat() };
  } catch (error) {
    await file?.close();
    if (error instanceof CoreCError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      const user = process.getuid?.() ?? -1;
      throw openError(
        path,
        'permission denied',
        `User ${user} must be able to read it and to enter its folders`,
        error,
      );
    }
    throw openError(path, messageOf(error), 'Check ruta', error);
  }
}

export function openError(source: string, found: string, hint: string, cause?: unknown): CoreCError {
  return new CoreCError('COREC_E_SOURCE_OPEN', { source, found, hint: `${hint}.` }, cause);
}

/** Enough of a file to tell how it is packed. */
export async function firstBytes(file: FileHandle): Promise<Uint8Array> {
  const bytes = new Uint8Array(4);
  const { bytesRead } = await file.read(bytes, 0, 4, 0);
  return bytes.subarray(0, bytesRead);
}

/** The beginning of the (unpacked) data, at most `bytesMax` of a plain file, and whether that is all of it. */
export async function readSample(
  file: FileHandle,
  compression: Compression | null,
  bytesMax: number,
): Promise<{ sample: Uint8Array; isWhole: boolean }> {
  if (compression !== null) return unpackSample(file, compression, bytesMax);
  const bytes = new Uint8Array(bytesMax);
  let length = 0;
  while (length < bytesMax) {
    const { bytesRead } = await file.read(bytes, length, bytesMax - length, length);
    if (bytesRead === 0) return { sample: bytes.subarray(0, length), isWhole: true };
    length += bytesRead;
  }
  return { sample: bytes, isWhole: false };
}

/** The clave of a file that holds one series: its name without folders and endings. */
export function seriesName(ruta: string): string {
  let name = basename(ruta);
  for (const ending of ['.gz', '.zst'])
    if (name.endsWith(ending) && name !== ending) name = name.slice(0, -ending.length);
  const ending = extname(name);
  return ending !== '' && ending !== name ? name.slice(0, -ending.length) : name;
}
