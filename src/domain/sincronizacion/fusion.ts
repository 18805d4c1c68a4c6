/**
 * Merging and splitting, decided: siblings that are nearly empty become one, a bloque that has grown too large becomes two.
 *
 * Owns the two plans. Leaves moving claves with their state to the nucleus.
 *
 * F1 Both inside one entry: procesador, canal and parametros are the same on either side.
 * F2 A merge moves the bound entidades of one sibling into another, which stays within what would be split. What is left behind is
 *    unbound capacity: idle as a whole, it may be lent.
 * F3 Every merge empties a bloque and every split halves one, so both come to an end.
 */
import { inOrder, MERGE_FULL, SPLIT_OVER, splitParts, type BloqueNumeros, type Movimiento } from './numeros.ts';

export function planFusion(bloques: readonly BloqueNumeros[]): Movimiento[] {
  const moves: Movimiento[] = [];
  const byEntrada = new Map<string, BloqueNumeros[]>();
  for (const b of inOrder(bloques)) {
    if (!b.mueve || !b.sana || b.ligadas === 0 || !isSparse(b, b.ligadas)) continue;
    const list = byEntrada.get(b.entrada);
    if (list === undefined) byEntrada.set(b.entrada, [b]);
    else list.push(b);
  }
  for (const sparse of byEntrada.values()) {
    let low = 0;
    let high = sparse.length - 1;
    let taken = 0;
    // into the first, from the last: new claves are placed from the first on, and must not fill again what was just emptied
    while (low < high) {
      const a = sparse[low]!;
      const de = sparse[high]!;
      const fits = a.entidades + taken + de.ligadas <= Math.min(a.cabe, Math.floor(a.normal * SPLIT_OVER));
      if (fits && isSparse(a, a.ligadas + taken, taken)) {
        moves.push({ tipo: 'fusionar', de: de.id, a: a.id, entidades: de.ligadas, ligadas: de.ligadas });
        taken += de.ligadas;
        high--;
      } else {
        low++;
        taken = 0;
      }
    }
  }
  return moves;
}

/** `nextIndice`: the first that no bloque of the entry has, or null when it may have no more. */
export function planDivision(
  bloques: readonly BloqueNumeros[],
  nextIndice: (entrada: string) => number | null,
): Movimiento[] {
  const moves: Movimiento[] = [];
  const made = new Map<string, number>();
  for (const b of inOrder(bloques)) {
    if (!b.mueve || !b.sana || b.entidades < 2) continue;
    if (b.entidades <= Math.min(b.cabe, Math.floor(b.normal * SPLIT_OVER))) continue;
    const move = splitOf(b, made.get(b.entrada) ?? nextIndice(b.entrada));
    if (move === null) continue;
    made.set(b.entrada, Number(move.a.slice(move.a.lastIndexOf('/') + 1)) + 1);
    moves.push(move);
  }
  return moves;
}

/** Half of a bloque into a new sibling. */
export function splitOf(b: BloqueNumeros, indice: number | null): Movimiento | null {
  if (indice === null || indice > INDICE_MAX || b.entidades < 2) return null;
  const entidades = Math.floor(b.entidades / 2);
  const { ajenasLigadas, propiasLigadas } = splitParts(b, entidades);
  return { tipo: 'dividir', de: b.id, a: `${b.entrada}/${indice}`, entidades, ligadas: ajenasLigadas + propiasLigadas };
}

/** 65,535 bloques an entry (BLOQUES_MAX), from 0. */
const INDICE_MAX = 65_534;

function isSparse(b: BloqueNumeros, ligadas: number, more: number = 0): boolean {
  // what is foreseen does not count: the entry has as much room after a merge as before
  return ligadas < MERGE_FULL * (b.entidades + more) && b.backlog === 0;
}
