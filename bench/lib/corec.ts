/** A real `./corec` as a child process, as a user starts it, and what one may ask of it over loopback. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { NucleusStatus } from '#ports/nucleus-api.ts';
import { postgresPids } from './proc.ts';
import { ROOT, start, waitFor } from './workspace.ts';

export interface Running {
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  /** `performance.now()` at which it was started. */
  readonly startedMs: number;
  /** Resolves to ms from its start until /readyz answers 200: everything restored, the journal caught up, entidades alive. */
  ready(withinMs: number): Promise<number>;
  status(): Promise<NucleusStatus>;
  /** What /metrics says, of figures without labels. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Its Node process and every process of its PostgreSQL. */
  pids(): number[];
  /** SIGTERM; resolves when it has ended. Throws when it does not end well. */
  stop(): Promise<void>;
  /** SIGKILL, for it and its PostgreSQL at once. */
  killEverything(): Promise<void>;
}

/** A TCP port of loopback that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const STOP_MS = 30_000;

/** `./corec run` on a configuration whose data is in `<folder>/data` and whose HTTP door is on `port`. */
export function startCoreC(folder: string, config: string, port: number, args: readonly string[] = []): Running {
  const dataDir = join(folder, 'data');
  const startedMs = performance.now();
  const child = start(join(ROOT, 'corec'), ['run', '--config', config, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', LANG: 'C' },
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout!.on('data', keep);
  child.stderr!.on('data', keep);
  const ended = endOf(child);
  const status = async (): Promise<NucleusStatus> => JSON.parse((await ask(port, '/api/status')).body) as NucleusStatus;
  return {
    pid: child.pid!,
    port,
    dataDir,
    startedMs,
    status,
    metrics: async () => {
      const { body } = await ask(port, '/metrics');
      return new Map(Array.from(body.matchAll(/^(\w+) (\S+)$/gm), ([, name, figure]) => [name!, Number(figure)]));
    },
    ready: (withinMs) =>
      waitFor(
        'CoreC is ready',
        async () => {
          if (child.exitCode !== null || child.signalCode !== null)
            throw new Error(`CoreC ended with ${child.exitCode ?? child.signalCode}: ${tail(output)}`);
          const answer = await ask(port, '/readyz').catch(() => null);
          return answer?.status === 200 ? performance.now() - startedMs : null;
        },
        withinMs,
      ).catch((error: unknown) => {
        throw new Error(`${error instanceof Error ? error.message : String(error)}: ${tail(output)}`);
      }),
    pids: () => [child.pid!, ...postgresPids(dataDir)],
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const code = await ended;
      clearTimeout(timer);
      if (code !== 0) throw new Error(`CoreC ended with ${code ?? 'a kill'}: ${tail(output)}`);
    },
    killEverything: async () => {
      const pids = [child.pid!, ...postgresPids(dataDir)];
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // gone already
        }
      }
      await ended;
      await waitFor('its PostgreSQL is gone', () => (postgresPids(dataDir).length === 0 ? true : null), 10_000);
    },
  };
}

function endOf(child: ChildProcess): Promise<number | null> {
  return once(child, 'exit').then(([code]) => code as number | null);
}

const tail = (output: string): string => output.trim().split('\n').slice(-6).join(' | ');

function ask(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, timeout: 5000 }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
      answer.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
    asked.end();
  });
}
