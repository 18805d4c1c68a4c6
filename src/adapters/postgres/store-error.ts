/** The one place where what pg, PostgreSQL and the network throw becomes a CoreCError: may it pass by itself (retry), or who mends it. */
import { CoreCError, messageOf } from '#domain/errors.ts';
import { describeServer } from './connection.ts';
import type { PostgresConnection } from './connection.ts';

/**
 * SQLSTATE classes and codes after which the same statement can succeed later: connection, insufficient resources, operator
 * intervention, serialization and deadlock, lock not available, an I/O error, and a server that turned into a standby.
 */
const TRANSIENT = /^(08...|53...|57...|40001|40P01|55P03|58030|25006)$/;
const NODE_TRANSIENT =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOENT|ENOTCONN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** pg's own errors of a lost or silent connection carry no code. */
const LOST =
  /Connection terminated|Client has encountered a connection error|Query read timeout|timeout expired|timeout exceeded when trying to connect|Client was closed/i;
/** No such user or a wrong password; refused by pg_hba.conf. */
const LOGIN = /^(28P01|28000)$/;
const NO_DATABASE = '3D000';
/** Not allowed; and no schema left that one may create in. */
const NO_RIGHT = /^(42501|3F000)$/;
const TLS =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY)|ERR_TLS_|ERR_SSL_|ERR_OSSL_|HOSTNAME_MISMATCH|EPROTO)/;
const NO_TLS = /server does not support SSL|There was an error establishing an SSL connection/;

export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** A host of several addresses (localhost) fails with one error for each, and no words of its own. */
function foundIn(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(messageOf))].join('; ');
  return messageOf(error);
}

export function toStoreError(error: unknown, operation: string, connection: PostgresConnection): CoreCError {
  if (error instanceof CoreCError) return error;
  const code = sqlStateOf(error);
  const server = describeServer(connection);
  const { user, database } = connection;
  const found = foundIn(error);
  if (code === '53100') return new CoreCError('COREC_E_DISK_FULL', { path: `PostgreSQL at ${server}`, found }, error);
  if (code !== undefined ? TRANSIENT.test(code) || NODE_TRANSIENT.test(code) : LOST.test(found))
    return new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server, found: `${operation}: ${found}` }, error);
  if (code !== undefined && LOGIN.test(code)) {
    const plain = (connection.ssl ?? false) === false && /no encryption|SSL off/.test(found);
    const said = plain ? `${found}; it may want TLS, which db_config.ssl leaves off` : found;
    return new CoreCError('COREC_E_POSTGRES_LOGIN', { server, user, found: said }, error);
  }
  if (code === NO_DATABASE)
    return new CoreCError('COREC_E_POSTGRES_DATABASE', { server, user, database, found }, error);
  if (code !== undefined && NO_RIGHT.test(code))
    return new CoreCError('COREC_E_POSTGRES_RIGHTS', { server, user, operation, found }, error);
  if (code !== undefined ? TLS.test(code) : NO_TLS.test(found))
    return new CoreCError(
      'COREC_E_POSTGRES_TLS',
      { server, found: code === undefined ? found : `${found} (${code})` },
      error,
    );
  return new CoreCError('COREC_E_STORE_REFUSED', { operation, found: code ? `${found} (${code})` : found }, error);
}

const REFUSED_AT_THE_DOOR = new Set(['COREC_E_POSTGRES_LOGIN', 'COREC_E_POSTGRES_DATABASE', 'COREC_E_POSTGRES_TLS']);

/** What a refusal to connect means once connections have been let in: it may pass, so it is tried again. */
export function afterLogin(error: CoreCError, connection: PostgresConnection): CoreCError {
  if (!REFUSED_AT_THE_DOOR.has(error.code)) return error;
  const found = String(error.details['found']);
  return new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: describeServer(connection), found }, error);
}
