/**
 * `corec ingest --explain`: what would become of a file or of standard input, before any of it is taken.
 *
 * Owns reading the beginning of it, unpacked. Leaves judging it to domain/mapeo/explain.ts, which runs the very parsers of an ingest.
 */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import { EXPLAIN_BYTES, explainBytes, type Explanation } from '#domain/mapeo/explain.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';

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
    for await (const chunk of unpacked(packed)) {
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

/** The bytes without their packing, which the first ones tell. */
async function* unpacked(packed: Readable): AsyncGenerator<Buffer> {
  const chunks = packed[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  if (first.done === true) return;
  const head = first.value;
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const isZstd = head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528;
  if (!isGzip && !isZstd) {
    yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
    return;
  }
  const unpacker = isGzip ? createGunzip() : createZstdDecompress();
  const feed = async (): Promise<void> => {
    let next: IteratorResult<Buffer> = first;
    while (next.done !== true && !unpacker.destroyed) {
      if (!unpacker.write(next.value))
        await new Promise((resolve) => unpacker.once('drain', resolve).once('close', resolve));
      next = await chunks.next();
    }
    unpacker.end();
  };
  feed().catch((error: unknown) => unpacker.destroy(error instanceof Error ? error : new Error(messageOf(error))));
  try {
    yield* unpacker as AsyncIterable<Buffer>;
  } finally {
    unpacker.destroy();
  }
}
