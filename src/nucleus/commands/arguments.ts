/**
 * Arguments: from the catalogue's rows to a zod schema, and from what was given to what a handler gets, with defects that name the
 * argument, what was found and what is allowed.
 *
 * G1 The schema and the words of a fault come from the same row, so they cannot disagree.
 * G2 What is read without the schema is read as the schema would.
 * G3 A fault's text holds at most FOUND_CHARS_MAX characters of what was given.
 */
import { z } from 'zod';
import type { Idioma } from '#domain/errors.ts';
import { nearestKey } from '#domain/texts/nearest.ts';
import type { Arg, Args, CommandEntry, Said } from './catalogue.ts';
import { CommandError, type ArgValues } from './command.ts';
import { parseMoment, parseSpan } from './spans.ts';

const FOUND_CHARS_MAX = 80;

/** The schema of what may be given: unknown names are refused, defaults filled in. Moments and spans stay as they were written. */
export function inputSchemaOf(args: Args): z.ZodType<Readonly<Record<string, unknown>>> {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, arg] of Object.entries(args)) {
    shape[name] = schemaOf(arg).describe(arg.says.en).meta({ descripcion: arg.says.es });
  }
  return z.strictObject(shape);
}

function schemaOf(arg: Arg): z.ZodType {
  switch (arg.kind) {
    case 'text': {
      const schema = z
        .string()
        .min(arg.default === '' ? 0 : 1)
        .max(arg.max);
      if (arg.required === true) return schema;
      return arg.default === undefined ? schema.nullish() : schema.default(arg.default);
    }
    case 'number':
      return z.int().min(arg.min).max(arg.max).default(arg.default);
    case 'flag':
      return z.boolean().default(arg.default);
    case 'choice':
      return z.enum(arg.choices).default(arg.default);
    case 'time':
      return z.union([z.string().refine((text) => parseMoment(text, 0) !== null), z.number()]).nullish();
    case 'span':
      return z
        .string()
        .refine((text) => parseSpan(text) !== null)
        .default(arg.default);
  }
}

/**
 * What nearly all arguments are, judged by the rows alone: the schema costs as much as carrying out a command that looks. Null: the
 * schema decides, which has the words for what is wrong.
 */
export function plainValues(args: Args, given: unknown): Record<string, unknown> | null {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return null;
  for (const name in given) if (!Object.hasOwn(args, name)) return null;
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(args)) {
    const value = plainValue(args[name]!, (given as Readonly<Record<string, unknown>>)[name]);
    if (value === undefined) return null;
    values[name] = value;
  }
  return values;
}

/** Undefined: the schema decides. */
function plainValue(arg: Arg, value: unknown): unknown {
  switch (arg.kind) {
    case 'text': {
      if (value === undefined) return arg.required === true ? undefined : (arg.default ?? null);
      const min = arg.default === '' ? 0 : 1;
      return typeof value === 'string' && value.length >= min && value.length <= arg.max ? value : undefined;
    }
    case 'number':
      if (value === undefined) return arg.default;
      return Number.isSafeInteger(value) && (value as number) >= arg.min && (value as number) <= arg.max
        ? value
        : undefined;
    case 'flag':
      if (value === undefined) return arg.default;
      return typeof value === 'boolean' ? value : undefined;
    case 'choice':
      if (value === undefined) return arg.default;
      return arg.choices.includes(value as string) ? value : undefined;
    case 'time':
      return value === undefined ? null : undefined;
    case 'span':
      return value === undefined ? (parseSpan(arg.default) ?? undefined) : undefined;
  }
}

/**
 * Judges raw arguments and brings them into the form handlers get.
 *
 * @throws CommandError COREC_E_ARGUMENT with every fault.
 */
export function readArguments<A extends Args>(
  entry: CommandEntry & { readonly args: A },
  schema: z.ZodType<Readonly<Record<string, unknown>>>,
  raw: unknown,
  nowMs: number,
): ArgValues<A> {
  const given = raw ?? {};
  const plain = plainValues(entry.args, given);
  if (plain !== null) return plain as ArgValues<A>;
  const result = schema.safeParse(given);
  if (!result.success) throw argumentError(entry, result.error.issues, given);
  const values: Record<string, unknown> = {};
  for (const [name, arg] of Object.entries(entry.args)) {
    const value = result.data[name] ?? null;
    if (value === null) values[name] = null;
    else if (arg.kind === 'time') values[name] = parseMoment(value as string | number, nowMs);
    else if (arg.kind === 'span') values[name] = parseSpan(value as string);
    else values[name] = value;
  }
  return values as ArgValues<A>;
}

function argumentError(entry: CommandEntry, issues: readonly z.core.$ZodIssue[], given: unknown): CommandError {
  const defects = issues.flatMap((issue) => defectsOf(entry, issue, given));
  const details = (idioma: Idioma): { command: string; found: string; allowed: string } => ({
    command: entry.name,
    found: defects.map((fault) => fault.found[idioma]).join('; '),
    allowed: [...new Set(defects.map((fault) => fault.allowed[idioma]))].join('; '),
  });
  return new CommandError('COREC_E_ARGUMENT', { en: details('en'), es: details('es') });
}

interface ArgFault {
  readonly found: Said;
  readonly allowed: Said;
}

function defectsOf(entry: CommandEntry, issue: z.core.$ZodIssue, given: unknown): ArgFault[] {
  const names = Object.keys(entry.args);
  const known: Said =
    names.length === 0
      ? { en: 'no arguments', es: 'ningún argumento' }
      : { en: names.join(', '), es: names.join(', ') };
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const nearest = nearestKey(key, names);
      const name = shown(key);
      return {
        found: { en: `there is no argument ${name}`, es: `no existe el argumento ${name}` },
        allowed:
          nearest === null ? known : { en: `${nearest} (did you mean that?)`, es: `${nearest} (¿quiso decir eso?)` },
      };
    });
  }
  const name = issue.path.length === 0 ? undefined : String(issue.path[0]);
  const arg = name === undefined ? undefined : entry.args[name];
  if (name === undefined || arg === undefined) {
    return [
      { found: { en: `arguments are ${shown(given)}`, es: `los argumentos son ${shown(given)}` }, allowed: known },
    ];
  }
  const value = (given as Record<string, unknown>)[name];
  const allowed = allowedOf(arg);
  const allowedNamed = { en: `${name}: ${allowed.en}`, es: `${name}: ${allowed.es}` };
  if (value === undefined || value === null) {
    return [{ found: { en: `${name} is missing`, es: `falta ${name}` }, allowed: allowedNamed }];
  }
  return [{ found: { en: `${name} is ${shown(value)}`, es: `${name} es ${shown(value)}` }, allowed: allowedNamed }];
}

/** What an argument may be, in words. */
export function allowedOf(arg: Arg): Said {
  switch (arg.kind) {
    case 'text':
      return {
        en: `a text of 1 to ${arg.max} characters (${arg.says.en})`,
        es: `un texto de 1 a ${arg.max} caracteres (${arg.says.es})`,
      };
    case 'number':
      return { en: `a whole number from ${arg.min} to ${arg.max}`, es: `un entero de ${arg.min} a ${arg.max}` };
    case 'flag':
      return { en: 'true or false', es: 'true o false' };
    case 'choice':
      return { en: arg.choices.join(' or '), es: arg.choices.join(' o ') };
    case 'time':
      return {
        en: 'a moment: 2026-01-31, 2026-01-31T12:00Z, UTC ms, or how long ago (30m, 2h, 7d)',
        es: 'un momento: 2026-01-31, 2026-01-31T12:00Z, ms UTC, o hace cuánto (30m, 2h, 7d)',
      };
    case 'span':
      return { en: 'a span: 90s, 30m, 2h, 1d', es: 'una duración: 90s, 30m, 2h, 1d' };
  }
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > FOUND_CHARS_MAX ? `${json.slice(0, FOUND_CHARS_MAX)}...` : json;
}
