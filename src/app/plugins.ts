/** Finds and imports plugins: plugins/<name>/main.ts beside the configuration, with their config.json. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CoreCConfig } from '#domain/config/config.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { checkPlugin, type LoadedPlugin } from '#nucleus/plugin-host.ts';
import type { Logger } from '#ports/logger.ts';
import { resolveCorecAnywhere } from './own-imports.ts';

/** Enabled plugins that could be imported; one that cannot is reported and left out, unless its bloque needs it. */
export async function loadPlugins(config: CoreCConfig, logger: Logger): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = [];
  resolveCorecAnywhere();
  for (const plugin of config.plugins) {
    if (!plugin.enabled) continue;
    const folder = dirname(plugin.config_path);
    const path = ['main.ts', 'main.js', 'main.mjs']
      .map((name) => join(folder, name))
      .find((candidate) => existsSync(candidate));
    try {
      if (path === undefined) {
        throw new CoreCError('COREC_E_PLUGIN_LOAD', {
          name: plugin.name,
          path: folder,
          found: 'no main.ts there',
          hint: 'Write one, or set enabled to false.',
        });
      }
      const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
      loaded.push({
        name: plugin.name,
        path,
        def: checkPlugin(plugin.name, path, module.default),
        config: readConfig(plugin.name, plugin.config_path),
      });
    } catch (error) {
      const fault = error instanceof CoreCError ? error : pluginError(plugin.name, path ?? folder, error);
      logger.error('PluginHost', fault.message, { plugin: plugin.name });
    }
  }
  return loaded;
}

function readConfig(name: string, path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new CoreCError(
      'COREC_E_PLUGIN_LOAD',
      { name, path, found: messageOf(error), hint: 'Correct its config.json.' },
      error,
    );
  }
}

function pluginError(name: string, path: string, error: unknown): CoreCError {
  return new CoreCError(
    'COREC_E_PLUGIN_LOAD',
    { name, path, found: messageOf(error), hint: 'See the stack in the log.' },
    error,
  );
}
