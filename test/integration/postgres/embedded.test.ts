/** The embedded server: made, found again, taken over, brought back, and clear about what it lacks. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { canReach, standardPlaces } from '#adapters/embedded-postgres/binaries.ts';
import { makeEmbeddedPostgres, type EmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { isServerOf, listServerProcesses } from '#adapters/embedded-postgres/postmaster.ts';
import { CoreCError } from '#domain/errors.ts';
import { until } from '../../support/until.ts';
import {
  connectTo,
  isRoot,
  killHard,
  makeFolder,
  makeLogger,
  mountSmall,
  startFixture,
  startServer,
  whenOver,
} from './support.ts';

const NOBODY = 65534;

async function startError(dataDir: string, given: object = {}): Promise<CoreCError> {
  const server = makeEmbeddedPostgres({ dataDir, logger: makeLogger(), ...given });
  try {
    await server.start();
  } catch (error) {
    assert.ok(error instanceof CoreCError, String(error));
    return error;
  }
  await server.stop();
  return assert.fail('it started');
}

describe('embedded PostgreSQL', () => {
  // One folder for most: making one is what costs.
  const around = mkdtempSync(join(tmpdir(), 'corec-pg-'));
  const dataDir = join(around, 'deep', 'data');
  const folder = join(dataDir, 'postgres');
  after(() => {
    for (const pid of listServerProcesses(folder)) process.kill(pid, 'SIGKILL');
    rmSync(around, { recursive: true, force: true });
  });

  test('the first start makes the folder, the next one finds its data, and stop leaves no process', async (t) => {
    // What a first start leaves that was killed in the middle.
    const halfMade = join(dataDir, 'postgres.init-abc');
    mkdirSync(join(halfMade, 'base'), { recursive: true });
    const server = makeEmbeddedPostgres({ dataDir, logger: makeLogger() });
    whenOver(t, () => server.stop());
    const first = await server.start();
    assert.deepEqual([first.first, first.adopted], [true, false]);
    assert.ok(!existsSync(halfMade));
    const client = await connectTo(t, server.connection());
    await client.query('CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    const { rows } = await client.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses')`,
    );
    assert.deepEqual(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), {
      fsync: 'on',
      full_page_writes: 'on',
      listen_addresses: '',
      synchronous_commit: 'on',
    });
    await server.stop();
    assert.deepEqual(listServerProcesses(folder), []);
    assert.equal(statSync(folder).mode & 0o777, 0o700);

    const second = await server.start();
    assert.deepEqual([second.first, second.adopted], [false, false]);
    await assertKept(t, server);
    await server.stop();
    await server.stop();
  });

  async function assertKept(t: TestContext, server: EmbeddedPostgres): Promise<void> {
    const client = await connectTo(t, server.connection());
    assert.equal((await client.query<{ n: number }>('SELECT count(*)::int AS n FROM kept')).rows[0]!.n, 1000);
  }

  test('the server of a killed CoreC is taken over', async (t) => {
    const { child, line } = await startFixture(t, 'start-and-wait.ts', [dataDir]);
    const { pid } = JSON.parse(line) as { pid: number };
    await killHard(child);
    assert.ok(isServerOf(pid, folder), 'it outlives its CoreC');
    const server = makeEmbeddedPostgres({ dataDir, logger: makeLogger() });
    whenOver(t, () => server.stop());
    const report = await server.start();
    assert.equal(report.adopted, true);
    assert.equal(server.pid(), pid);
    await assertKept(t, server);
    await server.stop();
    assert.deepEqual(listServerProcesses(folder), []);
  });

  test('a left server that does not answer is replaced', async (t) => {
    const { child, line } = await startFixture(t, 'start-and-wait.ts', [dataDir]);
    const { pid } = JSON.parse(line) as { pid: number };
    await killHard(child);
    process.kill(pid, 'SIGSTOP');
    const server = await startServer(t, dataDir);
    assert.notEqual(server.pid(), pid);
    await assertKept(t, server);
  });

  test('an adopted server that dies is missed, and what it leaves of itself is no hindrance', async (t) => {
    const { child, line } = await startFixture(t, 'start-and-wait.ts', [dataDir]);
    const { pid } = JSON.parse(line) as { pid: number };
    await killHard(child);
    let up = false;
    const server = await startServer(t, dataDir, { onUp: () => (up = true) });
    assert.equal(server.pid(), pid);
    process.kill(pid, 'SIGKILL');
    await until('it is back', () => up, 20_000);
    await assertKept(t, server);
  });

  test('a pid file whose number is somebody else by now keeps nobody out', async (t) => {
    const first = await startServer(t, dataDir);
    const pidFile = join(folder, 'postmaster.pid');
    const socketLock = join(folder, '.s.PGSQL.5432.lock');
    const locks = [pidFile, socketLock].map((path) => ({
      path,
      lines: readFileSync(path, 'utf8').split('\n').slice(1),
    }));
    await first.stop();
    // After a crash in a container that counts its processes anew.
    for (const { path, lines } of locks) writeFileSync(path, [process.pid, ...lines].join('\n'));
    const report = await first.start();
    assert.equal(report.adopted, false);
  });

  test('an empty pid file, left by a server killed as it began, keeps nobody out', async (t) => {
    const first = await startServer(t, dataDir);
    await first.stop();
    writeFileSync(join(folder, 'postmaster.pid'), '');
    await assertKept(t, await startServer(t, dataDir));
  });

  test('a server that dies is brought back, and both are told', async (t) => {
    const told: string[] = [];
    const logger = makeLogger();
    const server = await startServer(t, dataDir, {
      logger,
      onDown: (found) => told.push(`down: ${found}`),
      onUp: () => told.push('up'),
    });
    for (let round = 0; round < 2; round++) {
      const pid = server.pid()!;
      told.length = 0;
      process.kill(pid, 'SIGKILL');
      await until('it is back', () => told.at(-1) === 'up', 20_000);
      assert.match(told[0]!, /^down: /);
      assert.notEqual(server.pid(), pid);
      await assertKept(t, server);
    }
    assert.ok(logger.lines.some((line) => line.startsWith('error [PostgreSQL] The server is gone')));
  });

  test('a path too long for a socket, below a folder closed to others, serves as well', async (t) => {
    const longDir = join(makeFolder(t, 0o700), 'x'.repeat(100), 'y'.repeat(100));
    const server = await startServer(t, longDir);
    const client = await connectTo(t, server.connection());
    await client.query('SELECT 1');
    if (isRoot) assert.notEqual(statSync(`/proc/${server.pid()}`).uid, 0, 'not as root');
    process.kill(server.pid()!, 'SIGKILL');
    await until('it is back', async () => {
      try {
        await (await connectTo(t, server.connection())).query('SELECT 1');
        return true;
      } catch {
        return false;
      }
    });
  });

  test(
    'programs in a folder closed to others are copied to where its user may go, once',
    { skip: !isRoot },
    async (t) => {
      const closed = makeFolder(t, 0o700);
      const native = standardPlaces().native[0]!;
      mkdirSync(join(closed, 'package'));
      execFileSync('cp', ['-al', native, join(closed, 'package', 'native')]);
      execFileSync('cp', [join(dirname(native), 'package.json'), join(closed, 'package')]);
      const places = { native: [join(closed, 'package', 'native')], system: [] };
      const open = makeFolder(t, 0o755);
      const server = await startServer(t, dataDir, { places, copyFolders: [closed, open] });
      assert.ok(realpathSync(`/proc/${server.pid()}/exe`).startsWith(open));
      await server.stop();
      const made = execFileSync('ls', [open], { encoding: 'utf8' });
      await server.start();
      assert.equal(execFileSync('ls', [open], { encoding: 'utf8' }), made);
      await server.stop();
      const error = await startError(dataDir, { places, copyFolders: [closed] });
      assert.equal(error.code, 'COREC_E_POSTGRES_BINARIES');
      assert.match(error.message, /cannot enter it/);
    },
  );

  test('an unprivileged user runs it as itself', { skip: !isRoot || !canRunAsNobody() }, async (t) => {
    const ownDir = makeFolder(t, 0o755);
    execFileSync('chown', [String(NOBODY), ownDir]);
    const { child, line } = await startFixture(t, 'start-and-wait.ts', [ownDir], NOBODY);
    const { pid, uid, first } = JSON.parse(line) as { pid: number; uid: number; first: boolean };
    assert.deepEqual([uid, first, statSync(`/proc/${pid}`).uid], [NOBODY, true, NOBODY]);
    await killHard(child);
    const { line: again } = await startFixture(t, 'start-and-wait.ts', [ownDir], NOBODY);
    assert.equal((JSON.parse(again) as { adopted: boolean }).adopted, true);
  });

  test(
    'a folder made as root stays usable for root, and refuses another user by name',
    { skip: !isRoot || !canRunAsNobody() },
    async (t) => {
      const ownDir = makeFolder(t, 0o755);
      execFileSync('chown', ['1', ownDir]);
      const server = await startServer(t, ownDir);
      assert.equal(statSync(`/proc/${server.pid()}`).uid, 1, 'as the owner of the data folder');
      await server.stop();
      execFileSync('chown', [String(NOBODY), ownDir]);
      await server.start();
      assert.equal(statSync(`/proc/${server.pid()}`).uid, 1, 'as the owner of its own folder');
      await server.stop();
      await assert.rejects(
        startFixture(t, 'start-and-wait.ts', [ownDir], NOBODY),
        /it belongs to user 1, this is user/,
      );
    },
  );

  test('what is missing or in the way is said with the way out', async (t) => {
    const other = makeFolder(t);
    const none = await startError(join(other, 'a'), {
      places: { native: [join(other, 'nothing')], system: ['/nowhere'] },
    });
    assert.equal(none.code, 'COREC_E_POSTGRES_BINARIES');
    assert.match(none.message, /@embedded-postgres\/linux-.*\/nowhere.*set db_config/);

    mkdirSync(join(other, 'b', 'postgres'), { recursive: true });
    const strange = await startError(join(other, 'b'));
    assert.equal(strange.code, 'COREC_E_DATA_DIR_UNUSABLE');
    assert.match(strange.message, /no PG_VERSION/);

    writeFileSync(join(other, 'b', 'postgres', 'PG_VERSION'), '9\n');
    const old = await startError(join(other, 'b'));
    assert.match(old.message, /written by PostgreSQL 9, whose programs are not installed/);

    writeFileSync(join(other, 'file'), '');
    const inTheWay = await startError(join(other, 'file', 'data'));
    assert.equal(inTheWay.code, 'COREC_E_DATA_DIR_UNUSABLE');

    const control = join(dataDir, 'postgres', 'global', 'pg_control');
    renameSync(control, `${control}.away`);
    const broken = await startError(dataDir);
    renameSync(`${control}.away`, control);
    assert.equal(broken.code, 'COREC_E_POSTGRES_START');
    assert.match(broken.message, /pg_control.*postgres\.log/);
  });

  test('a full disk is named, at the first start too', { skip: !isRoot }, async (t) => {
    const small = mountSmall(t, 24);
    if (small === null) return t.diagnostic('this machine lets nobody mount: not tried');
    const error = await startError(join(small, 'data'));
    assert.equal(error.code, 'COREC_E_DISK_FULL');
    assert.equal(error.kind, 'transient');
  });

  test('the log is bounded', async (t) => {
    writeFileSync(join(dataDir, 'postgres.log'), 'x'.repeat(2_000_000));
    const server = await startServer(t, dataDir);
    await server.stop();
    assert.ok(statSync(join(dataDir, 'postgres.log')).size < 100_000);
    assert.equal(statSync(join(dataDir, 'postgres.log.1')).size, 2_000_000);
  });
});

function canRunAsNobody(): boolean {
  const nobody = { uid: NOBODY, gid: NOBODY };
  return canReach(realpathSync(process.execPath), nobody) && canReach(import.meta.dirname, nobody);
}
