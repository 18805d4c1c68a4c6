/** What every StreamBus promises (src/ports/stream-bus.ts), whatever it is made of. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { compareStreamIds, parseStreamId } from '#domain/stream-id.ts';
import type { StreamBus, StreamEntry } from '#ports/stream-bus.ts';
import { until } from '../support/until.ts';

/** A bus whose streams keep about `maxlen` entries; the suite closes it. */
export type MakeBus = (t: TestContext, maxlen: number) => StreamBus | Promise<StreamBus>;

export function compareIds(a: string, b: string): number {
  return compareStreamIds(parseStreamId(a, 'test'), parseStreamId(b, 'test'));
}

/** Tests may share a server: no two use one name. */
let namesCount = 0;
function uniqueName(name: string): string {
  return `corec_${name.replace(/^corec_/, '')}_${process.pid}_${namesCount++}`;
}

const idsOf = (entries: readonly StreamEntry[]): string[] => entries.map(({ id }) => id);
const textOf = (entry: StreamEntry, field: string): string => Buffer.from(entry.fields[field]!).toString();
const textsOf = (entries: readonly StreamEntry[]): string[] => entries.map((entry) => textOf(entry, 'x'));
const numbered = (count: number): { x: string }[] => Array.from({ length: count }, (_, i) => ({ x: String(i) }));

export function streamBusSuite(name: string, makeBus: MakeBus): void {
  async function open(t: TestContext, maxlen = 1000): Promise<StreamBus> {
    const bus = await makeBus(t, maxlen);
    t.after(() => bus.close());
    return bus;
  }

  describe(`stream bus contract: ${name}`, () => {
    describe('appending and reading', () => {
      test('entries come back in order, with ids that grow', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_alerts');
        const ids: string[] = [];
        for (const fields of numbered(50)) ids.push(await bus.append(stream, fields));
        for (const [i, id] of ids.entries()) {
          assert.match(id, /^\d+-\d+$/);
          if (i > 0) assert.ok(compareIds(ids[i - 1]!, id) < 0, `${ids[i - 1]} then ${id}`);
        }
        const entries = await bus.read(stream, '0', 100, 0);
        assert.deepEqual(
          entries.map((entry) => [entry.id, textOf(entry, 'x')]),
          ids.map((id, i) => [id, String(i)]),
        );
        assert.equal(await bus.length(stream), 50);
      });

      test('what is appended together stands together, in its order', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_canal_1');
        assert.deepEqual(await bus.appendAll(stream, []), []);
        const ids = await bus.appendAll(stream, numbered(300));
        const entries = await bus.read(stream, '0', 1000, 0);
        assert.deepEqual(idsOf(entries), ids);
        assert.deepEqual(
          textsOf(entries),
          numbered(300).map(({ x }) => x),
        );
      });

      test('appends that wait for nobody keep the order in which they were called', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const ids = await Promise.all(numbered(500).map((fields) => bus.append(stream, fields)));
        const entries = await bus.read(stream, '0', 1000, 0);
        assert.deepEqual(idsOf(entries), ids);
        assert.deepEqual(
          textsOf(entries),
          numbered(500).map(({ x }) => x),
        );
      });

      test('a reader pages through a stream by the last id it has', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.appendAll(stream, numbered(25));
        const seen: string[] = [];
        for (let after = '0'; ;) {
          const page = await bus.read(stream, after, 7, 0);
          if (page.length === 0) break;
          assert.ok(page.length <= 7);
          seen.push(...textsOf(page));
          after = page.at(-1)!.id;
        }
        assert.deepEqual(
          seen,
          numbered(25).map(({ x }) => x),
        );
      });

      test('all 256 bytes survive, and nobody shares them', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_canal_2');
        const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
        await bus.append(stream, { b: 'enjambre_sensor/0', m: bytes });
        bytes.fill(0);
        const [first] = await bus.read(stream, '0', 1, 0);
        const m = first!.fields['m'] as Uint8Array;
        assert.deepEqual([...m], [...Array(256).keys()]);
        m.fill(9);
        const [again] = await bus.read(stream, '0', 1, 0);
        assert.deepEqual([...(again!.fields['m'] as Uint8Array)], [...Array(256).keys()]);
        assert.equal(textOf(again!, 'b'), 'enjambre_sensor/0');
      });

      test('a megabyte and an empty field are fields', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const large = new Uint8Array(1_000_000).fill(0xfe);
        await bus.append(stream, { large, empty: '', ünïcödé: 'ñandú' });
        const [entry] = await bus.read(stream, '0', 1, 0);
        assert.equal(Buffer.compare(Buffer.from(entry!.fields['large']!), large), 0);
        assert.equal(textOf(entry!, 'empty'), '');
        assert.equal(textOf(entry!, 'ünïcödé'), 'ñandú');
      });

      test('streams know nothing of each other', async (t) => {
        const bus = await open(t);
        const [a, b] = [uniqueName('a'), uniqueName('b')];
        await bus.append(a, { x: '1' });
        assert.equal(await bus.length(b), 0);
        assert.deepEqual(await bus.read(b, '0', 10, 0), []);
      });

      test('a stream keeps about maxlen entries, the newest', async (t) => {
        const bus = await open(t, 200);
        const stream = uniqueName('s');
        let lastId = '';
        for (let i = 0; i < 10; i++) lastId = (await bus.appendAll(stream, numbered(100))).at(-1)!;
        const length = await bus.length(stream);
        assert.ok(length >= 200 && length <= 400, `${length} entries`);
        const entries = await bus.read(stream, '0', 10_000, 0);
        assert.equal(entries.length, length);
        assert.equal(entries.at(-1)!.id, lastId);
        // An id that was trimmed away is a place all the same: what follows it comes.
        assert.equal((await bus.read(stream, '1-1', 1, 0))[0]!.id, entries[0]!.id);
      });

      test('a waiting reader gets the next entry as it comes', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const oldId = await bus.append(stream, { x: 'old' });
        const waitingNew = bus.read(stream, '$', 10, 10_000);
        const waitingAfter = bus.read(stream, oldId, 10, 10_000);
        // `$` is the end of the stream when the read has begun.
        assert.deepEqual(await bus.read(uniqueName('never-written'), '$', 10, 100), []);
        const id = await bus.append(stream, { x: 'new' });
        assert.deepEqual(idsOf(await waitingNew), [id]);
        assert.deepEqual(idsOf(await waitingAfter), [id]);
      });

      test('a reader may wait for a stream that is not there yet', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const waiting = bus.read(stream, '0', 10, 10_000);
        const id = await bus.append(stream, { x: '1' });
        assert.deepEqual(idsOf(await waiting), [id]);
      });

      test('many readers wait at once, and appends go on beside them', async (t) => {
        const bus = await open(t);
        const streams = Array.from({ length: 6 }, () => uniqueName('s'));
        const waiting = streams.map((stream) => bus.read(stream, '0', 1, 10_000));
        const ids: string[] = [];
        for (const stream of streams) ids.push(await bus.append(stream, { x: stream }));
        assert.deepEqual(
          (await Promise.all(waiting)).map(idsOf),
          ids.map((id) => [id]),
        );
      });

      test('a reader that waits in vain, or whose wait is aborted, gets nothing', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        assert.deepEqual(await bus.read(stream, '0', 1, 20), []);
        const abort = new AbortController();
        const waiting = bus.read(stream, '$', 1, 60_000, abort.signal);
        abort.abort();
        assert.deepEqual(await waiting, []);
        assert.deepEqual(await bus.read(stream, '$', 1, 60_000, abort.signal), []);
        // and the bus reads on as before
        const id = await bus.append(stream, { x: '1' });
        assert.deepEqual(idsOf(await bus.read(stream, '0', 1, 60_000)), [id]);
      });

      test('an id that is none is a clear error', async (t) => {
        const bus = await open(t);
        await assert.rejects(bus.read(uniqueName('s'), 'yesterday', 1, 0), { code: 'COREC_E_ARGUMENT' });
      });
    });

    describe('appending once', () => {
      test('a second append under one id gives the first one', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_responses');
        const first = await bus.appendOnce(stream, 'cmd-1', { x: 'first' }, 3600);
        assert.equal(first.first, true);
        assert.deepEqual(await bus.appendOnce(stream, 'cmd-1', { x: 'second' }, 3600), { id: first.id, first: false });
        const other = await bus.appendOnce(stream, 'cmd-2', { x: 'other' }, 3600);
        assert.equal(other.first, true);
        assert.deepEqual(textsOf(await bus.read(stream, '0', 10, 0)), ['first', 'other']);
      });

      test('of many at once, one is the first', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_responses');
        const answers = await Promise.all(
          numbered(20).map((fields) => bus.appendOnce(stream, 'the same, with spaces: {x}', fields, 3600)),
        );
        assert.equal(answers.filter(({ first }) => first).length, 1);
        assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
        assert.equal(await bus.length(stream), 1);
      });

      test('several at once stand in their order, each id once, also one that was there or comes twice in the list', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_responses');
        const known = await bus.appendOnce(stream, 'known', { x: 'known' }, 3600);
        const asked = { stream: uniqueName('corec_commands'), group: 'g' };
        assert.deepEqual(await bus.answerAll(stream, asked, [], 3600), []);
        const list = ['a', 'known', 'b', 'a', 'c'].map((onceId, k) => ({
          onceId,
          fields: { x: `${k}` },
          entry: `1-${k}`,
        }));
        const answers = await bus.answerAll(stream, asked, list, 3600);
        assert.deepEqual(
          answers.map(({ first }) => first),
          [true, false, true, false, true],
        );
        assert.equal(answers[1]!.id, known.id);
        assert.equal(answers[3]!.id, answers[0]!.id);
        assert.deepEqual(textsOf(await bus.read(stream, '0', 10, 0)), ['known', '0', '2', '4']);
        assert.deepEqual(
          (await bus.answerAll(stream, asked, list, 3600)).map(({ id, first }) => [id, first]),
          answers.map(({ id }) => [id, false]),
        );
        const many = numbered(1000).map((fields, k) => ({ onceId: `m${k}`, fields, entry: `2-${k}` }));
        const ids = (await bus.answerAll(stream, asked, many, 3600)).map(({ id }) => id);
        assert.deepEqual(idsOf(await bus.read(stream, answers[4]!.id, 2000, 0)), ids);
      });

      test('of the entries that are answered those are acknowledged of which it says so, and no other', async (t) => {
        const bus = await open(t);
        const [stream, questions] = [uniqueName('corec_responses'), uniqueName('corec_commands')];
        const asked = { stream: questions, group: 'g' };
        await bus.openGroup(questions, 'g', '0');
        await bus.appendAll(questions, numbered(300));
        const entries = idsOf(await bus.readGroup(questions, 'g', 'c', 300, 0));
        await bus.appendOnce(stream, 'a7', { x: 'before' }, 3600);
        const list = entries.map((entry, k) => ({ onceId: `a${k}`, fields: { x: `${k}` }, entry }));
        const answered = await bus.answerAll(stream, asked, list, 3600);
        assert.deepEqual(
          answered.flatMap(({ first }, k) => (first ? [] : [k])),
          [7],
        );
        assert.equal(answered[7]!.acknowledged, false);
        const left = entries.filter((_, k) => !answered[k]!.acknowledged);
        assert.ok(left.length === 1 || left.length === 300, `${left.length} were left`);
        const { entries: pending } = await bus.claim(questions, 'g', 'd', 0, 1000);
        assert.deepEqual(idsOf(pending), left);
        assert.equal(await bus.ack(questions, 'g', left), left.length);
        assert.deepEqual(
          (await bus.answerAll(stream, asked, list, 3600)).map(({ first, acknowledged }) => [first, acknowledged]),
          list.map(() => [false, false]),
        );
      });

      test('a group that is not there keeps no answer back', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_responses');
        const asked = { stream: uniqueName('corec_commands'), group: 'nobody' };
        const [answered] = await bus.answerAll(stream, asked, [{ onceId: 'a', fields: { x: '1' }, entry: '1-1' }], 60);
        assert.equal(answered!.first, true);
        assert.equal(await bus.length(stream), 1);
      });

      test('an id belongs to its stream', async (t) => {
        const bus = await open(t);
        const [a, b] = [uniqueName('a'), uniqueName('b')];
        assert.equal((await bus.appendOnce(a, 'id', { x: '1' }, 3600)).first, true);
        assert.equal((await bus.appendOnce(b, 'id', { x: '1' }, 3600)).first, true);
      });

      test('an id is forgotten after its time, which asking again does not prolong', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const { id } = await bus.appendOnce(stream, 'id', { x: '1' }, 1);
        assert.deepEqual(await bus.appendOnce(stream, 'id', { x: '2' }, 1), { id, first: false });
        await until('the id is forgotten', async () => (await bus.appendOnce(stream, 'id', { x: '3' }, 1)).first);
        assert.deepEqual(textsOf(await bus.read(stream, '0', 10, 0)), ['1', '3']);
      });

      test('bytes survive, and an id that is empty or too long is refused', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.appendOnce(stream, 'x'.repeat(256), { m: Uint8Array.of(0, 255, 254, 128, 10, 13) }, 3600);
        const [entry] = await bus.read(stream, '0', 1, 0);
        assert.deepEqual([...Buffer.from(entry!.fields['m']!)], [0, 255, 254, 128, 10, 13]);
        for (const onceId of ['', 'x'.repeat(257)]) {
          await assert.rejects(bus.appendOnce(stream, onceId, { x: '1' }, 3600), { code: 'COREC_E_ARGUMENT' });
        }
      });
    });

    describe('groups', () => {
      test('each entry goes to one consumer of a group, and to every group', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('corec_commands');
        await bus.openGroup(stream, 'g', '0');
        await bus.openGroup(stream, 'h', '0');
        const ids = await bus.appendAll(stream, numbered(10));
        assert.deepEqual(idsOf(await bus.readGroup(stream, 'g', 'one', 4, 0)), ids.slice(0, 4));
        assert.deepEqual(idsOf(await bus.readGroup(stream, 'g', 'two', 100, 0)), ids.slice(4));
        assert.deepEqual(await bus.readGroup(stream, 'g', 'one', 100, 0), []);
        assert.deepEqual(idsOf(await bus.readGroup(stream, 'h', 'one', 100, 0)), ids);
      });

      test('a group begins at the start or at what comes next, and opening it again changes nothing', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const oldId = await bus.append(stream, { x: 'old' });
        await bus.openGroup(stream, 'all', '0');
        await bus.openGroup(stream, 'new', '$');
        const newId = await bus.append(stream, { x: 'new' });
        assert.deepEqual(idsOf(await bus.readGroup(stream, 'all', 'c', 10, 0)), [oldId, newId]);
        await bus.openGroup(stream, 'all', '0');
        await bus.openGroup(stream, 'new', '$');
        assert.deepEqual(await bus.readGroup(stream, 'all', 'c', 10, 0), []);
        assert.deepEqual(idsOf(await bus.readGroup(stream, 'new', 'c', 10, 0)), [newId]);
      });

      test('bytes survive a group', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        await bus.append(stream, { m: Uint8Array.from({ length: 256 }, (_, i) => i) });
        const [read] = await bus.readGroup(stream, 'g', 'c', 1, 0);
        assert.deepEqual([...Buffer.from(read!.fields['m']!)], [...Array(256).keys()]);
        const { entries } = await bus.claim(stream, 'g', 'c', 0, 1);
        assert.deepEqual([...Buffer.from(entries[0]!.fields['m']!)], [...Array(256).keys()]);
      });

      test('a waiting consumer gets the next entry, one consumer each', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '$');
        const waiting = ['one', 'two'].map((consumer) => bus.readGroup(stream, 'g', consumer, 1, 10_000));
        const ids = [await bus.append(stream, { x: '1' }), await bus.append(stream, { x: '2' })];
        const got = (await Promise.all(waiting)).map(idsOf);
        assert.deepEqual(got.flat().sort(compareIds), ids);
        assert.deepEqual(
          got.map((list) => list.length),
          [1, 1],
        );
      });

      test('a consumer that waits in vain, or whose wait is aborted, gets nothing, and nothing is lost', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        assert.deepEqual(await bus.readGroup(stream, 'g', 'c', 1, 20), []);
        const abort = new AbortController();
        const waiting = bus.readGroup(stream, 'g', 'c', 1, 60_000, abort.signal);
        abort.abort();
        assert.deepEqual(await waiting, []);
        const id = await bus.append(stream, { x: '1' });
        const seen = new Set<string>();
        await until('the entry comes, by reading or by a claim', async () => {
          for (const entry of await bus.readGroup(stream, 'g', 'c', 1, 0)) seen.add(entry.id);
          for (const entry of (await bus.claim(stream, 'g', 'c', 0, 1)).entries) seen.add(entry.id);
          return seen.size > 0;
        });
        assert.deepEqual([...seen], [id]);
      });

      test('what is acknowledged is no longer pending, and stays in the stream', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        assert.deepEqual(await bus.pending(stream, 'g'), { count: 0, oldestMs: null });
        const ids = await bus.appendAll(stream, numbered(5));
        await bus.readGroup(stream, 'g', 'c', 10, 0);
        const before = await bus.pending(stream, 'g');
        assert.equal(before.count, 5);
        assert.ok(before.oldestMs! >= 0 && before.oldestMs! < 60_000, `${before.oldestMs} ms`);
        assert.equal(await bus.ack(stream, 'g', [ids[0]!, ids[1]!, '1-1']), 2);
        assert.equal(await bus.ack(stream, 'g', [ids[0]!]), 0);
        assert.equal(await bus.ack(stream, 'g', []), 0);
        assert.equal((await bus.pending(stream, 'g')).count, 3);
        assert.equal(await bus.ack(stream, 'g', ids.slice(2)), 3);
        assert.deepEqual(await bus.pending(stream, 'g'), { count: 0, oldestMs: null });
        assert.equal(await bus.length(stream), 5);
      });

      test('what another consumer left pending is claimed, with the number of its deliveries', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        const ids = await bus.appendAll(stream, numbered(5));
        await bus.readGroup(stream, 'g', 'died', 5, 0);
        await bus.ack(stream, 'g', [ids[1]!]);
        assert.deepEqual(await bus.claim(stream, 'g', 'lives', 60_000, 10), { entries: [], trimmed: [] });
        const claimed = await bus.claim(stream, 'g', 'lives', 0, 2);
        assert.deepEqual(
          claimed.entries.map((entry) => [entry.id, textOf(entry, 'x'), entry.deliveries]),
          [
            [ids[0], '0', 2],
            [ids[2], '2', 2],
          ],
        );
        assert.deepEqual(claimed.trimmed, []);
        const again = await bus.claim(stream, 'g', 'lives', 0, 10);
        assert.deepEqual(
          again.entries.map(({ id, deliveries }) => [id, deliveries]),
          [
            [ids[0], 3],
            [ids[2], 3],
            [ids[3], 2],
            [ids[4], 2],
          ],
        );
        assert.equal((await bus.pending(stream, 'g')).count, 4);
        // A claim is a delivery: what was claimed just now is not idle.
        assert.deepEqual(await bus.claim(stream, 'g', 'third', 60_000, 10), { entries: [], trimmed: [] });
        await until('it has been idle for long enough', async () => {
          const { entries } = await bus.claim(stream, 'g', 'third', 50, 10);
          return entries.length > 0;
        });
      });

      test('idle entries are found behind many that are not idle', async (t) => {
        const bus = await open(t, 5000);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        const ids = await bus.appendAll(stream, numbered(600));
        await bus.readGroup(stream, 'g', 'c', 600, 0);
        // the one that will be idle for longest is the last of all
        await until('it is idle', async () => (await bus.pending(stream, 'g')).oldestMs! >= 1500);
        const { entries } = await bus.claim(stream, 'g', 'c', 0, 599);
        assert.equal(entries.length, 599);
        const found = await bus.claim(stream, 'g', 'd', 1500, 1);
        assert.deepEqual(idsOf(found.entries), [ids[599]]);
      });

      test('an entry that was trimmed away while pending is told, once', async (t) => {
        const bus = await open(t, 50);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '0');
        const ids = await bus.appendAll(stream, numbered(3));
        await bus.readGroup(stream, 'g', 'c', 3, 0);
        for (let i = 0; i < 10; i++) await bus.appendAll(stream, numbered(100));
        assert.equal((await bus.pending(stream, 'g')).count, 3);
        assert.deepEqual(await bus.claim(stream, 'g', 'd', 60_000, 2), { entries: [], trimmed: ids.slice(0, 2) });
        assert.deepEqual(await bus.claim(stream, 'g', 'd', 0, 10), { entries: [], trimmed: ids.slice(2) });
        assert.deepEqual(await bus.claim(stream, 'g', 'd', 0, 10), { entries: [], trimmed: [] });
        assert.deepEqual(await bus.pending(stream, 'g'), { count: 0, oldestMs: null });
      });

      test('a group that was never opened is a clear error', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.append(stream, { x: '1' });
        const code = 'COREC_E_NOT_FOUND';
        await assert.rejects(bus.readGroup(stream, 'nobody', 'c', 1, 0), { code });
        await assert.rejects(bus.claim(stream, 'nobody', 'c', 0, 1), { code });
        await assert.rejects(bus.pending(stream, 'nobody'), { code });
        await assert.rejects(bus.pending(uniqueName('never-written'), 'nobody'), { code });
      });
    });

    describe('its end', () => {
      test('closing answers whoever waits with nothing and refuses what comes later', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        await bus.openGroup(stream, 'g', '$');
        const waiting = [bus.read(stream, '$', 1, 60_000), bus.readGroup(stream, 'g', 'c', 1, 60_000)];
        await bus.close();
        assert.deepEqual(await Promise.all(waiting), [[], []]);
        assert.deepEqual(await bus.read(stream, '0', 1, 0), []);
        assert.deepEqual(await bus.readGroup(stream, 'g', 'c', 1, 0), []);
        const code = 'COREC_E_STOPPING';
        await assert.rejects(bus.append(stream, { x: '1' }), { code });
        await assert.rejects(bus.appendAll(stream, [{ x: '1' }]), { code });
        await assert.rejects(bus.appendOnce(stream, 'id', { x: '1' }, 10), { code });
        const answer = { onceId: 'id', fields: { x: '1' }, entry: '1-1' };
        await assert.rejects(bus.answerAll(stream, { stream, group: 'g' }, [answer], 10), { code });
        await assert.rejects(bus.openGroup(stream, 'g', '0'), { code });
        await assert.rejects(bus.ack(stream, 'g', ['1-1']), { code });
        await assert.rejects(bus.claim(stream, 'g', 'c', 0, 1), { code });
        await assert.rejects(bus.pending(stream, 'g'), { code });
        await assert.rejects(bus.length(stream), { code });
        await bus.close();
      });

      test('closing waits for what was appended', async (t) => {
        const bus = await open(t);
        const stream = uniqueName('s');
        const appended = Promise.all(numbered(50).map((fields) => bus.append(stream, fields)));
        await bus.close();
        assert.equal((await appended).length, 50);
      });

      test('health says where the streams are, and that they are closed', async (t) => {
        const bus = await open(t);
        const health = await bus.health();
        assert.equal(health.ok, true);
        assert.notEqual(health.found, '');
        await bus.close();
        assert.equal((await bus.health()).ok, false);
      });
    });
  });
}
