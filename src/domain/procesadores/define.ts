/**
 * What a procesador is: one named, versioned function set over typed state columns, shared by all entidades of a bloque.
 *
 * Owns: the definition's types and its checks. Leaves to compile.ts how it is run over a bloque, to bloque/ when.
 *
 * P1 A procesador is pure: what it returns and leaves in its columns depends on its columns, the lectura and the parametros only.
 *    A replay of the same lecturas in the same order gives the same columns, valores and alerts, whatever the batches were.
 * P2 Columns begin as zero; `onBind` runs once when an entidad gets its clave (or, autonomous, when it is made).
 * P3 A run fails by throwing or by returning what is no finite number (as float32). The entidad is then inactive until repaired.
 */
import type { z } from 'zod';
import { CoreCError } from '../errors.ts';

/** Type of one state column: float32/64, unsigned 8/16/32 bits, signed 32 bits. Writing wraps or rounds as in typed arrays. */
export type ColumnType = 'f32' | 'f64' | 'u8' | 'u16' | 'u32' | 'i32';
/** `f32[48]`: 48 columns of one name, from `name_0` on. */
export type VectorType = `${ColumnType}[${number}]`;
export type EstadoSpec = Readonly<Record<string, ColumnType | VectorType>>;

/** The columns of one name, of the entidad on which the view stands. A place outside throws. */
export interface Vector {
  readonly length: number;
  get(k: number): number;
  set(k: number, x: number): void;
}

/**
 * One entidad as its procesador sees it: its own state columns as plain number properties (those of a vector by get and set), and what the core
 * keeps of it.
 * It is one object moved over the slots: never keep it.
 */
export type EntidadView<E extends EstadoSpec> = {
  -readonly [K in keyof E as E[K] extends VectorType ? never : K]: number;
} & { readonly [K in keyof E as E[K] extends VectorType ? K : never]: Vector } & {
  /** Place in the bloque, 0-based: fit for seeding, not an identity. */
  readonly slot: number;
  /** The entidad's number: uint32, unique in the instance, for life. */
  readonly numero: number;
  /** Valor of its last run (float32). */
  readonly valor: number;
  /** The last lectura (float32); an autonomous procesador writes the one it made up. During onLectura still the one before. */
  lectura: number;
  /** UTC ms of the last lectura; 0 before the first. During onLectura still the one before. */
  readonly tsMs: number;
};

/** The lectura being processed; reused, never keep it. `tsMs`: UTC ms of the thing, not of arrival. */
export interface LecturaView {
  readonly valor: number;
  readonly tsMs: number;
}

/** Why an alert: code and parameters (texts per language are made from them) and what was expected. */
export interface Explicacion {
  readonly codigo: string;
  readonly params?: Readonly<Record<string, string | number | null>>;
  readonly esperadoMin: number | null;
  readonly esperadoMax: number | null;
  /** UTC ms at which it began, when that is not the lectura's own time (a silence began at the last lectura). */
  readonly desdeMs?: number;
  /** UTC ms from which a look would have told it; with `porTiempo`. */
  readonly notableMs?: number;
}

/** A valor >= abre opens an episodio; it may close once the valor is below `cierra` for the cool-down. */
export interface ReglaAlerta<E extends EstadoSpec, P> {
  readonly regla: string;
  readonly abre: number | ((p: P) => number);
  readonly cierra: number | ((p: P) => number);
  /**
   * True: what makes it odd is time that passes, so looks (onCycle) see it come and go in between, or do not. Each time it begins anew
   * (`desdeMs`) is then judged by its own times, `notableMs` among them, and not by when somebody looked.
   */
  readonly porTiempo?: boolean;
  /** Called right after the run that opened or worsened an episodio, with the columns as that run left them. */
  explica(e: EntidadView<E>, lectura: LecturaView, valor: number, p: P): Explicacion;
}

/** What a parametro may become when it evolves: a number within bounds, or one of some words. */
export type GenSpec =
  | {
      readonly min: number;
      readonly max: number;
      /** `log`: what counts is how many times as large; left out: lineal. */
      readonly escala?: 'lineal' | 'log';
      readonly entero?: boolean;
    }
  | { readonly opciones: readonly string[] };

export interface ProcesadorDef<E extends EstadoSpec, P> {
  /** a-z, 0-9, _; what `procesador` in the configuration names. */
  readonly nombre: string;
  /** Raised when columns change meaning: equal names are carried over, the rest starts fresh with a notice. */
  readonly version: number;
  readonly estado: E;
  /** zod schema of `parametros`, with defaults; left out: no parametros are taken. */
  readonly parametros?: z.ZodType<P>;
  /** True: its entidades need no clave and run every cycle (artificial sensors). */
  readonly autonomo?: boolean;
  /** False: state is not kept over restarts. */
  readonly checkpoint?: boolean;
  /** Prepared once per bloque from the parametros (thresholds, tables); handed to the functions as `p`. */
  readonly onBind?: (e: EntidadView<E>, p: P) => void;
  /** Returns the valor. */
  readonly onLectura?: (e: EntidadView<E>, lectura: LecturaView, p: P) => number;
  /** Once a cycle for every bound or autonomous entidad. `nowMs`: the bloque's watermark (bound) or wall time (autonomous), UTC ms. */
  readonly onCycle?: (e: EntidadView<E>, nowMs: number, p: P) => number;
  readonly alerta?: ReglaAlerta<E, P>;
  /** Parametros that ModuloEvolucion may vary, and how far; left out: none. Their values must not decide what columns mean. */
  readonly evolucion?: Readonly<Record<string, GenSpec>>;
}

/** A checked definition; the form in which registries and bloques hold it. */
export interface Procesador<E extends EstadoSpec = EstadoSpec, P = unknown> extends ProcesadorDef<E, P> {
  readonly autonomo: boolean;
  readonly checkpoint: boolean;
  /** State bytes of one entidad. */
  readonly bytesPorEntidad: number;
}

/** Any procesador, its own types forgotten: what registries hold. Functions take `never`-safe views, so calls go through compile.ts. */
// oxlint-disable-next-line typescript/no-explicit-any -- a registry is heterogeneous; compile.ts is the one place that calls
export type AnyProcesador = Procesador<any, any>;

export const COLUMN_BYTES: Readonly<Record<ColumnType, number>> = { f32: 4, f64: 8, u8: 1, u16: 2, u32: 4, i32: 4 };

/** Names that the view and the core use themselves. */
const RESERVED: ReadonlySet<string> = new Set([
  'slot',
  'numero',
  'valor',
  'lectura',
  'tsMs',
  'constructor',
  'prototype',
  '__proto__',
]);
const MAX_COLUMNS = 960;
const VECTOR = /^(f32|f64|u8|u16|u32|i32)\[([1-9][0-9]{0,2})\]$/;

/** A column as it lies in memory: a vector is as many of them as it has places, next to one another. */
export interface PlainColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** The columns of `spec`, in its order, vectors as their places. */
export function plainColumns(spec: EstadoSpec): PlainColumn[] {
  return Object.entries(spec).flatMap(([name, type]) => {
    const parts = VECTOR.exec(type);
    if (parts === null) return [{ name, type: type as ColumnType }];
    return Array.from({ length: Number(parts[2]) }, (_, k) => ({ name: `${name}_${k}`, type: parts[1] as ColumnType }));
  });
}

/**
 * Checks a definition and fills in its defaults.
 *
 * @throws CoreCError COREC_E_PROCESADOR_INVALID naming the fault.
 */
export function defineProcesador<const E extends EstadoSpec, P = Record<string, never>>(
  def: ProcesadorDef<E, P>,
): Procesador<E, P> {
  const fault = findFault(def);
  if (fault !== null) {
    throw new CoreCError('COREC_E_PROCESADOR_INVALID', { nombre: String(def.nombre), ...fault });
  }
  let bytesPorEntidad = 0;
  for (const { type } of plainColumns(def.estado)) bytesPorEntidad += COLUMN_BYTES[type];
  return Object.freeze({
    ...def,
    autonomo: def.autonomo ?? false,
    checkpoint: def.checkpoint ?? true,
    bytesPorEntidad,
  });
}

function findFault<E extends EstadoSpec, P>(def: ProcesadorDef<E, P>): { found: string; expected: string } | null {
  if (typeof def.nombre !== 'string' || !/^[a-z][a-z0-9_]{0,63}$/.test(def.nombre)) {
    return { found: `nombre "${String(def.nombre)}"`, expected: 'a-z, 0-9 and _, at most 64, a letter first' };
  }
  if (!Number.isInteger(def.version) || def.version < 1 || def.version > 65535) {
    return { found: `version ${String(def.version)}`, expected: 'an integer from 1 to 65535' };
  }
  const columns = Object.entries(def.estado);
  for (const [name, type] of columns) {
    if (!/^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(name) || RESERVED.has(name)) {
      return {
        found: `column "${name}"`,
        expected: `letters, digits and _, none of ${[...RESERVED].slice(0, 5).join(', ')}`,
      };
    }
    if (!Object.hasOwn(COLUMN_BYTES, type) && !VECTOR.test(String(type))) {
      const expected = `${Object.keys(COLUMN_BYTES).join(', ')}, or a vector of them: f32[48]`;
      return { found: `column ${name}: '${String(type)}'`, expected };
    }
  }
  const plain = plainColumns(def.estado);
  if (plain.length > MAX_COLUMNS) return { found: `${plain.length} columns`, expected: `at most ${MAX_COLUMNS}` };
  const seen = new Set<string>();
  for (const { name } of plain) {
    if (seen.has(name)) return { found: `column "${name}" twice`, expected: 'names that no place of a vector has' };
    seen.add(name);
  }
  if (def.onLectura === undefined && def.onCycle === undefined) {
    return { found: 'neither onLectura nor onCycle', expected: 'at least one of them' };
  }
  if (def.autonomo === true && def.onCycle === undefined) {
    return { found: 'autonomo without onCycle', expected: 'onCycle, which is what an autonomous entidad runs' };
  }
  for (const [name, spec] of Object.entries(def.evolucion ?? {})) {
    const isSound =
      'opciones' in spec
        ? spec.opciones.length > 1 && spec.opciones.every((one) => typeof one === 'string')
        : Number.isFinite(spec.min) && Number.isFinite(spec.max) && spec.min < spec.max;
    if (!isSound || (!('opciones' in spec) && spec.escala === 'log' && spec.min <= 0)) {
      return {
        found: `evolucion.${name}: ${JSON.stringify(spec)}`,
        expected: 'min < max (min > 0 with escala log), or opciones: two words or more',
      };
    }
  }
  if (def.evolucion !== undefined && def.alerta === undefined) {
    return { found: 'evolucion without alerta', expected: 'alerta: what evolves is judged by its alerts' };
  }
  return null;
}

/**
 * Parametros of `procesador` from raw configuration, defaults filled in.
 *
 * @throws CoreCError COREC_E_PARAMETROS with the JSON path below `path`.
 */
export function parseParametros(procesador: AnyProcesador, raw: unknown, path: string): unknown {
  if (procesador.parametros === undefined) {
    const names = Object.keys((raw as Record<string, unknown> | null) ?? {});
    if (names.length === 0) return Object.freeze({});
    throw new CoreCError('COREC_E_PARAMETROS', {
      nombre: procesador.nombre,
      path,
      found: `takes none, found ${names.join(', ')}`,
    });
  }
  const parsed = procesador.parametros.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues
    .map((issue) => `${[path, ...issue.path.map(String)].join('.')}: ${issue.message}`)
    .join('; ');
  throw new CoreCError('COREC_E_PARAMETROS', { nombre: procesador.nombre, path, found });
}
