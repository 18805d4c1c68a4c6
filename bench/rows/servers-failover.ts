/** How long commands over streams go without an answer when a cluster of six loses the master of their stream. */
import { STREAMS } from '#domain/streams.ts';
import { StreamLoad } from '../../test/faults/stream-load.ts';
import { RedisCluster } from '../../test/servers/redis/cluster.ts';
import { writeBareConfig } from '../lib/config.ts';
import { freePort, startCoreC } from '../lib/corec.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { median } from '../lib/stats.ts';
import { withFolder } from '../lib/workspace.ts';

export const FAILOVER_LIMIT = atMost(5000, 4000);

const NODE_TIMEOUT_MS = 2000;
const FAILOVERS = 3;
const READY_MS = 30_000;

export function benchFailover(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const cluster = await RedisCluster.start({
      masters: 3,
      replicasOfEach: 1,
      nodeTimeoutMs: NODE_TIMEOUT_MS,
      server: { durable: true },
    });
    const stream = new StreamLoad(cluster.address, { lecturas: false });
    try {
      const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
      const port = await freePort();
      const config = writeBareConfig(folder, {
        http: { host: '127.0.0.1', port },
        redis_config: { host: '127.0.0.1', port: nodes[0]!.port, cluster: nodes },
      });
      const corec = startCoreC(folder, config, port);
      await corec.ready(READY_MS);
      stream.begin();
      await stream.answersAgain();
      const outagesMs: number[] = [];
      for (let round = 1; round <= FAILOVERS; round++) {
        progress(`master ${round} of ${FAILOVERS} is lost`);
        const master = await cluster.masterOf(STREAMS.commands);
        stream.watchOutage();
        await master.kill();
        await stream.answersAgain();
        outagesMs.push(stream.outageMs());
        await master.start();
        await cluster.settled();
      }
      await stream.quiet();
      await stream.account();
      await corec.stop();
      return [
        makeRow('servers.failover', 'ms', FAILOVER_LIMIT, {
          value: median(outagesMs),
          baseline: null,
          note: `the longest time without an answer at each of ${FAILOVERS} lost masters: ${outagesMs.map((ms) => ms.toFixed(0)).join(', ')} ms; node timeout ${NODE_TIMEOUT_MS} ms; ${stream.told}, every one answered once`,
        }),
      ];
    } finally {
      await stream.close();
      await cluster.dispose();
    }
  });
}
