/** The Redis of docker-compose.yml without its container: docker/redis.sh with the server of this machine. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { redisBinary } from '../servers/redis/binary.ts';
import { freePort } from '../servers/redis/ports.ts';
import { until } from '../support/until.ts';
import { ROOT } from './dockerfile.ts';

export const SCRIPT = join(ROOT, 'docker/redis.sh');
/** What a shell and a configuration file would take for something else. */
export const PASSWORD = `it's "a" $HOME \\ #secret`;
export const USER = 'corec_user';

export interface StartedRedis {
  readonly port: number;
  readonly pid: number;
  /** By SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** In good order, on its port and its data. */
  restart(): Promise<void>;
  connect(username?: string, password?: string): Promise<Redis>;
}

/** The image's entry script is played by one line: as a user that is not root it does nothing but this. */
export async function startRedis(t: TestContext): Promise<StartedRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'corec-redis-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(redisBinary(), join(bin, 'redis-server'));
  writeFileSync(join(bin, 'docker-entrypoint.sh'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const port = await freePort();
  const clients: Redis[] = [];
  let running = await launch(folder, port);
  t.after(async () => {
    for (const client of clients) client.disconnect();
    running.child.kill('SIGKILL');
    await running.ended;
    rmSync(folder, { recursive: true });
  });
  const stop = async (): Promise<number | null> => {
    running.child.kill('SIGTERM');
    return running.ended;
  };
  return {
    port,
    pid: running.child.pid!,
    stop,
    restart: async () => {
      await stop();
      running = await launch(folder, port);
    },
    connect: async (username, password) => {
      const client = new Redis({
        port,
        lazyConnect: true,
        enableReadyCheck: false,
        // the newer one begins with a greeting that strangers may not say
        protocol: 2,
        retryStrategy: null,
        ...(username === undefined ? {} : { username, password: password! }),
      });
      client.on('error', () => undefined);
      clients.push(client);
      await client.connect();
      return client;
    },
  };
}

async function launch(folder: string, port: number): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
  const env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, REDIS_USER: USER, REDIS_PASSWORD: PASSWORD };
  const args = [SCRIPT, '--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn('sh', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  await until('Redis takes connections', () => {
    assert.equal(child.exitCode, null, said);
    return said.includes('Ready to accept connections');
  });
  return { child, ended };
}
