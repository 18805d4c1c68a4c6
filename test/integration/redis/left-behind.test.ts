/** The Redis of a test outlives neither the test nor its death. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { RedisServer } from '../../servers/redis/server.ts';
import { until } from '../../support/until.ts';

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

test('a test process that is killed leaves neither its Redis nor the folder', async (t) => {
  const source = new URL('../../servers/redis/server.ts', import.meta.url).href;
  const script = `const { RedisServer } = await import(${JSON.stringify(source)});
    const { pid, folder } = await RedisServer.start();
    console.log(JSON.stringify({ pid, folder }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const { pid, folder } = JSON.parse(said.toString()) as { pid: number; folder: string };
  assert.ok(isThere(pid) && existsSync(folder));
  child.kill('SIGKILL');
  await until('both are gone', () => !isThere(pid) && !existsSync(folder));
});

test('one that is stopped and started again finds its data', async () => {
  const server = await RedisServer.start({ durable: true });
  try {
    await server.command('set', 'a', '1');
    for (const end of ['stop', 'kill'] as const) {
      await server[end]();
      await server.start();
      assert.equal(await server.command('get', 'a'), '1');
    }
  } finally {
    await server.dispose();
  }
  assert.ok(!existsSync(server.folder));
});
