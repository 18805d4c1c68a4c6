/** What every Journal promises (src/ports/journal.ts), whatever it is made of. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Journal, JournalRecord } from '#ports/journal.ts';

/** A place that outlives one Journal: `begin` gives a new one over it, not yet opened. */
export interface JournalPlace {
  begin(): Journal;
}

export async function collect(records: AsyncIterable<JournalRecord>): Promise<JournalRecord[]> {
  const all: JournalRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export function journalSuite(name: string, makePlace: (t: TestContext) => JournalPlace): void {
  describe(`journal contract: ${name}`, () => {
    test('an empty journal begins at seq 1 and replays nothing', async (t) => {
      const journal = makePlace(t).begin();
      assert.deepEqual(await journal.open(), { firstSeq: 1, lastSeq: 0, cutBytes: 0 });
      assert.deepEqual(await collect(journal.replay(0)), []);
      assert.equal(journal.stats().records, 0);
      await journal.close();
    });

    test('what was appended comes back byte for byte, in order, also to the next process', async (t) => {
      const place = makePlace(t);
      const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const bodies = [allBytes, new Uint8Array(0), text('ñandú'), new Uint8Array(3_000_000).fill(7)];
      const header = { puerta: 'http', lote: 'x"\\ñ\u0000', n: 1.5, ok: true, nada: null };
      const first = place.begin();
      await first.open();
      for (const [i, body] of bodies.entries()) assert.equal(await first.append(header, body, 1000.25 + i), i + 1);

      async function check(journal: Journal): Promise<void> {
        const records = await collect(journal.replay(0));
        assert.deepEqual(
          records.map(({ seq, tsMs }) => [seq, tsMs]),
          [
            [1, 1000.25],
            [2, 1001.25],
            [3, 1002.25],
            [4, 1003.25],
          ],
        );
        for (const [i, record] of records.entries()) {
          assert.deepEqual(record.header, header);
          assert.equal(Buffer.compare(record.body, bodies[i]!), 0);
        }
      }
      await check(first);
      await first.close();

      const second = place.begin();
      assert.deepEqual(await second.open(), { firstSeq: 1, lastSeq: 4, cutBytes: 0 });
      await check(second);
      assert.equal(await second.append({}, text('on'), 0), 5);
      await second.close();
    });

    test('a body may be changed as soon as append has returned', async (t) => {
      const journal = makePlace(t).begin();
      await journal.open();
      const body = text('before');
      const durable = journal.append({}, body, 0);
      body.fill(0);
      await durable;
      assert.equal(Buffer.from((await collect(journal.replay(0)))[0]!.body).toString(), 'before');
      await journal.close();
    });

    test('appends made at once get one seq after another in the order they were made', async (t) => {
      const journal = makePlace(t).begin();
      await journal.open();
      const seqs = await Promise.all(Array.from({ length: 500 }, (_, i) => journal.append({ i }, text(String(i)), i)));
      assert.deepEqual(
        seqs,
        Array.from({ length: 500 }, (_, i) => i + 1),
      );
      const records = await collect(journal.replay(0));
      assert.deepEqual(
        records.map((record) => record.header['i']),
        seqs.map((seq) => seq - 1),
      );
      await journal.close();
    });

    test('replay begins after the seq it is given and ends with what was there when it began', async (t) => {
      const journal = makePlace(t).begin();
      await journal.open();
      for (let i = 1; i <= 10; i++) await journal.append({}, text(String(i)), i);
      const replay = journal.replay(7)[Symbol.asyncIterator]();
      const seen = [(await replay.next()).value?.seq];
      await journal.append({}, text('late'), 11);
      for (let step = await replay.next(); step.done !== true; step = await replay.next()) seen.push(step.value.seq);
      assert.deepEqual(seen, [8, 9, 10]);
      assert.deepEqual(await collect(journal.replay(11)), []);
      assert.deepEqual(await collect(journal.replay(99)), []);
      await journal.close();
    });

    test('what is released is gone, and numbering never starts again', async (t) => {
      const place = makePlace(t);
      const first = place.begin();
      await first.open();
      for (let i = 1; i <= 5; i++) await first.append({}, text(String(i)), i);
      await first.release(5);
      assert.equal(first.stats().records, 0);
      assert.deepEqual(await collect(first.replay(5)), []);
      await first.close();

      const second = place.begin();
      const opened = await second.open();
      assert.equal(opened.lastSeq, 5);
      assert.deepEqual(await collect(second.replay(opened.lastSeq)), []);
      assert.equal(await second.append({}, text('6'), 6), 6);
      // A release of what does not exist yet releases what does.
      await second.release(1000);
      assert.equal(await second.append({}, text('7'), 7), 7);
      assert.deepEqual(
        (await collect(second.replay(6))).map(({ seq }) => seq),
        [7],
      );
      await second.close();
    });

    test('a release of some keeps the rest', async (t) => {
      const place = makePlace(t);
      const first = place.begin();
      await first.open();
      for (let i = 1; i <= 20; i++) await first.append({ i }, new Uint8Array(5_000), i);
      await first.release(12);
      assert.equal(first.stats().records, 8);
      await first.close();
      const second = place.begin();
      assert.ok((await second.open()).firstSeq <= 13);
      assert.deepEqual(
        (await collect(second.replay(12))).map(({ seq }) => seq),
        [13, 14, 15, 16, 17, 18, 19, 20],
      );
      await second.close();
    });

    test('close makes durable what was appended before it; later appends are refused', async (t) => {
      const place = makePlace(t);
      const first = place.begin();
      await first.open();
      const appended = first.append({}, text('last'), 1);
      await first.close();
      await first.close();
      assert.equal(await appended, 1);
      await assert.rejects(first.append({}, text('late'), 2), { code: 'COREC_E_STOPPING' });
      const second = place.begin();
      assert.equal((await second.open()).lastSeq, 1);
      await second.close();
    });
  });
}
