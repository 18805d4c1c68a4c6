/** An error as programs get it, by whatever door: code, words in the reader's language, details, and every defect of a configuration. */
import { CoreCError, messageOf, type ErrorCode, type ErrorDetails, type Idioma } from '#domain/errors.ts';
import { ConfigError, pathText } from '#domain/config/defects.ts';

export interface ErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** Of a configuration: every fault by itself. */
  readonly defects?: readonly { readonly path: string; readonly says: string }[];
}

/** Anything thrown, as the CoreCError to show: what is none is a fault of ours. */
export function toCoreCError(thrown: unknown): CoreCError {
  if (thrown instanceof CoreCError) return thrown;
  return new CoreCError('COREC_E_INTERNAL', { found: messageOf(thrown) }, thrown);
}

export function errorJson(error: CoreCError, idioma: Idioma): ErrorJson {
  const { code, details } = error;
  const json = { code, message: error.text(idioma), details };
  if (!(error instanceof ConfigError)) return json;
  return { ...json, defects: error.defects.map(({ path, says }) => ({ path: pathText(path), says: says[idioma] })) };
}
