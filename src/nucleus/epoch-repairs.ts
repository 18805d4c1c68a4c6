/**
 * Repairs from the store: the state of the last epoch, written into slots whose own is no longer to be trusted.
 *
 * Owns reading that state, and waiting for closures before it is put in. Leaves to the bloque which slots need it.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { decodeClaves } from '#domain/claves/blob.ts';
import { isTransient, messageOf } from '#domain/errors.ts';
import type { Say } from '#domain/texts/text.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { Logger } from '#ports/logger.ts';
import { decodeColumnas, fillSlot } from './checkpoint.ts';
import type { Swarm } from './swarm.ts';
import { within } from './within.ts';

const TAG = 'CoreCNucleus';
/** Doors are shut meanwhile. */
const HEAL_MS_MAX = 1000;

export interface EpochRepairsDeps {
  readonly swarm: () => Swarm;
  readonly store: BloqueStore;
  readonly compressor: Compressor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  /** Its closures are under way: `closuresOver` is told their end. */
  readonly isRunning: (bloque: BloqueSimbiotico) => boolean;
  /** Entidades of it were replaced. */
  readonly noteRepaired: (bloque: BloqueSimbiotico, entidades: number) => void;
}

export class EpochRepairs {
  readonly #deps: EpochRepairsDeps;
  /** Repairs that wait for the closures of their bloque. */
  readonly #waiting = new Map<BloqueSimbiotico, (() => void)[]>();

  constructor(deps: EpochRepairsDeps) {
    this.#deps = deps;
  }

  /** Repairs slots with their state of the last epoch, those that it does not know fresh. Never throws. */
  async repair(bloque: BloqueSimbiotico, slots: readonly number[]): Promise<void> {
    let load: (slot: number) => boolean = () => false;
    try {
      load = await this.#storedState(bloque, slots);
    } catch (error) {
      this.#tellFresh(bloque, error);
    }
    const repair = (): void => {
      const before = bloque.repairsTotal;
      bloque.repairFrom(slots, load, this.#deps.clock.nowMs());
      this.#deps.noteRepaired(bloque, bloque.repairsTotal - before);
    };
    // closures under way were not asked for an entidad that was inactive: it must not become active before their answers are in
    if (this.#deps.isRunning(bloque)) this.#waiting.set(bloque, [...(this.#waiting.get(bloque) ?? []), repair]);
    else repair();
  }

  /** The closures of a bloque are no longer under way. */
  closuresOver(bloque: BloqueSimbiotico): void {
    for (const repair of this.#waiting.get(bloque) ?? []) repair();
    this.#waiting.delete(bloque);
  }

  /** False: failed runs have left something behind that `heal` must see to before a cut. */
  get isClean(): boolean {
    return this.#deps.swarm().bloques.every((bloque) => bloque.tainted.length === 0);
  }

  /**
   * Before a cut: what failed runs left behind gives way to the state of the last epoch. Stored as it is, it would be what a repair
   * brings back. Rejects while the store does not answer; what it holds and nobody can read gives way to a fresh state.
   */
  async heal(): Promise<void> {
    const { swarm, clock } = this.#deps;
    const untilMs = clock.monotonicMs() + HEAL_MS_MAX;
    for (;;) {
      const ill = swarm().bloques.find((bloque) => bloque.tainted.length > 0);
      if (ill === undefined) return;
      const slots = ill.tainted;
      const leftMs = Math.max(0, untilMs - clock.monotonicMs());
      let load: (slot: number) => boolean = () => false;
      try {
        load = await within(clock, leftMs, `estado ${ill.id}`, this.#storedState(ill, slots));
      } catch (error) {
        if (isTransient(error)) throw error;
        this.#tellFresh(ill, error);
      }
      ill.heal(slots, load);
    }
  }

  #tellFresh(bloque: BloqueSimbiotico, error: unknown): void {
    const { logger, say } = this.#deps;
    logger.warn(TAG, say('log.repaired_fresh', { error: messageOf(error) }), { bloque: bloque.id });
  }

  /** What writes the last epoch's state of a slot into it; false for a slot that was another clave's then. */
  async #storedState(bloque: BloqueSimbiotico, slots: readonly number[]): Promise<(slot: number) => boolean> {
    const { store, compressor } = this.#deps;
    const datos = await store.readEstado('columnas', bloque.id);
    const claves = await store.readEstado('claves', bloque.id);
    if (datos === null || claves === null || claves.length === 0) return () => false;
    const { estado } = decodeColumnas(datos, compressor, bloque.id);
    const list = decodeClaves(claves, compressor, `claves ${bloque.id}`);
    const known = new Map<number, string>();
    const wanted = new Set(slots);
    for (let k = 0; k < list.length; k++) {
      if (!wanted.has(list.slots[k]!)) continue;
      const from = list.offsets[k]!;
      known.set(list.slots[k]!, new TextDecoder().decode(list.bytes.subarray(from, from + list.lengths[k]!)));
    }
    return (slot) => known.get(slot) === bloque.claveOf(slot) && fillSlot(bloque, estado, slot, slot);
  }
}
