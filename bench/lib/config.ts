/** Configurations for the bench, written into a temp folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

/** A CoreC with nothing configured: it keeps what is sent to it. Port null: no TCP. Returns the file's path. */
export function writeBareConfig(folder: string, more: Readonly<Record<string, unknown>> = {}): string {
  return write(folder, {
    instance_id: 'bench',
    data_dir: join(folder, 'data'),
    logs: { ruta: join(folder, 'logs', 'corec.log') },
    bloques: [],
    ...more,
  });
}

/** The shipped configuration as it is, but for where it keeps its data and where it listens. */
export function writeShippedConfig(folder: string, port: number): string {
  const shipped = JSON.parse(readFileSync(join(ROOT, 'corec_config.json'), 'utf8')) as Record<string, unknown>;
  const plugins = (shipped.plugins as { config_path: string }[]).map((plugin) => ({
    ...plugin,
    config_path: join(ROOT, plugin.config_path),
  }));
  const { $schema: _, ...rest } = shipped;
  return write(folder, {
    ...rest,
    plugins,
    data_dir: join(folder, 'data'),
    logs: { ruta: join(folder, 'logs', 'corec.log') },
    http: { host: '127.0.0.1', port },
  });
}

function write(folder: string, config: unknown): string {
  const path = join(folder, 'corec_config.json');
  writeFileSync(path, JSON.stringify(config, null, 2));
  return path;
}
