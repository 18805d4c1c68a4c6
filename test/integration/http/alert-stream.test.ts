import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';
import { openDoor, until, type TestDoor } from './door.ts';

interface Event {
  id: string;
  event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into whatever came
  data: any;
}

interface Listener {
  readonly events: Event[];
  readonly comments: string[];
  readonly response: IncomingMessage;
  close(): void;
}

function listen(at: TestDoor, query = '', headers: Record<string, string> = {}): Promise<Listener> {
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  const sent = request(
    { host: '127.0.0.1', port: at.door.port!, path: `/api/alerts/stream${query}`, headers, agent: false },
    (response) => {
      const events: Event[] = [];
      const comments: string[] = [];
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const parts = (rest + text).split('\n\n');
        rest = parts.pop()!;
        for (const part of parts) {
          const fields = Object.fromEntries(
            part.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
          );
          if (fields['data'] === undefined) comments.push(part);
          else events.push({ id: fields['id']!, event: fields['event']!, data: JSON.parse(fields['data']) });
        }
      });
      response.on('error', () => {});
      resolve({ events, comments, response, close: () => sent.destroy() });
    },
  );
  sent.on('error', reject);
  sent.end();
  return promise;
}

const idsOf = (listener: Listener): string[] => listener.events.map((event) => event.id);

describe('the alert stream', () => {
  test('alerts come as they are told, in the language of the listener', async () => {
    await using at = await openDoor();
    const [en, es] = [await listen(at), await listen(at, '', { 'accept-language': 'es' })];
    assert.match(en.response.headers['content-type']!, /^text\/event-stream/);
    at.nucleus.feed('cpu', 150, 1000);
    at.nucleus.feed('cpu', 10, 2000);
    await until('both have both', () => en.events.length === 2 && es.events.length === 2);
    assert.deepEqual(idsOf(en), ['0000000100000001:abierta', '0000000100000001:cerrada']);
    assert.deepEqual(
      en.events.map((event) => event.event),
      ['abierta', 'cerrada'],
    );
    assert.equal(en.events[0]!.data.texto, '150 is above the usual 0 to 100');
    assert.notEqual(es.events[0]!.data.texto, en.events[0]!.data.texto);
    assert.equal(en.events[0]!.data.alerta.clave, 'cpu');
    assert.equal(en.events[0]!.data.instanceId, 'fake');
    en.close();
    es.close();
    await until('they are gone', () => at.counted.get('corec_http_streams') === 0);
  });

  test('a listener may ask for some claves or a bloque only', async () => {
    await using at = await openDoor();
    const [disks, host] = [await listen(at, '?clave=disk%2F*'), await listen(at, '?bloque=host')];
    at.nucleus.feed('disk/sda', 150, 1000);
    at.nucleus.feed('cpu', 150, 1000, 'host');
    at.nucleus.feed('disk/sdb', 150, 1000);
    await until('they came', () => disks.events.length === 2 && host.events.length === 1);
    assert.deepEqual(
      disks.events.map((event) => event.data.alerta.clave),
      ['disk/sda', 'disk/sdb'],
    );
    assert.equal(host.events[0]!.data.alerta.clave, 'cpu');
    disks.close();
    host.close();
  });

  test('one who comes back gets what it missed, in the order it was told, and then goes on', async () => {
    await using at = await openDoor();
    const first = await listen(at);
    at.nucleus.feed('a', 150, 5000);
    await until('it came', () => first.events.length === 1);
    first.close();
    at.nucleus.feed('b', 150, 10); // an older event time, as a replayed file has it
    at.nucleus.feed('a', 10, 6000);
    const again = await listen(at, '', { 'last-event-id': idsOf(first)[0]! });
    at.nucleus.feed('c', 150, 7000);
    await until('all came', () => again.events.length === 3);
    assert.deepEqual(idsOf(again), [
      '0000000200000002:abierta',
      '0000000100000001:cerrada',
      '0000000300000003:abierta',
    ]);
    again.close();
  });

  test('after a restart what was missed comes from the store', async () => {
    const nucleus = new FakeNucleus();
    nucleus.feed('a', 150, 1000);
    nucleus.feed('b', 150, 2000);
    nucleus.feed('b', 10, 2500);
    nucleus.feed('a', 10, 3000);
    nucleus.feed('c', 150, 4000);
    await using at = await openDoor({ api: nucleus });
    const knows = await listen(at, '', { 'last-event-id': '0000000200000002:abierta' });
    await until('it came', () => knows.events.length === 4);
    assert.deepEqual(idsOf(knows), [
      '0000000100000001:abierta',
      '0000000100000001:cerrada',
      '0000000200000002:cerrada',
      '0000000300000003:abierta',
    ]);
    const lost = await listen(at, '?lastEventId=ffffffffffffffff:abierta');
    await until('all that is kept came', () => lost.events.length === 5);
    knows.close();
    lost.close();
  });

  test('live alerts wait until the missed ones were sent', async () => {
    const nucleus = new FakeNucleus();
    nucleus.feed('a', 150, 1000);
    nucleus.feed('b', 150, 2000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const real = nucleus.alertas.bind(nucleus);
    nucleus.alertas = async (query) => {
      const found = await real(query);
      await promise;
      return found;
    };
    await using at = await openDoor({ api: nucleus });
    const client = await listen(at, '', { 'last-event-id': '0000000100000001:abierta' });
    nucleus.feed('c', 150, 3000);
    resolve();
    await until('both came', () => client.events.length === 2);
    assert.deepEqual(
      client.events.map((event) => event.data.alerta.clave),
      ['b', 'c'],
    );
    client.close();
  });

  test('it goes on when the store is away', async () => {
    const nucleus = new FakeNucleus();
    nucleus.alertas = () => Promise.reject(new Error('away'));
    await using at = await openDoor({ api: nucleus });
    const client = await listen(at, '', { 'last-event-id': 'x:abierta' });
    nucleus.feed('c', 150, 3000);
    await until('the live one came', () => client.events.length === 1);
    assert.ok(client.comments.some((comment) => comment.includes('cannot be fetched')));
    client.close();
  });

  test('silence is filled with heartbeats', async () => {
    await using at = await openDoor({ limits: { stream: { clientsMax: 4, bytesMax: 1_000_000, heartbeatMs: 20 } } });
    const client = await listen(at);
    await until('they beat', () => client.comments.filter((comment) => comment === ': here').length >= 3);
    client.close();
  });

  test('one who does not read is cut and counted, and does not hold up the others', async () => {
    await using at = await openDoor({
      limits: { stream: { clientsMax: 4, bytesMax: 1_000_000, heartbeatMs: 60_000 } },
    });
    const reader = await listen(at);
    const idle = connect(at.door.port!, '127.0.0.1');
    idle.on('error', () => {});
    idle.pause();
    idle.write('GET /api/alerts/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('both listen', () => at.counted.get('corec_http_streams') === 2);
    let k = 0;
    await until('it was cut', () => {
      for (let n = 0; n < 20; n++) at.nucleus.feed(`k${k++}-${'x'.repeat(20_000)}`, 150, k);
      return at.counted.get('corec_http_streams_cut') === 1;
    });
    await until('the reader has all', () => reader.events.length === k);
    assert.equal(at.counted.get('corec_http_streams'), 1);
    idle.destroy();
    reader.close();
  });

  test('listeners are bounded', async () => {
    await using at = await openDoor({
      limits: { stream: { clientsMax: 1, bytesMax: 1_000_000, heartbeatMs: 60_000 } },
    });
    const first = await listen(at);
    const second = await at.ask('/api/alerts/stream');
    assert.deepEqual([second.status, second.headers['retry-after']], [429, '30']);
    first.close();
    await until('there is room again', () => at.counted.get('corec_http_streams') === 0);
    const third = await listen(at);
    third.close();
  });

  test('closing the door ends it', async () => {
    const at = await openDoor();
    const client = await listen(at);
    const ended = new Promise((resolve) => client.response.once('end', resolve));
    await at.door.close();
    await ended;
    assert.equal(at.nucleus.listenerCount, 0);
    await at[Symbol.asyncDispose]();
  });
});
