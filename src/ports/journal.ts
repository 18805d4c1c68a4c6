/**
 * The local journal: what was acknowledged at a push door and is in no epoch yet.
 *
 * Promises: J1 when `append` resolves the record survives kill -9 and power loss (fsync, group commit); J2 records keep their order
 * and seq grows by 1; J3 a torn tail is cut at open and was never acknowledged; J4 `replay` gives every record after `seq`, each once.
 * Leaves out: what a record means.
 */
export interface JournalRecord {
  readonly seq: number;
  readonly tsMs: number;
  /** Small JSON header (door, bloque, mapping, batch id). */
  readonly header: Readonly<Record<string, string | number | boolean | null>>;
  readonly body: Uint8Array;
}

export interface Journal {
  /** `afterSeq`: the seq that the store has already taken; numbering goes on above it even when the journal was lost. */
  open(afterSeq?: number): Promise<{ readonly firstSeq: number; readonly lastSeq: number; readonly cutBytes: number }>;
  /** Resolves to the seq when durable (J1). Rejects with COREC_E_DISK_FULL / COREC_E_JOURNAL (transient), COREC_E_BUSY over its bound. */
  append(header: JournalRecord['header'], body: Uint8Array, tsMs: number): Promise<number>;
  replay(afterSeq: number): AsyncIterable<JournalRecord>;
  /** Everything up to `seq` is in a committed epoch and may go. */
  release(seq: number): Promise<void>;
  stats(): { readonly bytes: number; readonly records: number; readonly lastSeq: number; readonly fsyncMs: number };
  /**
   * Whether it can be written: so it is until an append is rejected for the disk's sake; then it tries, with bytes of its own of which
   * nothing stays. Never rejects.
   */
  health(): Promise<{ readonly ok: boolean; readonly found: string }>;
  close(): Promise<void>;
}
