/**
 * Plain functions as a procesador: the specification's CeluEntidadCoreC (a payload for each lectura) and MicroCeluEntidadCoreC (no
 * payload, once a cycle).
 *
 * A closure may answer at once or by a promise, so it runs outside the loop (bloque/closures.ts); its answers then pass through the
 * loop like any procesador's valores: validation, fitness, repair and storage are the same for all three ways to write an entidad.
 */
import type { MicroCeluEntidadCoreC, ProcesadorFuncion } from '../entidad/entidad.ts';
import { defineProcesador, type AnyProcesador, type Procesador } from './define.ts';

/** Answers of a finished run by slot, each slot's in the order of its lecturas: a valor, or the Error it failed with. */
export type Answers = Map<number, unknown[]>;

export interface ClosureProcesador extends Procesador {
  /** One for all lecturas, or one function a slot that runs every cycle. */
  readonly closures:
    | { readonly porLectura: ProcesadorFuncion }
    | { readonly porSlot: readonly MicroCeluEntidadCoreC[] };
  /** Filled right before the loop reads it. */
  readonly box: { answers: Answers };
}

function nextAnswer(box: { answers: Answers }, slot: number): number {
  const answer = box.answers.get(slot)?.shift();
  if (answer instanceof Error) throw answer;
  return answer as number;
}

/** All entidades run `funcion` for each lectura of their clave. */
export function fromFuncion(nombre: string, funcion: ProcesadorFuncion): AnyProcesador {
  const box = { answers: new Map<number, unknown[]>() };
  const procesador = defineProcesador({ nombre, version: 1, estado: {}, onLectura: (e) => nextAnswer(box, e.slot) });
  return Object.freeze({ ...procesador, closures: { porLectura: funcion }, box });
}

/** Entidad k of the bloque is `entidades[k]`; all run once a cycle. */
export function fromEntidades(nombre: string, entidades: readonly MicroCeluEntidadCoreC[]): AnyProcesador {
  const box = { answers: new Map<number, unknown[]>() };
  const procesador = defineProcesador({
    nombre,
    version: 1,
    estado: {},
    autonomo: true,
    checkpoint: false,
    onCycle: (e) => nextAnswer(box, e.slot),
  });
  return Object.freeze({ ...procesador, closures: { porSlot: entidades }, box });
}

export function isClosure(procesador: AnyProcesador): procesador is ClosureProcesador {
  return 'closures' in procesador && 'box' in procesador;
}
