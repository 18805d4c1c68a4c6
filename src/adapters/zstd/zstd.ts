/**
 * Zstandard of node:zlib behind the Compressor port.
 *
 * Blobs are one frame each. No checksum is put in: what is stored is covered by its own (pages, journal records, state rows), and
 * four bytes are a tenth of a quiet bloque's row.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { messageOf } from '#domain/errors.ts';
import type { Compressor } from '#ports/compressor.ts';

/** The specification's level (section 2.6). */
const LEVEL_DEFAULT = 3;
const LEVEL_MAX = 19;
/** Levels up to 19 look back 8 MiB at most; a frame that asks a reader for more is not ours. */
const WINDOW_LOG_MAX = 23;

/** `level` 1 .. 19; any level reads what any other wrote. */
export function makeZstd(level: number = LEVEL_DEFAULT): Compressor {
  if (!Number.isInteger(level) || level < 1 || level > LEVEL_MAX) {
    throw new RangeError(`zstd level ${level}; allowed: 1 to ${LEVEL_MAX}`);
  }
  const compressOptions = { params: { [constants.ZSTD_c_compressionLevel]: level } };
  const decompressParams = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX };
  return {
    nombre: `zstd${level}`,
    compress: (bytes) => zstdCompressSync(bytes, compressOptions),
    decompress(bytes, maxBytes) {
      let whole: { buffer: Buffer; engine: { bytesWritten: number } };
      try {
        // Zero is not accepted as a bound; an empty blob still must come back from under it.
        const options = { params: decompressParams, maxOutputLength: Math.max(1, maxBytes), info: true };
        whole = zstdDecompressSync(bytes, options) as unknown as typeof whole;
      } catch (error) {
        const isTooLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
        const found = isTooLong ? `it unpacks to more than ${maxBytes} bytes` : messageOf(error);
        throw new Error(`not a zstd blob of ours: ${found}`, { cause: error });
      }
      // node:zlib passes over what follows a frame without a word.
      const trailing = bytes.length - whole.engine.bytesWritten;
      if (trailing !== 0) throw new Error(`not a zstd blob of ours: ${trailing} bytes follow its end`);
      if (whole.buffer.length > maxBytes) {
        throw new Error(`not a zstd blob of ours: it unpacks to more than ${maxBytes} bytes`);
      }
      return whole.buffer;
    },
  };
}
