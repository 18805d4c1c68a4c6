/** The compressor the codec tests run with: the real zstd at level 3, bounded as the port demands. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Compressor } from '#ports/compressor.ts';

export const zstd3: Compressor = {
  nombre: 'zstd3',
  compress: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  decompress: (bytes, maxBytes) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) }),
};
