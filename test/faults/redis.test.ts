/**
 * Redis is restarted, killed, frozen, cut off and, as a cluster of six, loses the master of the stream of commands, while commands and
 * lecturas go through its streams and everything else goes on.
 *
 * Every node writes to its disk before it answers, so what Redis acknowledged outlives it.
 */
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { STREAMS } from '#domain/streams.ts';
import { Proxy } from '../servers/proxy.ts';
import { RedisCluster } from '../servers/redis/cluster.ts';
import { RedisServer } from '../servers/redis/server.ts';
import { rounds } from './budget.ts';
import { StreamLoad } from './stream-load.ts';
import { Workload } from './workload.ts';

const FILE_ROWS = 3000;
const FAULTS_EACH = rounds(2);

interface Fault {
  readonly name: string;
  readonly happen: (server: RedisServer, proxy: Proxy, awayMs: number) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'restarted',
    happen: async (server, _proxy, awayMs) => {
      await server.stop();
      await delay(awayMs);
      await server.start();
    },
  },
  {
    name: 'killed',
    happen: async (server, _proxy, awayMs) => {
      await server.kill();
      await delay(awayMs);
      await server.start();
    },
  },
  {
    name: 'frozen',
    happen: async (server, _proxy, awayMs) => {
      server.freeze();
      await delay(awayMs);
      server.thaw();
    },
  },
  {
    name: 'cut off',
    happen: async (_server, proxy, awayMs) => {
      proxy.cut();
      await delay(awayMs);
      proxy.heal();
    },
  },
  {
    name: 'reset',
    happen: async (_server, proxy, awayMs) => {
      proxy.reset();
      await delay(awayMs);
      proxy.reset();
    },
  },
];

for (const { name, happen } of FAULTS) {
  test(`Redis ${name} under load: every command is answered once, no lectura is lost or doubled`, async (t) => {
    const server = await RedisServer.start({ durable: true });
    t.after(() => server.dispose());
    const proxy = await Proxy.start(server.port);
    t.after(() => proxy.close());
    const stream = new StreamLoad(server.address);
    await run(t, `Redis ${server.version} ${name}`, { host: '127.0.0.1', port: proxy.port }, stream, async (load) => {
      await happen(server, proxy, 200 + load.random.below(2500));
    });
  });
}

test('CoreC killed under load of streams: every command is answered once, no lectura is lost or doubled', async (t) => {
  const server = await RedisServer.start({ durable: true });
  t.after(() => server.dispose());
  const stream = new StreamLoad(server.address);
  await run(
    t,
    `kill -9 with Redis ${server.version}`,
    { host: '127.0.0.1', port: server.port },
    stream,
    async (load) => {
      await load.kill();
      await load.start();
      load.begin();
    },
  );
});

test('a cluster of six loses the master of its commands: every command is answered once', async (t) => {
  const cluster = await RedisCluster.start({
    masters: 3,
    replicasOfEach: 1,
    nodeTimeoutMs: 2000,
    server: { durable: true },
  });
  t.after(() => cluster.dispose());
  const stream = new StreamLoad(cluster.address);
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const outagesMs = await run(
    t,
    `Redis Cluster ${cluster.nodes[0]!.version}, master lost`,
    { host: '127.0.0.1', port: nodes[0]!.port, cluster: nodes },
    stream,
    async () => {
      const master = await cluster.masterOf(STREAMS.commands);
      await master.kill();
      await stream.answersAgain();
      await master.start();
      await cluster.settled();
    },
  );
  console.log(
    `faults: outage seen by commands at the loss of a master: ${outagesMs.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}`,
  );
});

/** Faults under load, and the account; gives the longest time without an answer at each fault, ms. */
async function run(
  t: TestContext,
  name: string,
  redis: Readonly<Record<string, unknown>>,
  stream: StreamLoad,
  fault: (load: Workload) => Promise<void>,
): Promise<number[]> {
  t.after(() => stream.close());
  const load = new Workload(t, { config: { redis_config: redis }, stream });
  await load.start();
  load.begin();
  stream.begin();
  const recoveryMs: number[] = [];
  const outagesMs: number[] = [];
  for (let round = 0; round < FAULTS_EACH; round++) {
    load.growFile(FILE_ROWS);
    load.forgetSomeAnswers();
    await delay(500 + load.random.below(900));
    stream.watchOutage();
    await fault(load);
    recoveryMs.push(await load.recovered());
    await stream.answersAgain();
    outagesMs.push(stream.outageMs());
  }
  await stream.quiet();
  const account = await load.account();
  await stream.account();
  load.tell(`${name}; ${stream.told}`, FAULTS_EACH, account, recoveryMs);
  return outagesMs;
}
