/**
 * Peak resident memory, each in processes of its own, beside a Node process that does nothing. PostgreSQL is told apart in the note.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { IngestChildInput, IngestChildResult } from '../children/ingest.ts';
import { startChild } from '../lib/child.ts';
import { writeBareConfig, writeShippedConfig } from '../lib/config.ts';
import { freePort, startCoreC, type Running } from '../lib/corec.ts';
import { CLAVES, Rounds } from '../lib/ndjson.ts';
import { peakRssMb, postgresPids, pssMb, rssMb } from '../lib/proc.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { start, withFolder } from '../lib/workspace.ts';

export const SHIPPED_LIMIT = atMost(220, 150);
export const BOUND_LIMIT = atMost(450, 300);
export const SMALL_LIMIT = atMost(120, 90);

const SHIPPED_SECONDS = 25;
const RESTORED_SECONDS = 10;
const SMALL_SECONDS = 20;
const SMALL_CLAVES = 10_000;
const READY_MS = 60_000;

/** Peak of a Node process of this version that does nothing. */
async function bareNodeMb(): Promise<number> {
  const child = start(process.execPath, ['-e', 'setTimeout(() => {}, 10_000)'], { stdio: 'ignore' });
  await delay(500);
  const mb = peakRssMb(child.pid!) ?? 0;
  child.kill('SIGKILL');
  return mb;
}

interface Watched {
  readonly peakMb: number;
  readonly atRestMb: number;
  readonly postgresMb: number;
}

/** Lets it run for `seconds` after it is ready, then stops it; the peak is looked at until the very end. */
async function watch(corec: Running, seconds: number, progress: Progress): Promise<Watched> {
  await corec.ready(READY_MS);
  for (let second = 0; second < seconds; second++) {
    progress(`${peakRssMb(corec.pid)?.toFixed(0)} MB at most so far, ${seconds - second} s to go`);
    await delay(1000);
  }
  const atRestMb = rssMb(corec.pid) ?? 0;
  const postgresMb = postgresPids(corec.dataDir).reduce((sum, pid) => sum + pssMb(pid), 0);
  let peakMb = peakRssMb(corec.pid) ?? 0;
  const looking = setInterval(() => {
    peakMb = Math.max(peakMb, peakRssMb(corec.pid) ?? 0);
  }, 5);
  await corec.stop();
  clearInterval(looking);
  return { peakMb, atRestMb, postgresMb };
}

const apart = (seen: Watched): string =>
  `${seen.atRestMb.toFixed(0)} MB before it was stopped; its PostgreSQL apart, ${seen.postgresMb.toFixed(0)} MB`;

export function benchShippedMemory(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const corec = startCoreC(folder, writeShippedConfig(folder, port), port);
    await corec.ready(READY_MS);
    const { entidades } = await corec.status();
    const seen = await watch(corec, SHIPPED_SECONDS, progress);
    return [
      makeRow('rss-shipped', 'MB', SHIPPED_LIMIT, {
        value: seen.peakMb,
        baseline: await bareNodeMb(),
        sound: entidades >= CLAVES,
        note: `${entidades} entidades, ${SHIPPED_SECONDS} s; ${apart(seen)}`,
      }),
    ];
  });
}

export function benchBoundMemory(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const config = writeBareConfig(folder, { http: { host: '127.0.0.1', port } });
    const learned = await learn(folder, config, CLAVES, 3, progress);
    const corec = startCoreC(folder, config, port);
    await corec.ready(READY_MS);
    const { restored_entidades } = await corec.status();
    const seen = await watch(corec, RESTORED_SECONDS, progress);
    return [
      makeRow('rss-bound', 'MB', BOUND_LIMIT, {
        value: Math.max(learned.peakMb, seen.peakMb),
        baseline: await bareNodeMb(),
        sound: learned.claves === CLAVES && restored_entidades === CLAVES,
        note:
          `${learned.peakMb.toFixed(0)} MB while ${learned.lecturas} lecturas of ${learned.claves} claves were learned and kept, ` +
          `${seen.peakMb.toFixed(0)} MB when ${restored_entidades} were restored; ${apart(seen)}`,
      }),
    ];
  });
}

export function benchSmallMemory(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const config = writeBareConfig(folder, { http: { host: '127.0.0.1', port } });
    const learned = await learn(folder, config, SMALL_CLAVES, 20, progress);
    const corec = startCoreC(folder, config, port);
    await corec.ready(READY_MS);
    const { restored_entidades } = await corec.status();
    const seen = await watch(corec, SMALL_SECONDS, progress);
    return [
      makeRow('small', 'MB', SMALL_LIMIT, {
        value: seen.peakMb,
        baseline: await bareNodeMb(),
        sound: learned.claves === SMALL_CLAVES && restored_entidades === SMALL_CLAVES,
        note: `${restored_entidades} bound entidades restored, at rest for ${SMALL_SECONDS} s; ${apart(seen)}`,
      }),
    ];
  });
}

/** `rounds` readings of each of `claves`, taken in by a process of its own. */
async function learn(
  folder: string,
  config: string,
  claves: number,
  roundCount: number,
  progress: Progress,
): Promise<IngestChildResult> {
  const rounds = new Rounds({ claves });
  const file = join(folder, 'lecturas.ndjson');
  for (let round = 0; round < roundCount; round++) {
    rounds.write(round);
    writeFileSync(file, rounds.bytes, { flag: 'a' });
  }
  const input: IngestChildInput = { config, file, seconds: null };
  return startChild<IngestChildResult>('ingest.ts', input, 120_000, (line) => {
    const { kind, lecturas } = line as { kind: string; lecturas: number };
    if (kind === 'progress') progress(`${lecturas} lecturas learned`);
  }).result;
}
