/** What a file would give, before any of it is taken; and which files a pattern means. */
import { glob, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import type { Idioma } from '#domain/errors.ts';
import { EXPLAIN_BYTES, explainBytes, type Explanation } from '#domain/mapeo/explain.ts';
import type { Mapeo } from '#domain/mapeo/mapeo.ts';
import { compressionOf } from './feed.ts';
import { firstBytes, openArchivo, openError, readSample, seriesName } from './open.ts';

/**
 * The first `n` lecturas of a file, what would be refused in its first 4 MiB, and the mapping in use, in words and as text. Null: the
 * file has no rows. Errors: CoreCError COREC_E_SOURCE_OPEN, COREC_E_MAPPING.
 */
export async function explainArchivo(
  config: { readonly ruta: string; readonly mapeo?: Mapeo | undefined },
  idioma: Idioma,
  n: number = 10,
): Promise<Explanation | null> {
  const ruta = resolve(config.ruta);
  const { file } = await openArchivo(ruta);
  try {
    const { sample, isWhole } = await readSample(file, compressionOf(await firstBytes(file)), EXPLAIN_BYTES);
    const request = { pedido: config.mapeo ?? null, nombre: seriesName(ruta), source: ruta, verify: true };
    return explainBytes(sample, isWhole, request, n, idioma);
  } finally {
    await file.close();
  }
}

const MATCHES_MAX = 10_000;

/**
 * The files that `ruta` means, in order of name: itself, or, when it holds *, ? or [ and no file is called so, those that fit.
 * Errors: CoreCError COREC_E_SOURCE_OPEN when none does.
 */
export async function expandRuta(ruta: string): Promise<string[]> {
  const path = resolve(ruta);
  if (!/[*?[{]/.test(ruta) || (await isThere(path))) return [path];
  const found: string[] = [];
  for await (const match of glob(isAbsolute(ruta) ? relative('/', ruta) : ruta, {
    cwd: isAbsolute(ruta) ? '/' : '.',
  })) {
    const file = isAbsolute(ruta) ? resolve('/', match) : resolve(match);
    if ((await stat(file).catch(() => null))?.isFile() === true) found.push(file);
    if (found.length > MATCHES_MAX) throw openError(ruta, `more than ${MATCHES_MAX} files`, 'Give a narrower pattern');
  }
  if (found.length === 0) throw openError(ruta, 'no file fits the pattern', 'Check ruta');
  return found.sort();
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
