/**
 * What is usual for one bloque, or one entidad: level and spread of each of its figures, learned from look to look in eight bytes a figure.
 *
 * Owns learning and telling how far a row is from usual. Leaves whether that is odd to the forest (audit.ts).
 *
 * U1 Deviations are in spreads of its own, so that bloques of any size and load can be compared, and judged by one forest.
 * U2 A figure moves what is usual as if it lay at most LEARNED_MAX spreads away: an outage is not normal at once, a lasting change is
 *    after a while (with a rate of 1/48, some twenty looks).
 */
import { fromScale, toScale, type Feature } from './features.ts';

export interface UsualOptions {
  readonly features: readonly Feature[];
  /** Looks before anybody is judged. */
  readonly warmUp: number;
  /** Share of a new look in what is usual, once there were as many. */
  readonly rate: number;
  /** Deviations are cut off here. */
  readonly deviationMax: number;
}

const LEARNED_MAX = 4;
/** Mean distance to sd, for Gauss. */
const SD_OF_DISTANCE = 1.25;
const SEEN_MAX = 65_535;

export class Usual {
  /** Looks learned from. */
  seen = 0;
  /** Levels of all figures, then their mean distances, on the scales of judging. */
  readonly figures: Float32Array;

  readonly #options: UsualOptions;
  readonly #features: readonly Feature[];

  constructor(options: UsualOptions, figures = new Float32Array(2 * options.features.length), seen = 0) {
    this.#options = options;
    this.#features = options.features;
    this.figures = figures;
    this.seen = seen;
  }

  get isKnown(): boolean {
    return this.seen >= this.#options.warmUp;
  }

  /** Writes the deviations of a row, cut off at deviationMax, to `out` from `at`. */
  deviations(row: readonly number[], out: Float32Array, at: number): void {
    const { deviationMax } = this.#options;
    for (let f = 0; f < this.#features.length; f++) {
      const away = (toScale(this.#features[f]!, row[f]!) - this.figures[f]!) / this.#spread(f);
      out[at + f] = Math.max(-deviationMax, Math.min(deviationMax, away));
    }
  }

  learn(row: readonly number[]): void {
    const rate = Math.max(this.#options.rate, 1 / (this.seen + 1));
    for (let f = 0; f < this.#features.length; f++) {
      const level = this.figures[f]!;
      let away = toScale(this.#features[f]!, row[f]!) - level;
      if (this.isKnown) {
        const most = LEARNED_MAX * this.#spread(f);
        away = Math.max(-most, Math.min(most, away));
      }
      this.figures[f] = level + rate * away;
      const distance = this.figures[this.#features.length + f]!;
      // the first look has nothing to be away from
      if (this.seen > 0) this.figures[this.#features.length + f] = distance + rate * (Math.abs(away) - distance);
    }
    if (this.seen < SEEN_MAX) this.seen++;
  }

  /** Where a figure usually lies, in its own unit. */
  range(f: number, spreads: number): { readonly min: number; readonly max: number } {
    const level = this.figures[f]!;
    const half = spreads * this.#spread(f);
    return { min: fromScale(this.#features[f]!, level - half), max: fromScale(this.#features[f]!, level + half) };
  }

  #spread(f: number): number {
    const { least, leastShare } = this.#features[f]!;
    const sd = SD_OF_DISTANCE * this.figures[this.#features.length + f]!;
    return Math.max(sd, least + leastShare * Math.abs(this.figures[f]!));
  }
}
