/** What every MensajeEncoder promises (src/ports/mensaje-encoder.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { decodeMensajes, type CodecNombre, type MensajeRows } from '#domain/codec/columnas.ts';
import { MensajeBatch, encodeBatch, framesOf } from '#domain/codec/mensaje-batch.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';

const zstd = makeZstd();

function rowsOf(length: number, seed: number): MensajeRows {
  return {
    length,
    slot: Uint16Array.from({ length }, (_, k) => (k * 7 + seed) % 50),
    tsMs: Float64Array.from({ length }, (_, k) => 1_700_000_000_000 + k * 1000),
    lectura: Float32Array.from({ length }, (_, k) => Math.sin(k * seed) * 100),
    valor: Float32Array.from({ length }, (_, k) => (k * seed) % 13),
  };
}

function batchOf(seeds: readonly number[]): MensajeBatch {
  const batch = new MensajeBatch();
  for (const seed of seeds)
    batch.add(
      rowsOf(seed * 101, seed),
      Uint32Array.from({ length: 50 }, (_, k) => k + seed),
      2,
    );
  return batch;
}

const here = ({ memory, items }: MensajeBatch, codec: CodecNombre) => encodeBatch(memory, items, codec, zstd);

export function mensajeEncoderSuite(name: string, make: () => MensajeEncoder): void {
  for (const codec of ['columnas+zstd3', 'json+zstd3'] as const) {
    test(`${name}: ${codec}: frames are as they would be here, batch by batch and item by item (E1)`, async () => {
      const encoder = make();
      const batches = [[1, 2, 3], [9], [4, 4, 8, 1, 30]].map(batchOf);
      const encoded = await Promise.all(batches.map((batch) => encoder.encode(batch, codec)));
      assert.deepEqual(
        encoded.map(framesOf),
        batches.map((batch) => framesOf(here(batch, codec))),
      );
      const [, frames] = framesOf(encoded[0]!);
      const stored = decodeMensajes(codec, frames!, zstd);
      assert.equal(stored.length, 202);
      assert.deepEqual(new Set(stored.map(({ id }) => id)), new Set(Array.from({ length: 50 }, (_, k) => k + 2)));
      await encoder.close();
    });
  }

  test(`${name}: a batch that cannot be encoded is refused and is as it was; others are encoded (E2)`, async () => {
    const encoder = make();
    const bad = batchOf([3]);
    const item = bad.items[0]!;
    bad.items[0] = { ...item, at: 4 };
    const [refused, good] = await Promise.allSettled([
      encoder.encode(bad, 'columnas+zstd3'),
      encoder.encode(batchOf([5]), 'columnas+zstd3'),
    ]);
    assert.equal(refused.status, 'rejected');
    assert.equal(good.status, 'fulfilled');
    bad.items[0] = item;
    assert.deepEqual(here(bad, 'columnas+zstd3'), here(batchOf([3]), 'columnas+zstd3'));
    await encoder.close();
  });

  test(`${name}: after the close it encodes nothing, and what was under way ends (E3)`, async () => {
    const encoder = make();
    const underWay = encoder.encode(batchOf([2]), 'columnas+zstd3').then(
      () => 'encoded',
      (error: { code: string }) => error.code,
    );
    await encoder.close();
    assert.ok(['encoded', 'COREC_E_STOPPING'].includes(await underWay));
    await assert.rejects(encoder.encode(batchOf([2]), 'columnas+zstd3'), { code: 'COREC_E_STOPPING' });
    await encoder.close();
  });
}
