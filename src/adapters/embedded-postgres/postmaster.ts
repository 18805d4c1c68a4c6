/**
 * The server process as the system shows it: its pid file, its entry in /proc, whether it answers.
 *
 * A pid alone proves nothing (pids are reused, and a container restarted on the same folder starts counting anew), so a process counts
 * as this folder's server only when it is a postgres whose working folder is this very folder.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface PidFile {
  readonly pid: number;
  /** 'starting', 'ready', 'stopping', 'standby', or '' when not written yet. */
  readonly status: string;
}

export function readPidFile(folder: string): PidFile | null {
  try {
    const lines = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() ?? '' } : null;
  } catch {
    return null;
  }
}

/** `folder` without symbolic links. */
export function isServerOf(pid: number, folder: string): boolean {
  try {
    return (
      readlinkSync(`/proc/${pid}/cwd`) === folder && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres')
    );
  } catch {
    return false;
  }
}

/** Every process of the server: the one of the pid file and its children, also when the former is gone. */
export function listServerProcesses(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isServerOf(pid, folder));
}

/** The program that process `pid` runs; ends in ' (deleted)' when the file was replaced since. */
export function programOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/** The arguments that process `pid` was started with, its own name left out. */
export function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(1, -1);
  } catch {
    return [];
  }
}

/** Whether the server forks and answers: the request for encryption gets its one-byte refusal without a login. */
export function answersAt(address: NetConnectOpts, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(address);
  const finish = (value: boolean): void => {
    socket.destroy();
    resolve(value);
  };
  socket.setTimeout(timeoutMs, () => finish(false));
  socket.once('error', () => finish(false));
  socket.once('close', () => finish(false));
  socket.once('data', () => finish(true));
  socket.write(Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47));
  return promise;
}

/** Polls every few ms; false when the deadline passed first. */
export async function waitFor(condition: () => boolean, timeoutMs: number, everyMs = 4): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await delay(everyMs);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** Ends the server of `folder`, gently at first (`fastMs` of 0: at once); resolves when none of its processes is left. */
export async function endServer(folder: string, fastMs: number): Promise<'fast' | 'immediate' | 'killed' | 'absent'> {
  const pid = readPidFile(folder)?.pid;
  const gone = (): boolean => listServerProcesses(folder).length === 0;
  if (gone()) return 'absent';
  if (pid !== undefined && isServerOf(pid, folder)) {
    for (const [name, ms, how] of [
      ['SIGINT', fastMs, 'fast'],
      ['SIGQUIT', Math.min(fastMs, 3000), 'immediate'],
    ] as const) {
      if (ms <= 0) continue;
      signal(pid, name);
      if (await waitFor(() => !isServerOf(pid, folder) && gone(), ms)) return how;
    }
  }
  const killed = (): boolean => {
    for (const one of listServerProcesses(folder)) signal(one, 'SIGKILL');
    return gone();
  };
  await waitFor(killed, 5000);
  return 'killed';
}
