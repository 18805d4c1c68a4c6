/**
 * Streams in Redis: one server or a cluster, 7.0 or newer.
 *
 * Owns the commands and what they mean for the port. Leaves connections to link.ts, appends under way to appender.ts, waiting reads
 * to readers.ts, the reading of errors to redis-error.ts.
 *
 *   append, appendAll --> appender --MULTI--.
 *   appendOnce, answerAll, ack, claim ... ---+--> one connection (one a node of a cluster)
 *   read, readGroup that wait --> readers ------> a connection each
 *
 * R1 An append that was answered is in, once: what is sent again is told from what is new by the server (batch.ts).
 * R2 Everything else that is sent may be sent twice: it is asked again after a lost connection, until `callMs` are over.
 * R3 What a read of a group took and whose answer was lost is asked for before anything new: it is pending for this consumer, behind
 *    what the consumer has had. So a consumer reads one read at a time.
 * R4 A group that the server has lost (emptied, replaced) is made again where it had come to; entries of a new stream come all.
 */
import { randomUUID } from 'node:crypto';
import { CoreCError } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import { assertStreamId, compareStreamIds, parseStreamId } from '#domain/stream-id.ts';
import { assertFieldsCount, assertOnceId, STREAMS } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type {
  Answered,
  AppendedOnce,
  BusHealth,
  Claimed,
  ClaimedEntry,
  GroupOf,
  PendingSummary,
  StreamAnswer,
  StreamBus,
  StreamEntry,
  StreamFields,
} from '#ports/stream-bus.ts';
import { Appender } from './appender.ts';
import { probeRights } from './batch.ts';
import { makeClient, nameOf, type RedisAddress, type RedisClient } from './client.ts';
import { appendsKey, onceKey } from './keys.ts';
import { send } from './encoded.ts';
import { Link, type LinkOptions } from './link.ts';
import { Readers } from './readers.ts';
import { foundOf, isOfReplica, mayPass, replyCode, toCoreCError, type Attempt } from './redis-error.ts';
import { entriesOf, listOf, numberOf, streamEntriesOf, textOf, type Reply } from './reply.ts';
import { SCRIPTS } from './scripts.ts';

export interface RedisStreamsOptions {
  readonly address: RedisAddress;
  readonly clock: Clock;
  /** Entries kept of a stream, about. */
  readonly maxlen: number;
  /** Shown in CLIENT LIST as `corec:<name>`. */
  readonly name?: string;
  /** 0 .. 1, so that those who lost one server do not all come back in the same moment. */
  readonly random?: () => number;
  /** The connection for writing came back, or was lost for this reason. */
  readonly onState?: (isUp: boolean, found: string) => void;
  readonly appendBytesMax?: number;
  readonly appendMs?: number;
  readonly callMs?: number;
  readonly silentMs?: number;
  readonly readersMax?: number;
}

/** What waits to be written while Redis is away or slow: three seconds of full speed, a small part of the 2 GB machine. */
const APPEND_BYTES_MAX = 32 * MIB;
/** A cluster has a new master within 4 s of losing one; an append outlives that, and then says that it did not get through. */
const APPEND_MS = 10_000;
const CALL_MS = 5000;
const CONNECT_MS = 3000;
/** A server that owes an answer for so long is taken for gone. */
const SILENT_MS = 5000;
const READERS_MAX = 64;
const HEALTH_MS = 1500;
const CLOSE_MS = 2000;
const PAUSE_MS = 50;
/** Entries of one script: the server does nothing else meanwhile. */
const ONCE_ENTRIES = 128;
const ACK_MAX = 1000;

interface KnownGroup {
  readonly stream: string;
  readonly group: string;
  /** Up to where it was delivered, as far as this process knows. */
  deliveredId: string;
}

/** How far a consumer has come in a group. */
interface Place {
  /** The newest entry that reached it. */
  afterId: string;
  /** A read was asked whose answer has not come: R3. */
  isUnsure: boolean;
}

export class RedisStreamsBus implements StreamBus {
  readonly isVolatile = false;
  readonly #options: RedisStreamsOptions;
  readonly #link: Link;
  readonly #appender: Appender;
  readonly #readers: Readers;
  readonly #groups = new Map<string, KnownGroup>();
  readonly #places = new Map<string, Place>();
  readonly #closing = new AbortController();
  readonly #senderId = randomUUID();
  /** Scripts sent so far: with the sender's id they tell one from every other. */
  #tokens = 0;
  #closed: Promise<void> | null = null;

  constructor(options: RedisStreamsOptions) {
    this.#options = options;
    const { address, clock, maxlen, random = Math.random } = options;
    const silentMs = options.silentMs ?? SILENT_MS;
    const makeLink = (part: string, ms: number, told: Pick<LinkOptions, 'probe' | 'onUp' | 'onDown'>): Link =>
      new Link({
        make: () =>
          makeClient(address, {
            name: `corec:${options.name ?? 'streams'}:${part}`,
            connectMs: CONNECT_MS,
            silentMs: ms,
          }),
        server: nameOf(address),
        clock,
        random,
        ...told,
      });
    const senderId = this.#senderId;
    this.#link = makeLink('write', silentMs, {
      // a right that is missing is told at the start, not by the first alert
      probe: (client) => probeRights(client, STREAMS.alerts, appendsKey(STREAMS.alerts, senderId)),
      onUp: () => {
        options.onState?.(true, '');
        this.#appender.resume();
      },
      onDown: (reason) => options.onState?.(false, foundOf(reason)),
    });
    this.#appender = new Appender({
      link: this.#link,
      clock,
      senderId,
      maxlen,
      windowMax: address.cluster.length === 0 ? 2 : 1,
      bytesMax: options.appendBytesMax ?? APPEND_BYTES_MAX,
      giveUpMs: options.appendMs ?? APPEND_MS,
      describe: (error, attempt) => this.#describe(error, attempt),
    });
    this.#readers = new Readers({
      makeLink: () => makeLink('read', 2 * silentMs, {}),
      clock,
      readersMax: options.readersMax ?? READERS_MAX,
      sliceMs: silentMs,
      closing: this.#closing.signal,
    });
  }

  /**
   * Connects; true when the first try did. When it did not, `problem` says why, and it is tried again in the background until
   * `close`: `connected` waits for that.
   */
  async connect(): Promise<boolean> {
    return await this.#link.open().tried();
  }

  /** Resolves when the connection is up; false when it is not within `ms`. */
  async connected(ms: number, signal?: AbortSignal): Promise<boolean> {
    return (await this.#link.ready(ms, signal)) !== null;
  }

  /** Why there is no connection just now. */
  get problem(): CoreCError | null {
    return this.#link.client === null ? this.#describe(this.#link.reason, { operation: 'connect' }) : null;
  }

  /** Entries that could not be appended, since the start. */
  get refused(): number {
    return this.#appender.refused;
  }
  /** Bytes that wait to be appended. */
  get waitingBytes(): number {
    return this.#appender.bytes;
  }

  async append(stream: string, fields: StreamFields): Promise<string> {
    this.#assertOpen();
    const [id] = await this.#appender.append(stream, [fields]);
    return id!;
  }

  async appendAll(stream: string, list: readonly StreamFields[]): Promise<readonly string[]> {
    this.#assertOpen();
    return await this.#appender.append(stream, list);
  }

  async appendOnce(stream: string, onceId: string, fields: StreamFields, ttlS: number): Promise<AppendedOnce> {
    const [only] = await this.#appendOnce(stream, null, [{ onceId, fields, entry: '' }], ttlS);
    return { id: only!.id, first: only!.first };
  }

  async answerAll(
    stream: string,
    asked: GroupOf,
    answers: readonly StreamAnswer[],
    ttlS: number,
  ): Promise<readonly Answered[]> {
    for (const { entry } of answers) assertStreamId(entry, 'answer');
    // of a cluster two streams lie on two nodes
    return await this.#appendOnce(stream, this.#options.address.cluster.length === 0 ? asked : null, answers, ttlS);
  }

  async #appendOnce(
    stream: string,
    asked: GroupOf | null,
    list: readonly StreamAnswer[],
    ttlS: number,
  ): Promise<readonly Answered[]> {
    this.#assertOpen();
    for (const { onceId, fields } of list) {
      assertOnceId(onceId);
      assertFieldsCount(Object.keys(fields).length);
    }
    const answered: Answered[] = [];
    const prefix = onceKey(stream, '');
    const ttlMs = String(Math.max(1, Math.ceil(ttlS * 1000)));
    while (answered.length < list.length) {
      const from = answered.length;
      const to = Math.min(list.length, from + ONCE_ENTRIES);
      const token = `${this.#senderId}.${(this.#tokens++).toString(36)}`;
      const args: (string | Buffer)[] = [SCRIPTS.appendOnce, String(1 + to - from + (asked === null ? 0 : 1)), stream];
      for (let k = from; k < to; k++) args.push(prefix + list[k]!.onceId);
      if (asked !== null) args.push(asked.stream);
      args.push(token, ttlMs, String(this.#options.maxlen), asked?.group ?? '');
      for (let k = from; k < to; k++) pushAnswer(args, list[k]!);
      const reply = listOf(
        await this.#call({ operation: 'XADD', stream }, 'eval', args, this.#options.appendMs ?? APPEND_MS),
      );
      const isAcknowledged = reply[to - from] === 1;
      for (let k = 0; k < to - from; k++) {
        const text = textOf(reply[k]);
        const space = text.indexOf(' ');
        const first = text.slice(space + 1) === `${token}:${k}`;
        answered.push({ id: text.slice(0, space), first, acknowledged: first && isAcknowledged });
      }
    }
    return answered;
  }

  async read(
    stream: string,
    afterId: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#closing.signal.aborted || signal?.aborted === true) return [];
    if (afterId !== '$') parseStreamId(afterId, 'stream read');
    if (count < 1 || (afterId === '$' && blockMs <= 0)) return [];
    const attempt: Attempt = { operation: 'XREAD', stream };
    // `$` asked for in slices would miss what comes between two of them
    const after = afterId === '$' ? await this.#topId(stream) : afterId;
    const args = (ms: number | null): string[] => [
      'COUNT',
      String(count),
      ...(ms === null ? [] : ['BLOCK', String(ms)]),
      'STREAMS',
      stream,
      after,
    ];
    if (blockMs <= 0) return streamEntriesOf(await this.#orNone(this.#call(attempt, 'xread', args(null))));
    return streamEntriesOf(await this.#wait(attempt, blockMs, signal, (client, ms) => send(client, 'xread', args(ms))));
  }

  async openGroup(stream: string, group: string, from: '0' | '$'): Promise<void> {
    this.#assertOpen();
    await this.#makeGroup(stream, group, from);
    const deliveredId = from === '$' ? await this.#topId(stream) : '0-0';
    const key = keyOf(stream, group);
    if (!this.#groups.has(key)) this.#groups.set(key, { stream, group, deliveredId });
  }

  async readGroup(
    stream: string,
    group: string,
    consumer: string,
    count: number,
    blockMs: number,
    signal?: AbortSignal,
  ): Promise<readonly StreamEntry[]> {
    if (this.#closing.signal.aborted || signal?.aborted === true || count < 1) return [];
    const attempt: Attempt = { operation: 'XREADGROUP', stream };
    const args = (ms: number | null, afterId: string): string[] => [
      'GROUP',
      group,
      consumer,
      'COUNT',
      String(count),
      ...(ms === null ? [] : ['BLOCK', String(ms)]),
      'STREAMS',
      stream,
      afterId,
    ];
    const place = this.#placeOf(stream, group, consumer);
    let isRest = false;
    const askNew = (client: RedisClient, ms: number | null): Promise<Reply> => {
      place.isUnsure = true;
      return send(client, 'xreadgroup', args(ms, '>'));
    };
    const askUnsure = async (client: RedisClient, ms: number | null): Promise<Reply> => {
      const rest = await send(client, 'xreadgroup', args(null, place.afterId));
      isRest = streamEntriesOf(rest).length > 0;
      return isRest ? rest : await askNew(client, ms);
    };
    const ask = (client: RedisClient, ms: number | null): Promise<Reply> =>
      place.isUnsure ? askUnsure(client, ms) : askNew(client, ms);
    const entries = await this.#inGroup(stream, group, async () =>
      streamEntriesOf(
        blockMs <= 0
          ? await this.#orNone(this.#callBy(attempt, (client) => ask(client, null)))
          : await this.#wait(attempt, blockMs, signal, ask),
      ),
    );
    if (entries.length === 0) {
      // a wait that was ended may have left an answer on its way
      if (!isAborted(signal) && !this.#closing.signal.aborted) place.isUnsure = false;
      return entries;
    }
    place.afterId = entries.at(-1)!.id;
    // there may be more of it
    place.isUnsure = isRest;
    const known = this.#groups.get(keyOf(stream, group));
    if (known !== undefined) known.deliveredId = place.afterId;
    return entries;
  }

  #placeOf(stream: string, group: string, consumer: string): Place {
    const key = keyOf(stream, group, consumer);
    let place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, (place = { afterId: '0-0', isUnsure: false }));
    return place;
  }

  async ack(stream: string, group: string, ids: readonly string[]): Promise<number> {
    this.#assertOpen();
    for (const id of ids) assertStreamId(id, 'ack');
    let count = 0;
    for (let at = 0; at < ids.length; at += ACK_MAX) {
      const some = ids.slice(at, at + ACK_MAX);
      count += numberOf(await this.#call({ operation: 'XACK', stream }, 'xack', [stream, group, ...some]));
    }
    return count;
  }

  async claim(stream: string, group: string, consumer: string, minIdleMs: number, count: number): Promise<Claimed> {
    this.#assertOpen();
    return await this.#inGroup(stream, group, async () => {
      const found: StreamEntry[] = [];
      const trimmed: string[] = [];
      let cursor = '0-0';
      do {
        const left = count - found.length - trimmed.length;
        if (left <= 0) break;
        const args = [stream, group, consumer, String(minIdleMs), cursor, 'COUNT', String(left)];
        const reply = listOf(await this.#call({ operation: 'XAUTOCLAIM', stream }, 'xautoclaim', args));
        cursor = textOf(reply[0]);
        found.push(...entriesOf(reply[1]));
        trimmed.push(...listOf(reply[2]).map(textOf));
      } while (cursor !== '0-0');
      const entries = await Promise.all(found.map((entry) => this.#withDeliveries(stream, group, entry)));
      return { entries, trimmed };
    });
  }

  async pending(stream: string, group: string): Promise<PendingSummary> {
    this.#assertOpen();
    return await this.#inGroup(stream, group, async () => {
      const attempt: Attempt = { operation: 'XPENDING', stream };
      const count = numberOf(listOf(await this.#call(attempt, 'xpending', [stream, group]))[0]);
      if (count === 0) return { count, oldestMs: null };
      const [oldest] = listOf(await this.#call(attempt, 'xpending', [stream, group, '-', '+', '1']));
      // acknowledged meanwhile by somebody else
      return { count, oldestMs: oldest === undefined ? null : numberOf(listOf(oldest)[2]) };
    });
  }

  async length(stream: string): Promise<number> {
    this.#assertOpen();
    return numberOf(await this.#call({ operation: 'XLEN', stream }, 'xlen', [stream]));
  }

  async health(): Promise<BusHealth> {
    const { version, client } = this.#link;
    if (this.#closing.signal.aborted) return { ok: false, found: 'closed', version };
    if (client === null) return { ok: false, found: foundOf(this.#link.reason), version };
    const stuck = this.#appender.problem;
    if (stuck !== null) return { ok: false, found: foundOf(stuck), version };
    const late = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(HEALTH_MS, () =>
      late.reject(new Error(`no answer within ${HEALTH_MS} ms`)),
    );
    try {
      await Promise.race([send(client, 'xlen', [STREAMS.alerts]), late.promise]);
      return { ok: true, found: `Redis ${version ?? ''} at ${nameOf(this.#options.address)}`, version };
    } catch (error) {
      return { ok: false, found: foundOf(error), version };
    } finally {
      cancel();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#readers.close();
    await this.#appender.finish(CLOSE_MS);
    this.#link.close();
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new CoreCError('COREC_E_STOPPING');
  }

  #describe(error: unknown, attempt: Attempt): CoreCError {
    return toCoreCError(error, this.#options.address, attempt);
  }

  /** Sends a command that may be sent twice, again until it is answered (R2). */
  #call(attempt: Attempt, command: string, args: readonly (string | Buffer)[], withinMs?: number): Promise<Reply> {
    return this.#callBy(attempt, (client) => send(client, command, args), withinMs);
  }

  async #callBy(
    attempt: Attempt,
    ask: (client: RedisClient) => Promise<Reply>,
    withinMs: number = this.#options.callMs ?? CALL_MS,
  ): Promise<Reply> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + withinMs;
    for (;;) {
      const client = this.#link.client ?? (await this.#link.ready(endMs - clock.monotonicMs()));
      if (client === null) {
        this.#assertUp();
        throw this.#describe(this.#link.reason, attempt);
      }
      try {
        return await ask(client);
      } catch (error) {
        this.#assertUp();
        if (isOfReplica(error)) this.#link.drop();
        if (!mayPass(error) || clock.monotonicMs() + PAUSE_MS >= endMs) throw this.#describe(error, attempt);
        await this.#pause(PAUSE_MS);
      }
    }
  }

  /** A call that the end of the bus answers with nothing. */
  async #orNone(call: Promise<Reply>): Promise<Reply> {
    try {
      return await call;
    } catch (error) {
      if (this.#closing.signal.aborted) return null;
      throw error;
    }
  }

  async #wait(
    attempt: Attempt,
    blockMs: number,
    signal: AbortSignal | undefined,
    ask: (client: RedisClient, sliceMs: number) => Promise<Reply>,
  ): Promise<Reply> {
    try {
      return await this.#readers.wait(blockMs, signal, ask);
    } catch (error) {
      throw error instanceof CoreCError || replyCode(error) === 'NOGROUP' ? error : this.#describe(error, attempt);
    }
  }

  /** The link is closed last of all: a call that is still waiting then was cut by it. */
  #assertUp(): void {
    if (this.#link.isClosed) throw new CoreCError('COREC_E_STOPPING');
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#options.clock.after(ms, resolve);
    await promise;
  }

  /** Id of the newest entry; 0-0 when there is none. */
  async #topId(stream: string): Promise<string> {
    const reply = await this.#call({ operation: 'XREVRANGE', stream }, 'xrevrange', [stream, '+', '-', 'COUNT', '1']);
    return entriesOf(reply)[0]?.id ?? '0-0';
  }

  async #makeGroup(stream: string, group: string, from: string): Promise<void> {
    try {
      await this.#call({ operation: 'XGROUP CREATE', stream }, 'xgroup', ['CREATE', stream, group, from, 'MKSTREAM']);
    } catch (error) {
      if (!(error instanceof CoreCError) || replyCode(error.cause) !== 'BUSYGROUP') throw error;
    }
  }

  /** Does `work`; when the server has lost the group, makes it again (R4) and does it once more. */
  async #inGroup<T>(stream: string, group: string, work: () => Promise<T>): Promise<T> {
    const isLost = (error: unknown): boolean =>
      replyCode(error instanceof CoreCError ? error.cause : error) === 'NOGROUP';
    try {
      return await work();
    } catch (error) {
      if (!isLost(error)) throw error;
      const known = this.#groups.get(keyOf(stream, group));
      if (known === undefined) {
        throw new CoreCError(
          'COREC_E_NOT_FOUND',
          { what: `group of ${stream}`, found: group, hint: 'openGroup makes it.' },
          error,
        );
      }
      const top = parseStreamId(await this.#topId(stream), 'readGroup');
      const isNewStream = compareStreamIds(top, parseStreamId(known.deliveredId, 'readGroup')) < 0;
      if (isNewStream) known.deliveredId = '0-0';
      await this.#makeGroup(stream, group, known.deliveredId);
      return await work();
    }
  }

  async #withDeliveries(stream: string, group: string, entry: StreamEntry): Promise<ClaimedEntry> {
    const args = [stream, group, entry.id, entry.id, '1'];
    const [row] = listOf(await this.#call({ operation: 'XPENDING', stream }, 'xpending', args));
    // no longer pending: acknowledged by somebody who was given it as well; this was at least the second delivery
    return { ...entry, deliveries: row === undefined ? 2 : numberOf(listOf(row)[3]) };
  }
}

/** The entry that it answers, count of fields, then field, value ... */
function pushAnswer(args: (string | Buffer)[], { entry, fields }: StreamAnswer): void {
  const names = Object.keys(fields);
  args.push(entry, String(names.length));
  for (const name of names) {
    const value = fields[name]!;
    args.push(name, typeof value === 'string' ? value : Buffer.from(value));
  }
}

/** No two lists of names give the same: each but the last says how long it is. */
const keyOf = (stream: string, group: string, consumer = ''): string =>
  `${stream.length},${group.length},${stream}${group}${consumer}`;

/** Asked by a call, since a signal that was looked at before may have been raised meanwhile. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
