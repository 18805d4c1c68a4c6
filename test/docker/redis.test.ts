/** docker/redis.sh with a real server: CoreC's user may do what CoreC does, and nobody may do anything else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { documentedRights } from '../servers/redis/documented-rights.ts';
import { PASSWORD, SCRIPT, startRedis, USER } from './redis.ts';

async function openBus(t: TestContext, port: number): Promise<RedisStreamsBus> {
  const address = { host: '127.0.0.1', port, username: USER, password: PASSWORD, tls: false, cluster: [] } as const;
  const bus = new RedisStreamsBus({ address, clock: makeSystemClock(), maxlen: 100 });
  t.after(() => bus.close());
  assert.ok(await bus.connect(), String(bus.problem));
  return bus;
}

describe('docker/redis.sh', () => {
  test('gives the rights that are documented, and PING', () => {
    const rights = /^user \S+ on #\S+ (.+) \+ping$/m.exec(readFileSync(SCRIPT, 'utf8'))?.[1];
    assert.equal(rights, documentedRights());
  });

  test('CoreC can append, read and acknowledge as that user', async (t) => {
    const bus = await openBus(t, (await startRedis(t)).port);
    await bus.openGroup('corec_commands', 'corec', '0');
    const id = await bus.append('corec_commands', { data: 'x' });
    assert.equal((await bus.appendOnce('corec_responses', 'one', { data: 'y' }, 60)).first, true);
    assert.equal((await bus.appendOnce('corec_responses', 'one', { data: 'y' }, 60)).first, false);
    const [entry] = await bus.readGroup('corec_commands', 'corec', 'me', 10, 0);
    assert.equal(entry!.id, id);
    assert.equal((await bus.claim('corec_commands', 'corec', 'me', 0, 10)).entries.length, 1);
    assert.equal(await bus.ack('corec_commands', 'corec', [id]), 1);
    assert.equal((await bus.health()).ok, true);
  });

  test('what CoreC appended is there after a restart', async (t) => {
    const redis = await startRedis(t);
    const before = await openBus(t, redis.port);
    await before.appendAll('corec_alerts', [{ data: 'x' }, { data: 'y' }]);
    await before.appendOnce('corec_responses', 'one', { data: 'z' }, 60);
    await redis.restart();
    const after = await openBus(t, redis.port);
    assert.equal(await after.length('corec_alerts'), 2);
    assert.equal((await after.appendOnce('corec_responses', 'one', { data: 'z' }, 60)).first, false);
  });

  test('a stranger can do nothing, and CoreC nothing that is not its own', async (t) => {
    const at = await startRedis(t);
    const stranger = await at.connect();
    await assert.rejects(stranger.ping(), /NOAUTH/);
    await assert.rejects(stranger.call('AUTH', USER, 'another'), /WRONGPASS/);
    await assert.rejects(stranger.call('AUTH', 'default', ''), /WRONGPASS/);
    const corec = await at.connect(USER, PASSWORD);
    assert.equal(await corec.ping(), 'PONG');
    await assert.rejects(corec.set('foo', '1'), /NOPERM/);
    for (const words of [['CONFIG', 'GET', '*'], ['ACL', 'LIST'], ['FLUSHALL'], ['KEYS', '*'], ['SHUTDOWN']])
      await assert.rejects(corec.call(...(words as [string])), /NOPERM/, words[0]);
  });

  test('the password is on no command line, and SIGTERM reaches Redis itself', async (t) => {
    const redis = await startRedis(t);
    const words = execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(redis.pid)], { encoding: 'utf8' });
    assert.match(words, /redis-server/);
    assert.ok(!words.includes('secret') && !readFileSync(`/proc/${redis.pid}/cmdline`, 'utf8').includes('secret'));
    assert.equal(await redis.stop(), 0);
  });
});
