/** The durable epoch of 1,000,000 bound entidades, beside writing the same bytes to a file and making them durable. */
import type { EpochChildInput, EpochChildResult } from '../children/epoch.ts';
import { startChild } from '../lib/child.ts';
import { writeBareConfig } from '../lib/config.ts';
import { CLAVES } from '../lib/ndjson.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { median } from '../lib/stats.ts';
import { withFolder } from '../lib/workspace.ts';

export const EPOCH_LIMIT = atMost(600, 200);

const ROUNDS = 9;
const WITHIN_MS = 150_000;

export function benchEpoch(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const config = writeBareConfig(folder, { persistencia: { intervalo_s: 3600 } });
    const input: EpochChildInput = { config, folder, rounds: ROUNDS };
    const { epochMs, plainMs, fsyncMs, bytes, ligadas } = await startChild<EpochChildResult>(
      'epoch.ts',
      input,
      WITHIN_MS,
      (line) => {
        const { round, epochMs: ms } = line as { round?: number; epochMs: number };
        if (round !== undefined) progress(`epoch ${round} of ${ROUNDS}: ${ms.toFixed(0)} ms`);
      },
    ).result;
    return [
      makeRow('epoch', 'ms', EPOCH_LIMIT, {
        value: median(epochMs),
        baseline: median(plainMs),
        sound: ligadas === CLAVES,
        note:
          `cut to commit, ${ligadas} bound entidades with a new lectura each; ${(bytes / 1e6).toFixed(1)} MB; slowest of ${ROUNDS} ` +
          `${Math.max(...epochMs).toFixed(0)} ms; one fsync of 8 KB takes ${fsyncMs.toFixed(2)} ms here`,
      }),
    ];
  });
}
