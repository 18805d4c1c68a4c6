/**
 * Request bodies as bytes: bounded one by one and all together, unpacked when they come packed.
 *
 * B1 A body is at most `maxBytes`, packed and unpacked alike, so that a small packed one cannot become a large one.
 * B2 All bodies in hand are at most the budget's bytes; beyond it the door says 429 before it takes more.
 * B3 What was taken from the budget is given back, however the request ends.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { IncomingMessage } from 'node:http';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { CommandError } from '#nucleus/commands/command.ts';
import { HttpError } from './replies.ts';

const gunzipAsync = promisify(gunzip);

/** What may still come in after a body was refused, to let the sender read our answer instead of a broken pipe. */
const DRAIN_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes that all requests together may hold. */
export class BodyBudget {
  readonly #max: number;
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** @throws CoreCError COREC_E_BUSY. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#max) {
      const found = `${this.#used} of ${this.#max} bytes in hand`;
      throw new CoreCError('COREC_E_BUSY', { what: 'HTTP', found, seconds: 1 });
    }
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** One request's part of the budget. */
export class BodyShare {
  readonly #budget: BodyBudget;
  #held = 0;
  #closed = false;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  take(bytes: number): void {
    if (this.#closed) return;
    this.#budget.take(bytes);
    this.#held += bytes;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#budget.give(this.#held);
  }
}

/**
 * Reads the whole body.
 *
 * @throws HttpError 413 over maxBytes, CoreCError COREC_E_BUSY over the budget, COREC_E_BODY when it breaks off.
 */
export function readBody(request: IncomingMessage, maxBytes: number, share: BodyShare): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const length = request.headers['content-length'];
  const known = length === undefined ? null : Number(length);
  let whole: Buffer | null = null;
  const chunks: Buffer[] = [];
  let got = 0;

  function refuse(error: unknown): void {
    request.off('data', onData).off('end', onEnd).off('aborted', onBroken).off('error', onBroken);
    request.on('error', () => {});
    let drained = 0;
    request.on('data', (chunk: Buffer) => {
      drained += chunk.length;
      if (drained > DRAIN_BYTES_MAX) request.destroy();
    });
    request.resume();
    reject(error);
  }
  function onData(chunk: Buffer): void {
    if (got + chunk.length > maxBytes) return refuse(tooLarge(maxBytes, got + chunk.length));
    try {
      if (known === null) share.take(chunk.length);
    } catch (error) {
      return refuse(error);
    }
    // the length was declared, so the bytes go to their place at once instead of being joined at the end
    if (whole !== null && got + chunk.length <= whole.length) whole.set(chunk, got);
    else chunks.push(chunk);
    got += chunk.length;
  }
  function onEnd(): void {
    resolve(whole ?? Buffer.concat(chunks, got));
  }
  function onBroken(error?: Error): void {
    reject(bodyError('it broke off', 'se cortó', 'all of it', 'el cuerpo entero', error));
  }

  if (known !== null && known > maxBytes) {
    refuse(tooLarge(maxBytes, known));
    return promise;
  }
  try {
    if (known !== null) {
      share.take(known);
      whole = Buffer.allocUnsafeSlow(known);
    }
  } catch (error) {
    refuse(error);
    return promise;
  }
  request.on('data', onData).on('end', onEnd).on('aborted', onBroken).on('error', onBroken);
  return promise;
}

/**
 * The body without its Content-Encoding.
 *
 * @throws HttpError 415 for an encoding that is not taken, 413 when it grows over maxBytes; CoreCError COREC_E_BODY when it is broken.
 */
export async function unpackBody(body: Buffer, encoding: string, maxBytes: number, share: BodyShare): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return body;
  if (name !== 'gzip' && name !== 'x-gzip') {
    throw new HttpError(
      415,
      bodyError(`Content-Encoding ${name}`, `Content-Encoding ${name}`, 'gzip or identity', 'gzip o identity'),
    );
  }
  let unpacked: Buffer;
  try {
    unpacked = await gunzipAsync(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes, null);
    throw bodyError(
      `broken gzip (${messageOf(error)})`,
      `gzip roto (${messageOf(error)})`,
      'whole gzip data',
      'datos gzip enteros',
      error,
    );
  }
  share.take(unpacked.length);
  return unpacked;
}

export function bodyError(
  en: string,
  es: string,
  expectedEn: string,
  expectedEs: string,
  cause?: unknown,
): CommandError {
  return new CommandError(
    'COREC_E_BODY',
    { en: { found: en, expected: expectedEn }, es: { found: es, expected: expectedEs } },
    cause,
  );
}

function tooLarge(maxBytes: number, bytes: number | null): HttpError {
  const most = `${maxBytes} bytes`;
  const size = bytes === null ? '' : ` (${bytes} bytes)`;
  return new HttpError(
    413,
    bodyError(
      `it is too large${size}`,
      `es demasiado grande${size}`,
      `at most ${most}, unpacked; send it in parts`,
      `${most} como máximo, sin comprimir; envíelo por partes`,
    ),
  );
}
