/**
 * What a row leaves behind if nobody cleans up: temp folders, child processes, the PostgreSQL servers in those folders.
 *
 * Every process that the bench starts is registered here and ended with it, also when it is interrupted; a folder's PostgreSQL is
 * found by its working folder, so that no other server is ever touched.
 */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { postgresPids } from './proc.ts';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

const folders = new Set<string>();
const children = new Set<ChildProcess>();
const REMOVE_MS = 3000;
const pause = new Int32Array(new SharedArrayBuffer(4));
let watched = false;

function watch(): void {
  if (watched) return;
  watched = true;
  process.on('exit', endAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      endAll();
      process.exit(130);
    });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function endAll(): void {
  for (const child of children) if (child.pid !== undefined && child.exitCode === null) kill(child.pid);
  for (const folder of folders) removeFolder(folder);
}

function removeFolder(folder: string): void {
  const deadlineMs = performance.now() + REMOVE_MS;
  do {
    for (const pid of postgresPids(join(folder, 'data'))) kill(pid);
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // a server that was just killed may still have been writing
      Atomics.wait(pause, 0, 0, 20);
    }
  } while (existsSync(folder) && performance.now() < deadlineMs);
  folders.delete(folder);
}

/**
 * Runs `action` in a temp folder of its own; its CoreC's data goes into `<folder>/data`. Rows run one after the other, so whatever
 * child still lives when it ends is one that a failure left behind, and ends before its folder goes.
 */
export async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  watch();
  const folder = mkdtempSync(join(tmpdir(), 'corec-bench-'));
  folders.add(folder);
  try {
    return await action(folder);
  } finally {
    const left = [...children].filter((child) => child.exitCode === null && child.signalCode === null);
    await Promise.all(
      left.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    removeFolder(folder);
  }
}

export function start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  watch();
  const child = spawn(command, args, options);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** Looks again and again until `look` gives something; fails by name when it does not in time. */
export async function waitFor<T>(
  what: string,
  look: () => T | null | Promise<T | null>,
  withinMs: number,
  everyMs = 10,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(everyMs);
  }
}
