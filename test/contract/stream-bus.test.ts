/**
 * The one suite over every bus: in the process, one Redis server, one with a user of the documented rights and TLS, a cluster.
 * What it ran on is printed at the end.
 */
import { after, before } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import type { RedisAddress } from '#adapters/redis-streams/client.ts';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { documentedRights } from '../servers/redis/documented-rights.ts';
import { RedisCluster } from '../servers/redis/cluster.ts';
import { RedisServer } from '../servers/redis/server.ts';
import { streamBusSuite } from './stream-bus.suite.ts';

const clock = makeSystemClock();
let single: RedisServer;
let guarded: RedisServer;
let cluster: RedisCluster;
const ran = new Map<string, number>();

before(async () => {
  [single, guarded, cluster] = await Promise.all([
    RedisServer.start(),
    RedisServer.start({
      user: { name: 'corec', password: 'a-secret_4711', rights: documentedRights() },
      tls: true,
    }),
    RedisCluster.start(),
  ]);
});

after(async () => {
  console.log(
    `  Redis ${single.version}; tests run: ${[...ran].map(([name, count]) => `${name} ${count}`).join(', ')}`,
  );
  await Promise.all([single.dispose(), guarded.dispose(), cluster.dispose()]);
});

function count(name: string): void {
  ran.set(name, (ran.get(name) ?? 0) + 1);
}

streamBusSuite('memory-bus', (_t, maxlen) => {
  count('in the process');
  return new MemoryBus({ clock, maxlen });
});
streamBusSuite('memory-bus, exact', (_t, maxlen) => {
  count('in the process, exact');
  return new MemoryBus({ clock, maxlen, isExact: true });
});

function redisSuite(name: string, address: () => RedisAddress): void {
  streamBusSuite(name, async (_t, maxlen) => {
    count(name);
    const bus = new RedisStreamsBus({ address: address(), clock, maxlen });
    if (!(await bus.connect())) throw bus.problem!;
    return bus;
  });
}

redisSuite('one Redis server', () => single.address);
redisSuite('Redis with a user and TLS', () => guarded.address);
redisSuite('Redis Cluster of three', () => cluster.address);
