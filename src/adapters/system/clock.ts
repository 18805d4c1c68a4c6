/** The machine's time. */
import type { Clock } from '#ports/clock.ts';

/** setTimeout takes no more; longer waits are made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export function makeSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: startTimer,
    // A check-phase callback: between it and the next one the loop has polled I/O and run due timers.
    yieldToIo: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

function startTimer(ms: number, callback: () => void): () => void {
  let left = Number.isNaN(ms) ? 0 : ms;
  let timer: NodeJS.Timeout;
  const start = (): void => {
    const part = Math.min(left, TIMER_MS_MAX);
    left -= part;
    timer = setTimeout(left > 0 ? start : callback, part);
  };
  start();
  return () => clearTimeout(timer);
}
