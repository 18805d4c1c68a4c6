/** What every Clock promises (src/ports/clock.ts). `pass` lets time go on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '#ports/clock.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  readonly pass: (ms: number) => Promise<void>;
}

export function clockSuite(name: string, make: () => ClockUnderTest): void {
  describe(`clock contract: ${name}`, () => {
    test('both times go on, in milliseconds', async () => {
      const { clock, pass } = make();
      const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
      await pass(20);
      assert.ok(clock.nowMs() - wallMs >= 19);
      assert.ok(clock.monotonicMs() - monotonicMs >= 19);
    });

    test('a timer fires once, not before its time, and earlier ones first', async () => {
      const { clock, pass } = make();
      const startMs = clock.monotonicMs();
      const fired: [string, boolean][] = [];
      clock.after(30, () => fired.push(['late', clock.monotonicMs() - startMs >= 29]));
      clock.after(10, () => fired.push(['early', clock.monotonicMs() - startMs >= 9]));
      assert.deepEqual(fired, []);
      await pass(60);
      await pass(20);
      assert.deepEqual(fired, [
        ['early', true],
        ['late', true],
      ]);
    });

    test('a cancelled timer does not fire; cancelling late or twice is harmless', async () => {
      const { clock, pass } = make();
      const fired: string[] = [];
      const cancelA = clock.after(5, () => fired.push('a'));
      const cancelB = clock.after(5, () => fired.push('b'));
      cancelA();
      cancelA();
      await pass(20);
      cancelB();
      assert.deepEqual(fired, ['b']);
    });

    test('a wait longer than a native timer can hold does not fire at once', async () => {
      const { clock, pass } = make();
      let hasFired = false;
      const cancel = clock.after(2 ** 31 + 5, () => (hasFired = true));
      await pass(20);
      assert.equal(hasFired, false);
      cancel();
    });

    test('yielding lets due timers and I/O have their turn', async () => {
      const { clock } = make();
      let turns = 0;
      setImmediate(() => (turns += 1));
      await clock.yieldToIo();
      await clock.yieldToIo();
      assert.equal(turns, 1);
    });
  });
}
