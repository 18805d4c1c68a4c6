/**
 * Connections to PostgreSQL: one that writes, and a few that read.
 *
 * Owns: connecting and reconnecting, time limits, the lock that keeps a second writer of the same instance away, and who goes next.
 * Leaves to its neighbours: what is said over the connections, and trying again (the caller keeps what it could not write).
 *
 * C1 The writer's work is done one piece at a time, in the order asked.
 * C2 A connection on which something failed is closed, never used again: the server rolls back what was open.
 * C3 Nothing is written without holding the instance's lock.
 * C4 Once it has worked, a login that is refused counts as a server that is away: what a person changed there, a person mends, and
 *    what waits to be written waits for it.
 */
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { CoreCError } from '#domain/errors.ts';
import { describeServer, makeClientConfig, READ_MS_MAX, WRITE_MS_MAX } from './connection.ts';
import type { PostgresConnection, SessionOptions } from './connection.ts';
import { sql } from './sql.ts';
import { afterLogin, toStoreError } from './store-error.ts';

/** An old connection of this very process can hold the lock until the server notices its end. */
const LOCK_MS_MAX = 5000;
/** Longer than from one look after the server to the next (nucleus/outage-watch.ts), so that these share a connection. */
const IDLE_MS_MAX = 30_000;

/** The one writing connection. */
export class WriterSession {
  readonly #options: SessionOptions;
  #client: pg.Client | null = null;
  #wasConnected = false;
  /** Server processes of this session, the present one and those that may not have ended yet. */
  readonly #backends = new Set<number>();
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** C1, C2. `work` may begin and commit; what it throws comes out as a CoreCError. */
  run<T>(operation: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#closed) throw new CoreCError('COREC_E_STOPPING');
      try {
        this.#client ??= await this.#connect(operation);
        return await work(this.#client);
      } catch (error) {
        await this.#discard();
        throw toStoreError(error, operation, this.#options.connection);
      }
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connect(operation: string): Promise<pg.Client> {
    const client = new pg.Client(makeClientConfig(this.#options, WRITE_MS_MAX));
    client.on('error', () => {
      // Between statements: the next piece of work connects anew.
      if (this.#client === client) this.#client = null;
    });
    try {
      await client.connect();
      // A dead peer is noticed within half a minute, so that its lock goes.
      await client.query('SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3');
      await this.#lock(client);
    } catch (error) {
      await client.end().catch(() => undefined);
      const said = toStoreError(error, operation, this.#options.connection);
      throw this.#wasConnected ? afterLogin(said, this.#options.connection) : said; // C4
    }
    this.#wasConnected = true;
    return client;
  }

  /** C3. */
  async #lock(client: pg.Client): Promise<void> {
    const { connection, instanceId } = this.#options;
    const own = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const deadline = performance.now() + LOCK_MS_MAX;
    for (;;) {
      const { rows } = await client.query<{ locked: boolean }>({ ...sql('lock-instance'), values: [instanceId] });
      if (rows[0]!.locked) break;
      const holder = (await client.query<LockHolder>({ ...sql('lock-holder'), values: [instanceId] })).rows[0];
      if (holder && this.#backends.has(holder.pid)) await client.query('SELECT pg_terminate_backend($1)', [holder.pid]);
      else if (performance.now() > deadline) {
        throw new CoreCError('COREC_E_INSTANCE_TAKEN', {
          instance: instanceId,
          server: describeServer(connection),
          found: `it writes from ${holder?.address ?? 'an unknown address'}, server process ${holder?.pid ?? '?'}`,
        });
      }
      await delay(50);
    }
    this.#backends.clear();
    this.#backends.add(own.rows[0]!.pid);
  }

  async #discard(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (!client) return;
    // end() on a broken or busy connection can wait for long: cut it.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await client.end().catch(() => undefined);
  }
}

interface LockHolder {
  readonly pid: number;
  readonly address: string;
}

/** Whoever answers one question. */
export interface Asker {
  /** Errors: as toStoreError. */
  query<R extends pg.QueryResultRow>(operation: string, query: pg.QueryConfig): Promise<R[]>;
}

/** A few connections for questions; they hold nothing between two. */
export class ReaderSessions implements Asker {
  readonly #pool: pg.Pool;
  readonly #connection: PostgresConnection;

  constructor(options: SessionOptions, max: number, statementMsMax: number = READ_MS_MAX) {
    this.#connection = options.connection;
    this.#pool = new pg.Pool({ ...makeClientConfig(options, statementMsMax), max, idleTimeoutMillis: IDLE_MS_MAX });
    this.#pool.on('error', () => {
      // An idle connection ended; the pool has dropped it.
    });
    // One that ends while it is lent, or in the moment of being made, says so to whoever asks over it; unheard, the event would end the
    // process. From its first moment on: the server's last word may come in the same piece as its welcome.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async query<R extends pg.QueryResultRow>(operation: string, query: pg.QueryConfig): Promise<R[]> {
    try {
      return (await this.#pool.query<R>(query)).rows;
    } catch (error) {
      throw toStoreError(error, operation, this.#connection);
    }
  }

  /** For work of several statements, long ones too. */
  async withClient<T>(operation: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { client, release } = await this.borrow(operation);
    let failed = true;
    try {
      const result = await work(client);
      failed = false;
      return result;
    } catch (error) {
      throw toStoreError(error, operation, this.#connection);
    } finally {
      release(failed);
    }
  }

  /** The caller gives it back with `release`, true when it must not be used again (C2). */
  async borrow(operation: string): Promise<{ client: pg.PoolClient; release: (failed: boolean) => void }> {
    try {
      const client = await this.#pool.connect();
      return { client, release: (failed) => client.release(failed) };
    } catch (error) {
      throw toStoreError(error, operation, this.#connection);
    }
  }

  /** What `rows` throws, as a CoreCError. */
  async *translate<T>(operation: string, rows: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    try {
      yield* rows;
    } catch (error) {
      throw toStoreError(error, operation, this.#connection);
    }
  }

  async close(): Promise<void> {
    // A pool refuses to end twice.
    if (!this.#pool.ending) await this.#pool.end();
  }
}
