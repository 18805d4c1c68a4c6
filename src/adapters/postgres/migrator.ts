/**
 * Brings the schema to this CoreC's version and makes the tables that depend on the month and the instance.
 *
 * M1 Migrations run in order, each in its own transaction, one process at a time.
 * M2 A schema newer than this CoreC is refused, not guessed at.
 * M3 Where there is nothing to do, no right to create anything is needed: the tables of months and instances are made by functions
 *    of the schema's owner (migrations/0002).
 */
import type pg from 'pg';
import { CoreCError } from '#domain/errors.ts';
import { tablesOf } from './names.ts';
import type { Month } from './names.ts';
import { listMigrations, quoteName, sql } from './sql.ts';

type Client = Pick<pg.ClientBase, 'query'>;

/** Session lock of everything that makes tables; a number nobody else is likely to use. */
const DDL_LOCK = 0x636f7265;

export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  const result = await work();
  await client.query('COMMIT');
  return result;
}

/** COREC_E_STORE_REFUSED for a server this schema cannot live on. */
export async function assertServer(client: Client): Promise<{ readonly version: string; readonly standby: boolean }> {
  const { rows } = await client.query<{ version_num: number; version: string; encoding: string; standby: boolean }>(
    sql('describe-server'),
  );
  const { version_num, version, encoding, standby } = rows[0]!;
  if (version_num < 130_000)
    throw new CoreCError('COREC_E_STORE_REFUSED', {
      operation: 'the start',
      found: `it is version ${version}, CoreC needs 13 or newer`,
    });
  if (encoding !== 'UTF8')
    throw new CoreCError('COREC_E_STORE_REFUSED', {
      operation: 'the start',
      found: `the database's encoding is ${encoding}; create it with ENCODING 'UTF8'`,
    });
  return { version, standby };
}

/** The versions applied by this call. */
export async function migrate(client: Client): Promise<number[]> {
  const migrations = listMigrations();
  const applied: number[] = [];
  if ((await schemaVersion(client)) === migrations.length) return applied; // M3
  await client.query('SELECT pg_advisory_lock($1)', [DDL_LOCK]);
  // Somebody else may have done it meanwhile.
  const at = await schemaVersion(client);
  if (at === 0) await client.query(sql('migrations-applied').text);
  for (const { version, name, text } of migrations.slice(at)) {
    await inTransaction(client, async () => {
      await client.query(text);
      await client.query('INSERT INTO corec_migraciones (version, nombre) VALUES ($1, $2)', [version, name]);
    });
    applied.push(version);
  }
  await client.query('SELECT pg_advisory_unlock($1)', [DDL_LOCK]);
  return applied;
}

/** For a session that only reads: the schema must be there. */
export async function assertMigrated(client: Client, server: string): Promise<void> {
  if ((await schemaVersion(client)) === 0)
    throw new CoreCError('COREC_E_NOT_FOUND', {
      what: 'data of CoreC in PostgreSQL at',
      found: server,
      hint: 'Start CoreC once with this configuration.',
    });
}

/** 0: there is none. M2. */
async function schemaVersion(client: Client): Promise<number> {
  if (!(await hasTable(client, 'corec_migraciones'))) return 0;
  const { rows } = await client.query<{ version: number }>('SELECT max(version) AS version FROM corec_migraciones');
  const found = rows[0]!.version ?? 0;
  const expected = listMigrations().length;
  if (found > expected) throw new CoreCError('COREC_E_STORE_TOO_NEW', { found, expected });
  return found;
}

/** Makes what is missing for the instance. */
export async function ensureInstance(client: Client, instanceId: string): Promise<void> {
  const { instance } = tablesOf(instanceId);
  await inTransaction(client, async () => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [DDL_LOCK]);
    await client.query('SELECT corec_make_instance($1, $2)', [instanceId, instance]);
    await client.query({ ...sql('start-instance'), values: [instanceId] });
  });
}

/** Makes the months that are missing, inside the caller's transaction; the names of those made. */
export async function ensureMonths(client: Client, months: readonly Month[]): Promise<string[]> {
  const made: string[] = [];
  for (const { name, fromS, toS } of months) {
    // Looked at first: the lock is one for all instances, and held to the end of the transaction.
    if (await hasTable(client, name)) continue;
    await client.query('SELECT pg_advisory_xact_lock($1)', [DDL_LOCK]);
    const { rows } = await client.query<{ made: boolean }>('SELECT corec_make_month($1, $2, $3) AS made', [
      name,
      fromS,
      toS,
    ]);
    if (rows[0]!.made) made.push(name);
  }
  return made;
}

export async function listMonths(client: Client): Promise<string[]> {
  return (await client.query<{ name: string }>(sql('list-months'))).rows.map((row) => row.name);
}

async function hasTable(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
    quoteName(name),
  ]);
  return rows[0]!.found;
}
