/** What Linux says of processes: peak memory, processor time, bytes written. One process that is gone has no figures any more. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** USER_HZ: /proc tells processor time in ticks of 10 ms on every Linux that Node runs on. */
const TICKS_PER_S = 100;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** A `kB` line of /proc/<pid>/status in MB of 1,000,000 bytes; null when the process is gone. */
function statusMb(pid: number, name: 'VmHWM' | 'VmRSS'): number | null {
  const kb = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kb === undefined ? null : (Number(kb) * 1024) / 1e6;
}

/** Peak resident memory so far. */
export const peakRssMb = (pid: number): number | null => statusMb(pid, 'VmHWM');
export const rssMb = (pid: number): number | null => statusMb(pid, 'VmRSS');

/** Proportional memory: what is shared counts once among those that share it. */
export function pssMb(pid: number): number {
  const kb = /^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  return kb === undefined ? 0 : (Number(kb) * 1024) / 1e6;
}

/** User and system time of a process in seconds, with that of its ended children; null when it is gone. */
export function cpuSeconds(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // the name may hold spaces and brackets: what follows the last bracket is regular
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return (utime! + stime! + cutime! + cstime!) / TICKS_PER_S;
}

/** Field of /proc/<pid>/io, of a process and its ended children; 0 when it is gone or not ours to see. */
function ioBytes(io: string, name: 'write_bytes' | 'cancelled_write_bytes' | 'wchar'): number {
  return Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
}

/** Every process of the PostgreSQL server whose data is below `dataDir`. */
export function postgresPids(dataDir: string): number[] {
  const folder = join(dataDir, 'postgres');
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/cwd`) === folder) pids.push(Number(name));
    } catch {
      // gone meanwhile, or not ours to see
    }
  }
  return pids;
}

export interface Usage {
  readonly cpuS: number;
  /** Bytes of page cache dirtied: with large folios up to a megabyte for a few bytes written. */
  readonly dirtied: number;
  /** Bytes given to write(): what a socket took through it included. */
  readonly given: number;
}

/**
 * What these processes have used so far, with their ended children: a helper of PostgreSQL that ends hands its figures to the server
 * that waited for it, so the sum over all that live now loses none and counts none twice.
 */
export function usageOf(pids: readonly number[]): Usage {
  let cpuS = 0;
  let dirtied = 0;
  let given = 0;
  for (const pid of pids) {
    const io = read(`/proc/${pid}/io`) ?? '';
    cpuS += cpuSeconds(pid) ?? 0;
    dirtied += ioBytes(io, 'write_bytes') - ioBytes(io, 'cancelled_write_bytes');
    given += ioBytes(io, 'wchar');
  }
  return { cpuS, dirtied, given };
}

/** Bytes for the disk between two looks: each of the two counts has too much in it, never too little, so the smaller one holds. */
export function bytesBetween(before: Usage, after: Usage): number {
  return Math.max(0, Math.min(after.dirtied - before.dirtied, after.given - before.given));
}
