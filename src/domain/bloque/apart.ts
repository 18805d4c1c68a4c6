/**
 * A run of a bloque apart from it: on a copy of its columns, by whoever has a processor to spare.
 *
 * Owns what such a run is given, what it gives back, and running it. Leaves where it runs to ports/bloque-runner.ts, and making the bloque
 * what the copy has become to the bloque (beginApart, endApart).
 *
 *   bloque --beginApart--> ApartTask --runApart, elsewhere--> ApartResult --endApart--> bloque
 *
 * P1 What comes of it is bit for bit what the bloque would have come to by itself. A bloque that has changed meanwhile in any other way
 *    takes nothing of it, and runs by itself: so nothing need wait for a run apart.
 * P2 The copy alone is written: a run that never ends leaves nothing behind.
 */
import { viewBloqueMemory, EPISODIO, type BloqueMemory } from '../entidad/columns.ts';
import { ACC, type CompiledProcesador, type LecturaColumns, type RunSink } from '../procesadores/compile.ts';
import type { EstadoSpec, Explicacion } from '../procesadores/define.ts';
import { falloText } from './fallo.ts';

/** A cycle: it goes over `count` slots from `from` on, after `first` of them from 0 again. */
export interface CyclePlan {
  readonly from: number;
  readonly count: number;
  readonly first: number;
  /** Slots that there are to go over. */
  readonly used: number;
  readonly timeMs: number;
  /** Every one of them runs. */
  readonly dense: boolean;
  /** Open in the bloque. */
  readonly episodios: number;
}

/** Plain data and shared memory alone: it can be sent to a thread. */
export interface ApartTask {
  /** Of the procesador: its reference in the configuration, and what it must be alike in (procesadores/huella.ts). */
  readonly procesador: string;
  readonly huella: number;
  readonly parametros: unknown;
  readonly slots: number;
  /** A copy of the bloque's columns. */
  readonly memory: SharedArrayBuffer;
  /** In order of arrival; null: none of them. */
  readonly lecturas: LecturaColumns | null;
  /** Their valores are to be stored. */
  readonly keep: boolean;
  readonly cycle: CyclePlan | null;
  /** Sums of the cycle so far; index: ACC. */
  readonly acc: Float64Array;
  readonly abre: number;
  readonly nowMs: number;
  /** What the bloque had been through when this was made (P1). */
  readonly changes: number;
}

/** Some of the lecturas that wait: the first `max` of those that it takes, in their order. */
export interface LecturaFilter {
  readonly max: number;
  readonly takes: (slot: number) => boolean;
}

/** What the loop told, in its order. */
export type ApartEvent =
  | { readonly tipo: 'fallo'; readonly slot: number; readonly fallo: string }
  | {
      readonly tipo: 'excede';
      readonly slot: number;
      readonly valor: number;
      readonly lectura: number;
      readonly tsMs: number;
      readonly explicacion: Explicacion;
    };

/** Rows to be stored. */
export interface ApartMensajes {
  readonly slot: Uint16Array;
  readonly tsMs: Float64Array;
  readonly lectura: Float32Array;
  readonly valor: Float32Array;
  length: number;
}

export interface ApartPart {
  /** The sums with what this part adds. */
  readonly acc: Float64Array;
  readonly events: readonly ApartEvent[];
}

export interface ApartResult {
  readonly drain: (ApartPart & { readonly held: Uint32Array; readonly mensajes: ApartMensajes | null }) | null;
  /** Null: there was none to run, or the bloque has to run it itself. */
  readonly cycle: ApartPart | null;
}

/** Entidades that the task would run. */
export function entidadesOf({ lecturas, cycle }: ApartTask): number {
  return Math.max(new Set(lecturas?.slot).size, cycle?.count ?? 0);
}

/** Slots of its lecturas that run, in their order; before it has run. */
export function runningSlots({ lecturas, memory, slots }: ApartTask, estado: EstadoSpec): number[] {
  if (lecturas === null) return [];
  const { corre } = viewBloqueMemory(estado, slots, memory).core;
  return Array.from(lecturas.slot).filter((slot) => corre[slot] === 1);
}

/** What runs out of the ordinary: the bloque has to run it by itself. */
export class NotApartError extends Error {}

/** The procesador of that name is another one than the bloque's: its file was edited since. */
export class OtherProcesadorError extends NotApartError {}

/** Runs the task on its memory. `compiled` must be the task's procesador. @throws NotApartError, having written nothing when it is an OtherProcesadorError */
export function runApart(compiled: CompiledProcesador, task: ApartTask): ApartResult {
  const { estado } = compiled.procesador;
  if (compiled.huella !== task.huella)
    throw new OtherProcesadorError(`${task.procesador} is no longer what it was when CoreC started`);
  const memory = viewBloqueMemory(estado, task.slots, task.memory);
  const { parametros: p, lecturas, abre } = task;
  const acc = task.acc.slice();
  compiled.bind(memory);
  const recorder = new Recorder(compiled, memory, p);
  let drain: ApartResult['drain'] = null;
  if (lecturas !== null) {
    const { length } = lecturas.slot;
    acc[ACC.held] = 0;
    const held = new Uint32Array(length);
    const mensajes = task.keep ? makeMensajes(length) : null;
    compiled.runLecturas(p, lecturas, 0, length, mensajes, acc, recorder, held, abre);
    drain = { acc: acc.slice(), events: recorder.take(), held: held.slice(0, acc[ACC.held]), mensajes };
  }
  // whether an episodio has opened decides how the cycle adds up, and only the bloque knows
  if (task.cycle === null || recorder.exceeded > 0) return { drain, cycle: null };
  const { from, count, first, timeMs, dense, episodios } = task.cycle;
  const run = (begin: number, end: number): void =>
    compiled.runCycle(p, begin, end, timeMs, acc, recorder, abre, dense && recorder.fallos === 0, episodios);
  run(from, from + first);
  if (count > first) run(0, count - first);
  return { drain, cycle: { acc, events: recorder.take() } };
}

class Recorder implements RunSink {
  fallos = 0;
  exceeded = 0;
  #events: ApartEvent[] = [];
  readonly #compiled: CompiledProcesador;
  readonly #memory: BloqueMemory;
  readonly #p: unknown;

  constructor(compiled: CompiledProcesador, memory: BloqueMemory, p: unknown) {
    this.#compiled = compiled;
    this.#memory = memory;
    this.#p = p;
  }

  take(): ApartEvent[] {
    return this.#events.splice(0);
  }

  fallo(slot: number, error: unknown): void {
    if (error instanceof NotApartError) throw error;
    this.fallos++;
    this.#memory.core.activo[slot] = 0;
    this.#memory.core.corre[slot] = 0;
    this.#events.push({ tipo: 'fallo', slot, fallo: falloText(error) });
  }

  excede(slot: number, valor: number, lectura: number, tsMs: number): void {
    this.exceeded++;
    // every later lectura of it is told too: whether an episodio is open by then only the bloque knows
    this.#memory.core.episodio[slot] = EPISODIO.abierto;
    let explicacion: Explicacion;
    try {
      explicacion = this.#compiled.explica(this.#p, valor);
    } catch (error) {
      throw new NotApartError('its explica throws', { cause: error });
    }
    this.#events.push({ tipo: 'excede', slot, valor, lectura, tsMs, explicacion });
  }
}

function makeMensajes(length: number): ApartMensajes {
  return {
    slot: new Uint16Array(length),
    tsMs: new Float64Array(length),
    lectura: new Float32Array(length),
    valor: new Float32Array(length),
    length: 0,
  };
}
