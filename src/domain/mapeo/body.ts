/**
 * Rows of a request body, which is there as a whole.
 *
 * Owns: reading it into as many batches as it takes. Leaves to the door what a refusal or an error answers.
 */
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Mapeo } from './mapeo.ts';
import type { Resolution } from './resolve.ts';
import { RowReader, type OnRefused } from './row-reader.ts';

export interface BodyOptions {
  /** null: guessed; records with the fields clave, valor and ts (or tsMs) need no mapping. */
  readonly mapeo: Mapeo | null;
  /** The clave of a body that holds one series without a name. */
  readonly nombre?: string;
  readonly onRefused: OnRefused;
}

export interface BodyReader {
  /** Fills `batch` (whatever is in it stays). True: it is full, and there may be more: empty it and call again. */
  read(batch: LecturaBatch): boolean;
  readonly rows: number;
  readonly refused: number;
  /** The mapping in use, once read was called and there was a row. */
  readonly resolution: Resolution | null;
}

/** NDJSON or CSV rows of `bytes`. Errors, from read(): CoreCError COREC_E_MAPPING when the mapping cannot be told or does not fit. */
export function parseBody(bytes: Uint8Array, options: BodyOptions): BodyReader {
  const reader = new RowReader(
    { pedido: options.mapeo, nombre: options.nombre ?? 'http', source: 'the body', verify: false },
    options.onRefused,
  );
  reader.offer(bytes, 0, bytes.length, true);
  return {
    read: (batch) => reader.read(batch),
    get rows() {
      return reader.rows;
    },
    get refused() {
      return reader.refused;
    },
    get resolution() {
      return reader.resolution;
    },
  };
}
