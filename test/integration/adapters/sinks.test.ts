/** Alerts to a real local receiver that fails in every way a receiver can, and into streams that come and go. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { makeLogSink } from '#adapters/sinks/log-sink.ts';
import { makeWebhookSink, type WebhookSinkOptions } from '#adapters/sinks/webhook-sink.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { CoreCError } from '#domain/errors.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaSink } from '#ports/sink.ts';
import type { AppendedOnce } from '#ports/stream-bus.ts';
import { makeNotice } from '../../contract/sink.suite.ts';
import { until } from '../../support/until.ts';

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly clave: string;
  readonly path: string;
  readonly connection: number;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Receiver {
  readonly url: string;
  readonly seen: Seen[];
  /** Answers in turn; the last one stays. */
  answers: Answer[];
  readonly server: Server;
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    response.writeHead(code, headers).end('answer');
const ok = status(200);
const silence: Answer = () => undefined;
const reset: Answer = (request) => request.socket.destroy();

async function receiver(t: TestContext, ...answers: Answer[]): Promise<Receiver> {
  const seen: Seen[] = [];
  const connections = new Map<unknown, number>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      if (!connections.has(request.socket)) connections.set(request.socket, connections.size);
      const connection = connections.get(request.socket)!;
      const { clave } = JSON.parse(body) as { clave: string };
      seen.push({ headers: request.headers, body, clave, path: request.url!, connection });
      const answer = self.answers.length > 1 ? self.answers.shift()! : self.answers[0]!;
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const self: Receiver = { url: `http://127.0.0.1:${port}/hook?secret=s3cret`, seen, answers, server };
  return self;
}

interface Logged {
  readonly logger: Logger;
  readonly lines: string[];
}

function listener(): Logged {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (tag: string, text: string, fields?: unknown): void =>
      void lines.push(`${level} [${tag}] ${text} ${JSON.stringify(fields ?? {})}`);
  return { lines, logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } };
}

/** Pauses of some milliseconds, and closed when the test is over. */
function quick(t: TestContext, url: string, more: Partial<WebhookSinkOptions> = {}): AlertaSink {
  const sink = makeWebhookSink({ url, pauseMsMin: 5, pauseMsMax: 40, timeoutMs: 300, closeMs: 300, ...more });
  t.after(() => sink.close());
  return sink;
}

const claves = ({ seen }: Receiver): string[] => seen.map(({ clave }) => clave);

describe('webhook', () => {
  test('a notice is one POST of versioned JSON with a key, a token and a signature that holds', async (t) => {
    const to = await receiver(t, ok);
    const sink = quick(t, to.url, { token: 't0ken', secreto: 'shared' });
    const notice = makeNotice(7);
    sink.notify(notice);
    sink.notify({ ...notice, evento: 'actualizada' });
    sink.notify({ ...notice, evento: 'cerrada', alerta: { ...notice.alerta, cerradaMs: 9000, esperadoMax: Infinity } });
    await until('three arrive', () => sink.stats().sent === 3);
    const [first, second, third] = to.seen;
    assert.deepEqual(JSON.parse(first!.body), {
      v: 1,
      evento: 'abierta',
      instance_id: 'corec1',
      id: 'sensores/0|c7|alto|1007',
      bloque: 'sensores/0',
      canal: 2,
      clave: 'c7',
      regla: 'alto',
      texto: '71.3 is above the usual 60.1 to 62.4 (7)',
      abierta_ms: 1007,
      actualizada_ms: 2007,
      cerrada_ms: null,
      valor: 0.97,
      lectura: 71.3,
      esperado_min: 60.1,
      esperado_max: 62.4,
      lecturas: 3,
      razon: { codigo: 'above' },
      omitidas: 0,
    });
    assert.equal((JSON.parse(third!.body) as { esperado_max: unknown }).esperado_max, null);
    assert.equal(first!.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(first!.headers['authorization'], 'Bearer t0ken');
    assert.equal(first!.headers['x-corec-evento'], 'abierta');
    const keys = to.seen.map(({ headers }) => headers['idempotency-key']);
    assert.deepEqual(keys, [
      'sensores/0|c7|alto|1007:abierta',
      'sensores/0|c7|alto|1007:actualizada:2007',
      'sensores/0|c7|alto|1007:cerrada',
    ]);
    for (const { headers, body } of [first!, second!, third!]) {
      assert.equal(headers['x-corec-signature'], `sha256=${createHmac('sha256', 'shared').update(body).digest('hex')}`);
    }
    assert.deepEqual([first!.connection, third!.connection], [0, 0], 'one connection for all');
  });

  test('an id with any text in it is still a header', async (t) => {
    const to = await receiver(t, ok);
    const sink = quick(t, to.url);
    const notice = makeNotice(1);
    sink.notify({ ...notice, alerta: { ...notice.alerta, id: 'ñandú\r\nx: y', clave: 'ñandú' } });
    await until('it arrives', () => sink.stats().sent === 1);
    assert.equal(to.seen[0]!.headers['idempotency-key'], '%C3%B1and%C3%BA%0D%0Ax%3A%20y%3Aabierta');
    assert.equal(to.seen[0]!.clave, 'ñandú');
  });

  test('500 then 200, a reset, a silence and a 429: the same notice again under the same key, later ones behind it', async (t) => {
    const to = await receiver(t, status(500), reset, silence, status(429), status(408), ok);
    const sink = quick(t, to.url);
    for (let n = 0; n < 3; n++) sink.notify(makeNotice(n));
    await until('all arrive', () => sink.stats().sent === 3);
    assert.deepEqual(claves(to), ['c0', 'c0', 'c0', 'c0', 'c0', 'c0', 'c1', 'c2']);
    assert.equal(new Set(to.seen.slice(0, 6).map(({ headers }) => headers['idempotency-key'])).size, 1);
    assert.equal(new Set(to.seen.slice(0, 6).map(({ body }) => body)).size, 1);
    assert.deepEqual(sink.stats(), { sent: 3, failed: 0, dropped: 0 });
  });

  test('a success whose answer never ends, or is endless, is a success', async (t) => {
    const hanging: Answer = (_request, response) => void response.writeHead(200).write('and');
    const endless: Answer = (_request, response) => {
      response.writeHead(202);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const to = await receiver(t, hanging, endless, ok);
    const sink = quick(t, to.url);
    for (let n = 0; n < 3; n++) sink.notify(makeNotice(n));
    await until('all arrive', () => sink.stats().sent === 3);
    assert.deepEqual(claves(to), ['c0', 'c1', 'c2']);
  });

  test('what cannot get better is not tried again; redirects are not followed, and no token leaves', async (t) => {
    const elsewhere = await receiver(t, ok);
    const to = await receiver(t, status(400), status(401), status(307, { location: elsewhere.url }), ok);
    const { logger, lines } = listener();
    const sink = quick(t, to.url, { token: 't0ken', logger });
    for (let n = 0; n < 4; n++) sink.notify(makeNotice(n));
    await until('the last arrives', () => sink.stats().sent === 1);
    assert.deepEqual(claves(to), ['c0', 'c1', 'c2', 'c3']);
    assert.deepEqual(elsewhere.seen, []);
    assert.deepEqual(sink.stats(), { sent: 1, failed: 3, dropped: 0 });
    assert.ok(lines.at(-1)!.startsWith('info [Webhook] Webhook http://127.0.0.1'));
    assert.ok(lines.at(-1)!.includes('3 were lost'), lines.at(-1));
    for (const line of lines) assert.doesNotMatch(line, /s3cret|t0ken|hook\?/);
  });

  test('a token that is no header is refused without a request', async (t) => {
    const to = await receiver(t, ok);
    const sink = quick(t, to.url, { token: 'a\r\nb: c' });
    sink.notify(makeNotice(1));
    await until('it is refused', () => sink.stats().failed === 1);
    assert.deepEqual(to.seen, []);
  });

  test('a receiver that is away for a while misses nothing; its log is a few lines', async (t) => {
    const to = await receiver(t, ok);
    const { port } = to.server.address() as AddressInfo;
    await new Promise((resolve) => to.server.close(resolve));
    const { logger, lines } = listener();
    const sink = quick(t, to.url, { logger });
    for (let n = 0; n < 10; n++) sink.notify(makeNotice(n));
    await until('it has tried some times', () => lines.some((line) => line.includes('failed 8 times')));
    await new Promise<void>((resolve) => to.server.listen(port, '127.0.0.1', resolve));
    await until('all arrive', () => sink.stats().sent === 10);
    assert.deepEqual(
      claves(to),
      Array.from({ length: 10 }, (_, n) => `c${n}`),
    );
    assert.ok(lines.length <= 8, lines.join('\n'));
    assert.match(lines.at(-1)!, /takes alerts again/);
  });

  test('a notice is given up after its tries; over the bound the oldest goes first', async (t) => {
    const to = await receiver(t, status(503));
    const sink = quick(t, to.url, { attemptsMax: 3, queueMax: 5 });
    for (let n = 0; n < 20; n++) sink.notify(makeNotice(n));
    await until('all are accounted for', () => sink.stats().failed + sink.stats().dropped === 20);
    assert.deepEqual(sink.stats(), { sent: 0, failed: 5, dropped: 15 });
    assert.deepEqual([...new Set(claves(to))], ['c15', 'c16', 'c17', 'c18', 'c19']);
    assert.equal(to.seen.length, 15);
  });

  test('pauses double, keep to their bound over several notices, and heed Retry-After', async (t) => {
    const to = await receiver(t, status(500));
    const clock = new VirtualClock();
    const pauses: number[] = [];
    const sink = makeWebhookSink({
      url: to.url,
      random: { next: () => 1 - 2 ** -53 },
      clock: {
        after(ms, callback) {
          pauses.push(Math.round(ms));
          return clock.after(0, callback);
        },
      },
      attemptsMax: 4,
    });
    const pump = setInterval(() => void clock.advance(1), 1);
    t.after(() => clearInterval(pump));
    sink.notify(makeNotice(0));
    sink.notify(makeNotice(1));
    await until('both are given up', () => sink.stats().failed === 2);
    // The fourth try of a notice is followed by the next notice at once, and its pauses go on where they were.
    assert.deepEqual(pauses, [1000, 2000, 4000, 16_000, 32_000, 60_000]);
    to.answers = [status(503, { 'retry-after': '17' }), status(503, { 'retry-after': '999999' }), ok];
    pauses.length = 0;
    sink.notify(makeNotice(2));
    await until('it arrives', () => sink.stats().sent === 1);
    assert.deepEqual(pauses, [17_000, 300_000]);
    await sink.close();
  });

  test('closing cuts a pause short for one more try, and does not wait for one that hangs', async (t) => {
    const away = await receiver(t, status(500));
    let isPaused = false;
    const after = (ms: number, callback: () => void): (() => void) => {
      if (ms >= 30_000) isPaused = true;
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    };
    const paused = makeWebhookSink({
      url: away.url,
      pauseMsMin: 60_000,
      pauseMsMax: 60_000,
      closeMs: 2000,
      clock: { after },
    });
    paused.notify(makeNotice(0));
    paused.notify(makeNotice(1));
    await until('the first has failed once and waits', () => isPaused);
    away.answers = [ok];
    await paused.close();
    assert.deepEqual(paused.stats(), { sent: 2, failed: 0, dropped: 0 });

    const hanging = await receiver(t, silence);
    const stuck = makeWebhookSink({ url: hanging.url, timeoutMs: 60_000, closeMs: 100 });
    for (let n = 0; n < 3; n++) stuck.notify(makeNotice(n));
    await until('the first is under way', () => hanging.seen.length === 1);
    const startMs = performance.now();
    await stuck.close();
    assert.ok(performance.now() - startMs < 2000);
    assert.deepEqual(stuck.stats(), { sent: 0, failed: 0, dropped: 3 });
  });

  test('an address that is none is an error at once, which does not repeat it', () => {
    for (const url of ['no address', 'ftp://secret@host/', '']) {
      assert.throws(
        () => makeWebhookSink({ url }),
        (error: unknown) =>
          error instanceof CoreCError && error.code === 'COREC_E_ARGUMENT' && !error.message.includes('secret'),
      );
    }
  });
});

describe('corec_alerts', () => {
  test('an entry has one field, data, and waits in order while the streams are away', async () => {
    const clock = new VirtualClock(1);
    const bus = new MemoryBus({ clock });
    let isAway = true;
    const flaky = {
      appendOnce: (...args: Parameters<MemoryBus['appendOnce']>): Promise<AppendedOnce> =>
        isAway ? Promise.reject(new Error('away')) : bus.appendOnce(...args),
    };
    const sink = makeBusSink({ bus: flaky, clock, queueMax: 3 });
    for (let n = 0; n < 5; n++) sink.notify(makeNotice(n));
    await clock.advance(1000);
    isAway = false;
    await clock.advance(20_000);
    const entries = await bus.read('corec_alerts', '0', 10, 0);
    assert.deepEqual(
      entries.map(({ fields }) => (JSON.parse(String(fields['data'])) as { clave: string }).clave),
      ['c2', 'c3', 'c4'],
    );
    assert.deepEqual(Object.keys(entries[0]!.fields), ['data']);
    assert.deepEqual(sink.stats(), { sent: 3, failed: 0, dropped: 2 });
    await sink.close();
  });

  test('a notice that is told again is in the stream once; others of its episodio beside it', async () => {
    const clock = new VirtualClock(1);
    const bus = new MemoryBus({ clock });
    const notice = makeNotice(1);
    const long = { ...notice, alerta: { ...notice.alerta, id: `b/0|${'x'.repeat(256)}|alto|1` } };
    for (let round = 0; round < 2; round++) {
      const sink = makeBusSink({ bus, clock });
      for (const told of [
        notice,
        { ...notice, evento: 'cerrada' as const },
        { ...notice, instanceId: 'corec2' },
        long,
      ]) {
        sink.notify(told);
      }
      await sink.close();
      assert.equal(sink.stats().sent, 4);
    }
    assert.equal(await bus.length('corec_alerts'), 4);
  });
});

describe('alerts in the log', () => {
  test('each kind has its words, in the language of the instance', () => {
    const { logger, lines } = listener();
    const english = makeLogSink({ logger, idioma: 'en' });
    const notice = makeNotice(1);
    english.notify(notice);
    english.notify({ ...notice, evento: 'actualizada' });
    english.notify({ ...notice, evento: 'cerrada', alerta: { ...notice.alerta, cerradaMs: 1001 + 90_000 } });
    const alerta = { ...notice.alerta, razon: { codigo: 'resumen', maximo: 60 } };
    english.notify({ ...notice, evento: 'resumen', omitidas: 12, alerta });
    makeLogSink({ logger, idioma: 'es' }).notify({ ...notice, alerta: { ...notice.alerta, clave: '' } });
    assert.match(lines[0]!, /^warn \[Alertas\] ALERT sensores\/0 c1: 71\.3 is above .*"id":"sensores\/0\|c1/);
    assert.match(lines[1]!, /^warn .*worse/);
    assert.match(lines[2]!, /^info .*over sensores\/0 c1, it lasted 1/);
    assert.match(lines[3]!, /^warn .*12 more alerts this minute, over the 60/);
    assert.match(lines[4]!, /^warn \[Alertas\] ALERTA sensores\/0 \*: /);
  });
});
