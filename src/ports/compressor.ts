/** Compression of small blobs, synchronous: at these sizes a thread hop costs more than the work. */
export interface Compressor {
  /** Name as it stands in stored codecs, e.g. `zstd3`. */
  readonly nombre: string;
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws on bytes that are not its own; never gives back more than `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}
