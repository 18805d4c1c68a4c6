/** A server of one's own, from 13 to the newest: its tables, its limits, and what is said when it will not do. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { commitEpoch } from '#adapters/postgres/epoch.ts';
import { probePostgres } from '#adapters/postgres/probe.ts';
import { ReaderSessions, WriterSession } from '#adapters/postgres/session.ts';
import { CoreCError, type ErrorCode } from '#domain/errors.ts';
import { makeBloqueRow, makeComando, makeCommit, NOON_MS } from '../../contract/bloque-store.suite.ts';
import { freePort, listVersions, PostgresServer } from '../../servers/postgres.ts';
import { until } from '../../support/until.ts';
import { connectTo, makeStore, openStore, whenOver } from './support.ts';

const { found, missing } = listVersions();
for (const why of missing) console.log(`  0 tests: ${why}`);
for (const { name } of found) describe(`own PostgreSQL server, ${name}`, () => ownServerTests(name));

function ownServerTests(version: (typeof found)[number]['name']): void {
  let server: PostgresServer;
  let connection: PostgresConnection;

  before(async () => {
    server = await PostgresServer.start({ version, database: 'corec_db' });
    ({ connection } = server);
  });
  after(() => server.close());

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

  test('a schema of a newer CoreC is refused, and so is an empty database to who only reads', async (t) => {
    const database = await server.createDatabase('newer');
    await assert.rejects(makeStore(t, database, { access: 'read' }).open(), /COREC_E_NOT_FOUND/);
    await openStore(t, database);
    const client = await connectTo(t, database);
    await client.query(`INSERT INTO corec_migraciones (version, nombre) VALUES (9999, 'of tomorrow')`);
    await assert.rejects(makeStore(t, database, { instanceId: 'b' }).open(), /COREC_E_STORE_TOO_NEW.*9999/);
    await assert.rejects(makeStore(t, database, { access: 'read' }).open(), /COREC_E_STORE_TOO_NEW/);
  });

  test('what keeps a CoreC out is told by its kind: server, setting and what to do', async (t) => {
    const { host, port } = connection;
    const at = `${host}:${port}/`;
    await server.query(`CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    await server.query(`CREATE ROLE weak LOGIN PASSWORD 'weak'`);
    await server.createDatabase('guarded');
    await server.query('REVOKE ALL ON SCHEMA public FROM PUBLIC', 'guarded');
    const nobody = await freePort();
    const cases: readonly [Partial<PostgresConnection>, ErrorCode, ...RegExp[]][] = [
      [
        { port: nobody },
        'COREC_E_POSTGRES_UNREACHABLE',
        /ECONNREFUSED/,
        /db_config\.host and db_config\.port/,
        /systemctl/,
      ],
      [{ host: 'localhost', port: nobody }, 'COREC_E_POSTGRES_UNREACHABLE', /ECONNREFUSED.*127\.0\.0\.1/],
      [{ host: 'no.such.host.invalid' }, 'COREC_E_POSTGRES_UNREACHABLE', /no\.such\.host\.invalid/],
      [{ password: 'wrong' }, 'COREC_E_POSTGRES_LOGIN', /password authentication failed/, /db_config\.password/],
      [{ user: 'stranger' }, 'COREC_E_POSTGRES_LOGIN', /"stranger"/, /db_config\.user/],
      [
        { database: 'none' },
        'COREC_E_POSTGRES_DATABASE',
        /db_config\.dbname/,
        /CREATE DATABASE "none" OWNER "postgres"/,
      ],
      [{ database: 'latin' }, 'COREC_E_STORE_REFUSED', /LATIN1.*ENCODING 'UTF8'/s],
      [{ ssl: true }, 'COREC_E_POSTGRES_TLS', /does not support SSL/, /db_config\.ssl/],
      [
        { user: 'weak', password: 'weak', database: 'guarded' },
        'COREC_E_POSTGRES_RIGHTS',
        /permission denied|no schema/,
        /"weak"/,
      ],
    ];
    for (const [changes, code, ...texts] of cases) {
      const store = makeStore(t, { ...connection, ...changes });
      const beganMs = performance.now();
      await assert.rejects(store.open(), (error) => {
        assert.ok(error instanceof CoreCError, String(error));
        assert.equal(error.code, code, error.message);
        for (const text of texts) assert.match(error.message, text);
        if (changes.host === undefined && code !== 'COREC_E_STORE_REFUSED')
          assert.ok(error.message.includes(at.replace(String(port), String(changes.port ?? port))), error.message);
        return true;
      });
      assert.ok(performance.now() - beganMs < 5000, 'within seconds');
    }
  });

  test('a statement ends at its limit, at the server', async (t) => {
    await openStore(t, connection, { instanceId: 'limits' });
    const sessions = new ReaderSessions({ connection, instanceId: 'limits' }, 1, 300);
    whenOver(t, () => sessions.close());
    const beganMs = performance.now();
    await assert.rejects(
      sessions.query('a long question', { text: 'SELECT pg_sleep(20)' }),
      (error) => (error as CoreCError).kind === 'transient' && /statement timeout/.test((error as CoreCError).message),
    );
    assert.ok(performance.now() - beganMs < 3000);
    const lock = await connectTo(t, connection);
    await lock.query('BEGIN; LOCK TABLE epocas IN ACCESS EXCLUSIVE MODE');
    await assert.rejects(
      sessions.query('a locked question', { text: 'SELECT * FROM epocas' }),
      (error) => (error as CoreCError).kind === 'transient',
    );
    await lock.query('ROLLBACK');
    assert.equal((await sessions.query('an answer', { text: 'SELECT 1 AS one' })).length, 1);
  });

  test('small statements that come again are prepared, once a connection', async (t) => {
    const store = await openStore(t, connection, { instanceId: 'prepared' });
    await store.close();
    const writer = new WriterSession({ connection, instanceId: 'prepared' });
    whenOver(t, () => writer.close());
    const names = await writer.run('epochs', async (client) => {
      for (let epoca = 1; epoca <= 3; epoca++) {
        const given = { bloques: [makeBloqueRow('a/0', NOON_MS + epoca)], comandos: [makeComando(`c${epoca}`)] };
        const context = { instanceId: 'prepared', nowMs: NOON_MS, knownMonths: new Set(['bloques_2025_04']) };
        await commitEpoch(client, makeCommit(epoca, given), context);
      }
      const { rows } = await client.query<{ name: string }>('SELECT name FROM pg_prepared_statements');
      return rows.map((row) => row.name);
    });
    for (const name of ['begin-epoch', 'finish-epoch', 'add-usage', 'commit-comandos'])
      assert.equal(names.filter((one) => one === name).length, 1, name);
  });

  test('no more connections are open than db_config.max_connections says', async (t) => {
    for (const max of [3, 10]) {
      const instanceId = `max${max}`;
      const store = await openStore(t, connection, { instanceId, maxConnections: max });
      let most = 0;
      const count = async (): Promise<void> => {
        const [row] = await server.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'corec:${instanceId}'`,
        );
        most = Math.max(most, row!.n);
      };
      const questions = Array.from({ length: 40 }, () => store.queryAlertas({ limit: 9, orden: 'tiempo' }));
      const busy = Promise.all([...questions, store.upkeep(NOON_MS, 30, 1e12), store.commitEpoch(makeCommit(1))]);
      for (let k = 0; k < 5; k++) await count();
      await busy;
      await count();
      assert.ok(most >= 2 && most <= max, `${most} of ${max}`);
    }
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

  // what follows hangs on no version
  if (version !== 'newest') return;

  test('a server that takes the connection and says nothing fails the start within seconds', async () => {
    server.freeze();
    try {
      const beganMs = performance.now();
      const probe = probePostgres({ connection, instanceId: 'frozen' });
      await assert.rejects(probe, (error) => (error as CoreCError).code === 'COREC_E_POSTGRES_UNREACHABLE');
      assert.ok(performance.now() - beganMs < 8000);
    } finally {
      server.thaw();
    }
    await until('it answers again', async () => (await server.query('SELECT 1')).length === 1);
    await probePostgres({ connection, instanceId: 'thawed' });
  });
}
