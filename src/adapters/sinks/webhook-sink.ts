/**
 * Alerts to a web address: each notice one POST of JSON (notice-json.ts), in order, at least once.
 *
 * Owns the request: its headers, its deadline, what an answer means. Leaves waiting and trying again to delivery.ts.
 *
 * W1 `Idempotency-Key` is the same whenever the same notice is sent again, also by the next process.
 * W2 2xx is success; 408, 425, 429, 5xx and a broken connection are tried again (Retry-After is heeded); anything else is refused
 *    for good. Redirects are refused too: following one would show the alert and the token to an address nobody configured.
 * W3 Neither path nor query of the address is ever logged: many services put their secret there.
 */
import { createHmac } from 'node:crypto';
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import { text } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Random } from '#ports/random.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';
import { Delivery, type SendResult } from './delivery.ts';
import { noticeJson, noticeKey } from './notice-json.ts';

export interface WebhookSinkOptions {
  /** http:// or https://; user and password in it are sent as Basic authorization. */
  readonly url: string;
  /** Sent as `Authorization: Bearer <token>`. */
  readonly token?: string | null;
  /** Signs each body: `X-CoreC-Signature: sha256=<hex of HMAC-SHA256(secreto, body)>`. */
  readonly secreto?: string | null;
  readonly idioma?: Idioma;
  readonly logger?: Logger;
  readonly clock?: Pick<Clock, 'after'>;
  readonly random?: Pick<Random, 'next'>;
  /** From the first byte of the request to the last of the answer. */
  readonly timeoutMs?: number;
  readonly queueMax?: number;
  /** Tries of one notice before it is given up; with the pauses about half an hour. */
  readonly attemptsMax?: number;
  readonly pauseMsMin?: number;
  readonly pauseMsMax?: number;
  readonly closeMs?: number;
}

const TAG = 'Webhook';
const RETRY_AFTER_MS_MAX = 300_000;
/** Of an answer that nobody reads, so that the connection can be used again. */
const ANSWER_BYTES_MAX = 65_536;
const AGAIN = new Set([408, 425, 429]);

/** Starts a POST; https and http differ in nothing else. */
type StartRequest = (
  url: URL,
  options: RequestOptions,
  onResponse: (response: IncomingMessage) => void,
) => ClientRequest;

interface Transport {
  readonly start: StartRequest;
  readonly agent: Agent;
}

export function makeWebhookSink(options: WebhookSinkOptions): AlertaSink {
  const { logger, idioma = 'en' } = options;
  const url = parseUrl(options.url);
  const timeoutMs = options.timeoutMs ?? 10_000;
  let transport: Promise<Transport> | null = null;
  let lost = 0;

  const delivery: Delivery<AlertaNotice> = new Delivery<AlertaNotice>({
    queueMax: options.queueMax ?? 1000,
    attemptsMax: options.attemptsMax ?? 30,
    pauseMsMin: options.pauseMsMin ?? 1000,
    pauseMsMax: options.pauseMsMax ?? 60_000,
    closeMs: options.closeMs ?? 3000,
    clock: options.clock,
    random: options.random === undefined ? undefined : () => options.random!.next(),
    send: async (notice, signal) => {
      transport ??= loadTransport(url);
      const body = Buffer.from(JSON.stringify(noticeJson(notice)));
      const headers = headersOf(notice, body, options);
      return await post(await transport, url, headers, body, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    },
    onTry(inRow, found) {
      if (inRow === 0) {
        const { failed, dropped } = delivery.stats();
        logger?.info(TAG, text(idioma, 'log.webhook_back', { url: url.origin, perdidas: failed + dropped - lost }));
        lost = failed + dropped;
      } else if (Number.isInteger(Math.log2(inRow))) {
        // The 1st, 2nd, 4th, 8th ...: an outage of hours is some lines.
        logger?.warn(TAG, text(idioma, 'log.webhook_failed', { url: url.origin, veces: inRow, error: found }));
      }
    },
  });

  return {
    nombre: 'webhook',
    notify: (notice) => delivery.push(notice),
    stats: () => delivery.stats(),
    async close() {
      await delivery.close();
      if (transport !== null) (await transport).agent.destroy();
    },
  };
}

function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'webhook',
      found: url === null ? 'an address that is none' : `an address of ${url.protocol}//`,
      allowed: 'http://... or https://...',
    });
  }
  return url;
}

/** Loaded by the first alert: a CoreC without a webhook or an HTTP door does without it. One connection, kept open. */
async function loadTransport(url: URL): Promise<Transport> {
  const settings = { keepAlive: true, maxSockets: 1 };
  if (url.protocol === 'https:') {
    const https = await import('node:https');
    return { start: https.request, agent: new https.Agent(settings) };
  }
  const http = await import('node:http');
  return { start: http.request, agent: new http.Agent(settings) };
}

function headersOf(notice: AlertaNotice, body: Buffer, { token, secreto }: WebhookSinkOptions): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'user-agent': 'CoreC',
    'idempotency-key': headerText(noticeKey(notice)),
    'x-corec-evento': notice.evento,
  };
  if (typeof token === 'string') headers['authorization'] = `Bearer ${token}`;
  if (typeof secreto === 'string') {
    headers['x-corec-signature'] = `sha256=${createHmac('sha256', secreto).update(body).digest('hex')}`;
  }
  return headers;
}

/** Ids may hold a clave, and a clave any text; a header only visible ASCII. */
function headerText(value: string): string {
  return /^[\x21-\x7e]+$/.test(value) ? value : encodeURIComponent(value);
}

/** Never rejects: what went wrong is a result. */
function post(
  { start, agent }: Transport,
  url: URL,
  headers: Record<string, string>,
  body: Buffer,
  signal: AbortSignal,
): Promise<SendResult> {
  return new Promise((resolve) => {
    // Once the status has been read it counts, however the rest of the answer ends.
    let result: SendResult | null = null;
    const onFail = (error: Error): void =>
      resolve(result ?? { kind: 'later', found: signal.aborted ? 'no answer in time' : messageOf(error) });
    try {
      const request = start(url, { method: 'POST', agent, headers, signal }, (response) => {
        const judged = judge(response);
        result = judged;
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) response.destroy();
        });
        response.on('error', () => undefined);
        response.on('close', () => resolve(judged));
      });
      request.on('error', onFail);
      request.end(body);
    } catch (error) {
      // Headers that Node refuses, a token with a line break for one: no try can help.
      resolve({ kind: 'refused', found: messageOf(error) });
    }
  });
}

function judge({ statusCode: status = 0, headers }: IncomingMessage): SendResult {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  if (AGAIN.has(status) || status >= 500) {
    const afterMs = retryAfterMs(headers['retry-after']);
    return { kind: 'later', found: `HTTP ${status}`, ...(afterMs === null ? {} : { afterMs }) };
  }
  if (status >= 300 && status < 400) {
    return { kind: 'refused', found: `HTTP ${status}: redirects are not followed; give the final address` };
  }
  return { kind: 'refused', found: `HTTP ${status}` };
}

/** Seconds; a date is left to the usual pause, since its clock is not ours. */
function retryAfterMs(header: string | undefined): number | null {
  if (header === undefined || !/^\d{1,9}$/.test(header.trim())) return null;
  return Math.min(Number(header) * 1000, RETRY_AFTER_MS_MAX);
}
