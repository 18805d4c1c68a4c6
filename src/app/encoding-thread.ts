/** The thread that encodes mensajes (src/adapters/worker-threads/thread-encoder.ts), put together. */
import { serveEncoding } from '#adapters/worker-threads/serve-encoding.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';

serveEncoding(makeZstd());
