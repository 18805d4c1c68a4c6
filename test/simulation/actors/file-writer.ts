/** Whoever writes the files that CoreC follows: rows come, and now and then the file is rotated. */
import type { Dice } from '../sim/dice.ts';
import type { EntryPlan } from '../sim/plan.ts';
import type { World } from '../sim/world.ts';

export class FileWriter {
  readonly #world: World;
  readonly #entry: EntryPlan;
  readonly #dice: Dice;
  readonly #claves: readonly string[];

  constructor(world: World, entry: EntryPlan) {
    this.#world = world;
    this.#entry = entry;
    this.#dice = world.dice.fork();
    // an entry with two doors: half of the claves each, so that the order between the doors does not matter
    this.#claves = entry.doors.includes('lotes') ? entry.claves.map((clave) => `f-${clave}`) : entry.claves;
    this.#next();
  }

  #next(): void {
    const { plan, mishaps, ledger } = this.#world;
    if (mishaps.isCalm) return;
    this.#world.after(this.#dice.span(plan.filaMs / 3, plan.filaMs * 3), () => {
      if (mishaps.isCalm) return;
      const file = this.#world.file(this.#entry.id);
      if (mishaps.roll('source_rotated')) {
        file.rotate();
        this.#world.note(`file ${this.#entry.id} is rotated`);
      }
      for (let count = this.#dice.between(1, 8); count > 0; count--) {
        const row = ledger.makeRow(this.#entry.id, this.#dice.pick(this.#claves), 1 + this.#dice.below(100));
        ledger.appendFila(row);
        file.append(row);
      }
      this.#next();
    });
  }
}
