import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { makeLogSink } from '#adapters/sinks/log-sink.ts';
import { makeWebhookSink } from '#adapters/sinks/webhook-sink.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import type { Logger } from '#ports/logger.ts';
import { sinkSuite } from './sink.suite.ts';

sinkSuite('log', () => {
  const claves: string[] = [];
  let isBroken = false;
  const write = (_tag: string, text: string): void => {
    if (isBroken) throw new Error('broken');
    claves.push(/ (c\d+):/.exec(text)?.[1] ?? text);
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  return Promise.resolve({
    sink: makeLogSink({ logger, idioma: 'en' }),
    arrived: () => claves,
    breakIt: () => void (isBroken = true),
  });
});

sinkSuite('corec_alerts', () => {
  const bus = new MemoryBus({ clock: makeSystemClock() });
  const sink = makeBusSink({ clock: makeSystemClock(), bus });
  return Promise.resolve({
    sink,
    arrived: async () => {
      const entries = await bus.read('corec_alerts', '0', 100, 0);
      return entries.map(({ fields }) => (JSON.parse(String(fields['data'])) as { clave: string }).clave);
    },
    breakIt: () => bus.close(),
  });
});

sinkSuite('webhook', async (t) => {
  const claves: string[] = [];
  let isBroken = false;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      // A broken one takes the request and never answers.
      if (isBroken) return;
      claves.push((JSON.parse(body) as { clave: string }).clave);
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const sink = makeWebhookSink({ url: `http://127.0.0.1:${port}/hook`, closeMs: 500 });
  return { sink, arrived: () => claves, breakIt: () => void (isBroken = true) };
});
