/** A thread that says the time at random moments: what arrives from outside, whatever the main thread is doing. */
import { parentPort, workerData } from 'node:worker_threads';

const { count, meanMs } = workerData as { readonly count: number; readonly meanMs: number };
const cell = new Int32Array(new SharedArrayBuffer(4));
let seed = 1;

for (let k = 0; k < count; k++) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  Atomics.wait(cell, 0, 0, (2 * meanMs * seed) / 2 ** 32);
  parentPort!.postMessage(performance.timeOrigin + performance.now());
}
parentPort!.postMessage(null);
