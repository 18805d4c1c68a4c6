/** Running rows through a reader in tests, in any chunks and batches. */
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { decodeUtf8, encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { CHUNK_HEADROOM } from '#domain/mapeo/limits.ts';
import { parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import { RowReader, ROW_START, type RowPosition } from '#domain/mapeo/row-reader.ts';

export interface Parsed {
  clave: string;
  valor: number;
  /** NaN: the time of arrival. */
  tsMs: number;
}

export interface ParsedAll {
  readonly lecturas: Parsed[];
  readonly refused: { reason: string; row: string; where: string }[];
  readonly rows: number;
  readonly position: RowPosition;
}

export interface ParseOptions {
  readonly mapeo?: string | Mapeo | null;
  readonly nombre?: string;
  readonly verify?: boolean;
  /** Bytes a chunk; default all at once. */
  readonly chunk?: number;
  readonly capacity?: number;
  readonly start?: RowPosition;
}

export function lecturasOfBatch(batch: LecturaBatch): Parsed[] {
  return Array.from({ length: batch.length }, (_, k) => ({
    clave: decodeUtf8(batch.claveBytes, batch.claveOffset[k], batch.claveOffset[k]! + batch.claveLength[k]!),
    valor: batch.valor[k]!,
    tsMs: batch.tsMs[k]!,
  }));
}

export function makeReader(options: ParseOptions, refused: ParsedAll['refused']): RowReader {
  const { mapeo = null, nombre = 'x', verify = false } = options;
  return new RowReader(
    { pedido: typeof mapeo === 'string' ? parseMapeo(mapeo) : mapeo, nombre, source: 'test', verify },
    (reason, row, where) => refused.push({ reason, row, where }),
    options.start ?? ROW_START,
  );
}

export function parseAll(data: string | Uint8Array, options: ParseOptions = {}): ParsedAll {
  const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
  const lecturas: Parsed[] = [];
  const refused: ParsedAll['refused'] = [];
  const reader = makeReader(options, refused);
  // As a file source does: the mapping does not hang on where the first chunk ends.
  reader.prepare(bytes, true);
  const batch = new LecturaBatch(options.capacity ?? 1000);
  const headroom = Math.min(CHUNK_HEADROOM, bytes.length);
  const size = options.chunk ?? Math.max(1, bytes.length);
  for (let at = options.start?.offset ?? 0; ; at += size) {
    const chunk = bytes.subarray(at, at + size);
    const buffer = new Uint8Array(headroom + chunk.length);
    buffer.set(chunk, headroom);
    const isLast = at + size >= bytes.length;
    reader.offer(buffer, headroom, buffer.length, isLast);
    for (;;) {
      batch.clear();
      const isFull = reader.read(batch);
      lecturas.push(...lecturasOfBatch(batch));
      if (!isFull) break;
    }
    if (isLast) break;
  }
  return { lecturas, refused, rows: reader.rows, position: reader.position() };
}
