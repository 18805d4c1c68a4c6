/** `corec run` and `corec migrate` as a person meets them, with the server there, away, or not there yet. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { freePort, PostgresServer } from '../../servers/postgres.ts';
import { RedisServer } from '../../servers/redis/server.ts';
import { startCoreC, type CoreCProcess } from '../../support/corec-process.ts';
import { until } from '../../support/until.ts';
import { entry, makeWorld, type World } from '../nucleus/support.ts';
import { whenOver } from './support.ts';

const CLI = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

describe('the start beside a PostgreSQL of one’s own', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start({ database: 'corec_db', password: 'your_password' });
  });
  after(() => server.close());

  async function makeIt(t: TestContext, changes: Partial<PostgresConnection> = {}): Promise<World> {
    return makeWorld(t, { postgres: { ...server.connection, ...changes }, config: { bloques: [entry('sensores')] } });
  }

  function run(t: TestContext, world: World, args: readonly string[] = []): CoreCProcess {
    const corec = startCoreC(world.configPath, world.dataDir, args);
    whenOver(t, () => corec.end('SIGKILL'));
    return corec;
  }

  async function ended(corec: CoreCProcess): Promise<{ code: number; ms: number; output: string }> {
    const fromMs = performance.now();
    const [code] = (await once(corec.child, 'close')) as [number];
    return { code, ms: performance.now() - fromMs, output: corec.output() };
  }

  const linesWith = (text: string, part: string): number =>
    text.split('\n').filter((line) => line.includes(part)).length;

  test('nobody at the address: it ends within seconds, with server, setting and next step, and exit code 4', async (t) => {
    const port = await freePort();
    const { code, ms, output } = await ended(run(t, await makeIt(t, { port })));
    assert.equal(code, 4, output);
    assert.ok(ms < 5000, `${ms} ms`);
    for (const part of [`127.0.0.1:${port}/corec_db`, 'ECONNREFUSED', 'db_config.host', 'db_config.port', 'systemctl'])
      assert.ok(output.includes(part), `${part} in ${output}`);
  });

  test('a server that says nothing: the same, within seconds', async (t) => {
    const world = await makeIt(t);
    server.freeze();
    try {
      const { code, ms } = await ended(run(t, world));
      assert.equal(code, 4);
      assert.ok(ms < 9000, `${ms} ms`);
    } finally {
      server.thaw();
    }
  });

  test('a wrong password is told at once, waited for or not, in the language asked for', async (t) => {
    const world = await makeIt(t, { password: 'wrong' });
    const { code, ms, output } = await ended(run(t, world, ['--wait', '60s', '--idioma', 'es']));
    assert.equal(code, 1, output);
    assert.ok(ms < 5000);
    assert.match(output, /no admite al usuario "postgres".*db_config\.password/s);
  });

  test('--wait: one line, and CoreC comes up when the server does', async (t) => {
    const world = await makeIt(t);
    await server.stop();
    const corec = run(t, world, ['--wait']);
    await until('it says that it waits', () => corec.output().includes('Waiting for PostgreSQL (--wait)'), 15_000);
    await server.start();
    await corec.ready();
    const output = corec.output();
    assert.ok(linesWith(output, 'Waiting for PostgreSQL') <= 2, output);
    assert.match(output, /PostgreSQL answers after/);
    assert.equal(await corec.end('SIGTERM'), 0);
  });

  test('--wait with a span gives up after it, with the same words as without', async (t) => {
    const world = await makeIt(t, { port: await freePort() });
    const { code, ms, output } = await ended(run(t, world, ['--wait', '1500ms']));
    assert.equal(code, 4, output);
    assert.ok(ms > 1400 && ms < 8000, `${ms} ms`);
    assert.equal(linesWith(output, 'Waiting for PostgreSQL'), 1, output);
    assert.match(output, /COREC_E_POSTGRES_UNREACHABLE/);
  });

  test('a stop while it waits ends it at once', async (t) => {
    const world = await makeIt(t, { port: await freePort() });
    const corec = run(t, world, ['--wait']);
    await until('it waits', () => corec.output().includes('Waiting for PostgreSQL'), 15_000);
    const fromMs = performance.now();
    assert.equal(await corec.end('SIGTERM'), 0);
    assert.ok(performance.now() - fromMs < 3000);
  });

  test('placeholder passwords of the sample are warned of at each start, others are not', async (t) => {
    const world = await makeIt(t);
    const redis = await RedisServer.start({ user: { name: 'corec_user', password: 'secure_password' } });
    world.after(() => redis.dispose());
    world.configure({
      redis_config: { port: redis.port, username: 'corec_user', password: 'secure_password' },
    });
    const warned = async (): Promise<string[]> => {
      const corec = await world.start();
      const lines = world.log().filter((line) => line.msg.includes('placeholder'));
      await corec.detener();
      return lines.map((line) => line.msg.split(' ')[0]!);
    };
    assert.deepEqual(await warned(), ['db_config.password', 'redis_config.password']);
    await server.query(`CREATE ROLE own LOGIN SUPERUSER PASSWORD 'a-password-of-its-own'`);
    const own = await makeIt(t, { user: 'own', password: 'a-password-of-its-own' });
    const corec = await own.start();
    await corec.detener();
    assert.deepEqual(
      own.log().filter((line) => line.msg.includes('placeholder')),
      [],
    );
  });

  test('corec migrate brings an empty database up to date, says so, and says when there is nothing to do', async (t) => {
    const world = await makeIt(t, await server.createDatabase('migrated'));
    const migrate = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [CLI, 'migrate', '--config', world.configPath, ...args], {
        encoding: 'utf8',
        env: { ...process.env, LANG: 'C', NO_COLOR: '1' },
      });
    const first = migrate('--json');
    assert.equal(first.status, 0, first.stderr);
    const report = JSON.parse(first.stdout) as { applied: number[]; server: string };
    assert.ok(report.applied.length >= 2);
    assert.match(report.server, /\/migrated$/);
    assert.match(migrate().stdout, /the schema is up to date/);
    world.configure({ db_config: undefined });
    const none = migrate();
    assert.equal(none.status, 2);
    assert.match(none.stderr, /db_config/);
  });
});
