/** What the disk under a folder has left, and how long it takes to make something durable. */
import { randomUUID } from 'node:crypto';
import { open, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskState {
  /** For this user: what the system keeps back for root is left out. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Null where the file system makes them as it needs them. */
  readonly freeFiles: number | null;
}

export async function readDisk(folder: string): Promise<DiskState> {
  const found = await statfs(folder);
  return {
    freeBytes: found.bavail * found.bsize,
    totalBytes: found.blocks * found.bsize,
    freeFiles: found.files === 0 ? null : found.ffree,
  };
}

export interface FsyncTimes {
  readonly medianMs: number;
  readonly maxMs: number;
  readonly samples: number;
}

/** Bytes of one probe: what a small group of the journal writes. */
const PROBE_BYTES = 8192;

/** Times appending 8 KB and making it durable in `folder`, at most `samples` times and about `budgetMs` in all. */
export async function measureFsync(folder: string, samples: number = 15, budgetMs: number = 500): Promise<FsyncTimes> {
  const path = join(folder, `.fsync-${randomUUID()}`);
  const file = await open(path, 'wx', 0o600);
  const tookMs: number[] = [];
  try {
    const bytes = Buffer.alloc(PROBE_BYTES, 1);
    const endMs = performance.now() + budgetMs;
    // The first one also makes the file's name durable, which is another price.
    for (let i = 0; i <= samples && (tookMs.length === 0 || performance.now() < endMs); i++) {
      const startMs = performance.now();
      await file.write(bytes);
      await file.datasync();
      if (i > 0) tookMs.push(performance.now() - startMs);
    }
  } finally {
    await file.close();
    await unlink(path);
  }
  tookMs.sort((a, b) => a - b);
  return { medianMs: tookMs[tookMs.length >>> 1]!, maxMs: tookMs.at(-1)!, samples: tookMs.length };
}
