/** A cluster as it changes: a master is lost, a slot moves. What was answered is in, once, and in order. */
import assert from 'node:assert/strict';
import { afterEach, describe, test, type TestContext } from 'node:test';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { RedisCluster, type RedisClusterOptions } from '../../servers/redis/cluster.ts';
import { until } from '../../support/until.ts';

const clock = makeSystemClock();
const started: RedisCluster[] = [];
afterEach(async () => {
  for (const cluster of started.splice(0)) await cluster.dispose();
});

async function open(
  t: TestContext,
  options: RedisClusterOptions,
): Promise<{ readonly cluster: RedisCluster; readonly bus: RedisStreamsBus }> {
  const cluster = await RedisCluster.start(options);
  started.push(cluster);
  const bus = new RedisStreamsBus({ address: cluster.address, clock, maxlen: 100_000, appendMs: 20_000 });
  t.after(() => bus.close());
  if (!(await bus.connect())) throw bus.problem!;
  return { cluster, bus };
}

async function valuesOf(bus: RedisStreamsBus, stream: string): Promise<string[]> {
  return (await bus.read(stream, '0', 100_000, 0)).map(({ fields }) => Buffer.from(fields['x']!).toString());
}

interface Writing {
  readonly appended: string[];
  stop(): Promise<void>;
}

/** Appends numbers to a stream, each when the one before was answered. */
function write(bus: RedisStreamsBus, stream: string): Writing {
  const appended: string[] = [];
  let isOver = false;
  const work = (async (): Promise<void> => {
    for (let k = 0; !isOver; k++) {
      await bus.append(stream, { x: String(k) });
      appended.push(String(k));
    }
  })();
  return {
    appended,
    stop: async () => {
      isOver = true;
      await work;
    },
  };
}

describe('a cluster', () => {
  test('that loses the master of a stream goes on with its replica: nothing that was answered is lost or doubled', async (t) => {
    const { cluster, bus } = await open(t, { masters: 3, replicasOfEach: 1, nodeTimeoutMs: 2000 });
    const stream = 'corec_canal_1';
    const group = bus.openGroup(stream, 'g', '0');
    const elsewhere = write(bus, 'corec_canal_2');
    const here = write(bus, stream);
    await group;
    const waiting = bus.read(stream, '$', 1, 60_000);
    await until('some is in', () => here.appended.length > 300);
    await waiting;
    const master = await cluster.masterOf(stream);
    const tail = bus.read('corec_later', '$', 1, 60_000);
    const before = here.appended.length;
    const began = performance.now();
    await master.kill();
    await until('it goes on', () => here.appended.length > before + 100, 20_000);
    const outageMs = performance.now() - began;
    assert.ok(outageMs < 15_000, `${outageMs} ms`);
    await bus.append('corec_later', { x: '1' });
    assert.equal((await tail).length, 1);
    await here.stop();
    await elsewhere.stop();
    assert.deepEqual(await valuesOf(bus, stream), here.appended);
    assert.deepEqual(await valuesOf(bus, 'corec_canal_2'), elsewhere.appended);
    assert.ok((await bus.readGroup(stream, 'g', 'c', 100_000, 0)).length > 0);
    assert.equal((await bus.health()).ok, true);
    console.log(
      `  lost a master for ${Math.round(outageMs)} ms: ${here.appended.length} appends, none lost, none doubled`,
    );
  });

  test('of which a part is away for good serves the rest, also to who comes later', async (t) => {
    const { cluster, bus } = await open(t, { masters: 3 });
    const lost = await cluster.masterOf('corec_alerts');
    let other = '';
    for (let k = 0; other === ''; k++) if ((await cluster.masterOf(`corec_${k}`)) !== lost) other = `corec_${k}`;
    await lost.kill();
    await bus.append(other, { x: '1' });
    const later = new RedisStreamsBus({ address: cluster.address, clock, maxlen: 100, appendMs: 1500 });
    t.after(() => later.close());
    await until('it connects', () => later.connect(), 20_000);
    await later.append(other, { x: '2' });
    assert.deepEqual(await valuesOf(later, other), ['1', '2']);
    await assert.rejects(later.append('corec_alerts', { x: '1' }), { code: 'COREC_E_REDIS_UNAVAILABLE' });
    assert.equal((await later.health()).ok, false);
    await lost.start();
    await until('all of it is there again', async () => (await later.health()).ok, 20_000);
    await later.append('corec_alerts', { x: '1' });
  });

  test('of which a slot moves goes on writing and reading', async (t) => {
    const { cluster, bus } = await open(t, { masters: 2 });
    const stream = 'corec_canal_1';
    await bus.openGroup(stream, 'g', '0');
    const here = write(bus, stream);
    await until('some is in', () => here.appended.length > 100);
    const source = await cluster.masterOf(stream);
    const target = cluster.nodes.find((node) => node !== source)!;
    const slot = String(await source.command('cluster', 'keyslot', stream));
    const [sourceId, targetId] = [await source.command('cluster', 'myid'), await target.command('cluster', 'myid')].map(
      String,
    );
    await target.command('cluster', 'setslot', slot, 'importing', sourceId!);
    await source.command('cluster', 'setslot', slot, 'migrating', targetId!);
    await until('all its keys are over', async () => {
      const keys = (await source.command('cluster', 'getkeysinslot', slot, '100')) as string[];
      if (keys.length === 0) return true;
      await source.command('migrate', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...keys);
      return false;
    });
    const between = here.appended.length;
    await until('it goes on while the slot is half way', () => here.appended.length > between + 20);
    for (const node of [target, source]) await node.command('cluster', 'setslot', slot, 'node', targetId!);
    const moved = here.appended.length;
    await until('it goes on afterwards', () => here.appended.length > moved + 100);
    await here.stop();
    assert.equal(await cluster.masterOf(stream), target);
    assert.deepEqual(await valuesOf(bus, stream), here.appended);
    assert.equal((await bus.readGroup(stream, 'g', 'c', 100_000, 0)).length, here.appended.length);
  });
});
