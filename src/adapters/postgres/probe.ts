/**
 * One connection for one piece of work, apart from any store: a look at a server before a start depends on it, and `corec migrate`.
 *
 * Errors: as toStoreError; COREC_E_STORE_REFUSED for a version or encoding that will not do. A transient one may pass (`--wait`).
 */
import pg from 'pg';
import { CoreCError } from '#domain/errors.ts';
import { CONNECT_MS_MAX, describeServer, makeClientConfig, WRITE_MS_MAX } from './connection.ts';
import type { SessionOptions } from './connection.ts';
import { assertServer, migrate } from './migrator.ts';
import { toStoreError } from './store-error.ts';

/** It answers, lets the user in, is new enough and takes writes. */
export async function probePostgres(options: SessionOptions): Promise<void> {
  await withServer(options, CONNECT_MS_MAX, 'the start', () => Promise.resolve());
}

export interface MigrationReport {
  readonly server: string;
  /** PostgreSQL's. */
  readonly version: string;
  /** Numbers of the migrations that this call made; none: the schema was up to date. */
  readonly applied: readonly number[];
}

/** Brings the schema up to date, as the user of `options`: the owner of everything in it. */
export async function migratePostgres(options: SessionOptions): Promise<MigrationReport> {
  return withServer(options, WRITE_MS_MAX, 'migrating', async (client, version) => ({
    server: describeServer(options.connection),
    version,
    applied: await migrate(client),
  }));
}

async function withServer<T>(
  options: SessionOptions,
  statementMsMax: number,
  operation: string,
  work: (client: pg.Client, version: string) => Promise<T>,
): Promise<T> {
  const { connection } = options;
  const client = new pg.Client(makeClientConfig(options, statementMsMax));
  // said by whatever waits as well
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { version, standby } = await assertServer(client);
    if (standby) {
      throw new CoreCError('COREC_E_POSTGRES_UNREACHABLE', {
        server: describeServer(connection),
        found: 'it is a standby, which takes no writes: name the primary, or wait until it is promoted',
      });
    }
    return await work(client, version);
  } catch (error) {
    throw toStoreError(error, operation, connection);
  } finally {
    await client.end().catch(() => undefined);
  }
}
