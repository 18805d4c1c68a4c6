/** What the PostgreSQL tests share: folders, loggers, servers and stores that are gone when the test is over. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pg from 'pg';
import {
  makeEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '#adapters/embedded-postgres/embedded-postgres.ts';
import { listServerProcesses } from '#adapters/embedded-postgres/postmaster.ts';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { makePostgresStore, type PostgresStoreOptions } from '#adapters/postgres/store.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { Logger } from '#ports/logger.ts';
import { NOON_MS } from '../../contract/bloque-store.suite.ts';

export const isRoot = process.getuid!() === 0;

export interface RecordingLogger extends Logger {
  readonly lines: string[];
}

export function makeLogger(): RecordingLogger {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (tag: string, text: string, fields?: unknown): void => {
      lines.push(`${level} [${tag}] ${text} ${JSON.stringify(fields ?? {})}`);
    };
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
}

const pending = new WeakMap<object, (() => unknown)[]>();

/** Runs `work` when the test is over, last made first: node's own order would remove a folder before the server in it. */
export function whenOver(t: TestContext, work: () => unknown): void {
  let works = pending.get(t);
  if (!works) {
    const own: (() => unknown)[] = (works = []);
    pending.set(t, own);
    t.after(async () => {
      for (const one of own.toReversed()) await one();
    });
  }
  works.push(work);
}

/** A folder that goes with the test, and every server that still runs below it before that. */
export function makeFolder(t: TestContext, mode = 0o700): string {
  const folder = mkdtempSync(join(tmpdir(), 'corec-pg-'));
  chmodSync(folder, mode);
  whenOver(t, () => {
    for (const pid of listServerProcesses(join(folder, 'postgres'))) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export async function startServer(
  t: TestContext,
  dataDir: string,
  given: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const server = makeEmbeddedPostgres({ dataDir, logger: makeLogger(), ...given });
  whenOver(t, () => server.stop());
  await server.start();
  return server;
}

export function makeStore(
  t: TestContext,
  connection: PostgresConnection,
  given: Partial<PostgresStoreOptions> = {},
): BloqueStore {
  const store = makePostgresStore({
    connection,
    instanceId: 'corec1',
    logger: makeLogger(),
    nowMs: () => NOON_MS,
    ...given,
  });
  whenOver(t, () => store.close());
  return store;
}

export async function openStore(
  t: TestContext,
  connection: PostgresConnection,
  given: Partial<PostgresStoreOptions> = {},
): Promise<BloqueStore> {
  const store = makeStore(t, connection, given);
  await store.open();
  return store;
}

/** A bare connection, to look at tables behind the store's back. */
export async function connectTo(t: TestContext, connection: PostgresConnection): Promise<pg.Client> {
  const client = new pg.Client({ ...connection });
  client.on('error', () => undefined);
  await client.connect();
  whenOver(t, () => client.end().catch(() => undefined));
  return client;
}

/** Runs a fixture that prints one line when it is ready and then waits to be killed. */
export async function startFixture(
  t: TestContext,
  name: string,
  args: readonly string[],
  uid?: number,
): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  whenOver(t, () => child.exitCode === null && child.signalCode === null && killHard(child));
  const [chunk] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'close').then(([code]) => {
      throw new Error(`${name} ended with ${code}: ${said}`);
    }),
  ])) as [Buffer];
  return { child, line: chunk.toString().trim() };
}

export async function killHard(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A file system of `megabytes`; null where mounting is not allowed. */
export function mountSmall(t: TestContext, megabytes: number): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'corec-pg-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return null;
  }
  whenOver(t, () => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}
