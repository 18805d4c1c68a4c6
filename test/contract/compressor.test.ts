import { makeZstd } from '#adapters/zstd/zstd.ts';
import { compressorSuite } from './compressor.suite.ts';

compressorSuite('zstd level 3', () => makeZstd());
compressorSuite('zstd level 19', () => makeZstd(19));
