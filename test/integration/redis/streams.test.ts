/** Commands, frames, readings and alerts over a real Redis, with kills in between, by a user who may do no more than is documented. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { documentedRights } from '../../servers/redis/documented-rights.ts';
import { RedisServer } from '../../servers/redis/server.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, makeWorld, send, series, T0, type World } from '../nucleus/support.ts';

type Client = ReturnType<RedisServer['client']>;

let server: RedisServer;
before(async () => {
  server = await RedisServer.start({
    user: { name: 'corec_user', password: 'secure_password', rights: documentedRights() },
    durable: true,
  });
});
after(() => server.dispose());

const LECTURAS = 'corec_lecturas';

async function makeIt(t: TestContext): Promise<{ world: World; redis: Client }> {
  const world = await makeWorld(t, {
    config: {
      redis_config: { host: 'localhost', port: server.port, username: 'corec_user', password: 'secure_password' },
      bloques: [
        entry('sensores', { publicar: 'cambios' }),
        entry('otros'),
        entry('limitado', { procesador: 'limites', parametros: { max: 90 } }),
      ],
      fuentes: [
        {
          tipo: 'redis',
          stream: LECTURAS,
          grupo: `g${Math.random()}`,
          desde: 'ahora',
          bloque: 'otros',
          mapeo: { clave: 'sensor', valor: 'temp' },
        },
      ],
    },
  });
  const redis = server.client();
  await redis.connect();
  world.after(async () => redis.disconnect());
  return { world, redis };
}

interface AnswerJson {
  readonly id: string;
  readonly entry: string;
  readonly instance_id: string;
  readonly ok: boolean;
  readonly repeated?: boolean;
  readonly result?: unknown;
}

async function jsonOf<T extends { readonly instance_id: string }>(
  redis: Client,
  world: World,
  stream: string,
): Promise<T[]> {
  // as any program that reads: the user may no more than is documented
  const [[, entries] = ['', []]] = (await redis.xread('STREAMS', stream, '0')) ?? [];
  return entries
    .map(([, [, data]]) => JSON.parse(data!) as T)
    .filter(({ instance_id }) => instance_id === world.instanceId);
}

const answersOf = (redis: Client, world: World): Promise<AnswerJson[]> => jsonOf(redis, world, 'corec_responses');

function sendCommand(redis: Client, world: World, command: Record<string, unknown>): Promise<string | null> {
  const data = JSON.stringify({ v: 1, instance_id: world.instanceId, ...command });
  return redis.xadd('corec_commands', '*', 'data', data);
}

describe('streams in Redis', () => {
  test('commands are done once and answered once, however often CoreC is killed on the way', async (t) => {
    const { world, redis } = await makeIt(t);
    let child = await world.startChild();
    const ids: string[] = [];
    let stop = false;
    const sending = (async () => {
      for (let k = 0; !stop; k++) {
        const bloque = `sensores/${k % 10}`;
        const command =
          k % 3 === 0 ? { command: 'bloques' } : { command: k % 3 === 1 ? 'pause' : 'resume', arguments: { bloque } };
        ids.push(`${world.instanceId}-${k}`);
        await sendCommand(redis, world, { id: ids[k], ...command });
        // some are sent twice by a sender in doubt
        if (k % 10 === 0) await sendCommand(redis, world, { id: ids[k], ...command });
        if (k % 20 === 0) await delay(2);
      }
    })();
    for (let kill = 0; kill < 5; kill++) {
      const before = (await answersOf(redis, world)).length;
      await until('some are answered', async () => (await answersOf(redis, world)).length > before + 20, 30_000);
      await child.kill();
      child = await world.startChild();
    }
    stop = true;
    await sending;
    const firsts = async (): Promise<AnswerJson[]> =>
      (await answersOf(redis, world)).filter(({ repeated }) => repeated !== true);
    await until('all are answered', async () => (await firsts()).length >= ids.length, 30_000);
    const group = `corec:${world.instanceId}`;
    await until(
      'all is acknowledged',
      async () => Number(((await redis.xpending('corec_commands', group)) as [number])[0]) === 0,
    );
    const answers = await answersOf(redis, world);
    assert.deepEqual((await firsts()).map(({ id }) => id).toSorted(), ids.toSorted());
    assert.equal(new Set(answers.map(({ entry: of }) => of)).size, answers.length, 'no entry is answered twice');
    assert.ok(answers.every(({ ok }) => ok));
    const changing = ids.filter((_, k) => k % 3 !== 0);
    const rows = await world.query<{ id: string }>(
      `SELECT id FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta = 'streams' ORDER BY orden`,
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      changing,
      'in the order of the stream',
    );
    await child.kill();
    // what the last command said of each bloque holds
    const corec = await world.start();
    for (let bloque = 0; bloque < 10; bloque++) {
      const last = ids.findLastIndex((_, k) => k % 3 !== 0 && k % 10 === bloque);
      assert.equal(corec.api.bloque(`sensores/${bloque}`)!.pausado, last % 3 === 1, `sensores/${bloque}`);
    }
  });

  test('readings of a stream act once over kills, and are acknowledged once an epoch holds them', async (t) => {
    const { world, redis } = await makeIt(t);
    let child = await world.startChild();
    const sent = new Map<string, number>();
    let stop = false;
    const sending = (async () => {
      for (let k = 0; !stop; k++) {
        const sensor = `${world.instanceId}.s${k % 7}`;
        sent.set(sensor, (sent.get(sensor) ?? 0) + 1);
        if (k % 5 === 0) await redis.xadd(LECTURAS, '*', 'data', JSON.stringify({ sensor, temp: k }));
        else await redis.xadd(LECTURAS, '*', 'sensor', sensor, 'temp', String(k));
        if (k % 10 === 0) await delay(1);
      }
    })();
    for (let kill = 0; kill < 5; kill++) {
      for (let epoch = 0; epoch <= kill % 3; epoch++) {
        await delay(30);
        await child.call('commit');
      }
      await delay(30);
      await child.kill();
      child = await world.startChild();
    }
    stop = true;
    await sending;
    await child.kill();
    const corec = await world.start();
    const all = [...sent.values()].reduce((sum, one) => sum + one, 0);
    await until('all are in', async () => (await corec.api.status()).lecturas >= all, 30_000);
    // what is in has acted when an epoch is cut
    await commit(corec);
    for (const [sensor, count] of sent) assert.equal(corec.api.entidad(sensor).estado.cuenta, count, sensor);
    const [source] = (await corec.api.status()).sources;
    const group = source!.id.split(':').at(-1)!;
    await until(
      'all is acknowledged',
      async () => Number(((await redis.xpending(LECTURAS, group)) as [number])[0]) === 0,
    );
  });

  test('frames come as the bytes that they are', async (t) => {
    const { world, redis } = await makeIt(t);
    const corec = await world.start();
    await send(corec.api, series(claves(5), 1), { bloque: 'sensores' });
    const { numero } = corec.nucleus.bloque('sensores/0')!.memory.core;
    const wanted = [...numero.subarray(0, 5)];
    const seen = new Map<number, number>();
    await until('they are published', async () => {
      const [[, entries] = [null, []]] = (await redis.xreadBuffer('STREAMS', 'corec_canal_2', '0')) ?? [];
      for (const [, fields] of entries) {
        assert.deepEqual([fields[0]!.toString(), fields[2]!.toString()], ['b', 'm']);
        if (fields[1]!.toString() !== 'sensores/0') continue;
        const frame = fields[3]!;
        for (let at = 0; at < frame.length; at += 10) {
          assert.deepEqual([frame.readInt8(at + 4), frame[at + 9]], [2, 1]);
          seen.set(frame.readUInt32BE(at), frame.readFloatBE(at + 5));
        }
      }
      return wanted.every((one) => seen.get(one) === 1);
    });
  });

  test('an alert that was told to nobody, since Redis was away when CoreC ended, is told by the next start', async (t) => {
    const { world, redis } = await makeIt(t);
    const child = await world.startChild();
    await child.send([{ clave: 'a', valor: 95, ts: T0 }], { bloque: 'limitado' });
    const alertsOf = async (client = redis): Promise<string[]> =>
      (await jsonOf<{ instance_id: string; clave: string; evento: string }>(client, world, 'corec_alerts')).map(
        ({ clave, evento }) => `${clave} ${evento}`,
      );
    await until('the first is told', async () => (await alertsOf()).length === 1);
    await server.kill();
    await child.send([{ clave: 'b', valor: 95, ts: T0 }], { bloque: 'limitado' });
    await child.call('commit');
    await child.kill();
    await server.start();
    // it may still be loading what it had
    await world.start({ waitMs: 20_000 });
    // the connection of before ended with the server
    const again = server.client();
    await again.connect();
    world.after(async () => again.disconnect());
    await until('the second is told', async () => (await alertsOf(again)).includes('b abierta'), 20_000);
    assert.deepEqual((await alertsOf(again)).toSorted(), ['a abierta', 'b abierta']);
  });
});
