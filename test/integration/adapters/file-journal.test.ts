/** The journal's files under damage, failing disks and bounds. */
import assert from 'node:assert/strict';
import {
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { realFiles, type JournalFiles } from '#adapters/file-journal/files.ts';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { CoreCError } from '#domain/errors.ts';
import type { JournalRecord } from '#ports/journal.ts';
import { collect } from '../../contract/journal.suite.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const body = (n: number, bytes = 1000): Uint8Array => new Uint8Array(bytes).fill(n);
const segments = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .map((name) => join(folder, name));
const seqsOf = (records: readonly JournalRecord[]): number[] => records.map(({ seq }) => seq);

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** A journal of `count` records of 1,000 bytes, each its own group. */
async function filled(folder: string, count: number, segmentBytes = 1 << 20): Promise<void> {
  const journal = new FileJournal(folder, { segmentBytes });
  await journal.open();
  for (let i = 1; i <= count; i++) await journal.append({ i }, body(i), i);
  await journal.close();
}

/** The offset of every record of a file, by its lengths. */
function offsetsOf(path: string): number[] {
  const bytes = readFileSync(path);
  const offsets: number[] = [];
  for (let at = 24; at < bytes.length; at += 32 + bytes.readUInt32LE(at)) offsets.push(at);
  return offsets;
}

describe('torn tails and damage', () => {
  test('a file cut anywhere inside its last record loses that record alone, and appending goes on', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 5);
    const [path] = segments(folder);
    const whole = readFileSync(path!);
    const lastOffset = offsetsOf(path!).at(-1)!;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: lastOffset + 1, max: whole.length - 1 }), async (size) => {
        writeFileSync(path!, whole);
        truncateSync(path!, size);
        const journal = new FileJournal(folder);
        assert.deepEqual(await journal.open(), { firstSeq: 1, lastSeq: 4, cutBytes: size - lastOffset });
        assert.equal(await journal.append({}, body(9), 9), 5);
        assert.deepEqual(seqsOf(await collect(journal.replay(0))), [1, 2, 3, 4, 5]);
        await journal.close();
      }),
      { numRuns: 40 },
    );
  });

  test('a tail of zeros or of noise, as a power cut leaves it, is cut', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 3);
    const [path] = segments(folder);
    const { size } = statSync(path!);
    for (const tail of [new Uint8Array(5000), Uint8Array.from({ length: 5000 }, (_, i) => (i * 73) & 255)]) {
      overwrite(path!, size, tail);
      const journal = new FileJournal(folder);
      assert.deepEqual(await journal.open(), { firstSeq: 1, lastSeq: 3, cutBytes: 5000 });
      await journal.close();
      assert.equal(statSync(path!).size, size);
    }
  });

  test('a changed bit before acknowledged records is an error that names file and byte, and the files stay as they were', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 6);
    const [path] = segments(folder);
    const whole = readFileSync(path!);
    const offsets = offsetsOf(path!);
    // Anywhere in records 1 to 5: the sixth proves that they were acknowledged.
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 24, max: offsets[5]! - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (at, bit) => {
          const damaged = Buffer.from(whole);
          damaged[at]! ^= 1 << bit;
          writeFileSync(path!, damaged);
          const hit = offsets.findLast((offset) => offset <= at)!;
          await assert.rejects(new FileJournal(folder).open(), (error: unknown) => {
            assert.ok(error instanceof CoreCError && error.code === 'COREC_E_STATE_UNREADABLE');
            assert.equal(error.details['file'], path);
            assert.equal(error.details['offset'], hit);
            assert.ok(error.message.includes(`byte ${hit}`), error.message);
            return true;
          });
          assert.equal(Buffer.compare(readFileSync(path!), damaged), 0);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a torn group of several records is cut at its first hole, though later records of it are whole', async (t) => {
    const folder = tempFolder(t);
    const journal = new FileJournal(folder);
    await journal.open();
    await journal.append({}, body(1), 1);
    await Promise.all([2, 3, 4].map((i) => journal.append({ i }, body(i), i)));
    await journal.close();
    const [path] = segments(folder);
    const offsets = offsetsOf(path!);
    overwrite(path!, offsets[2]! + 100, new Uint8Array(500));
    const again = new FileJournal(folder);
    const opened = await again.open();
    assert.equal(opened.lastSeq, 2);
    assert.deepEqual(seqsOf(await collect(again.replay(0))), [1, 2]);
    await again.close();
  });

  test('damage in an older segment is told by replay with file and byte, after the sound records before it', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 30, 8192);
    const paths = segments(folder);
    assert.ok(paths.length >= 3);
    const offset = offsetsOf(paths[1]!)[3]!;
    overwrite(paths[1]!, offset + 40, body(255, 8));
    const journal = new FileJournal(folder);
    await journal.open();
    const seen: number[] = [];
    await assert.rejects(
      async () => {
        for await (const { seq } of journal.replay(0)) seen.push(seq);
      },
      (error: unknown) =>
        error instanceof CoreCError &&
        error.code === 'COREC_E_STATE_UNREADABLE' &&
        error.details['file'] === paths[1] &&
        error.details['offset'] === offset,
    );
    const damagedSeq = Number(/(\d+)\.seg/.exec(paths[1]!)![1]) + 3;
    assert.deepEqual(
      seen,
      Array.from({ length: damagedSeq - 1 }, (_, i) => i + 1),
    );
    // What lies behind an epoch is not looked at any more.
    assert.equal((await collect(journal.replay(damagedSeq))).length, 30 - damagedSeq);
    await journal.close();
  });

  test('an older segment cut short is damage, not a torn tail', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 30, 8192);
    const [path] = segments(folder);
    truncateSync(path!, offsetsOf(path!).at(-1));
    const journal = new FileJournal(folder);
    await journal.open();
    await assert.rejects(collect(journal.replay(0)), { code: 'COREC_E_STATE_UNREADABLE' });
    await journal.close();
  });

  test('bytes inside a body that look like a record prove nothing', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 1);
    const [path] = segments(folder);
    const bytes = readFileSync(path!);
    const forged = Buffer.from(bytes.subarray(24));
    forged.writeDoubleLE(50, 8);
    forged.writeUInt32LE(1, 24);
    const journal = new FileJournal(folder);
    await journal.open();
    await journal.append({}, forged, 2);
    await journal.close();
    const offset = offsetsOf(path!)[1]!;
    overwrite(path!, offset + 4, body(1, 4));
    const again = new FileJournal(folder);
    assert.equal((await again.open()).lastSeq, 1);
    await again.close();
  });

  test('a file of another format is an error, and a segment half made is forgotten', async (t) => {
    const folder = tempFolder(t);
    await filled(folder, 2);
    const half = join(folder, '0000000000000003.seg.new');
    writeFileSync(half, 'COR');
    const journal = new FileJournal(folder);
    assert.equal((await journal.open()).lastSeq, 2);
    await journal.close();
    assert.deepEqual(readdirSync(folder), ['0000000000000001.seg']);
    writeFileSync(join(folder, '0000000000000003.seg'), 'not a segment, yet longer than its header');
    await assert.rejects(new FileJournal(folder).open(), { code: 'COREC_E_STATE_UNREADABLE' });
  });
});

describe('numbering', () => {
  test('goes on above what the store has seen even when the folder was deleted', async (t) => {
    const folder = join(tempFolder(t), 'a', 'journal');
    const journal = new FileJournal(folder);
    assert.deepEqual(await journal.open(700), { firstSeq: 701, lastSeq: 700, cutBytes: 0 });
    assert.equal(await journal.append({}, body(1), 1), 701);
    await journal.close();
    const behind = new FileJournal(folder);
    assert.deepEqual(await behind.open(900), { firstSeq: 901, lastSeq: 900, cutBytes: 0 });
    assert.equal(await behind.append({}, body(1), 1), 901);
    await behind.close();
    const again = new FileJournal(folder);
    assert.deepEqual(await again.open(10), { firstSeq: 901, lastSeq: 901, cutBytes: 0 });
    await again.close();
  });

  test('a released journal is one empty segment that keeps the number', async (t) => {
    const folder = tempFolder(t);
    const journal = new FileJournal(folder, { segmentBytes: 4096 });
    await journal.open();
    for (let i = 1; i <= 40; i++) await journal.append({ i }, body(i), i);
    assert.ok(segments(folder).length > 5);
    await journal.release(40);
    assert.deepEqual(readdirSync(folder), ['0000000000000041.seg']);
    assert.ok(journal.stats().bytes < 100);
    // Nothing new: nothing to do.
    await journal.release(40);
    assert.deepEqual(readdirSync(folder), ['0000000000000041.seg']);
    await journal.close();
  });

  test('a release during a replay takes nothing from it but what was released', async (t) => {
    const folder = tempFolder(t);
    const journal = new FileJournal(folder, { segmentBytes: 4096 });
    await journal.open();
    for (let i = 1; i <= 40; i++) await journal.append({ i }, body(i), i);
    const seen: number[] = [];
    for await (const { seq } of journal.replay(0)) {
      seen.push(seq);
      if (seq === 10) await journal.release(25);
    }
    assert.deepEqual(
      seen.filter((seq) => seq <= 10 || seq > 25),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...Array.from({ length: 15 }, (_, i) => 26 + i)],
    );
    assert.deepEqual([...new Set(seen)], seen);
    await journal.close();
  });
});

describe('bounds', () => {
  test('over the bytes that may wait for the disk appends are refused as busy, and taken again once it has caught up', async (t) => {
    const journal = new FileJournal(tempFolder(t), { pendingBytesMax: 10_000 });
    await journal.open();
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => journal.append({ i }, body(i), i)));
    const refused = results.filter((result) => result.status === 'rejected');
    assert.equal(refused.length, 11);
    for (const { reason } of refused) assert.equal((reason as CoreCError).code, 'COREC_E_BUSY');
    assert.equal(await journal.append({}, body(1), 1), 10);
    await assert.rejects(journal.append({}, body(1, 10_000), 1), { code: 'COREC_E_BODY' });
    await journal.close();
  });

  test('a full journal is busy until an epoch releases some of it', async (t) => {
    const journal = new FileJournal(tempFolder(t), { segmentBytes: 8192, bytesMax: 32_768 });
    await journal.open();
    let lastSeq = 0;
    await assert.rejects(
      async () => {
        for (;;) lastSeq = await journal.append({}, body(1), 1);
      },
      { code: 'COREC_E_BUSY' },
    );
    assert.ok(lastSeq > 25 && lastSeq < 33);
    assert.ok(journal.stats().bytes <= 32_768);
    await journal.release(10);
    assert.equal(await journal.append({}, body(1), 1), lastSeq + 1);
    await journal.close();
  });
});

describe('a failing disk', () => {
  const fault = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`${code}: by the test`), { code });

  test('no space: the append fails as such, what was half written goes away, and later appends are sound', async (t) => {
    const folder = tempFolder(t);
    let spaceLeft = Infinity;
    const files: JournalFiles = {
      ...realFiles,
      // As a full disk does: takes what fits, then nothing.
      async write(fd, buffers, position) {
        const bytes = Buffer.concat(buffers);
        if (spaceLeft <= 0) throw fault('ENOSPC');
        const fitting = bytes.subarray(0, Math.min(bytes.length, spaceLeft));
        spaceLeft -= fitting.length;
        return await realFiles.write(fd, [fitting], position);
      },
    };
    const journal = new FileJournal(folder, { files });
    await journal.open();
    await journal.append({}, body(1), 1);
    const { size } = statSync(segments(folder)[0]!);
    assert.deepEqual(await journal.health(), { ok: true, found: '' });
    for (spaceLeft = 1; spaceLeft < 1000; spaceLeft += 333) {
      const room = spaceLeft;
      await assert.rejects(journal.append({}, body(2), 2), { code: 'COREC_E_DISK_FULL', kind: 'transient' });
      // found well only when what failed would fit, and leaves nothing of the trial
      spaceLeft = room;
      const { ok, found } = await journal.health();
      assert.equal(ok, false);
      assert.match(found, /ENOSPC/);
      assert.equal(statSync(segments(folder)[0]!).size, size);
      spaceLeft = room;
    }
    spaceLeft = Infinity;
    assert.deepEqual(await journal.health(), { ok: true, found: '' });
    assert.equal(statSync(segments(folder)[0]!).size, size);
    assert.equal(await journal.append({}, body(3), 3), 2);
    await journal.close();
    const again = new FileJournal(folder);
    assert.deepEqual(await again.open(), { firstSeq: 1, lastSeq: 2, cutBytes: 0 });
    assert.deepEqual(
      (await collect(again.replay(0))).map((record) => record.body[0]),
      [1, 3],
    );
    await again.close();
  });

  test('any operation may fail at any time: what was acknowledged is there, in order and once', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(7), { minLength: 5, maxLength: 80 }), async (dice) => {
        const folder = tempFolder(t);
        let at = 0;
        let isFailing = true;
        const roll = (): number => (isFailing ? dice[at++ % dice.length]! : 7);
        const flaky =
          <A extends unknown[], R>(operation: (...args: A) => Promise<R>) =>
          async (...args: A): Promise<R> => {
            const rolled = roll();
            if (rolled === 0) throw fault('EIO');
            const result = await operation(...args);
            if (rolled === 1) throw fault('ENOSPC');
            return result;
          };
        const files: JournalFiles = {
          open: realFiles.open,
          write: flaky(async (fd, buffers, position) => {
            const bytes = Buffer.concat(buffers);
            const part = roll() === 2 ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes;
            return await realFiles.write(fd, [part], position);
          }),
          sync: flaky(realFiles.sync),
          truncate: flaky(realFiles.truncate),
          rename: flaky(realFiles.rename),
          unlink: realFiles.unlink,
          close: realFiles.close,
          syncFolder: flaky(realFiles.syncFolder),
        };
        isFailing = false;
        const journal = new FileJournal(folder, { files, segmentBytes: 4096 });
        await journal.open();
        isFailing = true;
        const acknowledged: [seq: number, n: number][] = [];
        for (let n = 0; n < 30; n += 3) {
          const group = [n, n + 1, n + 2].map((i) =>
            journal.append({ n: i }, body(i), i).then(
              (seq) => void acknowledged.push([seq, i]),
              (error: unknown) => assert.match((error as CoreCError).code, /^COREC_E_(DISK_FULL|JOURNAL)$/),
            ),
          );
          // a trial of the disk between the groups changes nothing of it
          await Promise.all([...group, journal.health()]);
        }
        await journal.close();
        const again = new FileJournal(folder);
        await again.open();
        const records = await collect(again.replay(0));
        await again.close();
        assert.deepEqual(
          seqsOf(records),
          records.map((_, i) => i + 1),
        );
        for (const [seq, n] of acknowledged) assert.equal(records[seq - 1]?.header['n'], n);
        assert.equal(new Set(records.map((record) => record.header['n'])).size, records.length);
      }),
      { numRuns: 60 },
    );
  });

  test('a folder that is no folder is an error of the journal', async (t) => {
    const path = join(tempFolder(t), 'file');
    writeFileSync(path, '');
    await assert.rejects(new FileJournal(path).open(), { code: 'COREC_E_JOURNAL', kind: 'transient' });
  });
});
