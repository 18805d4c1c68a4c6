/**
 * What the shipped configuration costs while nobody looks: processor time and bytes written by Node and PostgreSQL together over a
 * minute with two epochs in it, after it has settled. Baselines: the bare kernel loop once a second; the host's lecturas as they are.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { writeShippedConfig } from '../lib/config.ts';
import { freePort, startCoreC } from '../lib/corec.ts';
import { CLAVES } from '../lib/ndjson.ts';
import { bytesBetween, postgresPids, usageOf, type Usage } from '../lib/proc.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { withFolder } from '../lib/workspace.ts';
import { bareSweepMs } from './sweep.ts';

export const IDLE_LIMIT = atMost(0.2, 0.08);
export const DISK_LIMIT = atMost(100, 20);

const SETTLE_S = 35;
const WINDOW_S = 62;
/** A lectura as it waits: slot, valor, time. */
const LECTURA_BYTES = 18;

export function benchIdle(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const corec = startCoreC(folder, writeShippedConfig(folder, port), port);
    await corec.ready(60_000);
    for (let second = SETTLE_S; second > 0; second--) {
      progress(`settling, ${second} s`);
      await delay(1000);
    }
    const before = await corec.status();
    const look = (): readonly [Usage, Usage] => [usageOf([corec.pid]), usageOf(postgresPids(corec.dataDir))];
    const [nodeBefore, postgresBefore] = look();
    const startMs = performance.now();
    for (let second = WINDOW_S; second > 0; second--) {
      await delay(1000);
      progress(`measuring, ${second} s`);
    }
    const [nodeAfter, postgresAfter] = look();
    const cpuS = nodeAfter.cpuS - nodeBefore.cpuS + postgresAfter.cpuS - postgresBefore.cpuS;
    const bytes = bytesBetween(nodeBefore, nodeAfter) + bytesBetween(postgresBefore, postgresAfter);
    const seconds = (performance.now() - startMs) / 1000;
    const after = await corec.status();
    await corec.stop();
    const lecturas = after.lecturas - before.lecturas;
    const epochs = after.epoca - before.epoca;
    const cycles = after.cycles - before.cycles;
    const hourly = (written: number): number => (written * 3600) / seconds / 1e6;
    const sound = after.entidades >= CLAVES && epochs >= 2 && cycles >= after.bloques * (WINDOW_S - 2) && lecturas > 0;
    const seen =
      `${seconds.toFixed(0)} s: ${after.entidades} entidades in ${after.bloques} bloques, ${cycles} cycles, ` +
      `${lecturas} lecturas of the host, ${epochs} epochs`;
    return [
      makeRow('idle', 'cores', IDLE_LIMIT, {
        value: cpuS / seconds,
        baseline: bareSweepMs() / 1000,
        sound,
        note: seen,
      }),
      makeRow('disk', 'MB/h', DISK_LIMIT, {
        value: hourly(bytes),
        baseline: hourly(lecturas * LECTURA_BYTES),
        sound,
        note: `${(bytes / 1e6).toFixed(2)} MB in ${seen}`,
      }),
    ];
  });
}
