import { InlineEncoder } from '#adapters/inline-encoder/inline-encoder.ts';
import { ThreadEncoder } from '#adapters/worker-threads/thread-encoder.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { mensajeEncoderSuite } from './mensaje-encoder.suite.ts';

const THREAD = new URL('../../src/app/encoding-thread.ts', import.meta.url);

mensajeEncoderSuite('inline-encoder', () => new InlineEncoder(makeZstd()));
mensajeEncoderSuite('worker-threads', () => new ThreadEncoder(THREAD));
