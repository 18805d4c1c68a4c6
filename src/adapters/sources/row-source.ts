/** What file and standard input share: a RowReader fed from chunks, its refusals counted and kept. */
import { CHUNK_HEADROOM } from '#domain/mapeo/limits.ts';
import type { ResolveRequest } from '#domain/mapeo/resolve.ts';
import { ROW_START, RowReader, type RowPosition } from '#domain/mapeo/row-reader.ts';
import type { Logger } from '#ports/logger.ts';
import type { RefusedRows } from '#ports/source.ts';

export interface RowSourceDeps {
  readonly logger: Logger;
  readonly refused: RefusedRows;
}

/** A chunk with the headroom that RowReader asks for. */
export function makeChunk(bytes: number): Uint8Array {
  return new Uint8Array(CHUNK_HEADROOM + bytes);
}

export { CHUNK_HEADROOM };

export function makeRowReader(
  sourceId: string,
  request: ResolveRequest,
  deps: RowSourceDeps,
  start: RowPosition = ROW_START,
): RowReader {
  return new RowReader(request, (reason, row, where) => deps.refused.refuse(sourceId, reason, row, where), start);
}
