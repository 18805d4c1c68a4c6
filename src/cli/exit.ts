/** Exit codes of every command, and which error ends in which. Documented in docs/CLI.md; a code never changes its meaning. */
import { CoreCError, ERROR_TABLE, messageOf, type ErrorCode, type ErrorDetails, type Idioma } from '#domain/errors.ts';

export const EXIT = {
  ok: 0,
  /** It was tried and failed; also: doctor found something broken, nothing of an ingest could be taken. */
  failed: 1,
  /** The command line, its arguments or the configuration are not right. */
  usage: 2,
  /** No CoreC is running. */
  notRunning: 3,
  /** Trying again later can help. */
  transient: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** An error that the running CoreC answered with, its words in our language already. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly status: number;
  readonly retryAfterS: number | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails, status: number, retryAfterS: number | null) {
    super(message);
    this.code = code;
    this.details = details;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Ctrl-C ended it; there is nothing to explain. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export interface ShownError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export function shownError(thrown: unknown, idioma: Idioma): ShownError {
  if (thrown instanceof RemoteError) {
    return { code: thrown.code, message: thrown.message, details: thrown.details };
  }
  const error =
    thrown instanceof CoreCError ? thrown : new CoreCError('COREC_E_INTERNAL', { found: messageOf(thrown) }, thrown);
  return { code: error.code, message: error.text(idioma), details: error.details };
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return EXIT.interrupted;
  const code = thrown instanceof RemoteError || thrown instanceof CoreCError ? thrown.code : 'COREC_E_INTERNAL';
  if (code === 'COREC_E_NOT_RUNNING') return EXIT.notRunning;
  switch (ERROR_TABLE[code].kind) {
    case 'transient':
      return EXIT.transient;
    case 'input':
    case 'config':
      return EXIT.usage;
    case 'terminal':
      return EXIT.failed;
  }
}
