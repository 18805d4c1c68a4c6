/**
 * A private Redis server for tests: own port, own folder, gone with the test, also when the test process is killed.
 *
 * Owns the process and its faults: stop, kill, freeze, thaw, start again on the same port and data. Leaves clusters to cluster.ts.
 *
 * A small shell holds the server and reads from a pipe that only this process holds: when the pipe ends, however, the server is killed,
 * and its folder goes unless the pipe said `keep`.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisAddress } from '#adapters/redis-streams/client.ts';
import { until } from '../../support/until.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { redisBinary } from './binary.ts';
import { freePort } from './ports.ts';

export interface RedisServerOptions {
  /** One user with a password; the default user is off then. `rights` as in ACL SETUSER; all of them when left out. */
  readonly user?: { readonly name: string; readonly password: string; readonly rights?: string };
  /** Default: a free one. */
  readonly port?: number;
  /** Serve TLS alone. */
  readonly tls?: boolean;
  /** Every write is on the disk before it is answered: what was acknowledged outlives `kill`. */
  readonly durable?: boolean;
  /** More lines of redis.conf. */
  readonly conf?: readonly string[];
  readonly cluster?: { readonly busPort: number; readonly nodeTimeoutMs: number };
}

const HOLD = [
  'trap "" INT TERM; "$@" & echo $!; read -r word; kill -9 $! 2>/dev/null; wait',
  '[ "$word" = keep ] || { cd /; rm -rf "${1%/*}"; }',
].join('\n');
const START_MS = 20_000;

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly options: RedisServerOptions;
  readonly certificate: Certificates | null;
  #holder: ChildProcess | null = null;
  #pid = 0;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'corec-redis-'));
    this.certificate = options.tls === true ? makeCertificates(this.folder, null) : null;
    // redis-server may be there under another name: see binary.ts
    symlinkSync(redisBinary(), join(this.folder, 'redis-server'));
    writeFileSync(join(this.folder, 'redis.conf'), this.#conf().join('\n'));
  }

  /** Starts one; whoever starts it calls `dispose`. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options.port ?? (await freePort()), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.dispose();
      throw error;
    }
  }

  get pid(): number {
    return this.#pid;
  }

  /** What a bus needs to reach it. */
  get address(): RedisAddress {
    const { user } = this.options;
    return {
      host: '127.0.0.1',
      port: this.port,
      username: user?.name ?? null,
      password: user?.password ?? null,
      tls: this.certificate === null ? false : { ca: this.certificate.ca },
      cluster: [],
    };
  }

  get version(): string {
    const words = execFileSync(join(this.folder, 'redis-server'), ['--version']).toString();
    return /v=(\S+)/.exec(words)?.[1] ?? words;
  }

  /** Starts it (again), on its port and its data; resolves when it answers. */
  async start(): Promise<void> {
    const holder = spawn('/bin/sh', ['-c', HOLD, 'sh', join(this.folder, 'redis-server'), 'redis.conf'], {
      cwd: this.folder,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#holder = holder;
    holder.stdin.on('error', () => {});
    holder.stdout.on('data', (chunk: Buffer) => {
      if (this.#holder === holder && this.#pid === 0) this.#pid = Number.parseInt(chunk.toString(), 10);
    });
    // an open pipe must not keep a test process alive
    for (const part of [holder, holder.stdin, holder.stdout] as { unref?: () => void }[]) part.unref?.();
    try {
      await until('Redis answers', () => this.#answers(), START_MS);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.log}`, { cause: error });
    }
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    this.#signal('SIGCONT');
    this.#signal('SIGTERM');
    await this.#gone();
  }

  /** Ends it as a power cut of its process does. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#gone();
  }

  /** It keeps its connections and answers nothing, until `thaw`. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  /** Ends it and takes its folder away; then checks that nothing is left. */
  async dispose(): Promise<void> {
    if (this.#pid !== 0) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    if (existsSync(this.folder)) throw new Error(`${this.folder} is left`);
  }

  /** A client of the test's own, as the default user or the only one; the caller disconnects it. */
  client(): Redis {
    const { host, port, username, password, tls } = this.address;
    return new Redis({
      host,
      port,
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      ...(typeof tls === 'object' ? { tls } : {}),
      lazyConnect: true,
      enableReadyCheck: false,
      protocol: 2,
      retryStrategy: null,
    }).on('error', () => {});
  }

  /** One command, over a connection of its own. */
  async command(...[name, ...args]: readonly string[]): Promise<unknown> {
    const client = this.client();
    try {
      return await client.call(name!, args);
    } finally {
      client.disconnect();
    }
  }

  get log(): string {
    try {
      return readFileSync(join(this.folder, 'redis.log'), 'utf8').slice(-2000);
    } catch {
      return '(no log)';
    }
  }

  #conf(): string[] {
    const { user, durable = false, conf = [], cluster } = this.options;
    const { certificate, port } = this;
    const lines = ['bind 127.0.0.1', `dir ${this.folder}`, 'logfile redis.log', 'save ""', 'daemonize no'];
    if (certificate === null) lines.push(`port ${port}`);
    else {
      const { certPath, keyPath, caPath } = certificate;
      lines.push('port 0', `tls-port ${port}`, `tls-cert-file ${certPath}`, `tls-key-file ${keyPath}`);
      lines.push(`tls-ca-cert-file ${caPath}`, 'tls-auth-clients no');
    }
    if (durable) lines.push('appendonly yes', 'appendfsync always');
    if (user !== undefined) {
      lines.push(`user ${user.name} on >${user.password} ${user.rights ?? '~* &* +@all'}`, 'user default off');
    }
    if (cluster !== undefined) {
      lines.push('cluster-enabled yes', `cluster-port ${cluster.busPort}`, 'cluster-config-file nodes.conf');
      lines.push(`cluster-node-timeout ${cluster.nodeTimeoutMs}`, 'cluster-require-full-coverage no');
      if (certificate !== null) lines.push('tls-cluster yes', 'tls-replication yes');
    }
    return [...lines, ...conf];
  }

  async #answers(): Promise<boolean> {
    try {
      await this.command('ping');
      return true;
    } catch (error) {
      // it is there and has its own opinion on who may ask
      return /^(NOPERM|NOAUTH|WRONGPASS)/.test(error instanceof Error ? error.message : '');
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#pid === 0) return;
    try {
      process.kill(this.#pid, signal);
    } catch {
      // gone already
    }
  }

  async #gone(): Promise<void> {
    const pid = this.#pid;
    await until(`Redis ${pid} is gone`, () => !isAlive(pid));
    this.#pid = 0;
    this.#holder?.stdin?.end('keep\n');
    this.#holder = null;
  }
}

function isAlive(pid: number): boolean {
  try {
    // one that was killed stays a name in the table until its shell has looked at it
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
