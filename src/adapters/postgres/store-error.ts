/** The one place where what pg and PostgreSQL throw becomes a CoreCError: may it pass by itself (retry), or not. */
import { CoreCError, messageOf } from '#domain/errors.ts';

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

export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

export function toStoreError(error: unknown, operation: string, server: string): CoreCError {
  if (error instanceof CoreCError) return error;
  const code = sqlStateOf(error);
  const found = messageOf(error);
  if (code === '53100') return new CoreCError('COREC_E_DISK_FULL', { path: `PostgreSQL at ${server}`, found }, error);
  if (code !== undefined ? TRANSIENT.test(code) || NODE_TRANSIENT.test(code) : LOST.test(found))
    return new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server, found: `${operation}: ${found}` }, error);
  return new CoreCError('COREC_E_STORE_REFUSED', { operation, found: code ? `${found} (${code})` : found }, error);
}
