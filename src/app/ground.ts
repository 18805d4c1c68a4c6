/**
 * What a start opens first: the data folder with its lock, the log, and PostgreSQL, which takes longest.
 *
 * Apart from compose.ts so that it loads little: the server starts in its own processes while the rest of CoreC is still being
 * loaded (on a first start, when its files are made, that saves a person about half a second).
 *
 * O1 What was opened is closed in reverse, also when a later step fails.
 * O2 A server that the configuration names is asked once before anything depends on it, so that what is wrong is told within
 *    seconds; with `waitMs` it is waited for (await-server.ts).
 */
import { openDataDir } from '#adapters/data-dir/data-dir.ts';
import { makeEmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { makeLogging, type Logging } from '#adapters/logging/logging.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import type { Idioma } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import { awaitServer, type ServerWait } from './await-server.ts';
import { addressOf, type DatabaseAddress } from './database-address.ts';

export interface GroundOptions {
  readonly config: CoreCConfig;
  readonly idioma: Idioma;
  /** Where log lines for people go; null: the file alone. */
  readonly terminal: NodeJS.WriteStream | null;
  readonly colour: boolean;
  /** How long a server that is away is waited for; default 0: not at all. */
  readonly waitMs?: number;
  /** Ends a wait. */
  readonly signal?: AbortSignal;
}

const NEVER = new AbortController().signal;

export class Ground {
  readonly clock: Clock = makeSystemClock();
  readonly #opened: (() => Promise<void> | void)[] = [];
  #dataDir = '';
  #logging: Logging | null = null;
  #wait: ServerWait | null = null;
  #database: Promise<DatabaseAddress> | null = null;

  /** Opens; the database is only begun. Errors: COREC_E_DATA_DIR_LOCKED, COREC_E_DATA_DIR_UNUSABLE, COREC_E_DISK_FULL. */
  static async open(options: GroundOptions): Promise<Ground> {
    const ground = new Ground();
    try {
      await ground.#open(options);
      return ground;
    } catch (error) {
      await ground.close().catch(() => {});
      throw error;
    }
  }

  get dataDir(): string {
    return this.#dataDir;
  }
  get logger(): Logger {
    return this.#logging!.logger;
  }
  /** The process ends by this error: its last line. */
  crashed(tag: string, text: string, error: unknown): void {
    this.#logging!.crashed(tag, text, error);
  }
  /** How servers are waited for at this start. */
  get wait(): ServerWait {
    return this.#wait!;
  }
  /**
   * Resolves when PostgreSQL can be asked. Errors: COREC_E_POSTGRES_BINARIES, COREC_E_POSTGRES_START; of a server of one's own
   * COREC_E_POSTGRES_UNREACHABLE and what else its door can answer.
   */
  get database(): Promise<DatabaseAddress> {
    return this.#database!;
  }

  /** Closed with the rest, before what was opened earlier. */
  closeWith(close: () => Promise<void> | void): void {
    this.#opened.push(close);
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#opened.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'closing failed');
  }

  async #open({ config, idioma, terminal, colour, waitMs = 0, signal = NEVER }: GroundOptions): Promise<void> {
    const { clock } = this;
    const dataDir = await openDataDir(config.data_dir, { instanceId: config.instance_id, nowMs: clock.nowMs() });
    this.#dataDir = dataDir.path;
    this.#opened.push(() => dataDir.release());
    const { ruta, nivel, max_mb, archivos } = config.logs;
    const logging = makeLogging({
      ruta,
      nivel,
      maxBytes: max_mb * 1_000_000,
      archivos,
      terminal,
      colour,
      // what goes to a file or a container's log is read on another day
      dated: terminal?.isTTY !== true,
      clock,
      idioma,
    });
    this.#logging = logging;
    this.#opened.push(() => logging.close());
    this.#wait = { forMs: waitMs, signal, clock, logger: logging.logger, idioma };
    this.#database = this.#begin(config, logging.logger);
    // whoever composes waits for it; until then a failure must not count as nobody's
    this.#database.catch(() => {});
  }

  /** The configured server, or our own in the data folder. */
  async #begin(config: CoreCConfig, logger: Logger): Promise<DatabaseAddress> {
    const db = config.db_config;
    if (db !== null) {
      const address = addressOf(db);
      // loaded here: who has no server of their own does not wait for it
      const { probePostgres } = await import('#adapters/postgres/probe.ts');
      const probe = (): Promise<void> => probePostgres({ connection: address, instanceId: config.instance_id });
      await awaitServer('PostgreSQL', probe, this.wait);
      return address;
    }
    const embedded = makeEmbeddedPostgres({ dataDir: config.data_dir, logger });
    const starting = embedded.start();
    this.#opened.push(async () => {
      // a server that is still being made must be there before it can be stopped
      await starting.catch(() => {});
      await embedded.stop();
    });
    await starting;
    return embedded.connection();
  }
}
