/**
 * Streams that outlive the instance, as those of a Redis do: a world's one MemoryBus, and in front of it the connection of one life,
 * which is slow, breaks before or after what was asked of it has happened, and is away for a while.
 *
 * As the real client does, a read of a group whose answer was lost is given with the next read of the same consumer.
 */
import { CoreCError } from '#domain/errors.ts';
import type { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import type {
  Answered,
  AppendedOnce,
  BusHealth,
  Claimed,
  GroupOf,
  PendingSummary,
  StreamAnswer,
  StreamBus,
  StreamEntry,
  StreamFields,
} from '#ports/stream-bus.ts';
import type { Host } from '../sim/host.ts';

export class SimBus implements StreamBus {
  readonly isVolatile = false;
  readonly #server: MemoryBus;
  readonly #host: Host;
  readonly #closing = new AbortController();
  /** Calls without an answer yet. */
  readonly #asking = new Set<Promise<unknown>>();
  /** By stream and group: read, and lost on the way. */
  readonly #lost = new Map<string, readonly StreamEntry[]>();

  constructor(server: MemoryBus, host: Host) {
    this.#server = server;
    this.#host = host;
  }

  append(stream: string, fields: StreamFields): Promise<string> {
    return this.#call(`append ${stream}`, () => this.#told(stream, [fields], this.#server.append(stream, fields)));
  }

  appendAll(stream: string, list: readonly StreamFields[]): Promise<readonly string[]> {
    return this.#call(`appendAll ${stream}`, () => this.#told(stream, list, this.#server.appendAll(stream, list)));
  }

  appendOnce(stream: string, onceId: string, fields: StreamFields, ttlS: number): Promise<AppendedOnce> {
    return this.#call(`appendOnce ${stream}`, () =>
      this.#told(stream, [fields], this.#server.appendOnce(stream, onceId, fields, ttlS)),
    );
  }

  answerAll(
    stream: string,
    asked: GroupOf,
    answers: readonly StreamAnswer[],
    ttlS: number,
  ): Promise<readonly Answered[]> {
    const all = answers.map(({ fields }) => fields);
    return this.#call(`answerAll ${stream}`, async () => {
      // one server does both in one step, a cluster does not
      const group = this.#host.below(2) === 0 ? asked.group : '';
      const whole = this.#server.answerAll(stream, { ...asked, group }, answers, ttlS);
      const found = await this.#told(stream, all, whole);
      if (group === '') return found.map((one) => ({ ...one, acknowledged: false }));
      const done = answers.filter((_, k) => found[k]!.acknowledged).map(({ entry }) => entry);
      if (done.length > 0) this.#host.acknowledges(asked.stream, done);
      return found;
    });
  }

  async read(
    stream: string,
    afterId: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#isOver(signal)) return [];
    return this.#call(`read ${stream}`, () =>
      this.#waiting(signal, (until) => this.#server.read(stream, afterId, count, blockMs, until)),
    );
  }

  openGroup(stream: string, group: string, from: '0' | '$'): Promise<void> {
    return this.#call(`openGroup ${stream}`, () => this.#server.openGroup(stream, group, from));
  }

  async readGroup(
    stream: string,
    group: string,
    consumer: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#isOver(signal)) return [];
    const key = `${stream} ${group}`;
    let taken: readonly StreamEntry[] = [];
    try {
      const entries = await this.#call(`readGroup ${stream}`, async () => {
        const lost = this.#lost.get(key);
        this.#lost.delete(key);
        taken = lost ?? (await this.#take(stream, group, consumer, count, blockMs, signal));
        return taken;
      });
      // asked to stop meanwhile: whoever reads next is to have them
      return entries;
    } catch (error) {
      if (taken.length > 0) this.#lost.set(key, taken);
      throw error;
    }
  }

  ack(stream: string, group: string, ids: readonly string[]): Promise<number> {
    return this.#call(`ack ${stream}`, () => {
      this.#host.acknowledges(stream, ids);
      return this.#server.ack(stream, group, ids);
    });
  }

  claim(stream: string, group: string, consumer: string, minIdleMs: number, count: number): Promise<Claimed> {
    return this.#call(`claim ${stream}`, () => this.#server.claim(stream, group, consumer, minIdleMs, count));
  }

  pending(stream: string, group: string): Promise<PendingSummary> {
    return this.#call(`pending ${stream}`, () => this.#server.pending(stream, group));
  }

  length(stream: string): Promise<number> {
    return this.#call(`length ${stream}`, () => this.#server.length(stream));
  }

  health(): Promise<BusHealth> {
    const ok = !this.#host.busAway();
    return Promise.resolve({ ok, found: ok ? 'simulated' : 'it is away', version: null });
  }

  /** Ends what is under way, as a client does that leaves its connection. */
  async close(): Promise<void> {
    this.drop();
    while (this.#asking.size > 0) await Promise.allSettled(this.#asking);
  }

  /** The connection is gone, and with it whoever waits on it. */
  drop(): void {
    this.#closing.abort();
  }

  #take(
    stream: string,
    group: string,
    consumer: string,
    count: number,
    blockMs: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly StreamEntry[]> {
    return this.#waiting(signal, (until) => this.#server.readGroup(stream, group, consumer, count, blockMs, until));
  }

  async #told<T>(stream: string, list: readonly StreamFields[], appending: Promise<T>): Promise<T> {
    const result = await appending;
    this.#host.appended(stream, list);
    return result;
  }

  #isOver(signal: AbortSignal | undefined): boolean {
    return this.#closing.signal.aborted || signal?.aborted === true;
  }

  /** Ends a wait with the caller's signal or with the connection. */
  async #waiting<T>(signal: AbortSignal | undefined, wait: (until: AbortSignal) => Promise<T>): Promise<T> {
    const until = new AbortController();
    const end = (): void => until.abort();
    const signals = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    for (const one of signals) {
      if (one.aborted) until.abort();
      one.addEventListener('abort', end, { once: true });
    }
    try {
      return await wait(until.signal);
    } finally {
      for (const one of signals) one.removeEventListener('abort', end);
    }
  }

  #call<T>(what: string, act: () => Promise<T>): Promise<T> {
    const asking = this.#pass(what, act).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
    return asking;
  }

  async #pass<T>(what: string, act: () => Promise<T>): Promise<T> {
    const host = this.#host;
    if (this.#closing.signal.aborted) throw new CoreCError('COREC_E_STOPPING');
    await host.passage(`bus ${what}`, 'bus_slow');
    if (host.busAway()) throw away(what, 'it is away', 'no');
    if (host.mishap('bus_cut')) throw away(what, 'the connection died', 'unknown');
    const value = await act();
    await host.passage(`bus ${what} done`);
    if (host.mishap('bus_answer_lost')) {
      host.note(`bus connection dies after ${what}`);
      throw away(what, 'the connection died', 'unknown');
    }
    return value;
  }
}

function away(operation: string, found: string, written: 'no' | 'unknown'): CoreCError {
  return new CoreCError('COREC_E_REDIS_UNAVAILABLE', { server: 'simulated', operation, found, written });
}
