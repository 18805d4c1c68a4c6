/** Whoever puts lecturas into a stream that CoreC reads. */
import type { Dice } from '../sim/dice.ts';
import { LECTURAS_STREAM, type EntryPlan } from '../sim/plan.ts';
import type { World } from '../sim/world.ts';

export class StreamWriter {
  readonly #world: World;
  readonly #entry: EntryPlan;
  readonly #dice: Dice;

  constructor(world: World, entry: EntryPlan) {
    this.#world = world;
    this.#entry = entry;
    this.#dice = world.dice.fork();
    this.#next();
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    if (mishaps.isCalm) return;
    this.#world.after(this.#dice.span(plan.filaMs / 3, plan.filaMs * 3), () => {
      if (mishaps.isCalm) return;
      for (let count = this.#dice.between(1, 6); count > 0; count--) void this.#append();
      this.#next();
    });
  }

  async #append(): Promise<void> {
    const { ledger, redis } = this.#world;
    const row = ledger.makeRow(this.#entry.id, this.#dice.pick(this.#entry.claves), 1 + this.#dice.below(100));
    const { clave, valor, tsMs } = row;
    ledger.appendFila(row);
    const record = this.#dice.chance(0.5)
      ? { clave, valor: String(valor), ts: String(tsMs) }
      : { data: JSON.stringify({ clave, valor, ts: tsMs }) };
    const id = await redis!.append(LECTURAS_STREAM, record);
    ledger.streamRows.set(id, ledger.streamRows.size + 1);
  }
}
