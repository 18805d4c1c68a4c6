/**
 * Standard input to a running CoreC: whole rows in batches, each with an id of its own, one after the other.
 *
 * Owns cutting into batches and sending a batch again until it is answered. Leaves what a row means to CoreC.
 *
 * I1 Batches go one at a time, in order, so that the readings of a clave keep theirs.
 * I2 A batch is sent again under the same id, so that an answer that was lost does no harm.
 * I3 A batch ends at the end of a row. CSV batches begin with the header of the first.
 */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { unpack } from '#app/unpack.ts';
import { CoreCError } from '#domain/errors.ts';
import type { LoteResult } from '#ports/nucleus-api.ts';
import type { Client } from '../client.ts';
import { RemoteError } from '../exit.ts';
import { pause } from '../pause.ts';

const BATCH_BYTES = 1024 * 1024;
/** A row that is longer is sent as it is; CoreC refuses and counts it. */
const ROW_BYTES_MAX = 8 * 1024 * 1024;
/** A batch waits no longer for more rows: a slow log is told as it is written. */
const LINGER_MS = 200;
/** Without a CoreC that answers: how long the batch is kept and tried. */
const AWAY_MS_MAX = 60_000;
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 5_000;

const NEWLINE = 0x0a;
const QUOTE = 0x22;

export interface PumpRequest {
  readonly client: Client;
  readonly input: Readable;
  readonly bloque: string;
  readonly procesador: string | null;
  /** The mapping for all batches, settled on the first one, so that they are all read alike. */
  readonly settle: (firstRows: Buffer) => string;
  /** Null: told by the first row. */
  readonly csv: boolean | null;
  /** CSV without a header: batches need none. */
  readonly headless: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (sum: PumpSum) => void;
  readonly onRetry: (error: unknown) => void;
}

export interface PumpSum {
  readonly bytes: number;
  readonly lecturas: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Batches that CoreC has kept and will run when its store is back: not counted yet. */
  readonly deferred: number;
}

/** Sends until the input ends or `signal` aborts; what was read by then and holds whole rows is sent still. */
export async function pump(request: PumpRequest): Promise<PumpSum> {
  const { client, signal, onProgress, onRetry } = request;
  const query = new URLSearchParams({ bloque: request.bloque });
  if (request.procesador !== null) query.set('procesador', request.procesador);
  const run = randomUUID();
  let sum: PumpSum = { bytes: 0, lecturas: 0, refused: {}, deferred: 0 };
  let number = 0;
  for await (const { body, csv } of batches(request)) {
    number++;
    if (number === 1) {
      const mapeo = request.settle(body);
      if (mapeo !== '') query.set('mapeo', mapeo);
    }
    const answer = await send(
      client,
      `/api/lecturas?${query.toString()}`,
      body,
      csv,
      `${run}-${number}`,
      signal,
      onRetry,
    );
    if (answer === null) break;
    const refused: Record<string, number> = { ...sum.refused };
    for (const [reason, count] of Object.entries(answer.refused)) refused[reason] = (refused[reason] ?? 0) + count;
    const deferred = sum.deferred + (answer.aplazado === true ? 1 : 0);
    sum = { bytes: sum.bytes + body.length, lecturas: sum.lecturas + answer.lecturas, refused, deferred };
    onProgress(sum);
  }
  return sum;
}

/** Null: interrupted while waiting. */
async function send(
  client: Client,
  path: string,
  body: Buffer,
  csv: boolean,
  id: string,
  signal: AbortSignal,
  onRetry: (error: unknown) => void,
): Promise<LoteResult | null> {
  let waitMs = RETRY_MS_FIRST;
  let awaySince: number | null = null;
  for (;;) {
    try {
      const headers = { 'content-type': csv ? 'text/csv' : 'application/x-ndjson', 'idempotency-key': id };
      return (await client.json({ method: 'POST', path, headers, body })) as LoteResult;
    } catch (error) {
      const wait = retryWait(error, waitMs);
      if (wait === null) throw error;
      if (error instanceof RemoteError) awaySince = null;
      else {
        awaySince ??= performance.now();
        if (performance.now() - awaySince > AWAY_MS_MAX) throw error;
      }
      if (signal.aborted) return null;
      onRetry(error);
      await pause(wait, signal);
      waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
    }
  }
}

/** Null: sending it again cannot help. */
function retryWait(error: unknown, usualMs: number): number | null {
  if (error instanceof RemoteError) {
    if (error.status !== 429 && error.status !== 503) return null;
    return error.retryAfterS === null ? usualMs : Math.max(usualMs, error.retryAfterS * 1000);
  }
  const passes =
    error instanceof CoreCError && (error.code === 'COREC_E_CONNECTION_LOST' || error.code === 'COREC_E_NOT_RUNNING');
  return passes ? usualMs : null;
}

interface Batch {
  readonly body: Buffer;
  readonly csv: boolean;
}

async function* batches({ input, csv: given, headless, signal }: PumpRequest): AsyncGenerator<Batch> {
  let csv = given;
  let header: Buffer | null = null;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  /** Bytes of `kept` up to the end of the last whole row. */
  let wholeBytes = 0;
  let quoted = false;
  let isFirst = true;

  function take(bytes: number): Batch {
    const all = Buffer.concat(kept, keptBytes);
    const rows = all.subarray(0, bytes);
    const rest = all.subarray(bytes);
    kept = rest.length === 0 ? [] : [rest];
    keptBytes = rest.length;
    wholeBytes = 0;
    const isCsv = csv === true;
    const body = isCsv && !headless && !isFirst && header !== null ? Buffer.concat([header, rows]) : rows;
    if (isCsv && !headless && header === null) header = firstRow(rows);
    isFirst = false;
    return { body, csv: isCsv };
  }

  for await (const chunk of lingering(unpack(input), () => wholeBytes > 0, signal)) {
    if (chunk === null) {
      if (wholeBytes > 0) yield take(wholeBytes);
      continue;
    }
    if (csv === null) {
      const first = chunk.find((byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf);
      if (first !== undefined) csv = first !== 0x7b && first !== 0x5b;
    }
    // a newline inside a quoted cell ends no row; NDJSON has none inside
    for (let k = 0; k < chunk.length; k++) {
      const byte = chunk[k];
      if (byte === QUOTE && csv === true) quoted = !quoted;
      else if (byte === NEWLINE && !quoted) wholeBytes = keptBytes + k + 1;
    }
    kept.push(chunk);
    keptBytes += chunk.length;
    if (wholeBytes >= BATCH_BYTES) yield take(wholeBytes);
    else if (keptBytes >= ROW_BYTES_MAX) {
      quoted = false;
      yield take(keptBytes);
    }
  }
  if (keptBytes > 0) yield take(keptBytes);
}

function firstRow(rows: Buffer): Buffer {
  let quoted = false;
  for (let k = 0; k < rows.length; k++) {
    if (rows[k] === QUOTE) quoted = !quoted;
    else if (rows[k] === NEWLINE && !quoted) return Buffer.from(rows.subarray(0, k + 1));
  }
  return Buffer.concat([rows, Buffer.from('\n')]);
}

/** The chunks, and null when none came for LINGER_MS while `waiting` says that something is kept; ends when aborted. */
async function* lingering(
  chunks: AsyncIterator<Buffer>,
  waiting: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<Buffer | null> {
  const { promise: aborted, resolve: abort } = Promise.withResolvers<'aborted'>();
  signal.addEventListener('abort', () => abort('aborted'));
  if (signal.aborted) return;
  let next = chunks.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const linger = waiting()
      ? [new Promise<'linger'>((resolve) => (timer = setTimeout(() => resolve('linger'), LINGER_MS)))]
      : [];
    const found = await Promise.race([next, aborted, ...linger]);
    clearTimeout(timer);
    if (found === 'aborted') {
      next.catch(() => {});
      return;
    }
    if (found === 'linger') {
      yield null;
      continue;
    }
    if (found.done === true) return;
    yield found.value;
    next = chunks.next();
  }
}
