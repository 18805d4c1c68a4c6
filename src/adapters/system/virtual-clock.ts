/**
 * The twin of the machine's clock for tests and simulations: time stands still until it is told to go on.
 *
 * V1 Timers fire in the order of their times, and those of one time in the order in which they were set.
 * V2 While a timer's callback runs, `nowMs` is the time for which it was set, never later.
 * V3 Between two timers everything that the first one's promises set off has run, as far as it needs no real I/O.
 */
import type { Clock } from '#ports/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Begins at `startMs`, UTC ms since 1970. */
  constructor(startMs: number = 0) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  yieldToIo(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Timers set and not yet fired: none left over is how a test sees that everything was closed. */
  get timersCount(): number {
    return this.#timers.size;
  }

  /** Ms until the next timer; null without one. */
  get nextTimerMs(): number | null {
    const next = this.#next();
    return next === null ? null : next.dueMs - this.#elapsedMs;
  }

  /** Lets `ms` pass, with every timer that falls due on the way, also those set on the way. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await this.yieldToIo();
    for (let timer = this.#next(); timer !== null && timer.dueMs <= endMs; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.callback();
      await this.yieldToIo();
    }
    this.#moveTo(endMs);
    await this.yieldToIo();
  }

  /** Goes on to the next timer and fires that one alone; false: there is none. What it set off has run when this resolves (V3). */
  async step(): Promise<boolean> {
    const timer = this.#next();
    if (timer === null) return false;
    this.#timers.delete(timer);
    this.#moveTo(timer.dueMs);
    timer.callback();
    await this.yieldToIo();
    return true;
  }

  /** Sets the wall clock, forwards or back, as an administrator or NTP does; durations and timers do not notice. */
  stepWallTo(nowMs: number): void {
    this.#wallMs = nowMs;
  }

  #moveTo(elapsedMs: number): void {
    // A timer set while time was passing may lie before what has passed by now.
    const passedMs = Math.max(0, elapsedMs - this.#elapsedMs);
    this.#elapsedMs += passedMs;
    this.#wallMs += passedMs;
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}
