/**
 * A source of readings that CoreC pulls from.
 *
 * Promises: `read` is called again only after the last one settled and its batch was delivered, so a source is slowed by
 * whoever cannot keep up; after `read` returned, `position()` is where to open again so that exactly the readings not yet
 * returned come. Leaves out on purpose: how readings reach bloques, acknowledging (epochs do that), and push doors (HTTP).
 */
import type { LecturaBatch } from '#domain/lectura/batch.ts';

/** Plain JSON; a source reads back only what it wrote itself. Stored by epochs. */
export type SourcePosition = Readonly<Record<string, string | number | boolean | null>>;

/** Why a row became no reading. A reason is a metric label: the set is closed. */
export type RefusalReason =
  | 'malformed' // not JSON / not a CSV row of this table
  | 'too_long' // line over the limit
  | 'no_clave'
  | 'bad_clave' // empty, over MAX_CLAVE_BYTES, not UTF-8
  | 'no_valor'
  | 'bad_valor' // NaN, infinite, not a number
  | 'bad_ts'
  | 'capacity' // no free entidad for a new clave
  | 'inbox_full'; // push doors only

/** Where refused rows go: counted by reason always, the row itself kept in a bounded file. Never throws. */
export interface RefusedRows {
  refuse(sourceId: string, reason: RefusalReason, row: string, where: string): void;
}

/**
 * more: the batch may be followed at once by another; idle: nothing more for now, ask again after `retryMs`;
 * end: nothing will ever come again (a file read with follow off, stdin closed).
 */
export type SourceState =
  | { readonly kind: 'more' }
  | { readonly kind: 'idle'; readonly retryMs: number }
  | { readonly kind: 'end' };

export interface Source {
  /** Stable over restarts: names the position in the store, e.g. `archivo:/var/log/x.ndjson`. */
  readonly id: string;
  /** False: what was read and not yet in an epoch is gone after a crash (stdin, host); gaps are counted by the nucleus. */
  readonly replayable: boolean;
  /** True when readings are of now (host): the wall clock then carries the watermark on between readings. */
  readonly live: boolean;
  /** Opens at `position`, or at the beginning for null. Errors: CoreCError COREC_E_SOURCE_OPEN, COREC_E_MAPPING. */
  open(position: SourcePosition | null): Promise<void>;
  /** Fills `batch` (empty when handed over) with up to its capacity. May return an empty batch with idle or end. */
  read(batch: LecturaBatch): Promise<SourceState>;
  position(): SourcePosition;
  /**
   * Of a source whose server is told what is kept: everything up to `position` is in an epoch. Never throws, may come after `close`;
   * what cannot be told now is told with the next one.
   */
  committed?(position: SourcePosition): Promise<void>;
  /** True while so much waits for `committed` that an epoch should come sooner. */
  readonly wantsEpoch?: boolean;
  /** For progress on long reads: bytes done and in all (null when it cannot be known), rows seen, rows refused. */
  progress(): {
    readonly bytesDone: number;
    readonly bytesTotal: number | null;
    readonly rows: number;
    readonly refused: number;
  };
  close(): Promise<void>;
}
