/** The store when its database dies, stalls, fills up or is somebody else's: nothing acknowledged lost, nothing stored twice. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { makeEmbeddedPostgres, type EmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { CopyWriter } from '#adapters/postgres/copy-write.ts';
import { ReaderSessions } from '#adapters/postgres/session.ts';
import { listServerProcesses } from '#adapters/embedded-postgres/postmaster.ts';
import { CoreCError, isTransient } from '#domain/errors.ts';
import type { BloqueStore, EpochCommit, EpochResult, EstadoRow } from '#ports/bloque-store.ts';
import {
  bytesOf,
  loadAll,
  makeAlerta,
  makeBloqueRow,
  makeComando,
  makeCommit,
  NOON_MS,
} from '../../contract/bloque-store.suite.ts';
import { until } from '../../support/until.ts';
import {
  connectTo,
  isRoot,
  makeFolder,
  makeLogger,
  makeStore,
  mountSmall,
  openStore,
  startServer,
  whenOver,
} from './support.ts';

const BLOQUES = 40;
const BYTES = 40_000;

/** An epoch that rewrites everything; `during` is called in the middle of its rows. */
function makeFullCommit(epoca: number, during: () => void = () => undefined): EpochCommit {
  return makeCommit(epoca, {
    estado: {
      *[Symbol.iterator](): Generator<EstadoRow> {
        for (let b = 0; b < BLOQUES; b++) {
          if (b === BLOQUES / 2) during();
          yield { clase: 'columnas', id: `a/${b}`, datos: bytesOf(BYTES, epoca * 1000 + b) };
        }
        yield { clase: 'nucleus', id: '', datos: bytesOf(100, epoca) };
      },
    },
    bloques: Array.from({ length: BLOQUES }, (_, b) =>
      makeBloqueRow(`a/${b}`, NOON_MS + epoca * 30_000, { mensajes: bytesOf(500, epoca), codec: 'x' }),
    ),
    alertas: [makeAlerta(`e${epoca}`), makeAlerta('always', { valor: epoca })],
    comandos: [makeComando(`c${epoca}`)],
  });
}

/** Exactly what epochs 1..`epoca` of makeFullCommit leave. */
async function assertStored(store: BloqueStore, epoca: number): Promise<void> {
  assert.equal(await store.lastEpoch(), epoca);
  const estado = await loadAll(store, ['columnas', 'nucleus']);
  assert.equal(estado.size, BLOQUES + 1);
  for (let b = 0; b < BLOQUES; b++)
    assert.equal(Buffer.compare(estado.get(`columnas a/${b}`)!, bytesOf(BYTES, epoca * 1000 + b)), 0, `a/${b}`);
  const rows = await store.queryBloques({ bloque: 'a/7', limit: 10_000, conMensajes: false });
  assert.deepEqual(
    rows.map((row) => (row.timestampS * 1000 - NOON_MS) / 30_000),
    Array.from({ length: epoca }, (_, i) => epoca - i),
  );
  assert.equal((await store.queryAlertas({ limit: 10_000, orden: 'tiempo' })).length, epoca + 1);
  assert.equal((await store.comandosAfter(0)).length, epoca);
}

async function commitUntilIn(store: BloqueStore, make: () => EpochCommit): Promise<EpochResult & { failures: number }> {
  let failures = 0;
  let result: EpochResult | undefined;
  await until(
    'the epoch is in',
    async () => {
      try {
        result = await store.commitEpoch(make());
        return true;
      } catch (error) {
        assert.ok(isTransient(error), String(error));
        failures++;
        return false;
      }
    },
    30_000,
  );
  return { ...result!, failures };
}

function killServer(folder: string, which: 'all' | 'postmaster'): void {
  const pids = listServerProcesses(join(folder, 'postgres'));
  for (const pid of which === 'all' ? pids : pids.slice(0, 1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
}

describe('PostgreSQL store, bad luck', () => {
  let server: EmbeddedPostgres;
  const folder = mkdtempSync(join(tmpdir(), 'corec-pg-'));
  let instances = 0;
  const nextInstance = (): string => `bad${++instances}`;

  before(async () => {
    server = makeEmbeddedPostgres({ dataDir: folder, logger: makeLogger() });
    await server.start();
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a server killed in the middle of an epoch keeps nothing of it; the retry stores it once', async (t) => {
    const store = await openStore(t, server.connection(), { instanceId: nextInstance() });
    await store.commitEpoch(makeFullCommit(1));
    for (const [epoca, which] of [
      [2, 'all'],
      [3, 'postmaster'],
    ] as const) {
      const pid = server.pid();
      const failing = store.commitEpoch(makeFullCommit(epoca, () => killServer(folder, which)));
      await assert.rejects(failing, (error) => isTransient(error));
      const result = await commitUntilIn(store, () => makeFullCommit(epoca));
      assert.equal(result.already, false);
      assert.notEqual(server.pid(), pid);
      await assertStored(store, epoca);
    }
  });

  test('a server killed at any moment loses and doubles nothing', async (t) => {
    const store = await openStore(t, server.connection(), { instanceId: nextInstance() });
    let failures = 0;
    for (let epoca = 1; epoca <= 12; epoca++) {
      // From well before the first row to well after the commit.
      const timer = setTimeout(
        () => killServer(folder, epoca % 2 === 0 ? 'all' : 'postmaster'),
        epoca % 3 ? epoca * 3 : 1e6,
      );
      failures += (await commitUntilIn(store, () => makeFullCommit(epoca))).failures;
      clearTimeout(timer);
    }
    await until('the server is there', async () => (await store.health()).ok);
    await assertStored(store, 12);
    t.diagnostic(`${failures} failed commits on the way`);
  });

  test('rows refused while more of them are on their way are an error like any other', async (t) => {
    const client = await connectTo(t, server.connection());
    await client.query('CREATE TEMP TABLE odd (id int CHECK (id <> 7), datos bytea)');
    const datos = bytesOf(100_000, 1);
    for (const refusedAt of [0, 1, 50]) {
      const writer = new CopyWriter(client, 'COPY odd FROM STDIN (FORMAT binary)');
      const send = async (): Promise<void> => {
        for (let id = 0; id < 300; id++) {
          await writer.row(2, 8);
          writer.int4(id === refusedAt ? 7 : 1000 + id);
          await writer.bytea(datos);
        }
        await writer.finish();
      };
      // What is thrown out of turn, by the socket's next drain, would end the process: the runner counts it as this test's failure.
      await assert.rejects(send(), /violates check constraint/);
      assert.equal((await client.query('SELECT FROM odd')).rowCount, 0);
    }
  });

  test('a server that ends a connection in the moment of making it is an error like any other', async (t) => {
    const host = mkdtempSync(join(tmpdir(), 'corec-pg-'));
    whenOver(t, () => rmSync(host, { recursive: true, force: true }));
    const message = (type: string, body: string): string => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length + 4);
      return type + length.toString('latin1') + body;
    };
    const fatal = 'SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0';
    // let in, ready, and ended: in one piece, so that nothing of ours runs in between
    const welcome = message('R', '\0\0\0\0') + message('Z', 'I') + message('E', fatal);
    const sockets = new Set<Socket>();
    const fake = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(welcome, 'latin1'));
    });
    await new Promise<void>((resolve) => void fake.listen(join(host, '.s.PGSQL.5432'), resolve));
    whenOver(t, () => {
      for (const socket of sockets) socket.destroy();
      fake.close();
    });
    const connection = { host, port: 5432, user: 'x', database: 'x' };
    const sessions = new ReaderSessions({ connection, instanceId: 'x' }, 2);
    whenOver(t, () => sessions.close());
    const ask = { text: 'SELECT 1' };
    for (let round = 0; round < 3; round++) {
      await assert.rejects(
        sessions.withClient('a test', (client) => client.query(ask)),
        (error) => isTransient(error),
      );
      await assert.rejects(sessions.query('a test', ask), (error) => isTransient(error));
    }
  });

  test('a commit whose answer is lost is recognised by its number', async (t) => {
    const proxy = await startProxy(t, server.connection());
    const store = await openStore(t, { ...server.connection(), host: proxy.folder }, { instanceId: nextInstance() });
    await store.commitEpoch(makeFullCommit(1));
    proxy.swallowNext('COMMIT');
    await assert.rejects(store.commitEpoch(makeFullCommit(2)), (error) => isTransient(error));
    assert.deepEqual(await store.commitEpoch(makeFullCommit(2)), { already: true, bytes: 0 });
    await assertStored(store, 2);

    proxy.swallowNext('commit-comandos');
    const comando = makeComando('lost', { respuesta: 'first' });
    await assert.rejects(store.commitComandos([{ row: comando }]), (error) => isTransient(error));
    assert.deepEqual(await store.commitComandos([{ row: { ...comando, respuesta: 'second' } }]), [
      { first: false, respuesta: 'first', timestampMs: comando.timestampMs },
    ]);
  });

  test('a connection ended between two epochs goes unnoticed', async (t) => {
    const instanceId = nextInstance();
    const store = await openStore(t, server.connection(), { instanceId });
    const client = await connectTo(t, server.connection());
    for (let epoca = 1; epoca <= 3; epoca++) {
      await store.commitEpoch(makeFullCommit(epoca));
      const { rowCount } = await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [`corec:${instanceId}`],
      );
      assert.ok(rowCount! > 0);
      // Its end is news that has to arrive first.
      await until('the connections are gone', async () => {
        const { rows } = await client.query('SELECT FROM pg_stat_activity WHERE application_name = $1', [
          `corec:${instanceId}`,
        ]);
        return rows.length === 0;
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const result = await commitUntilIn(store, () => makeFullCommit(4));
    assert.equal(result.already, false);
    await assertStored(store, 4);
  });

  test('a server that is away is said to be, by every question, and nothing throws out of turn', async (t) => {
    const store = await openStore(t, server.connection(), { instanceId: nextInstance() });
    await store.commitEpoch(makeFullCommit(1));
    await server.stop();
    const questions: (() => Promise<unknown>)[] = [
      () => store.commitEpoch(makeFullCommit(2)),
      () => store.commitComandos([{ row: makeComando('c') }]),
      () => store.lastEpoch(),
      () => store.readEstado('columnas', 'a/0'),
      () => loadAll(store, ['columnas']),
      () => store.queryAlertas({ limit: 1, orden: 'tiempo' }),
      () => store.upkeep(NOON_MS, 30, 1e12),
    ];
    for (const question of questions) {
      await assert.rejects(question(), (error) => {
        assert.ok(error instanceof CoreCError, String(error));
        assert.deepEqual([error.code, error.kind], ['COREC_E_POSTGRES_UNREACHABLE', 'transient']);
        return true;
      });
    }
    const health = await store.health();
    assert.deepEqual([health.ok, health.bytes], [false, null]);
    await server.start();
    await store.commitEpoch(makeFullCommit(2));
    await assertStored(store, 2);
  });

  test('a server that is nowhere fails the start with a way out', async (t) => {
    const store = makeStore(t, { host: '127.0.0.1', port: 9, user: 'x', database: 'x' });
    await assert.rejects(store.open(), /COREC_E_POSTGRES_UNREACHABLE.*127\.0\.0\.1:9.*db_config/s);
  });

  test('a second writer of the instance is refused while the first lives, and may follow it', async (t) => {
    const instanceId = nextInstance();
    const first = await openStore(t, server.connection(), { instanceId });
    const second = makeStore(t, server.connection(), { instanceId });
    await assert.rejects(second.open(), /COREC_E_INSTANCE_TAKEN.*instance_id/s);
    const reader = await openStore(t, server.connection(), { instanceId, access: 'read' });
    await first.commitEpoch(makeFullCommit(1));
    assert.equal(await reader.lastEpoch(), 1);
    await first.close();
    await second.open();
    await second.commitEpoch(makeFullCommit(2));
    await assertStored(second, 2);
  });

  test('an epoch does not wait for whoever reads the state, nor for a backup', async (t) => {
    const store = await openStore(t, server.connection(), { instanceId: nextInstance() });
    await store.commitEpoch(makeFullCommit(1));
    for (const statement of ['SELECT count(*) FROM estado', 'LOCK TABLE estado, bloques IN ACCESS SHARE MODE']) {
      const reader = await connectTo(t, server.connection());
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await reader.query(statement);
      const epoca = await store.lastEpoch();
      const before = (await reader.query<{ n: number }>('SELECT count(*)::int AS n FROM estado')).rows[0]!.n;
      await store.commitEpoch(makeFullCommit(epoca + 1));
      await store.commitEpoch(makeFullCommit(epoca + 2));
      const { rows } = await reader.query<{ n: number }>('SELECT count(*)::int AS n FROM estado');
      assert.equal(rows[0]!.n, before, 'and takes nothing from it');
      await reader.query('COMMIT');
    }
    for (let epoca = 6; epoca <= 8; epoca++) await store.commitEpoch(makeFullCommit(epoca));
    await assertStored(store, 8);
  });

  test('retention does not wait for a backup, nor lets an epoch wait', async (t) => {
    const store = await openStore(t, server.connection(), { instanceId: nextInstance() });
    const old = makeBloqueRow('a/0', Date.UTC(2011, 0, 1));
    await store.commitEpoch(makeCommit(1, { bloques: [old, makeBloqueRow('a/0', NOON_MS)] }));
    const reader = await connectTo(t, server.connection());
    await reader.query('BEGIN');
    await reader.query('LOCK TABLE bloques IN ACCESS SHARE MODE');
    const looking = store.upkeep(NOON_MS, 90, 1e12);
    await store.commitEpoch(makeCommit(2, { bloques: [makeBloqueRow('a/0', NOON_MS + 1)] }));
    assert.deepEqual((await looking).dropped, []);
    await reader.query('COMMIT');
    assert.deepEqual((await store.upkeep(NOON_MS, 90, 1e12)).dropped, ['bloques_2011_01']);
  });

  test('epochs that rewrite everything leave no growing heap behind', async (t) => {
    const instanceId = nextInstance();
    const store = await openStore(t, server.connection(), { instanceId });
    const client = await connectTo(t, server.connection());
    const sizes: number[] = [];
    for (let epoca = 1; epoca <= 30; epoca++) {
      await store.commitEpoch(makeFullCommit(epoca));
      const { rows } = await client.query<{ bytes: string }>(
        `SELECT sum(pg_total_relation_size(relid)) AS bytes FROM pg_partition_tree('estado_${instanceId}')`,
      );
      sizes.push(Number(rows[0]!.bytes));
    }
    assert.ok(Math.max(...sizes) < 1.6 * BLOQUES * BYTES, `largest ${Math.max(...sizes)}`);
    await assertStored(store, 30);
  });

  test(
    'a full disk is named, the server lives through it, and the epoch goes in when there is room',
    { skip: !isRoot },
    async (t) => {
      const small = mountSmall(t, 160);
      if (small === null) return t.diagnostic('this machine lets nobody mount: not tried');
      const own = await startServer(t, join(small, 'data'));
      const store = await openStore(t, own.connection());
      await store.commitEpoch(makeFullCommit(1));
      const ballast = join(small, 'ballast');
      const { bavail, bsize } = statfsSync(small);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize - 700_000));
      let named: CoreCError | null = null;
      await until('the disk is full', async () => {
        try {
          await store.commitEpoch(makeFullCommit(2));
          return true;
        } catch (error) {
          assert.ok(isTransient(error), String(error));
          if ((error as CoreCError).code === 'COREC_E_DISK_FULL') named = error as CoreCError;
          return named !== null;
        }
      });
      assert.match(named!.message, /No space left on device/);
      rmSync(ballast);
      assert.equal((await commitUntilIn(store, () => makeFullCommit(2))).already, false);
      await assertStored(store, 2);
      await store.close();
      await own.stop();
    },
  );
});

interface Proxy {
  readonly folder: string;
  /** The next message that names `what` reaches the server; its answer, and the connection, do not come back. */
  swallowNext(what: string): void;
}

async function startProxy(t: TestContext, target: { host: string; port: number }): Promise<Proxy> {
  const folder = makeFolder(t);
  const sockets = new Set<Socket>();
  let armed: string | null = null;
  const listener = createServer((client) => {
    const upstream = connect(`${target.host}/.s.PGSQL.${target.port}`);
    let swallow = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (armed !== null && chunk.includes(`${armed}\0`)) {
        armed = null;
        swallow = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (swallow) client.destroy();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => listener.listen(join(folder, `.s.PGSQL.${target.port}`), resolve));
  whenOver(t, () => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return { folder, swallowNext: (what) => (armed = what) };
}
