/**
 * Requests of clients on their way in, and answers on their way out: dropped, doubled, late, and so in another order.
 *
 * N1 A client hears nothing from a life that died; who got no answer sends again.
 */
import { CoreCError } from '#domain/errors.ts';
import type { Life } from './life.ts';
import type { World } from './world.ts';

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown; readonly life: Life | null };

export class Network {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** `answered` is called for every answer that arrives: none, one, or two when the request was doubled. */
  call<T>(what: string, act: (life: Life) => Promise<T>, answered: (answer: Answer<T>) => void): void {
    const { mishaps, dice } = this.#world;
    if (mishaps.roll('request_dropped')) {
      this.#world.note(`${what}: the request is lost`);
      return;
    }
    const copies = mishaps.roll('request_doubled') ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const ms = mishaps.roll('request_late') ? dice.span(20, 3_000) : dice.below(4);
      this.#world.after(ms, () => this.#arrive(copies === 1 ? what : `${what} copy ${copy + 1}`, act, answered));
    }
  }

  #arrive<T>(what: string, act: (life: Life) => Promise<T>, answered: (answer: Answer<T>) => void): void {
    const world = this.#world;
    const { life } = world;
    if (life === null || !life.doorsOpen) {
      const error = new CoreCError('COREC_E_NOT_RUNNING', { path: 'sim' });
      world.after(1, () => answered({ ok: false, error, life: null }));
      return;
    }
    world.note(`${what} arrives`);
    life.underway++;
    const answer = (one: Answer<T>): void => {
      if (life.isDead) return;
      life.underway--;
      if (world.mishaps.roll('answer_dropped')) {
        world.note(`${what}: the answer is lost`);
        return;
      }
      world.after(world.dice.below(4), () => answered(one));
    };
    // what a door throws at once is an answer like any other
    const acting = (async () => act(life))();
    acting.then(
      (value) => answer({ ok: true, value }),
      (error: unknown) => answer({ ok: false, error, life }),
    );
  }
}
