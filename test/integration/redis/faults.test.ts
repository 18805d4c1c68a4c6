/** Redis as it fails: connections cut, the server killed, frozen, full, emptied. What was answered is in, once. */
import assert from 'node:assert/strict';
import { afterEach, describe, test, type TestContext } from 'node:test';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { RedisStreamsBus, type RedisStreamsOptions } from '#adapters/redis-streams/redis-streams-bus.ts';
import { CoreCError } from '#domain/errors.ts';
import { CuttingProxy, type Cut } from '../../servers/redis/cutting-proxy.ts';
import { RedisServer, type RedisServerOptions } from '../../servers/redis/server.ts';
import { until } from '../../support/until.ts';

const clock = makeSystemClock();
const started: { dispose(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.dispose();
});

async function startServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  started.push(server);
  return server;
}

async function openBus(
  t: TestContext,
  server: RedisServer,
  options: Partial<RedisStreamsOptions> = {},
): Promise<RedisStreamsBus> {
  const bus = new RedisStreamsBus({ address: server.address, clock, maxlen: 100_000, ...options });
  t.after(() => bus.close());
  if (!(await bus.connect())) throw bus.problem!;
  return bus;
}

async function valuesOf(bus: RedisStreamsBus, stream: string): Promise<string[]> {
  const values: string[] = [];
  for (let after = '0'; ;) {
    const page = await bus.read(stream, after, 1000, 0);
    if (page.length === 0) return values;
    for (const { fields } of page) values.push(Buffer.from(fields['x']!).toString());
    after = page.at(-1)!.id;
  }
}

/** 0 .. 1, the same for the same seed. */
function makeDice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const writtenOf = (error: unknown): unknown => (error instanceof CoreCError ? error.details['written'] : error);

describe('connections that are cut', () => {
  for (const seed of [1, 2, 3]) {
    test(`every append is in once and in order, however often the connection is cut (seed ${seed})`, async (t) => {
      const server = await startServer();
      const dice = makeDice(seed);
      // now and then in the handshake, mostly some batches later
      const nextCut = (): Cut =>
        dice() < 0.5
          ? { of: 'questions', afterBytes: Math.floor(dice() ** 2 * 100_000) }
          : { of: 'answers', afterBytes: Math.floor(dice() ** 2 * 6000) };
      const proxy = await CuttingProxy.start(server.port, nextCut);
      t.after(() => proxy.close());
      const bus = new RedisStreamsBus({
        address: { ...server.address, port: proxy.port },
        clock,
        maxlen: 100_000,
        appendMs: 60_000,
      });
      t.after(() => bus.close());
      await bus.connect();
      const streams = ['corec_a', 'corec_b'];
      const counts = [0, 0];
      await Promise.all(
        streams.map(async (stream, s) => {
          const answers: Promise<readonly string[]>[] = [];
          while (proxy.cuts < 40) {
            const list = Array.from({ length: 1 + Math.floor(dice() * 12) }, () => ({
              x: String(counts[s]!++),
              m: Buffer.alloc(200, s),
            }));
            answers.push(bus.appendAll(stream, list));
            if (dice() < 0.7) await answers.at(-1);
          }
          await Promise.all(answers);
        }),
      );
      const direct = await openBus(t, server);
      for (const [s, stream] of streams.entries()) {
        assert.deepEqual(
          await valuesOf(direct, stream),
          Array.from({ length: counts[s]! }, (_, k) => String(k)),
        );
      }
    });
  }

  test('what is appended once is appended once, and its first caller is told so though the answer was cut', async (t) => {
    const server = await startServer();
    let n = 0;
    const proxy = await CuttingProxy.start(server.port, () => ({ of: 'answers', afterBytes: 300 + (n++ % 7) * 40 }));
    t.after(() => proxy.close());
    const bus = new RedisStreamsBus({ address: { ...server.address, port: proxy.port }, clock, maxlen: 1000 });
    t.after(() => bus.close());
    await bus.connect();
    for (let k = 0; k < 60; k++) {
      assert.equal((await bus.appendOnce('corec_responses', `id${k}`, { x: String(k) }, 60)).first, true);
    }
    assert.ok(proxy.cuts > 5, `${proxy.cuts} cuts`);
    const direct = await openBus(t, server);
    assert.deepEqual(
      await valuesOf(direct, 'corec_responses'),
      Array.from({ length: 60 }, (_, k) => String(k)),
    );
  });

  for (const blockMs of [0, 500]) {
    test(`a group loses nothing: what a cut took away comes with the next read, in order (waiting ${blockMs} ms)`, async (t) => {
      const server = await startServer();
      const direct = await openBus(t, server);
      await direct.openGroup('corec_commands', 'g', '0');
      await direct.appendAll(
        'corec_commands',
        Array.from({ length: 200 }, (_, k) => ({ x: String(k) })),
      );
      let n = 0;
      const proxy = await CuttingProxy.start(server.port, () => ({
        of: 'answers',
        afterBytes: 400 + (n++ % 9) * 150,
      }));
      t.after(() => proxy.close());
      const bus = new RedisStreamsBus({ address: { ...server.address, port: proxy.port }, clock, maxlen: 1000 });
      t.after(() => bus.close());
      await bus.connect();
      const seen: string[] = [];
      await until('every entry was read and acknowledged', async () => {
        const entries = await bus.readGroup('corec_commands', 'g', 'c', 5, blockMs);
        for (const { fields } of entries) seen.push(Buffer.from(fields['x']!).toString());
        const ids = entries.map(({ id }) => id);
        await bus.ack('corec_commands', 'g', ids);
        return seen.length >= 200 && (await direct.pending('corec_commands', 'g')).count === 0;
      });
      assert.deepEqual(
        seen,
        Array.from({ length: 200 }, (_, k) => String(k)),
      );
      assert.ok(proxy.cuts > 5, `${proxy.cuts} cuts`);
    });
  }
});

describe('a server that is killed', () => {
  test('and comes back: nothing that was answered is lost, nothing is doubled, nobody is told of it', async (t) => {
    const server = await startServer({ durable: true });
    const bus = await openBus(t, server);
    let isOver = false;
    const appended: string[] = [];
    const writers = Array.from({ length: 4 }, async (_, w) => {
      for (let k = 0; !isOver; k++) {
        const x = `${w}:${k}`;
        await bus.append('corec_a', { x });
        appended.push(x);
      }
    });
    await until('some is in', () => appended.length > 200);
    await server.kill();
    const before = appended.length;
    await server.start();
    await until('it goes on', () => appended.length > before + 200);
    isOver = true;
    await Promise.all(writers);
    const values = await valuesOf(bus, 'corec_a');
    assert.deepEqual([...values].sort(), [...appended].sort());
    for (let w = 0; w < 4; w++) {
      const own = values.filter((x) => x.startsWith(`${w}:`));
      assert.deepEqual(
        own,
        own.map((_, k) => `${w}:${k}`),
      );
    }
  });

  test('and stays away: who appends is told in time that nothing was written, and health says why', async (t) => {
    const server = await startServer();
    const states: boolean[] = [];
    const bus = await openBus(t, server, {
      appendMs: 1500,
      callMs: 500,
      onState: (isUp) => states.push(isUp),
    });
    await server.kill();
    await until('it is noticed', async () => !(await bus.health()).ok);
    assert.match((await bus.health()).found, /ECONN|EPIPE|closed/);
    const began = performance.now();
    await assert.rejects(bus.append('corec_a', { x: '1' }), (error: unknown) => {
      assert.ok(error instanceof CoreCError);
      assert.equal(error.code, 'COREC_E_REDIS_UNAVAILABLE');
      assert.equal(error.kind, 'transient');
      assert.equal(error.details['written'], 'no');
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${server.port}.*redis_config`));
      return true;
    });
    assert.ok(performance.now() - began < 4000);
    await assert.rejects(bus.length('corec_a'), { code: 'COREC_E_REDIS_UNAVAILABLE' });
    await assert.rejects(bus.read('corec_a', '0', 1, 300), { code: 'COREC_E_REDIS_UNAVAILABLE' });
    assert.equal(bus.refused, 1);
    await server.start();
    await until('it is there again', async () => (await bus.health()).ok);
    await bus.append('corec_a', { x: '2' });
    assert.deepEqual(await valuesOf(bus, 'corec_a'), ['2']);
    assert.deepEqual(states, [true, false, true]);
  });

  test('a read that waits goes on waiting, and gets what comes', async (t) => {
    const server = await startServer({ durable: true });
    const bus = await openBus(t, server);
    await bus.openGroup('corec_a', 'g', '0');
    const waiting = [bus.read('corec_a', '$', 1, 30_000), bus.readGroup('corec_a', 'g', 'c', 1, 30_000)];
    await until('both wait', async () => String(await server.command('info', 'clients')).includes('blocked_clients:2'));
    await server.kill();
    await server.start();
    const id = await bus.append('corec_a', { x: '1' });
    assert.deepEqual(
      (await Promise.all(waiting)).map((entries) => entries.map((entry) => entry.id)),
      [[id], [id]],
    );
  });
});

describe('a server that is frozen', () => {
  test('what was under way is answered by the time it goes on, once', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server, { silentMs: 500, appendMs: 30_000 });
    await bus.append('corec_a', { x: 'before' });
    server.freeze();
    const answers = Array.from({ length: 50 }, (_, k) => bus.append('corec_a', { x: String(k) }));
    // the connection is given up while the server, frozen, still has what was sent over it
    await until('the connection was given up', async () => !(await bus.health()).ok);
    server.thaw();
    const ids = await Promise.all(answers);
    assert.equal(new Set(ids).size, 50);
    assert.deepEqual(await valuesOf(bus, 'corec_a'), ['before', ...Array.from({ length: 50 }, (_, k) => String(k))]);
  });

  test('for too long: who appended is told that it may be in', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server, { silentMs: 400, appendMs: 1200 });
    server.freeze();
    const answers = await Promise.allSettled(['a', 'b'].map((x) => bus.append('corec_a', { x })));
    server.thaw();
    assert.deepEqual(
      answers.map((answer) => answer.status === 'rejected' && writtenOf(answer.reason)),
      ['unknown', 'unknown'],
    );
    await until('it goes on', async () => {
      await bus.append('corec_a', { x: 'after' });
      return true;
    });
    assert.equal((await valuesOf(bus, 'corec_a')).at(-1), 'after');
  });

  test('an abort and close do not wait for it', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server);
    const abort = new AbortController();
    const waiting = bus.read('corec_a', '0', 1, 60_000, abort.signal);
    const other = bus.read('corec_a', '0', 1, 60_000);
    await until('both wait', async () => String(await server.command('info', 'clients')).includes('blocked_clients:2'));
    server.freeze();
    const began = performance.now();
    abort.abort();
    assert.deepEqual(await waiting, []);
    await bus.close();
    assert.deepEqual(await other, []);
    assert.ok(performance.now() - began < 3000, `${performance.now() - began} ms`);
  });
});

describe('a server that has its own troubles', () => {
  test('full: appends wait, say why when their time is up, and get through when there is room', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server, { appendMs: 2000 });
    await server.command('config', 'set', 'maxmemory', '1mb');
    const refused = bus.append('corec_a', { x: '1' });
    await until('health says it', async () => /OOM/.test((await bus.health()).found));
    await assert.rejects(refused, (error: unknown) => {
      assert.ok(error instanceof CoreCError && error.code === 'COREC_E_REDIS_UNAVAILABLE');
      assert.match(error.message, /OOM/);
      assert.equal(error.details['written'], 'no');
      return true;
    });
    const waits = bus.append('corec_a', { x: '2' });
    await server.command('config', 'set', 'maxmemory', '0');
    await waits;
    assert.equal((await bus.health()).ok, true);
    assert.deepEqual(await valuesOf(bus, 'corec_a'), ['2']);
  });

  test('made a replica: appends wait, health says why, and they get through when it is a master again', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server);
    await server.command('replicaof', '127.0.0.1', '1');
    const waits = bus.append('corec_a', { x: '1' });
    await until('health says it', async () => /READONLY/.test((await bus.health()).found));
    await server.command('replicaof', 'no', 'one');
    await waits;
    assert.deepEqual(await valuesOf(bus, 'corec_a'), ['1']);
  });

  test('emptied: the group is there again, and nothing that comes is missed', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server);
    await bus.openGroup('corec_commands', 'g', '$');
    await bus.append('corec_commands', { x: 'old' });
    assert.equal((await bus.readGroup('corec_commands', 'g', 'c', 10, 0)).length, 1);
    await server.command('flushall');
    await bus.append('corec_commands', { x: 'new' });
    const entries = await bus.readGroup('corec_commands', 'g', 'c', 10, 5000);
    assert.deepEqual(
      entries.map(({ fields }) => String(Buffer.from(fields['x']!))),
      ['new'],
    );
    assert.equal((await bus.pending('corec_commands', 'g')).count, 1);
    assert.equal(
      await bus.ack(
        'corec_commands',
        'g',
        entries.map(({ id }) => id),
      ),
      1,
    );
  });

  test('a group that somebody destroyed goes on where it was', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server);
    await bus.openGroup('corec_commands', 'g', '0');
    await bus.appendAll('corec_commands', [{ x: '1' }, { x: '2' }]);
    await bus.readGroup('corec_commands', 'g', 'c', 1, 0);
    await server.command('xgroup', 'destroy', 'corec_commands', 'g');
    const entries = await bus.readGroup('corec_commands', 'g', 'c', 10, 0);
    assert.deepEqual(
      entries.map(({ fields }) => String(Buffer.from(fields['x']!))),
      ['2'],
    );
  });
});

describe('bounds', () => {
  test('what waits is bounded in bytes; over it a newcomer is refused at once, and counted', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server, { appendBytesMax: 100_000, appendMs: 20_000 });
    server.freeze();
    const kept = Array.from({ length: 9 }, () => bus.append('corec_a', { x: 'x'.repeat(10_000) }));
    await assert.rejects(bus.append('corec_a', { x: 'x'.repeat(20_000) }), (error: unknown) => {
      assert.ok(error instanceof CoreCError && error.kind === 'transient');
      assert.equal(error.details['written'], 'no');
      return true;
    });
    assert.equal(bus.refused, 1);
    assert.ok(bus.waitingBytes <= 100_000);
    server.thaw();
    await Promise.all(kept);
    assert.equal(bus.waitingBytes, 0);
    assert.equal(await bus.length('corec_a'), 9);
  });

  test('reads that wait are bounded, and their connections are used again', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server, { readersMax: 3 });
    const abort = new AbortController();
    const waiting = [1, 2, 3].map((k) => bus.read(`corec_${k}`, '$', 1, 60_000, abort.signal));
    await until('three wait', async () =>
      String(await server.command('info', 'clients')).includes('blocked_clients:3'),
    );
    await assert.rejects(bus.read('corec_4', '$', 1, 60_000), { code: 'COREC_E_LIMIT' });
    abort.abort();
    assert.deepEqual(await Promise.all(waiting), [[], [], []]);
    for (let k = 0; k < 10; k++) assert.deepEqual(await bus.read('corec_4', '$', 1, 5), []);
    const list = String(await server.command('client', 'list'));
    assert.equal(list.split('\n').filter((line) => line.includes('name=corec:streams:read')).length, 1);
  });

  test('a closed bus leaves no connection behind', async (t) => {
    const server = await startServer();
    const bus = await openBus(t, server);
    await bus.append('corec_a', { x: '1' });
    const waiting = bus.read('corec_a', '$', 1, 60_000);
    await bus.close();
    await waiting;
    await until('all are gone', async () => !String(await server.command('client', 'list')).includes('name=corec:'));
  });
});
