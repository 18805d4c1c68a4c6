/** Waits for something that will happen, by looking again and again; fails by name when it does not in time. */
import { setTimeout as delay } from 'node:timers/promises';

export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(5);
  }
}
