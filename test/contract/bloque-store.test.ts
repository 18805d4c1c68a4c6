/** One contract, every PostgreSQL that CoreC is meant for: its own in the data folder, and servers over TCP from 13 to the newest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { makeEmbeddedPostgres, type EmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import type { Logger } from '#ports/logger.ts';
import { listVersions, PostgresServer } from '../servers/postgres.ts';
import { bloqueStoreSuite, NOON_MS, type StorePlace } from './bloque-store.suite.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
let instances = 0;

function placeAt(connection: PostgresConnection): Promise<StorePlace> {
  // Names that only differ where table names cannot.
  const instanceId = `corec ${++instances}'"\\ñ`;
  const begin = (): ReturnType<typeof makePostgresStore> =>
    makePostgresStore({ connection, instanceId, logger: silent, nowMs: () => NOON_MS });
  return Promise.resolve({ begin });
}

/** Which server the tests ran on is part of what they prove. */
function tell(server: string): (tests: number) => void {
  return (tests) => console.log(`  ${tests} tests on PostgreSQL ${server}`);
}

describe('embedded', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let version = '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'corec-test-'));
    server = makeEmbeddedPostgres({ dataDir: folder, logger: silent });
    await server.start();
    const store = (await placeAt(server.connection())).begin();
    await store.open();
    version = (await store.health()).version ?? '';
    await store.close();
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  bloqueStoreSuite(
    'postgres, embedded',
    () => placeAt(server.connection()),
    (tests) => tell(`${version}, embedded`)(tests),
  );
});

const { found, missing } = listVersions();
for (const why of missing) console.log(`  0 tests: ${why}`);
for (const { name } of found) {
  describe(`own server, ${name}`, () => {
    let server: PostgresServer;
    before(async () => {
      server = await PostgresServer.start({ version: name, database: 'contract' });
    });
    after(() => server.close());

    bloqueStoreSuite(
      `postgres, ${name}`,
      () => placeAt(server.connection),
      (tests) => tell(`${server.version} (${name}), over TCP with a password`)(tests),
    );
  });
}
