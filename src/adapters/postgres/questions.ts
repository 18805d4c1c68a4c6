/** What commands and recovery ask the store. */
import type pg from 'pg';
import type {
  AlertaQuery,
  BloqueRow,
  BloqueRowQuery,
  ComandoQuery,
  ComandoRow,
  EstadoClase,
  EstadoRow,
  StoredAlerta,
} from '#ports/bloque-store.ts';
import { readCopy } from './copy-read.ts';
import type { Asker } from './session.ts';
import { fillSql, quoteLiteral, sql } from './sql.ts';
import { likePattern, plainText } from './text.ts';

/** A batch of loadEstado closes at this many bytes. */
const BATCH_BYTES = 1024 * 1024;

interface ComandoRecord {
  readonly id: string;
  readonly nombre: string;
  readonly puerta: string;
  readonly argumentos: unknown;
  readonly efecto: unknown;
  readonly respuesta: unknown;
  readonly timestamp_ms: number;
  readonly epoca: number;
}

const toComando = ({ timestamp_ms: timestampMs, ...rest }: ComandoRecord): ComandoRow => ({ ...rest, timestampMs });

export async function findComando(
  client: Pick<pg.ClientBase, 'query'>,
  instanceId: string,
  id: string,
): Promise<ComandoRow | null> {
  const { rows } = await client.query<ComandoRecord>({ ...sql('find-comando'), values: [instanceId, plainText(id)] });
  return rows[0] ? toComando(rows[0]) : null;
}

export async function comandosAfter(readers: Asker, instanceId: string, epoca: number): Promise<ComandoRow[]> {
  const rows = await readers.query<ComandoRecord>('reading comandos', {
    ...sql('comandos-after'),
    values: [instanceId, epoca],
  });
  return rows.map(toComando);
}

interface AlertaRecord {
  readonly id: string;
  readonly bloque: string;
  readonly canal: number;
  readonly clave: string;
  readonly regla: string;
  readonly abierta_ms: number;
  readonly actualizada_ms: number;
  readonly cerrada_ms: number | null;
  readonly valor: number;
  readonly lectura: number | null;
  readonly esperado_min: number | null;
  readonly esperado_max: number | null;
  readonly razon: Record<string, string | number | null>;
  readonly lecturas: number;
  readonly reconocida_ms: number | null;
  readonly reconocida_por: string | null;
}

export async function queryComandos(readers: Asker, instanceId: string, query: ComandoQuery): Promise<ComandoRow[]> {
  const { nombres, desdeLugar } = query;
  const rows = await readers.query<ComandoRecord>('reading comandos', {
    text: sql('query-comandos').text,
    values: [
      instanceId,
      nombres ?? null,
      query.desdeMs ?? null,
      query.hastaMs ?? null,
      desdeLugar?.ms ?? null,
      desdeLugar === undefined ? null : plainText(desdeLugar.id),
      query.limit,
    ],
  });
  return rows.map(toComando);
}

const ALERTA_ORDERS = {
  tiempo: 'abierta_ms DESC, id COLLATE "C"',
  valor: 'valor DESC, abierta_ms DESC, id COLLATE "C"',
  cierre: 'cerrada_ms DESC, id COLLATE "C"',
} as const;

export async function queryAlertas(readers: Asker, instanceId: string, query: AlertaQuery): Promise<StoredAlerta[]> {
  const { orden, desdeLugar } = query;
  const rows = await readers.query<AlertaRecord>('reading alertas', {
    text: fillSql('query-alertas', {
      order: ALERTA_ORDERS[orden],
      time: orden === 'cierre' ? 'cerrada_ms' : 'abierta_ms',
    }),
    values: [
      instanceId,
      query.clave === undefined ? null : likePattern(query.clave),
      query.bloque === undefined ? null : plainText(query.bloque),
      // in the order of ends NULL would come first
      orden === 'cierre' ? false : (query.abiertas ?? null),
      query.desdeMs ?? null,
      query.hastaMs ?? null,
      query.limit,
      query.id === undefined ? null : plainText(query.id),
      query.guardadaDesdeMs ?? null,
      desdeLugar?.ms ?? null,
      desdeLugar === undefined ? null : plainText(desdeLugar.id),
      query.reglas ?? null,
    ],
  });
  return rows.map((row) => ({
    id: row.id,
    bloque: row.bloque,
    canal: row.canal,
    clave: row.clave,
    regla: row.regla,
    abiertaMs: row.abierta_ms,
    actualizadaMs: row.actualizada_ms,
    cerradaMs: row.cerrada_ms,
    valor: row.valor,
    lectura: row.lectura,
    esperadoMin: row.esperado_min,
    esperadoMax: row.esperado_max,
    razon: row.razon,
    lecturas: row.lecturas,
    reconocidaMs: row.reconocida_ms,
    reconocidaPor: row.reconocida_por,
  }));
}

interface BloqueRecord {
  readonly id: string;
  readonly canal: number;
  readonly num_entidades: number;
  readonly fitness: number;
  readonly timestamp: number;
  readonly mensajes: Buffer | null;
  readonly codec: string | null;
}

export async function queryBloques(readers: Asker, instanceId: string, query: BloqueRowQuery): Promise<BloqueRow[]> {
  const rows = await readers.query<BloqueRecord>('reading bloques', {
    text: sql('query-bloques').text,
    values: [
      instanceId,
      plainText(query.bloque),
      query.desdeMs === undefined ? -Infinity : query.desdeMs / 1000,
      query.hastaMs === undefined ? Infinity : query.hastaMs / 1000,
      query.limit,
      query.conMensajes,
    ],
  });
  return rows.map((row) => ({
    id: row.id,
    canal: row.canal,
    numEntidades: row.num_entidades,
    fitness: row.fitness,
    timestampS: row.timestamp,
    mensajes: row.mensajes,
    codec: row.codec,
  }));
}

interface Incomplete {
  readonly pieces: (Buffer | undefined)[];
  missing: number;
  bytes: number;
}

/** One snapshot; memory holds a batch and the values whose pieces have not all come yet. */
export async function* loadEstado(
  client: pg.ClientBase,
  instanceId: string,
  clases: readonly EstadoClase[],
): AsyncGenerator<EstadoRow[], void, void> {
  if (clases.length === 0) return;
  const statement = fillSql('load-estado', {
    instanceId: quoteLiteral(instanceId),
    clases: clases.map(quoteLiteral).join(', '),
  });
  const incomplete = new Map<string, Incomplete>();
  let batch: EstadoRow[] = [];
  let batchBytes = 0;
  for await (const [clase, id, parte, partes, datos] of readCopy(client, statement)) {
    const key = `${clase!.toString('utf8')}\0${id!.toString('utf8')}`;
    const count = partes!.readInt32BE(0);
    let value = incomplete.get(key);
    if (!value) incomplete.set(key, (value = { pieces: Array.from({ length: count }), missing: count, bytes: 0 }));
    value.pieces[parte!.readInt32BE(0)] = datos!;
    value.bytes += datos!.length;
    if (--value.missing > 0) continue;
    incomplete.delete(key);
    const at = key.indexOf('\0');
    const whole = Buffer.allocUnsafeSlow(value.bytes);
    let offset = 0;
    for (const piece of value.pieces) offset += piece!.copy(whole, offset);
    batch.push({ clase: key.slice(0, at) as EstadoClase, id: key.slice(at + 1), datos: whole });
    batchBytes += value.bytes;
    if (batchBytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    batchBytes = 0;
  }
  if (batch.length > 0) yield batch;
}

export async function readEstado(
  readers: Asker,
  instanceId: string,
  clase: EstadoClase,
  id: string,
): Promise<Uint8Array | null> {
  const rows = await readers.query<{ datos: Buffer }>('reading estado', {
    ...sql('read-estado'),
    values: [instanceId, clase, id],
  });
  return rows.length === 0 ? null : Buffer.concat(rows.map((row) => row.datos));
}
