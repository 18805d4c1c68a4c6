/**
 * What the plans of redirection, merging and splitting see of a bloque, and what they say: numbers in, moves out.
 *
 * Owns the records, the thresholds of the specification (section 2.2) and what a move does to the numbers. Leaves deciding to
 * redireccion.ts and fusion.ts, carrying out to the nucleus.
 *
 * Every move is of one kind: entidades leave one bloque and stand in another, under the numbers that they have for life. Unbound ones
 * are capacity; bound ones take their clave, state and episodio along.
 *
 * M1 A move changes no total: what leaves `de` arrives in `a`.
 * M2 Nobody gives bound entidades away but by `fusionar` and `dividir`, which stay inside an entry.
 */

/** Below both a bloque is inactive, and lends. */
export const INACTIVE_FITNESS = 0.3;
export const INACTIVE_CARGA = 0.2;
/** Above it a bloque is active, and takes. */
export const ACTIVE_FITNESS = 0.8;
/** A lender keeps this share of its entidades, so that a first new clave finds room at once. */
export const RESERVE = 0.05;
/** Siblings that are both less full than this are merged. */
export const MERGE_FULL = 0.25;
/** A bloque of more than so many times `entidades_por_bloque` is split. */
export const SPLIT_OVER = 1.5;

/** Entidades that are here and were born elsewhere, by the bloque of their birth. */
export interface Prestadas {
  readonly casa: string;
  readonly ligadas: number;
  readonly libres: number;
}

export interface BloqueNumeros {
  readonly id: string;
  readonly entrada: string;
  readonly indice: number;
  /** Its place in the order of urgency (canal, plugin), 0 first. */
  readonly rango: number;
  readonly entidades: number;
  /** Bound to a clave. */
  readonly ligadas: number;
  /** By `casa`, ascending. */
  readonly prestadas: readonly Prestadas[];
  /** `entidades_por_bloque` of its entry. */
  readonly normal: number;
  /** Most entidades that max_size_mb, and a bloque as such, leave room for. */
  readonly cabe: number;
  readonly fitness: number;
  readonly carga: number;
  /** Claves that found no entidad since the last pass. */
  readonly backlog: number;
  /** Entidades that it is expected to need until the pass after the next; 0: nothing is expected. */
  readonly espera: number;
  /** Carga that is expected until then, never below what it is. */
  readonly cargaEspera: number;
  /** False: it is paused, or something of it is under way. It neither gives nor takes. */
  readonly mueve: boolean;
  /** Nothing of it waits, fails or is to be repaired: its bound entidades may move too. */
  readonly sana: boolean;
}

export type TipoMovimiento = 'devolver' | 'fusionar' | 'dividir' | 'redirigir';

export interface Movimiento {
  readonly tipo: TipoMovimiento;
  readonly de: string;
  /** Of `dividir`: a bloque that is not there yet. */
  readonly a: string;
  readonly entidades: number;
  /** How many of them are bound. */
  readonly ligadas: number;
}

export const libres = (b: BloqueNumeros): number => b.entidades - b.ligadas;
export const prestadasLibres = (b: BloqueNumeros): number => b.prestadas.reduce((sum, p) => sum + p.libres, 0);
/** Unbound entidades that were born here. */
export const propiasLibres = (b: BloqueNumeros): number => libres(b) - prestadasLibres(b);

/** `enjambre/2` before `enjambre/10`: the order must not hang on how many digits an index has. */
export function byPlace(a: BloqueNumeros, b: BloqueNumeros): number {
  if (a.entrada !== b.entrada) return a.entrada < b.entrada ? -1 : 1;
  return a.indice - b.indice;
}

/** Bloques in the order of their places, so that the same numbers in another order give the same plan. */
export function inOrder(bloques: readonly BloqueNumeros[]): BloqueNumeros[] {
  return bloques.toSorted(byPlace);
}

/**
 * How many of each kind a split takes: of the bound ones as large a share as of all, so that the work is halved with the capacity; of
 * either kind what was born elsewhere first.
 */
export function splitParts(b: BloqueNumeros, entidades: number): SplitParts {
  const ligadas = Math.ceil((b.ligadas * entidades) / b.entidades);
  const ajenas = b.prestadas.reduce((sum, p) => sum + p.ligadas, 0);
  const ajenasLigadas = Math.min(ligadas, ajenas);
  const ajenasLibres = Math.min(entidades - ligadas, prestadasLibres(b));
  return {
    ajenasLigadas,
    propiasLigadas: ligadas - ajenasLigadas,
    ajenasLibres,
    propiasLibres: entidades - ligadas - ajenasLibres,
  };
}

export interface SplitParts {
  readonly ajenasLigadas: number;
  readonly propiasLigadas: number;
  readonly ajenasLibres: number;
  readonly propiasLibres: number;
}

/** The numbers as a move leaves them: what a plan of several moves goes on from. */
export function afterMove(bloques: readonly BloqueNumeros[], move: Movimiento): BloqueNumeros[] {
  const de = bloques.find(({ id }) => id === move.de)!;
  const { left, gone } = leave(de, move);
  const list = bloques.map((b) => {
    if (b.id === move.de) return left;
    return b.id === move.a ? arrive(b, move, gone) : b;
  });
  if (move.tipo === 'dividir') list.push(arrive(sibling(de, move.a), move, gone));
  return list;
}

/** A bloque as a split makes it, before anything has arrived. */
function sibling(of: BloqueNumeros, id: string): BloqueNumeros {
  const indice = Number(id.slice(id.lastIndexOf('/') + 1));
  return { ...of, id, indice, entidades: 0, ligadas: 0, prestadas: [], backlog: 0, espera: 0 };
}

interface Leaving {
  readonly left: BloqueNumeros;
  /** What leaves, by the bloque of its birth. */
  readonly gone: readonly Prestadas[];
}

function leave(de: BloqueNumeros, { tipo, a, entidades, ligadas }: Movimiento): Leaving {
  const split = tipo === 'dividir' ? splitParts(de, entidades) : null;
  const home = tipo === 'devolver' ? a : null;
  let ajenasLigadas = split?.ajenasLigadas ?? (tipo === 'fusionar' ? Infinity : 0);
  let ajenasLibres = split?.ajenasLibres ?? 0;
  const gone: Prestadas[] = [];
  const stay: Prestadas[] = [];
  for (const one of de.prestadas) {
    const bound = Math.min(one.ligadas, ajenasLigadas);
    const free = one.casa === home ? entidades : Math.min(one.libres, ajenasLibres);
    ajenasLigadas -= bound;
    if (one.casa !== home) ajenasLibres -= free;
    if (bound + free > 0) gone.push({ casa: one.casa, ligadas: bound, libres: free });
    const rest = { casa: one.casa, ligadas: one.ligadas - bound, libres: one.libres - free };
    if (rest.ligadas + rest.libres > 0) stay.push(rest);
  }
  const told = gone.reduce((sum, p) => sum + p.ligadas, 0);
  const own = { casa: de.id, ligadas: ligadas - told, libres: 0 };
  own.libres = entidades - ligadas - gone.reduce((sum, p) => sum + p.libres, 0);
  if (own.ligadas + own.libres > 0) gone.push(own);
  const left = { ...de, entidades: de.entidades - entidades, ligadas: de.ligadas - ligadas, prestadas: stay };
  return { left, gone };
}

function arrive(a: BloqueNumeros, { entidades, ligadas }: Movimiento, gone: readonly Prestadas[]): BloqueNumeros {
  const homes = new Map(a.prestadas.map((p) => [p.casa, p]));
  for (const one of gone) {
    if (one.casa === a.id) continue;
    const known = homes.get(one.casa);
    homes.set(one.casa, {
      casa: one.casa,
      ligadas: one.ligadas + (known?.ligadas ?? 0),
      libres: one.libres + (known?.libres ?? 0),
    });
  }
  const prestadas = [...homes.values()].toSorted((x, y) => (x.casa < y.casa ? -1 : 1));
  return { ...a, entidades: a.entidades + entidades, ligadas: a.ligadas + ligadas, prestadas };
}
