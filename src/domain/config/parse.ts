/**
 * corec_config.json from text to CoreCConfig: the one door through which a configuration comes in.
 *
 *   text -> JSON with lines -> without $ notes -> ${VAR} filled in -> schema -> one shape
 *                |                                     |                |
 *                +---- syntax: stops ----              +-- defects of all three are gathered and told at once
 *
 * Leaves reading the file and the environment to app/load-config.ts.
 */
import { errorText, type Idioma } from '../errors.ts';
import type { CoreCConfig } from './config.ts';
import { crossDefects } from './cross.ts';
import { ConfigError, defect, defectsError, defectsOfIssues, pathText, valueAt, type ConfigDefect } from './defects.ts';
import { parseJson, type JsonPath } from './json.ts';
import { rawJsonSchema } from './json-schema.ts';
import { normalizeConfig, type ResolvePath } from './normalize.ts';
import { configSchema, type ConfigParsed } from './schema.ts';
import { expandVariables, type Environment, type VariableDefect } from './variables.ts';

/** Something that a person should know and that stops nothing. */
export interface ConfigNotice {
  /** A text code of domain/texts. */
  readonly code:
    | 'config.notice_secret'
    | 'config.notice_placeholder'
    | 'config.notice_implied'
    | 'config.notice_growth'
    | 'config.notice_memory'
    | 'config.notice_disk';
  /** JSON path in the file. */
  readonly path: string;
  readonly params: Readonly<Record<string, string | number>>;
}

export interface ParsedConfig {
  readonly config: CoreCConfig;
  readonly notices: readonly ConfigNotice[];
}

export interface ParseOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  readonly env: Environment;
  /** Makes a path of the file absolute; left out, paths stay as written. */
  readonly resolve?: ResolvePath;
}

/**
 * Parses and checks one configuration.
 *
 * @throws ConfigError COREC_E_CONFIG_JSON (line and column), COREC_E_CONFIG_VARIABLE (one variable is not set, all else is well) or
 *   COREC_E_CONFIG_INVALID (every defect, one a line).
 */
export function parseConfig(text: string, options: ParseOptions): ParsedConfig {
  const { file, env, resolve = (path: string) => path } = options;
  const json = parseJson(text);
  if (!json.ok) {
    const { line, column, found } = json.defect;
    const details = (idioma: Idioma): Record<string, string | number> => ({
      path: file,
      line,
      column,
      found: found[idioma],
    });
    throw new ConfigError('COREC_E_CONFIG_JSON', { en: details('en'), es: details('es') });
  }
  const { document } = json;
  const expanded = expandVariables(withoutNotes(document.value), env);
  const { parsed, defects: schemaDefects } = judge(expanded.value, expanded.filled);
  const missing = new Set(expanded.defects.map(({ path }) => JSON.stringify(path)));
  const defects = [
    ...document.repeated.map((path) =>
      defect(
        path,
        'is given twice in the same object; give it once',
        'está dos veces en el mismo objeto; délo una sola vez',
      ),
    ),
    ...expanded.defects.map(variableDefect),
    // a value with an unset variable in it is no value to judge
    ...[...schemaDefects, ...crossDefects(expanded.value)].filter(({ path }) => !missing.has(JSON.stringify(path))),
  ];
  const [only] = expanded.defects;
  if (defects.length === 1 && only?.kind === 'unset') {
    const details = { path: `${file}: ${pathText(only.path)}`, name: only.name };
    throw new ConfigError('COREC_E_CONFIG_VARIABLE', { en: details, es: details }, defects);
  }
  if (defects.length > 0 || parsed === null) throw defectsError(file, defects, (path) => document.lineOf(path));
  const config = normalizeConfig(parsed, resolve);
  return { config, notices: noticesOf(config, expanded.value, expanded.filled) };
}

/**
 * The schema's judgement. A text that came from a variable may stand for a number, true, false or null where the schema refuses it
 * as a text: an environment knows texts only.
 */
function judge(
  value: unknown,
  filled: ReadonlyMap<string, string>,
): { parsed: ConfigParsed | null; defects: ConfigDefect[] } {
  let root = value;
  let result = configSchema.safeParse(root);
  if (!result.success && filled.size > 0) {
    const refused = result.error.issues
      .map((issue) => issue.path as JsonPath)
      .filter((path) => path.length > 0 && filled.has(JSON.stringify(path)));
    if (refused.length > 0) {
      root = structuredClone(root);
      for (const path of refused) replaceAt(root, path, literalOf(valueAt(root, path)));
      result = configSchema.safeParse(root);
    }
  }
  if (result.success) return { parsed: result.data, defects: [] };
  return { parsed: null, defects: defectsOfIssues(result.error.issues, root, rawJsonSchema(), filled) };
}

function literalOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  if (value === 'null') return null;
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : value;
}

function replaceAt(root: unknown, path: JsonPath, value: unknown): void {
  const parent = valueAt(root, path.slice(0, -1)) as Record<string | number, unknown>;
  parent[path.at(-1)!] = value;
}

/** Keys that begin with `$` are notes for readers and editors, at every depth. */
function withoutNotes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNotes);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith('$'))
      .map(([key, inner]) => [key, withoutNotes(inner)]),
  );
}

function variableDefect({ path, kind, name }: VariableDefect): ConfigDefect {
  if (kind === 'unset') {
    const text = (idioma: Idioma): string =>
      errorText('COREC_E_CONFIG_VARIABLE', { path: '', name }, idioma).trimStart().replace(/\.$/, '');
    return defect(path, text('en'), text('es'));
  }
  return defect(
    path,
    `has ${JSON.stringify(name)}, which is no variable; allowed: \${NAME}, \${NAME:-default}, or $\${ for the characters themselves`,
    `tiene ${JSON.stringify(name)}, que no es una variable; se permite: \${NOMBRE}, \${NOMBRE:-valor}, o $\${ para los propios caracteres`,
  );
}

const SECRETS: readonly JsonPath[] = [
  ['db_config', 'password'],
  ['redis_config', 'password'],
  ['http', 'token'],
  ['alertas', 'webhook', 'token'],
];
/** Passwords of the specification's sample: as good as published. */
const PLACEHOLDERS: ReadonlySet<unknown> = new Set(['your_password', 'secure_password']);

function noticesOf(config: CoreCConfig, root: unknown, filled: ReadonlyMap<string, string>): ConfigNotice[] {
  const notices: ConfigNotice[] = [];
  for (const path of SECRETS) {
    const value = valueAt(root, path);
    if (PLACEHOLDERS.has(value)) {
      notices.push({ code: 'config.notice_placeholder', path: pathText(path), params: {} });
      continue;
    }
    if (typeof value === 'string' && value !== '' && !filled.has(JSON.stringify(path))) {
      notices.push({ code: 'config.notice_secret', path: pathText(path), params: {} });
    }
  }
  for (const entry of config.bloques) {
    if (entry.origen !== 'fuente') continue;
    notices.push({
      code: 'config.notice_implied',
      path: entry.path,
      params: { bloque: entry.id, procesador: entry.procesador },
    });
  }
  return notices;
}
