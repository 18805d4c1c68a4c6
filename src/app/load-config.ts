/**
 * corec_config.json from disk: the only place that reads it, with the environment handed in by whoever starts CoreC.
 *
 * Paths in the file are relative to the file's folder, so that a configuration means the same wherever CoreC is started.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '#domain/config/defects.ts';
import { parseConfig, type ParsedConfig } from '#domain/config/parse.ts';
import type { Environment } from '#domain/config/variables.ts';
import { messageOf } from '#domain/errors.ts';

export const CONFIG_FILE = 'corec_config.json';

export interface LoadedConfig extends ParsedConfig {
  /** Absolute; null for the defaults alone. */
  readonly path: string | null;
  /** Absolute folder that relative paths start from. */
  readonly folder: string;
}

/** A larger file is something else than a configuration. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads and checks one configuration file.
 *
 * @throws ConfigError COREC_E_CONFIG_READ, or as parseConfig does.
 */
export function loadConfig(file: string, env: Environment): LoadedConfig {
  const path = resolve(file);
  const folder = dirname(path);
  return {
    ...parseConfig(readText(path, file), { file, env, resolve: (part) => resolve(folder, part) }),
    path,
    folder,
  };
}

/** All defaults, with paths relative to `folder`: for commands that run where no configuration is. */
export function defaultConfig(folder: string): LoadedConfig {
  const root = resolve(folder);
  return {
    ...parseConfig('{}', { file: CONFIG_FILE, env: {}, resolve: (part) => resolve(root, part) }),
    path: null,
    folder: root,
  };
}

function readText(path: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const found = errnoText(error);
    throw readError(file, found.en, found.es, error);
  }
  if (bytes.length > FILE_BYTES_MAX) {
    const mb = Math.ceil(bytes.length / 1024 / 1024);
    throw readError(file, `it has ${mb} MB`, `tiene ${mb} MB`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw readError(file, 'it is not UTF-8 text', 'no es texto UTF-8', error);
  }
}

function readError(path: string, en: string, es: string, cause?: unknown): ConfigError {
  const error = new ConfigError('COREC_E_CONFIG_READ', { en: { path, found: en }, es: { path, found: es } });
  if (cause !== undefined) error.cause = cause;
  return error;
}

const ERRNO: Readonly<Record<string, { readonly en: string; readonly es: string }>> = {
  ENOENT: { en: 'there is no such file', es: 'no existe ese archivo' },
  EISDIR: { en: 'it is a folder', es: 'es una carpeta' },
  ENOTDIR: { en: 'part of the path is no folder', es: 'una parte de la ruta no es una carpeta' },
  EACCES: { en: 'this user may not read it', es: 'este usuario no puede leerlo' },
  EPERM: { en: 'this user may not read it', es: 'este usuario no puede leerlo' },
};

function errnoText(error: unknown): { readonly en: string; readonly es: string } {
  const code = (error as { code?: unknown }).code;
  const text = messageOf(error);
  return (typeof code === 'string' ? ERRNO[code] : undefined) ?? { en: text, es: text };
}
