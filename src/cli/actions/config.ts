/** `corec config check` and `corec config schema`: both work without a running CoreC. */
import { resolve } from 'node:path';
import type { ConfigCheckResult } from '#nucleus/commands/command.ts';
import { placeOf, runOffline } from '../ask.ts';
import { EXIT } from '../exit.ts';
import { writeJson, writeLines, type Call } from '../io.ts';
import { configView } from '../views/config.ts';
import { viewOf } from './show.ts';

export async function checkConfig(call: Call): Promise<number> {
  const { io } = call;
  const file = call.args['file'];
  const [{ makeConfigAccess }, { loadConfig, defaultConfig }] = await Promise.all([
    import('#app/config-access.ts'),
    import('#app/load-config.ts'),
  ]);
  const named = typeof file === 'string' ? resolve(io.cwd, file) : (await placeOf(call)).configPath;
  const inUse = named === null ? defaultConfig(io.cwd) : loadConfig(named, io.env);
  const config = makeConfigAccess({ inUse, env: io.env, namesFiles: true });
  const answer = (await runOffline(call, null, 'config-check', {}, { config })) as ConfigCheckResult;
  if (call.json) writeJson(io.stdout, answer);
  else writeLines(io.stdout, configView(answer, viewOf(call)));
  return EXIT.ok;
}

/** Always JSON, laid out to be saved beside the configuration. */
export async function printSchema(call: Call): Promise<number> {
  const schema = await runOffline(call, null, 'config-schema', {});
  call.io.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return EXIT.ok;
}
