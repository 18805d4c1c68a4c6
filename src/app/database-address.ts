/** From `db_config` to where PostgreSQL is, certificates read. */
import { readFileSync } from 'node:fs';
import type { DbConfig } from '#domain/config/config.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';

/** The fields of `db_config`, completed. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  readonly ssl?: boolean | { readonly ca?: string; readonly rejectUnauthorized: boolean };
}

/** Errors: COREC_E_POSTGRES_TLS for a file of certificates that cannot be read. */
export function addressOf(db: DbConfig): DatabaseAddress {
  const { host, port, user, dbname: database, password } = db;
  const address = { host, port, user, database, ...(password === null ? {} : { password }) };
  if (typeof db.ssl === 'boolean') return { ...address, ssl: db.ssl };
  const { ca, rejectUnauthorized } = db.ssl;
  if (ca === undefined) return { ...address, ssl: { rejectUnauthorized } };
  try {
    return { ...address, ssl: { rejectUnauthorized, ca: readFileSync(ca, 'utf8') } };
  } catch (error) {
    const found = messageOf(error);
    throw new CoreCError('COREC_E_POSTGRES_TLS', { server: `${host}:${port}/${database}`, found }, error);
  }
}
