/**
 * `corec ingest --explain`: what would become of a file or of standard input, before any of it is taken.
 *
 * Owns reading the beginning of it, unpacked. Leaves judging it to domain/mapeo/explain.ts, which runs the very parsers of an ingest.
 */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import { EXPLAIN_BYTES, explainBytes, type Explanation } from '#domain/mapeo/explain.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { unpack } from './unpack.ts';

export interface ExplainRequest {
  /** Absolute path, or `-` for `stdin`. */
  readonly ruta: string;
  readonly stdin: Readable;
  /** Text or JSON; empty: guessed. */
  readonly mapeo: string;
  /** Lecturas to show. */
  readonly count: number;
  readonly idioma: Idioma;
}

/** Null: there is no row in it. @throws CoreCError COREC_E_SOURCE_OPEN, COREC_E_MAPPING. */
export async function explainIngest(request: ExplainRequest): Promise<Explanation | null> {
  const { ruta, stdin, mapeo, count, idioma } = request;
  const pedido = mapeo === '' ? null : parseMapeo(mapeo);
  const name =
    ruta === '-'
      ? 'stdin'
      : basename(ruta)
          .replace(/\.(?:gz|zst)$/i, '')
          .replace(/(?<=.)\.[^.]+$/, '');
  const { sample, whole } = await readSample(ruta, stdin);
  return explainBytes(sample, whole, { pedido, nombre: name, source: ruta, verify: true }, count, idioma);
}

async function readSample(ruta: string, stdin: Readable): Promise<{ sample: Uint8Array; whole: boolean }> {
  const packed = ruta === '-' ? stdin : createReadStream(ruta);
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let whole = true;
    for await (const chunk of unpack(packed)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < EXPLAIN_BYTES) continue;
      whole = false;
      break;
    }
    return { sample: Buffer.concat(chunks), whole };
  } catch (error) {
    const { code } = error as { code?: string };
    const found = code === 'ENOENT' ? 'it does not exist' : code === 'EISDIR' ? 'it is a folder' : messageOf(error);
    const hint = 'Give a file that exists and that this user can read.';
    throw new CoreCError('COREC_E_SOURCE_OPEN', { source: ruta, found, hint }, error);
  } finally {
    packed.destroy();
  }
}
