/**
 * Where a PostgreSQL server is and how it is spoken to: address, TLS, and the limits of every connection.
 *
 * Leaves to its neighbours: who holds connections (session.ts), what a failure means (store-error.ts).
 */
import pg from 'pg';

/** `db_config`, completed; an absolute path as host is the folder of a unix socket. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  /** True: TLS, with a certificate that this machine trusts. */
  readonly ssl?: boolean | PostgresTls;
}

export interface PostgresTls {
  /** False: any certificate will do, so that whoever stands between may read along. Default true. */
  readonly rejectUnauthorized?: boolean;
  /** Certificates that are trusted instead of this machine's, PEM. */
  readonly ca?: string;
}

export interface SessionOptions {
  readonly connection: PostgresConnection;
  readonly instanceId: string;
}

/** The start of a CoreC fails within this when nobody is at the other end. */
export const CONNECT_MS_MAX = 5000;
export const WRITE_MS_MAX = 60_000;
export const READ_MS_MAX = 30_000;

/** count(*), sizes and epochs come as bigint; all are far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: string) {
    if (oid === pg.types.builtins.INT8) return Number;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

export function makeClientConfig({ connection, instanceId }: SessionOptions, statementMsMax: number): pg.ClientConfig {
  const { host, port, user, database, password, ssl } = connection;
  return {
    host,
    port,
    user,
    database,
    ...(password === undefined ? {} : { password }),
    ...(ssl === undefined || ssl === false ? { ssl: false } : { ssl: makeTls(host, ssl) }),
    application_name: `corec:${instanceId}`,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: statementMsMax,
    // The server's own limit comes first; this one is for a server that says nothing any more.
    query_timeout: statementMsMax + 5000,
    idle_in_transaction_session_timeout: 2 * WRITE_MS_MAX,
    lock_timeout: Math.min(statementMsMax, 30_000),
    keepAlive: true,
    types,
  };
}

/** `host` is what the certificate must name. pg gives it to TLS for names only: an address would be judged as "localhost". */
function makeTls(host: string, ssl: true | PostgresTls): pg.ClientConfig['ssl'] {
  return { host, ...(ssl === true ? {} : ssl) };
}

export function describeServer({ host, port, database }: PostgresConnection): string {
  return host.startsWith('/') ? `${host} (unix socket)` : `${host}:${port}/${database}`;
}
