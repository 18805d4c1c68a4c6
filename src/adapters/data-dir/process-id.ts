/**
 * Which process is meant by a number that may have been given to another one since.
 *
 * A pid alone names nobody for long; with its start time (field 22 of /proc/<pid>/stat, in clock ticks since boot) it does, within
 * one boot and one pid namespace.
 */
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Null where there is no /proc. */
  readonly startTicks: string | null;
  /** Boot and pid namespace in which `pid` and `startTicks` mean something. */
  readonly world: string | null;
}

export function ownProcessId(): ProcessId {
  return { pid: process.pid, startTicks: readStartTicks(process.pid), world: readWorld() };
}

/** Null when it cannot be known from here: another container's process, or no /proc. */
export function isRunning(id: ProcessId): boolean | null {
  const world = readWorld();
  if (world === null || id.world === null || id.startTicks === null) return null;
  if (world !== id.world) return id.world.split(' ')[0] === world.split(' ')[0] ? null : false;
  return readStartTicks(id.pid) === id.startTicks;
}

function readStartTicks(pid: number): string | null {
  const stat = readText(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name in field 2 may hold spaces and brackets: count from the last bracket.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // 'Z', a zombie: its locks and files are gone, only its parent has not asked yet.
  return fields === undefined || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

function readWorld(): string | null {
  const boot = readText(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'));
  const namespace = readText(() => readlinkSync('/proc/self/ns/pid'));
  return boot === null || namespace === null ? null : `${boot.trim()} ${namespace}`;
}

function readText(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
