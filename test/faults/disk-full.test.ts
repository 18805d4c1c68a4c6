/** The disk is full: under CoreC's journal, its log and its own PostgreSQL at once. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { rounds } from './budget.ts';
import { Workload } from './workload.ts';

const DISK_MB = 260;
const FILE_ROWS = 3000;
const FAULTS = rounds(3);

test('the disk fills up and is cleared again: what was acknowledged is there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'corec-test-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    t.skip('a small disk cannot be mounted here (mount needs root)');
    return;
  }
  t.after(() => {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    rmSync(folder, { recursive: true });
  });
  const load = new Workload(t, { folder });
  await load.start();
  load.begin();
  const recoveryMs: number[] = [];
  const filler = join(folder, 'filler');
  for (let round = 0; round < FAULTS; round++) {
    load.growFile(FILE_ROWS);
    load.forgetSomeAnswers();
    await delay(300 + load.random.below(700));
    fill(filler);
    await until(
      'CoreC says that it is not ready',
      async () => {
        try {
          return (await load.corec.call('GET', '/readyz')).status === 503;
        } catch {
          return false;
        }
      },
      60_000,
    );
    await delay(load.random.below(1500));
    rmSync(filler);
    recoveryMs.push(await load.recovered());
  }
  load.tell('disk full', FAULTS, await load.account(), recoveryMs);
});

/** Takes all that is left. */
function fill(path: string): void {
  writeFileSync(path, '');
  const file = openSync(path, 'a');
  const piece = Buffer.alloc(1 << 20);
  for (let size = piece.length; size >= 512;) {
    try {
      writeSync(file, piece, 0, size);
    } catch {
      size >>= 1;
    }
  }
  closeSync(file);
}
