/**
 * Everything of a nucleus that speaks over streams: the door for commands, and what bloques publish.
 *
 * Owns their life and what they tell of themselves. Leaves alerts to their sink, sources of lecturas to intake.
 */
import type { Nucleus } from '../nucleus.ts';
import type { CommandDoor, CommandDoorStats, PluginCommandHandler } from './command-door.ts';
import { Publisher } from './publisher.ts';
import { StreamHealth } from './stream-health.ts';

const STOP_MS = 5000;
/** For a Redis that is away the store must not wait. */
const STOP_AWAY_MS = 500;

export class Streams {
  readonly health: StreamHealth;
  readonly publisher: Publisher;
  /** By plugin. */
  readonly handlers = new Map<string, PluginCommandHandler>();
  readonly #nucleus: Nucleus;
  #door: CommandDoor | null = null;

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
    const { clock, logger, say, deps } = nucleus;
    const key = { bloque: '', clave: 'redis', regla: 'streams_away' };
    this.health = new StreamHealth({
      clock,
      logger,
      say,
      describe: (error) => nucleus.describe(error),
      alert: (found) => {
        const nowMs = clock.nowMs();
        if (found === null) nucleus.avisos.close(key, nowMs);
        else nucleus.avisos.open(key, { razon: { codigo: 'streams_away', encontrado: found } }, nowMs);
      },
    });
    this.publisher = new Publisher({ bus: deps.bus, health: this.health, clock });
  }

  get stats(): CommandDoorStats | null {
    return this.#door?.stats ?? null;
  }

  /** Why commands or frames wait; empty when they do not. */
  get problems(): readonly string[] {
    const waiting = this.#door?.problem ?? '';
    const list = this.health.problems.map((problem) => `streams: ${problem}`);
    return waiting === '' ? list : [...list, `commands of streams wait: ${waiting}`];
  }

  /** Opens the door. `firstStart`: the store was empty. */
  async start(firstStart: boolean): Promise<void> {
    // only who runs as a whole needs the command table
    const [{ CommandDoor: Door }, { COMMANDS }] = await Promise.all([
      import('./command-door.ts'),
      import('../commands/table.ts'),
    ]);
    const n = this.#nucleus;
    const { config, clock, logger, say, deps } = n;
    const tell = (regla: string, stream: string, params: Readonly<Record<string, string | number>>): void => {
      const razon = { codigo: regla, stream, ...params };
      n.avisos.open({ bloque: '', clave: stream, regla }, { razon, passes: true }, clock.nowMs());
    };
    this.#door = new Door({
      bus: deps.bus,
      health: this.health,
      clock,
      logger,
      say,
      api: n.door,
      commands: COMMANDS,
      config: deps.configAccess,
      instanceId: config.instance_id,
      idioma: deps.idioma,
      consumer: `${config.instance_id}:${deps.pid}`,
      ttlS: config.redis_config?.ttl_idempotencia_s ?? TTL_S,
      durable: !deps.bus.isVolatile,
      firstStart,
      generation: () => n.comandos.committed + n.lotes.taken + (n.epochs?.committed ?? 0),
      plugin: (name) => this.handlers.get(name) ?? null,
      alertDead: (stream, cuenta, encontrado) => tell('dead_letters', stream, { cuenta, encontrado }),
      alertTrimmed: (stream, cuenta) => tell('streams_trimmed', stream, { cuenta }),
    });
    await this.#door.start();
  }

  /** Ends what is under way; what cannot be ended in time stays in the streams. */
  async stop(): Promise<void> {
    await this.#door?.stop(this.health.isAway ? STOP_AWAY_MS : STOP_MS);
  }

  /** Sends the frames of the last cycle. */
  async stopPublishing(): Promise<void> {
    await this.publisher.stop(this.health.isAway ? STOP_AWAY_MS : STOP_MS);
  }
}

/** As redis_config has it by default. */
const TTL_S = 86_400;
