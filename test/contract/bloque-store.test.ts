import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { makeEmbeddedPostgres, type EmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import type { Logger } from '#ports/logger.ts';
import { bloqueStoreSuite, NOON_MS } from './bloque-store.suite.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
let folder: string;
let server: EmbeddedPostgres;
let instances = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corec-test-'));
  server = makeEmbeddedPostgres({ dataDir: folder, logger: silent });
  await server.start();
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

bloqueStoreSuite('postgres, embedded', (_t) => {
  // Names that only differ where table names cannot.
  const instanceId = `corec ${++instances}'"\\ñ`;
  const begin = (): ReturnType<typeof makePostgresStore> =>
    makePostgresStore({ connection: server.connection(), instanceId, logger: silent, nowMs: () => NOON_MS });
  return Promise.resolve({ begin });
});
