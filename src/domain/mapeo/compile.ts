/** From a resolved mapping to the parser that does it: fields to slots, columns to roles. */
import { MAX_CLAVE_BYTES } from '#domain/lectura/batch.ts';
import { CLASS_CONTROL, classesOf, encodeUtf8 } from './bytes.ts';
import { CsvParser } from './csv-parser.ts';
import { CsvWideParser } from './csv-wide-parser.ts';
import { ALL_FIELDS, listOf, mappingError } from './mapeo.ts';
import { NdjsonParser } from './ndjson-parser.ts';
import { splitPath } from './path.ts';
import type { Resolution } from './resolve.ts';
import type { RecordPlan, RefuseRow, RowParser } from './row-parser.ts';
import { parseZona, TimeParser } from './time.ts';

const COMMA = 0x2c;
const POINT = 0x2e;

/**
 * The parser of a resolved mapping. `atStart`: the bytes to come begin with the data, and so with the header of a CSV.
 * Errors: CoreCError COREC_E_MAPPING for what no row could satisfy (a column name that can be no clave).
 */
export function compileMapeo(resolution: Resolution, atStart: boolean, refuse: RefuseRow, source: string): RowParser {
  const { mapeo, columns } = resolution;
  const isCsv = mapeo.formato === 'csv';
  const zonaMs = mapeo.zona === undefined ? 0 : parseZona(mapeo.zona);
  const time = new TimeParser(mapeo.ts_formato ?? 'auto', zonaMs);
  const tsOptional = mapeo.ts_falta === 'llegada';
  const claves = listOf(mapeo.clave);
  const prefijo = mapeo.prefijo ?? '';
  // `;` leaves the comma free to be a decimal point; nothing seen so far tells which it is, so both are.
  const pointA = mapeo.decimal === ',' ? COMMA : POINT;
  const pointB = isCsv && mapeo.decimal === undefined && mapeo.separador !== ',' ? COMMA : pointA;
  const separador = (mapeo.separador ?? ',').charCodeAt(0);
  const header = atStart && mapeo.cabecera === true;
  const isMany = mapeo.valor === ALL_FIELDS || typeof mapeo.valor !== 'string';
  // Of columns of the same name the first one counts.
  const byName = new Map(columns.map((name, column) => [name, column] as const).reverse());
  const columnOf = (name: string): number => byName.get(name) ?? -1;
  const tsColumn = isCsv && mapeo.ts !== null ? columnOf(mapeo.ts) : -1;

  let valores = listOf(mapeo.valor);
  if (mapeo.valor === ALL_FIELDS) {
    const roles = new Set([mapeo.ts, ...claves]);
    valores = columns.filter((name) => !roles.has(name) && name !== '');
  }
  if (isCsv && isMany && claves.length === 0) {
    const asked = new Set(valores.map(columnOf));
    const wide = columns.map((name, column) => (asked.has(column) ? claveOf(prefijo + name, source) : null));
    if (tsColumn < 0 || tsColumn < Math.min(...asked)) {
      return new CsvWideParser(
        { separador, claves: wide, labels: columns, tsColumn, tsOptional, time, pointA, pointB, header },
        refuse,
      );
    }
  }

  // One slot a field, however many roles it has.
  const fields: string[] = [];
  const slotOf = new Map<string, number>();
  const slot = (field: string): number => {
    const known = slotOf.get(field);
    if (known !== undefined) return known;
    slotOf.set(field, fields.length);
    return fields.push(field) - 1;
  };
  const labels = valores.map((field) => (isCsv ? field : splitPath(field).join('.')));
  const plan: RecordPlan = {
    claveSlots: claves.map(slot),
    prefijo: encodeUtf8(prefijo),
    valorSlots: valores.map(slot),
    valorNames: isMany ? labels.map((label) => claveOf(label, source)) : null,
    valorLabels: labels,
    tsSlot: mapeo.ts === null ? -1 : slot(mapeo.ts),
    tsOptional,
    time,
    slots: fields.length,
    pointA,
    pointB,
  };
  if (!isMany && claves.length === 0) claveOf(prefijo, source);
  if (!isCsv) return new NdjsonParser(fields, plan, refuse);
  return new CsvParser(fields.map(columnOf), columns.length, separador, header, plan, refuse);
}

function claveOf(name: string, source: string): Uint8Array {
  const bytes = encodeUtf8(name);
  if (
    bytes.length === 0 ||
    bytes.length > MAX_CLAVE_BYTES ||
    (classesOf(bytes, 0, bytes.length) & CLASS_CONTROL) !== 0
  ) {
    const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
    throw mappingError(
      source,
      `the clave "${shown}"`,
      `1 to ${MAX_CLAVE_BYTES} bytes of UTF-8 without control characters`,
    );
  }
  return bytes;
}
