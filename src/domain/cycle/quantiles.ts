/**
 * Quantiles of durations in fixed memory: counts in buckets that grow by 5 %, so an answer is within 2.5 % of the true one.
 * Source: the logarithmic buckets of DDSketch (Masson, Rim, Lee, 2019), with a fixed range.
 */

const GROWTH = 1.05;
const LOWEST = 1e-3;
const BUCKETS = 460; // up to 1e-3 x 1.05^460 = 5.6e6 ms, an hour and a half

export class Quantiles {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #max = 0;

  /** Takes one duration in ms; what is below 1 microsecond counts as that. */
  observe(ms: number): void {
    const bucket = ms <= LOWEST ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log(ms / LOWEST) / Math.log(GROWTH)));
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  get count(): number {
    return this.#count;
  }

  /** The duration below which a share `q` (0..1) of all lies; 0 when nothing was observed. */
  at(q: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    const counts = this.#counts;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += counts[bucket]!;
      if (seen >= rank) return Math.min(this.#max, LOWEST * GROWTH ** (bucket + 0.5));
    }
    return this.#max;
  }

  summary(): { readonly p50: number; readonly p99: number; readonly max: number } {
    return { p50: this.at(0.5), p99: this.at(0.99), max: this.#max };
  }
}
