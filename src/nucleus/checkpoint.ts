/**
 * What an epoch keeps of each thing, as bytes, and back.
 *
 * Owns which parts there are and how the small ones are written (JSON). Leaves the bulk formats to domain/codec and domain/claves.
 */
import type { BloqueSimbiotico, BloqueVitals } from '#domain/bloque/bloque.ts';
import { encodeClaves } from '#domain/claves/blob.ts';
import type { EstadoRow } from '#ports/bloque-store.ts';
import { encodeEstado } from '#domain/codec/estado.ts';
import { decodeEstado } from '#domain/codec/estado-decode.ts';
import type { DecodedEstado } from '#domain/codec/estado-format.ts';
import type { EpisodioSnapshot } from '#domain/episodio/episodio.ts';
import { CORE_CHECKPOINT, type NamedColumn } from '#domain/entidad/columns.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { Entrada } from './swarm.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** @throws CoreCError COREC_E_STATE_UNREADABLE naming `id`. */
export function jsonFrom(bytes: Uint8Array, id: string): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw new CoreCError('COREC_E_STATE_UNREADABLE', { id, found: messageOf(error) }, error);
  }
}

/** The columns of a bloque that outlive a restart: the core's under `core.<name>`, the procesador's under their own names. */
export function checkpointColumns(bloque: BloqueSimbiotico): NamedColumn[] {
  const { core, estado } = bloque.memory;
  const types = {
    numero: 'u32',
    tsMs: 'f64',
    valor: 'f32',
    lectura: 'f32',
    generacion: 'u16',
    activo: 'u8',
    ocupado: 'u8',
  } as const;
  const list: NamedColumn[] = [];
  for (const name of CORE_CHECKPOINT) {
    const type = types[name as keyof typeof types];
    list.push({ name: `core.${name}`, type, data: core[name] });
  }
  return list.concat(estado);
}

/** `u32 length | vitals JSON | columns`. */
export function encodeColumnas(
  bloque: BloqueSimbiotico,
  vitalsNow: BloqueVitals,
  compressor: Compressor,
  take?: (length: number) => Uint8Array,
): Uint8Array {
  const { nombre, version } = bloque.options.procesador.procesador;
  const vitals = jsonBytes(vitalsNow);
  const prefix = new Uint8Array(4 + vitals.length);
  new DataView(prefix.buffer).setUint32(0, vitals.length);
  prefix.set(vitals, 4);
  const estado = { nombre, version, columns: checkpointColumns(bloque), used: bloque.used };
  return encodeEstado(estado, compressor, prefix, take);
}

export interface DecodedColumnas {
  readonly vitals: BloqueVitals;
  readonly estado: DecodedEstado;
}

export function decodeColumnas(bytes: Uint8Array, compressor: Compressor, id: string): DecodedColumnas {
  const length = bytes.length < 4 ? Infinity : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  if (4 + length > bytes.length)
    throw new CoreCError('COREC_E_STATE_UNREADABLE', { id, found: `${bytes.length} bytes` });
  const vitals = jsonFrom(bytes.subarray(4, 4 + length), id) as BloqueVitals;
  return { vitals, estado: decodeEstado(bytes.subarray(4 + length), compressor, id) };
}

/**
 * Stored columns by the name that they have in a bloque. Of another procesador only the core's are of use: its own columns may bear the
 * same names and mean something else.
 */
function usableColumns(
  bloque: BloqueSimbiotico,
  decoded: DecodedEstado,
): Map<string, DecodedEstado['columns'][number]> {
  const same = decoded.nombre === bloque.options.procesador.procesador.nombre;
  const usable = decoded.columns.filter(({ name }) => same || name.startsWith('core.'));
  return new Map(usable.map((column) => [column.name, column]));
}

/** Copies decoded columns into a bloque by name. Returns names that the checkpoint lacks (they stay as they are). */
export function fillColumns(bloque: BloqueSimbiotico, decoded: DecodedEstado): readonly string[] {
  const stored = usableColumns(bloque, decoded);
  const missing: string[] = [];
  for (const column of checkpointColumns(bloque)) {
    const data = stored.get(column.name)?.data;
    if (data === undefined) missing.push(column.name);
    else column.data.set(data.subarray(0, column.data.length));
  }
  return missing;
}

/**
 * Copies the columns of stored slot `from` into slot `to`; columns that are not stored stay as they are. False: there is no such slot,
 * or it is another procesador's.
 */
export function fillSlot(bloque: BloqueSimbiotico, decoded: DecodedEstado, from: number, to: number): boolean {
  if (from >= decoded.used) return false;
  const stored = usableColumns(bloque, decoded);
  for (const column of bloque.memory.estado) {
    const data = stored.get(column.name)?.data;
    if (data !== undefined) column.data[to] = data[from]!;
  }
  for (const name of ['tsMs', 'valor', 'lectura'] as const)
    bloque.memory.core[name][to] = stored.get(`core.${name}`)?.data[from] ?? 0;
  return decoded.nombre === bloque.options.procesador.procesador.nombre;
}

export function clavesRow(entrada: Entrada, bloque: BloqueSimbiotico, compressor: Compressor): EstadoRow {
  const datos = encodeClaves(entrada.claves, bloque.options.indice, compressor);
  return { clase: 'claves', id: bloque.id, datos: datos ?? new Uint8Array(0) };
}

/** Lecturas that waited at the cut. */
export interface InboxSnapshot {
  readonly slot: readonly number[];
  readonly valor: readonly number[];
  readonly tsMs: readonly number[];
}

export function inboxSnapshot(bloque: BloqueSimbiotico): InboxSnapshot {
  const { columns, size } = bloque.inbox;
  return {
    slot: Array.from(columns.slot.subarray(0, size)),
    valor: Array.from(columns.valor.subarray(0, size)),
    tsMs: Array.from(columns.tsMs.subarray(0, size)),
  };
}

export function inboxFrom(bytes: Uint8Array, id: string): InboxSnapshot {
  return jsonFrom(bytes, id) as InboxSnapshot;
}

export function episodiosFrom(bytes: Uint8Array, id: string): EpisodioSnapshot {
  return jsonFrom(bytes, id) as EpisodioSnapshot;
}
