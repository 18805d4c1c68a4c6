/** A PostgreSQL of one's own is restarted, shut down at once, killed, frozen, cut off and made slow while everything goes on. */
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PostgresServer } from '../servers/postgres.ts';
import { Proxy } from '../servers/proxy.ts';
import { rounds } from './budget.ts';
import { Workload } from './workload.ts';

const FILE_ROWS = 5000;
const FAULTS_EACH = rounds(2);
/** The last one, reached in a long run, is longer than any statement may take. */
const AWAY_MS: readonly number[] = [200, 2500, 100, 5000, 65_000];

const server = await PostgresServer.start({ database: 'corec_db' });
const proxy = await Proxy.start(server.port);
after(async () => {
  await proxy.close();
  await server.close();
});

interface Fault {
  readonly name: string;
  /** Takes PostgreSQL away and brings it back. */
  readonly happen: (awayMs: number) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'restarted',
    happen: async (awayMs) => {
      await server.stop('fast');
      await delay(awayMs);
      await server.start();
    },
  },
  {
    name: 'shut down at once',
    happen: async (awayMs) => {
      await server.stop('immediate');
      await delay(awayMs);
      await server.start();
    },
  },
  {
    name: 'killed',
    happen: async (awayMs) => {
      await server.kill();
      await delay(awayMs);
      await server.start();
    },
  },
  {
    name: 'frozen',
    happen: async (awayMs) => {
      server.freeze();
      await delay(awayMs);
      server.thaw();
    },
  },
  {
    name: 'cut off',
    happen: async (awayMs) => {
      proxy.cut();
      await delay(awayMs);
      proxy.heal();
    },
  },
  {
    name: 'reset',
    happen: async (awayMs) => {
      proxy.reset();
      await delay(awayMs);
      proxy.reset();
    },
  },
  {
    name: 'slow',
    happen: async (awayMs) => {
      proxy.delay(150);
      await delay(awayMs);
      proxy.delay(0);
    },
  },
];

for (const { name, happen } of FAULTS) {
  test(`PostgreSQL ${name} under load: nothing is lost, nothing stands twice`, async (t) => {
    const database = `corec_${name.replaceAll(' ', '_')}`;
    const connection = await server.createDatabase(database);
    const load = new Workload(t, {
      config: {
        db_config: {
          host: '127.0.0.1',
          port: proxy.port,
          dbname: database,
          user: connection.user,
          password: connection.password,
        },
      },
    });
    await load.start();
    load.begin();
    const recoveryMs: number[] = [];
    for (let round = 0; round < FAULTS_EACH; round++) {
      load.growFile(FILE_ROWS);
      load.forgetSomeAnswers();
      await delay(300 + load.random.below(900));
      await happen(AWAY_MS[round % AWAY_MS.length]! + load.random.below(1000));
      recoveryMs.push(await load.recovered());
    }
    load.tell(`PostgreSQL ${server.version} ${name}`, FAULTS_EACH, await load.account(connection), recoveryMs);
  });
}
