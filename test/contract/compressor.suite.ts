/** What every Compressor promises (src/ports/compressor.ts). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Compressor } from '#ports/compressor.ts';

export function compressorSuite(name: string, make: () => Compressor): void {
  describe(`compressor contract: ${name}`, () => {
    test('any bytes come back', () => {
      const compressor = make();
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
          const back = compressor.decompress(compressor.compress(bytes), bytes.length);
          assert.equal(Buffer.compare(back, bytes), 0);
        }),
      );
    });

    test('bytes that repeat become few', () => {
      const compressor = make();
      assert.ok(compressor.compress(new Uint8Array(100_000)).length < 200);
    });

    test('never more bytes than asked for, even from a small blob that holds many', () => {
      const compressor = make();
      const bomb = compressor.compress(new Uint8Array(50_000_000));
      assert.ok(bomb.length < 50_000);
      const before = process.memoryUsage.rss();
      for (const maxBytes of [0, 1, 1000, 49_999_999]) {
        assert.throws(() => compressor.decompress(bomb, maxBytes), /more than/);
      }
      assert.ok(process.memoryUsage.rss() - before < 200e6);
      assert.equal(compressor.decompress(bomb, 50_000_000).length, 50_000_000);
      assert.equal(compressor.decompress(compressor.compress(new Uint8Array(0)), 0).length, 0);
    });

    test('foreign, cut and prolonged bytes are refused', () => {
      const compressor = make();
      const blob = compressor.compress(Buffer.from('corec '.repeat(100)));
      assert.throws(() => compressor.decompress(Buffer.from('{"json":true}'), 1000));
      assert.throws(() => compressor.decompress(new Uint8Array(0), 1000));
      for (let length = 1; length < blob.length; length++) {
        assert.throws(() => compressor.decompress(blob.subarray(0, length), 1000), `cut to ${length}`);
      }
      assert.throws(() => compressor.decompress(Buffer.concat([blob, Buffer.from('x')]), 1000), /follow/);
      assert.throws(() => compressor.decompress(Buffer.concat([blob, blob]), 1000), /follow/);
    });
  });
}
