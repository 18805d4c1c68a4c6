/** How many cores this process can keep busy: those it may run on, less what a control group's quota takes. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

export interface CpuState {
  readonly cores: number;
  /** Cores' worth of time that a quota allows, e.g. 1.5; null without one. */
  readonly quotaCores: number | null;
}

export function readCpu(root: string = '/'): CpuState {
  return { cores: availableParallelism(), quotaCores: readCpuQuota(root) };
}

/** Looks where a container sees its own group: at the mount of the hierarchy. */
export function readCpuQuota(root: string = '/'): number | null {
  const [, quota2, period2] = /^(\d+) (\d+)/.exec(readText(join(root, 'sys/fs/cgroup/cpu.max'))) ?? [];
  if (quota2 !== undefined) return Number(quota2) / Number(period2);
  const quota1 = Number(readText(join(root, 'sys/fs/cgroup/cpu/cpu.cfs_quota_us')));
  const period1 = Number(readText(join(root, 'sys/fs/cgroup/cpu/cpu.cfs_period_us')));
  return quota1 > 0 && period1 > 0 ? quota1 / period1 : null;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
