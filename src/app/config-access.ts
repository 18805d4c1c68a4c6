/**
 * `corec config check`: everything about a configuration that can be told without starting CoreC.
 *
 * Owns asking procesadores and the machine. Leaves the file's own defects to load-config.ts, the sums to domain/config/estimate.ts.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { readDisk } from '#adapters/host-check/disk.ts';
import { readMemory } from '#adapters/host-check/memory.ts';
import { describeCheck } from '#domain/config/check.ts';
import type { BloqueEntry, CoreCConfig } from '#domain/config/config.ts';
import { defect, defectsError, pathOf, type ConfigDefect } from '#domain/config/defects.ts';
import { estimate, sizeDefects, type Estimate } from '#domain/config/estimate.ts';
import { parametrosDefects } from '#domain/config/parametros.ts';
import type { ConfigNotice } from '#domain/config/parse.ts';
import type { Environment } from '#domain/config/variables.ts';
import { CoreCError } from '#domain/errors.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ConfigAccess, ConfigCheckResult } from '#nucleus/commands/command.ts';
import { CONFIG_FILE, loadConfig, type LoadedConfig } from './load-config.ts';
import { loadProcesador } from './procesadores.ts';

export interface ConfigAccessOptions {
  /** What CoreC runs with, or would run with. */
  readonly inUse: LoadedConfig;
  readonly env: Environment;
  /** False: only the configuration in use may be asked about. */
  readonly namesFiles: boolean;
}

export function makeConfigAccess({ inUse, env, namesFiles }: ConfigAccessOptions): ConfigAccess {
  return {
    async check(file) {
      if (file === null) return checkConfig(inUse, inUse.path ?? CONFIG_FILE);
      if (!namesFiles) throw new CoreCError('COREC_E_UNAUTHORIZED', { found: 'this door may name no files' });
      return checkConfig(loadConfig(file, env), file);
    },
  };
}

/**
 * @throws ConfigError with every defect that needs procesadores to be seen: unknown ones, their parametros, sizes.
 */
export async function checkConfig(loaded: LoadedConfig, file: string): Promise<ConfigCheckResult> {
  const { config } = loaded;
  const { known, defects } = await loadAll(config, loaded.folder);
  for (const entry of config.bloques) {
    const procesador = known.get(entry.procesador);
    if (procesador !== undefined) defects.push(...parametrosDefects(entry, procesador));
  }
  const lookup = (procesador: string): AnyProcesador | null => known.get(procesador) ?? null;
  defects.push(...sizeDefects(config, lookup));
  if (defects.length > 0) throw defectsError(file, defects, null);
  const needs = estimate(config, lookup);
  const notices = [...loaded.notices, ...(await machineNotices(config, needs))];
  return { file, check: describeCheck(config, needs, notices) };
}

async function loadAll(
  config: CoreCConfig,
  folder: string,
): Promise<{ readonly known: ReadonlyMap<string, AnyProcesador>; readonly defects: ConfigDefect[] }> {
  const known = new Map<string, AnyProcesador>();
  const defects: ConfigDefect[] = [];
  const users = new Map<string, BloqueEntry[]>();
  for (const entry of config.bloques) users.set(entry.procesador, [...(users.get(entry.procesador) ?? []), entry]);
  for (const [ref, entries] of users) {
    try {
      known.set(ref, await loadProcesador(ref, folder));
    } catch (error) {
      if (!(error instanceof CoreCError)) throw error;
      const [en, es] = [error.text('en'), error.text('es')].map((text) => text.replace(/\.$/, ''));
      defects.push(
        ...entries.map((entry) =>
          defect([...pathOf(entry.path), 'procesador'], `cannot be used: ${en}`, `no se puede usar: ${es}`),
        ),
      );
    }
  }
  return { known, defects };
}

async function machineNotices(config: CoreCConfig, needs: Estimate): Promise<ConfigNotice[]> {
  const notices: ConfigNotice[] = [];
  const { limitBytes, machineBytes } = readMemory();
  const memory = Math.min(limitBytes ?? Infinity, machineBytes);
  if (needs.memoriaBytesMax > memory) {
    notices.push({
      code: 'config.notice_memory',
      path: 'bloques',
      params: { bytes: needs.memoriaBytesMax, disponible: memory },
    });
  }
  const folder = nearestFolder(config.data_dir);
  const { freeBytes } = await readDisk(folder);
  if (needs.discoBytesMax > freeBytes) {
    notices.push({
      code: 'config.notice_disk',
      path: 'data_dir',
      params: { bytes: needs.discoBytesMax, disponible: freeBytes, ruta: folder },
    });
  }
  return notices;
}

/** The data folder, or of the folders above it the first that is there. */
function nearestFolder(path: string): string {
  const parent = dirname(path);
  return existsSync(path) || parent === path ? path : nearestFolder(parent);
}
