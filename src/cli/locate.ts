/**
 * Which CoreC is meant: configuration, data folder and socket, from flags, environment and the working folder.
 *
 * Owns a quick look at two keys of the file, so that asking a running CoreC does not load the whole schema. Leaves judging the file
 * to app/load-config.ts, which is asked when the quick look fails.
 *
 * The configuration is the first of: --config, COREC_CONFIG, corec_config.json in the working folder, the one shipped with CoreC.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseJson } from '#domain/config/json.ts';
import { expandVariables, type Environment } from '#domain/config/variables.ts';
import type { Idioma } from '#domain/errors.ts';
import { socketPathOf } from '#http/socket-path.ts';

const CONFIG_FILE = 'corec_config.json';
const DATA_DIR_DEFAULT = 'data';

export interface Place {
  /** Null: there is none anywhere, everything is default. */
  readonly configPath: string | null;
  readonly dataDir: string;
  /** As the data folder has it; the client follows the pointer of one that is too long. */
  readonly socketPath: string;
  readonly idioma: 'auto' | Idioma;
  /** Whether something was ever stored: a server of one's own is asked, an own PostgreSQL lies in the data folder. */
  readonly hasStore: boolean;
}

export interface PlaceRequest {
  readonly config: string | undefined;
  readonly dataDir: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** CoreC's own folder. */
  readonly root: string;
}

interface QuickLook {
  readonly dataDir: string;
  readonly idioma: 'auto' | Idioma;
  readonly ownServer: boolean;
}

/** @throws ConfigError when the data folder cannot be told because the configuration is broken or not there. */
export async function locate(request: PlaceRequest): Promise<Place> {
  const { env, cwd, root } = request;
  const configPath = findConfig(request);
  const folder = configPath === null ? cwd : dirname(configPath);
  const given = request.dataDir === undefined ? null : resolve(cwd, request.dataDir);
  let look: QuickLook = { dataDir: DATA_DIR_DEFAULT, idioma: 'auto', ownServer: false };
  if (configPath !== null) {
    const quick = lookInto(configPath, env);
    if (quick !== null) look = quick;
    else if (given === null) {
      // says what is wrong with it
      const { loadConfig } = await import('#app/load-config.ts');
      const { config } = loadConfig(configPath, env);
      look = { dataDir: config.data_dir, idioma: config.idioma, ownServer: config.db_config !== null };
    }
  }
  const dataDir = given ?? resolve(configPath === null ? root : folder, look.dataDir);
  return {
    configPath,
    dataDir,
    socketPath: socketPathOf(dataDir),
    idioma: look.idioma,
    hasStore: look.ownServer || existsSync(dataDir),
  };
}

function findConfig({ config, env, cwd, root }: PlaceRequest): string | null {
  const named = config ?? env['COREC_CONFIG'];
  if (named !== undefined && named !== '') return resolve(cwd, named);
  for (const folder of [cwd, root]) {
    const path = join(folder, CONFIG_FILE);
    if (existsSync(path)) return path;
  }
  return null;
}

/** Null: it cannot be told so quickly. */
function lookInto(path: string, env: Environment): QuickLook | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const parsed = parseJson(text);
  if (!parsed.ok || parsed.document.value === null || typeof parsed.document.value !== 'object') return null;
  const { data_dir, idioma, db_config } = parsed.document.value as Record<string, unknown>;
  const { value, defects } = expandVariables({ data_dir: data_dir ?? DATA_DIR_DEFAULT, idioma: idioma ?? 'auto' }, env);
  const found = value as { data_dir: unknown; idioma: unknown };
  if (defects.length > 0 || typeof found.data_dir !== 'string') return null;
  return {
    dataDir: found.data_dir,
    idioma: found.idioma === 'en' || found.idioma === 'es' ? found.idioma : 'auto',
    ownServer: db_config !== undefined && db_config !== null,
  };
}
