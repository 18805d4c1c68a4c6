/** What the encoding thread does: batches of mensajes, one after the other, until it is ended. */
import { parentPort } from 'node:worker_threads';
import { encodeBatch } from '#domain/codec/mensaje-batch.ts';
import { messageOf } from '#domain/errors.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { EncodingAnswer, EncodingTask } from './messages.ts';

/** Throws on the main thread. */
export function serveEncoding(compressor: Compressor): void {
  const port = parentPort;
  if (port === null) throw new Error('batches are encoded on a thread of their own: new ThreadEncoder(...) begins it');
  port.on('message', ({ memory, items, codec }: EncodingTask) => {
    try {
      const encoded = encodeBatch(memory, items, codec, compressor);
      port.postMessage({ ok: true, encoded } satisfies EncodingAnswer, [encoded.bytes.buffer]);
    } catch (error) {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is the one of windows
      port.postMessage({ ok: false, found: messageOf(error) } satisfies EncodingAnswer);
    }
  });
}
