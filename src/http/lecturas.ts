/**
 * POST /api/lecturas: a body of readings in, counts out once they are durable.
 *
 * Owns what HTTP says about the body: length, packing, type, which bloque, mapping and batch id. The bytes go to the nucleus as they
 * are: nothing here looks at a reading.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { nearestKey } from '#domain/texts/nearest.ts';
import { isProcesadorPath } from '#domain/config/normalize.ts';
import { FUENTE_BLOQUE_DEFAULT } from '#domain/config/fuentes.ts';
import { formatMapeo, MAPEO_FIELDS, mapeoFromQuery } from '#domain/mapeo/mapeo.ts';
import { CommandError } from '#nucleus/commands/command.ts';
import type { LoteResult, NucleusApi } from '#ports/nucleus-api.ts';
import { BodyShare, bodyError, readBody, unpackBody, type BodyBudget } from './body.ts';
import { HttpError } from './replies.ts';

/** Rows of text, and what curl says of a body it does not know. */
const TYPES: Readonly<Record<string, 'csv' | 'ndjson' | 'auto'>> = {
  '': 'auto',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/json': 'ndjson',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/plain': 'auto',
  'application/octet-stream': 'auto',
  'application/x-www-form-urlencoded': 'auto',
};
const PARAMETERS = ['bloque', 'procesador', 'mapeo', ...MAPEO_FIELDS];
const LOTE_ID = /^[\x21-\x7e]{1,200}$/;
/** Forms of query and type whose mapping is remembered; clients have one each. */
const MAPEOS_KEPT = 256;

interface Target {
  readonly bloque: string;
  readonly procesador: string | null;
  readonly mapeo: string;
}

export interface LecturasOptions {
  readonly api: NucleusApi;
  readonly budget: BodyBudget;
  readonly maxBytes: number;
  readonly onBytes: (bytes: number) => void;
  /** Whether the caller may name files of this machine. */
  readonly isTrusted: (request: FastifyRequest) => boolean;
}

export interface LoteAnswer extends LoteResult {
  readonly loteId: string | null;
}

export function lecturasRoute(app: FastifyInstance, options: LecturasOptions): void {
  const { api, budget, maxBytes, onBytes, isTrusted } = options;
  const targets = new Map<string, Target>();
  const shares = new WeakMap<object, BodyShare>();

  function targetOf(request: FastifyRequest, formato: 'csv' | 'ndjson' | 'auto'): Target {
    const key = `${formato} ${request.url}`;
    const known = targets.get(key);
    if (known !== undefined) return known;
    const target = readTarget(request.query as Record<string, string | string[]>, formato);
    if (targets.size >= MAPEOS_KEPT) targets.clear();
    targets.set(key, target);
    return target;
  }

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest): Promise<Buffer> => {
    const share = new BodyShare(budget);
    shares.set(request, share);
    try {
      typeOf(request);
      const body = await readBody(request.raw, maxBytes, share);
      onBytes(body.length);
      return await unpackBody(body, request.headers['content-encoding'] ?? '', maxBytes, share);
    } catch (error) {
      share.close();
      throw error;
    }
  });

  app.post('/api/lecturas', async (request, reply): Promise<LoteAnswer> => {
    try {
      const body = request.body as Buffer | undefined;
      if (body === undefined || body.length === 0) {
        throw bodyError('it is empty', 'está vacío', 'lines of NDJSON or CSV', 'líneas NDJSON o CSV');
      }
      const target = targetOf(request, typeOf(request));
      // a procesador's file is code that will run here
      if (target.procesador !== null && isProcesadorPath(target.procesador) && !isTrusted(request)) {
        throw new CommandError('COREC_E_UNAUTHORIZED', {
          en: { found: 'procesador names a file; without a token only the unix socket takes that' },
          es: { found: 'procesador nombra un archivo; sin token eso solo lo acepta el socket unix' },
        });
      }
      const loteId = loteIdOf(request);
      const result = await api.takeLote({ body, ...target, loteId, puerta: 'http' });
      if (result.aplazado === true) void reply.code(202);
      return { ...result, loteId };
    } finally {
      shares.get(request)?.close();
    }
  });
}

function typeOf(request: FastifyRequest): 'csv' | 'ndjson' | 'auto' {
  const given = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const formato = Object.hasOwn(TYPES, given) ? TYPES[given] : undefined;
  if (formato !== undefined) return formato;
  const expected = 'application/x-ndjson, text/csv';
  throw new HttpError(415, bodyError(`Content-Type ${given}`, `Content-Type ${given}`, expected, expected));
}

function loteIdOf(request: FastifyRequest): string | null {
  const given = request.headers['idempotency-key'] ?? request.headers['x-lote-id'];
  if (given === undefined) return null;
  const id = String(given);
  if (LOTE_ID.test(id)) return id;
  throw new CommandError('COREC_E_ARGUMENT', {
    en: {
      command: 'lecturas',
      found: `Idempotency-Key has ${id.length} characters`,
      allowed: '1 to 200 visible ASCII characters',
    },
    es: {
      command: 'lecturas',
      found: `Idempotency-Key tiene ${id.length} caracteres`,
      allowed: 'de 1 a 200 caracteres ASCII visibles',
    },
  });
}

function readTarget(query: Readonly<Record<string, string | string[]>>, formato: 'csv' | 'ndjson' | 'auto'): Target {
  for (const name of Object.keys(query)) {
    if (PARAMETERS.includes(name)) continue;
    const nearest = nearestKey(name, PARAMETERS);
    const allowed = nearest ?? PARAMETERS.join(', ');
    throw new CommandError('COREC_E_ARGUMENT', {
      en: { command: 'lecturas', found: `there is no parameter "${name.slice(0, 60)}"`, allowed },
      es: { command: 'lecturas', found: `no existe el parámetro "${name.slice(0, 60)}"`, allowed },
    });
  }
  const mapeo = mapeoFromQuery(query);
  const told = mapeo?.formato === undefined && formato !== 'auto' ? { ...mapeo, formato } : mapeo;
  return {
    bloque: single(query, 'bloque') ?? FUENTE_BLOQUE_DEFAULT,
    procesador: single(query, 'procesador'),
    mapeo: told === null ? '' : formatMapeo(told),
  };
}

function single(query: Readonly<Record<string, string | string[]>>, name: string): string | null {
  const value = query[name];
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '') return value;
  const found = JSON.stringify(value).slice(0, 80);
  throw new CommandError('COREC_E_ARGUMENT', {
    en: { command: 'lecturas', found: `${name} is ${found}`, allowed: 'one name' },
    es: { command: 'lecturas', found: `${name} es ${found}`, allowed: 'un nombre' },
  });
}
