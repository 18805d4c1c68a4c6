/** The twins keep the promises of the ports that they stand for, as every adapter must. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { bloqueStoreSuite } from '../contract/bloque-store.suite.ts';
import { journalSuite } from '../contract/journal.suite.ts';
import { quietHost } from './sim/host.ts';
import { simCompressor } from './twins/sim-compressor.ts';
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

test('what stands for zstd makes frames that zstd reads, and reads them itself', () => {
  const zstd = makeZstd();
  for (const length of [0, 1, 1000, 128 * 1024, 128 * 1024 + 1, 400_000]) {
    const bytes = Uint8Array.from({ length }, (_, k) => (k * 31) & 0xff);
    const frame = simCompressor.compress(bytes);
    assert.equal(Buffer.compare(zstd.decompress(frame, length), bytes), 0);
    assert.equal(Buffer.compare(simCompressor.decompress(frame, length), bytes), 0);
    if (length > 0) assert.throws(() => simCompressor.decompress(frame, length - 1), /more than/);
    assert.throws(() => simCompressor.decompress(frame.subarray(0, -1), length), /cut short/);
    assert.throws(() => simCompressor.decompress(Buffer.concat([frame, frame]), length), /follow/);
  }
});
