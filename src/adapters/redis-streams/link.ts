/**
 * One connection that is kept: made, checked, and made again after every loss, with growing pauses.
 *
 * Owns the life of clients. Leaves what is sent, and what is sent again, to whoever uses it.
 *
 *   open --> trying --ready, asked for its version--> up --lost--> pause --> trying ...
 *              '--failed--> pause --> trying ...            close, from anywhere --> closed
 *
 * L1 What is under way when a connection breaks is rejected at once; nothing is sent again here.
 * L2 A server that cannot serve (too old, the wrong kind, a replica) never counts as up, but is asked again: it may be replaced.
 */
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { RedisClient } from './client.ts';
import { mayPass } from './redis-error.ts';
import { listOf, textOf, type Reply } from './reply.ts';

export interface LinkOptions {
  readonly make: () => RedisClient;
  /** Named in errors. */
  readonly server: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Asked of each new connection before it counts as up: throws what is amiss. */
  readonly probe?: (client: RedisClient) => Promise<void>;
  readonly onUp?: () => void;
  readonly onDown?: (reason: unknown) => void;
}

const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2000;
const VERSION_MIN = 7;

export class Link {
  readonly #options: LinkOptions;
  /** The client that is connected or connecting. */
  #client: RedisClient | null = null;
  #isUp = false;
  #isClosed = false;
  #failures = 0;
  #reason: unknown = null;
  #version: string | null = null;
  #cancelPause: (() => void) | null = null;
  /** Told at every end of a try and at close. */
  readonly #listeners = new Set<() => void>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** The client, while the connection is up. */
  get client(): RedisClient | null {
    return this.#isUp ? this.#client : null;
  }
  /** Why it is not up; the last reason known. */
  get reason(): unknown {
    return this.#reason;
  }
  get version(): string | null {
    return this.#version;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Begins; the first client is tried at once. */
  open(): this {
    if (this.#client === null && this.#cancelPause === null && !this.#isClosed) this.#try();
    return this;
  }

  /** Resolves with the end of the try under way: true when the connection is up. */
  async tried(): Promise<boolean> {
    if (!this.#isUp && !this.#isClosed) await this.#nextChange(Infinity);
    return this.#isUp;
  }

  /** The client as soon as the connection is up; null when it is not within `ms`, or at an abort or close. */
  async ready(ms: number, signal?: AbortSignal): Promise<RedisClient | null> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + ms;
    while (!this.#isUp && !this.#isClosed && signal?.aborted !== true) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return null;
      await this.#nextChange(leftMs, signal);
    }
    return signal?.aborted === true ? null : this.client;
  }

  /** Gives the connection up, as if it had been lost; what is under way is rejected. */
  drop(): void {
    this.#client?.disconnect();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isUp = false;
    this.#cancelPause?.();
    this.#client?.disconnect();
    this.#tell();
  }

  #try(): void {
    this.#cancelPause = null;
    const client = this.#options.make();
    this.#client = client;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.#ended();
    };
    // ioredis hides a refused password behind "Connection is closed": only this event has the server's words
    client.on('error', (error: unknown) => (this.#reason = error));
    client.on('node error', (error: unknown) => (this.#reason = error));
    client.once('end', end);
    client.connect().then(
      async () => {
        try {
          await this.#examine(client);
        } catch (error) {
          this.#reason = error;
          client.disconnect();
          return;
        }
        if (isOver || this.#isClosed) return;
        this.#isUp = true;
        this.#failures = 0;
        this.#reason = null;
        this.#options.onUp?.();
        this.#tell();
      },
      (error: unknown) => {
        this.#reason ??= error;
        // a client that could not connect ends by itself, but for a name that cannot be resolved in a cluster
        setImmediate(() => {
          if (!isOver && client.status !== 'end') client.disconnect();
          if (client.status === 'end') end();
        });
      },
    );
  }

  /** HELLO needs no right and says what stands at the other end. */
  async #examine(client: RedisClient): Promise<void> {
    const isCluster = client.isCluster;
    // a cluster is there as long as one of its nodes is
    const nodes = 'nodes' in client ? client.nodes('master') : [client];
    const { server } = this.#options;
    const expected = `${VERSION_MIN}.0`;
    let pairs: readonly Reply[];
    try {
      pairs = listOf((await Promise.any(nodes.map((node) => node.callBuffer('hello')))) as Reply);
    } catch (error) {
      const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
      if (!/^ERR unknown command/i.test(messageOf(first))) throw error;
      throw new CoreCError('COREC_E_REDIS_VERSION', { server, found: '5 or older (no HELLO)', expected }, first);
    }
    const hello = new Map<string, Reply>();
    for (let k = 0; k + 1 < pairs.length; k += 2) hello.set(textOf(pairs[k]), pairs[k + 1]!);
    const version = textOf(hello.get('version'));
    const mode = textOf(hello.get('mode'));
    if (Number.parseInt(version, 10) < VERSION_MIN) {
      throw new CoreCError('COREC_E_REDIS_VERSION', { server, found: version, expected });
    }
    if ((mode === 'cluster') !== isCluster) {
      throw new CoreCError(isCluster ? 'COREC_E_REDIS_SINGLE' : 'COREC_E_REDIS_CLUSTER', { server, found: mode });
    }
    try {
      await this.#options.probe?.(client);
    } catch (error) {
      // one node that is away is not the cluster
      if (!isCluster || !mayPass(error)) throw error;
    }
    this.#version = version;
  }

  #ended(): void {
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.#client = null;
    if (this.#isClosed) return;
    this.#reason ??= new Error('the connection was closed');
    this.#failures++;
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(10, this.#failures - 1));
    this.#cancelPause = this.#options.clock.after(pauseMs * (0.5 + this.#options.random() / 2), () => this.#try());
    if (wasUp) this.#options.onDown?.(this.#reason);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #nextChange(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancelTimer = Number.isFinite(ms) ? this.#options.clock.after(ms, resolve) : null;
    this.#listeners.add(resolve);
    const end = (): void => resolve();
    signal?.addEventListener('abort', end, { once: true });
    return promise.finally(() => {
      this.#listeners.delete(resolve);
      signal?.removeEventListener('abort', end);
      cancelTimer?.();
    });
  }
}
