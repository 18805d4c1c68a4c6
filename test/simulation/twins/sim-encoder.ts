/** A MensajeEncoder whose thread is slow, and now and then breaks off (src/ports/mensaje-encoder.ts, E1 to E3). */
import { InlineEncoder } from '#adapters/inline-encoder/inline-encoder.ts';
import type { CodecNombre } from '#domain/codec/columnas.ts';
import type { EncodedBatch, MensajeBatch } from '#domain/codec/mensaje-batch.ts';
import { CoreCError } from '#domain/errors.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';
import type { Host } from '../sim/host.ts';
import { simCompressor } from './sim-compressor.ts';

export class SimEncoder implements MensajeEncoder {
  readonly mensajesMin = 0;
  readonly #inline = new InlineEncoder(simCompressor);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  async encode(batch: MensajeBatch, codec: CodecNombre): Promise<EncodedBatch> {
    await this.#host.passage('encoder batch', 'encoder_slow');
    if (this.#host.mishap('encoder_failed')) {
      throw new CoreCError('COREC_E_INTERNAL', { found: 'encoding: the thread ended' });
    }
    return this.#inline.encode(batch, codec);
  }

  close(): Promise<void> {
    return this.#inline.close();
  }
}
