/** A private Redis Cluster for tests: masters that share the slots, replicas by turns, faults by node. */
import type { RedisAddress } from '#adapters/redis-streams/client.ts';
import { until } from '../../support/until.ts';
import { freePort } from './ports.ts';
import { RedisServer, type RedisServerOptions } from './server.ts';

const SLOTS = 16_384;

export interface RedisClusterOptions {
  readonly masters?: number;
  readonly replicasOfEach?: number;
  readonly nodeTimeoutMs?: number;
  readonly server?: Omit<RedisServerOptions, 'cluster'>;
}

export class RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly #masters: number;

  private constructor(nodes: readonly RedisServer[], masters: number) {
    this.nodes = nodes;
    this.#masters = masters;
  }

  /** Resolves when every node knows that all slots are served. */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { masters = 3, replicasOfEach = 0, nodeTimeoutMs = 2000, server = {} } = options;
    const nodes: RedisServer[] = [];
    try {
      for (let k = 0; k < masters * (1 + replicasOfEach); k++) {
        nodes.push(await RedisServer.start({ ...server, cluster: { busPort: await freePort(), nodeTimeoutMs } }));
      }
      const cluster = new RedisCluster(nodes, masters);
      await cluster.#join(masters);
      return cluster;
    } catch (error) {
      await Promise.all(nodes.map((node) => node.dispose()));
      throw error;
    }
  }

  get address(): RedisAddress {
    return { ...this.nodes[0]!.address, cluster: this.nodes.map(({ port }) => ({ host: '127.0.0.1', port })) };
  }

  /** The node that serves the slot of this key now. */
  async masterOf(key: string): Promise<RedisServer> {
    const alive = this.nodes.find(({ pid }) => pid !== 0)!;
    const slot = Number(await alive.command('cluster', 'keyslot', key));
    const ranges = (await alive.command('cluster', 'slots')) as [number, number, [string, number, string]][];
    const range = ranges.find(([first, last]) => first <= slot && slot <= last);
    const node = this.nodes.find(({ port }) => port === range?.[2][1]);
    if (node === undefined) throw new Error(`nobody serves slot ${slot}`);
    return node;
  }

  /** After a node came back: resolves when all agree again and every replica has what its master has, so that it may follow it. */
  async settled(): Promise<void> {
    await this.#whole(this.#masters, 'the cluster is whole');
    for (const node of this.nodes)
      await until(
        'a replica has caught up',
        async () => !String(await node.command('info', 'replication')).includes('master_link_status:down'),
        30_000,
      );
  }

  async dispose(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.dispose()));
  }

  async #join(masters: number): Promise<void> {
    const [first] = this.nodes;
    for (const [k, node] of this.nodes.entries()) {
      if (k > 0) {
        const { port, options } = first!;
        await node.command('cluster', 'meet', '127.0.0.1', String(port), String(options.cluster!.busPort));
      }
      if (k < masters) {
        const from = Math.floor((k * SLOTS) / masters);
        const to = Math.floor(((k + 1) * SLOTS) / masters) - 1;
        await node.command('cluster', 'addslotsrange', String(from), String(to));
      }
    }
    await this.#whole(masters, 'all masters know each other');
    for (const [k, node] of this.nodes.entries()) {
      if (k < masters) continue;
      const master = String(await this.nodes[k % masters]!.command('cluster', 'myid'));
      await until('a replica knows its master', async () =>
        String(await node.command('cluster', 'nodes')).includes(master),
      );
      await node.command('cluster', 'replicate', master);
    }
    await this.#whole(masters, 'the cluster is whole');
  }

  async #whole(masters: number, what: string): Promise<void> {
    await until(
      what,
      async () => {
        for (const node of this.nodes) {
          const info = String(await node.command('cluster', 'info'));
          if (!info.includes('cluster_state:ok') || !info.includes(`cluster_known_nodes:${this.nodes.length}`))
            return false;
          const ranges = (await node.command('cluster', 'slots')) as unknown[][];
          const servers = ranges.reduce((sum, range) => sum + range.length - 2, 0);
          const isJoined = node.options.cluster !== undefined && ranges.length === masters;
          if (!isJoined || (what === 'the cluster is whole' && servers < this.nodes.length)) return false;
        }
        return true;
      },
      30_000,
    );
  }
}
