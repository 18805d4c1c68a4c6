/**
 * The command table over HTTP: GET /api/<name> for what only looks, POST /api/<name> for what changes, GET /api for the table itself.
 *
 * A command that reports as it goes (ingest) answers one JSON document, or lines of it when the client accepts application/x-ndjson:
 * `{"progress": ...}` any number of times, then `{"result": ...}` or `{"error": ...}`.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Idioma } from '#domain/errors.ts';
import { argumentsFromTexts } from '#nucleus/commands/from-texts.ts';
import type { Command, CommandContext, ConfigAccess } from '#nucleus/commands/command.ts';
import { RecentCommands } from '#nucleus/commands/recent.ts';
import { runCommand } from '#nucleus/commands/run.ts';
import { COMMANDS, describeCommands } from '#nucleus/commands/table.ts';
import type { IngestProgress, NucleusApi } from '#ports/nucleus-api.ts';
import { BodyShare, bodyError, readBody, type BodyBudget } from './body.ts';
import { errorBody, HttpError } from './replies.ts';

/** Arguments of a command; readings have a route of their own. */
const ARGUMENTS_BYTES_MAX = 1024 * 1024;
/** Progress lines are dropped while a client has so much unread: only the newest matters. */
const PROGRESS_BYTES_MAX = 64 * 1024;

/** Who asks, as far as the door could see. */
export interface Caller {
  readonly trusted: boolean;
  readonly puerta: string;
}

export interface CommandRoutesOptions {
  readonly api: NucleusApi;
  readonly config: ConfigAccess | null;
  readonly budget: BodyBudget;
  readonly idiomaOf: (request: FastifyRequest) => Idioma;
  readonly callerOf: (request: FastifyRequest) => Caller;
  /** Aborted when the door closes. */
  readonly closing: AbortSignal;
}

export function commandRoutes(app: FastifyInstance, options: CommandRoutesOptions): void {
  const { api, config, budget, idiomaOf, callerOf, closing } = options;
  const recent = new RecentCommands();

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest): Promise<unknown> => {
    const share = new BodyShare(budget);
    try {
      const body = await readBody(request.raw, ARGUMENTS_BYTES_MAX, share);
      return body.length === 0 ? {} : parseArguments(body, request.headers['content-type'] ?? '');
    } finally {
      share.close();
    }
  });

  app.get('/api', async (request) => ({ commands: describeCommands(idiomaOf(request)) }));

  for (const command of COMMANDS.values()) {
    const { name, args, changing } = command.entry;
    const url = `/api/${name}`;
    if (!changing) {
      app.get(url, async (request, reply) => {
        void reply.header('cache-control', 'no-store');
        const input = argumentsFromTexts(args, request.query as Record<string, unknown>);
        return runCommand(COMMANDS, name, input, contextOf(request, reply, null));
      });
      continue;
    }
    app.post(url, async (request, reply) => {
      if (name === 'ingest' && /application\/x-ndjson/i.test(request.headers.accept ?? '')) {
        return streamProgress(command, request, reply);
      }
      return runCommand(COMMANDS, name, request.body ?? {}, contextOf(request, reply, null));
    });
  }

  function contextOf(
    request: FastifyRequest,
    reply: FastifyReply,
    onProgress: ((progress: IngestProgress) => void) | null,
  ): CommandContext {
    const { trusted, puerta } = callerOf(request);
    const given = request.headers['idempotency-key'];
    return {
      api,
      idioma: idiomaOf(request),
      role: 'operar',
      archivos: trusted,
      stdin: false,
      puerta,
      por: puerta,
      comandoId: given === undefined ? null : String(given),
      nowMs: () => Date.now(),
      signal: AbortSignal.any([goneSignal(reply.raw), closing]),
      recent,
      config,
      onProgress,
      checkOutput: false,
    };
  }

  async function streamProgress(command: Command, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { raw } = reply;
    let isOpen = false;
    const open = (): void => {
      if (isOpen) return;
      isOpen = true;
      reply.hijack();
      raw.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' });
    };
    const write = (line: unknown): void => {
      if (!raw.destroyed) raw.write(`${JSON.stringify(line)}\n`);
    };
    const ctx = contextOf(request, reply, (progress) => {
      open();
      if (raw.writableLength < PROGRESS_BYTES_MAX) write({ progress });
    });
    try {
      const result = await runCommand(COMMANDS, command.entry.name, request.body ?? {}, ctx);
      open();
      write({ result });
    } catch (error) {
      // before the first line there is still a status to say it with
      if (!isOpen) throw error;
      write(errorBody(error, ctx.idioma));
    }
    raw.end();
    return reply;
  }
}

/** Aborts when the client goes before its answer is whole. */
function goneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function parseArguments(body: Buffer, type: string): unknown {
  if (!/^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i.test(type.trim())) {
    const expected = 'Content-Type application/json';
    throw new HttpError(
      415,
      bodyError(`Content-Type ${type || '-'}`, `Content-Type ${type || '-'}`, expected, expected),
    );
  }
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    const found = (error as Error).message.slice(0, 120);
    throw bodyError(`it is not JSON (${found})`, `no es JSON (${found})`, 'a JSON object', 'un objeto JSON', error);
  }
}
