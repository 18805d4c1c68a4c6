/** TLS to a server of one's own: db_config.ssl as true, with an authority of one's own, and without looking at all. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { CoreCError } from '#domain/errors.ts';
import { makeCommit } from '../../contract/bloque-store.suite.ts';
import { makeCertificates } from '../../servers/certificates.ts';
import { PostgresServer } from '../../servers/postgres.ts';
import { entry, makeWorld, send, series } from '../nucleus/support.ts';
import { makeStore, openStore } from './support.ts';

describe('TLS to PostgreSQL', () => {
  let server: PostgresServer;
  let plain: PostgresServer;
  let folder: string;
  let strange: string;
  let n = 0;

  before(async () => {
    server = await PostgresServer.start({ tls: true, database: 'corec_db' });
    // who comes without is refused
    await server.query('SELECT 1');
    plain = await PostgresServer.start();
    folder = mkdtempSync(join(tmpdir(), 'corec-tls-'));
    strange = makeCertificates(folder, null).ca;
  });
  after(async () => {
    await server.close();
    await plain.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const over = (changes: Partial<PostgresConnection>): PostgresConnection => ({ ...server.connection, ...changes });
  const open = (t: TestContext, changes: Partial<PostgresConnection>): Promise<unknown> =>
    openStore(t, over(changes), { instanceId: `tls${++n}` });

  async function refused(t: TestContext, connection: PostgresConnection, ...texts: readonly RegExp[]): Promise<void> {
    await assert.rejects(makeStore(t, connection, { instanceId: `tls${++n}` }).open(), (error) => {
      assert.ok(error instanceof CoreCError);
      assert.equal(error.code, 'COREC_E_POSTGRES_TLS', error.message);
      for (const text of [/db_config\.ssl/, ...texts]) assert.match(error.message, text);
      return true;
    });
  }

  test('with the authority that signed it, by name and by address, and everything is encrypted', async (t) => {
    const { ca } = server.certificates!;
    for (const host of ['127.0.0.1', 'localhost']) {
      const store = await openStore(t, over({ host, ssl: { ca } }), { instanceId: `tls-${host}` });
      await store.commitEpoch(makeCommit(1));
    }
    const rows = await server.query<{ ssl: boolean }>(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'corec:tls-%'`,
    );
    assert.ok(rows.length >= 2);
    assert.ok(rows.every((row) => row.ssl));
  });

  test('a certificate that nobody here trusts is refused, also when it is of another authority', async (t) => {
    await refused(t, over({ ssl: true }), /certificate|SELF_SIGNED|UNABLE_TO/i);
    await refused(t, over({ ssl: { ca: strange } }), /certificate|SELF_SIGNED|UNABLE_TO/i);
    await refused(t, over({ ssl: { ca: strange, rejectUnauthorized: true } }));
  });

  test('a certificate of another name is refused, an address as well as a name', async (t) => {
    const other = await PostgresServer.start({ tls: true, certificateNames: 'DNS:db.example,IP:127.0.0.2' });
    try {
      const { ca } = other.certificates!;
      for (const host of ['127.0.0.1', 'localhost'])
        await refused(t, { ...other.connection, host, ssl: { ca } }, /does not match|altnames/i);
    } finally {
      await other.close();
    }
  });

  test('rejectUnauthorized false takes any certificate', async (t) => {
    await open(t, { ssl: { rejectUnauthorized: false } });
  });

  test('a server without TLS is told from one that is away', async (t) => {
    await refused(t, { ...plain.connection, ssl: true }, /does not support SSL/);
  });

  test('a server that wants TLS says so to whoever comes without, with the setting', async (t) => {
    const strict = await PostgresServer.start({ tls: true });
    try {
      await strict.requireTls();
      const store = makeStore(t, { ...strict.connection, ssl: false });
      await assert.rejects(store.open(), /COREC_E_POSTGRES_LOGIN.*db_config\.ssl/s);
    } finally {
      await strict.close();
    }
  });

  test('from the configuration: a path relative to the file, and a clear line when it cannot be read', async (t) => {
    const world = await makeWorld(t, { postgres: server.connection, config: { bloques: [entry('sensores')] } });
    world.file('certs/ca.pem', server.certificates!.ca);
    const { host, port, user, password, database: dbname } = server.connection;
    const db = { host, port, user, password, dbname };
    world.configure({ db_config: { ...db, ssl: { ca: 'certs/ca.pem' } } });
    const corec = await world.start();
    await send(corec.api, series(['a'], 3));
    await corec.detener();
    world.configure({ db_config: { ...db, ssl: { ca: 'certs/none.pem' } } });
    await assert.rejects(world.start(), /COREC_E_POSTGRES_TLS.*none\.pem/s);
    world.configure({ db_config: { ...db, ssl: { ca: 'certs/ca.pem', rejectUnautorized: true } } });
    assert.throws(() => world.make(), /rejectUnauthorized/);
  });

  test("true means this machine's certificates: an authority that Node is given besides will do", async (t) => {
    const script = join(folder, 'probe.ts');
    const probe = fileURLToPath(new URL('../../../src/adapters/postgres/probe.ts', import.meta.url));
    writeFileSync(
      script,
      `import { probePostgres } from ${JSON.stringify(probe)};
       await probePostgres({ connection: JSON.parse(process.argv[2]), instanceId: 'x' });`,
    );
    chmodSync(script, 0o600);
    const child = spawn(process.execPath, [script, JSON.stringify(over({ ssl: true }))], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: server.certificates!.caPath },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0, said);
    t.diagnostic('taken');
  });
});
