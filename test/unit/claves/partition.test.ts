import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import { Partition, partitionByBloque } from '#domain/claves/partition.ts';

test('each bloque gets one run in order of arrival, the unknown ones come last', () => {
  const loc = fc.oneof(
    fc.tuple(fc.nat(5), fc.nat(9)).map(([bloque, slot]) => makeLoc(bloque, slot)),
    fc.constant(UNKNOWN_LOC),
    fc.constant(makeLoc(6, 0)),
  );
  const scratch = new Partition(64, 2);
  fc.assert(
    fc.property(fc.array(loc, { maxLength: 64 }), (list) => {
      const locs = Uint32Array.from(list);
      partitionByBloque(locs, locs.length, 6, scratch);
      const known = (k: number) => locs[k]! >>> 16 < 6;
      const indexes = [...locs.keys()];
      const bloques = [...new Set(indexes.filter(known).map((k) => locs[k]! >>> 16))].sort((a, b) => a - b);
      assert.deepEqual([...scratch.bloques.subarray(0, scratch.touched)], bloques);
      for (const [r, bloque] of bloques.entries()) {
        const run = scratch.order.subarray(scratch.starts[r], scratch.starts[r + 1]);
        assert.deepEqual(
          [...run],
          indexes.filter((k) => locs[k]! >>> 16 === bloque),
        );
      }
      assert.deepEqual(
        [...scratch.order.subarray(scratch.starts[scratch.touched], locs.length)],
        indexes.filter((k) => !known(k)),
      );
      assert.equal(scratch.unknown, indexes.filter((k) => !known(k)).length);
    }),
  );
});
