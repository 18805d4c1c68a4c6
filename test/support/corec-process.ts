/** A real CoreC as a child process, as a user starts it, and a small client for its unix socket. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSocket, socketPathOf } from '#http/socket-path.ts';
import { until } from './until.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface CoreCProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when /readyz says so. */
  ready(): Promise<void>;
  call(
    method: string,
    path: string,
    body?: string | Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  json(path: string): Promise<unknown>;
  /** Sends the signal and waits for the end. Returns the exit code (null after SIGKILL). */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export function startCoreC(
  configPath: string,
  dataDir: string,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): CoreCProcess {
  const child = spawn(process.execPath, [...nodeArgs, CLI, 'run', '--config', configPath, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', LANG: 'C' },
  });
  let text = '';
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let code: number | null | undefined;
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (status) => {
      code = status;
      resolve(status);
    });
  });
  const call: CoreCProcess['call'] = (method, path, body, headers = {}) =>
    callSocket(findSocket(socketPathOf(dataDir)), method, path, body, headers);
  return {
    child,
    output: () => text,
    call,
    json: async (path) => JSON.parse((await call('GET', path)).body) as unknown,
    ready: () =>
      until(
        'CoreC is ready',
        async () => {
          if (code !== undefined) throw new Error(`CoreC ended with ${code}:\n${text}`);
          try {
            return (await call('GET', '/readyz')).status === 200;
          } catch {
            return false;
          }
        },
        30_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${text}`);
      }),
    end: (signal) => {
      if (code === undefined) child.kill(signal);
      return ended;
    },
  };
}

export function callSocket(
  socketPath: string,
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path, headers: { host: 'localhost', ...headers } }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Pids of the PostgreSQL servers (all their processes) whose data is below `dataDir`. */
export function postgresPids(dataDir: string): number[] {
  const folder = join(dataDir, 'postgres');
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/cwd`) !== folder) continue;
      if (/postgres/.test(readFileSync(`/proc/${name}/comm`, 'utf8'))) pids.push(Number(name));
    } catch {
      // gone meanwhile, or not ours to see
    }
  }
  return pids;
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}
