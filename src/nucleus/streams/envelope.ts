/**
 * What stands in the field `data` of corec_commands and corec_responses: versioned JSON in, versioned JSON out (docs/STREAMS.md).
 *
 * Owns the form of both and the words for what does not fit. Leaves whether there is such a command, and its arguments, to the
 * command table.
 *
 * E1 Version 1. Fields are only added; one that changes its meaning makes version 2.
 * E2 What has an id that can be read is answered, whatever else is wrong with it; what has none cannot be, and is dead.
 * E3 An answer names the entry it answers, so that a sender can tell it by that too.
 */
import { z } from 'zod';
import { ENTRY_ID, ENTRY_ID_PERMITIDO } from '#domain/config/schema.ts';
import { nearestKey } from '#domain/texts/nearest.ts';
import { messageOf, type CoreCError, type Idioma } from '#domain/errors.ts';
import { STREAMS } from '#domain/streams.ts';
import type { StreamFields } from '#ports/stream-bus.ts';
import { CommandError } from '../commands/command.ts';
import { errorJson } from '../commands/error-json.ts';

/** As HTTP takes for arguments. */
export const DATA_BYTES_MAX = 1024 * 1024;
/** With instance and entry it stays below the 256 characters of an id for appendOnce. */
export const COMMAND_ID_CHARS_MAX = 128;
const COMMAND_CHARS_MAX = 128;
/** What is shown of something that was found. */
const FOUND_CHARS_MAX = 80;

type Said = Readonly<Record<Idioma, string>>;
const same = (text: string): Said => ({ en: text, es: text });
const textOf = (max: number): Said => ({
  en: `a text of 1 to ${max} characters`,
  es: `un texto de 1 a ${max} caracteres`,
});

/** A field of a command: what it must be, and the same in words. */
const FIELDS = {
  v: { schema: z.literal(1), allowed: same('1') },
  id: { schema: z.string().min(1).max(COMMAND_ID_CHARS_MAX), allowed: textOf(COMMAND_ID_CHARS_MAX) },
  command: { schema: z.string().min(1).max(COMMAND_CHARS_MAX), allowed: textOf(COMMAND_CHARS_MAX) },
  arguments: {
    schema: z.record(z.string(), z.unknown()).optional(),
    allowed: { en: 'an object {...}', es: 'un objeto {...}' },
  },
  plugin: { schema: z.string().regex(ENTRY_ID).optional(), allowed: ENTRY_ID_PERMITIDO },
  instance_id: { schema: z.string().regex(ENTRY_ID).optional(), allowed: ENTRY_ID_PERMITIDO },
  idioma: { schema: z.enum(['en', 'es']).optional(), allowed: { en: 'en or es', es: 'en o es' } },
  by: { schema: z.string().min(1).max(128).optional(), allowed: textOf(128) },
} as const;
const NAMES = Object.keys(FIELDS);

const schema = z.strictObject(
  Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, field.schema])) as {
    [K in keyof typeof FIELDS]: (typeof FIELDS)[K]['schema'];
  },
);

/** A command as it came, its form judged. */
export interface StreamCommand {
  readonly id: string;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Whom it is for; null: CoreC itself. */
  readonly plugin: string | null;
  /** Null: that of the instance. */
  readonly idioma: Idioma | null;
  /** Who sent it, for the record. */
  readonly by: string | null;
}

/** Why an entry is beyond help. A reason is a metric label: the set is closed. */
export type DeadReason = 'malformed' | 'too_long' | 'deliveries';

export type ParsedEntry =
  | { readonly kind: 'command'; readonly command: StreamCommand }
  /** For another instance. */
  | { readonly kind: 'foreign' }
  | {
      readonly kind: 'refused';
      readonly id: string;
      readonly command: string;
      readonly idioma: Idioma | null;
      readonly error: CommandError;
    }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly found: string };

export function parseCommand(fields: StreamFields, instanceId: string): ParsedEntry {
  const { data } = fields;
  if (data === undefined) {
    const names = Object.keys(fields).slice(0, 8).join(', ').slice(0, FOUND_CHARS_MAX);
    return dead('malformed', `no field data, only ${names === '' ? 'none' : names}`);
  }
  if (data.length > DATA_BYTES_MAX) return dead('too_long', `data of ${data.length} bytes; at most ${DATA_BYTES_MAX}`);
  let value: unknown;
  try {
    value = JSON.parse(typeof data === 'string' ? data : decoder.decode(data));
  } catch (error) {
    return dead('malformed', `data is not JSON: ${messageOf(error).slice(0, FOUND_CHARS_MAX)}`);
  }
  const plain = plainCommand(value);
  if (plain !== null) return { kind: 'command', command: plain };
  const result = schema.safeParse(value);
  if (result.success) {
    const {
      id,
      command,
      arguments: args = {},
      plugin = null,
      instance_id: target,
      idioma = null,
      by = null,
    } = result.data;
    if (target !== undefined && target !== instanceId) return { kind: 'foreign' };
    return { kind: 'command', command: { id, command, args, plugin, idioma, by } };
  }
  const raw = (value !== null && typeof value === 'object' ? value : {}) as Readonly<Record<string, unknown>>;
  if (!FIELDS.id.schema.safeParse(raw['id']).success) {
    return dead('malformed', raw['id'] === undefined ? 'a command without an id' : `the id ${shown(raw['id'])}`);
  }
  if (typeof raw['instance_id'] === 'string' && raw['instance_id'] !== instanceId) return { kind: 'foreign' };
  const idioma = FIELDS.idioma.schema.safeParse(raw['idioma']).data ?? null;
  const command = typeof raw['command'] === 'string' ? raw['command'].slice(0, 128) : '';
  return { kind: 'refused', id: raw['id'] as string, command, idioma, error: refusal(result.error.issues, raw) };
}

/**
 * What nearly every command is, version, id, name and arguments alone, without the schema, which costs as much as everything else that
 * is done to read one. Null: the schema decides.
 */
function plainCommand(value: unknown): StreamCommand | null {
  if (value === null || typeof value !== 'object') return null;
  for (const name in value) if (!PLAIN.has(name)) return null;
  const { v, id, command, arguments: args = {} } = value as Readonly<Record<string, unknown>>;
  if (v !== 1 || !isText(id, COMMAND_ID_CHARS_MAX) || !isText(command, COMMAND_CHARS_MAX)) return null;
  if (args === null || typeof args !== 'object' || Array.isArray(args) || Object.hasOwn(args, '__proto__')) return null;
  return { id, command, args: args as Readonly<Record<string, unknown>>, plugin: null, idioma: null, by: null };
}

const PLAIN: ReadonlySet<string> = new Set(['v', 'id', 'command', 'arguments']);
const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max;

/** The field `data` of an answer. `result` is JSON already: answers that are alike are made once. */
export function answerText(
  to: {
    readonly instanceId: string;
    readonly id: string;
    readonly entry: string;
    readonly command: string;
    readonly plugin: string | null;
  },
  outcome: { readonly result: string } | { readonly error: CoreCError; readonly idioma: Idioma },
): string {
  const head =
    `{"v":1,"id":${JSON.stringify(to.id)},"entry":"${to.entry}","instance_id":${JSON.stringify(to.instanceId)},` +
    `"command":${JSON.stringify(to.command)},${to.plugin === null ? '' : `"plugin":${JSON.stringify(to.plugin)},`}`;
  if ('result' in outcome) return `${head}"ok":true,"result":${outcome.result}}`;
  return `${head}"ok":false,"error":${JSON.stringify(errorJson(outcome.error, outcome.idioma))}}`;
}

/** The answer that an earlier entry of the same id got, for the entry `entry`; null when `data` is no answer, or is that entry's own. */
export function repeatedAnswer(data: string | Uint8Array | undefined, entry: string): string | null {
  if (data === undefined) return null;
  try {
    const first = JSON.parse(typeof data === 'string' ? data : decoder.decode(data)) as Record<string, unknown>;
    if (first === null || typeof first !== 'object' || first['entry'] === entry) return null;
    const { v, id, entry: _first, ...rest } = first;
    return JSON.stringify({ v, id, entry, repeated: true, ...rest });
  } catch {
    return null;
  }
}

const decoder = new TextDecoder();

function dead(reason: DeadReason, found: string): ParsedEntry {
  return { kind: 'dead', reason, found };
}

function refusal(issues: readonly z.core.$ZodIssue[], raw: Readonly<Record<string, unknown>>): CommandError {
  const defects = issues.flatMap((issue) => defectsOf(issue, raw));
  const details = (idioma: Idioma): { stream: string; found: string; allowed: string } => ({
    stream: STREAMS.commands,
    found: defects.map(({ found }) => found[idioma]).join('; '),
    allowed: [...new Set(defects.map(({ allowed }) => allowed[idioma]))].join('; '),
  });
  return new CommandError('COREC_E_STREAM_ENTRY', { en: details('en'), es: details('es') });
}

function defectsOf(issue: z.core.$ZodIssue, raw: Readonly<Record<string, unknown>>): { found: Said; allowed: Said }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, 8).map((key) => {
      const nearest = nearestKey(key, NAMES);
      return {
        found: { en: `there is no field ${shown(key)}`, es: `no existe el campo ${shown(key)}` },
        allowed:
          nearest === null
            ? same(NAMES.join(', '))
            : { en: `${nearest} (did you mean that?)`, es: `${nearest} (¿quiso decir eso?)` },
      };
    });
  }
  const name = String(issue.path[0]) as keyof typeof FIELDS;
  const { allowed } = FIELDS[name];
  const value = raw[name];
  return [
    {
      found:
        value === undefined
          ? { en: `${name} is missing`, es: `falta ${name}` }
          : { en: `${name} is ${shown(value)}`, es: `${name} es ${shown(value)}` },
      allowed: { en: `${name}: ${allowed.en}`, es: `${name}: ${allowed.es}` },
    },
  ];
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > FOUND_CHARS_MAX ? `${json.slice(0, FOUND_CHARS_MAX)}...` : json;
}
