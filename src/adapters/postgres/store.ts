/**
 * BloqueStore over PostgreSQL (13 or newer), the same for a server of one's own and the embedded one.
 *
 * Owns: the order of connecting, migrating and making tables; which connection does what.
 * Leaves to its neighbours: the epoch (epoch.ts), the questions (questions.ts), retention (retention.ts).
 * After a transient error the caller simply calls again, with the epoch's rows given anew: the next call connects.
 */
import type pg from 'pg';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type {
  AlertaQuery,
  BloqueRow,
  BloqueRowQuery,
  BloqueStore,
  ComandoCommit,
  ComandoQuery,
  ComandoResult,
  ComandoRow,
  EpochCommit,
  EpochResult,
  EstadoClase,
  EstadoRow,
  StoredAlerta,
} from '#ports/bloque-store.ts';
import type { Logger } from '#ports/logger.ts';
import type { Meter } from '#ports/meter.ts';
import { commitComandos } from './comandos-write.ts';
import { commitEpoch } from './epoch.ts';
import {
  assertMigrated,
  assertServer,
  ensureInstance,
  ensureMonths,
  inTransaction,
  listMonths,
  migrate,
} from './migrator.ts';
import { monthsFrom } from './names.ts';
import {
  comandosAfter,
  findComando,
  loadEstado,
  queryAlertas,
  queryBloques,
  queryComandos,
  readEstado,
} from './questions.ts';
import { MONTHS_AHEAD, upkeep } from './retention.ts';
import { describeServer } from './connection.ts';
import type { PostgresConnection } from './connection.ts';
import { Replicas } from './replicas.ts';
import type { WritePosition } from './replicas.ts';
import { ReaderSessions, WriterSession } from './session.ts';
import type { Asker } from './session.ts';
import { sql } from './sql.ts';
import { sqlStateOf } from './store-error.ts';

export interface PostgresStoreOptions {
  readonly connection: PostgresConnection;
  readonly instanceId: string;
  readonly logger: Logger;
  /** UTC ms; decides which months are made ahead, and is the time of commit in the tables. */
  readonly nowMs: () => number;
  /** `read`: no lock, no tables made, nothing written; for a command that looks at stored data. Default `write`. */
  readonly access?: 'write' | 'read';
  /** All connections to the main server together, the writing one included; at least 3. Default 10. */
  readonly maxConnections?: number;
  /** Servers that answer queryAlertas and queryBloques, in turns; the main one does when they cannot (replicas.ts). */
  readonly replicas?: readonly PostgresConnection[];
  /** Counts what replicas answer. */
  readonly meter?: Meter;
}

export function makePostgresStore(options: PostgresStoreOptions): BloqueStore {
  return new PostgresStore(options);
}

const TAG = 'PostgreSQL';
const UPKEEP_MS_MAX = 10 * 60_000;
const HEALTH_MS_MAX = 3000;
/** For its size the server looks at every file: whoever only asks how it is needs no newer one. */
const SIZE_FRESH_MS = 10_000;

class PostgresStore implements BloqueStore {
  readonly #options: PostgresStoreOptions;
  readonly #instanceId: string;
  readonly #server: string;
  readonly #writer: WriterSession;
  readonly #readers: ReaderSessions;
  /** Apart: deleting and vacuuming take their time. */
  readonly #upkeep: ReaderSessions;
  readonly #replicas: Replicas;
  #position: WritePosition | null = null;
  #size: { readonly bytes: number; readonly askedMs: number } | null = null;
  /** Months that surely have a partition; empty after any failure, and read again then. */
  #knownMonths = new Set<string>();

  constructor(options: PostgresStoreOptions) {
    const { connection, instanceId, maxConnections = 10 } = options;
    this.#options = options;
    this.#instanceId = instanceId;
    this.#server = describeServer(connection);
    this.#writer = new WriterSession({ connection, instanceId });
    // one writes, one keeps house
    const readersMax = Math.max(1, Math.min(4, maxConnections - 2));
    this.#readers = new ReaderSessions({ connection, instanceId }, readersMax);
    this.#upkeep = new ReaderSessions({ connection, instanceId }, 1, UPKEEP_MS_MAX);
    this.#replicas = new Replicas({
      connections: options.replicas ?? [],
      instanceId,
      logger: options.logger,
      meter: options.meter ?? null,
      monotonicMs: () => performance.now(),
    });
  }

  async open(): Promise<void> {
    if (this.#options.access === 'read') {
      await this.#readers.withClient('the start', async (client) => {
        await assertServer(client);
        await assertMigrated(client, this.#server);
      });
      return;
    }
    await this.#writer.run('the start', async (client) => {
      const { version } = await assertServer(client);
      const applied = await migrate(client);
      if (applied.length > 0)
        this.#options.logger.info(TAG, 'Schema brought up to date', { server: this.#server, version, applied });
      await ensureInstance(client, this.#instanceId);
      const months = monthsFrom(this.#options.nowMs() / 1000, MONTHS_AHEAD);
      await inTransaction(client, () => ensureMonths(client, months));
      this.#knownMonths = new Set(await listMonths(client));
      await this.#notePosition(client, await readEpoca(client, this.#instanceId));
    });
  }

  async lastEpoch(): Promise<number> {
    const rows = await this.#readers.query<{ epoca: number }>('reading the epoch', {
      ...sql('read-epoca'),
      values: [this.#instanceId],
    });
    return rows[0]?.epoca ?? 0;
  }

  async *loadEstado(clases: readonly EstadoClase[]): AsyncGenerator<readonly EstadoRow[], void, void> {
    const { client, release } = await this.#readers.borrow('loading estado');
    let failed = true;
    try {
      yield* this.#readers.translate('loading estado', loadEstado(client, this.#instanceId, clases));
      failed = false;
    } finally {
      // Left early or broken: rows are still on their way, the connection is of no more use.
      release(failed);
    }
  }

  readEstado(clase: EstadoClase, id: string): Promise<Uint8Array | null> {
    return readEstado(this.#readers, this.#instanceId, clase, id);
  }

  async commitEpoch(commit: EpochCommit): Promise<EpochResult> {
    const operation = `epoch ${commit.epoca}`;
    try {
      return await this.#writer.run(operation, async (client) => {
        if (this.#knownMonths.size === 0) this.#knownMonths = new Set(await listMonths(client));
        const { months, ...result } = await commitEpoch(client, commit, {
          instanceId: this.#instanceId,
          nowMs: this.#options.nowMs(),
          knownMonths: this.#knownMonths,
        });
        for (const month of months) this.#knownMonths.add(month);
        await this.#notePosition(client, commit.epoca);
        return result;
      });
    } catch (error) {
      this.#knownMonths.clear();
      if (!isNoPartition(error)) throw error;
      // retention, of this CoreC or another, took the month away after it was looked at: the next try makes it anew
      throw new CoreCError(
        'COREC_E_BUSY',
        { what: 'PostgreSQL', found: 'a month of bloques was dropped meanwhile', seconds: 1 },
        error,
      );
    }
  }

  commitComandos(list: readonly ComandoCommit[]): Promise<readonly ComandoResult[]> {
    const [first] = list;
    if (first === undefined) return Promise.resolve([]);
    const operation = list.length === 1 ? `comando ${first.row.nombre}` : `${list.length} comandos`;
    return this.#writer.run(operation, async (client) => {
      const results = await commitComandos(client, this.#instanceId, list);
      await this.#notePosition(client, this.#position?.epoca ?? Infinity);
      return results;
    });
  }

  findComando(id: string): Promise<ComandoRow | null> {
    return this.#readers.withClient('reading comandos', (client) => findComando(client, this.#instanceId, id));
  }

  comandosAfter(epoca: number): Promise<readonly ComandoRow[]> {
    return comandosAfter(this.#readers, this.#instanceId, epoca);
  }

  queryComandos(query: ComandoQuery): Promise<readonly ComandoRow[]> {
    return this.#ask((asker) => queryComandos(asker, this.#instanceId, query));
  }

  queryAlertas(query: AlertaQuery): Promise<readonly StoredAlerta[]> {
    return this.#ask((asker) => queryAlertas(asker, this.#instanceId, query));
  }

  queryBloques(query: BloqueRowQuery): Promise<readonly BloqueRow[]> {
    return this.#ask((asker) => queryBloques(asker, this.#instanceId, query));
  }

  async upkeep(
    nowMs: number,
    keepDays: number,
    keepBytes: number,
  ): Promise<{ readonly dropped: readonly string[]; readonly bytes: number }> {
    try {
      return await this.#upkeep.withClient('retention', (client) => {
        return upkeep(client, this.#instanceId, nowMs, keepDays, keepBytes);
      });
    } finally {
      this.#knownMonths.clear();
    }
  }

  async health(): Promise<{
    readonly ok: boolean;
    readonly found: string;
    readonly bytes: number | null;
    readonly version: string | null;
  }> {
    const nowMs = performance.now();
    const withSize = this.#size === null || nowMs - this.#size.askedMs >= SIZE_FRESH_MS;
    try {
      const rows = await withinMs(
        HEALTH_MS_MAX,
        this.#readers.query<HealthRecord>('health', { text: sql('health').text, values: [this.#instanceId, withSize] }),
      );
      const { version, epoca, confirmada_ms: confirmadaMs } = rows[0]!;
      if (withSize) this.#size = { bytes: rows[0]!.bytes!, askedMs: nowMs };
      const { bytes } = this.#size!;
      const last = epoca === null || epoca === 0 ? 'no epoch yet' : `epoch ${epoca} at ${toIso(confirmadaMs)}`;
      const told = [`PostgreSQL ${version}`, last, this.#replicas.describe()].filter((part) => part !== '').join(', ');
      return { ok: true, found: `${this.#server}: ${told}`, bytes, version };
    } catch (error) {
      const found = error instanceof CoreCError ? String(error.details['found'] ?? error.message) : messageOf(error);
      return { ok: false, found: `${this.#server}: ${found}`, bytes: null, version: null };
    }
  }

  async close(): Promise<void> {
    const closed = await Promise.allSettled([
      this.#writer.close(),
      this.#readers.close(),
      this.#upkeep.close(),
      this.#replicas.close(),
    ]);
    const failures = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, 'closing the connections to PostgreSQL');
  }

  async #ask<T>(question: (asker: Asker) => Promise<T>): Promise<T> {
    if (this.#replicas.count > 0) {
      const answered = await this.#replicas.ask(this.#position, question);
      if (answered !== null) return answered.answer;
    }
    return question(this.#readers);
  }

  /** After a write: what a replica must have before it may answer. Not known is no failure of the write. */
  async #notePosition(client: pg.ClientBase, epoca: number): Promise<void> {
    if (this.#replicas.count === 0) return;
    this.#position = null;
    try {
      const { rows } = await client.query<{ lsn: string }>(sql('wal-position'));
      this.#position = { lsn: rows[0]!.lsn, epoca };
    } catch (error) {
      this.#options.logger.debug(TAG, 'The position of the log is not known', { found: messageOf(error) });
    }
  }
}

async function readEpoca(client: pg.ClientBase, instanceId: string): Promise<number> {
  const { rows } = await client.query<{ epoca: number }>({ ...sql('read-epoca'), values: [instanceId] });
  return rows[0]?.epoca ?? 0;
}

/** A row for which the partitioned table has no part. */
function isNoPartition(error: unknown): boolean {
  return error instanceof CoreCError && sqlStateOf(error.cause) === '23514';
}

interface HealthRecord {
  readonly version: string;
  readonly bytes: number | null;
  readonly epoca: number | null;
  readonly confirmada_ms: number | null;
}

const toIso = (ms: number | null): string => (ms === null ? '?' : new Date(ms).toISOString());

async function withinMs<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
