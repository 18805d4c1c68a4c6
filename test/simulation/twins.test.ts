/** The twins keep the promises of the ports that they stand for, as every adapter must. */
import { makeSystemClock } from '#adapters/system/clock.ts';
import { bloqueStoreSuite } from '../contract/bloque-store.suite.ts';
import { journalSuite } from '../contract/journal.suite.ts';
import { quietHost } from './sim/host.ts';
import { JournalDisk, SimJournal } from './twins/sim-journal.ts';
import { SimStore } from './twins/sim-store.ts';
import { StoreDisk } from './twins/store-disk.ts';

const host = quietHost(makeSystemClock());

bloqueStoreSuite('simulated', () => {
  const disk = new StoreDisk();
  return Promise.resolve({ begin: () => new SimStore(disk, host) });
});

journalSuite('simulated', () => {
  const disk = new JournalDisk();
  return { begin: () => new SimJournal(disk, host) };
});

journalSuite('simulated, with segments of 7 records', () => {
  const disk = new JournalDisk();
  return { begin: () => new SimJournal(disk, host, { segmentRecords: 7 }) };
});
