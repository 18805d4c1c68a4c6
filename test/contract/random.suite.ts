/** What every Random promises (src/ports/random.ts). Bounds are eight standard deviations: they hold for any good dice. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Random } from '#ports/random.ts';

export function randomSuite(name: string, make: (seed: number) => Random): void {
  const rolls = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.uint32());

  describe(`random contract: ${name}`, () => {
    test('the same seed gives the same rolls, another seed others', () => {
      assert.deepEqual(rolls(make(7), 100), rolls(make(7), 100));
      const seeds = [0, 1, 2, 7, 2 ** 32, 2 ** 32 + 1, 2 ** 52, -1];
      const firsts = seeds.map((seed) => rolls(make(seed), 4).join());
      assert.equal(new Set(firsts).size, seeds.length);
      assert.throws(() => make(NaN), RangeError);
    });

    test('every bit of uint32 is one half of the time', () => {
      const random = make(1);
      const ones = new Float64Array(32);
      for (let i = 0; i < 100_000; i++) {
        const rolled = random.uint32();
        for (let bit = 0; bit < 32; bit++) ones[bit]! += (rolled >>> bit) & 1;
      }
      for (const count of ones) assert.ok(Math.abs(count - 50_000) < 8 * Math.sqrt(25_000), String(count));
    });

    test('next is even over 0 to 1 and never 1', () => {
      const random = make(2);
      const bins = new Float64Array(100);
      for (let i = 0; i < 100_000; i++) {
        const rolled = random.next();
        assert.ok(rolled >= 0 && rolled < 1);
        bins[Math.floor(rolled * 100)]! += 1;
      }
      for (const count of bins) assert.ok(Math.abs(count - 1000) < 8 * Math.sqrt(1000), String(count));
    });

    test('below gives every number up to its limit equally often', () => {
      const random = make(3);
      for (const limit of [1, 2, 3, 6, 1000]) {
        const counts = new Float64Array(limit);
        const total = 20_000;
        for (let i = 0; i < total; i++) counts[random.below(limit)]! += 1;
        const mean = total / limit;
        for (const count of counts) assert.ok(Math.abs(count - mean) <= 8 * Math.sqrt(mean), `${limit}: ${count}`);
      }
      assert.ok(random.below(2 ** 32) >= 0);
      // Three quarters of the range: a remainder would give the lower third twice as often.
      const limit = 3 * 2 ** 30;
      let low = 0;
      for (let i = 0; i < 10_000; i++) if (random.below(limit) < 2 ** 30) low += 1;
      assert.ok(Math.abs(low - 3333) < 400, String(low));
      for (const wrong of [0, -1, 1.5, 2 ** 32 + 1, NaN]) assert.throws(() => random.below(wrong), RangeError);
    });

    test("a fork's rolls do not depend on what its parent rolls later", () => {
      const parent = make(4);
      const fork = parent.fork();
      const alone = rolls(make(4).fork(), 50);
      rolls(parent, 10);
      assert.deepEqual(rolls(fork, 50), alone);
      assert.notDeepEqual(rolls(parent, 50), alone);
    });
  });
}
