/** Sustained ingest of 1,000,000 distinct claves from a growing NDJSON file, against JSON.parse of the same lines alone. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { parseBody } from '#domain/mapeo/body.ts';
import type { IngestChildInput, IngestChildResult } from '../children/ingest.ts';
import { startChild } from '../lib/child.ts';
import { writeBareConfig } from '../lib/config.ts';
import { CLAVES, Rounds } from '../lib/ndjson.ts';
import { atLeast, makeRow, type BenchRow } from '../lib/row.ts';
import { withFolder } from '../lib/workspace.ts';
import type { Progress } from '../lib/progress.ts';

export const INGEST_LIMIT = atLeast(400_000, 1_000_000);

const SECONDS = 62;
const WITHIN_MS = 150_000;
/** Claves that know what is usual after five rounds and are odd now and then, so that alertas are really made and stored. */
const HOT = 50;
/** Rounds that the writer keeps ahead of the reader. */
const AHEAD = 4;
const SAMPLE_ROWS = 100_000;

export async function benchIngest(progress: Progress): Promise<BenchRow[]> {
  const rounds = new Rounds({ claves: CLAVES, hot: HOT });
  const unlike = countUnlike(rounds);
  return withFolder(async (folder) => {
    const file = join(folder, 'lecturas.ndjson');
    const config = writeBareConfig(folder);
    const writer = await open(file, 'w');
    let written = 0;
    let taken = 0;
    const append = async (): Promise<void> => {
      rounds.write(written++);
      await writeAll(writer, rounds.bytes);
    };
    try {
      progress('writing the first rounds');
      while (written < AHEAD) await append();
      const run = startChild<IngestChildResult>(
        'ingest.ts',
        { config, file, seconds: SECONDS } satisfies IngestChildInput,
        WITHIN_MS,
        (line) => {
          const { kind, rows, ms } = line as { kind: string; rows: number; ms: number };
          if (kind === 'progress') taken = rows;
          if (kind === 'progress')
            progress(`${Math.round(ms / 1000)} s, ${(rows / ms / 1000).toFixed(2)} million a second`);
        },
      );
      let ended = false;
      const feeding = (async (): Promise<void> => {
        while (!ended) {
          if (written * rounds.rows - taken < AHEAD * rounds.rows) await append();
          else await new Promise((resolve) => setTimeout(resolve, 50));
        }
      })();
      const result = await run.result.finally(() => {
        ended = true;
      });
      await feeding;
      progress('JSON.parse of the same lines');
      const parse = await startChild<{ rate: number }>('parse.ts', { file, rounds: 15 }, 60_000).result;
      const refused = Object.values(result.refused).reduce((sum, count) => sum + count, 0);
      return [
        makeRow('ingest', 'lecturas/s', INGEST_LIMIT, {
          value: (result.lecturas * 1000) / result.ms,
          baseline: parse.rate,
          sound:
            unlike === 0 &&
            refused === 0 &&
            result.claves === CLAVES + HOT &&
            result.alertas > 0 &&
            result.ms >= 60_000,
          note:
            `${result.lecturas} lecturas of ${result.claves} claves in ${(result.ms / 1000).toFixed(1)} s with the last epoch, ` +
            `${result.epocas} epochs, ${result.alertas} alertas, ${refused} refused; ${unlike} of ${SAMPLE_ROWS} sampled rows unlike ` +
            `JSON.parse; peak ${result.peakMb.toFixed(0)} MB`,
        }),
      ];
    } finally {
      await writer.close();
    }
  });
}

/** A disk may take less than it is given. */
async function writeAll(writer: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;)
    at += (await writer.write(bytes, at, Math.min(8 * 1024 * 1024, bytes.length - at))).bytesWritten;
}

/** Rows of a sample whose clave, valor or ts the parser sees otherwise than JSON.parse. */
function countUnlike(rounds: Rounds): number {
  rounds.write(7);
  const sample = rounds.bytes.subarray(0, rounds.starts[SAMPLE_ROWS]);
  const lines = sample.toString('utf8').trimEnd().split('\n');
  const batch = new LecturaBatch(SAMPLE_ROWS);
  let unlike = 0;
  parseBody(sample, { mapeo: null, onRefused: () => unlike++ }).read(batch);
  const decoder = new TextDecoder();
  if (batch.length !== lines.length) return Math.max(1, lines.length - batch.length);
  for (const [k, line] of lines.entries()) {
    const { clave, valor, ts } = JSON.parse(line) as { clave: string; valor: number; ts: number };
    const from = batch.claveOffset[k]!;
    const parsed = decoder.decode(batch.claveBytes.subarray(from, from + batch.claveLength[k]!));
    if (parsed !== clave || batch.valor[k] !== valor || batch.tsMs[k] !== ts) unlike++;
  }
  return unlike;
}
