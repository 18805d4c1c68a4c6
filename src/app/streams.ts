/**
 * The streams that a configuration asks for: in your Redis with `redis_config`, else in the process.
 *
 * Owns which adapter stands behind the port, what the start does when Redis is not there, and the metrics of the connection.
 */
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import type { Meter } from '#ports/meter.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import { awaitServer, type ServerWait } from './await-server.ts';

const MAXLEN_DEFAULT = 100_000;

export interface StreamsOptions {
  readonly config: CoreCConfig;
  readonly wait: ServerWait;
  readonly meter: Meter;
  readonly random: () => number;
  readonly clock: ConstructorParameters<typeof MemoryBus>[0]['clock'];
  /** False: a command that looks at what is stored, or takes in a file, does not fail for want of Redis. */
  readonly isNeeded: boolean;
}

export interface OpenedStreams {
  readonly bus: StreamBus;
  /** Resolves when the server has answered. Errors: COREC_E_REDIS_... */
  readonly ready: Promise<void>;
}

/** The bus at once, so that others can be joined to it; its server is asked meanwhile. */
export async function openStreams(options: StreamsOptions): Promise<OpenedStreams> {
  const { config, wait, meter, random, clock, isNeeded } = options;
  const redis = config.redis_config;
  if (redis === null) return { bus: new MemoryBus({ clock, maxlen: MAXLEN_DEFAULT }), ready: Promise.resolve() };
  // loaded here: who has no Redis does not wait for its client
  const { RedisStreamsBus } = await import('#adapters/redis-streams/redis-streams-bus.ts');
  const bus = new RedisStreamsBus({ address: redis, clock, maxlen: redis.maxlen, name: config.instance_id, random });
  meter.observedGauge('corec_redis_up', 'Whether the connection to Redis stands', () => (bus.problem === null ? 1 : 0));
  meter.observedGauge('corec_redis_waiting_bytes', 'Bytes that wait to be appended in Redis', () => bus.waitingBytes);
  meter.observedGauge('corec_redis_refused_total', 'Entries that Redis did not take in time', () => bus.refused);
  const connect = async (): Promise<void> => {
    if (!(await bus.connect()) && bus.problem !== null) throw bus.problem;
  };
  const ready = isNeeded ? awaitServer('Redis', connect, wait) : connect().catch(() => {});
  // whoever composes waits for it; until then a failure must not count as nobody's
  ready.catch(() => {});
  return { bus, ready };
}
