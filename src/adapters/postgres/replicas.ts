/**
 * Reads from replicas: in turns, as long as a replica has everything that this CoreC has written; else the main server is asked.
 *
 * Owns: whether a replica may answer, when one that was away is tried again, and what is told and counted of it.
 * Leaves to its neighbours: the questions (questions.ts), noting where the main server's log stands after a write (store.ts).
 *
 * P1 An answer never lacks what was acknowledged before it was asked for: a standby must have replayed the log up to the last write,
 *    another copy (logical replication) must hold the last epoch. Looking and asking share one connection, since a name may stand for
 *    several servers.
 * P2 A replica that is away costs its time once, then it is left alone for RETRY_MS. It is told when a state begins and when it ends,
 *    not at each question; each question that went elsewhere is counted.
 */
import type pg from 'pg';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { formatBytes } from '#domain/texts/format.ts';
import type { Logger } from '#ports/logger.ts';
import type { Counter, Meter } from '#ports/meter.ts';
import { describeServer, READ_MS_MAX } from './connection.ts';
import type { PostgresConnection } from './connection.ts';
import { ReaderSessions } from './session.ts';
import type { Asker } from './session.ts';
import { sql } from './sql.ts';
import { toStoreError } from './store-error.ts';

const RETRY_MS = 5000;
const CONNECTIONS_EACH = 2;
const TAG = 'PostgreSQL';

/** Where the main server's log and this instance's epochs stood after the last write; null: not known. */
export interface WritePosition {
  readonly lsn: string;
  readonly epoca: number;
}

type State = 'fresh' | 'behind' | 'away';

interface Replica {
  readonly server: string;
  readonly connection: PostgresConnection;
  readonly sessions: ReaderSessions;
  readonly reads: Counter;
  readonly fallbacks: Readonly<Record<'behind' | 'away', Counter>>;
  state: State;
  found: string;
  retryAtMs: number;
}

export interface ReplicasOptions {
  readonly connections: readonly PostgresConnection[];
  readonly instanceId: string;
  readonly logger: Logger;
  readonly meter: Meter | null;
  readonly monotonicMs: () => number;
}

const UNCOUNTED: Counter = { add() {} };

export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #list: readonly Replica[];
  #next = 0;

  constructor(options: ReplicasOptions) {
    const { connections, instanceId, meter } = options;
    this.#options = options;
    this.#list = connections.map((connection): Replica => {
      const server = describeServer(connection);
      const count = (name: string, help: string, labels: Readonly<Record<string, string>>): Counter =>
        meter?.counter(name, help, labels) ?? UNCOUNTED;
      const fallback = (reason: 'behind' | 'away'): Counter =>
        count('corec_replica_fallbacks_total', 'Questions that the main server answered instead of a replica', {
          server,
          reason,
        });
      return {
        server,
        connection,
        sessions: new ReaderSessions({ connection, instanceId }, CONNECTIONS_EACH, READ_MS_MAX),
        reads: count('corec_replica_reads_total', 'Questions that a replica answered', { server }),
        fallbacks: { behind: fallback('behind'), away: fallback('away') },
        state: 'fresh',
        found: '',
        retryAtMs: -Infinity,
      };
    });
  }

  get count(): number {
    return this.#list.length;
  }

  /** Null: no replica could answer, ask the main server. `position` null: what was written last is not known, so none may. */
  async ask<T>(
    position: WritePosition | null,
    question: (asker: Asker) => Promise<T>,
  ): Promise<{ readonly answer: T } | null> {
    const replica = this.#list[this.#next++ % this.#list.length];
    if (replica === undefined) return null;
    if (position === null) {
      replica.fallbacks.behind.add(1);
      return null;
    }
    if (this.#options.monotonicMs() < replica.retryAtMs) {
      replica.fallbacks.away.add(1);
      return null;
    }
    try {
      const answer = await replica.sessions.withClient('asking a replica', async (client) => {
        const behind = await this.#lag(client, position);
        if (behind !== null) return { behind };
        return { answer: await question(makeAsker(client, replica.connection)) };
      });
      if ('behind' in answer) return this.#leave(replica, 'behind', answer.behind);
      this.#enter(replica, 'fresh', '');
      replica.reads.add(1);
      return answer;
    } catch (error) {
      replica.retryAtMs = this.#options.monotonicMs() + RETRY_MS;
      const found = error instanceof CoreCError ? String(error.details['found'] ?? error.message) : messageOf(error);
      return this.#leave(replica, 'away', found);
    }
  }

  /** For a person: empty when all is well. */
  describe(): string {
    const troubled = this.#list.filter(({ state }) => state !== 'fresh');
    return troubled.map(({ server, state, found }) => `replica ${server} is ${state} (${found})`).join(', ');
  }

  async close(): Promise<void> {
    await Promise.all(this.#list.map(({ sessions }) => sessions.close()));
  }

  /** What it lacks, in words; null when it has all (P1). */
  async #lag(client: pg.ClientBase, position: WritePosition): Promise<string | null> {
    const { rows } = await client.query<PositionRecord>({
      ...sql('replica-position'),
      values: [position.lsn, this.#options.instanceId],
    });
    const { standby, behind_bytes: behindBytes, epoca } = rows[0]!;
    if (standby && behindBytes !== null)
      return behindBytes === 0 ? null : `by ${formatBytes('en', behindBytes)} of log`;
    if (epoca !== null && epoca >= position.epoca) return null;
    return `it holds epoch ${epoca ?? 0} of ${position.epoca}`;
  }

  #leave(replica: Replica, state: 'behind' | 'away', found: string): null {
    replica.fallbacks[state].add(1);
    this.#enter(replica, state, found);
    return null;
  }

  /** P2. */
  #enter(replica: Replica, state: State, found: string): void {
    const before = replica.state;
    replica.state = state;
    replica.found = found;
    if (before === state) return;
    const { logger } = this.#options;
    if (state === 'fresh') logger.info(TAG, 'The replica answers questions again', { replica: replica.server });
    else logger.warn(TAG, `A replica is ${state}; the main server answers instead`, { replica: replica.server, found });
  }
}

interface PositionRecord {
  readonly standby: boolean;
  readonly behind_bytes: number | null;
  readonly epoca: number | null;
}

function makeAsker(client: pg.ClientBase, connection: PostgresConnection): Asker {
  return {
    async query<R extends pg.QueryResultRow>(operation: string, query: pg.QueryConfig): Promise<R[]> {
      try {
        return (await client.query<R>(query)).rows;
      } catch (error) {
        throw toStoreError(error, operation, connection);
      }
    },
  };
}
