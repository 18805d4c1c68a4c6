/** CoreC with Redis as a person meets it: the specification's lines, a Redis that is away at the start, or goes away later. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test, type TestContext } from 'node:test';
import { documentedRights } from '../../servers/redis/documented-rights.ts';
import { startOldRedis } from '../../servers/redis/old-server.ts';
import { freePort } from '../../servers/redis/ports.ts';
import { RedisServer } from '../../servers/redis/server.ts';
import { startCoreC, type CoreCProcess } from '../../support/corec-process.ts';
import { until } from '../../support/until.ts';
import { entry, makeWorld, send, T0, type Json, type Row, type World } from '../nucleus/support.ts';

let server: RedisServer;
before(async () => {
  server = await RedisServer.start({
    user: { name: 'corec_user', password: 'secure_password', rights: documentedRights() },
    durable: true,
  });
});
after(() => server.dispose());

/** As in the specification, section 6. */
const asSpecified = (changes: Json = {}): Json => ({
  host: 'localhost',
  port: server.port,
  username: 'corec_user',
  password: 'secure_password',
  ...changes,
});

async function makeIt(t: TestContext, redis: Json = {}): Promise<World> {
  const limited = entry('limitado', { procesador: 'limites', parametros: { max: 90 } });
  return makeWorld(t, { config: { redis_config: asSpecified(redis), bloques: [limited] } });
}

function run(world: World, args: readonly string[] = []): CoreCProcess {
  const corec = startCoreC(world.configPath, world.dataDir, args);
  world.after(async () => void (await corec.end('SIGKILL')));
  return corec;
}

async function ended(corec: CoreCProcess): Promise<{ code: number; ms: number; output: string }> {
  const fromMs = performance.now();
  const [code] = (await once(corec.child, 'close')) as [number];
  return { code, ms: performance.now() - fromMs, output: corec.output() };
}

/** What stands in corec_alerts of this instance: `<clave> <evento>`, in order. */
async function alertsOf(world: World): Promise<string[]> {
  const client = server.client();
  try {
    await client.connect();
    const [[, entries] = ['', []]] = (await client.xread('STREAMS', 'corec_alerts', '0')) ?? [];
    return entries
      .map(([, [field, data]]) => {
        assert.equal(field, 'data');
        return JSON.parse(data!) as { instance_id: string; clave: string; evento: string };
      })
      .filter(({ instance_id }) => instance_id === world.instanceId)
      .map(({ clave, evento }) => `${clave} ${evento}`);
  } finally {
    client.disconnect();
  }
}

const high = (clave: string, seconds = 0): Row => ({ clave, valor: 95, ts: T0 + seconds * 1000 });

describe('CoreC with Redis', () => {
  test('as the specification has it: alerts stand in corec_alerts, once, over a kill and a start', async (t) => {
    const world = await makeIt(t);
    const child = await world.startChild();
    await child.call('commit');
    await child.send([high('a')], { bloque: 'limitado', id: 'l1' });
    await until('the alert is told', async () => (await alertsOf(world)).length === 1);
    await child.kill();
    // the lote is replayed and tells its alert once more, which is not a new one
    const corec = await world.start();
    await send(corec.api, [high('b', 10)], { bloque: 'limitado', id: 'l2' });
    await until('the next alert is told', async () => (await alertsOf(world)).length === 2);
    await corec.detener();
    const again = await world.start();
    await again.detener();
    assert.deepEqual(await alertsOf(world), ['a abierta', 'b abierta']);
  });

  test('status, doctor and metrics show the connection', async (t) => {
    const world = await makeIt(t);
    const corec = await world.start();
    const { streams, problems } = await corec.api.status();
    assert.equal(streams.ok, true);
    assert.equal(streams.version, server.version);
    assert.match(streams.found, new RegExp(`localhost:${server.port}`));
    assert.deepEqual(problems, []);
    assert.equal((await corec.api.doctor()).find(({ check }) => check === 'streams')?.state, 'ok');
    assert.match(await corec.api.metrics(), /^corec_redis_up 1$/m);
  });

  test('that goes away: it goes on and says so; alerts come when Redis is back, in order, once', async (t) => {
    const world = await makeIt(t);
    const corec = await world.start();
    await server.kill();
    await until('it is noticed', async () => !(await corec.api.status()).streams.ok);
    const { problems } = await corec.api.status();
    assert.ok(
      problems.some((problem) => problem.startsWith('streams: ')),
      problems.join('; '),
    );
    const finding = (await corec.api.doctor()).find(({ check }) => check === 'streams');
    assert.equal(finding?.state, 'fail');
    assert.match(finding.mend, /redis_config/);
    assert.match(await corec.api.metrics(), /^corec_redis_up 0$/m);
    for (const [k, clave] of ['a', 'b', 'c'].entries()) {
      const { lecturas } = await send(corec.api, [high(clave, k)], { bloque: 'limitado' });
      assert.equal(lecturas, 1);
    }
    await server.start();
    await until('all are told', async () => (await alertsOf(world)).length === 3, 30_000);
    assert.deepEqual(await alertsOf(world), ['a abierta', 'b abierta', 'c abierta']);
    assert.deepEqual((await corec.api.status()).problems, []);
  });

  test('that is away when it stops: the stop does not wait for it', async (t) => {
    const world = await makeIt(t);
    const corec = await world.start();
    await send(corec.api, [high('a')], { bloque: 'limitado' });
    server.freeze();
    try {
      const fromMs = performance.now();
      await corec.detener();
      assert.ok(performance.now() - fromMs < 10_000, `${performance.now() - fromMs} ms`);
    } finally {
      server.thaw();
    }
  });

  for (const [version, said] of [
    ['6.2.14', '6.2.14'],
    ['5.0.14', '5 or older'],
  ] as const) {
    test(`of version ${version}: it is refused at the start, with what is wanted and what to do`, async (t) => {
      const old = await startOldRedis(version);
      t.after(() => old.close());
      const world = await makeIt(t, { port: old.port, username: null, password: null });
      const { code, output } = await ended(run(world, ['--wait']));
      assert.notEqual(code, 0);
      assert.match(output, /COREC_E_REDIS_VERSION/);
      assert.ok(output.includes(`Redis at localhost:${old.port} is version ${said}`), output);
      assert.match(output, /CoreC needs 7\.0 or newer/);
    });
  }

  test('a command that looks at what is stored does not need it', async (t) => {
    const world = await makeIt(t, { port: await freePort() });
    const corec = await world.start({ whole: false });
    assert.equal((await corec.api.status()).streams.ok, false);
    await corec.detener();
  });
});

describe('other programs at the same Redis', () => {
  test('give commands and read answers, read frames, and write lecturas', async (t) => {
    const world = await makeWorld(t, {
      config: {
        redis_config: asSpecified(),
        bloques: [entry('sensores', { canal: 3, publicar: 'todos' })],
        fuentes: [{ tipo: 'redis', stream: 'corec_test_lecturas', bloque: 'sensores' }],
      },
    });
    const corec = await world.start();
    const stranger = server.client();
    await stranger.connect();
    try {
      for (let k = 0; k < 5; k++) {
        await stranger.xadd(
          'corec_test_lecturas',
          '*',
          'data',
          JSON.stringify({ clave: `c${k}`, valor: k, ts: T0 + k }),
        );
      }
      await until('the lecturas are taken', async () => (await corec.api.status()).lecturas === 5);
      let mensajes = 0;
      await until('frames hold a mensaje of each clave', async () => {
        mensajes = 0;
        const [[, entries] = ['', []]] = (await stranger.xreadBuffer('STREAMS', 'corec_canal_3', '0')) ?? [];
        for (const [, fields] of entries) {
          assert.match(String(fields[fields.findIndex((field) => String(field) === 'b') + 1]), /^sensores\/\d+$/);
          mensajes += fields[fields.findIndex((field) => String(field) === 'm') + 1]!.length / 10;
        }
        return mensajes >= 5;
      });
      assert.equal(mensajes, Math.trunc(mensajes));
      const id = `${world.instanceId}-1`;
      const command = { v: 1, id, instance_id: world.instanceId, command: 'pause', arguments: { bloque: 'sensores' } };
      await stranger.xadd('corec_commands', '*', 'data', JSON.stringify(command));
      let answer: { ok: boolean; result: object } | undefined;
      await until('the command is answered', async () => {
        const [[, entries] = ['', []]] = (await stranger.xread('STREAMS', 'corec_responses', '0')) ?? [];
        answer = entries
          .map(([, [, data]]) => JSON.parse(data!) as { id: string; ok: boolean; result: object })
          .find((one) => one.id === id);
        return answer !== undefined;
      });
      assert.deepEqual([answer!.ok, answer!.result], [true, { bloques: 10 }]);
    } finally {
      stranger.disconnect();
    }
  });
});

describe('the start beside Redis', () => {
  test('nobody at the address: it ends within seconds, with server, setting and next step, and exit code 4', async (t) => {
    const port = await freePort();
    const { code, ms, output } = await ended(run(await makeIt(t, { port })));
    assert.equal(code, 4, output);
    assert.ok(ms < 10_000, `${ms} ms`);
    for (const part of [`localhost:${port}`, 'ECONNREFUSED', 'redis_config', 'COREC_E_REDIS_UNAVAILABLE'])
      assert.ok(output.includes(part), `${part} in ${output}`);
  });

  test('a wrong password is told at once, waited for or not, in the language asked for', async (t) => {
    const world = await makeIt(t, { password: 'not-the-one' });
    const { code, output } = await ended(run(world, ['--wait', '60s', '--idioma', 'es']));
    assert.equal(code, 1, output);
    assert.match(output, /no admite al usuario corec_user.*redis_config\.password/s);
    assert.doesNotMatch(output, /not-the-one/);
  });

  test('--wait: one line, and CoreC comes up when Redis does', async (t) => {
    const world = await makeIt(t);
    await server.stop();
    const corec = run(world, ['--wait']);
    await until('it says that it waits', () => corec.output().includes('Waiting for Redis (--wait)'), 20_000);
    await server.start();
    await corec.ready();
    const lines = corec
      .output()
      .split('\n')
      .filter((line) => line.includes('Waiting for Redis'));
    assert.ok(lines.length <= 2, corec.output());
    assert.match(corec.output(), /Redis answers after/);
    assert.equal(await corec.end('SIGTERM'), 0);
  });
});
