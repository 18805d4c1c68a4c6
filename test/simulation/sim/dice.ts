/** Seeded dice with the rolls that a simulation makes. Everything random of a seed comes from here. */
import { makeRandom } from '#adapters/system/random.ts';
import type { Random } from '#ports/random.ts';

export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  static of(seed: number): Dice {
    return new Dice(makeRandom(seed));
  }

  /** Dice of its own for a part, so that one more roll here shifts nothing there. */
  fork(): Dice {
    return new Dice(this.#random.fork());
  }

  chance(probability: number): boolean {
    return probability > 0 && this.#random.next() < probability;
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  /** A whole number, both ends possible. */
  between(from: number, to: number): number {
    return from + this.#random.below(to - from + 1);
  }

  /** Short times often, long ones now and then: from `from` to `to`, each doubling about as likely. */
  span(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.#random.next());
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}
