/**
 * Encoding the mensajes of an epoch beside the main thread, which has their columns to encode meanwhile.
 *
 * Promises: E1 the frames are those of `encodeBatch`, to the last byte; E2 a call that fails rejects, and the batch is as it was, so that
 * the caller can encode it; E3 after `close` calls reject. Leaves out on purpose: which mensajes, and when.
 */
import type { EncodedBatch, MensajeBatch } from '#domain/codec/mensaje-batch.ts';
import type { CodecNombre } from '#domain/codec/columnas.ts';

export interface MensajeEncoder {
  /** Fewer mensajes in an epoch are not worth the way. */
  readonly mensajesMin: number;
  /** The batch is not to be changed until it resolves. */
  encode(batch: MensajeBatch, codec: CodecNombre): Promise<EncodedBatch>;
  close(): Promise<void>;
}
