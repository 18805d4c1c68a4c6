/** `corec migrate`: works without a running CoreC, and beside one. */
import { text } from '#domain/texts/text.ts';
import { placeOf } from '../ask.ts';
import { EXIT } from '../exit.ts';
import { writeJson, writeLines, type Call } from '../io.ts';

export async function migrate(call: Call): Promise<number> {
  const { io, idioma } = call;
  const [{ migrateDatabase }, { loadConfig, defaultConfig }] = await Promise.all([
    import('#app/migrate.ts'),
    import('#app/load-config.ts'),
  ]);
  const { configPath } = await placeOf(call);
  const report = await migrateDatabase(configPath === null ? defaultConfig(io.cwd) : loadConfig(configPath, io.env));
  const { server, version, applied } = report;
  if (call.json) writeJson(io.stdout, report);
  else if (applied.length === 0) writeLines(io.stdout, [text(idioma, 'cli.migrate_none', { server, version })]);
  else writeLines(io.stdout, [text(idioma, 'cli.migrate_done', { server, version, numeros: applied.join(', ') })]);
  return EXIT.ok;
}
