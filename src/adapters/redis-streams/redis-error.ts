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
  // a slot that moves: only in a cluster, and there the next try goes the new way
  'MOVED',
  'ASK',
  // of lua/begin.lua: the batch before it comes again first
  'EARLY',
]);
const LOGIN = new Set(['WRONGPASS', 'NOAUTH', 'DENIED']);
const TLS_CODES =
  /^(?:ERR_TLS_|ERR_SSL_|EPROTO|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|HOSTNAME_MISMATCH)/;

const codeOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
/** The code with which the server's answer begins, or ''; of a transaction that was given up for it, the reason's. */
export function replyCode(error: unknown): string {
  if (!isAnswer(error)) return '';
  // inside a script a missing right has no code of its own before 7.2
  if (/user executing the script can't/.test((error as Error).message)) return 'NOPERM';
  return /^(?:EXECABORT [^:]*: )?([A-Z]+)(?= |$)/.exec((error as Error).message)?.[1] ?? '';
}

/** True when the same command may succeed later, on this connection or another. */
export function mayPass(reason: unknown): boolean {
  const error = rootOf(reason);
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

/** True when this was the master and is no longer: the name may lead to another one by now. */
export function isOfReplica(error: unknown): boolean {
  return replyCode(error) === 'READONLY';
}

export function toCoreCError(reason: unknown, address: RedisAddress, attempt: Attempt): CoreCError {
  const error = rootOf(reason);
  if (error instanceof CoreCError) return error;
  const server = nameOf(address);
  const user = address.username ?? 'default';
  const found = messageOf(error) || codeOf(error) || 'no answer';
  const { operation, stream = '', written } = attempt;
  const more = written === undefined ? {} : { written };
  if (mayPass(error)) return new CoreCError('COREC_E_REDIS_UNAVAILABLE', { server, operation, found, ...more }, error);
  const code = replyCode(error);
  if (LOGIN.has(code) || /AUTH/.test(found.slice(0, 80))) {
    return new CoreCError('COREC_E_REDIS_LOGIN', { server, user, found }, error);
  }
  if (code === 'NOPERM') return new CoreCError('COREC_E_REDIS_RIGHTS', { server, user, operation, found }, error);
  if (code === 'WRONGTYPE') return new CoreCError('COREC_E_REDIS_TYPE', { server, stream, found }, error);
  if (code === 'CROSSSLOT') return new CoreCError('COREC_E_REDIS_CLUSTER', { server, found }, error);
  if (/cluster support disabled/.test(found)) return new CoreCError('COREC_E_REDIS_SINGLE', { server, found }, error);
  if (TLS_CODES.test(codeOf(error))) return new CoreCError('COREC_E_REDIS_TLS', { server, found }, error);
  return new CoreCError('COREC_E_REDIS_REFUSED', { server, operation, found }, error);
}

/** What is wrong, in the words of the server or the system. */
export function foundOf(reason: unknown): string {
  const error = rootOf(reason);
  return messageOf(error) || codeOf(error) || 'no answer';
}

/** The error under the wrapping: a cluster of which no node answers, a name with two addresses. */
function rootOf(error: unknown): unknown {
  const last = (error as { lastNodeError?: unknown } | null)?.lastNodeError;
  if (last instanceof Error && last !== error) return rootOf(last);
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  return error;
}
