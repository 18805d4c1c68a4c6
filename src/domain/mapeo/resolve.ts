/**
 * From the mapping asked for (perhaps none) and the first bytes to a mapping that leaves nothing open.
 *
 * Owns: guessing fields, checking the named ones against the data, and saying the result in words. Leaves looking at the
 * bytes to sample.ts and doing the work to the parsers.
 *
 * G1 Resolving a resolved mapping against the same data gives it back: its text form can be reused and stored.
 * G2 Same bytes, same request, same result.
 *
 * The guess, in this order; a role that the request names is taken as it is:
 *   ts     a field with a usual name that holds times (or numbers of an epoch's size); else the first that holds times
 *   valor  a field with a usual name that holds numbers
 *   clave  a field with a usual name; else the first text that repeats
 *   valor  else: all fields with numbers. One and no clave: the clave is the source's name (a file's stem). Several: a clave
 *          per field (a wide table), below the row's clave when it has one.
 */
import type { Idioma } from '#domain/errors.ts';
import { decodeUtf8, NEWLINE } from './bytes.ts';
import { rankClave, rankTs, rankValor } from './field-names.ts';
import { SAMPLE_ROWS } from './limits.ts';
import { ALL_FIELDS, formatMapeo, listOf, mappingError, type Mapeo } from './mapeo.ts';
import { splitPath } from './path.ts';
import {
  csvRows,
  examineCsv,
  examineNdjson,
  looksBinary,
  looksLikeNdjson,
  parseRecord,
  sampleLines,
  sampleText,
  type CsvSample,
  type FoundField,
  type NdjsonSample,
} from './sample.ts';

/** A body is small and there are many: fewer rows have to tell. */
const BODY_SAMPLE_ROWS = 20;
const BODY_SAMPLE_BYTES = 32 << 10;

export interface ResolveRequest {
  /** What the user gave; null to guess all. */
  readonly pedido: Mapeo | null;
  /** The clave of data that holds a single series: a file's stem. */
  readonly nombre: string;
  /** For errors: which source this is. */
  readonly source: string;
  /** True: a named field that the first rows lack is an error (a file). False: each row is judged for itself (an HTTP body). */
  readonly verify: boolean;
}

/** A mapping that leaves nothing open: formato, valor and ts are there, the columns of CSV are known. */
export interface Resolution {
  readonly mapeo: Mapeo & {
    readonly formato: 'ndjson' | 'csv';
    readonly valor: string | string[];
    readonly ts: string | null;
  };
  /** CSV: names of the columns in order. */
  readonly columns: readonly string[];
  readonly fields: readonly FoundField[];
  /** Things a person should know, in English: fields not seen, columns of the same name. */
  readonly notices: readonly string[];
}

/**
 * Resolves against the beginning of the data; `whole` tells that nothing follows. Null: more bytes are needed to tell.
 * Errors: CoreCError COREC_E_MAPPING.
 */
export function resolveMapeo(sample: Uint8Array, whole: boolean, request: ResolveRequest): Resolution | null {
  const { pedido } = request;
  const quick = pedido?.formato === 'csv' ? null : resolveQuickly(sample, request);
  if (quick !== null) return quick;
  if (!request.verify && sample.length > BODY_SAMPLE_BYTES) {
    const found = resolveOn(sample.subarray(0, BODY_SAMPLE_BYTES), false, request);
    if (found !== null) return found;
  }
  return resolveOn(sample, whole, request);
}

function resolveOn(sample: Uint8Array, whole: boolean, request: ResolveRequest): Resolution | null {
  const { pedido, source } = request;
  const asked = pedido?.formato === undefined || pedido.formato === 'auto' ? null : pedido.formato;
  if (asked === null && looksBinary(sample)) {
    throw mappingError(
      source,
      'bytes that are no text (NUL bytes: UTF-16, an image, an archive?)',
      'NDJSON or CSV in UTF-8',
    );
  }
  const text = sampleText(sample);
  const lines = sampleLines(text, whole, request.verify ? SAMPLE_ROWS : BODY_SAMPLE_ROWS);
  if (lines.length === 0 && !whole) return null;
  if (asked === 'ndjson' || (asked === null && looksLikeNdjson(lines)))
    return resolveNdjson(examineNdjson(lines), request);
  if (asked === null) refuseOtherJson(text, lines, source);
  return resolveCsv(text, lines, whole, request);
}

/**
 * The bodies of a busy door, without a look at more than one line: a mapping that leaves nothing open, or records as CoreC
 * writes them. Null: it takes more.
 */
function resolveQuickly(sample: Uint8Array, request: ResolveRequest): Resolution | null {
  const { pedido, nombre } = request;
  if (request.verify) return null;
  const roles = { pedido, nombre, formato: 'ndjson' as const, csv: null, fields: [], notices: [] };
  if (pedido !== null && pedido.formato === 'ndjson' && pedido.clave !== undefined && pedido.ts !== undefined) {
    const { valor, ts, ts_falta } = pedido;
    if (valor === undefined || valor === ALL_FIELDS) return null;
    return finish({ ...roles, guessed: { clave: listOf(pedido.clave), valor, ts, ts_falta } });
  }
  if (pedido !== null && Object.keys(pedido).some((name) => name !== 'formato')) return null;
  const at = sample.indexOf(NEWLINE);
  const record = parseRecord(decodeUtf8(sample, 0, at < 0 ? sample.length : at)) as Record<string, unknown> | null;
  if (record === null || !Object.hasOwn(record, 'clave') || !Object.hasOwn(record, 'valor')) return null;
  const ts = Object.hasOwn(record, 'ts') ? 'ts' : Object.hasOwn(record, 'tsMs') ? 'tsMs' : null;
  if (ts === null) return null;
  return finish({ ...roles, guessed: { clave: ['clave'], valor: 'valor', ts, ts_falta: 'llegada' } });
}

/** A pretty-printed document or one big array looks like JSON and is no NDJSON: said so, instead of taken for odd CSV. */
function refuseOtherJson(text: string, lines: readonly string[], source: string): void {
  const first = lines[0] ?? '';
  if (/^[[{]\s*("|$|\{|\[)/.test(first) && text.trimStart().startsWith(first.slice(0, 1))) {
    throw mappingError(
      source,
      `JSON that is not one record a line: ${clip(first)}`,
      "NDJSON, one object a line (jq -c '.[]'), or CSV",
    );
  }
}

// --- NDJSON

function resolveNdjson(sample: NdjsonSample, request: ResolveRequest): Resolution {
  const { pedido, nombre, source } = request;
  const { fields } = sample;
  const notices: string[] = [];
  if (sample.listed > 0) {
    throw mappingError(source, 'arrays of JSON objects', "NDJSON, one object a line (jq -c '.[]')");
  }
  if (pedido?.valor === undefined || pedido.valor === ALL_FIELDS || pedido.ts === undefined) {
    if (sample.rows === 0)
      throw mappingError(
        source,
        'no row that is a JSON object',
        'NDJSON, one object a line; or a mapping with clave, valor and ts',
      );
  }
  const names = new Set(fields.map((field) => field.name));
  const isSeen = (path: string): boolean => {
    const below = `${path}.`;
    return names.has(path) || fields.some((field) => field.name.startsWith(below));
  };
  if (request.verify && sample.rows > 0 && pedido !== null) checkNamed(pedido, isSeen, fields, source, notices);
  const guessed = guess(fields, sample.rows, pedido, source);
  let { ts, ts_falta } = guessed;
  // Records as CoreC writes them: with or without the time.
  if (pedido?.ts === undefined && guessed.clave.join() === 'clave' && guessed.valor === 'valor') {
    ts ??= 'ts';
    ts_falta ??= 'llegada';
  }
  const valor = guessed.valor === ALL_FIELDS ? numeric(fields, [ts, ...guessed.clave]) : guessed.valor;
  if (valor.length === 0)
    throw mappingError(source, `no field that is a number; the data has ${list(fields)}`, 'a mapping with valor');
  return finish({
    formato: 'ndjson',
    guessed: { ...guessed, ts, ts_falta, valor },
    pedido,
    nombre,
    csv: null,
    fields,
    notices,
  });
}

// --- CSV

function resolveCsv(
  text: string,
  lines: readonly string[],
  whole: boolean,
  request: ResolveRequest,
): Resolution | null {
  const { pedido, nombre, source } = request;
  const named = [...listOf(pedido?.clave), ...listOf(pedido?.valor), pedido?.ts ?? ''].filter(
    (name) => name !== '' && name !== ALL_FIELDS,
  );
  // A header alone tells the columns, not what they hold.
  const needsRows =
    pedido?.valor === undefined ||
    pedido.ts === undefined ||
    pedido.separador === undefined ||
    pedido.cabecera === undefined;
  if (lines.length < (needsRows ? 2 : 1) && !whole) return null;
  const sample = examineCsv(text, whole, {
    separador: pedido?.separador,
    decimal: pedido?.decimal,
    cabecera: pedido?.cabecera,
    names: named,
  });
  const { columns, fields } = sample;
  if (columns.length === 0) {
    if (!whole && csvRows(text, sample.separador, true, 1).length > 0) return null;
    throw mappingError(source, 'no rows', 'a header and at least one row');
  }
  const notices: string[] = [];
  const columnOf = new Map<string, number>();
  const doubles = columns.filter((name, index) => {
    const isDouble = columnOf.has(name);
    if (!isDouble) columnOf.set(name, index);
    return isDouble;
  });
  if (doubles.length > 0)
    notices.push(`columns of the same name: ${clip([...new Set(doubles)].join(', '))}; a mapping takes the first`);
  checkNamed(pedido ?? {}, (name) => columnOf.has(name), fields, source, notices);
  const guessed = guess(fields, sample.rows, pedido, source);
  let { valor } = guessed;
  // Settled before, "*" stays what it was, whatever today's first rows hold.
  if (valor === ALL_FIELDS && (request.verify || pedido?.valor !== ALL_FIELDS)) {
    const roles = new Set([guessed.ts, ...guessed.clave]);
    const others = columns.filter((name) => !roles.has(name));
    // All but text: an empty column stays in, for it may fill later; one without a name does not.
    const kept = others.filter((name) => {
      const index = columnOf.get(name)!;
      const { kind } = fields[index]!;
      return kind !== 'text' && kind !== 'time' && (sample.named[index] === true || !sample.cabecera);
    });
    if (kept.length === 0) {
      const allowed = 'a mapping with valor, or another separador';
      throw mappingError(source, `no column that holds numbers; the data has ${list(fields)}`, allowed);
    }
    valor = kept.length === others.length ? ALL_FIELDS : kept;
  }
  return finish({ formato: 'csv', guessed: { ...guessed, valor }, pedido, nombre, csv: sample, fields, notices });
}

// --- both

interface Guess {
  readonly clave: readonly string[];
  readonly valor: string | readonly string[];
  readonly ts: string | null;
  readonly ts_falta: 'rechazar' | 'llegada' | undefined;
}

function guess(fields: readonly FoundField[], rows: number, pedido: Mapeo | null, source: string): Guess {
  const lastName = (field: FoundField): string => splitPath(field.name).at(-1)!;
  const best = (candidates: readonly FoundField[], rank: (name: string) => number): FoundField | undefined => {
    let found: FoundField | undefined;
    let foundRank = Infinity;
    for (const field of candidates) {
      const at = rank(lastName(field));
      if (at >= 0 && at < foundRank) {
        found = field;
        foundRank = at;
      }
    }
    return found;
  };
  const askedClave = listOf(pedido?.clave);
  const askedValor = pedido?.valor;
  const taken = new Set([...askedClave, ...listOf(askedValor)]);

  let ts: string | null;
  if (pedido?.ts !== undefined) ts = pedido.ts;
  else {
    const free = fields.filter((field) => !taken.has(field.name));
    const isTime = (field: FoundField): boolean =>
      field.kind === 'time' || (field.kind === 'number' && (field.minAbs >= 1e8 || pedido?.ts_formato !== undefined));
    ts = (best(free.filter(isTime), rankTs) ?? free.find((field) => field.kind === 'time'))?.name ?? null;
  }
  const numbers = fields.filter((field) => field.kind === 'number' && field.name !== ts && !taken.has(field.name));
  const usual = askedValor === undefined ? best(numbers, rankValor) : undefined;

  let clave: readonly string[] = askedClave;
  if (pedido?.clave === undefined) {
    const free = fields.filter(
      (field) => field.name !== ts && field !== usual && !taken.has(field.name) && field.rows > 0,
    );
    // A field that is new in every row numbers the rows; it names nothing that is watched.
    const repeats = (field: FoundField): boolean => rows < 10 || field.distinct < field.rows * 0.9;
    const isName = (field: FoundField): boolean => field.kind === 'text' || (field.kind === 'number' && repeats(field));
    const found = best(free.filter(isName), rankClave) ?? free.find((field) => field.kind === 'text' && repeats(field));
    if (found !== undefined) clave = [found.name];
  }

  let valor: string | readonly string[];
  if (askedValor !== undefined) valor = askedValor;
  else if (usual !== undefined) valor = usual.name;
  else {
    const left = numbers.filter((field) => !clave.includes(field.name));
    if (left.length === 0)
      throw mappingError(
        source,
        `no field that is a number; the data has ${list(fields)}`,
        'a mapping that names valor',
      );
    valor = left.length === 1 ? left[0]!.name : ALL_FIELDS;
  }
  return { clave, valor, ts, ts_falta: pedido?.ts_falta };
}

function numeric(fields: readonly FoundField[], roles: readonly (string | null)[]): string[] {
  return fields.filter((field) => field.kind === 'number' && !roles.includes(field.name)).map((field) => field.name);
}

interface Finish {
  readonly formato: 'ndjson' | 'csv';
  readonly guessed: Guess;
  readonly pedido: Mapeo | null;
  readonly nombre: string;
  readonly csv: CsvSample | null;
  readonly fields: readonly FoundField[];
  readonly notices: string[];
}

function finish({ formato, guessed, pedido, nombre, csv, fields, notices }: Finish): Resolution {
  const { clave, ts, ts_falta } = guessed;
  const valor =
    typeof guessed.valor === 'string'
      ? guessed.valor
      : guessed.valor.length === 1
        ? guessed.valor[0]!
        : [...guessed.valor];
  // One number a row and nothing that names it: the source's name does.
  const prefijo =
    pedido?.prefijo ?? (clave.length === 0 && typeof valor === 'string' && valor !== ALL_FIELDS ? nombre : undefined);
  const decimal = pedido?.decimal ?? csv?.decimal ?? undefined;
  return {
    mapeo: {
      formato,
      clave: clave.length === 0 ? null : clave.length === 1 ? clave[0]! : [...clave],
      ...(prefijo === undefined ? {} : { prefijo }),
      valor,
      ts,
      ...(pedido?.ts_formato === undefined ? {} : { ts_formato: pedido.ts_formato }),
      ...(ts_falta === undefined ? {} : { ts_falta }),
      ...(pedido?.zona === undefined ? {} : { zona: pedido.zona }),
      ...(csv === null ? {} : { separador: csv.separador as ',' | ';' | '\t' | '|', cabecera: csv.cabecera }),
      ...(csv === null || decimal === undefined ? {} : { decimal }),
    },
    columns: csv?.columns ?? [],
    fields,
    notices,
  };
}

/** Named fields that the data lacks: an error for clave, for ts and when no valor is left; a notice for some of several. */
function checkNamed(
  mapeo: Mapeo,
  isSeen: (name: string) => boolean,
  fields: readonly FoundField[],
  source: string,
  notices: string[],
): void {
  const missing = (names: readonly string[]): string[] => names.filter((name) => name !== ALL_FIELDS && !isSeen(name));
  const valores = listOf(mapeo.valor);
  const lost = missing(valores);
  const fatal = [
    ...missing(listOf(mapeo.clave)),
    ...missing(typeof mapeo.ts === 'string' && mapeo.ts_falta !== 'llegada' ? [mapeo.ts] : []),
  ];
  if (lost.length > 0 && lost.length === valores.length) fatal.push(...lost);
  else if (lost.length > 0) notices.push(`not in the first ${SAMPLE_ROWS} rows: ${clip(lost.join(', '))}`);
  if (fatal.length > 0) {
    const names = fatal.map((name) => `"${name}"`).join(', ');
    throw mappingError(
      source,
      `no field ${clip(names)}; the data has ${list(fields)}`,
      fields
        .slice(0, 30)
        .map((field) => field.name)
        .join(', '),
    );
  }
}

const KIND_WORDS: Readonly<Record<FoundField['kind'], string>> = {
  number: 'number',
  time: 'time',
  text: 'text',
  empty: 'empty',
};

function list(fields: readonly FoundField[]): string {
  const shown = fields.slice(0, 12).map((field) => `${clip(field.name)} (${KIND_WORDS[field.kind]})`);
  if (fields.length > 12) shown.push(`and ${fields.length - 12} more`);
  return shown.length === 0 ? 'no fields' : shown.join(', ');
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** The mapping for a person: what becomes clave, valor and ts. */
export function describeMapeo(resolution: Resolution, idioma: Idioma): string {
  const { mapeo } = resolution;
  const es = idioma === 'es';
  const parts: string[] = [];
  const quote = (names: readonly string[]): string => clip(names.map((name) => `"${name}"`).join(', '));
  if (mapeo.formato === 'ndjson') parts.push('NDJSON');
  else {
    const columns = resolution.columns.length;
    const header = mapeo.cabecera === true ? '' : es ? ', sin cabecera' : ', no header';
    parts.push(es ? `CSV de ${columns} columnas${header}` : `CSV with ${columns} column(s)${header}`);
  }
  const claves = listOf(mapeo.clave);
  const isMany = mapeo.valor === ALL_FIELDS || typeof mapeo.valor !== 'string';
  const prefijo = mapeo.prefijo ?? '';
  const base = claves.length > 0 ? `${prefijo}<${claves.join('>/<')}>` : prefijo;
  const each = claves.length > 0 ? `${base}/` : base;
  const field = es ? '<columna>' : '<field>';
  parts.push(`clave = ${isMany ? `${each}${field}` : base}`);
  parts.push(
    mapeo.valor === ALL_FIELDS
      ? es
        ? 'valor = las demás columnas'
        : 'valor = all remaining columns'
      : `valor = ${quote(listOf(mapeo.valor))}`,
  );
  if (mapeo.ts === null) parts.push(es ? 'ts = la hora de llegada' : 'ts = the time of arrival');
  else {
    const zone = mapeo.zona ?? 'UTC';
    parts.push(es ? `ts = "${mapeo.ts}" (sin zona: ${zone})` : `ts = "${mapeo.ts}" (without a zone: ${zone})`);
  }
  return parts.join('; ');
}

/** The text to give as --map for the same reading of the same data. */
export function resolvedText(resolution: Resolution): string {
  return formatMapeo(resolution.mapeo);
}
