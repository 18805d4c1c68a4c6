/** A server of one's own: PostgreSQL as it comes (WAL for replicas, TCP, a password), through the same contract and a few refusals. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { findBinaries, standardPlaces } from '#adapters/embedded-postgres/binaries.ts';
import type { PostgresConnection } from '#adapters/postgres/session.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import { bloqueStoreSuite, makeAlerta, makeCommit, NOON_MS } from '../../contract/bloque-store.suite.ts';
import { until } from '../../support/until.ts';
import { connectTo, isRoot, makeLogger, makeStore, openStore } from './support.ts';

const NOBODY = isRoot ? { uid: 65534, gid: 65534 } : {};
let folder: string;
let server: ChildProcess;
let connection: PostgresConnection;

before(async () => {
  const binaries = findBinaries(standardPlaces(), null, null, [])!;
  folder = mkdtempSync(join(tmpdir(), 'corec-pg-'));
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  mkdirSync(data);
  writeFileSync(passwordFile, 's3cret\n');
  if (isRoot) for (const path of [folder, data, passwordFile]) chownSync(path, 65534, 65534);
  const common = { ...NOBODY, cwd: '/', env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' } };
  const args = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '-N'];
  execFileSync(binaries.initdb, args, { ...common, stdio: 'ignore' });
  const port = await freePort();
  server = spawn(
    binaries.postgres,
    ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'wal_level=replica'],
    { ...common, stdio: 'ignore' },
  );
  connection = { host: '127.0.0.1', port, user: 'postgres', password: 's3cret', database: 'postgres', ssl: false };
  // a server that answers may still be starting up: a login is the proof
  await until('the server takes logins', canLogIn, 30_000);
});
after(async () => {
  const gone = once(server, 'exit');
  server.kill('SIGINT');
  await gone;
  rmSync(folder, { recursive: true, force: true });
});

async function canLogIn(): Promise<boolean> {
  const client = new pg.Client(connection);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

let instances = 0;
bloqueStoreSuite('postgres, own server', () => {
  const instanceId = `corec${++instances}`;
  return Promise.resolve({
    begin: () => makePostgresStore({ connection, instanceId, logger: makeLogger(), nowMs: () => NOON_MS }),
  });
});

describe('own PostgreSQL server', () => {
  test('the tables are those of the specification, by month and canal', async (t) => {
    await openStore(t, connection, { instanceId: 'tables' });
    const client = await connectTo(t, connection);
    const columns = await client.query<{ column_name: string; data_type: string }>(
      `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'bloques' ORDER BY ordinal_position`,
    );
    assert.deepEqual(
      columns.rows.map((row) => `${row.column_name} ${row.data_type}`),
      [
        'id text',
        'canal integer',
        'num_entidades integer',
        'fitness real',
        'timestamp double precision',
        'instance_id text',
        'mensajes bytea',
        'codec text',
      ],
    );
    const parts = await client.query<{ name: string; bound: string }>(
      `SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
       FROM pg_partition_tree('bloques') JOIN pg_class AS c ON c.oid = relid
       WHERE c.relname LIKE 'bloques_2025_04%' ORDER BY 1`,
    );
    assert.deepEqual(
      parts.rows.map((row) => `${row.name} ${row.bound}`),
      [
        `bloques_2025_04 FOR VALUES FROM ('1743465600') TO ('1746057600')`,
        ...[1, 2, 3, 4, 5].map((canal) => `bloques_2025_04_${canal} FOR VALUES IN (${canal})`),
        'bloques_2025_04_otros DEFAULT',
      ],
    );
    const index = await client.query<{ indexdef: string }>(
      `SELECT indexdef FROM pg_indexes WHERE indexname = 'bloques_canal_timestamp'`,
    );
    assert.match(index.rows[0]!.indexdef, /\(canal, "timestamp" DESC\)/);
    const ahead = await client.query(`SELECT FROM pg_class WHERE relname IN ('bloques_2025_05', 'bloques_2025_06')`);
    assert.equal(ahead.rowCount, 2);
  });

  test('several CoreC that start at once on an empty database all come up', async (t) => {
    const admin = await connectTo(t, connection);
    await admin.query('CREATE DATABASE fresh');
    const stores = [1, 2, 3, 4].map((n) => makeStore(t, { ...connection, database: 'fresh' }, { instanceId: `f${n}` }));
    await Promise.all(stores.map((store) => store.open()));
    await Promise.all(stores.map((store) => store.commitEpoch(makeCommit(1))));
  });

  test('a schema of a newer CoreC is refused, and so is an empty database to who only reads', async (t) => {
    const admin = await connectTo(t, connection);
    await admin.query('CREATE DATABASE newer');
    const database = { ...connection, database: 'newer' };
    await assert.rejects(makeStore(t, database, { access: 'read' }).open(), /COREC_E_NOT_FOUND/);
    await openStore(t, database);
    const client = await connectTo(t, database);
    await client.query(`INSERT INTO corec_migraciones (version, nombre) VALUES (9999, 'of tomorrow')`);
    await assert.rejects(makeStore(t, database, { instanceId: 'b' }).open(), /COREC_E_STORE_TOO_NEW.*9999/);
    await assert.rejects(makeStore(t, database, { access: 'read' }).open(), /COREC_E_STORE_TOO_NEW/);
  });

  test('a database of another encoding, a wrong password and a missing database are named', async (t) => {
    const admin = await connectTo(t, connection);
    await admin.query(`CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    await assert.rejects(makeStore(t, { ...connection, database: 'latin' }).open(), /LATIN1.*ENCODING 'UTF8'/s);
    await assert.rejects(makeStore(t, { ...connection, password: 'wrong' }).open(), /password authentication failed/);
    await assert.rejects(makeStore(t, { ...connection, database: 'none' }).open(), /database "none" does not exist/);
  });

  test('a user who may not create tables is told so', async (t) => {
    const admin = await connectTo(t, connection);
    await admin.query(`CREATE ROLE weak LOGIN PASSWORD 'weak'`);
    await admin.query('CREATE DATABASE guarded');
    const store = makeStore(t, { ...connection, user: 'weak', password: 'weak', database: 'guarded' });
    await assert.rejects(store.open(), (error: Error) => /permission denied|must be owner/.test(error.message));
  });

  test('questions go to the replicas, and to the main server when these are away', async (t) => {
    const logger = makeLogger();
    const away = { ...connection, port: 9 };
    const store = await openStore(t, connection, { instanceId: 'r', logger, replicas: [connection, away] });
    await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1')] }));
    for (let i = 0; i < 4; i++) assert.equal((await store.queryAlertas({ limit: 9, orden: 'tiempo' })).length, 1);
    assert.equal(logger.lines.filter((line) => line.includes('A replica did not answer')).length, 2);
  });

  test('every connection carries the name of its instance', async (t) => {
    const store = await openStore(t, connection, { instanceId: 'named' });
    await store.lastEpoch();
    const client = await connectTo(t, connection);
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'corec:named'`,
    );
    assert.equal(rows[0]!.n, 2);
  });
});

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
