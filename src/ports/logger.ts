/** Log lines. `tag` is the specification's, e.g. `ModuloRegistro`; fields are JSON-safe and small. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(tag: string, text: string, fields?: LogFields): void;
  info(tag: string, text: string, fields?: LogFields): void;
  warn(tag: string, text: string, fields?: LogFields): void;
  error(tag: string, text: string, fields?: LogFields): void;
}
