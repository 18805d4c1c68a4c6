/**
 * What is usual for one bloque: level and spread of each of its figures, learned from look to look in 96 bytes.
 *
 * Owns learning and telling how far a row is from usual. Leaves whether that is odd to the forest of its entry (entrada-audit.ts).
 *
 * U1 Deviations are in spreads of the bloque itself, so that bloques of any size and load can be compared, and judged by one forest.
 * U2 A figure moves what is usual as if it lay at most LEARNED_MAX spreads away: an outage is not normal at once, a lasting change is
 *    after some twenty looks.
 */
import { FEATURES, FEATURES_COUNT, fromScale, toScale } from './features.ts';

/** Looks before a bloque is judged. */
export const WARM_UP = 20;
/** Deviations are cut off here. */
export const DEVIATION_MAX = 8;
const RATE = 1 / 48;
const LEARNED_MAX = 4;
/** Mean distance to sd, for Gauss. */
const SD_OF_DISTANCE = 1.25;
const SEEN_MAX = 65_535;

export class BloqueUsual {
  /** Looks learned from. */
  seen = 0;
  /** Levels of all figures, then their mean distances, on the scales of judging. */
  readonly figures: Float32Array;

  constructor(figures: Float32Array = new Float32Array(2 * FEATURES_COUNT), seen = 0) {
    this.figures = figures;
    this.seen = seen;
  }

  get isKnown(): boolean {
    return this.seen >= WARM_UP;
  }

  /** Writes the deviations of a row, -DEVIATION_MAX to DEVIATION_MAX, to `out` from `at`. */
  deviations(row: readonly number[], out: Float32Array, at: number): void {
    for (let f = 0; f < FEATURES_COUNT; f++) {
      const away = (toScale(FEATURES[f]!, row[f]!) - this.figures[f]!) / this.#spread(f);
      out[at + f] = Math.max(-DEVIATION_MAX, Math.min(DEVIATION_MAX, away));
    }
  }

  learn(row: readonly number[]): void {
    const rate = Math.max(RATE, 1 / (this.seen + 1));
    for (let f = 0; f < FEATURES_COUNT; f++) {
      const level = this.figures[f]!;
      let away = toScale(FEATURES[f]!, row[f]!) - level;
      if (this.isKnown) {
        const most = LEARNED_MAX * this.#spread(f);
        away = Math.max(-most, Math.min(most, away));
      }
      this.figures[f] = level + rate * away;
      const distance = this.figures[FEATURES_COUNT + f]!;
      // the first look has nothing to be away from
      if (this.seen > 0) this.figures[FEATURES_COUNT + f] = distance + rate * (Math.abs(away) - distance);
    }
    if (this.seen < SEEN_MAX) this.seen++;
  }

  /** Where a figure usually lies, in its own unit. */
  range(f: number, spreads: number): { readonly min: number; readonly max: number } {
    const level = this.figures[f]!;
    const half = spreads * this.#spread(f);
    return { min: fromScale(FEATURES[f]!, level - half), max: fromScale(FEATURES[f]!, level + half) };
  }

  #spread(f: number): number {
    const { least, leastShare } = FEATURES[f]!;
    const sd = SD_OF_DISTANCE * this.figures[FEATURES_COUNT + f]!;
    return Math.max(sd, least + leastShare * Math.abs(this.figures[f]!));
  }
}
