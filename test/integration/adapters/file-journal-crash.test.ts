/** The journal against kill -9 and against disks that are really full. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const child = (name: string): string => join(import.meta.dirname, 'children', name);

/** Runs the writer until it has printed `lines` lines and then `afterMs` more, kills it, and returns all it had printed. */
function writeUntilKilled(folder: string, first: number, lines: number, afterMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const writer = spawn(process.execPath, [child('journal-writer.ts'), folder, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  let seen = 0;
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    const before = seen;
    seen += text.split('\n').length - 1;
    if (before < lines && seen >= lines) setTimeout(() => writer.kill('SIGKILL'), afterMs);
  });
  writer.once('error', reject);
  writer.once('close', (_code, signal) =>
    signal === 'SIGKILL' ? resolve(printed) : reject(new Error('the writer ended by itself')),
  );
  return promise;
}

describe('journal and kill -9', () => {
  test('ten kills at random moments: everything acknowledged is replayed exactly once', async (t) => {
    const folder = tempFolder(t);
    const acknowledged = new Map<number, number>();
    let first = 1;
    for (let round = 0; round < 10; round++) {
      const printed = await writeUntilKilled(folder, first, 20 + Math.floor(Math.random() * 200), Math.random() * 20);
      for (const line of printed.split('\n')) {
        // The last line may itself be torn.
        const [n, seq] = /^(\d+) (\d+)$/.exec(line)?.slice(1).map(Number) ?? [];
        if (n !== undefined && seq !== undefined) acknowledged.set(n, seq);
      }
      first = Math.max(...acknowledged.keys()) + 1000;
    }
    const journal = new FileJournal(folder);
    const { lastSeq } = await journal.open();
    const seqByN = new Map<number, number>();
    let expectedSeq = 1;
    for await (const { seq, header, body } of journal.replay(0)) {
      const n = header['n'] as number;
      assert.equal(seq, expectedSeq++);
      assert.ok(!seqByN.has(n), `record ${n} is there twice`);
      assert.equal(Buffer.compare(body, new Uint8Array((n * 397) % 9000).fill(n)), 0);
      seqByN.set(n, seq);
    }
    assert.equal(expectedSeq - 1, lastSeq);
    assert.ok(acknowledged.size > 200);
    for (const [n, seq] of acknowledged) assert.equal(seqByN.get(n), seq, `record ${n} was acknowledged`);
    await journal.close();
  });
});

interface FullDiskReport {
  readonly acknowledged: number;
  readonly code: string;
  readonly refusedAgain: number;
  readonly after: number;
  readonly opened: { readonly lastSeq: number; readonly cutBytes: number };
  readonly replayed: readonly number[];
}

describe('journal and a full disk', () => {
  test('over the largest file that the system allows: refused as full, sound afterwards, and a release makes room', (t) => {
    const folder = tempFolder(t);
    // bash counts in KiB; Node leaves SIGXFSZ ignored, so the write itself fails.
    const report = JSON.parse(
      execFileSync(
        'bash',
        ['-c', 'ulimit -f 96; exec "$0" "$@"', process.execPath, child('journal-full-disk.ts'), folder],
        {
          encoding: 'utf8',
        },
      ),
    ) as FullDiskReport;
    assert.equal(report.code, 'COREC_E_DISK_FULL');
    assert.ok(report.acknowledged > 25 && report.acknowledged <= 32);
    assert.equal(report.refusedAgain, 3);
    assert.equal(report.after, report.acknowledged + 1);
    assert.deepEqual(report.opened, { firstSeq: report.after, lastSeq: report.after, cutBytes: 0 });
    assert.deepEqual(report.replayed, [report.after]);
  });

  test('on a file system without room: refused as full, and everything acknowledged is there when there is room again', (t) => {
    const folder = tempFolder(t);
    // A small memory disk in a mount namespace of its own; where that is not allowed, the test before says as much as it can.
    const script =
      'mount -t tmpfs -o size=512k tmpfs "$1" && head -c 200000 /dev/zero > "$1/filler" && exec "$2" "$3" "$1/journal" "$1/filler"';
    const mine = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];
    if (spawnSync('unshare', [...mine, 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status !== 0) {
      t.skip('no mount namespaces here');
      return;
    }
    const run = ['sh', '-c', script, 'sh', folder, process.execPath, child('journal-full-disk.ts')];
    const report = JSON.parse(execFileSync('unshare', [...mine, ...run], { encoding: 'utf8' })) as FullDiskReport;
    assert.equal(report.code, 'COREC_E_DISK_FULL');
    assert.ok(report.acknowledged > 50, String(report.acknowledged));
    assert.equal(report.opened.lastSeq, report.after);
    assert.equal(report.opened.cutBytes, 0);
    assert.deepEqual(
      report.replayed,
      Array.from({ length: report.after }, (_, i) => i + 1),
    );
  });
});
