/** Modules: CoreC's own by folder, a user's own by path; each file exports one class that is a ModuloBase. */
import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { ModuloBase } from '#modules/modulo-base.ts';
import { resolveCorecAnywhere } from './own-imports.ts';

/** Registro makes what the others work on, Ejecucion runs it: these first, the rest by name. */
const FIRST = ['registro.ts', 'ejecucion.ts', 'registro.js', 'ejecucion.js'];
const METHODS = ['inicializar', 'ejecutar', 'detener'] as const;

/** @throws CoreCError COREC_E_MODULE_LOAD naming the file and what is missing. */
export async function loadModules(own: readonly string[]): Promise<ModuloBase[]> {
  const folder = new URL('../modules/', import.meta.url);
  resolveCorecAnywhere();
  const files = readdirSync(folder)
    .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts') && !name.startsWith('modulo-base'))
    .toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const modules: ModuloBase[] = [];
  for (const name of files) modules.push(await loadModule(new URL(name, folder).href, name));
  for (const path of own) modules.push(await loadModule(pathToFileURL(path).href, path));
  return modules;
}

function rank(name: string): number {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
}

async function loadModule(href: string, path: string): Promise<ModuloBase> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(href)) as Record<string, unknown>;
  } catch (error) {
    throw new CoreCError('COREC_E_MODULE_LOAD', { path, found: messageOf(error) }, error);
  }
  const classes = [exported.default, ...Object.values(exported)].filter(
    (value): value is new () => ModuloBase =>
      typeof value === 'function' && typeof value.prototype === 'object' && missing(value.prototype) === null,
  );
  const Modulo = classes[0];
  if (Modulo === undefined) {
    const candidate = Object.values(exported).find((value) => typeof value === 'function');
    const found =
      candidate === undefined
        ? 'no class is exported'
        : `${candidate.name} lacks ${missing(candidate.prototype as object) ?? 'its methods'}`;
    throw new CoreCError('COREC_E_MODULE_LOAD', { path, found });
  }
  try {
    return new Modulo();
  } catch (error) {
    throw new CoreCError('COREC_E_MODULE_LOAD', { path, found: messageOf(error) }, error);
  }
}

function missing(prototype: object | undefined): string | null {
  for (const method of METHODS) {
    if (typeof (prototype as Record<string, unknown> | undefined)?.[method] !== 'function') return `${method}()`;
  }
  return null;
}
