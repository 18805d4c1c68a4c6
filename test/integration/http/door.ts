/** A started HTTP door over a nucleus of the tests, and a client for both of its listeners. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttp, type HttpDoor, type HttpOptions } from '#http/server.ts';
import { socketPathOf } from '#http/socket-path.ts';
import type { Meter } from '#ports/meter.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';

export interface Logged {
  readonly level: string;
  readonly text: string;
}

export interface TestDoor extends AsyncDisposable {
  readonly nucleus: FakeNucleus;
  readonly door: HttpDoor;
  readonly dataDir: string;
  readonly logged: Logged[];
  /** Counted by name and labels. */
  readonly counted: Map<string, number>;
  ask(path: string, options?: AskOptions): Promise<Answer>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Over the unix socket instead of TCP. */
  readonly socket?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  readonly json: any;
}

export async function openDoor(changes: Partial<HttpOptions> = {}): Promise<TestDoor> {
  const dataDir = mkdtempSync(join(tmpdir(), 'corec-http-'));
  const nucleus = (changes.api as FakeNucleus | undefined) ?? new FakeNucleus();
  const logged: Logged[] = [];
  const counted = new Map<string, number>();
  const door = await startHttp({
    api: nucleus,
    host: '127.0.0.1',
    port: 0,
    token: null,
    socketPath: socketPathOf(dataDir),
    idioma: 'en',
    logger: loggerInto(logged),
    metrics: meterInto(counted),
    ...changes,
  }).catch((error: unknown) => {
    rmSync(dataDir, { recursive: true, force: true });
    throw error;
  });
  return {
    nucleus,
    door,
    dataDir,
    logged,
    counted,
    ask: (path, options = {}) =>
      ask(
        options.socket === true ? { socketPath: door.socketPath! } : { host: '127.0.0.1', port: door.port! },
        path,
        options,
      ),
    async [Symbol.asyncDispose]() {
      await door.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function ask(
  where: { host: string; port: number } | { socketPath: string },
  path: string,
  { method = 'GET', headers = {}, body }: AskOptions = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ ...where, path, method, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      let json: unknown = null;
      try {
        json = JSON.parse(text);
      } catch {
        // not every answer is JSON
      }
      resolve({ status: response.statusCode!, headers: response.headers, text, json });
    });
  });
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

export function loggerInto(logged: Logged[]): HttpOptions['logger'] {
  const at =
    (level: string) =>
    (_tag: string, text: string): void =>
      void logged.push({ level, text });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function meterInto(counted: Map<string, number>): Meter {
  const nameOf = (name: string, labels: Readonly<Record<string, string>> = {}): string =>
    [name, ...Object.values(labels)].join(' ');
  const read = new Map<string, () => number>();
  const get = counted.get.bind(counted);
  counted.get = (name) => read.get(name)?.() ?? get(name);
  return {
    counter: (name, _help, labels) => ({
      add: (amount) => void counted.set(nameOf(name, labels), (get(nameOf(name, labels)) ?? 0) + amount),
    }),
    gauge: (name, _help, labels) => ({ set: (value) => void counted.set(nameOf(name, labels), value) }),
    observedGauge: (name, _help, callback) => void read.set(name, callback),
    histogram: (name, _help, _buckets, labels) => ({
      observe: () => void counted.set(nameOf(name, labels), (get(nameOf(name, labels)) ?? 0) + 1),
    }),
  };
}

/** Polls until `holds`, or fails after `ms`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not in ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
