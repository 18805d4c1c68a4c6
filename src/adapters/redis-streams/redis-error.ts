/**
 * What went wrong with Redis, in CoreC's words: may it pass, and if not, which setting is at fault.
 *
 * Owns the reading of error texts of the server, of ioredis, of sockets and of TLS. The first word of a server's error is its code.
 */
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { RedisAddress } from './client.ts';
import { nameOf } from './client.ts';

export interface Attempt {
  /** What was to be done, as a command of Redis: `XADD`. */
  readonly operation: string;
  readonly stream?: string;
  /** For appends: whether it may have been written. */
  readonly written?: 'no' | 'unknown';
}

/** Codes of answers that pass: the server loads, is busy, full or changes roles, or a cluster is between two states. */
const PASSING = new Set([
  'LOADING',
  'BUSY',
  'OOM',
  'MISCONF',
  'NOREPLICAS',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'UNBLOCKED',
  // of lua/begin.lua: the batch before it comes again first
  'EARLY',
]);
const LOGIN = new Set(['WRONGPASS', 'NOAUTH', 'DENIED']);
const TLS_CODES =
  /^(?:ERR_TLS_|ERR_SSL_|EPROTO|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|HOSTNAME_MISMATCH)/;

const codeOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
/** The code with which the server's answer begins, or ''. */
export function replyCode(error: unknown): string {
  return isAnswer(error) ? (/^[A-Z]+(?= |$)/.exec((error as Error).message)?.[0] ?? '') : '';
}

/** True when the same command may succeed later, on this connection or another. */
export function mayPass(error: unknown): boolean {
  if (error instanceof CoreCError) return error.kind === 'transient';
  if (!(error instanceof Error)) return false;
  if (isAnswer(error)) return PASSING.has(replyCode(error)) || /max number of clients/.test(error.message);
  // a certificate does not mend itself, an answer that cannot be read is a fault of this adapter
  return !TLS_CODES.test(codeOf(error)) && !(error instanceof TypeError || error instanceof RangeError);
}

/** True when the server itself has spoken; otherwise the fate of the command is not known. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

export function toCoreCError(error: unknown, address: RedisAddress, attempt: Attempt): CoreCError {
  if (error instanceof CoreCError) return error;
  const server = nameOf(address);
  const user = address.username ?? 'default';
  const found = foundOf(error);
  const { operation, stream = '', written } = attempt;
  const more = written === undefined ? {} : { written };
  if (mayPass(error)) return new CoreCError('COREC_E_REDIS_UNAVAILABLE', { server, operation, found, ...more }, error);
  const code = replyCode(error);
  if (LOGIN.has(code) || /AUTH/.test(found.slice(0, 80))) {
    return new CoreCError('COREC_E_REDIS_LOGIN', { server, user, found }, error);
  }
  if (code === 'NOPERM') return new CoreCError('COREC_E_REDIS_RIGHTS', { server, user, operation, found }, error);
  if (code === 'WRONGTYPE') return new CoreCError('COREC_E_REDIS_TYPE', { server, stream, found }, error);
  if (code === 'MOVED' || code === 'ASK' || code === 'CROSSSLOT') {
    return new CoreCError('COREC_E_REDIS_CLUSTER', { server, found }, error);
  }
  if (TLS_CODES.test(codeOf(error))) return new CoreCError('COREC_E_REDIS_TLS', { server, found }, error);
  return new CoreCError('COREC_E_REDIS_REFUSED', { server, operation, found }, error);
}

/** The words under the wrapping: a cluster that no node of answers says why the last one did not. */
export function foundOf(error: unknown): string {
  const last = (error as { lastNodeError?: unknown } | null)?.lastNodeError;
  if (last instanceof Error && last !== error) return foundOf(last);
  if (error instanceof AggregateError && error.errors.length > 0) return foundOf(error.errors[0]);
  return messageOf(error) || codeOf(error) || 'no answer';
}
