/**
 * What is kept of how an entry came to the parametros that it judges by.
 *
 * Owns the record and its bound. Leaves who writes it to the nucleus.
 */
import { keyOf, type Genoma } from './genoma.ts';

/** Steps that are kept beside the entry; each is in `comandos` too, for as long as rows are. */
export const PASOS_MAX = 16;

/** What of an entry's configuration a genoma stands on. */
export interface Configured {
  readonly procesador: string;
  readonly parametros: Readonly<Record<string, unknown>>;
}

/** One change, by evolution or by hand. */
export interface Paso {
  readonly tipo: 'cambiar' | 'volver' | 'fijar' | 'soltar';
  /** `ModuloEvolucion`, or who asked for it. */
  readonly por: string;
  readonly tsMs: number;
  readonly genoma: Genoma;
  /** What was in use before. */
  readonly antes: Genoma;
  /** Number of the round, seed of everything that was drawn in it, and lecturas that were held back; null: by hand. */
  readonly ensayo: number | null;
  readonly semilla: number | null;
  readonly lecturas: number | null;
  /** F1 on planted oddities, of what was taken and of what was in use, on the same lecturas; how sure it is, 0..1. */
  readonly aptitud: number | null;
  readonly aptitudAntes: number | null;
  readonly confianza: number | null;
}

/** As the catalogue keeps it. */
export interface EvolucionRow {
  /** As the entry was configured then: of another configuration it says nothing. */
  readonly base: Configured;
  readonly genoma: Genoma;
  /** True: nothing changes it but a hand. */
  readonly fijado: boolean;
  /** Oldest first. */
  readonly pasos: readonly Paso[];
}

export function isSameBase(a: Configured, b: Configured): boolean {
  const text = ({ procesador, parametros }: Configured): string =>
    JSON.stringify([procesador, Object.entries(parametros).toSorted(([x], [y]) => (x < y ? -1 : 1))]);
  return text(a) === text(b);
}

/** A step that somebody asked for: what is in use from then on is pinned, or let go. */
export function makePasoByHand(
  tipo: 'fijar' | 'soltar',
  por: string,
  tsMs: number,
  genoma: Genoma,
  antes: Genoma,
): Paso {
  const none = { ensayo: null, semilla: null, lecturas: null, aptitud: null, aptitudAntes: null, confianza: null };
  return { tipo, por, tsMs, genoma, antes, ...none };
}

/** `row` after one more step. */
export function stepped(row: EvolucionRow, paso: Paso): EvolucionRow {
  const fijado = paso.tipo === 'fijar' || (paso.tipo === 'soltar' ? false : row.fijado);
  return { base: row.base, genoma: paso.genoma, fijado, pasos: [...row.pasos, paso].slice(-PASOS_MAX) };
}

/** What was in use before what is; null: it was always this. */
export function formerOf({ genoma, pasos }: EvolucionRow): Genoma | null {
  const key = keyOf(genoma);
  return pasos.findLast((paso) => keyOf(paso.genoma) === key && keyOf(paso.antes) !== key)?.antes ?? null;
}

/** The step that gave a parametro its value; null: it has that of the configuration, or its step is too long ago. */
export function originOf({ genoma, pasos }: EvolucionRow, nombre: string): Paso | null {
  const valor = genoma.valores[nombre];
  if (valor === undefined) return null;
  return (
    pasos.findLast((paso) => paso.genoma.valores[nombre] === valor && paso.antes.valores[nombre] !== valor) ?? null
  );
}
