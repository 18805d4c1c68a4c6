/**
 * The mensajes of an epoch as frames: the epoch encodes them from the front, whoever encodes beside it from the back.
 *
 *   waits --the epoch gets to it, or its bloque changes--> in
 *   waits --copied into a batch--> away --its frames are here--> in
 *
 * Owns which part is where. Leaves the frames to the codec, the other thread to the encoder, and when a bloque changes to epochs.ts.
 *
 * Z1 Each part is encoded once; from `waits` it leaves before its bloque takes in anything that is not of this epoch.
 * Z2 A batch that the encoder refuses is encoded here: it was only shared.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { CodecNombre } from '#domain/codec/columnas.ts';
import { BATCH_BYTES, MensajeBatch, encodeBatch, framesOf, type EncodedBatch } from '#domain/codec/mensaje-batch.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';

/** Batches on their way: one is encoded while the next is filled. */
const BATCHES = 2;

export interface MensajePart {
  readonly bloque: BloqueSimbiotico;
  readonly row: boolean;
  mensajes: Uint8Array | null;
  /** A promise while it is away. */
  state: 'waits' | Promise<void> | 'in';
}

export interface EpochMensajesDeps {
  readonly encoder: MensajeEncoder;
  readonly compressor: Compressor;
  readonly codec: CodecNombre;
  /** The encoder refused a batch, or broke off. */
  readonly refused: (error: unknown) => void;
}

export class EpochMensajes {
  readonly #deps: EpochMensajesDeps;

  constructor(deps: EpochMensajesDeps) {
    this.#deps = deps;
  }

  /** At the cut: what is worth it begins to be encoded elsewhere. */
  begin(parts: readonly MensajePart[]): void {
    let raw = 0;
    let bytes = 0;
    for (const { bloque, row } of parts) {
      const { rawLength } = bloque.pending;
      if (!row || rawLength === 0) continue;
      raw += rawLength;
      bytes += MensajeBatch.bytesOf(rawLength, bloque.memory.slots);
    }
    if (raw === 0 || raw < this.#deps.encoder.mensajesMin) return;
    const left = [...parts];
    for (let k = 0; k < BATCHES; k++) void this.#fromTheBack(left, new MensajeBatch(Math.min(bytes, BATCH_BYTES)));
  }

  /** Here and now, unless they are elsewhere or in. */
  take(part: MensajePart): void {
    if (part.state !== 'waits') return;
    part.state = 'in';
    if (part.row) part.mensajes = part.bloque.pending.take();
  }

  /** Never rejects. */
  async #fromTheBack(left: MensajePart[], batch: MensajeBatch): Promise<void> {
    for (;;) {
      batch.reset();
      const taken = this.#fill(batch, left);
      if (taken.length === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      for (const { part } of taken) part.state = promise;
      const frames = framesOf(await this.#encode(batch));
      taken.forEach(({ part, before }, k) => {
        settle(part, [...before, frames[k]!]);
      });
      resolve();
    }
  }

  #fill(batch: MensajeBatch, left: MensajePart[]): { readonly part: MensajePart; readonly before: Uint8Array[] }[] {
    const taken: { part: MensajePart; before: Uint8Array[] }[] = [];
    for (; left.length > 0; left.pop()) {
      const part = left.at(-1)!;
      if (part.state !== 'waits' || !part.row) continue;
      const { pending, memory, canal } = part.bloque;
      if (pending.rawLength === 0) this.take(part);
      else if (batch.fits(pending.rawLength, memory.slots)) {
        const { length } = batch.items;
        const before = pending.takeRaw((rows) => batch.add(rows, memory.core.numero, canal));
        if (batch.items.length > length) taken.push({ part, before });
        // none of them was to be kept
        else settle(part, before);
      } else if (taken.length > 0) break;
      // more than a whole batch
      else this.take(part);
    }
    return taken;
  }

  async #encode(batch: MensajeBatch): Promise<EncodedBatch> {
    const { encoder, codec, compressor, refused } = this.#deps;
    try {
      return await encoder.encode(batch, codec);
    } catch (error) {
      refused(error);
      return encodeBatch(batch.memory, batch.items, codec, compressor);
    }
  }
}

function settle(part: MensajePart, frames: readonly Uint8Array[]): void {
  part.mensajes = frames.length > 1 ? Buffer.concat(frames) : (frames[0] ?? null);
  part.state = 'in';
}
