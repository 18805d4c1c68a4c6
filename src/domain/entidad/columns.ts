/**
 * The memory of a bloque: all columns of its entidades in one SharedArrayBuffer, so that a thread needs no copy and no rewrite.
 *
 * C1 Column k of slot i is element i; every column has `slots` elements; columns are laid out widest first, so each is aligned.
 */
import { COLUMN_BYTES, plainColumns, type ColumnType, type EstadoSpec } from '../procesadores/define.ts';

export type Column = Float32Array | Float64Array | Uint8Array | Uint16Array | Uint32Array | Int32Array;

export interface NamedColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly data: Column;
}

/** What the core keeps of every entidad beside its procesador's state. */
export interface CoreColumns {
  /** The entidad's number, unique in the instance, for life. */
  readonly numero: Uint32Array;
  /** UTC ms of the last lectura; 0 before the first. */
  readonly tsMs: Float64Array;
  readonly valor: Float32Array;
  readonly lectura: Float32Array;
  /** 0 at birth, + 1 for each repair. */
  readonly generacion: Uint16Array;
  /** 1 = sound; 0 = its last run failed and it waits for repair. */
  readonly activo: Uint8Array;
  /** 0 = free capacity, 1 = bound to a clave, 2 = autonomous. */
  readonly ocupado: Uint8Array;
  /** 1 = runs: occupied, activo and not in quarantine. The one byte that loops look at. */
  readonly corre: Uint8Array;
  /** 0 = none, 1 = an episodio is open, 2 = it cools down. */
  readonly episodio: Uint8Array;
}

const CORE_SPEC = {
  numero: 'u32',
  tsMs: 'f64',
  valor: 'f32',
  lectura: 'f32',
  generacion: 'u16',
  activo: 'u8',
  ocupado: 'u8',
  corre: 'u8',
  episodio: 'u8',
} as const satisfies EstadoSpec;

export const CORE_BYTES: number = Object.values(CORE_SPEC).reduce((sum, type) => sum + COLUMN_BYTES[type], 0);

export const OCUPADO = { libre: 0, ligado: 1, autonomo: 2 } as const;
export const EPISODIO = { ninguno: 0, abierto: 1, enfria: 2 } as const;

/** The core columns that outlive a restart with the procesador's own. */
export const CORE_CHECKPOINT: readonly (keyof CoreColumns)[] = [
  'numero',
  'tsMs',
  'valor',
  'lectura',
  'generacion',
  'activo',
  'ocupado',
];

export interface BloqueMemory {
  readonly slots: number;
  readonly bytes: number;
  readonly buffer: SharedArrayBuffer;
  readonly core: CoreColumns;
  /** The procesador's columns, in the order of its definition, a vector as its places. */
  readonly estado: readonly NamedColumn[];
}

const MAKE: Readonly<Record<ColumnType, (buffer: ArrayBufferLike, at: number, slots: number) => Column>> = {
  f32: (buffer, at, slots) => new Float32Array(buffer, at, slots),
  f64: (buffer, at, slots) => new Float64Array(buffer, at, slots),
  u8: (buffer, at, slots) => new Uint8Array(buffer, at, slots),
  u16: (buffer, at, slots) => new Uint16Array(buffer, at, slots),
  u32: (buffer, at, slots) => new Uint32Array(buffer, at, slots),
  i32: (buffer, at, slots) => new Int32Array(buffer, at, slots),
};

/** Columns for `slots` entidades, zeroed but for activo (1: idle capacity is sound). */
export function makeBloqueMemory(spec: EstadoSpec, slots: number): BloqueMemory {
  const memory = viewBloqueMemory(spec, slots, new SharedArrayBuffer(bloqueBytes(spec, slots)));
  memory.core.activo.fill(1);
  return memory;
}

/** Bytes of all columns. */
export function bloqueBytes(spec: EstadoSpec, slots: number): number {
  return slots * plainColumns(spec).reduce((sum, { type }) => sum + COLUMN_BYTES[type], CORE_BYTES);
}

/** The columns that lie at the head of `buffer`, as makeBloqueMemory lays them out. */
export function viewBloqueMemory(spec: EstadoSpec, slots: number, buffer: SharedArrayBuffer): BloqueMemory {
  const plain = plainColumns(spec);
  const all: { name: string; type: ColumnType; core: boolean }[] = [
    ...Object.entries(CORE_SPEC).map(([name, type]) => ({ name, type, core: true })),
    ...plain.map(({ name, type }) => ({ name, type, core: false })),
  ];
  const widestFirst = all.toSorted((a, b) => COLUMN_BYTES[b.type] - COLUMN_BYTES[a.type]);
  const made = new Map<string, Column>();
  let at = 0;
  for (const column of widestFirst) {
    const width = COLUMN_BYTES[column.type];
    // an odd number of slots may leave the next narrower column short of nothing: widths only fall, so alignment holds
    made.set(`${column.core ? 'core' : 'estado'}.${column.name}`, MAKE[column.type](buffer, at, slots));
    at += width * slots;
  }
  const core = Object.fromEntries(
    Object.keys(CORE_SPEC).map((name) => [name, made.get(`core.${name}`)!]),
  ) as unknown as CoreColumns;
  const estado = plain.map(({ name, type }) => ({ name, type, data: made.get(`estado.${name}`)! }));
  return { slots, bytes: at, buffer, core, estado };
}
