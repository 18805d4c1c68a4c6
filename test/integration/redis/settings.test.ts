/** A configuration that cannot work is told at once: server, setting, next step. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RedisAddress } from '#adapters/redis-streams/client.ts';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { CoreCError, type ErrorCode } from '#domain/errors.ts';
import { RedisCluster } from '../../servers/redis/cluster.ts';
import { documentedRights } from '../../servers/redis/documented-rights.ts';
import { freePort } from '../../servers/redis/ports.ts';
import { RedisServer } from '../../servers/redis/server.ts';

const clock = makeSystemClock();
let plain: RedisServer;
let guarded: RedisServer;
let secure: RedisServer;
let cluster: RedisCluster;

before(async () => {
  [plain, guarded, secure, cluster] = await Promise.all([
    RedisServer.start(),
    RedisServer.start({ user: { name: 'corec', password: 'right' } }),
    RedisServer.start({ tls: true }),
    RedisCluster.start({ masters: 3 }),
  ]);
});
after(async () => {
  await Promise.all([plain, guarded, secure, cluster].map((one) => one.dispose()));
});

/** What a start says of this address, in less than 5 s. */
async function problemWith(address: RedisAddress): Promise<CoreCError> {
  const bus = new RedisStreamsBus({ address, clock, maxlen: 1000 });
  try {
    const began = performance.now();
    assert.equal(await bus.connect(), false, 'it connected');
    assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`);
    assert.ok(bus.problem !== null);
    return bus.problem;
  } finally {
    await bus.close();
  }
}

function assertTold(error: CoreCError, code: ErrorCode, kind: string, ...words: RegExp[]): void {
  assert.equal(error.code, code, error.message);
  assert.equal(error.kind, kind);
  for (const idioma of ['en', 'es'] as const) {
    const text = error.text(idioma);
    assert.doesNotMatch(text, /\{\w+\}/, 'a place was not filled');
    for (const word of words) assert.match(text, word);
  }
}

describe('a start', () => {
  test('where nothing listens', async () => {
    const port = await freePort();
    const error = await problemWith({ ...plain.address, port });
    assertTold(error, 'COREC_E_REDIS_UNAVAILABLE', 'transient', new RegExp(`127\\.0\\.0\\.1:${port}`), /ECONNREFUSED/);
  });

  test('with a name that nobody has', async () => {
    const error = await problemWith({ ...plain.address, host: 'nobody.invalid' });
    assertTold(error, 'COREC_E_REDIS_UNAVAILABLE', 'transient', /nobody\.invalid/, /redis_config/);
  });

  test('with a wrong password, or none', async () => {
    const words = [/corec/, /redis_config\.password/];
    assertTold(
      await problemWith({ ...guarded.address, password: 'wrong' }),
      'COREC_E_REDIS_LOGIN',
      'terminal',
      ...words,
    );
    const nobody = await problemWith({ ...guarded.address, username: null, password: null });
    assertTold(nobody, 'COREC_E_REDIS_LOGIN', 'terminal', /NOAUTH|WRONGPASS/, /redis_config\.username/);
  });

  test('with a user that the server does not have', async () => {
    const error = await problemWith({ ...plain.address, username: 'stranger', password: 'x' });
    assertTold(error, 'COREC_E_REDIS_LOGIN', 'terminal', /stranger/, /OPERATIONS\.md/);
  });

  test('with TLS to a server without, and without to one with', async () => {
    const one = await problemWith({ ...plain.address, tls: true });
    assert.ok(['COREC_E_REDIS_TLS', 'COREC_E_REDIS_UNAVAILABLE'].includes(one.code), one.message);
    assert.match(one.message, /tls/i);
    const other = await problemWith({ ...secure.address, tls: false });
    assertTold(other, 'COREC_E_REDIS_UNAVAILABLE', 'transient', /tls/);
  });

  test('with a certificate that this machine does not trust', async () => {
    const error = await problemWith({ ...secure.address, tls: true });
    assertTold(error, 'COREC_E_REDIS_TLS', 'terminal', /NODE_EXTRA_CA_CERTS/);
  });

  test('on a node of a cluster as if it were one server, and on one server as if it were a cluster', async () => {
    const node = await problemWith({ ...cluster.address, cluster: [] });
    assertTold(node, 'COREC_E_REDIS_CLUSTER', 'terminal', /redis_config\.cluster/);
    const single = await problemWith({ ...plain.address, cluster: [{ host: '127.0.0.1', port: plain.port }] });
    assertTold(single, 'COREC_E_REDIS_SINGLE', 'terminal', /redis_config\.cluster/);
  });

  test('with a password that the cluster does not take', async () => {
    const error = await problemWith({ ...cluster.address, username: 'stranger', password: 'x' });
    assertTold(error, 'COREC_E_REDIS_LOGIN', 'terminal', /stranger/);
  });

  test('of which one node of a cluster answers is a start', async () => {
    const dead = { host: '127.0.0.1', port: await freePort() };
    const { address } = cluster;
    const bus = new RedisStreamsBus({
      address: { ...address, cluster: [dead, address.cluster[0]!] },
      clock,
      maxlen: 10,
    });
    assert.equal(await bus.connect(), true);
    await bus.append('corec_alerts', { data: '{}' });
    await bus.close();
  });
});

describe('rights', () => {
  const needed = documentedRights()
    .split(' ')
    .filter((right) => right.startsWith('+') && !/cluster|asking|setname/.test(right));

  test('that are missing are told at the start or by the call that needs them, and never half done', async () => {
    for (const right of needed) {
      const user = `without${right.replaceAll(/\W/g, '_')}`;
      const others = documentedRights()
        .split(' ')
        .filter((other) => other !== right);
      await guarded.command('acl', 'setuser', user, 'on', '>x', ...others);
      const bus = new RedisStreamsBus({
        address: { ...guarded.address, username: user, password: 'x' },
        clock,
        maxlen: 1000,
        callMs: 1000,
        appendMs: 1000,
      });
      const stream = `corec_${user}`;
      const said: CoreCError[] = [];
      const attempt = async (work: () => Promise<unknown>): Promise<void> => {
        try {
          await work();
        } catch (error) {
          assert.ok(error instanceof CoreCError, String(error));
          said.push(error);
        }
      };
      if (await bus.connect()) {
        await attempt(() => bus.append(stream, { x: '1' }));
        await attempt(() => bus.appendOnce(stream, 'id', { x: '2' }, 60));
        await attempt(() => bus.openGroup(stream, 'g', '0'));
        await attempt(() => bus.readGroup(stream, 'g', 'c', 10, 0));
        await attempt(() => bus.claim(stream, 'g', 'c', 0, 10));
        await attempt(() => bus.pending(stream, 'g'));
        await attempt(() => bus.ack(stream, 'g', ['1-1']));
        await attempt(() => bus.read(stream, '0', 10, 0));
        await attempt(() => bus.read(stream, '$', 10, 10));
        await attempt(() => bus.length(stream));
      } else said.push(bus.problem!);
      await bus.close();
      const told = said.find(({ code }) => code === 'COREC_E_REDIS_RIGHTS');
      assert.ok(told !== undefined, `${right}: ${said.map(({ message }) => message).join('\n')}`);
      assertTold(told, 'COREC_E_REDIS_RIGHTS', 'terminal', new RegExp(user), /ACL SETUSER/);
    }
  });

  test('on other streams than those of CoreC are not needed', async () => {
    await guarded.command('acl', 'setuser', 'exact', 'on', '>x', ...documentedRights().split(' '));
    const bus = new RedisStreamsBus({
      address: { ...guarded.address, username: 'exact', password: 'x' },
      clock,
      maxlen: 1000,
    });
    assert.equal(await bus.connect(), true, bus.problem?.message);
    await assert.rejects(bus.append('others', { x: '1' }), { code: 'COREC_E_REDIS_RIGHTS', kind: 'terminal' });
    await assert.rejects(bus.read('others', '0', 1, 0), { code: 'COREC_E_REDIS_RIGHTS' });
    await bus.append('corec_alerts', { x: '1' });
    await bus.close();
  });
});

describe('a key that is no stream', () => {
  test('is told by its name', async () => {
    await plain.command('set', 'corec_alerts', 'text');
    const bus = new RedisStreamsBus({ address: plain.address, clock, maxlen: 1000 });
    await bus.connect();
    for (const work of [
      () => bus.append('corec_alerts', { x: '1' }),
      () => bus.appendOnce('corec_alerts', 'id', { x: '1' }, 60),
      () => bus.read('corec_alerts', '0', 1, 0),
      () => bus.read('corec_alerts', '0', 1, 1000),
      () => bus.length('corec_alerts'),
      () => bus.openGroup('corec_alerts', 'g', '0'),
    ]) {
      await assert.rejects(work(), (error: unknown) => {
        assert.ok(error instanceof CoreCError);
        assertTold(error, 'COREC_E_REDIS_TYPE', 'terminal', /corec_alerts/, /TYPE/);
        return true;
      });
    }
    assert.equal((await bus.health()).ok, false);
    await bus.close();
    await plain.command('del', 'corec_alerts');
  });
});
