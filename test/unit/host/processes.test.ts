import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ProcessEntry, ProcessSeats, weigh } from '#domain/host/process-seats.ts';
import { ProcessStat } from '#domain/host/process-stat.ts';
import { cursorOf } from './parse.ts';

const line = (name: string, flags: number = 4_194_304, state: string = 'S'): string =>
  `4711 (${name}) ${state} 1 4711 4711 0 -1 ${flags} 100 0 3 0 250 50 9 9 20 0 7 0 88000 123456789 2048 18446744073709551615 1 1 0\n`;

describe('ProcessStat', () => {
  test('finds its fields whatever the name holds', () => {
    for (const name of ['node', 'a b', ') S 1 (', '((sd-pam))', 'kworker/0:1-ev', '', 'café ☕']) {
      const stat = new ProcessStat();
      const cursor = cursorOf(line(name));
      assert.equal(stat.parse(cursor), true, name);
      assert.equal(new TextDecoder().decode(cursor.bytes.subarray(stat.nameFrom, stat.nameTo)), name);
      assert.deepEqual([stat.ticks, stat.startTicks, stat.rssPages], [300, 88_000, 2048], name);
      assert.deepEqual([stat.isKernel, stat.isOver], [false, false], name);
    }
  });

  test('tells a kernel thread by its flag and a zombie by its state', () => {
    const stat = new ProcessStat();
    stat.parse(cursorOf(line('kthreadd', 0x0020_8040)));
    assert.equal(stat.isKernel, true);
    stat.parse(cursorOf(line('gone', 4, 'Z')));
    assert.equal(stat.isOver, true);
  });

  test('a cut text is refused, wherever it is cut', () => {
    const whole = line('node');
    const rss = whole.indexOf(' 2048');
    for (let length = 0; length <= rss; length++) {
      assert.equal(new ProcessStat().parse(cursorOf(whole.slice(0, length))), false, whole.slice(0, length));
    }
    assert.equal(new ProcessStat().parse(cursorOf(whole.slice(0, rss + 5))), true);
  });

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => typeof new ProcessStat().parse(cursorOf(text)) === 'boolean',
      ),
    );
  });
});

describe('ProcessEntry', () => {
  test('tells the use of a processor from the second look on', () => {
    const entry = new ProcessEntry(1, 0);
    entry.look(1000, 5, 10_000, 100);
    assert.ok(Number.isNaN(entry.cpu));
    entry.look(1050, 5, 11_000, 100);
    assert.equal(entry.cpu, 50);
    entry.look(1450, 5, 13_000, 100);
    assert.equal(entry.cpu, 200, 'two of its threads, for two seconds');
    assert.ok(entry.cpuSmooth > 50 && entry.cpuSmooth < 200);
  });

  test('two looks at one moment, or time that goes back, give nothing', () => {
    const entry = new ProcessEntry(1, 0);
    entry.look(1000, 5, 10_000, 100);
    entry.look(1000, 5, 10_000, 100);
    assert.ok(Number.isNaN(entry.cpu));
    entry.look(900, 5, 11_000, 100);
    assert.ok(Number.isNaN(entry.cpu));
  });
});

describe('ProcessSeats', () => {
  const machine = { cpus: 1, memoryBytes: 1000 };
  /** Weight in thousandths of the machine, all of it memory. */
  const makeEntry = (pid: number, rss: number, firstSeenMs: number = -1e9): ProcessEntry => {
    const entry = new ProcessEntry(pid, firstSeenMs);
    entry.look(0, rss, -1000, 100);
    entry.look(0, rss, 0, 100);
    return entry;
  };
  const pids = (seats: ProcessSeats<ProcessEntry>): number[] =>
    seats.seated.map((entry) => entry.pid).sort((a, b) => a - b);

  test('gives the seats to the heaviest', () => {
    const seats = new ProcessSeats<ProcessEntry>(2, 0);
    seats.update([makeEntry(1, 10), makeEntry(2, 300), makeEntry(3, 200)], machine, 0);
    assert.deepEqual(pids(seats), [2, 3]);
  });

  test('the young, those looked at once, those of no weight and those that are out get none', () => {
    const seats = new ProcessSeats<ProcessEntry>(9, 10_000);
    const young = makeEntry(1, 900, 0);
    const once = new ProcessEntry(2, -1e9);
    once.look(0, 900, 0, 100);
    const out = makeEntry(3, 900);
    out.isOut = true;
    const entries = [young, once, out, makeEntry(4, 0.1), makeEntry(5, 1)];
    seats.update(entries, machine, 9_999);
    assert.deepEqual(pids(seats), [5]);
    seats.update(entries, machine, 10_000);
    assert.deepEqual(pids(seats), [1, 5]);
  });

  test('a seat changes hands only when it was kept for a while and the other clearly outweighs', () => {
    const seats = new ProcessSeats<ProcessEntry>(1, 0);
    const [first, slightlyMore, muchMore] = [makeEntry(1, 100), makeEntry(2, 140), makeEntry(3, 400)];
    seats.update([first], machine, 0);
    seats.update([first, muchMore], machine, 19_999);
    assert.deepEqual(pids(seats), [1]);
    seats.update([first, slightlyMore], machine, 20_000);
    assert.deepEqual(pids(seats), [1]);
    assert.deepEqual(seats.update([first, slightlyMore, muchMore], machine, 20_000), [muchMore]);
    assert.deepEqual(pids(seats), [3]);
    assert.equal(first.isSeated, false);
  });

  test('who is out loses the seat at once, and the next takes it', () => {
    const seats = new ProcessSeats<ProcessEntry>(1, 0);
    const [first, second] = [makeEntry(1, 300), makeEntry(2, 10)];
    seats.update([first, second], machine, 0);
    first.isOut = true;
    seats.update([first, second], machine, 1);
    assert.deepEqual(pids(seats), [2]);
  });

  test('never seats more than max, and the seated hardly change while the weights only tremble', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 50, max: 60 }), { minLength: 20, maxLength: 20 }),
        fc.infiniteStream(fc.integer({ min: -8, max: 8 })),
        (weights, noise) => {
          const seats = new ProcessSeats<ProcessEntry>(8, 0);
          const entries = weights.map((weight, pid) => makeEntry(pid, weight));
          seats.update(entries, machine, 0);
          const before = pids(seats);
          for (let k = 1; k < 60; k++) {
            entries.forEach((entry, pid) => entry.look(0, weights[pid]! + noise.next().value!, k * 1000, 100));
            assert.ok(seats.update(entries, machine, k * 1000).length === 0);
            assert.ok(seats.seated.length <= 8);
          }
          assert.deepEqual(pids(seats), before);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('processor and memory weigh alike, each as a share of the machine', () => {
    const entry = makeEntry(1, 250);
    entry.look(50, 250, 1000, 100);
    assert.ok(Math.abs(weigh(entry, { cpus: 4, memoryBytes: 1000 }) - 0.25) < 0.01);
  });
});
