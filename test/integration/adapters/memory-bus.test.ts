/** What the in-process streams do beyond the contract: time by hand, exact bounds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { compareIds } from '../../contract/stream-bus.suite.ts';

describe('memory-bus', () => {
  test('ids carry the time, count within a millisecond, and grow when the clock steps back', async () => {
    const clock = new VirtualClock(5000);
    const bus = new MemoryBus({ clock });
    const ids = [await bus.append('s', { x: '' }), await bus.append('s', { x: '' })];
    clock.stepWallTo(4000);
    ids.push(await bus.append('s', { x: '' }), await bus.append('s', { x: '' }));
    clock.stepWallTo(5001);
    ids.push(await bus.append('s', { x: '' }));
    assert.deepEqual(ids, ['5000-0', '5000-1', '5000-2', '5000-3', '5001-0']);
    for (let i = 1; i < ids.length; i++) assert.ok(compareIds(ids[i - 1]!, ids[i]!) < 0);
  });

  test('a wait ends at its time, not before, and leaves no timer behind', async () => {
    const clock = new VirtualClock(1000);
    const bus = new MemoryBus({ clock });
    let answered = false;
    const waiting = bus.read('s', '$', 1, 500).then((entries) => {
      answered = true;
      return entries;
    });
    await clock.advance(499);
    assert.equal(answered, false);
    await clock.advance(1);
    assert.deepEqual(await waiting, []);
    const woken = bus.read('s', '$', 1, 500);
    await bus.append('s', { x: '1' });
    assert.equal((await woken).length, 1);
    assert.equal(clock.timersCount, 0);
  });

  test('exact keeps exactly maxlen; about keeps at most a tenth more', async () => {
    const clock = new VirtualClock(1);
    const exact = new MemoryBus({ clock, maxlen: 500, isExact: true });
    const about = new MemoryBus({ clock, maxlen: 500 });
    for (let i = 0; i < 5000; i++) {
      await exact.append('s', { i: String(i) });
      await about.append('s', { i: String(i) });
      assert.equal(await exact.length('s'), Math.min(i + 1, 500));
      assert.ok((await about.length('s')) <= 550);
    }
    const kept = await exact.read('s', '0', 1000, 0);
    assert.deepEqual(
      kept.map(({ fields }) => fields['i']),
      Array.from({ length: 500 }, (_, i) => String(4500 + i)),
    );
  });

  test('all streams together stay below their bytes; the longest gives way', async () => {
    const bus = new MemoryBus({ clock: new VirtualClock(1), bytesMax: 1_000_000 });
    await bus.append('small', { x: 'stays' });
    for (let i = 0; i < 200; i++) await bus.append('large', { x: new Uint8Array(20_000) });
    assert.equal(await bus.length('small'), 1);
    assert.ok((await bus.length('large')) < 30);
    await bus.append('large', { x: new Uint8Array(5_000_000) });
    assert.equal(await bus.length('large'), 0);
    assert.equal(await bus.length('small'), 1);
  });

  test('the number of streams is bounded', async () => {
    const bus = new MemoryBus({ clock: new VirtualClock(1), streamsMax: 2 });
    await bus.append('a', { x: '' });
    await bus.append('b', { x: '' });
    await assert.rejects(bus.append('c', { x: '' }), { code: 'COREC_E_LIMIT' });
    await bus.append('a', { x: '' });
  });

  test('an id of appendOnce lives by the monotonic clock, and a full list of ids refuses until one may go', async () => {
    const clock = new VirtualClock(1000);
    const bus = new MemoryBus({ clock, onceMax: 2 });
    await bus.appendOnce('s', 'a', { x: '' }, 10);
    clock.stepWallTo(1_000_000);
    await bus.appendOnce('s', 'b', { x: '' }, 20);
    const full = {
      code: 'COREC_E_BUSY',
      details: { what: 'appendOnce', found: '2 ids are remembered', seconds: 10, written: 'no' },
    };
    await assert.rejects(bus.appendOnce('s', 'c', { x: '' }, 10), full);
    assert.equal((await bus.appendOnce('s', 'a', { x: '' }, 10)).first, false);
    await clock.advance(9_999);
    assert.equal((await bus.appendOnce('s', 'a', { x: '' }, 10)).first, false);
    await assert.rejects(bus.appendOnce('s', 'c', { x: '' }, 10), { code: 'COREC_E_BUSY' });
    await clock.advance(1);
    assert.equal((await bus.appendOnce('s', 'c', { x: '' }, 10)).first, true);
    assert.equal((await bus.appendOnce('s', 'b', { x: '' }, 10)).first, false);
    assert.equal(await bus.length('s'), 3);
  });

  test('idle is counted by the monotonic clock', async () => {
    const clock = new VirtualClock(1000);
    const bus = new MemoryBus({ clock });
    await bus.openGroup('s', 'g', '0');
    await bus.append('s', { x: '1' });
    await bus.readGroup('s', 'g', 'died', 1, 0);
    clock.stepWallTo(10_000_000);
    await clock.advance(499);
    assert.deepEqual(await bus.pending('s', 'g'), { count: 1, oldestMs: 499 });
    assert.equal((await bus.claim('s', 'g', 'c', 500, 1)).entries.length, 0);
    await clock.advance(1);
    assert.equal((await bus.claim('s', 'g', 'c', 500, 1)).entries.length, 1);
  });

  test('groups are bounded, and a group with too much pending is given nothing until something is acknowledged', async () => {
    const bus = new MemoryBus({ clock: new VirtualClock(1), groupsMax: 1, pendingMax: 3 });
    await bus.openGroup('s', 'g', '0');
    await assert.rejects(bus.openGroup('s', 'h', '0'), { code: 'COREC_E_LIMIT' });
    const ids = await bus.appendAll(
      's',
      Array.from({ length: 5 }, () => ({ x: '' })),
    );
    assert.equal((await bus.readGroup('s', 'g', 'c', 10, 0)).length, 3);
    await assert.rejects(bus.readGroup('s', 'g', 'c', 10, 0), { code: 'COREC_E_BUSY' });
    await bus.ack('s', 'g', [ids[0]!]);
    const more = await bus.readGroup('s', 'g', 'c', 10, 0);
    assert.deepEqual(
      more.map(({ id }) => id),
      [ids[3]],
    );
  });

  test('a consumer whose entry another one took waits on, to the end of its time', async () => {
    const clock = new VirtualClock(1000);
    const bus = new MemoryBus({ clock });
    await bus.openGroup('s', 'g', '0');
    const first = bus.readGroup('s', 'g', 'one', 10, 500);
    let isAnswered = false;
    const second = bus.readGroup('s', 'g', 'two', 10, 500).finally(() => (isAnswered = true));
    await bus.append('s', { x: '1' });
    assert.equal((await first).length, 1);
    await clock.advance(499);
    assert.equal(isAnswered, false);
    await clock.advance(1);
    assert.deepEqual(await second, []);
    assert.equal(clock.timersCount, 0);
  });

  test('a field may be called like something that every object has', async () => {
    const bus = new MemoryBus({ clock: new VirtualClock(1) });
    const fields = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>;
    await bus.append('s', fields);
    assert.deepEqual(Object.entries((await bus.read('s', '0', 1, 0))[0]!.fields), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
