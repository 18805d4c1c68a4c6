/**
 * Rows that became no lectura, kept where a person can look at them: one JSON object a line, two files of a bounded size in turns.
 *
 * Z1 Never throws and never waits for the disk: what cannot be written is counted and dropped, the count by reason stands anyway.
 * Z2 At most `bytesMax` a file and two files; within a second at most `perSecondMax` rows, so that a broken feed costs no disk.
 */
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#ports/clock.ts';
import type { RefusalReason, RefusedRows } from '#ports/source.ts';

export interface RefusedRowsOptions {
  /** The data folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly bytesMax?: number;
  readonly perSecondMax?: number;
}

export interface RefusedRowsFile extends RefusedRows {
  readonly path: string;
  /** Written, and left out at the bounds. */
  stats(): { readonly written: number; readonly dropped: number };
  close(): Promise<void>;
}

const BYTES_MAX = 4 * 1024 * 1024;
const PER_SECOND_MAX = 1000;
const WAITING_BYTES_MAX = 1024 * 1024;

export function makeRefusedRows(options: RefusedRowsOptions): RefusedRowsFile {
  const { folder, clock, bytesMax = BYTES_MAX, perSecondMax = PER_SECOND_MAX } = options;
  const path = join(folder, 'refused-rows.ndjson');
  let stream: WriteStream | null = null;
  let size = 0;
  let second = 0;
  let inSecond = 0;
  let written = 0;
  let dropped = 0;

  function open(): WriteStream {
    try {
      size = statSync(path).size;
    } catch {
      size = 0;
    }
    const made = createWriteStream(path, { flags: 'a' });
    // a full disk must not end CoreC for the sake of rows that were refused
    made.on('error', () => {
      dropped++;
      if (stream === made) stream = null;
    });
    return made;
  }

  function turn(): void {
    stream?.end();
    stream = null;
    try {
      renameSync(path, `${path}.1`);
    } catch {
      // nothing there to keep
    }
  }

  return {
    path,
    stats: () => ({ written, dropped }),
    refuse(sourceId: string, reason: RefusalReason, row: string, where: string): void {
      const nowMs = clock.nowMs();
      const now = Math.floor(nowMs / 1000);
      if (now !== second) {
        second = now;
        inSecond = 0;
      }
      if (++inSecond > perSecondMax || (stream !== null && stream.writableLength > WAITING_BYTES_MAX)) {
        dropped++;
        return;
      }
      const line = `${JSON.stringify({ time: new Date(nowMs).toISOString(), source: sourceId, reason, where, row })}\n`;
      if (size + line.length > bytesMax) turn();
      stream ??= open();
      stream.write(line);
      size += line.length;
      written++;
    },
    close: () =>
      new Promise((resolve) => {
        if (stream === null) resolve();
        else stream.end(() => resolve());
      }),
  };
}
