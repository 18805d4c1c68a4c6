/** Mensajes encoded in the process itself: the small twin of worker-threads, for tests and the simulation. */
import { encodeBatch, type EncodedBatch, type MensajeBatch } from '#domain/codec/mensaje-batch.ts';
import type { CodecNombre } from '#domain/codec/columnas.ts';
import { CoreCError } from '#domain/errors.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';

export class InlineEncoder implements MensajeEncoder {
  readonly mensajesMin = 0;
  readonly #compressor: Compressor;
  #isClosed = false;

  constructor(compressor: Compressor) {
    this.#compressor = compressor;
  }

  async encode({ memory, items }: MensajeBatch, codec: CodecNombre): Promise<EncodedBatch> {
    if (this.#isClosed) throw new CoreCError('COREC_E_STOPPING');
    return encodeBatch(memory, items, codec, this.#compressor);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
