/**
 * The mapping: which fields of a record make clave, valor and ts. As an object (configuration), as one line of text
 * (`clave=sensor,valor=temp,ts=time`, command line) and as query parameters (HTTP).
 *
 * Owns: the schema, its defaults in words, and the text form. Leaves guessing to resolve.ts and the rows to the parsers.
 *
 * M1 parseMapeo(formatMapeo(m)) equals m, a list of one written as that one and outer spaces of a name apart.
 * M2 A field is named as it stands in the data; `.` goes into an object or to an element of an array (`a.0.b`), `\.` is a dot
 *    of the name itself. In CSV there is nothing to go into: a name is the whole header cell.
 */
import { z } from 'zod';
import { CoreCError } from '#domain/errors.ts';
import { MAX_CLAVE_BYTES } from '#domain/lectura/batch.ts';
import { MAX_FIELDS } from './limits.ts';
import { parseZona } from './time.ts';

/** `valor: '*'`: every field that is a number and neither clave nor ts; in a wide table each other column is a clave. */
export const ALL_FIELDS = '*';

/** What may be written for the separators that are awkward on a command line. */
const SEPARADOR_WORDS: Readonly<Record<string, string>> = {
  coma: ',',
  'punto-y-coma': ';',
  tab: '\t',
  barra: '|',
};

const campo = z.string().min(1).max(1024);
const campos = z.union([campo, z.array(campo).min(1).max(MAX_FIELDS)]);

export const mapeoSchema = z
  .strictObject({
    formato: z.enum(['auto', 'ndjson', 'csv']).optional().describe('Format of the rows; auto looks at the first ones.'),
    clave: campos
      .nullable()
      .optional()
      .describe(
        'Field(s) that name the thing watched, joined with "/"; null: no field does (one series, a wide table).',
      ),
    prefijo: z
      .string()
      .min(1)
      .max(MAX_CLAVE_BYTES)
      .optional()
      .describe('Written before every clave as it stands; with no clave field and one valor it is the clave.'),
    valor: campos.optional().describe('Field with the number; several, or "*" for all, give <clave>/<field> each.'),
    ts: campo.nullable().optional().describe('Field with the time; null: the time of arrival.'),
    ts_formato: z
      .enum(['auto', 'iso', 's', 'ms', 'us', 'ns'])
      .optional()
      .describe('auto: ISO 8601, or an epoch number whose unit its size tells.'),
    ts_falta: z
      .enum(['rechazar', 'llegada'])
      .optional()
      .describe('A row without its time is refused (default), or gets the time of arrival.'),
    zona: z
      .string()
      .refine((text) => Number.isFinite(parseZona(text)), { error: 'expected an offset like +02:00, -0300 or UTC' })
      .optional()
      .describe('Offset of times that name none; default UTC.'),
    separador: z
      .string()
      .transform((text) => SEPARADOR_WORDS[text] ?? text)
      .pipe(z.enum([',', ';', '\t', '|']))
      .optional()
      .describe('CSV: between cells; also coma, punto-y-coma, tab, barra.'),
    decimal: z
      .string()
      .transform((text) => (text === 'coma' ? ',' : text === 'punto' ? '.' : text))
      .pipe(z.enum(['.', ',']))
      .optional()
      .describe('CSV: decimal point; also punto, coma.'),
    cabecera: z
      .boolean()
      .optional()
      .describe('CSV: whether the first row names the columns; without, they are col1, col2, ...'),
  })
  .describe('Which fields make clave, valor and ts. What is left out is guessed from the first rows.');

/** As the user may write it; what is absent is guessed. */
export type Mapeo = z.output<typeof mapeoSchema>;

export const MAPEO_FIELDS: readonly string[] = Object.keys(mapeoSchema.shape);

/** One or several, as a list. */
export function listOf(one: string | readonly string[] | null | undefined): readonly string[] {
  return one === undefined || one === null ? [] : typeof one === 'string' ? [one] : one;
}

/**
 * Reads the text form: `name=value` by commas, several fields of one by `|`; `\,` `\|` and `\\` stand for themselves. JSON is
 * taken too. Errors: CoreCError COREC_E_MAPPING naming the place (`source`), what was found and what is allowed.
 */
export function parseMapeo(text: string, source: string = '--map'): Mapeo {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) {
    let object: unknown;
    try {
      object = JSON.parse(trimmed);
    } catch (error) {
      throw mappingError(source, `not JSON (${(error as Error).message})`, 'clave=sensor,valor=temp,ts=time', error);
    }
    return checkMapeo(object, source);
  }
  const fields: Record<string, string[]> = {};
  for (const part of splitEscaped(trimmed, ',')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    const name = (at < 0 ? part : part.slice(0, at)).trim();
    if (at < 0) throw mappingError(source, `"${name}" without "="`, 'name=value, e.g. clave=sensor,valor=temp,ts=time');
    if (Object.hasOwn(fields, name))
      throw mappingError(source, `"${name}" twice`, 'each name once; several fields: valor=cpu|mem');
    fields[name] = splitEscaped(part.slice(at + 1), '|').map((value) => unescapeText(value.trim()));
  }
  return fromTexts(fields, source);
}

/**
 * The mapping in query parameters (`?clave=host&valor=cpu|mem`, or `?mapeo=clave=host,valor=cpu`); null when there is none.
 * Parameters of other names are left to others.
 */
export function mapeoFromQuery(
  query: Readonly<Record<string, string | readonly string[] | undefined>>,
  source: string = 'query',
): Mapeo | null {
  const whole = query['mapeo'];
  if (typeof whole === 'string') return parseMapeo(whole, source);
  const fields: Record<string, string[]> = {};
  for (const name of MAPEO_FIELDS) {
    const given = query[name];
    if (given === undefined) continue;
    // The separator `|` may stand alone here; elsewhere it parts a list.
    const texts = typeof given === 'string' ? (given === '|' ? ['\\|'] : splitEscaped(given, '|')) : given;
    fields[name] = texts.map(unescapeText);
  }
  return Object.keys(fields).length === 0 ? null : fromTexts(fields, source);
}

/** The text form of a mapping, for people to reuse. */
export function formatMapeo(mapeo: Mapeo): string {
  const parts: string[] = [];
  for (const name of MAPEO_FIELDS) {
    const value = mapeo[name as keyof Mapeo];
    if (value === undefined) continue;
    let text: string;
    if (value === null) text = '';
    else if (typeof value === 'boolean') text = value ? 'si' : 'no';
    else if (name === 'separador') text = wordOf(value as string);
    else if (name === 'decimal') text = value === ',' ? 'coma' : 'punto';
    else text = listOf(value).map(escapeText).join('|');
    parts.push(`${name}=${text}`);
  }
  return parts.join(',');
}

/** Checks an object; the errors of the schema become one COREC_E_MAPPING. */
function checkMapeo(object: unknown, source: string): Mapeo {
  const result = mapeoSchema.safeParse(object);
  if (result.success) return result.data;
  const found = result.error.issues
    .map((issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown ${issue.keys.map((key) => `"${key}"`).join(', ')}`
        : `${issue.path.join('.') || 'mapeo'}: ${issue.message}`,
    )
    .join('; ');
  throw mappingError(source, found, MAPEO_FIELDS.join(', '));
}

export function mappingError(source: string, found: string, allowed: string, cause?: unknown): CoreCError {
  return new CoreCError('COREC_E_MAPPING', { source, found, allowed }, cause);
}

function fromTexts(fields: Readonly<Record<string, readonly string[]>>, source: string): Mapeo {
  const object: Record<string, unknown> = {};
  for (const [name, values] of Object.entries(fields)) {
    const only = values.length === 1 ? values[0]! : values;
    if (name === 'cabecera')
      object[name] = only === 'si' || only === 'true' ? true : only === 'no' || only === 'false' ? false : only;
    else if ((name === 'ts' || name === 'clave') && only === '') object[name] = null;
    else object[name] = only;
  }
  return checkMapeo(object, source);
}

function wordOf(separador: string): string {
  for (const [word, character] of Object.entries(SEPARADOR_WORDS)) if (character === separador) return word;
  return separador;
}

function escapeText(text: string): string {
  return text.replace(/[\\,|]/g, '\\$&');
}

/** Undoes escapeText; a backslash before anything else stays, so that `a\.b` may be written as it is. */
function unescapeText(text: string): string {
  return text.replace(/\\([\\,|])/g, '$1');
}

/** Splits at `separator` where no backslash stands before it; escapes stay. */
function splitEscaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && i + 1 < text.length) part += character + text[++i]!;
    else if (character === separator) {
      parts.push(part);
      part = '';
    } else part += character;
  }
  parts.push(part);
  return parts;
}
