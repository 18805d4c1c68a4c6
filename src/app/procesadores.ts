/**
 * Procesadores by name (bundled) or by file (one's own).
 *
 * A file exports by default a procesador (defineProcesador) or a plain function `(payload) => ({valor})`, which becomes one whose
 * entidades run that closure for each lectura: 20 lines are enough, and both behave alike.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { ProcesadorFuncion } from '#domain/entidad/entidad.ts';
import { fromFuncion } from '#domain/procesadores/closure.ts';
import { BUNDLED } from '#domain/procesadores/bundled.ts';
import { defineProcesador, type AnyProcesador } from '#domain/procesadores/define.ts';
import { resolveCorecAnywhere } from './own-imports.ts';

export const isFileRef = (ref: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(ref);

/**
 * True when a thread can load it and it is worth one: a plugin's own procesadores have no name that loadProcesador knows, and bundled ones
 * that make up their lecturas take less than the copy.
 */
export const isForThreads = (ref: string): boolean =>
  isFileRef(ref) || BUNDLED.some(({ nombre, autonomo }) => nombre === ref && !autonomo);

/** @throws CoreCError COREC_E_PROCESADOR_UNKNOWN, COREC_E_PROCESADOR_INVALID */
export async function loadProcesador(ref: string, folder: string): Promise<AnyProcesador> {
  const bundled = BUNDLED.find((procesador) => procesador.nombre === ref);
  if (bundled !== undefined) return bundled;
  if (!isFileRef(ref)) {
    const known = BUNDLED.map((procesador) => procesador.nombre).join(', ');
    throw new CoreCError('COREC_E_PROCESADOR_UNKNOWN', {
      found: ref,
      allowed: `${known}, or the path of a file that exports one`,
    });
  }
  const path = resolve(folder, ref);
  resolveCorecAnywhere();
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (error) {
    throw new CoreCError(
      'COREC_E_PROCESADOR_INVALID',
      { nombre: ref, found: messageOf(error), expected: 'a file that can be imported' },
      error,
    );
  }
  if (typeof exported === 'function') return fromFuncion(nameOf(path), exported as ProcesadorFuncion);
  if (typeof exported === 'object' && exported !== null && 'nombre' in exported && 'estado' in exported) {
    return defineProcesador(exported as AnyProcesador);
  }
  throw new CoreCError('COREC_E_PROCESADOR_INVALID', {
    nombre: ref,
    found: `default export is ${exported === undefined ? 'missing' : typeof exported}`,
    expected: 'export default defineProcesador({...}) or a function (payload) => ({valor})',
  });
}

function nameOf(path: string): string {
  const stem = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).replace(/\.[^.]+$/, '');
  return `f_${stem.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`.slice(0, 64);
}
