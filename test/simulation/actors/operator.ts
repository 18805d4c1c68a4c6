/**
 * Whoever runs the machine: starts the instance again when it is down, and brings about what befalls it: kills, stops, a database that
 * goes away, clocks that are set.
 */
import type { Dice } from '../sim/dice.ts';
import type { World } from '../sim/world.ts';

/** What may befall; each seed has some. */
const ACTS = ['kill', 'stop', 'stop_starting', 'away', 'bus_away', 'clock_back', 'clock_forward'] as const;

export class Operator {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #acts: readonly (typeof ACTS)[number][];

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
    this.#acts = ACTS.filter(() => this.#dice.chance(0.6));
    this.#next();
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    if (this.#acts.length === 0) return;
    this.#world.after(this.#dice.span(plan.operatorMs / 3, plan.operatorMs * 3), () => {
      if (mishaps.isCalm) return;
      this.#act(this.#dice.pick(this.#acts));
      this.#next();
    });
  }

  #act(act: (typeof ACTS)[number]): void {
    const world = this.#world;
    const { life, mishaps, clock } = world;
    switch (act) {
      case 'kill':
        if (life === null || life.isDead || !world.mayDie) return;
        mishaps.count('killed');
        world.kill('by the operator');
        break;
      case 'stop':
        if (life?.fase !== 'running' || !world.mayDie) return;
        mishaps.count('stopped');
        void world.stop(life);
        break;
      case 'stop_starting':
        if (life?.fase !== 'starting' || !world.mayDie) return;
        mishaps.count('stopped_while_starting');
        void world.stop(life);
        break;
      case 'away':
        if (world.isStoreAway) return;
        mishaps.count('store_away');
        world.storeGoesAway(this.#dice.span(100, 6_000));
        break;
      case 'bus_away':
        if (world.redis === null || world.isBusAway) return;
        mishaps.count('bus_away');
        world.busGoesAway(this.#dice.span(100, 6_000));
        break;
      case 'clock_back':
      case 'clock_forward': {
        mishaps.count(act);
        const byMs = this.#dice.span(200, 3_600_000) * (act === 'clock_back' ? -1 : 1);
        world.note(`the clock is set by ${byMs} ms`);
        clock.stepWallTo(clock.nowMs() + byMs);
        break;
      }
    }
  }
}
