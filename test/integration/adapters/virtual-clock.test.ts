/** What the clock for tests does beyond the contract. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';

describe('virtual clock', () => {
  test('inside a callback it is the time of its timer, and timers set there fire in the same advance', async () => {
    const clock = new VirtualClock(1000);
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.nowMs());
      if (seen.length < 3) clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock.advance(100);
    assert.deepEqual(seen, [1010, 1020, 1030]);
    assert.equal(clock.nowMs(), 1100);
    assert.equal(clock.timersCount, 0);
  });

  test('promises that a timer sets off have run before the next timer', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
    const work = (async () => {
      await wait(5);
      seen.push('a at 5');
      await Promise.resolve();
      await wait(5);
      seen.push(`a at ${clock.nowMs()}`);
    })();
    clock.after(11, () => seen.push('b at 11'));
    await clock.advance(11);
    await work;
    assert.deepEqual(seen, ['a at 5', 'a at 10', 'b at 11']);
  });

  test('a step of the wall clock moves neither durations nor timers', async () => {
    const clock = new VirtualClock(1_000_000);
    let hasFired = false;
    clock.after(50, () => (hasFired = true));
    clock.stepWallTo(5);
    assert.equal(clock.nextTimerMs, 50);
    await clock.advance(49);
    assert.equal(hasFired, false);
    await clock.advance(1);
    assert.equal(hasFired, true);
    assert.equal(clock.nowMs(), 55);
    assert.equal(clock.monotonicMs(), 50);
  });

  test('a step fires one timer, the next in order, and tells when there is none', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    for (const name of ['a', 'b']) clock.after(7, () => seen.push(`${name} at ${clock.monotonicMs()}`));
    assert.equal(await clock.step(), true);
    assert.deepEqual(seen, ['a at 7']);
    assert.equal(await clock.step(), true);
    assert.deepEqual(seen, ['a at 7', 'b at 7']);
    assert.equal(await clock.step(), false);
  });
});
