/**
 * The format of a bloque's state columns as bytes: what an epoch stores, a thousand times a second or so at its busiest.
 *
 * Owns the layout. Leaves writing it to estado.ts, reading it to estado-decode.ts, which columns there are to the procesador, and
 * carrying them over between versions to the caller, who finds them by name.
 *
 *   u8 version | u32 checksum of the rest | u16 procesador version | name | varint used | varint columns
 *   for each column: name | u8 type | u8 transform | what it needs | words
 *   words: u32 least | u8 shift | u8 width | u8 for each plane: how it is kept
 *   varint bytes of plain planes, these | varint bytes before compression | varint compressed bytes (0: not compressed), these
 *
 * A column becomes 32-bit words, their distance from the least, without the bits that are 0 in all: of a float32 turned left
 * by one bit that leaves the mantissa and two to four bits of exponent. What is left is cut into byte planes, the topmost of
 * fewer bits. Planes are kept plain: compressing the noise of mantissas costs the time and gives nothing. Only planes in which
 * a few values rule (flags, free slots, rare large counts) go through the compressor, all together.
 *
 * D1 Columns come back bit for bit, `used` values long, each in new memory; also from a SharedArrayBuffer.
 * D2 Damaged bytes throw COREC_E_STATE_UNREADABLE.
 */
import type { NamedColumn } from '#domain/entidad/columns.ts';
import type { ColumnType } from '#domain/procesadores/define.ts';
import { COLUMN_VALUES_MAX } from './planes.ts';

export interface EstadoColumns {
  /** The procesador's name and version, so that a reader knows whose columns these are. */
  readonly nombre: string;
  readonly version: number;
  readonly columns: readonly NamedColumn[];
  /** Values to keep of each column, from the first slot; every column has at least so many. */
  readonly used: number;
}

/** The same as it was given, each column `used` values long. */
export type DecodedEstado = EstadoColumns;

export const VERSION = 1;
export const USED_MAX = COLUMN_VALUES_MAX;
export const COLUMNS_MAX = 1024;
export const NAME_BYTES_MAX = 256;

export const TYPES: readonly ColumnType[] = ['u8', 'u16', 'u32', 'i32', 'f32', 'f64'];
/**
 * turned: float32 bits turned left by one, so that the sign is the lowest; integer: the value; line: first value and step are
 * all there is; whole: f64 of whole numbers, from the least; pair: f64 as its two halves; measured: float32 whose mantissas
 * are noise, as turned but in one pass: mantissa and sign as three plain planes, the exponents from the least one.
 */
export const TRANSFORM = { turned: 0, integer: 1, line: 2, whole: 3, pair: 4, measured: 5 } as const;
export const PLANE = { plain: 0, packed: 1 } as const;
