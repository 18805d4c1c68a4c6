/**
 * An ensayo: one genoma over one siembra, from the state that its entidades had, and what it found of what was planted.
 *
 * Owns running it, in parts, and counting. Leaves comparing to seleccion.ts, when the next part runs to the module.
 *
 * E1 It runs the procesador's own compiled loop on a copy; no bloque is touched.
 * E2 The same siembra, state and genoma give the same counts, however it is cut into parts.
 * E3 An alert is a valor that reaches `abre` after one that did not. The first inside what was planted, or within TAIL lecturas after
 *    it, finds it; others there count for nothing; one outside is false.
 */
import { makeBloqueMemory, type BloqueMemory } from '../entidad/columns.ts';
import {
  ACC,
  ACC_LENGTH,
  type CompiledProcesador,
  type PendingColumns,
  type RunSink,
} from '../procesadores/compile.ts';
import type { EstadoSpec } from '../procesadores/define.ts';
import { copySlot, type Muestra } from './muestra.ts';
import type { Siembra } from './siembra.ts';

/** So late an alert still belongs to what was planted. */
export const TAIL = 8;
/** Lecturas of one part: about a millisecond of the dearest procesador. */
export const PART_LECTURAS = 512;

/** What was found, by place. */
export interface Cuentas {
  readonly planted: Uint16Array;
  readonly found: Uint16Array;
  /** Alerts where nothing was planted, and runs that failed. */
  readonly wrong: Uint16Array;
  /** Lecturas that were judged. */
  readonly lecturas: Uint16Array;
}

export class Ensayo implements RunSink {
  readonly cuentas: Cuentas;
  done = 0;

  readonly #compiled: CompiledProcesador;
  readonly #parametros: unknown;
  readonly #siembra: Siembra;
  readonly #memory: BloqueMemory;
  readonly #abre: number;
  readonly #acc = new Float64Array(ACC_LENGTH);
  readonly #pend: PendingColumns = {
    slot: new Uint16Array(PART_LECTURAS),
    tsMs: new Float64Array(PART_LECTURAS),
    lectura: new Float32Array(PART_LECTURAS),
    valor: new Float32Array(PART_LECTURAS),
    length: 0,
  };
  readonly #held = new Uint32Array(PART_LECTURAS);
  /** By place: lecturas seen, the next planted one, whether it was found, whether the last valor was over. */
  readonly #seen: Uint16Array;
  readonly #next: Uint16Array;
  readonly #isFound: Uint8Array;
  readonly #isOver: Uint8Array;

  /** @param isSame the procesador of the muestra: its state goes on; another begins anew. */
  constructor(muestra: Muestra, siembra: Siembra, compiled: CompiledProcesador, parametros: unknown, isSame: boolean) {
    const places = muestra.counts.length;
    this.#compiled = compiled;
    this.#parametros = parametros;
    this.#siembra = siembra;
    const { procesador } = compiled;
    this.#memory = makeBloqueMemory(procesador.estado as EstadoSpec, places);
    const { core } = this.#memory;
    core.ocupado.fill(1);
    core.corre.fill(1);
    if (isSame) for (let place = 0; place < places; place++) copySlot(muestra.before, place, this.#memory, place);
    const abre = procesador.alerta?.abre ?? Infinity;
    this.#abre = Math.fround(typeof abre === 'number' ? abre : abre(parametros));
    this.#seen = new Uint16Array(places);
    this.#next = new Uint16Array(places);
    this.#isFound = new Uint8Array(places);
    this.#isOver = new Uint8Array(places);
    this.cuentas = {
      planted: Uint16Array.from(siembra.planted, (list) => list.length),
      found: new Uint16Array(places),
      wrong: new Uint16Array(places),
      lecturas: new Uint16Array(places),
    };
    if (isSame || procesador.onBind === undefined) return;
    compiled.bind(this.#memory);
    for (let place = 0; place < places; place++) compiled.bindSlot(parametros, place);
  }

  /** Runs the next part; false: that was the last. */
  part(): boolean {
    const { lecturas, length } = this.#siembra;
    const to = Math.min(length, this.done + PART_LECTURAS);
    const pend = this.#pend;
    pend.length = 0;
    this.#acc[ACC.held] = 0;
    // bound again each time: bloques run in between
    this.#compiled.bind(this.#memory);
    this.#compiled.runLecturas(this.#parametros, lecturas, this.done, to, pend, this.#acc, this, this.#held, Infinity);
    for (let k = 0; k < pend.length; k++) this.#judge(pend.slot[k]!, pend.valor[k]!);
    this.done = to;
    return to < length;
  }

  fallo(place: number): void {
    this.cuentas.wrong[place]!++;
    this.#seen[place]!++;
  }

  excede(): void {}

  /** E3. */
  #judge(place: number, valor: number): void {
    const at = this.#seen[place]!++;
    if (at < this.#siembra.from[place]!) {
      this.#isOver[place] = valor >= this.#abre ? 1 : 0;
      return;
    }
    this.cuentas.lecturas[place]!++;
    const list = this.#siembra.planted[place]!;
    let next = this.#next[place]!;
    while (next < list.length && at >= list[next]!.to + TAIL) {
      next++;
      this.#isFound[place] = 0;
    }
    this.#next[place] = next;
    const isOver = valor >= this.#abre;
    const isAlert = isOver && this.#isOver[place] === 0;
    this.#isOver[place] = isOver ? 1 : 0;
    if (!isAlert) return;
    if (next >= list.length || at < list[next]!.from) this.cuentas.wrong[place]!++;
    else if (this.#isFound[place] === 0) {
      this.#isFound[place] = 1;
      this.cuentas.found[place]!++;
    }
  }
}
