/**
 * The client of the unix socket: one JSON document, lines of progress, or events.
 *
 * Owns the wire. Leaves what to ask to the commands. Loads nothing but Node's own http.
 */
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { CoreCError, ERROR_TABLE, type ErrorCode, type ErrorDetails, type Idioma } from '#domain/errors.ts';
import { findSocket } from '#http/socket-path.ts';
import { RemoteError } from './exit.ts';

/** An answer that takes longer is no answer; ingest and streams have no such limit. */
const ANSWER_MS_MAX = 60_000;
/** The largest answer that is taken: 10,000 rows of a list are some 3 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export interface Sent {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** False: the answer may take as long as it takes. */
  readonly limited?: boolean;
}

export class Client {
  readonly #socketPath: string;
  readonly #place: string;
  readonly #idioma: Idioma;

  /** `place`: the data folder, as errors name it. */
  constructor(socketPath: string, place: string, idioma: Idioma) {
    this.#socketPath = socketPath;
    this.#place = place;
    this.#idioma = idioma;
  }

  /** Whether somebody answers there. */
  async isRunning(): Promise<boolean> {
    try {
      await this.json({ method: 'GET', path: '/healthz' });
      return true;
    } catch (error) {
      if (error instanceof CoreCError && error.code === 'COREC_E_NOT_RUNNING') return false;
      // it answers, if only with an error: somebody is there
      if (error instanceof RemoteError) return true;
      throw error;
    }
  }

  /** @throws RemoteError, CoreCError COREC_E_NOT_RUNNING, COREC_E_CONNECTION_LOST. */
  async json(sent: Sent): Promise<unknown> {
    const response = await this.#open(sent);
    const text = await this.#text(response);
    const value = this.#parse(text);
    if (response.statusCode !== 200) throw remoteError(value, response);
    return value;
  }

  /** Lines of JSON as they come. */
  async *lines(sent: Sent): AsyncGenerator<Record<string, unknown>> {
    const response = await this.#open({ ...sent, limited: false });
    if (response.statusCode !== 200) throw remoteError(this.#parse(await this.#text(response)), response);
    for await (const line of this.#split(response, '\n')) {
      if (line !== '') yield this.#parse(line) as Record<string, unknown>;
    }
  }

  /** Server-Sent Events: id and data of each; heartbeats are left out. `onOpen` is told when they begin. */
  async *events(sent: Sent, onOpen: () => void): AsyncGenerator<{ readonly id: string; readonly data: unknown }> {
    const response = await this.#open({ ...sent, limited: false });
    if (response.statusCode !== 200) throw remoteError(this.#parse(await this.#text(response)), response);
    onOpen();
    for await (const event of this.#split(response, '\n\n')) {
      let id = '';
      let data: string | null = null;
      for (const line of event.split('\n')) {
        if (line.startsWith('id: ')) id = line.slice(4);
        else if (line.startsWith('data: ')) data = line.slice(6);
      }
      if (data !== null) yield { id, data: this.#parse(data) };
    }
  }

  #open(sent: Sent): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers: Record<string, string> = {
      'accept-language': this.#idioma,
      connection: 'close',
      ...(typeof sent.body === 'string' ? { 'content-type': 'application/json' } : {}),
      ...sent.headers,
    };
    const options = {
      socketPath: findSocket(this.#socketPath),
      path: sent.path,
      method: sent.method,
      headers,
      agent: false,
    };
    const asked: ClientRequest = request(sent.signal === undefined ? options : { ...options, signal: sent.signal });
    if (sent.limited !== false) {
      asked.setTimeout(ANSWER_MS_MAX, () => asked.destroy(new Error(`no answer in ${ANSWER_MS_MAX / 1000} s`)));
    }
    asked.once('response', resolve);
    asked.once('error', (error: NodeJS.ErrnoException) => reject(this.#connectError(error)));
    asked.end(sent.body);
    return promise;
  }

  #connectError(error: NodeJS.ErrnoException): Error {
    if (error.name === 'AbortError') return error;
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') {
      return new CoreCError('COREC_E_NOT_RUNNING', { path: this.#place }, error);
    }
    const found = error.code === 'EACCES' ? `EACCES, ${this.#socketPath} belongs to another user` : error.message;
    return new CoreCError('COREC_E_CONNECTION_LOST', { path: this.#place, found }, error);
  }

  async #text(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#connectError(error as NodeJS.ErrnoException);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async *#split(response: IncomingMessage, separator: string): AsyncGenerator<string> {
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const text of response as AsyncIterable<string>) {
        const parts = (rest + text).split(separator);
        rest = parts.pop()!;
        yield* parts;
      }
    } catch (error) {
      throw this.#connectError(error as NodeJS.ErrnoException);
    }
    if (rest !== '') yield rest;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      const found = `an answer that is no JSON: ${text.slice(0, 80)}`;
      throw new CoreCError('COREC_E_CONNECTION_LOST', { path: this.#place, found }, error);
    }
  }
}

/** The error in an answer's body, or in a line of progress. */
export function remoteError(value: unknown, response: IncomingMessage | null): RemoteError {
  const { error } = (value ?? {}) as { error?: { code?: string; message?: string; details?: ErrorDetails } };
  const code =
    error?.code !== undefined && Object.hasOwn(ERROR_TABLE, error.code)
      ? (error.code as ErrorCode)
      : 'COREC_E_INTERNAL';
  const retryAfter = Number(response?.headers['retry-after']);
  return new RemoteError(
    code,
    error?.message ?? `HTTP ${response?.statusCode ?? 0}`,
    error?.details ?? {},
    response?.statusCode ?? 500,
    Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null,
  );
}
