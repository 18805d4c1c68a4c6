/** Several CoreC on one server: they start at once, keep out of each other's way, and months come and go while all of them write. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { migratePostgres } from '#adapters/postgres/probe.ts';
import { listMigrations } from '#adapters/postgres/sql.ts';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { isTransient } from '#domain/errors.ts';
import type { EpochCommit } from '#ports/bloque-store.ts';
import { bytesOf, makeBloqueRow, makeCommit, NOON_MS } from '../../contract/bloque-store.suite.ts';
import { listVersions, PostgresServer } from '../../servers/postgres.ts';
import { startCoreC, type CoreCProcess } from '../../support/corec-process.ts';
import { entry, isCoreCError, makeWorld, send, series } from '../nucleus/support.ts';
import { connectTo, openStore, whenOver } from './support.ts';

// the oldest and the newest: what lies between has shown nothing of its own
const found = listVersions().found.filter(({ name }) => name !== 'distribution');
for (const { name } of found) describe(`several CoreC on PostgreSQL ${name}`, () => severalTests(name));

function severalTests(version: (typeof found)[number]['name']): void {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start({ version });
  });
  after(() => server.close());

  test('four that start at the same moment on an empty database all come up', async (t) => {
    const connection = await server.createDatabase('fresh');
    const worlds = await Promise.all(
      [1, 2, 3, 4].map((k) =>
        makeWorld(t, {
          postgres: connection,
          config: { instance_id: `planta-${k}`, bloques: [entry('sensores')], http: null },
        }),
      ),
    );
    const running: CoreCProcess[] = worlds.map(({ configPath, dataDir }) => startCoreC(configPath, dataDir));
    whenOver(t, () => Promise.all(running.map((corec) => corec.end('SIGKILL'))));
    await Promise.all(running.map((corec) => corec.ready()));
    const rows = await server.query<{ version: number; n: number }>(
      'SELECT version, count(*)::int AS n FROM corec_migraciones GROUP BY version ORDER BY version',
      'fresh',
    );
    assert.deepEqual(
      rows.map((row) => [row.version, row.n]),
      listMigrations().map(({ version: number }) => [number, 1]),
    );
    for (const code of await Promise.all(running.map((corec) => corec.end('SIGTERM')))) assert.equal(code, 0);
    const epocas = await server.query<{ instance_id: string; epoca: number }>(
      'SELECT instance_id, epoca::int FROM epocas ORDER BY instance_id',
      'fresh',
    );
    assert.deepEqual(
      epocas.map((row) => row.instance_id),
      worlds.map((_, k) => `planta-${k + 1}`),
    );
    assert.ok(epocas.every((row) => row.epoca >= 1));
    const { applied } = await migratePostgres({ connection, instanceId: 'later' });
    assert.deepEqual(applied, []);
  });

  test('months are made and dropped while others write: no epoch fails, none waits long', async (t) => {
    const connection = await server.createDatabase('months');
    const instances = ['a', 'b', 'c'];
    const stores = await Promise.all(instances.map((instanceId) => openStore(t, connection, { instanceId })));
    const keeper = await openStore(t, connection, { instanceId: 'keeper' });
    const writing = new AbortController();
    const longestMs = instances.map(() => 0);
    const epocas = instances.map(() => 0);
    const write = async (store: (typeof stores)[number], k: number): Promise<void> => {
      while (!writing.signal.aborted) {
        const epoca = ++epocas[k]!;
        const bloques = Array.from({ length: 40 }, (_, b) =>
          makeBloqueRow(`b/${b}`, NOON_MS + epoca * 1000, {
            mensajes: bytesOf(2000, b),
            codec: 'x',
            canal: 1 + (b % 6),
          }),
        );
        const fromMs = performance.now();
        await store.commitEpoch(makeCommit(epoca, { bloques }));
        longestMs[k] = Math.max(longestMs[k]!, performance.now() - fromMs);
      }
    };
    const writers = stores.map(write);
    let dropped = 0;
    for (let round = 0; round < 12; round++) {
      // one epoch makes a month of long ago, which retention then drops; a month to come is made by upkeep
      const old = Date.UTC(2011, round, 10);
      await keeper.commitEpoch(makeCommit(round + 1, { bloques: [makeBloqueRow('old/0', old)] }));
      const upkeep = await keeper.upkeep(NOON_MS + round * 31 * 86_400_000, 10_000, 1e12);
      dropped += upkeep.dropped.filter((name) => name.startsWith('bloques_2011_')).length;
      const later = await keeper.upkeep(NOON_MS, 90, 1e12);
      dropped += later.dropped.filter((name) => name.startsWith('bloques_2011_')).length;
    }
    writing.abort();
    await Promise.all(writers);
    t.diagnostic(`longest epochs ${longestMs.map((ms) => ms.toFixed(0)).join(', ')} ms, ${epocas.join(', ')} epochs`);
    assert.equal(dropped, 12, 'every month of long ago is dropped');
    // a drop asks for at most 150 ms; the rest is what 120 rows and a busy machine take
    assert.ok(Math.max(...longestMs) < 1500, `${Math.max(...longestMs)} ms`);
    const months = await server.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname ~ '^bloques_\\d{4}_\\d{2}$' ORDER BY 1`,
      'months',
    );
    assert.ok(months.length >= 14, `${months.length} months`);
    for (const [k, store] of stores.entries())
      assert.equal((await store.queryBloques({ bloque: 'b/0', limit: 1e6, conMensajes: false })).length, epocas[k]);
  });

  test('a month in which somebody else has rows is not dropped, also when these came at the last moment', async (t) => {
    const connection = await server.createDatabase('shared');
    const mine = await openStore(t, connection, { instanceId: 'mine' });
    const theirs = await openStore(t, connection, { instanceId: 'theirs' });
    const old = Date.UTC(2012, 2, 3);
    await mine.commitEpoch(makeCommit(1, { bloques: [makeBloqueRow('a/0', old)] }));
    const client = await connectTo(t, connection);
    await theirs.commitEpoch(makeCommit(1, { bloques: [makeBloqueRow('a/0', old)] }));
    const { rows } = await client.query<{ dropped: boolean }>(
      `SELECT corec_drop_month('bloques_2012_03', 'mine') AS dropped`,
    );
    assert.equal(rows[0]!.dropped, false);
    await mine.upkeep(NOON_MS, 90, 1e12);
    assert.equal((await mine.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 0);
    assert.equal((await theirs.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 1);
    assert.deepEqual((await theirs.upkeep(NOON_MS, 90, 1e12)).dropped, ['bloques_2012_03']);
  });

  test('a month that is dropped under an epoch makes it try again, and nothing is lost', async (t) => {
    const connection = await server.createDatabase('dropped');
    const store = await openStore(t, connection, { instanceId: 'mine' });
    const early = Date.UTC(2011, 0, 10);
    const row = (epoca: number): Partial<EpochCommit> => ({
      bloques: [makeBloqueRow('a/0', early + epoca * 1000)],
      estado: [{ clase: 'columnas', id: 'a/0', datos: bytesOf(100, epoca) }],
    });
    await store.commitEpoch(makeCommit(1, row(1)));
    const client = await connectTo(t, connection);
    // as another CoreC's retention does, which this one hears nothing of
    await client.query(`SELECT corec_drop_month('bloques_2011_01', 'mine')`);
    await assert.rejects(store.commitEpoch(makeCommit(2, row(2))), (error) => isTransient(error));
    assert.equal((await store.commitEpoch(makeCommit(2, row(2)))).already, false);
    const rows = await store.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false });
    assert.deepEqual(
      rows.map((one) => one.timestampS * 1000 - early),
      [2000],
    );
  });

  test('a CoreC that may only do what grants.sql lists does all that a CoreC does', async (t) => {
    const owner = await makeRoles(server);
    const connection = { ...owner, user: 'corec_run', password: 'run' };
    const nowMs = Date.now();
    const world = await makeWorld(t, {
      postgres: connection,
      config: {
        instance_id: 'granted',
        bloques: [entry('sensores')],
        persistencia: { intervalo_s: 3600, retencion_dias: 90 },
      },
    });
    const corec = await world.start();
    await send(corec.api, series(['a', 'b'], 50));
    await corec.nucleus.epochs!.commit();
    // a clock set back by years: a month is made in the epoch, rows wait in the temporary table
    await corec.nucleus.epochs!.commit(Date.UTC(2013, 4, 5));
    await send(corec.api, series(['a', 'b'], 50, 100, 1_700_000_100_000));
    await corec.nucleus.epochs!.commit(Date.UTC(2013, 4, 5));
    const { store } = corec.nucleus.deps;
    const aged = await store.upkeep(nowMs, 90, 1e12);
    assert.ok(aged.dropped.includes('bloques_2013_05'), String(aged.dropped));
    for (let k = 0; k < 6; k++) {
      await send(corec.api, series(['a', 'b'], 200, k, 1_700_000_200_000 + k * 1e6));
      await corec.nucleus.epochs!.commit();
    }
    const cut = await store.upkeep(nowMs, 90, 2000);
    assert.ok(
      cut.dropped.some((what) => what.startsWith('bloques before')),
      String(cut.dropped),
    );
    await corec.api.silenciar('a', null, nowMs + 1e6, 'ana', 'silence-1');
    await corec.api.olvidar('b', null, 'forget-1');
    await corec.detener();
    const again = await world.start();
    assert.equal(again.api.entidad('a').estado.cuenta, 100 + 6 * 200);
    assert.deepEqual((await again.api.status()).problems, []);
    await again.detener();
    const denied = world.log().filter((line) => /permission|lacks rights|must be owner/.test(JSON.stringify(line)));
    assert.deepEqual(denied, []);

    // and it really may nothing else
    const client = await connectTo(t, connection);
    for (const statement of [
      'CREATE TABLE mine (n int)',
      'DROP TABLE bloques',
      'ALTER TABLE alertas ADD COLUMN more int',
      'TRUNCATE bloques',
      'UPDATE bloques SET fitness = 0',
      'UPDATE comandos SET respuesta = NULL',
      "INSERT INTO corec_migraciones (version, nombre) VALUES (99, 'x')",
      'DROP TABLE bloques_2025_04',
      'CREATE SCHEMA other',
      'SELECT * FROM pg_authid',
      "SELECT corec_same_rights('bloques', 'alertas')",
    ]) {
      await assert.rejects(
        client.query(statement),
        (error) => {
          return ['42501', '42P01'].includes(String((error as { code?: unknown }).code)) || String(error);
        },
        statement,
      );
    }
    // names that are no months or parts of CoreC's are nothing its functions touch
    await assert.rejects(client.query("SELECT corec_make_month('alertas', 0, 1)"), /no name of a month/);
    await assert.rejects(client.query("SELECT corec_make_instance('x', 'alertas')"), /no name of a part/);
    const { rows } = await client.query<{ dropped: boolean }>(
      "SELECT corec_drop_month('alertas', 'granted') AS dropped",
    );
    assert.equal(rows[0]!.dropped, false);
  });

  test('a schema that is out of date is left to its owner, and the user who may not is told how', async (t) => {
    const owner = await server.createDatabase('late');
    await makeRoleNames(server);
    await server.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC', 'late');
    const world = await makeWorld(t, { postgres: { ...owner, user: 'corec_run', password: 'run' } });
    await assert.rejects(
      world.start(),
      isCoreCError('COREC_E_POSTGRES_RIGHTS', 'corec migrate', 'scripts/sql/grants.sql', '"corec_run"'),
    );
  });

  // what follows hangs on no version
  if (version !== 'newest') return;

  test('a second one of the same instance_id is refused by name, and the first goes on', async (t) => {
    const postgres = await server.createDatabase('taken');
    const config = { instance_id: 'planta', bloques: [entry('sensores')] };
    const first = await makeWorld(t, { postgres, config });
    const second = await makeWorld(t, { postgres, config });
    const corec = await first.start();
    await send(corec.api, series(['a'], 3));
    await assert.rejects(second.start(), isCoreCError('COREC_E_INSTANCE_TAKEN', '"planta"', 'instance_id'));
    await send(corec.api, series(['a'], 2));
    await corec.detener();
    const next = await second.start();
    // its data folder is another one, so what it knows is what the database keeps
    assert.equal(next.api.entidad('a').estado.cuenta, 5);
    await next.detener();
  });
}

async function makeRoleNames(server: PostgresServer): Promise<void> {
  for (const [role, password] of [
    ['corec_owner', 'owner'],
    ['corec_run', 'run'],
  ]) {
    await server.query(
      `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
         CREATE ROLE ${role} LOGIN PASSWORD '${password}'; END IF; END $$`,
    );
  }
}

/** The way that the head of grants.sql tells. */
async function makeRoles(server: PostgresServer): Promise<PostgresConnection> {
  await makeRoleNames(server);
  const database = 'granted';
  await server.query(`CREATE DATABASE ${database} OWNER corec_owner ENCODING 'UTF8' TEMPLATE template0`);
  await server.query('GRANT CREATE ON SCHEMA public TO corec_owner', database);
  const owner = { ...server.connection, database, user: 'corec_owner', password: 'owner' };
  const { applied } = await migratePostgres({ connection: owner, instanceId: 'granted' });
  assert.ok(applied.length > 0);
  const grants = readFileSync(new URL('../../../scripts/sql/grants.sql', import.meta.url), 'utf8');
  await server.query(grants, database);
  await server.query(grants, database);
  return owner;
}
