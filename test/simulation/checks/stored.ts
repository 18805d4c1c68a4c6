/** What the store holds of the swarm, read back as recovery would. */
import { decodeClaves } from '#domain/claves/blob.ts';
import {
  decodeColumnas,
  episodiosFrom,
  inboxFrom,
  jsonFrom,
  type DecodedColumnas,
  type InboxSnapshot,
} from '#nucleus/checkpoint.ts';
import type { FuenteRow } from '#nucleus/intake.ts';
import type { NucleusRow } from '#nucleus/recovery.ts';
import type { CatalogRow } from '#nucleus/swarm.ts';
import type { EpisodioSnapshot } from '#domain/episodio/episodio.ts';
import type { EstadoRow } from '#ports/bloque-store.ts';
import { simCompressor } from '../twins/sim-compressor.ts';
import type { StoreDisk } from '../twins/store-disk.ts';

export interface StoredBloque {
  readonly id: string;
  readonly entrada: string;
  readonly columnas: DecodedColumnas;
  /** Slot to clave. */
  readonly claves: ReadonlyMap<number, string>;
  readonly inbox: InboxSnapshot | null;
  readonly episodios: EpisodioSnapshot | null;
}

const decoder = new TextDecoder();
/** A row that did not change is decoded once. */
const known = new WeakMap<EstadoRow, unknown>();

function decode<T>(disk: StoreDisk, key: string, read: (row: EstadoRow) => T): T | null {
  const row = disk.estado.get(key);
  if (row === undefined) return null;
  if (!known.has(row)) known.set(row, read(row));
  return known.get(row) as T;
}

export function storedBloques(disk: StoreDisk): StoredBloque[] {
  const list: StoredBloque[] = [];
  for (const { clase, id } of disk.estado.values()) {
    if (clase !== 'columnas') continue;
    list.push({
      id,
      entrada: id.slice(0, id.lastIndexOf('/')),
      columnas: decode(disk, `columnas ${id}`, ({ datos }) => decodeColumnas(datos, simCompressor, id))!,
      claves: decode(disk, `claves ${id}`, ({ datos }) => clavesFrom(datos, id)) ?? new Map(),
      inbox: decode(disk, `inbox ${id}`, ({ datos }) => inboxFrom(datos, id)),
      episodios: decode(disk, `episodios ${id}`, ({ datos }) => episodiosFrom(datos, id)),
    });
  }
  return list;
}

export function storedNucleus(disk: StoreDisk): NucleusRow | null {
  return decode(disk, 'nucleus nucleus', ({ datos }) => jsonFrom(datos, 'nucleus') as NucleusRow);
}

export function storedFuentes(disk: StoreDisk): FuenteRow[] {
  return [...disk.estado.values()]
    .filter(({ clase }) => clase === 'fuente')
    .map(({ datos, id }) => jsonFrom(datos, id) as FuenteRow);
}

export function storedCatalog(disk: StoreDisk): CatalogRow[] {
  return [...disk.estado.values()]
    .filter(({ clase }) => clase === 'catalogo')
    .map(({ datos, id }) => jsonFrom(datos, id) as CatalogRow);
}

export function columnOf({ columnas }: StoredBloque, name: string): ArrayLike<number> | null {
  return columnas.estado.columns.find((column) => column.name === name)?.data ?? null;
}

function clavesFrom(datos: Uint8Array, id: string): Map<number, string> {
  const claves = new Map<number, string>();
  if (datos.length === 0) return claves;
  const list = decodeClaves(datos, simCompressor, id);
  for (let k = 0; k < list.length; k++) {
    const from = list.offsets[k]!;
    claves.set(list.slots[k]!, decoder.decode(list.bytes.subarray(from, from + list.lengths[k]!)));
  }
  return claves;
}
