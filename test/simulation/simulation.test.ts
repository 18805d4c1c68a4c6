/**
 * The simulation in CI: a thousand seeds, that a seed is one run, and that faults put in on purpose are found.
 *
 * COREC_SIM_SEEDS=A..B plays another range. How to read what fails: CONTRIBUTING.md, "A seed that fails".
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLANTED, type PlantedName } from './planted.ts';
import { playRange } from './pool.ts';
import { describeSums, describeViolation } from './report.ts';
import { simulate } from './simulate.ts';

const [FROM, TO] = (process.env['COREC_SIM_SEEDS'] ?? '1..1000').split('..').map(Number) as [number, number];
/** Failing seeds that are told whole. */
const TOLD_MAX = 3;

test(`seeds ${FROM} to ${TO}: whatever goes wrong, nothing acknowledged is lost, doubled or out of order`, async () => {
  const startMs = performance.now();
  const sums = await playRange({ from: FROM, to: TO });
  console.log(describeSums(sums, (performance.now() - startMs) / 1000));
  for (const outcome of sums.violated.slice(0, TOLD_MAX)) console.log(describeViolation(outcome));
  assert.deepEqual(
    sums.violated.map(({ seed }) => seed),
    [],
  );
  assert.equal(sums.seeds, TO - FROM + 1);
});

test('the same seed is the same run to the last line, in this process and in others', async () => {
  const [from, to] = [FROM, Math.min(TO, FROM + 11)];
  const others = await Promise.all([playRange({ from, to, workers: 1 }), playRange({ from, to, workers: 2 })]);
  for (let seed = to; seed >= from; seed--) {
    const { hash } = await simulate(seed);
    assert.deepEqual(
      others.map(({ hashes }) => hashes.get(seed)),
      [hash, hash],
      `seed ${seed}`,
    );
  }
  assert.equal(new Set(others[0].hashes.values()).size, to - from + 1, 'and another seed is another run');
});

for (const name of Object.keys(PLANTED) as PlantedName[]) {
  test(`found when put in on purpose: ${PLANTED[name].says}`, async () => {
    const { violated, seeds } = await playRange({ from: FROM, to: TO, planted: name, untilFirst: true });
    const [first] = violated;
    assert.ok(first !== undefined, `none of ${seeds} seeds found it`);
    console.log(`  ${name}: seed ${first.seed}, ${first.violation!.invariant}`);
  });
}
