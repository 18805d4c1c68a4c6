/** What the image holds, run as a container runs it: another user, nothing writable but the volumes, ended by SIGTERM. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort, PostgresServer } from '../servers/postgres.ts';
import { until } from '../support/until.ts';
import { composeText, fillIn, parseCompose } from './compose.ts';
import { ROOT } from './dockerfile.ts';
import { command, healthCheck, makeImage, type Image, type Running } from './image.ts';
import { PASSWORD, startRedis } from './redis.ts';

const service = parseCompose(composeText()).services['corec']!;
/** As Compose gives CoreC before it kills. */
const GRACE_MS = 1000 * Number.parseInt(service.stop_grace_period!, 10);
const LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (WARN |ERROR )?\[\w+\] /;

/** Started, and healthy by the image's own check. */
async function run(image: Image): Promise<Running> {
  const running = image.start(command);
  await healthy(image, running);
  return running;
}

async function healthy(image: Image, running: Running): Promise<void> {
  await until(
    'the doors are open',
    () => {
      assert.equal(running.child.exitCode, null, running.stderr());
      return running.stdout().includes('corec.sock');
    },
    60_000,
  );
  const check = image.start(healthCheck, running.env);
  assert.equal(await check.ended, 0, check.stderr());
  assert.equal(check.stderr(), '');
}

async function stop(running: Running): Promise<void> {
  const fromMs = performance.now();
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 0, running.stderr());
  assert.ok(performance.now() - fromMs < GRACE_MS);
}

describe('the image with PostgreSQL’s programs', () => {
  test('starts without fetching or writing anything outside of its volumes, is healthy, and stores everything on SIGTERM', async (t) => {
    // initdb wants a user that has a name: nobody
    const image = makeImage(t, {
      embedded: true,
      uid: 65534,
      ownVolumes: true,
      config: (shipped) => smaller(shipped).replace('"port": 8420', '"port": 0'),
    });
    const before = image.list();
    assert.equal(await image.start(healthCheck).ended, 1, 'nothing runs yet');

    const first = await run(image);
    await until('it reads the host', () => first.stdout().includes('[Fuente]'));
    await stop(first);
    assert.equal(first.stderr(), '', 'the bootstrap has nothing to say');
    const lines = first.stdout().trimEnd().split('\n');
    assert.deepEqual(
      lines.filter((line) => !LINE.test(line)),
      [],
    );
    for (const part of ['[ModuloRegistro] Bloque registrado', '[CoreCNucleus] Inicializado', '[CoreCNucleus] Detenido'])
      assert.ok(
        lines.some((line) => line.includes(part)),
        part,
      );

    // the volumes are all that a later container needs
    const second = await run(image);
    assert.match(second.stdout(), /Inicializado .*restored_entidades=[1-9]/);
    await stop(second);

    assert.deepEqual(image.list(), before);
    assert.equal(statSync(join(image.app, 'data')).mode & 0o077, 0);
    assert.deepEqual(readdirSync(join(image.app, 'logs')), ['corec.log']);
    assert.match(readFileSync(join(image.app, 'logs/corec.log'), 'utf8'), /^\{"level":"info"/);
  });
});

describe('the image as docker-compose.yml runs it', () => {
  test('any user will do: it waits for its servers, is reached with the token alone, and leaves its state to the next container', async (t) => {
    const server = await PostgresServer.start({ database: 'corec_db', password: 's3cret' });
    t.after(() => server.close());
    await server.stop();
    const redis = await startRedis(t);
    const httpPort = await freePort();
    const image = makeImage(t, {
      embedded: false,
      uid: 54_321,
      ownVolumes: false,
      config: () => composeConfig(server.port, redis.port, httpPort),
    });
    const before = image.list();
    const secrets = { COREC_TOKEN: 'a-token-of-this-test', POSTGRES_PASSWORD: 's3cret', REDIS_PASSWORD: PASSWORD };
    const env = fillIn(service.environment!, { ...secrets, POSTGRES_HOST: '127.0.0.1', REDIS_HOST: '127.0.0.1' });
    const start = (): Running => image.start(service.command!, env);

    const first = start();
    await until('it waits', () => first.stdout().includes('ECONNREFUSED'), 30_000);
    await server.start();
    await healthy(image, first);
    const url = `http://127.0.0.1:${httpPort}`;
    const post = (headers: Readonly<Record<string, string>>): Promise<Response> =>
      fetch(`${url}/api/lecturas?bloque=plant&mapeo=clave=sensor,valor=temp,ts=ts`, {
        method: 'POST',
        headers,
        body: '{"sensor":"a","temp":1,"ts":1700000000000}\n',
      });
    assert.equal((await post({})).status, 401);
    assert.equal((await post({ authorization: `Bearer ${secrets.COREC_TOKEN}` })).status, 200);
    assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { ok: true });
    assert.deepEqual(await (await fetch(`${url}/readyz`)).json(), { ready: true });
    await stop(first);

    const second = start();
    await healthy(image, second);
    assert.match(second.stdout(), /Inicializado .*restored_entidades=[1-9]/);
    await stop(second);
    assert.deepEqual(image.list(), before);
    assert.deepEqual(readdirSync(join(image.app, 'data')), ['corec']);
  });
});

/** docker/corec_config.json on ports that are free here. */
function composeConfig(dbPort: number, redisPort: number, httpPort: number): string {
  const config = JSON.parse(smaller(readFileSync(join(ROOT, 'docker/corec_config.json'), 'utf8'))) as Record<
    'db_config' | 'redis_config' | 'http',
    { port: number }
  >;
  config.db_config.port = dbPort;
  config.redis_config.port = redisPort;
  config.http.port = httpPort;
  return JSON.stringify(config);
}

/** The million has tests of its own. */
function smaller(config: string): string {
  return config.replace('"entidades": 980000', '"entidades": 2000');
}
