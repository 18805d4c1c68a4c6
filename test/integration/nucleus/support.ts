/**
 * What the tests of the nucleus are made of: a CoreC in this process, or in a child that can be killed, on folders of the test's own.
 *
 * All tests of a file share one PostgreSQL and differ by instance_id, which is what the store keeps instances apart by; a test that
 * kills the server asks for one of its own (`ownPostgres`).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { makeEmbeddedPostgres, type EmbeddedConnection } from '#adapters/embedded-postgres/embedded-postgres.ts';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { CoreCNucleus, type CoreCOptions } from '#app/corec-nucleus.ts';
import { CoreCError, type ErrorCode } from '#domain/errors.ts';
import type { LoteResult, NucleusApi } from '#ports/nucleus-api.ts';
import { killAll, postgresPids } from '../../support/corec-process.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Row {
  readonly clave: string;
  readonly valor: number;
  /** UTC ms. */
  readonly ts: number;
}

/** Somewhere in 2023; lecturas of the tests are told in ms after it. */
export const T0 = 1_700_000_000_000;

let server: Promise<EmbeddedConnection> | null = null;
let endServer = async (): Promise<void> => undefined;
after(() => endServer());

/** The PostgreSQL of this test file, started when first asked for and ended after the last test. */
function sharedPostgres(): Promise<EmbeddedConnection> {
  server ??= (async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'corec-nucleus-'));
    const quiet = (): void => undefined;
    const postgres = makeEmbeddedPostgres({
      dataDir,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    endServer = async () => {
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    };
    await postgres.start();
    return postgres.connection();
  })();
  return server;
}

export type Json = Readonly<Record<string, unknown>>;

export interface World {
  readonly folder: string;
  readonly dataDir: string;
  readonly configPath: string;
  readonly instanceId: string;
  readonly connection: PostgresConnection | null;
  /** Replaces top-level keys of the configuration, for the next start; undefined takes one out. */
  configure(changes: Json): void;
  /** Done after the test, when CoreC is stopped and before the folder goes. */
  after(undo: () => Promise<void>): void;
  /** A file in the folder, which may import 'corec'; returns its path. */
  file(name: string, text: string): string;
  /** A running CoreC in this process. */
  start(options?: Partial<CoreCOptions>): Promise<CoreCNucleus>;
  /** One that is only made, for tests of its start. */
  make(options?: Partial<CoreCOptions>): CoreCNucleus;
  /** A running CoreC in a process of its own. */
  startChild(): Promise<ChildCoreC>;
  log(): readonly LogLine[];
  query<R extends pg.QueryResultRow>(text: string): Promise<R[]>;
}

export interface LogLine {
  readonly level: string | number;
  readonly tag: string;
  readonly msg: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface WorldOptions {
  /** A server of the test's own, over TCP. */
  readonly postgres?: PostgresConnection;
  /** True: its own PostgreSQL in its data folder. */
  readonly ownPostgres?: boolean;
  readonly config?: Json;
}

let instances = 0;

/** A folder with a configuration in it. An epoch comes when the test commits one, or at the stop. */
export async function makeWorld(
  t: TestContext,
  { ownPostgres = false, postgres, config = {} }: WorldOptions = {},
): Promise<World> {
  const connection: PostgresConnection | null = postgres ?? (ownPostgres ? null : await sharedPostgres());
  const folder = mkdtempSync(join(tmpdir(), 'corec-test-'));
  const dataDir = join(folder, 'data');
  const configPath = join(folder, 'corec_config.json');
  const logPath = join(folder, 'corec.log');
  const instanceId = `t${process.pid}_${++instances}`;
  let content: Record<string, unknown> = {
    instance_id: instanceId,
    data_dir: 'data',
    http: null,
    persistencia: { intervalo_s: 3600 },
    logs: { ruta: 'corec.log', nivel: 'debug' },
    ...(connection === null
      ? {}
      : {
          db_config: {
            host: connection.host,
            port: connection.port,
            user: connection.user,
            dbname: connection.database,
            ...(connection.password === undefined ? {} : { password: connection.password }),
            max_connections: 4,
          },
        }),
    bloques: [entry('sensores')],
  };
  const configure = (changes: Json): void => {
    content = { ...content, ...changes };
    writeFileSync(configPath, JSON.stringify(content, null, 2));
  };
  configure(config);
  const made: CoreCNucleus[] = [];
  const children: ChildCoreC[] = [];
  const undo: (() => Promise<void>)[] = [];
  // one hook: hooks run in the order of their making, and the folder must go last
  t.after(async () => {
    for (const corec of made) await corec.detener().catch(() => undefined);
    for (const child of children) await child.kill();
    killAll(postgresPids(dataDir));
    for (const one of undo) await one();
    rmSync(folder, { recursive: true, force: true });
  });
  const make: World['make'] = (options = {}) => {
    const corec = new CoreCNucleus({ config: configPath, idioma: 'en', ...options });
    made.push(corec);
    return corec;
  };
  return {
    folder,
    dataDir,
    configPath,
    instanceId,
    connection,
    configure,
    after: (one) => undo.push(one),
    file: (name, text) => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      const packages = join(folder, 'node_modules');
      if (!existsSync(packages)) {
        mkdirSync(packages);
        symlinkSync(ROOT, join(packages, 'corec'));
      }
      return path;
    },
    make,
    start: async (options) => {
      const corec = make(options);
      await corec.inicializar();
      await corec.ejecutar();
      return corec;
    },
    startChild: async () => {
      const child = await ChildCoreC.start(configPath);
      children.push(child);
      return child;
    },
    log: () =>
      existsSync(logPath)
        ? readFileSync(logPath, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as LogLine)
        : [],
    query: async (text) => {
      const client = new pg.Client(
        connection ?? { host: join(dataDir, 'postgres'), port: 5432, user: 'corec', database: 'postgres' },
      );
      await client.connect();
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    },
  };
}

/** An entry of the configuration: small bloques that cycle often. */
export function entry(id: string, changes: Json = {}): Json {
  return {
    id,
    canal: 2,
    entidades: 100,
    entidades_por_bloque: 10,
    procesador: 'contador',
    intervalo_ms: 50,
    ...changes,
  };
}

export function ndjson(rows: Iterable<Row>): Buffer {
  let text = '';
  for (const row of rows) text += `${JSON.stringify(row)}\n`;
  return Buffer.from(text);
}

/** `count` lecturas of each of `claves`, a second apart, valores from `from` on. */
export function series(claves: readonly string[], count: number, from = 1, fromMs = T0): Row[] {
  const rows: Row[] = [];
  for (let k = 0; k < count; k++) {
    for (const clave of claves) rows.push({ clave, valor: from + k, ts: fromMs + k * 1000 });
  }
  return rows;
}

interface SendOptions {
  readonly bloque?: string;
  readonly id?: string | null;
  readonly procesador?: string;
}

/** Sends rows as one lote; resolves when acknowledged and run. */
export function send(
  api: Pick<NucleusApi, 'takeLote'>,
  rows: Iterable<Row>,
  { bloque = 'sensores', id = null, procesador }: SendOptions = {},
): Promise<LoteResult> {
  return api.takeLote({
    body: ndjson(rows),
    bloque,
    mapeo: '',
    loteId: id,
    puerta: 'test',
    ...(procesador === undefined ? {} : { procesador }),
  });
}

export async function commit(corec: CoreCNucleus): Promise<void> {
  await corec.nucleus.epochs!.commit();
}

export const claves = (count: number, prefix = 'c'): string[] =>
  Array.from({ length: count }, (_, k) => `${prefix}${k}`);

export function isCoreCError(code: ErrorCode, ...texts: readonly string[]): (error: unknown) => boolean {
  return (error) =>
    error instanceof CoreCError && error.code === code && texts.every((text) => error.message.includes(text));
}

/** A CoreC in a child process, driven by messages, so that it can be killed. */
export class ChildCoreC {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<void>;
  #calls = 0;

  private constructor(process: ChildProcess) {
    this.process = process;
    process.on('message', (message) => {
      const { id, value, error } = message as { id: number; value?: unknown; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#ended = new Promise((resolve) => {
      process.once('exit', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error('the child has ended'));
        this.#waiting.clear();
        resolve();
      });
    });
  }

  static async start(configPath: string): Promise<ChildCoreC> {
    const process = fork(new URL('children/corec.ts', import.meta.url), [configPath], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const child = new ChildCoreC(process);
    await child.call('start');
    return child;
  }

  /** `start`, `commit`, or a method of the NucleusApi. */
  call<T = unknown>(method: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#calls;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.process.send({ id, method, args });
    return answer as Promise<T>;
  }

  send(rows: Iterable<Row>, options: SendOptions = {}): Promise<LoteResult> {
    return send({ takeLote: (lote) => this.call('takeLote', lote) }, rows, options);
  }

  /** SIGKILL: nothing is said goodbye to. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#ended;
  }
}
