/**
 * The client of one connection (or, on a cluster, of one connection a node), made anew for every try to connect.
 *
 * ioredis would reconnect and send again by itself. It must not: with `autoResendUnfulfilledCommands: false` it leaves what was under
 * way without an answer for ever, and with `true` it doubles what the server had done already. So a client lives as long as its
 * connection (`retryStrategy: null`): what is under way when it breaks is rejected, and whoever sent it decides.
 *
 * Inside a cluster a command is sent again by ioredis when its node is gone; everything this adapter sends bears that.
 */
import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  /** An object: with these authorities instead of the machine's. */
  readonly tls: boolean | { readonly ca: string | Buffer };
  /** Nodes of a cluster to ask first; empty: `host` and `port` are one server. */
  readonly cluster: readonly { readonly host: string; readonly port: number }[];
}

/** Looks in a row at a connection that says nothing: the first is up to a look's time after the question. */
const SILENT_LOOKS = 4;

export interface ClientOptions {
  /** Shown by CLIENT LIST. */
  readonly name: string;
  readonly connectMs: number;
  /** A connection that owes an answer for so long is given up. */
  readonly silentMs: number;
}

export function makeClient(address: RedisAddress, { name, connectMs, silentMs }: ClientOptions): RedisClient {
  const common = {
    connectionName: name,
    connectTimeout: connectMs,
    // Buffers end to end; RESP3 gains nothing here (ADR 0030).
    protocol: 2 as const,
    // INFO is a right that a user for streams need not have; LOADING is an answer like others.
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: null,
    lazyConnect: true,
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    ...(address.tls === false ? {} : { tls: address.tls === true ? {} : { ca: address.tls.ca } }),
  };
  if (address.cluster.length === 0) {
    const { host, port } = address;
    const redis = new Redis({ ...common, host, port, retryStrategy: null, enableOfflineQueue: false });
    redis.once('connect', () => watchSilence(redis, silentMs));
    return redis;
  }
  return new Cluster(
    address.cluster.map(({ host, port }) => ({ host, port })),
    {
      lazyConnect: true,
      enableReadyCheck: false,
      clusterRetryStrategy: null,
      slotsRefreshTimeout: connectMs,
      redisOptions: { ...common, socketTimeout: silentMs },
    },
  );
}

/**
 * Gives a connection up that owes an answer and has said nothing for `silentMs` (up to a quarter more). ioredis's own `socketTimeout`
 * sets and clears a timer and a listener at every answer, a twentieth of what a small command costs; this looks a few times instead.
 */
function watchSilence(redis: Redis, silentMs: number): void {
  const { stream } = redis;
  let heard = -1;
  let silentLooks = 0;
  const timer = setInterval(() => {
    const isSilent = redis.commandQueue.length > 0 && stream.bytesRead === heard;
    heard = redis.commandQueue.length > 0 ? stream.bytesRead : -1;
    silentLooks = isSilent ? silentLooks + 1 : 0;
    if (silentLooks >= SILENT_LOOKS) stream.destroy(new Error(`no answer within ${silentMs} ms`));
  }, silentMs / SILENT_LOOKS);
  redis.once('close', () => clearInterval(timer));
}

/** How the server is called in errors and logs. */
export function nameOf(address: RedisAddress): string {
  const { cluster, host, port } = address;
  return cluster.length === 0 ? `${host}:${port}` : cluster.map((node) => `${node.host}:${node.port}`).join(',');
}
