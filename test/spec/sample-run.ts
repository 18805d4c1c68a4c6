/**
 * The specification's sample configuration (section 6.1) on the servers that it names: a PostgreSQL with its database, user and password,
 * a Redis with its user, and CoreC as `corec run` starts it; what came of it.
 *
 * As a program it runs the file as it stands, byte for byte, on ports 5432, 6379 and 8420, and prints its findings as one line of JSON:
 * for a network namespace of its own, where these ports are free whatever the machine does.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { PostgresServer } from '../servers/postgres.ts';
import { RedisServer } from '../servers/redis/server.ts';
import { startCoreC } from '../support/corec-process.ts';
import { until } from '../support/until.ts';

export const SAMPLE: string = fileURLToPath(new URL('../../examples/spec/corec_config.json', import.meta.url));
const PLUGINS = fileURLToPath(new URL('../../plugins', import.meta.url));

export interface SampleFindings {
  /** The file that was run. */
  readonly config: string;
  readonly entidades: number;
  readonly problems: readonly string[];
  readonly output: string;
  /** What the command `pause` of a plugin's bloque was answered over Redis. */
  readonly response: string;
  readonly bloques: readonly string[];
  readonly tables: readonly string[];
  readonly storedRows: number;
  readonly epoca: number;
  readonly exitCode: number | null;
}

/** `unmodified`: the file as it is. Else its servers' ports, and HTTP's, are free ones. */
export async function runSample(unmodified: boolean): Promise<SampleFindings> {
  const sample = JSON.parse(readFileSync(SAMPLE, 'utf8')) as {
    db_config: { dbname: string; user: string; password: string; port: number };
    redis_config: { username: string; password: string; port: number };
  };
  const { db_config: db, redis_config: redis } = sample;
  const folder = mkdtempSync(join(tmpdir(), 'corec-sample-'));
  const postgresServer = await PostgresServer.start({
    database: db.dbname,
    password: db.password,
    ...(unmodified ? { port: db.port } : {}),
  });
  const redisServer = await RedisServer.start({
    user: { name: redis.username, password: redis.password },
    ...(unmodified ? { port: redis.port } : {}),
  });
  try {
    const config = join(folder, 'corec_config.json');
    if (unmodified) copyFileSync(SAMPLE, config);
    else {
      const changed = {
        ...sample,
        db_config: { ...db, host: '127.0.0.1', port: postgresServer.port },
        redis_config: { ...redis, host: '127.0.0.1', port: redisServer.port },
        http: { port: 0 },
      };
      writeFileSync(config, JSON.stringify(changed, null, 2));
    }
    // as in a checkout: plugins beside the configuration
    symlinkSync(PLUGINS, join(folder, 'plugins'));
    const corec = startCoreC(config, join(folder, 'data'));
    try {
      await corec.ready();
      const client = redisServer.client();
      let response = '';
      try {
        const command = { v: 1, id: 'sample-1', command: 'pause', arguments: { bloque: 'example_block' } };
        await client.xadd('corec_commands', '*', 'data', JSON.stringify(command));
        await until('the command is answered', async () => {
          const [newest] = await client.xrevrange('corec_responses', '+', '-', 'COUNT', 1);
          response = newest?.[1][1] ?? '';
          return response !== '';
        });
      } finally {
        client.disconnect();
      }
      const status = (await corec.json('/api/status')) as { entidades: number; problems: string[] };
      const bloques = (await corec.json('/api/bloques')) as { entradas: { id: string }[] };
      const exitCode = await corec.end('SIGTERM');
      const tables = await postgresServer.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class WHERE relname IN ('bloques', 'alertas', 'comandos', 'epocas')
           OR relname ~ '^bloques_\\d{4}_\\d{2}$' ORDER BY 1`,
      );
      const [stored] = await postgresServer.query<{ filas: number; epoca: number }>(
        `SELECT (SELECT count(*)::int FROM bloques WHERE instance_id = 'corec1') AS filas,
           (SELECT epoca::int FROM epocas WHERE instance_id = 'corec1') AS epoca`,
      );
      return {
        config: readFileSync(config, 'utf8'),
        entidades: status.entidades,
        problems: status.problems,
        output: corec.output(),
        response,
        bloques: bloques.entradas.map(({ id }) => id),
        tables: tables.map(({ name }) => name),
        storedRows: stored!.filas,
        epoca: stored!.epoca,
        exitCode,
      };
    } finally {
      await corec.end('SIGKILL');
    }
  } finally {
    await redisServer.dispose();
    await postgresServer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(JSON.stringify(await runSample(true)));
