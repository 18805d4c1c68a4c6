/**
 * Plain functions as a procesador: the specification's CeluEntidadCoreC (a payload for each lectura) and MicroCeluEntidadCoreC (no
 * payload, once a cycle).
 *
 * A closure may answer at once or by a promise, so it runs outside the loop (bloque/closures.ts); its answers then pass through the
 * loop like any procesador's valores: validation, fitness, repair and storage are the same for all three ways to write an entidad.
 */
import type { MicroCeluEntidadCoreC, ProcesadorFuncion } from '../entidad/entidad.ts';
import { defineProcesador, type AnyProcesador, type Procesador } from './define.ts';

/** A valor as it came, or the Error that the run failed with. */
export type Answer = unknown;

/**
 * Answers of a finished run, filled right before the loop reads them. One run at a time has them, so all closures share them, and with
 * them one compiled loop: of a thousand bloques with a loop each none would ever be warm.
 */
interface Answers {
  /** Of closures for lecturas: by slot, each slot's in the order of its lecturas. */
  queues: ReadonlyMap<number, Answer[]>;
  /** Of those that run once a cycle: by slot. */
  valores: readonly Answer[];
}

const NONE: Readonly<Answers> = { queues: new Map(), valores: [] };
const current: Answers = { ...NONE };

/** Has `work` run the loop over these answers. */
export function withAnswers<T>(answers: Partial<Answers>, work: () => T): T {
  Object.assign(current, answers);
  try {
    return work();
  } finally {
    Object.assign(current, NONE);
  }
}

export interface ClosureProcesador extends Procesador {
  /** One for all lecturas, or one function a slot that runs every cycle. */
  readonly closures:
    | { readonly porLectura: ProcesadorFuncion }
    | { readonly porSlot: readonly MicroCeluEntidadCoreC[] };
}

/** Throws what it failed with; what is no number is left to the loop's own check. */
function read(answer: Answer): number {
  if (typeof answer !== 'number' && answer instanceof Error) throw answer;
  return answer as number;
}

const nextOfSlot = (e: { readonly slot: number }): number => read(current.queues.get(e.slot)?.shift());
const onlyOfSlot = (e: { readonly slot: number }): number => read(current.valores[e.slot]);

/** All entidades run `funcion` for each lectura of their clave. */
export function fromFuncion(nombre: string, funcion: ProcesadorFuncion): AnyProcesador {
  const procesador = defineProcesador({ nombre, version: 1, estado: {}, onLectura: nextOfSlot });
  return Object.freeze({ ...procesador, closures: { porLectura: funcion } });
}

/** Entidad k of the bloque is `entidades[k]`; all run once a cycle. */
export function fromEntidades(nombre: string, entidades: readonly MicroCeluEntidadCoreC[]): AnyProcesador {
  const procesador = defineProcesador({
    nombre,
    version: 1,
    estado: {},
    autonomo: true,
    checkpoint: false,
    onCycle: onlyOfSlot,
  });
  return Object.freeze({ ...procesador, closures: { porSlot: entidades } });
}

export function isClosure(procesador: AnyProcesador): procesador is ClosureProcesador {
  return 'closures' in procesador;
}
