/** The data folder: who may have it, and what makes it unusable. Contenders are real processes. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openDataDir, readLockOwner } from '#adapters/data-dir/data-dir.ts';
import { CoreCError } from '#domain/errors.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const options = { instanceId: 'corec1', nowMs: 1_700_000_000_000 };
const holderFile = join(import.meta.dirname, 'children', 'data-dir-holder.ts');

interface Said {
  readonly got: boolean;
  readonly code?: string;
  readonly pid?: number | string;
}

/** A process that tries for the folder; `said` resolves to how it went. */
function contend(t: TestContext, folder: string, startAtMs = 0): { child: ChildProcess; said: Promise<Said> } {
  const child = spawn(process.execPath, [holderFile, folder, String(startAtMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  const said = once(child.stdout.setEncoding('utf8'), 'data').then(([line]) => JSON.parse(String(line)) as Said);
  return { child, said };
}

async function end(child: ChildProcess, how: 'SIGKILL' | 'by itself'): Promise<void> {
  const exited = once(child, 'exit');
  if (how === 'SIGKILL') child.kill('SIGKILL');
  else child.stdin!.end();
  await exited;
}

describe('data folder: one CoreC at a time', () => {
  test('it is made for this user alone, says who holds it, and is free again after release', async (t) => {
    const folder = join(tempFolder(t), 'a', 'data');
    const data = await openDataDir(folder, options);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(data.subfolder('journal')).mode & 0o777, 0o700);
    const owner = readLockOwner(folder);
    assert.equal(owner?.pid, process.pid);
    assert.equal(owner?.instanceId, 'corec1');
    assert.equal(owner?.startedMs, options.nowMs);
    assert.deepEqual(readdirSync(folder).sort(), ['corec.lock', 'corec.pid', 'journal']);
    data.release();
    data.release();
    assert.equal(readLockOwner(folder), null);
    (await openDataDir(folder, options)).release();
  });

  test('a second CoreC is refused and told the pid of the first, from another process and from the same one', async (t) => {
    const folder = join(tempFolder(t), 'data');
    const { child, said } = contend(t, folder);
    assert.equal((await said).got, true);
    await assert.rejects(openDataDir(folder, options), (error: unknown) => {
      assert.ok(error instanceof CoreCError && error.code === 'COREC_E_DATA_DIR_LOCKED');
      assert.ok(error.message.includes(`pid ${child.pid}`), error.message);
      return true;
    });
    await end(child, 'by itself');
    assert.equal(existsSync(join(folder, 'corec.pid')), false);

    const data = await openDataDir(folder, options);
    await assert.rejects(openDataDir(folder, options), { code: 'COREC_E_DATA_DIR_LOCKED' });
    // Another way to the same folder is the same folder.
    symlinkSync(folder, `${folder}-link`);
    await assert.rejects(openDataDir(`${folder}-link`, options), { code: 'COREC_E_DATA_DIR_LOCKED' });
    // Being asked has not cost the holder its lock.
    assert.deepEqual(await contend(t, folder).said, { got: false, code: 'COREC_E_DATA_DIR_LOCKED', pid: process.pid });
    data.release();
  });

  test('after kill -9 the folder is free, though the pid file is still there and its pid may be another process by now', async (t) => {
    const folder = join(tempFolder(t), 'data');
    const { child, said } = contend(t, folder);
    await said;
    await end(child, 'SIGKILL');
    assert.equal(existsSync(join(folder, 'corec.pid')), true);
    assert.equal(readLockOwner(folder), null);
    // The recycled pid: alive, but not the process that wrote the file.
    const left = JSON.parse(readFileSync(join(folder, 'corec.pid'), 'utf8')) as object;
    writeFileSync(join(folder, 'corec.pid'), JSON.stringify({ ...left, pid: process.pid }));
    assert.equal(readLockOwner(folder), null);
    const data = await openDataDir(folder, options);
    assert.equal(readLockOwner(folder)?.pid, process.pid);
    data.release();
  });

  test('of many that start at once on the folder of a dead one, one gets it and the others are told its pid', async (t) => {
    const folder = join(tempFolder(t), 'data');
    for (let round = 0; round < 3; round++) {
      const startAtMs = Date.now() + 600;
      const contenders = Array.from({ length: 6 }, () => contend(t, folder, startAtMs));
      const said = await Promise.all(contenders.map((contender) => contender.said));
      const winners = said.filter(({ got }) => got);
      assert.equal(winners.length, 1, JSON.stringify(said));
      for (const { got, pid, code } of said) {
        if (!got) assert.deepEqual({ pid, code }, { pid: winners[0]!.pid, code: 'COREC_E_DATA_DIR_LOCKED' });
      }
      // Dead, and its lock and pid file left as they are for the next round.
      await end(contenders.find(({ child }) => child.pid === winners[0]!.pid)!.child, 'SIGKILL');
    }
  });
});

describe('data folder: a lock in steps', () => {
  test('another who is asking and has not got it is no holder', async (t) => {
    const folder = join(tempFolder(t), 'data');
    (await openDataDir(folder, options)).release();
    // the first step of SQLite's lock, held for longer than anybody who asks takes for it
    const asking = `const { DatabaseSync } = require('node:sqlite');
      const lock = new DatabaseSync(process.argv[1]);
      lock.exec('BEGIN; SELECT * FROM sqlite_master');
      console.log('asking');
      setTimeout(() => lock.close(), 100);`;
    const child = spawn(process.execPath, ['-e', asking, join(folder, 'corec.lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const data = await openDataDir(folder, options);
    assert.equal(readLockOwner(folder)?.pid, process.pid);
    data.release();
  });
});

describe('data folder: what makes it unusable', () => {
  test('a file in its place, or in the way to it', async (t) => {
    const file = join(tempFolder(t), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'data')]) {
      await assert.rejects(openDataDir(path, options), { code: 'COREC_E_DATA_DIR_UNUSABLE', kind: 'terminal' });
    }
  });

  test('a folder that this user may not write', (t) => {
    const folder = tempFolder(t);
    chmodSync(folder, 0o755);
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o500 });
    const script = `import { openDataDir } from ${JSON.stringify(new URL('../../../src/adapters/data-dir/data-dir.ts', import.meta.url).href)};
      // Root may write anywhere, so it becomes somebody else first.
      if (process.getuid() === 0) process.setuid(65534);
      for (const path of process.argv.slice(1)) await openDataDir(path, { instanceId: 'x', nowMs: 0 }).catch((error) => console.log(error.code, error.message));`;
    const args = ['--input-type=module', '-e', script, closed, join(closed, 'data')];
    const said = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n');
    assert.equal(said.length, 2);
    for (const line of said) assert.match(line, /^COREC_E_DATA_DIR_UNUSABLE .*EACCES/);
  });

  test("somebody else's things in a folder that others can write; not in one that they cannot", async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'holiday.txt'), '');
    chmodSync(folder, 0o777);
    await assert.rejects(openDataDir(folder, options), { code: 'COREC_E_DATA_DIR_UNUSABLE' });
    chmodSync(folder, 0o755);
    (await openDataDir(folder, options)).release();
    assert.equal(statSync(folder).mode & 0o777, 0o755);
  });

  test('an empty folder that others can enter is closed to them', async (t) => {
    const folder = tempFolder(t);
    chmodSync(folder, 0o777);
    mkdirSync(join(folder, 'lost+found'));
    (await openDataDir(folder, options)).release();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  test('too little room to start', async (t) => {
    const folder = join(tempFolder(t), 'data');
    await assert.rejects(openDataDir(folder, { ...options, freeBytesMin: 2 ** 60 }), (error: unknown) => {
      assert.ok(error instanceof CoreCError && error.code === 'COREC_E_DISK_FULL');
      assert.match(error.message, /\d+ MiB free/);
      return true;
    });
    (await openDataDir(folder, options)).release();
  });
});
