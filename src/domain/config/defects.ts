/**
 * Defects of a configuration, said so that a person can mend them: where, what was found, what is allowed, in both languages.
 *
 * Owns the words. What is allowed is read from the JSON Schema of the very schema that refused, so the two cannot disagree.
 * A secret's value never enters a text.
 */
import type { z } from 'zod';
import { CoreCError, errorText, type ErrorCode, type ErrorDetails, type Idioma } from '../errors.ts';
import type { JsonPath } from './json.ts';
import { nearestKey } from '../texts/nearest.ts';
import { allowedAt, nodeAt, type SchemaNode } from './json-schema.ts';

/** One thing said in both languages. */
export type Bilingual = Readonly<Record<Idioma, string>>;

export interface ConfigDefect {
  readonly path: JsonPath;
  /** Without path and line: `is 9; allowed: a whole number from 1 to 5`. */
  readonly says: Bilingual;
}

/** An error of configuration that tells all defects at once, one a line, in the language asked for. */
export class ConfigError extends CoreCError {
  override readonly name = 'ConfigError';
  readonly defects: readonly ConfigDefect[];
  readonly detailsEs: ErrorDetails;

  constructor(code: ErrorCode, details: Readonly<Record<Idioma, ErrorDetails>>, defects: readonly ConfigDefect[] = []) {
    super(code, details.en);
    this.defects = defects;
    this.detailsEs = details.es;
  }

  override text(idioma: Idioma): string {
    return idioma === 'es' ? errorText(this.code, this.detailsEs, 'es') : super.text(idioma);
  }
}

/** The one error of many defects, in the order of their lines; `lineOf` is null when the text is no longer at hand. */
export function defectsError(
  file: string,
  defects: readonly ConfigDefect[],
  lineOf: ((path: JsonPath) => number) | null,
): ConfigError {
  const inOrder = defects
    .map((defect) => ({ defect, line: lineOf === null ? null : lineOf(defect.path) }))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const found = (idioma: Idioma): string =>
    inOrder
      .map(({ defect, line }) => {
        const where = line === null ? '' : `${LINE[idioma]} ${line}: `;
        return `  ${where}${pathText(defect.path) || WHOLE[idioma]} ${defect.says[idioma]}`;
      })
      .join('\n');
  const details = (idioma: Idioma): ErrorDetails => ({ path: file, count: defects.length, found: found(idioma) });
  return new ConfigError(
    'COREC_E_CONFIG_INVALID',
    { en: details('en'), es: details('es') },
    inOrder.map(({ defect }) => defect),
  );
}

const LINE: Bilingual = { en: 'line', es: 'línea' };
const WHOLE: Bilingual = { en: 'the whole file', es: 'el archivo entero' };

/** `bloques[0].canal`; keys that are no plain names stand in quotes. Empty for the root. */
export function pathText(path: JsonPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** The steps of a plain path text like `plugins[0].bloque`. */
export function pathOf(text: string): JsonPath {
  return text.match(/[^.[\]]+/g)?.map((step) => (/^\d+$/.test(step) ? Number(step) : step)) ?? [];
}

export function defect(path: JsonPath, en: string, es: string): ConfigDefect {
  return { path, says: { en, es } };
}

/** A defect of the usual kind: what was found, what is allowed. */
export function notAllowed(path: JsonPath, found: Bilingual, allowed: Bilingual): ConfigDefect {
  return defect(path, `is ${found.en}; allowed: ${allowed.en}`, `es ${found.es}; se permite: ${allowed.es}`);
}

/** zod's issues as defects. `root`: the value that was parsed; `filled`: see variables.ts. */
export function defectsOfIssues(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  schema: SchemaNode,
  filled: ReadonlyMap<string, string>,
): ConfigDefect[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((step) => typeof step !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      const known = nodeAt(schema, path, root)?.properties ?? {};
      return issue.keys.map((key) => unknownKey([...path, key], key, known));
    }
    if (issue.code === 'invalid_union') {
      // the alternative of the right kind tells what is wrong inside; one of another kind only says so of the whole
      const inside = issue.errors.find((one) => one.length > 0 && one.every((inner) => inner.path.length > 0));
      const deeper = inside?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
      if (deeper !== undefined) return defectsOfIssues(deeper, root, schema, filled);
    }
    const node = nodeAt(schema, path, root);
    const allowed = allowedBy(issue, node);
    const value = valueAt(root, path);
    if (value === undefined) return [defect(path, `is missing; give ${allowed.en}`, `falta; dé ${allowed.es}`)];
    return [notAllowed(path, foundText(value, node?.secreto === true, filled.get(JSON.stringify(path))), allowed)];
  });
}

/** From the schema node; a check that a JSON Schema cannot hold says it in the issue itself. */
function allowedBy(issue: z.core.$ZodIssue, node: SchemaNode | null): Bilingual {
  if (issue.code === 'custom') return { en: issue.message, es: issue.message };
  const told = issue.code === 'invalid_value' ? { enum: [...issue.values] } : node;
  return { en: allowedAt(told, 'en'), es: allowedAt(told, 'es') };
}

export function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root;
  for (const step of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

const KINDS: Readonly<Record<string, Bilingual>> = {
  string: { en: 'a text', es: 'un texto' },
  number: { en: 'a number', es: 'un número' },
  boolean: { en: 'true or false', es: 'true o false' },
  object: { en: 'an object {...}', es: 'un objeto {...}' },
  array: { en: 'a list [...]', es: 'una lista [...]' },
  null: { en: 'null', es: 'null' },
};

const FOUND_CHARS_MAX = 80;

function foundText(value: unknown, secreto: boolean, written: string | undefined): Bilingual {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const kind = KINDS[type]!;
  if (type === 'object' || type === 'array' || type === 'null') return kind;
  if (secreto) return { en: `${kind.en} (not shown)`, es: `${kind.es} (no se muestra)` };
  const json = JSON.stringify(value);
  const short = json.length > FOUND_CHARS_MAX ? `${json.slice(0, FOUND_CHARS_MAX)}..."` : json;
  if (written === undefined) return { en: short, es: short };
  return { en: `${short} (from ${written})`, es: `${short} (de ${written})` };
}

function unknownKey(path: JsonPath, key: string, known: Readonly<Record<string, SchemaNode>>): ConfigDefect {
  const names = Object.keys(known);
  const home = names.find((name) => Object.hasOwn(known[name]!.properties ?? {}, key));
  const nearest = home === undefined ? nearestKey(key, names) : `${home}.${key}`;
  if (nearest === null) {
    const list = names.join(', ');
    return defect(
      path,
      `is not a known key; known here: ${list}`,
      `no es una clave conocida; aquí se conocen: ${list}`,
    );
  }
  return defect(
    path,
    `is not a known key; did you mean "${nearest}"?`,
    `no es una clave conocida; ¿quiso decir "${nearest}"?`,
  );
}
