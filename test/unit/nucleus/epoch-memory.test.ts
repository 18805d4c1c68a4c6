import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpochMemory } from '#nucleus/epoch-memory.ts';

test('what was taken in one epoch never overlaps, whatever its lengths', () => {
  const memory = new EpochMemory();
  for (let epoch = 0; epoch < 3; epoch++) {
    const taken = Array.from({ length: 300 }, (_, k) => memory.take((k * 7919) % 300_000));
    for (const [k, bytes] of taken.entries()) {
      assert.equal(bytes.length, (k * 7919) % 300_000);
      bytes.fill(k);
    }
    for (const [k, bytes] of taken.entries()) assert.ok(bytes.every((byte) => byte === (k & 0xff)));
    memory.reset();
  }
});

test('memory is used again by the next epoch, and given back once fewer bytes are needed', () => {
  const memory = new EpochMemory();
  const fill = (count: number): void => {
    for (let k = 0; k < count; k++) memory.take(50_000);
    memory.reset();
  };
  fill(200);
  const large = memory.bytes;
  fill(200);
  assert.equal(memory.bytes, large);
  fill(1);
  assert.ok(memory.bytes < large / 4);
});
