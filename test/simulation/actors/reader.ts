/** Somebody who only looks: no answer may miss what was told before it was asked, or hold anything twice. */
import { isTransient, messageOf, CoreCError } from '#domain/errors.ts';
import type { AlertaView, EntidadHistory } from '#ports/nucleus-api.ts';
import type { Dice } from '../sim/dice.ts';
import type { Life } from '../sim/life.ts';
import type { World } from '../sim/world.ts';

export class Reader {
  readonly #world: World;
  readonly #dice: Dice;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
    this.#next();
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    this.#world.after(this.#dice.span(plan.comandoMs / 2, plan.comandoMs * 4), () => {
      if (mishaps.isCalm) return;
      const { life } = this.#world;
      if (life?.doorsOpen === true) void this.#look(life);
      this.#next();
    });
  }

  async #look(life: Life): Promise<void> {
    life.underway++;
    try {
      switch (this.#dice.below(4)) {
        case 0:
          await this.#lookAtAlertas(life);
          break;
        case 1:
          await this.#lookAtHistory(life);
          break;
        case 2:
          await life.command('status', {}, null);
          break;
        default:
          await life.command('bloques', {}, null);
          break;
      }
    } catch (error) {
      const isRefusal = isTransient(error) || (error instanceof CoreCError && error.kind === 'input');
      if (!life.isDead && !isRefusal) this.#world.violate('who only looks is answered', messageOf(error));
    } finally {
      life.underway--;
    }
  }

  /** Everything known when it was asked is in the answer: stored, on its way to the store, or open. */
  async #lookAtAlertas(life: Life): Promise<void> {
    const nucleus = life.nucleus!;
    const expected = new Set(this.#world.storeDisk.alertas.map((row) => row.id));
    for (const row of nucleus.hub.unsaved()) expected.add(row.id);
    const found = await nucleus.door.alertas({ limit: 100_000, orden: 'tiempo' });
    if (life.isDead) return;
    const ids = found.map((alerta: AlertaView) => alerta.id);
    this.#world.note(`${ids.length} alertas are read`);
    if (new Set(ids).size !== ids.length) this.#world.violate('a list holds an alert once', ids.join(' '));
    const missing = [...expected].filter((id) => !ids.includes(id));
    if (missing.length > 0) this.#world.violate('no reader misses an alert', missing.join(' '));
  }

  async #lookAtHistory(life: Life): Promise<void> {
    const { ledger } = this.#world;
    const accounts = [...ledger.accounts.values()].filter(({ acknowledged }) => acknowledged > 0);
    if (accounts.length === 0) return;
    const { entry, clave } = this.#dice.pick(accounts);
    const history: EntidadHistory = await life.nucleus!.door.history(`${entry}:${clave}`, null, 100_000);
    if (life.isDead) return;
    const times = history.points.map(({ tsMs }) => tsMs);
    this.#world.note(`history of ${clave}: ${times.length} points`);
    if (new Set(times).size !== times.length)
      this.#world.violate('a history holds a lectura once', `${clave}: ${times.join(' ')}`);
  }
}
