/**
 * A muestra: lecturas of some entidades of an entry, held back as they ran, with the state that these entidades had before the first.
 *
 * Owns taking them in and their bounds. Leaves choosing the entidades and when to begin anew to the module, what they are used for to
 * ensayo.ts.
 *
 * M1 At most PLACES entidades and LECTURAS_PER_PLACE lecturas of each; what comes later is not held back.
 * M2 Lecturas stand in the order in which their entidades ran them.
 */
import type { BloqueSimbiotico } from '../bloque/bloque.ts';
import { makeBloqueMemory, OCUPADO, type BloqueMemory } from '../entidad/columns.ts';
import type { LecturaColumns } from '../procesadores/compile.ts';
import type { EstadoSpec } from '../procesadores/define.ts';

/** 48 x 512 lecturas of 18 bytes are 432 KB an entry, beside some kilobytes of state. */
export const PLACES = 48;
export const LECTURAS_PER_PLACE = 512;
/** Fewer lecturas of an entidad say nothing. */
export const LECTURAS_LEAST = 64;
/** Fewer entidades, or fewer lecturas of all, are no ground to choose on. */
export const PLACES_LEAST = 8;
export const LECTURAS_ENOUGH = 4096;

const NONE = 0xffff;

/** An entidad that takes part. */
export interface Lugar {
  readonly bloque: BloqueSimbiotico;
  readonly slot: number;
  readonly clave: string;
}

export class Muestra {
  readonly lugares: readonly Lugar[];
  /** Place, valor and time of each lectura. */
  readonly columns: LecturaColumns;
  /** Lecturas by place. */
  readonly counts: Uint16Array;
  /** Their columns as they were before the first lectura. */
  readonly before: BloqueMemory;
  length = 0;

  /** @param spec columns of the procesador that all of them have. */
  constructor(lugares: readonly Lugar[], spec: EstadoSpec) {
    this.lugares = lugares;
    const capacity = lugares.length * LECTURAS_PER_PLACE;
    this.columns = {
      slot: new Uint16Array(capacity),
      valor: new Float64Array(capacity),
      tsMs: new Float64Array(capacity),
    };
    this.counts = new Uint16Array(lugares.length);
    this.before = makeBloqueMemory(spec, lugares.length);
    for (const [place, { bloque, slot }] of lugares.entries()) copySlot(bloque.memory, slot, this.before, place);
  }

  get bytes(): number {
    return this.columns.slot.length * 18 + this.before.bytes;
  }

  /** Places with lecturas enough. */
  get usable(): number {
    let count = 0;
    for (const held of this.counts) if (held >= LECTURAS_LEAST) count++;
    return count;
  }

  /** True: an ensayo can be made of it. */
  get enough(): boolean {
    return this.length >= LECTURAS_ENOUGH && this.usable >= PLACES_LEAST;
  }

  /** Begins to take in what these entidades run. Ends by `stop`. */
  start(): void {
    for (const [bloque, lugares] of Map.groupBy(this.lugares.entries(), ([, lugar]) => lugar.bloque)) {
      const places = new Uint16Array(bloque.slots).fill(NONE);
      for (const [place, { slot }] of lugares) places[slot] = place;
      bloque.lookOn = (lecturas, to) => this.#take(places, bloque.memory.core.corre, lecturas, to);
    }
  }

  stop(): void {
    for (const { bloque } of this.lugares) bloque.lookOn = null;
  }

  /** Places whose entidad has gone to another clave or elsewhere since count no more. */
  dropMoved(): void {
    for (const [place, { bloque, slot, clave }] of this.lugares.entries()) {
      if (slot >= bloque.slots || bloque.claveOf(slot) !== clave) this.counts[place] = 0;
    }
  }

  /** M1, M2. */
  #take(places: Uint16Array, corre: Uint8Array, { slot, valor, tsMs }: LecturaColumns, to: number): void {
    const { columns, counts } = this;
    for (let k = 0; k < to; k++) {
      const at = slot[k]!;
      const place = at < places.length ? places[at]! : NONE;
      // an inactive one has not run it: it waits, and comes again
      if (place === NONE || counts[place]! >= LECTURAS_PER_PLACE || corre[at] === 0) continue;
      const n = this.length++;
      columns.slot[n] = place;
      columns.valor[n] = valor[k]!;
      columns.tsMs[n] = tsMs[k]!;
      counts[place]!++;
    }
  }
}

/** What one slot holds, into another; both of the same procesador. It runs there. */
export function copySlot(from: BloqueMemory, slot: number, to: BloqueMemory, place: number): void {
  for (const [k, { data }] of to.estado.entries()) data[place] = from.estado[k]!.data[slot]!;
  to.core.numero[place] = from.core.numero[slot]!;
  to.core.tsMs[place] = from.core.tsMs[slot]!;
  to.core.valor[place] = from.core.valor[slot]!;
  to.core.lectura[place] = from.core.lectura[slot]!;
  to.core.ocupado[place] = OCUPADO.ligado;
  to.core.corre[place] = 1;
}
