/**
 * `corec migrate`: the schema of one's own PostgreSQL brought up to date by its owner, so that the user whom CoreC runs as needs no
 * right to create anything (docs/OPERATIONS.md). A CoreC whose user owns the schema does the same at each start.
 */
import { migratePostgres, type MigrationReport } from '#adapters/postgres/probe.ts';
import { CoreCError } from '#domain/errors.ts';
import { addressOf } from './database-address.ts';
import type { LoadedConfig } from './load-config.ts';

export type { MigrationReport } from '#adapters/postgres/probe.ts';

/** Errors: COREC_E_NOT_FOUND without `db_config`; COREC_E_POSTGRES_... as the server answers. */
export async function migrateDatabase({ config }: LoadedConfig): Promise<MigrationReport> {
  const { db_config: db, instance_id: instanceId } = config;
  if (db === null) {
    throw new CoreCError('COREC_E_NOT_FOUND', {
      what: 'PostgreSQL of your own in',
      found: 'db_config',
      hint: 'CoreC brings its own server up to date at each start.',
    });
  }
  return migratePostgres({ connection: addressOf(db), instanceId });
}
