/**
 * The HTTP door: one application on two listeners, TCP (loopback unless a token is set) and the unix socket of the data folder.
 *
 * Owns listening, who may come in, in which language errors are said, and closing. Leaves what can be asked to the command table,
 * bodies of readings to lecturas.ts, the event stream to alert-stream.ts.
 *
 * S1 A non-loopback address without a token is refused before anything listens.
 * S2 The unix socket is private (0600) from the moment it exists.
 * S3 close() takes nothing new, lets what runs finish for `graceMs`, then cuts; it never throws.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { nearestKey } from '#domain/texts/nearest.ts';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import { text } from '#domain/texts/text.ts';
import { COMMAND_NAMES } from '#nucleus/commands/catalogue.ts';
import { CommandError, type ConfigAccess } from '#nucleus/commands/command.ts';
import type { Logger } from '#ports/logger.ts';
import type { Meter } from '#ports/meter.ts';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import { AlertStream } from './alert-stream.ts';
import { BodyBudget } from './body.ts';
import { commandRoutes } from './command-routes.ts';
import { countersOf, kindOf } from './counters.ts';
import { isLoopback, makeGuard } from './guard.ts';
import { lecturasRoute } from './lecturas.ts';
import { listenError, listenSocket, listenTcp } from './listen.ts';
import { asCoreCError, errorBody, HttpError, idiomaOf, retryAfterOf, statusOf } from './replies.ts';
import { removeSocket } from './socket-path.ts';

const MIB = 1024 * 1024;
/** One body of readings, packed or unpacked. */
export const LECTURAS_BYTES_MAX: number = 16 * MIB;
/** Three full bodies at once: what comes faster than the journal takes it is told to wait. */
const BODIES_BYTES_MAX = 3 * LECTURAS_BYTES_MAX;
const CONNECTIONS_MAX = 2_048;
const STREAM_LIMITS = { clientsMax: 64, bytesMax: MIB, heartbeatMs: 15_000 };
const GRACE_MS = 5_000;
const TAG = 'Http';

export interface HttpOptions {
  readonly api: NucleusApi;
  /** Null: no TCP, only the unix socket. */
  readonly host: string | null;
  /** 0: any free port. */
  readonly port: number;
  /** Null: none is asked for, which only loopback allows. */
  readonly token: string | null;
  /** `<data_dir>/corec.sock`; the data folder's lock is held by the caller. Null: no unix socket. */
  readonly socketPath: string | null;
  /** For callers that ask for no language. */
  readonly idioma: Idioma;
  readonly logger: Logger;
  readonly metrics: Meter;
  /** For config-check; left out: that command answers that it has no configuration at hand. */
  readonly config?: ConfigAccess;
  /** Other limits than the usual ones (tests). */
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  readonly bodyBytesMax: number;
  readonly bodiesBytesMax: number;
  readonly stream: typeof STREAM_LIMITS;
  readonly graceMs: number;
}

export interface HttpDoor {
  /** `http://127.0.0.1:8420`; null without TCP. */
  readonly url: string | null;
  readonly port: number | null;
  /** Where the unix socket really is: a short path when the data folder's is too long. */
  readonly socketPath: string | null;
  close(): Promise<void>;
}

/** @throws CoreCError COREC_E_HTTP_LISTEN, COREC_E_DATA_DIR_UNUSABLE. */
export async function startHttp(options: HttpOptions): Promise<HttpDoor> {
  const { api, host, port, idioma, logger, metrics } = options;
  // an environment variable that is set and empty is none
  const token = options.token === '' ? null : options.token;
  const limits: HttpLimits = {
    bodyBytesMax: LECTURAS_BYTES_MAX,
    bodiesBytesMax: BODIES_BYTES_MAX,
    stream: STREAM_LIMITS,
    graceMs: GRACE_MS,
    ...options.limits,
  };
  if (host !== null && !isLoopback(host) && token === null) {
    throw listenError(
      host,
      port,
      'http.token',
      'another address than loopback needs a token',
      'una dirección que no sea local necesita un token',
    );
  }
  const closing = new AbortController();
  const stream = new AlertStream(api, limits.stream);
  const budget = new BodyBudget(limits.bodiesBytesMax);
  const fromSocket = new WeakSet<IncomingMessage>();
  const guard = makeGuard(host ?? '127.0.0.1', token);
  const counters = countersOf(metrics, stream, budget);
  let underway = 0;
  let onIdle = (): void => {};

  const askedIdioma = (request: FastifyRequest): Idioma => idiomaOf(request.headers['accept-language'], idioma);
  const isSocket = (request: FastifyRequest): boolean => fromSocket.has(request.raw);
  const isTrusted = (request: FastifyRequest): boolean => isSocket(request) || guard.trusts(request.headers);

  let handle: RequestListener = () => {};
  const app = Fastify({
    serverFactory: (handler) => {
      handle = handler;
      return createServer();
    },
    logger: false,
    exposeHeadRoutes: true,
    bodyLimit: limits.bodyBytesMax,
    routerOptions: { maxParamLength: 512 },
    return503OnClosing: false,
  });

  app.addHook('onRequest', async (request, reply) => {
    underway++;
    reply.raw.once('close', () => {
      underway--;
      if (underway === 0) onIdle();
    });
    if (closing.signal.aborted) {
      void reply.header('connection', 'close');
      throw new CoreCError('COREC_E_STOPPING');
    }
    // probes say nothing but yes or no to strangers
    if (!isSocket(request) && !(host !== null && !isLoopback(host) && isProbe(request.url)))
      guard.check(request.headers);
  });
  app.addHook('onResponse', async (request, reply) => {
    counters.request(kindOf(request.routeOptions.url), reply.statusCode, reply.elapsedTime / 1000);
  });
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = translate(thrown);
    const status = statusOf(error);
    if (status >= 500 && asCoreCError(error).kind !== 'transient') {
      logger.error(TAG, `${request.method} ${pathOf(request.url)}: ${messageOf(error)}`, { stack: stackOf(error) });
    }
    if (status === 401) void reply.header('www-authenticate', 'Bearer');
    const seconds = retryAfterOf(error);
    if (seconds !== null) void reply.header('retry-after', String(seconds));
    return reply.status(status).send(errorBody(error, askedIdioma(request)));
  });
  app.setNotFoundHandler(async (request) => {
    throw noRoute(app, request);
  });

  void app.register(async (scope) => {
    commandRoutes(scope, {
      api,
      config: options.config ?? null,
      budget,
      idiomaOf: askedIdioma,
      callerOf: (request) => ({ trusted: isTrusted(request), puerta: isSocket(request) ? 'socket' : 'http' }),
      closing: closing.signal,
    });
  });
  void app.register(async (scope) => {
    lecturasRoute(scope, {
      api,
      budget,
      maxBytes: limits.bodyBytesMax,
      onBytes: (bytes) => counters.bodyBytes(bytes),
      isTrusted,
    });
  });
  app.get('/api/alerts/stream', async (request, reply) => {
    stream.assertRoom();
    const query = request.query as Record<string, unknown>;
    const last = request.headers['last-event-id'] ?? query['lastEventId'];
    reply.hijack();
    await stream.serve(reply.raw, {
      clave: textOf(query['clave']),
      bloque: textOf(query['bloque']),
      lastEventId: textOf(last),
      idioma: askedIdioma(request),
    });
    return reply;
  });
  app.get('/healthz', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
    return { ok: true };
  });
  app.get('/readyz', async (request, reply) => {
    const { fase, problems } = await api.readiness();
    const ready = problems.length === 0 && (fase === 'vivo' || fase === 'pausado');
    void reply.header('cache-control', 'no-store').status(ready ? 200 : 503);
    if (!ready) void reply.header('retry-after', '2');
    const strangersMayLook = host === null || isLoopback(host) || isTrusted(request);
    return strangersMayLook ? { ready, fase, problems } : { ready };
  });
  app.get('/metrics', async (_request, reply) => {
    void reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    return api.metrics();
  });

  await app.ready();

  const servers: Server[] = [];
  const makeServer = (local: boolean): Server => {
    const server = createServer({ requestTimeout: 120_000, headersTimeout: 20_000, keepAliveTimeout: 60_000 });
    server.maxConnections = CONNECTIONS_MAX;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (local) fromSocket.add(request);
      handle(request, response);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket, idioma));
    servers.push(server);
    return server;
  };

  async function close(): Promise<void> {
    closing.abort();
    stream.close();
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const server of servers) server.closeIdleConnections();
    if (underway > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      onIdle = resolve;
      const timer = setTimeout(resolve, limits.graceMs);
      await promise;
      clearTimeout(timer);
    }
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
    if (options.socketPath !== null) removeSocket(options.socketPath);
    await app.close().catch((error: unknown) => logger.warn(TAG, `closing: ${messageOf(error)}`));
  }

  try {
    const socketPath = options.socketPath === null ? null : await listenSocket(makeServer(true), options.socketPath);
    const taken = host === null ? null : await listenTcp(makeServer(false), host, port);
    const url = taken === null ? null : `http://${isIPv6(host!) ? `[${host}]` : host}:${taken}`;
    if (taken !== null) logger.info(TAG, text(idioma, 'log.http_listening', { host: host!, puerto: taken }));
    if (socketPath !== null) logger.info(TAG, text(idioma, 'log.socket_listening', { ruta: socketPath }));
    return { url, port: taken, socketPath, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What fastify itself refuses, in our own words. */
function translate(thrown: unknown): unknown {
  if (thrown instanceof CoreCError || thrown instanceof HttpError) return thrown;
  const { code, statusCode } = thrown as { code?: string; statusCode?: number };
  if (code?.startsWith('FST_ERR') === true && statusCode !== undefined && statusCode < 500) {
    const found = messageOf(thrown);
    return new HttpError(
      statusCode,
      new CoreCError('COREC_E_BODY', { found, expected: 'a body as GET /api tells it' }, thrown),
    );
  }
  return thrown;
}

const FIXED_ROUTES = ['/api', '/api/lecturas', '/api/alerts/stream', '/healthz', '/readyz', '/metrics'];

function noRoute(app: FastifyInstance, request: FastifyRequest): HttpError {
  const path = pathOf(request.url);
  const { method } = request;
  const other = (['GET', 'POST'] as const).find((one) => one !== method && app.hasRoute({ method: one, url: path }));
  const known = [...FIXED_ROUTES, ...COMMAND_NAMES.map((name) => `/api/${name}`)];
  const nearest = other === undefined ? nearestKey(path, known) : null;
  const found = `${method} ${path.slice(0, 120)}`;
  const hint = {
    en:
      other !== undefined
        ? `Use ${other} ${path}.`
        : `${nearest === null ? '' : `Did you mean ${nearest}? `}GET /api lists what there is.`,
    es:
      other !== undefined
        ? `Use ${other} ${path}.`
        : `${nearest === null ? '' : `¿Quiso decir ${nearest}? `}GET /api dice lo que hay.`,
  };
  const error = new CommandError('COREC_E_NOT_FOUND', {
    en: { what: 'route', found, hint: hint.en },
    es: { what: 'la ruta', found, hint: hint.es },
  });
  return new HttpError(other === undefined ? 404 : 405, error);
}

/** What is no HTTP at all never reaches a route: said in one line, and the connection ends. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, idioma: Idioma): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? '408 Request Timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
  const refusal = new CoreCError('COREC_E_BODY', { found: error.code ?? 'ERR', expected: 'HTTP/1.1' });
  const body = JSON.stringify(errorBody(refusal, idioma));
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function pathOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}

function isProbe(url: string): boolean {
  const path = pathOf(url);
  return path === '/healthz' || path === '/readyz';
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= 1024 ? value : null;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
