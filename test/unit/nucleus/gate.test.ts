import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '#nucleus/gate.ts';

/** Lets every promise that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('shut waits for whoever is inside, and nobody enters until open', async () => {
  const gate = new Gate();
  const seen: string[] = [];
  await gate.enter();
  const shut = gate.shut().then(() => seen.push('shut'));
  const second = gate.enter().then(() => seen.push('entered'));
  await settle();
  assert.deepEqual(seen, []);
  gate.leave();
  await shut;
  await settle();
  assert.deepEqual(seen, ['shut']);
  gate.open();
  await second;
  assert.deepEqual(seen, ['shut', 'entered']);
});

test('two that shut it have it shut one after the other, and none enters between them', async () => {
  const gate = new Gate();
  const seen: string[] = [];
  await gate.enter();
  const first = gate.shut().then(() => seen.push('first'));
  const second = gate.shut().then(() => seen.push('second'));
  const enters = gate.enter().then(() => seen.push('entered'));
  gate.leave();
  await first;
  await settle();
  assert.deepEqual(seen, ['first']);
  gate.open();
  await second;
  await settle();
  assert.deepEqual(seen, ['first', 'second']);
  assert.equal(gate.isShut, true);
  gate.open();
  await enters;
  assert.deepEqual(seen, ['first', 'second', 'entered']);
  assert.equal(gate.isShut, false);
});
