/**
 * COPY ... FROM STDIN in PostgreSQL's binary format: rows are written into one of a few fixed buffers, and the full ones are on their
 * way to the server while the next one fills. Nothing is allocated for a row, and no more than these buffers is held.
 *
 * Layout (PostgreSQL manual, COPY, binary format): signature, flags, extension length; a row is an int16 count of fields, each
 * field an int32 length (-1: null) and its bytes, big-endian; the end is a count of -1.
 */
import { setImmediate } from 'node:timers/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { CopyStreamQuery } from 'pg-copy-streams';

/**
 * Less than the kernel takes of a socket at once (208 kB as it comes): a larger one makes PostgreSQL and Node wait for each other in
 * turns, 10 to 30 % of an epoch. Measured: 64 kB costs 20 % more, 1 MB gains nothing.
 */
const BUFFER_BYTES = 192 * 1024;
/**
 * Either side stops now and then, the server for its files, we for the collector: with two buffers each stop is the other's too.
 * Measured: four make an epoch of 50 MB 12 % shorter than two; eight are no better.
 */
const BUFFERS_MAX = 4;
const SIGNATURE = Buffer.from('PGCOPY\n\u{ff}\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** Of writers that have finished. A small epoch would else cost a new buffer for each COPY, and the collector's pauses after them. */
const spare: Buffer[] = [];

export class CopyWriter {
  readonly #stream: CopyStreamQuery;
  readonly #finished: Promise<void>;
  #filling: Buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #free: Buffer[] = [];
  #made = 1;
  #sending = 0;
  /** Called when a buffer is free again, or nothing more is taken. */
  #wake: (() => void) | null = null;
  #error: Error | null = null;
  #at = 0;
  #bytes = 0;

  constructor(client: pg.ClientBase, statement: string) {
    this.#stream = client.query(copyFrom(statement));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#finished = promise;
    // Looked at by finish(); an error before that reaches whoever sends.
    promise.catch(() => undefined);
    this.#stream.once('finish', resolve);
    this.#stream.on('error', (error) => {
      this.#error ??= error;
      // pg-copy-streams lets go of its connection now, and would write to it what is still waiting in the stream as soon as the
      // socket drains: a TypeError that nobody can catch (its issue 171). A destroyed stream writes nothing any more.
      this.#stream.destroy();
      this.#wake?.();
      reject(error);
    });
    this.#at = SIGNATURE.copy(this.#filling);
  }

  /** Bytes given to the server so far. */
  get bytes(): number {
    return this.#bytes + this.#at;
  }

  /**
   * Starts a row of `fields` fields that need at most `bytes` bytes besides a bytea, which is its last one: behind it no room is
   * kept. Await what it gives, if anything.
   */
  row(fields: number, bytes: number): Promise<void> | undefined {
    const wait = this.#at + bytes + 2 > BUFFER_BYTES ? this.#turn() : undefined;
    if (wait) return wait.then(() => this.#count(fields));
    this.#count(fields);
    return undefined;
  }

  #count(fields: number): void {
    this.#at = this.#filling.writeInt16BE(fields, this.#at);
  }

  null(): void {
    this.#at = this.#filling.writeInt32BE(-1, this.#at);
  }

  int2(value: number): void {
    this.#at = this.#filling.writeInt32BE(2, this.#at);
    this.#at = this.#filling.writeInt16BE(value, this.#at);
  }

  int4(value: number): void {
    this.#at = this.#filling.writeInt32BE(4, this.#at);
    this.#at = this.#filling.writeInt32BE(value, this.#at);
  }

  int8(value: number): void {
    this.#at = this.#filling.writeInt32BE(8, this.#at);
    this.#at = this.#filling.writeBigInt64BE(BigInt(value), this.#at);
  }

  float4(value: number): void {
    this.#at = this.#filling.writeInt32BE(4, this.#at);
    this.#at = this.#filling.writeFloatBE(value, this.#at);
  }

  float8(value: number): void {
    this.#at = this.#filling.writeInt32BE(8, this.#at);
    this.#at = this.#filling.writeDoubleBE(value, this.#at);
  }

  /** At most 3 bytes for each UTF-16 unit. */
  text(value: string): void {
    const length = this.#filling.write(value, this.#at + 4, 'utf8');
    this.#filling.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  /** Of any length; when it does not fit, what it gives has to be awaited before the next field. */
  bytea(value: Uint8Array): Promise<void> | undefined {
    if (this.#at + 4 + value.length <= BUFFER_BYTES) {
      this.#at = this.#filling.writeInt32BE(value.length, this.#at);
      this.#filling.set(value, this.#at);
      this.#at += value.length;
      return undefined;
    }
    return this.#longBytea(value);
  }

  async #longBytea(value: Uint8Array): Promise<void> {
    if (this.#at + 4 > BUFFER_BYTES) await this.#turn();
    this.#at = this.#filling.writeInt32BE(value.length, this.#at);
    for (let from = 0; from < value.length;) {
      if (this.#at === BUFFER_BYTES) await this.#turn();
      const part = value.subarray(from, from + BUFFER_BYTES - this.#at);
      this.#filling.set(part, this.#at);
      this.#at += part.length;
      from += part.length;
    }
  }

  /** Resolves when the server has taken every row. */
  async finish(): Promise<void> {
    if (this.#at + 2 > BUFFER_BYTES) await this.#turn();
    this.#count(-1);
    await this.#turn();
    while (this.#sending > 0) await this.#untilFreed();
    this.#stream.end();
    await this.#finished;
    // nobody reads from them any more
    for (const buffer of [this.#filling, ...this.#free]) if (spare.length < BUFFERS_MAX) spare.push(buffer);
  }

  /** Sends what is filled, and waits only when every buffer is on its way. */
  async #turn(): Promise<void> {
    if (this.#error) throw this.#error;
    const full = this.#filling;
    const bytes = this.#at;
    this.#bytes += bytes;
    this.#at = 0;
    this.#sending++;
    // The callback comes when the socket has taken all of it: only then may the buffer be filled again.
    this.#stream.write(full.subarray(0, bytes), (error) => {
      this.#sending--;
      this.#free.push(full);
      if (error) this.#error ??= error;
      this.#wake?.();
    });
    // Node hands the socket more only between two turns of its loop: one must pass, or what waits goes nowhere.
    if (this.#sending > 1) await setImmediate();
    if (this.#free.length === 0 && this.#made < BUFFERS_MAX) {
      this.#made++;
      this.#free.push(spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES));
    }
    while (this.#free.length === 0) await this.#untilFreed();
    this.#filling = this.#free.pop()!;
  }

  async #untilFreed(): Promise<void> {
    if (!this.#error) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = null;
    }
    if (this.#error) throw this.#error;
  }
}
