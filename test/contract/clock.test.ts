import { setTimeout as delay } from 'node:timers/promises';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { clockSuite } from './clock.suite.ts';

clockSuite('system', () => ({ clock: makeSystemClock(), pass: (ms) => delay(ms) }));
clockSuite('virtual', () => {
  const clock = new VirtualClock(1_000_000);
  return { clock, pass: (ms) => clock.advance(ms) };
});
