import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HangSearch } from '#domain/supervision/hang-search.ts';

const MINUTE_MS = 60_000;
const rising = (a: number, b: number): number => a - b;

/** Runs what waits as a bloque would, until nothing does or `runsMax` are over. `hangs`: of a lectura of that slot, in that run. */
function search(waiting: readonly number[], hangs: (slot: number, run: number) => boolean, runsMax: number) {
  const inbox = [...waiting];
  const guilty: number[] = [];
  const acted: number[] = [];
  let brokenOff = 1;
  const finding = new HangSearch(0);
  finding.brokenOff(waiting, true, 0);
  let run = 1;
  for (; run <= runsMax && inbox.length > 0; run++) {
    const { max, takes } = finding.filter((isSuspect) => inbox.some((slot) => !isSuspect(slot)));
    const taken = inbox.filter(takes).slice(0, max);
    assert.ok(taken.length > 0, 'a run of nothing');
    if (taken.some((slot) => hangs(slot, run))) {
      brokenOff++;
      const slot = finding.brokenOff(taken, false, run);
      if (slot < 0) continue;
      guilty.push(slot);
      // what waits of it is stored
      for (let k = inbox.length - 1; k >= 0; k--) if (inbox[k] === slot) inbox.splice(k, 1);
    } else {
      for (const slot of taken) inbox.splice(inbox.indexOf(slot), 1);
      acted.push(...taken);
      finding.ended(taken, inbox.length === 0, run);
    }
  }
  return { guilty, acted, left: inbox, brokenOff, runs: run - 1, finding };
}

test('who hangs is found among a thousand, and every other lectura acts', () => {
  for (const ill of [0, 1, 500, 998, 999]) {
    const waiting = Array.from({ length: 1001 }, (_, k) => k);
    const { guilty, acted, left, brokenOff } = search(waiting, (slot) => slot === ill, 100);
    assert.deepEqual(guilty, [ill]);
    assert.equal(acted.length, 1000);
    assert.deepEqual(left, []);
    assert.ok(brokenOff <= 13, `${brokenOff} runs broken off`);
  }
});

test('several that hang, wherever they are, are found; nobody else is held guilty', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(39), { minLength: 1, maxLength: 60 }),
      fc.uniqueArray(fc.nat(39), { minLength: 1, maxLength: 5 }),
      (some, ill) => {
        // one that ends comes last, so that there is always somebody to compare with
        const waiting = [...some, ...ill, 99];
        const { guilty, acted, left } = search(waiting, (slot) => ill.includes(slot), 400);
        assert.deepEqual(guilty.toSorted(rising), ill.toSorted(rising));
        assert.deepEqual(left, []);
        assert.deepEqual(acted.toSorted(rising), waiting.filter((slot) => !ill.includes(slot)).toSorted(rising));
      },
    ),
  );
});

test('a procesador that hangs on everything costs nobody their place, however long; mended, all act', () => {
  for (const mendedAt of [3, 10, 40, 200]) {
    const waiting = Array.from({ length: 100 }, (_, k) => k % 30);
    const { guilty, acted } = search(waiting, (_, run) => run < mendedAt, 500);
    assert.deepEqual(guilty, []);
    assert.equal(acted.length, 100);
  }
});

test('the only one that waits is not held guilty while there is nobody to compare it with', () => {
  const { guilty, left, runs } = search([7, 7, 7], (slot) => slot === 7, 50);
  assert.deepEqual(guilty, []);
  assert.deepEqual(left, [7, 7, 7]);
  assert.equal(runs, 50);
});

test('lecturas that only take long together pass in parts, and the parts grow again when nothing has hung for a while', () => {
  const finding = new HangSearch(0);
  const all = Array.from({ length: 400 }, (_, k) => k);
  assert.equal(finding.brokenOff(all, true, 0), -1);
  const maxOf = (): number => finding.filter(() => true).max;
  assert.equal(maxOf(), 200);
  finding.ended(all.slice(0, 200), true, 1000);
  assert.equal(maxOf(), 200);
  finding.ended(all.slice(0, 200), true, MINUTE_MS + 1);
  assert.equal(maxOf(), 400);
  assert.equal(finding.isOver(2 * MINUTE_MS), false);
  for (let k = 0; k < 20; k++) finding.ended(all, true, MINUTE_MS + 2 + k);
  assert.equal(finding.isOver(2 * MINUTE_MS), true);
});

test('a cycle that hangs is held against nobody', () => {
  const finding = new HangSearch(0);
  assert.equal(finding.brokenOff([], true, 0), -1);
  assert.equal(finding.brokenOff([3], true, 1), -1);
  finding.ended([3], false, 2);
  assert.equal(finding.brokenOff([], true, 3), -1);
  assert.equal(finding.filter(() => true).takes(3), true);
});

test('a suspicion goes with the clave that was forgotten, not over to who gets its slot', () => {
  const finding = new HangSearch(0);
  finding.brokenOff([0, 1], true, 0);
  finding.brokenOff([0], false, 1);
  finding.ended([1], false, 2);
  finding.forgot(0);
  assert.equal(finding.brokenOff([0], false, 3), -1);
  finding.ended([1], false, 4);
  assert.equal(finding.brokenOff([0], false, 5), 0);
});
