/**
 * The search for the entidad on whose lectura a procesador never ends.
 *
 * A run that has to be broken off says nothing of which lectura it was. So the next one gets half as many, the oldest, and so on: those
 * before the one that hangs act, and it stands alone at last. Lecturas that only take long together pass in smaller numbers.
 *
 *   narrowing --one alone was broken off: suspect--> others --a run without suspects ended--> verdict --broken off again--> guilty
 *                                                      '--as many again without suspects, halved in turn        '--ended--> acquitted
 *
 * Owns what a run gets, and the verdict. Leaves running, the waits between tries (circuit.ts) and the quarantine to others.
 *
 * S1 Once begun, lecturas and cycles run apart from each other: a cycle that hangs is held against no entidad, and keeps no lectura
 *    waiting.
 * S2 Nobody is guilty of whom it is not seen that others end, and that it hangs again after them: a procesador that hangs on
 *    everything, or a machine that stood still, costs no entidad its place.
 */
import type { LecturaFilter } from '../bloque/apart.ts';

/** With more suspects than this it is the procesador. */
const SUSPECTS_MAX = 8;
/** A search is over when so long nothing was broken off. */
const FORGET_MS = 60_000;
/** More than an inbox holds. */
const ALL = 1 << 24;

export class HangSearch {
  readonly #suspects = new Set<number>();
  #max = ALL;
  /** Others have ended since there are suspects. */
  #othersEnd = false;
  #brokenOffMs: number;

  constructor(nowMs: number) {
    this.#brokenOffMs = nowMs;
  }

  /** What the next run gets. `hasOthers`: lecturas wait of others than suspects. */
  filter(hasOthers: (isSuspect: (slot: number) => boolean) => boolean): LecturaFilter {
    const isSuspect = (slot: number): boolean => this.#suspects.has(slot);
    if (this.#suspects.size === 0) return { max: this.#max, takes: () => true };
    if (!this.#othersEnd && hasOthers(isSuspect)) return { max: this.#max, takes: (slot) => !isSuspect(slot) };
    return { max: 1, takes: isSuspect };
  }

  /** A run of lecturas of these slots was broken off; `withCycle`: it had a cycle besides. Returns the slot that is guilty, or -1. */
  brokenOff(slots: readonly number[], withCycle: boolean, nowMs: number): number {
    this.#brokenOffMs = nowMs;
    const [first] = slots;
    if (first === undefined) return -1;
    if (withCycle || slots.length > 1) {
      this.#max = Math.ceil(slots.length / 2);
      return -1;
    }
    if (this.#othersEnd && this.#suspects.delete(first)) {
      if (this.#suspects.size === 0) this.#begin();
      return first;
    }
    this.#suspects.add(first);
    this.#max = ALL;
    if (this.#suspects.size > SUSPECTS_MAX) this.#begin();
    return -1;
  }

  /** A run of lecturas of these slots ended by itself; `isEmpty`: none waits any more. */
  ended(slots: readonly number[], isEmpty: boolean, nowMs: number): void {
    for (const slot of slots) {
      if (!this.#suspects.delete(slot)) this.#othersEnd ||= this.#suspects.size > 0;
    }
    if (this.#suspects.size === 0) this.#othersEnd = false;
    if (isEmpty && nowMs - this.#brokenOffMs >= FORGET_MS) this.#max = Math.min(ALL, this.#max * 2);
  }

  /** The lectura on which it hung is gone with its clave: whoever gets the slot next has done nothing. */
  forgot(slot: number): void {
    this.#suspects.delete(slot);
    if (this.#suspects.size === 0) this.#othersEnd = false;
  }

  /** It found nobody, and nothing has hung since. */
  isOver(nowMs: number): boolean {
    return this.#suspects.size === 0 && this.#max === ALL && nowMs - this.#brokenOffMs >= FORGET_MS;
  }

  #begin(): void {
    this.#suspects.clear();
    this.#othersEnd = false;
    this.#max = ALL;
  }
}
