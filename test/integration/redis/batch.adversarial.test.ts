/** A batch is written once, in its order, or not at all: whatever is sent again, comes late, or is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Redis } from 'ioredis';
import { sendBatch, type BatchWire } from '#adapters/redis-streams/batch.ts';
import { XaddEncoder } from '#adapters/redis-streams/encoded.ts';
import { appendsKey, onceKey } from '#adapters/redis-streams/keys.ts';
import { RedisServer } from '../../servers/redis/server.ts';

let server: RedisServer;
let client: Redis;
let streams = 0;

before(async () => {
  server = await RedisServer.start();
  client = server.client();
  await client.connect();
});
after(async () => {
  client.disconnect();
  await server.dispose();
});

class Sender {
  readonly stream = `corec_s${streams++}`;
  readonly key = appendsKey(this.stream, 'sender');

  send(number: number, values: readonly string[], after = 0): Promise<readonly string[]> {
    const encoder = new XaddEncoder(this.stream, 1000);
    const entries = values.map((x) => encoder.encode({ x }));
    const wire: BatchWire = { stream: this.stream, key: this.key, number, after, entries };
    return sendBatch(client, wire);
  }

  async values(): Promise<string[]> {
    return (await client.xrange(this.stream, '-', '+')).map(([, [, x]]) => x!);
  }

  async lastId(): Promise<string> {
    const info = (await client.call('xinfo', ['STREAM', this.stream])) as string[];
    return info[info.indexOf('last-generated-id') + 1]!;
  }
}

describe('a batch', () => {
  test('is written once, and gives its ids again when it is sent again', async () => {
    const sender = new Sender();
    const ids = await sender.send(1, ['a', 'b', 'c']);
    assert.deepEqual(await sender.send(1, ['a', 'b', 'c']), ids);
    await sender.send(2, ['d'], 1);
    assert.deepEqual(await sender.send(1, ['a', 'b', 'c']), ids);
    assert.deepEqual(await sender.values(), ['a', 'b', 'c', 'd']);
    assert.ok((await client.pttl(sender.key)) > 0);
  });

  test('that comes again after others wrote still gives its own ids', async () => {
    const sender = new Sender();
    const ids = await sender.send(1, ['a', 'b']);
    await client.xadd(sender.stream, '*', 'x', 'somebody');
    assert.deepEqual(await sender.send(1, ['a', 'b']), ids);
    assert.deepEqual(await sender.values(), ['a', 'b', 'somebody']);
  });

  test('older than what is remembered is barred, and the stream goes on as before', async () => {
    const sender = new Sender();
    for (let number = 1; number <= 20; number++) await sender.send(number, [String(number)]);
    const lastId = await sender.lastId();
    await assert.rejects(sender.send(3, ['3']), /STALE/);
    assert.equal((await sender.values()).length, 20);
    assert.equal(await sender.lastId(), lastId);
    await sender.send(21, ['21']);
    assert.equal((await sender.values()).at(-1), '21');
    assert.ok((await client.hlen(sender.key)) <= 9, 'what is remembered is bounded');
  });

  test('that comes before the one it stands behind is barred, also from a stream that is not there', async () => {
    const sender = new Sender();
    await assert.rejects(sender.send(2, ['second'], 1), /EARLY/);
    assert.deepEqual(await sender.values(), []);
    await sender.send(1, ['first']);
    await sender.send(2, ['second'], 1);
    assert.deepEqual(await sender.values(), ['first', 'second']);
  });

  test('is new again for a server that has lost everything', async () => {
    const sender = new Sender();
    await sender.send(1, ['lost']);
    await client.del(sender.stream, sender.key);
    await sender.send(2, ['kept']);
    await sender.send(2, ['kept']);
    assert.deepEqual(await sender.values(), ['kept']);
  });

  test('is refused whole by a key that is no stream, and nothing is remembered', async () => {
    const sender = new Sender();
    await client.set(sender.stream, 'text');
    await assert.rejects(sender.send(1, ['a', 'b']), /WRONGTYPE/);
    await client.del(sender.stream);
    await sender.send(1, ['a', 'b']);
    assert.deepEqual(await sender.values(), ['a', 'b']);
  });

  test('is refused whole by a server that is full, and nothing is remembered', async () => {
    const sender = new Sender();
    await client.config('SET', 'maxmemory', '1mb');
    await assert.rejects(sender.send(1, ['a', 'b']), /OOM/);
    await client.config('SET', 'maxmemory', '0');
    assert.deepEqual(await sender.values(), []);
    await sender.send(1, ['a', 'b']);
    assert.deepEqual(await sender.values(), ['a', 'b']);
  });

  test('of which some was trimmed away gives ids all the same when it is sent again', async () => {
    const sender = new Sender();
    const ids = await sender.send(1, ['a', 'b', 'c']);
    await client.xtrim(sender.stream, 'MAXLEN', 1);
    const again = await sender.send(1, ['a', 'b', 'c']);
    assert.equal(again.length, 3);
    assert.equal(again[2], ids[2]);
    await client.xtrim(sender.stream, 'MAXLEN', 0);
    assert.equal((await sender.send(1, ['a', 'b', 'c'])).length, 3);
    assert.deepEqual(await sender.values(), []);
  });

  test('that is barred wakes nobody who waits, and leaves groups as they are', async () => {
    const sender = new Sender();
    await client.xgroup('CREATE', sender.stream, 'g', '$', 'MKSTREAM');
    await sender.send(1, ['a']);
    assert.equal((await client.xreadgroup('GROUP', 'g', 'c', 'STREAMS', sender.stream, '>'))?.length, 1);
    const waiting = server.client();
    const reply = waiting.xreadgroup('GROUP', 'g', 'c', 'COUNT', 10, 'BLOCK', 10_000, 'STREAMS', sender.stream, '>');
    await sender.send(1, ['a']);
    await sender.send(2, ['b'], 1);
    const [[, entries]] = (await reply) as [[string, [string, string[]][]]];
    assert.deepEqual(
      entries.map(([, [, x]]) => x),
      ['b'],
    );
    waiting.disconnect();
  });
});

describe('keys beside a stream', () => {
  test('lie in the slot of the stream, whatever braces its name has', async () => {
    const node = await RedisServer.start({ cluster: { busPort: server.port + 1, nodeTimeoutMs: 2000 } });
    try {
      const slotOf = async (key: string): Promise<unknown> => await node.command('cluster', 'keyslot', key);
      for (const stream of ['corec_alerts', '{a}b', 'a{b}c', 'a{b', '{{a}}']) {
        for (const key of [onceKey(stream, 'id}{'), appendsKey(stream, 's')]) {
          assert.equal(await slotOf(key), await slotOf(stream), `${stream} and ${key}`);
        }
      }
    } finally {
      await node.dispose();
    }
  });
});
