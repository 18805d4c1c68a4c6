import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { streamBusSuite } from './stream-bus.suite.ts';

streamBusSuite('memory-bus', (_t, maxlen) => new MemoryBus({ clock: makeSystemClock(), maxlen }));
streamBusSuite('memory-bus, exact', (_t, maxlen) => new MemoryBus({ clock: makeSystemClock(), maxlen, isExact: true }));
