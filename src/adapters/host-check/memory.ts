/**
 * How much memory this process has and may have.
 *
 * A limit may be set by control groups of version 1 or 2, at any level above the process; the tightest one counts.
 */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

export interface MemoryState {
  readonly rssBytes: number;
  readonly rssMaxBytes: number;
  /** What the kernel will kill for; null without a limit. */
  readonly limitBytes: number | null;
  readonly machineBytes: number;
  readonly machineFreeBytes: number;
}

/** Version 1 writes "no limit" as a number near 2^63. */
const NO_LIMIT_BYTES = 2 ** 60;

export function readMemory(): MemoryState {
  return {
    rssBytes: process.memoryUsage.rss(),
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
    limitBytes: readMemoryLimit(),
    machineBytes: totalmem(),
    machineFreeBytes: freemem(),
  };
}

/** `root` is where /proc and /sys are found. */
export function readMemoryLimit(root: string = '/'): number | null {
  const limits: number[] = [];
  for (const row of readText(join(root, 'proc/self/cgroup')).split('\n')) {
    const [, hierarchy, path] = /^(\d+:[^:]*):(.*)$/.exec(row) ?? [];
    if (hierarchy === undefined || path === undefined) continue;
    const [number, controllers] = hierarchy.split(':');
    // Version 2 is the hierarchy 0 without controllers; it may be mounted beside version 1.
    if (number === '0' && controllers === '') {
      for (const mount of ['sys/fs/cgroup', 'sys/fs/cgroup/unified']) {
        limits.push(...readUpwards(join(root, mount), path, 'memory.max'));
      }
    } else if (controllers?.split(',').includes('memory') === true) {
      limits.push(...readUpwards(join(root, 'sys/fs/cgroup/memory'), path, 'memory.limit_in_bytes'));
    }
  }
  const tightest = Math.min(...limits.filter((bytes) => bytes < NO_LIMIT_BYTES));
  return Number.isFinite(tightest) ? tightest : null;
}

/** The numbers in `file` of the group and of all groups above it. In a container the path may be that outside: then the mount itself counts. */
function readUpwards(mount: string, path: string, file: string): number[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  const numbers: number[] = [];
  for (let depth = parts.length; depth >= 0; depth--) {
    const text = readText(join(mount, ...parts.slice(0, depth), file)).trim();
    if (/^\d+$/.test(text)) numbers.push(Number(text));
  }
  return numbers;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
