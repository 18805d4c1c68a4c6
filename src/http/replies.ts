/**
 * From an error to what HTTP says of it: status, headers, JSON body in the reader's language.
 *
 * Owns the translation, once for all routes. Leaves the words to the error table.
 */
import { CoreCError, type ErrorCode, type Idioma } from '#domain/errors.ts';
import { errorJson, toCoreCError, type ErrorJson } from '#nucleus/commands/error-json.ts';

/** A CoreCError that a route gives another status than its code has. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly error: CoreCError;

  constructor(status: number, error: CoreCError) {
    super(error.message, { cause: error });
    this.status = status;
    this.error = error;
  }
}

export interface ErrorBody {
  readonly error: ErrorJson;
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  COREC_E_INBOX_FULL: 429,
  COREC_E_BUSY: 429,
  COREC_E_STOPPING: 503,
  COREC_E_NOT_RUNNING: 503,
  COREC_E_NOT_FOUND: 404,
  COREC_E_COMMAND_UNKNOWN: 404,
  COREC_E_UNAUTHORIZED: 401,
  COREC_E_HOST_REFUSED: 403,
};

/** Anything thrown, as the CoreCError to show: what is none is a fault of ours. */
export function asCoreCError(thrown: unknown): CoreCError {
  return thrown instanceof HttpError ? thrown.error : toCoreCError(thrown);
}

export function statusOf(thrown: unknown): number {
  if (thrown instanceof HttpError) return thrown.status;
  if (!(thrown instanceof CoreCError)) return 500;
  const status = STATUS[thrown.code];
  if (status !== undefined) return status;
  switch (thrown.kind) {
    case 'transient':
      return 503;
    case 'input':
    case 'config':
      return 400;
    case 'terminal':
      return 500;
  }
}

/** Whole seconds to wait before another try; null when waiting does not help. */
export function retryAfterOf(thrown: unknown): number | null {
  const error = asCoreCError(thrown);
  if (error.kind !== 'transient') return null;
  const seconds = Number(error.details['seconds'] ?? 1);
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1;
}

export function errorBody(thrown: unknown, idioma: Idioma): ErrorBody {
  return { error: errorJson(asCoreCError(thrown), idioma) };
}

/** The best of English and Spanish by Accept-Language; `fallback` when it asks for neither. */
export function idiomaOf(acceptLanguage: string | undefined, fallback: Idioma): Idioma {
  let best: Idioma = fallback;
  let bestQ = 0;
  for (const part of (acceptLanguage ?? '').slice(0, 200).split(',')) {
    const [range = '', ...params] = part.trim().toLowerCase().split(';');
    const language = range.split('-')[0];
    if (language !== 'en' && language !== 'es') continue;
    const given = params.map((param) => /^\s*q=([\d.]+)\s*$/.exec(param)?.[1]).find((q) => q !== undefined);
    const q = given === undefined ? 1 : Number(given);
    if (q > bestQ) [best, bestQ] = [language, q];
  }
  return best;
}
