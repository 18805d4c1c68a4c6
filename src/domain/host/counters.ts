/**
 * Counters into differences.
 *
 * Owns the arithmetic of a counter that only grows, wraps at 32 bits or starts again. Leaves dividing by time to the caller,
 * who read both.
 *
 * W1 A difference is never negative. NaN: there is no second look yet, or the counter started again.
 */

const WRAP = 2 ** 32;
/**
 * How near the top the old value, and how near zero the new one must be for a wrap. A sixteenth of the range: at a look a
 * second a 32-bit counter of bytes may run at 268 MB/s; and a counter that was reset is taken for a wrapped one only when
 * it happened to stand there.
 */
const WRAP_NEAR = 2 ** 28;

/** now - previous of a counter. */
export function counterDelta(previous: number, now: number): number {
  if (now >= previous) return now - previous;
  if (previous < WRAP && previous >= WRAP - WRAP_NEAR && now < WRAP_NEAR) return now + WRAP - previous;
  return Number.NaN;
}

/** The last values of the counters of one thing. */
export class Counters {
  readonly #last: Float64Array;

  constructor(count: number) {
    this.#last = new Float64Array(count).fill(Number.NaN);
  }

  /** The difference to the last look at counter `i`, which `now` becomes. */
  step(i: number, now: number): number {
    const delta = counterDelta(this.#last[i]!, now);
    this.#last[i] = now;
    return delta;
  }
}

/** `part` of `whole` in percent, held in 0..100 (the kernel's clocks disagree by a tick); NaN when there is no whole. */
export function percent(part: number, whole: number): number {
  if (!(whole > 0)) return Number.NaN;
  return Math.min(100, Math.max(0, (100 * part) / whole));
}
