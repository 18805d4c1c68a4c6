/**
 * What another program says to CoreC over Redis Streams while something is taken away: commands and numbered lecturas in, answers read,
 * and the account of both at the end.
 *
 * S1 An entry whose XADD was answered counts as sent; one without an answer is added again, a command under the same id, a lectura
 *    under the same entry id, which Redis takes once.
 * S2 Of each command exactly one answer is the first; others, of entries that came again, say `repeated` and the same result.
 * S3 No entry has two answers.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { makeClient, type RedisAddress, type RedisClient } from '#adapters/redis-streams/client.ts';
import { STREAMS } from '#domain/streams.ts';
import { until } from '../support/until.ts';

/** The stream of lecturas that the workload's configuration has as a source. */
export const LECTURAS_STREAM = 'numbered';
export const STREAM_CLAVES = 20;
const FIRST_MS = 1_700_000_000_000;
const PAUSE_MS = 3;
const AGAIN_MS = 20;
const READ_COUNT = 1000;
const SETTLE_MS = 60_000;

interface Answer {
  readonly id: string;
  readonly entry: string;
  readonly ok: boolean;
  readonly repeated?: boolean;
  readonly result?: unknown;
}

export class StreamLoad {
  readonly #address: RedisAddress;
  readonly #withLecturas: boolean;
  /** The connection that everything goes over; another one after each that broke. */
  #connection: Promise<RedisClient> | null = null;
  #stop = { now: true };
  #pumps: Promise<unknown> = Promise.resolve();
  #comandos = 0;
  #lecturas = 0;
  readonly #answers = new Map<string, Answer[]>();
  #answersRead = '0';
  #lastAnswerMs = performance.now();
  #longestMs = 0;

  /** `lecturas` false: commands alone. */
  constructor(address: RedisAddress, { lecturas = true }: { readonly lecturas?: boolean } = {}) {
    this.#address = address;
    this.#withLecturas = lecturas;
  }

  /** Lecturas that Redis took. */
  get lecturas(): number {
    return this.#lecturas;
  }

  get told(): string {
    return `${this.#comandos} commands and ${this.#lecturas} lecturas over streams`;
  }

  begin(): void {
    const stop = (this.#stop = { now: false });
    const pumps = [this.#pumpComandos(stop), this.#readAnswers(stop)];
    if (this.#withLecturas) pumps.push(this.#pumpLecturas(stop));
    this.#pumps = Promise.all(pumps);
    this.#pumps.catch(() => {});
  }

  /** No more is sent; resolves when every command has its answer. */
  async quiet(): Promise<void> {
    const total = this.#comandos;
    await until('every command over streams has its answer', () => this.#answers.size >= total, SETTLE_MS);
    this.#stop.now = true;
    await this.#pumps;
    // those that were sent between the look and the stop
    const stop = { now: false };
    const reading = this.#readAnswers(stop);
    await until('the last commands have their answers', () => this.#answers.size >= this.#comandos, SETTLE_MS);
    stop.now = true;
    await reading;
  }

  watchOutage(): void {
    this.#lastAnswerMs = performance.now();
    this.#longestMs = 0;
  }

  /** The longest time without an answer since `watchOutage`. */
  outageMs(): number {
    return this.#longestMs;
  }

  /** Resolves when an answer has come to a command that was sent from now on. */
  async answersAgain(): Promise<void> {
    const next = this.#comandos;
    await until('commands are answered again', () => this.#answers.has(`s-${next}`), SETTLE_MS);
  }

  /** S2 and S3. */
  async account(): Promise<void> {
    const entries = new Set<string>();
    const wrong: string[] = [];
    for (let n = 0; n < this.#comandos; n++) {
      const answers = this.#answers.get(`s-${n}`) ?? [];
      const first = answers.filter(({ repeated }) => repeated !== true);
      if (first.length !== 1) wrong.push(`s-${n}: ${first.length} first answers of ${answers.length}`);
      for (const answer of answers) {
        if (entries.has(answer.entry)) wrong.push(`s-${n}: entry ${answer.entry} is answered twice`);
        entries.add(answer.entry);
        if (!answer.ok || JSON.stringify(answer.result) !== JSON.stringify(first[0]?.result))
          wrong.push(`s-${n}: ${JSON.stringify(answer)}`);
      }
    }
    assert.deepEqual(wrong.slice(0, 10), [], 'answers to commands over streams');
  }

  async close(): Promise<void> {
    this.#stop.now = true;
    await this.#pumps.catch(() => {});
    if (this.#connection !== null) this.#drop(this.#connection);
  }

  async #pumpComandos(stop: { now: boolean }): Promise<void> {
    while (!stop.now) {
      const n = this.#comandos;
      const data = { v: 1, id: `s-${n}`, command: 'silence', arguments: { glob: `nobody-${n % 5}`, for: '2h' } };
      if (await this.#add(STREAMS.commands, '*', ['data', JSON.stringify(data)])) this.#comandos++;
      else await delay(AGAIN_MS);
      await delay(PAUSE_MS);
    }
  }

  async #pumpLecturas(stop: { now: boolean }): Promise<void> {
    while (!stop.now) {
      const n = this.#lecturas;
      const fields = ['c', `s${n % STREAM_CLAVES}`, 'v', String(n), 't', String(FIRST_MS + n * 10)];
      if (await this.#add(LECTURAS_STREAM, `${n + 1}-1`, fields)) this.#lecturas++;
      else await delay(AGAIN_MS);
      await delay(PAUSE_MS);
    }
  }

  /** True when Redis has it. */
  async #add(stream: string, id: string, fields: readonly string[]): Promise<boolean> {
    const connected = this.#connected();
    try {
      await (await connected).xadd(stream, id, ...fields);
      return true;
    } catch (error) {
      // the one before got in, and its answer was lost
      if (/equal or smaller/.test(String(error))) return true;
      this.#drop(connected);
      return false;
    }
  }

  async #readAnswers(stop: { now: boolean }): Promise<void> {
    while (!stop.now) {
      const connected = this.#connected();
      try {
        const found = await (
          await connected
        ).xrange(STREAMS.responses, `(${this.#answersRead}`, '+', 'COUNT', READ_COUNT);
        for (const [entry, [, data]] of found) {
          this.#answersRead = entry;
          const answer = JSON.parse(data!) as Answer;
          const list = this.#answers.get(answer.id);
          if (list === undefined) this.#answers.set(answer.id, [answer]);
          else list.push(answer);
          const nowMs = performance.now();
          this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastAnswerMs);
          this.#lastAnswerMs = nowMs;
        }
        if (found.length === 0) await delay(PAUSE_MS);
      } catch {
        this.#drop(connected);
        await delay(AGAIN_MS);
      }
    }
  }

  #connected(): Promise<RedisClient> {
    return (this.#connection ??= this.#connect());
  }

  async #connect(): Promise<RedisClient> {
    const client = makeClient(this.#address, { name: 'faults', connectMs: 1000, silentMs: 1500 });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      client.disconnect();
      throw error;
    }
  }

  #drop(connection: Promise<RedisClient>): void {
    // whoever comes second finds the next one already there
    if (this.#connection === connection) this.#connection = null;
    connection.then(
      (client) => client.disconnect(),
      () => {},
    );
  }
}
