/**
 * Entidades as the specification writes them (section 2.1): tuples with a closure.
 *
 * A closure runs on the main thread and its private variables are not checkpointed; for state that is kept and a million of them,
 * write a procesador (procesadores/define.ts). Both behave alike: same validation, fitness, repair and storage.
 */
import { CoreCError } from '../errors.ts';

/** What an entidad answers; further fields are ignored. */
export interface Resultado {
  readonly valor: number;
}

/** What a CeluEntidadCoreC is given: the lectura of its clave. */
export interface Payload {
  readonly clave: string;
  readonly valor: number;
  readonly tsMs: number;
}

export type Funcion = () => Promise<Resultado> | Resultado;
export type ProcesadorFuncion = (payload: Payload) => Promise<Resultado> | Resultado;

/** Works by itself, once a cycle. Specification: `(id, canal, función, activo)`. */
export type MicroCeluEntidadCoreC = readonly [id: string, canal: number, funcion: Funcion, activo: boolean];

/** Works on what arrives for its clave. Specification: `(id, canal, procesador, activo)`. */
export type CeluEntidadCoreC = readonly [id: string, canal: number, procesador: ProcesadorFuncion, activo: boolean];

export const CANALES = [1, 2, 3, 4, 5] as const;
export type Canal = (typeof CANALES)[number];

function assertEntidad(id: string, canal: number, funcion: unknown): void {
  if (typeof id !== 'string' || id.length === 0) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'crearEntidad',
      found: `id ${JSON.stringify(id)}`,
      allowed: 'a text of at least one letter',
    });
  }
  if (!CANALES.includes(canal as Canal)) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'crearEntidad',
      found: `canal ${canal}`,
      allowed: CANALES.join(', '),
    });
  }
  if (typeof funcion !== 'function') {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'crearEntidad',
      found: typeof funcion,
      allowed: 'a function that returns {valor}',
    });
  }
}

/** @throws CoreCError COREC_E_ARGUMENT */
export function crearEntidad(
  id: string,
  canal: number,
  funcion: Funcion,
  activo: boolean = true,
): MicroCeluEntidadCoreC {
  assertEntidad(id, canal, funcion);
  return Object.freeze([id, canal, funcion, activo] as const);
}

/** @throws CoreCError COREC_E_ARGUMENT */
export function crearCeluEntidad(
  id: string,
  canal: number,
  procesador: ProcesadorFuncion,
  activo: boolean = true,
): CeluEntidadCoreC {
  assertEntidad(id, canal, procesador);
  return Object.freeze([id, canal, procesador, activo] as const);
}
