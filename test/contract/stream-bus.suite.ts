/** What every StreamBus promises (src/ports/stream-bus.ts), whatever it is made of. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { StreamBus } from '#ports/stream-bus.ts';

/** A bus whose streams keep about `maxlen` entries; the names that tests use may be prefixed by `makeBus`. */
export type MakeBus = (t: TestContext, maxlen: number) => StreamBus | Promise<StreamBus>;

export function compareIds(a: string, b: string): number {
  const [aMs, aN] = a.split('-').map(BigInt);
  const [bMs, bN] = b.split('-').map(BigInt);
  if (aMs! !== bMs!) return aMs! < bMs! ? -1 : 1;
  return aN! === bN! ? 0 : aN! < bN! ? -1 : 1;
}

export function streamBusSuite(name: string, makeBus: MakeBus): void {
  describe(`stream bus contract: ${name}`, () => {
    test('entries come back in order, with ids that grow', async (t) => {
      const bus = await makeBus(t, 1000);
      const ids: string[] = [];
      for (let i = 0; i < 50; i++) ids.push(await bus.append('corec_alerts', { data: String(i) }));
      for (const [i, id] of ids.entries()) {
        assert.match(id, /^\d+-\d+$/);
        if (i > 0) assert.ok(compareIds(ids[i - 1]!, id) < 0, `${ids[i - 1]} then ${id}`);
      }
      const entries = await bus.read('corec_alerts', '0', 100, 0);
      assert.deepEqual(
        entries.map(({ id, fields }) => [id, Buffer.from(fields['data']!).toString()]),
        ids.map((id, i) => [id, String(i)]),
      );
      assert.equal(await bus.length('corec_alerts'), 50);
      await bus.close();
    });

    test('a reader pages through a stream by the last id it has', async (t) => {
      const bus = await makeBus(t, 1000);
      for (let i = 0; i < 25; i++) await bus.append('s', { i: String(i) });
      const seen: string[] = [];
      for (let after = '0'; ;) {
        const page = await bus.read('s', after, 7, 0);
        if (page.length === 0) break;
        assert.ok(page.length <= 7);
        seen.push(...page.map(({ fields }) => Buffer.from(fields['i']!).toString()));
        after = page.at(-1)!.id;
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 25 }, (_, i) => String(i)),
      );
      await bus.close();
    });

    test('all 256 bytes survive, and nobody shares them', async (t) => {
      const bus = await makeBus(t, 1000);
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      await bus.append('s', { b: 'enjambre_sensor/0', m: bytes });
      bytes.fill(0);
      const [first] = await bus.read('s', '0', 1, 0);
      const m = first!.fields['m'] as Uint8Array;
      assert.deepEqual([...m], [...Array(256).keys()]);
      m.fill(9);
      const [again] = await bus.read('s', '0', 1, 0);
      assert.deepEqual([...(again!.fields['m'] as Uint8Array)], [...Array(256).keys()]);
      await bus.close();
    });

    test('streams know nothing of each other', async (t) => {
      const bus = await makeBus(t, 1000);
      await bus.append('a', { x: '1' });
      assert.equal(await bus.length('b'), 0);
      assert.deepEqual(await bus.read('b', '0', 10, 0), []);
      await bus.close();
    });

    test('a stream keeps about maxlen entries, the newest', async (t) => {
      const bus = await makeBus(t, 200);
      let lastId = '';
      for (let i = 0; i < 1000; i++) lastId = await bus.append('s', { i: String(i) });
      const length = await bus.length('s');
      assert.ok(length >= 200 && length <= 400, `${length} entries`);
      const entries = await bus.read('s', '0', 10_000, 0);
      assert.equal(entries.length, length);
      assert.equal(entries.at(-1)!.id, lastId);
      // An id that was trimmed away is a place all the same: what follows it comes.
      assert.equal((await bus.read('s', '1-1', 1, 0))[0]!.id, entries[0]!.id);
      await bus.close();
    });

    test('a waiting reader gets the next entry as it comes', async (t) => {
      const bus = await makeBus(t, 1000);
      const oldId = await bus.append('s', { x: 'old' });
      const waitingNew = bus.read('s', '$', 10, 10_000);
      const waitingAfter = bus.read('s', oldId, 10, 10_000);
      const waitingElsewhere = bus.read('never-written', '$', 10, 30);
      // `$` is the end of the stream when the read has begun.
      await waitingElsewhere;
      const id = await bus.append('s', { x: 'new' });
      assert.deepEqual(
        (await waitingNew).map((entry) => entry.id),
        [id],
      );
      assert.deepEqual(
        (await waitingAfter).map((entry) => entry.id),
        [id],
      );
      assert.deepEqual(await waitingElsewhere, []);
      await bus.close();
    });

    test('a reader that waits in vain, or whose wait is aborted, gets nothing', async (t) => {
      const bus = await makeBus(t, 1000);
      assert.deepEqual(await bus.read('s', '0', 1, 20), []);
      const abort = new AbortController();
      const waiting = bus.read('s', '$', 1, 60_000, abort.signal);
      abort.abort();
      assert.deepEqual(await waiting, []);
      assert.deepEqual(await bus.read('s', '$', 1, 60_000, abort.signal), []);
      await bus.close();
    });

    test('closing answers whoever waits with nothing and refuses what comes later', async (t) => {
      const bus = await makeBus(t, 1000);
      const waiting = bus.read('s', '$', 1, 60_000);
      await bus.close();
      assert.deepEqual(await waiting, []);
      await assert.rejects(bus.append('s', { x: '1' }), { code: 'COREC_E_STOPPING' });
    });

    test('an id that is none is a clear error', async (t) => {
      const bus = await makeBus(t, 1000);
      await assert.rejects(bus.read('s', 'yesterday', 1, 0), { code: 'COREC_E_ARGUMENT' });
      await bus.close();
    });
  });
}
