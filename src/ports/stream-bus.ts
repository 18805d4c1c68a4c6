/**
 * Streams of entries, Redis Streams' semantics: an entry has an id `<ms>-<n>` that grows, and named fields of bytes or text.
 *
 * The in-process twin is volatile: whoever needs a stream again after a restart refills it from the store.
 */
export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string | Uint8Array>>;
}

export interface StreamBus {
  /** Appends and trims to about `maxlen` entries; returns the id. */
  append(stream: string, fields: StreamEntry['fields']): Promise<string>;
  /** Up to `count` entries after `afterId` (`0`: from the start, `$`: only new ones), waiting up to `blockMs` for the first; an abort or `close` ends the wait with nothing. */
  read(
    stream: string,
    afterId: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]>;
  length(stream: string): Promise<number>;
  close(): Promise<void>;
}
