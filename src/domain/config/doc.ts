/**
 * How a schema node carries its documentation: meaning, unit and default in both languages, and what is allowed where a pattern
 * says it to machines only. Editors read it from `corec config schema`, defects.ts reads it for its messages.
 */
import type { z } from 'zod';

/** `descripcion` and `permitido*` are ours; the published JSON Schema keeps only `description`. */
export interface Doc {
  readonly en: string;
  readonly es: string;
  /** What may stand here, when the JSON Schema alone does not tell a person (patterns, free text). */
  readonly permitido?: { readonly en: string; readonly es: string };
  /** True: the value is never shown, neither in defects nor in `config check`. */
  readonly secreto?: boolean;
}

/** Documents `schema`; call it last, so that it stands on the node with the default. */
export function doc<T extends z.ZodType>(schema: T, texts: Doc): T {
  return schema.meta({
    description: texts.en,
    descripcion: texts.es,
    ...(texts.permitido === undefined ? {} : { permitido: texts.permitido.en, permitido_es: texts.permitido.es }),
    ...(texts.secreto === true ? { secreto: true } : {}),
  });
}
