/**
 * The specification's smallest machine, made on this one: a memory group of 2 GB and a file system of 10 GB.
 *
 * Needs root (as containers and CI have it). `null` where the machine does not allow it: the caller says so and judges by what was
 * measured instead of by what was enforced.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MemoryGroup {
  /** Puts the process, and whatever it starts, under the limit. */
  add(pid: number): void;
  /** Highest use of all its processes, file cache included, bytes. */
  peakBytes(): number;
  /** How often a process was killed for want of memory. */
  kills(): number;
  remove(): void;
}

/** A memory group of cgroup v1 or v2; null where none may be made. */
export function makeMemoryGroup(name: string, bytes: number): MemoryGroup | null {
  return makeGroup('/sys/fs/cgroup/memory', name, bytes, V1) ?? makeGroup('/sys/fs/cgroup', name, bytes, V2);
}

interface Files {
  readonly limit: string;
  readonly peak: string;
  readonly kills: readonly [file: string, pattern: RegExp];
}

const V1: Files = {
  limit: 'memory.limit_in_bytes',
  peak: 'memory.max_usage_in_bytes',
  kills: ['memory.oom_control', /oom_kill (\d+)/],
};
const V2: Files = { limit: 'memory.max', peak: 'memory.peak', kills: ['memory.events', /oom_kill (\d+)/] };

function makeGroup(root: string, name: string, bytes: number, files: Files): MemoryGroup | null {
  const folder = join(root, name);
  try {
    mkdirSync(folder);
    if (!existsSync(join(folder, files.limit))) {
      rmdirSync(folder);
      return null;
    }
    writeFileSync(join(folder, files.limit), String(bytes));
  } catch {
    return null;
  }
  const [killsFile, killsPattern] = files.kills;
  return {
    add: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    peakBytes: () => Number(readFileSync(join(folder, files.peak), 'utf8')),
    kills: () => Number(killsPattern.exec(readFileSync(join(folder, killsFile), 'utf8'))?.[1] ?? 0),
    remove: () => rmdirSync(folder),
  };
}

export interface SmallDisk {
  readonly path: string;
  usedBytes(): number;
  remove(): void;
}

/** An ext4 of `bytes` in a sparse file, mounted below `folder`; null where mounting is not allowed. */
export function makeSmallDisk(folder: string, bytes: number): SmallDisk | null {
  const image = join(folder, 'disk.img');
  const path = join(folder, 'disk');
  try {
    writeFileSync(image, '');
    truncateSync(image, bytes);
    mkdirSync(path);
    execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, path], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return {
    path,
    usedBytes: () => {
      const columns = execFileSync('df', ['-B1', '--output=used', path], { encoding: 'utf8' }).trim().split('\n');
      return Number(columns[1]);
    },
    remove: () => {
      execFileSync('umount', ['-l', path], { stdio: 'ignore' });
      rmSync(image, { force: true });
    },
  };
}
