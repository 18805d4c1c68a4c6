/**
 * Answers on their way into corec_responses, and the acknowledgements of what they answer.
 *
 * Owns their order, batches and tries, and what a command that came twice is told. Leaves making them to the door.
 *
 *   push -> [ waiting ] -> appended once, and acknowledged in the same step where the streams can
 *                            |  where they cannot: -> [ to acknowledge ] -> acknowledged, in batches
 *                            `-> there was one: of this very entry: done; of an earlier entry: told again, marked as repeated
 *
 * W1 An entry is acknowledged with its answer or after it is in, never before; a second answer to the same entry is never appended.
 * W2 Nothing is dropped while the streams are away: what waits is bounded by what the door has under way.
 */
import { formatStreamId, parseStreamId } from '#domain/stream-id.ts';
import { STREAMS } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type { AppendedOnce, StreamBus } from '#ports/stream-bus.ts';
import { repeatedAnswer } from './envelope.ts';
import type { StreamHealth } from './stream-health.ts';

/** Answers in one append: as many as Redis takes in one script. */
const BATCH_MAX = 128;
const BATCH_BYTES = 1024 * 1024;
/** Appends under way at a time; another one begins only for a full batch, so that few answers gather behind the one that is under way. */
const APPENDS_MAX = 4;
/** Entries in one acknowledgement. */
const ACKS_MAX = 512;
/** Acknowledging is not urgent: an entry that comes again is known. So few of them wait a little, for company or for answers to go along with. */
const ACK_SOON = 256;
const ACK_WITHIN_MS = 20;
const ACKNOWLEDGING = `${STREAMS.commands}, acknowledging`;

export interface Answer {
  /** The entry that it answers. */
  readonly entry: string;
  /** Under which it is appended once. */
  readonly onceId: string;
  readonly ttlS: number;
  readonly text: string;
}

export interface AnswersDeps {
  readonly bus: StreamBus;
  readonly health: StreamHealth;
  readonly clock: Clock;
  readonly group: string;
  /** False: the streams go with the process, and an id need not be remembered in them. */
  readonly durable: boolean;
  /** The entry is answered and acknowledged. */
  readonly done: (entries: readonly string[]) => void;
}

export class Answers {
  /** Appended, and told again because their id had come before. */
  sent = 0;
  repeated = 0;
  /** Bytes that wait. */
  bytes = 0;

  readonly #deps: AnswersDeps;
  readonly #stop = new AbortController();
  #waiting: Answer[] = [];
  #isFlushing = false;
  #isHeld = false;
  #appends = 0;
  #acks: string[] = [];
  /** When the first of them came. */
  #acksSinceMs = 0;
  #isAcknowledging = false;
  #cancelAck: (() => void) | null = null;
  #roomWaiters: (() => void)[] = [];

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  push(answer: Answer): void {
    this.#waiting.push(answer);
    this.bytes += answer.text.length;
    if (!this.#isHeld) void this.#flushSoon();
  }

  /** More answers come in this turn: they wait for each other, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** `isWhole`: none of them is still to come. */
  release(isWhole: boolean): void {
    this.#isHeld = false;
    if (isWhole) this.#flush();
    else void this.#flushSoon();
  }

  /** Acknowledges an entry: that it was answered, or gets no answer. */
  acknowledge(entry: string): void {
    if (this.#acks.length === 0) this.#acksSinceMs = this.#deps.clock.monotonicMs();
    this.#acks.push(entry);
    if (this.#acks.length >= ACK_SOON) this.#acknowledgeNow();
    this.#cancelAck ??= this.#deps.clock.after(ACK_WITHIN_MS, () => this.#acknowledgeLate());
  }

  /** Resolves when less than `bytesMax` wait, or when nothing is sent any more; null: less do. */
  room(bytesMax: number): Promise<void> | null {
    return this.bytes > bytesMax ? this.#room(bytesMax) : null;
  }

  async #room(bytesMax: number): Promise<void> {
    while (this.bytes > bytesMax && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** Tries no more: what is not answered stays pending in the stream. */
  stop(): void {
    this.#stop.abort();
    this.#cancelAck?.();
    this.#wakeRoom();
  }

  /** Whoever answers in the same turn goes along: an append costs more than the answers in it. */
  async #flushSoon(): Promise<void> {
    if (this.#isFlushing || this.#appends >= APPENDS_MAX) return;
    this.#isFlushing = true;
    await this.#deps.clock.yieldToIo();
    this.#isFlushing = false;
    if (!this.#isHeld) this.#flush();
  }

  #flush(): void {
    // what was appended before is acknowledged in the same write
    this.#acknowledgeNow();
    while (this.#waiting.length >= (this.#appends === 0 ? 1 : BATCH_MAX) && this.#appends < APPENDS_MAX) {
      if (this.#stop.signal.aborted) return;
      void this.#send(this.#takeBatch());
    }
  }

  async #send(batch: readonly Answer[]): Promise<void> {
    this.#appends++;
    const left = await this.#append(batch);
    this.#appends--;
    if (left === null) return;
    for (const { text } of batch) this.bytes -= text.length;
    for (const entry of left) this.acknowledge(entry);
    this.#wakeRoom();
    if (this.#waiting.length > 0) void this.#flushSoon();
  }

  /** The first of what waits that share a time to be remembered. */
  #takeBatch(): Answer[] {
    const { ttlS } = this.#waiting[0]!;
    let bytes = 0;
    let k = 0;
    while (k < this.#waiting.length && k < BATCH_MAX && bytes < BATCH_BYTES) {
      const answer = this.#waiting[k]!;
      if (answer.ttlS !== ttlS) break;
      bytes += answer.text.length;
      k++;
    }
    return this.#waiting.splice(0, k);
  }

  /** Entries that are still to be acknowledged; null: nothing is tried any more. */
  async #append(batch: readonly Answer[]): Promise<readonly string[] | null> {
    const { bus, durable, group, done } = this.#deps;
    if (!durable) {
      const fields = batch.map(({ text }) => ({ data: text }));
      const ids = await this.#try(STREAMS.responses, () => bus.appendAll(STREAMS.responses, fields));
      if (ids === null) return null;
      this.sent += batch.length;
      return batch.map(({ entry }) => entry);
    }
    const asked = { stream: STREAMS.commands, group };
    const list = batch.map(({ onceId, text, entry }) => ({ onceId, fields: { data: text }, entry }));
    const answered = await this.#try(STREAMS.responses, () =>
      bus.answerAll(STREAMS.responses, asked, list, batch[0]!.ttlS),
    );
    if (answered === null) return null;
    const acknowledged: string[] = [];
    const left: string[] = [];
    for (const [k, { first, acknowledged: isDone }] of answered.entries()) {
      if (first) this.sent++;
      (isDone ? acknowledged : left).push(batch[k]!.entry);
    }
    if (acknowledged.length > 0) done(acknowledged);
    for (const [k, one] of answered.entries()) {
      if (!one.first && !(await this.#repeat(batch[k]!, one))) return null;
    }
    return left;
  }

  /** Its id had an answer before: that of this entry, delivered again, or that of an earlier one. */
  async #repeat(answer: Answer, { id }: AppendedOnce): Promise<boolean> {
    const { bus } = this.#deps;
    const entries = await this.#try(STREAMS.responses, () => bus.read(STREAMS.responses, idBefore(id), 1, 0));
    if (entries === null) return false;
    const [first] = entries;
    const known = first?.id === id ? first.fields['data'] : undefined;
    // trimmed away: then this one is as good
    const text = known === undefined ? repeatedAnswer(answer.text, '') : repeatedAnswer(known, answer.entry);
    if (text === null) return true;
    const onceId = `${answer.onceId}@${answer.entry}`;
    const appended = await this.#try(STREAMS.responses, () =>
      bus.appendOnce(STREAMS.responses, onceId, { data: text }, answer.ttlS),
    );
    if (appended === null) return false;
    if (appended.first) this.repeated++;
    return true;
  }

  /** One timer for many: most have gone along with answers by the time it is due. */
  #acknowledgeLate(): void {
    const { clock } = this.#deps;
    this.#cancelAck = null;
    if (this.#acks.length === 0) return;
    const leftMs = this.#acksSinceMs + ACK_WITHIN_MS - clock.monotonicMs();
    if (leftMs <= 0) this.#acknowledgeNow();
    else this.#cancelAck = clock.after(leftMs, () => this.#acknowledgeLate());
  }

  #acknowledgeNow(): void {
    if (this.#acks.length > 0 && !this.#isAcknowledging) void this.#acknowledge();
  }

  async #acknowledge(): Promise<void> {
    this.#isAcknowledging = true;
    const { bus, clock, group, done } = this.#deps;
    do {
      const ids = this.#acks.splice(0, ACKS_MAX);
      if ((await this.#try(ACKNOWLEDGING, () => bus.ack(STREAMS.commands, group, ids))) === null) break;
      done(ids);
    } while (this.#acks.length >= ACK_SOON);
    this.#isAcknowledging = false;
    // those that came meanwhile may have been let down by the timer
    if (this.#acks.length > 0 && !this.#stop.signal.aborted) {
      this.#cancelAck ??= clock.after(ACK_WITHIN_MS, () => this.#acknowledgeLate());
    }
  }

  #try<T>(who: string, attempt: () => Promise<T>): Promise<T | null> {
    return this.#deps.health.keepTrying(who, this.#stop.signal, attempt);
  }

  #wakeRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** The greatest id below `id`, so that reading after it begins with it. */
function idBefore(id: string): string {
  const { ms, n } = parseStreamId(id, 'stream read');
  return n > 0 ? formatStreamId({ ms, n: n - 1 }) : formatStreamId({ ms: ms - 1, n: Number.MAX_SAFE_INTEGER });
}
