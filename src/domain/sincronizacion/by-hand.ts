/**
 * What a person asks for: the plan of the moment, narrowed to bloques that are named, or one move between two of them.
 *
 * H1 By hand the thresholds do not count; everything else does: only unbound entidades are lent, bound ones stay in their entry, there
 *    is room where they go, and what is under way or to be repaired is left alone.
 */
import { CoreCError } from '../errors.ts';
import { splitOf } from './fusion.ts';
import { libres, propiasLibres, type BloqueNumeros, type Movimiento, type TipoMovimiento } from './numeros.ts';
import type { NextIndice } from './plan.ts';

export interface Asked {
  readonly tipo: 'redirigir' | 'fusionar' | 'dividir';
  readonly de: string | null;
  readonly a: string | null;
  readonly entidades: number;
}

/** @throws CoreCError COREC_E_MOVE saying why a move that was named cannot be. */
export function planByHand(
  asked: Asked,
  bloques: readonly BloqueNumeros[],
  plan: (tipos: readonly TipoMovimiento[]) => readonly Movimiento[],
  nextIndice: NextIndice,
): readonly Movimiento[] {
  const byId = new Map(bloques.map((b) => [b.id, b]));
  const de = asked.de === null ? undefined : byId.get(asked.de);
  const a = asked.a === null ? undefined : byId.get(asked.a);
  if (asked.tipo === 'redirigir') {
    if (asked.entidades > 0) return [lend(asked, de, a)];
    return narrowed(plan(['devolver', 'redirigir']), asked);
  }
  if (asked.tipo === 'fusionar') {
    if (asked.a !== null) return [merge(asked, de, a)];
    return narrowed(plan(['fusionar']), asked);
  }
  if (de === undefined) return narrowed(plan(['dividir']), asked);
  assertMoves(de);
  assertSana(de);
  const split = splitOf(de, nextIndice(de.entrada));
  if (split === null) throw refused(`${de.id} has ${de.entidades} entidades`, 'a bloque of two or more');
  return [split];
}

function narrowed(moves: readonly Movimiento[], { de, a, tipo }: Asked): readonly Movimiento[] {
  const isOf = (ref: string | null, id: string): boolean =>
    ref === null || ref === id || id.slice(0, id.lastIndexOf('/')) === ref;
  // of a merge either side may be the one that is named
  if (tipo === 'fusionar') return moves.filter((move) => isOf(de, move.de) || isOf(de, move.a));
  return moves.filter((move) => isOf(de, move.de) && isOf(a, move.a));
}

function lend(
  { de: from, a: to, entidades }: Asked,
  de: BloqueNumeros | undefined,
  a: BloqueNumeros | undefined,
): Movimiento {
  if (de === undefined || a === undefined || de === a)
    throw refused(`from ${from ?? '-'} to ${to ?? '-'}`, 'two bloques (sensor/3) that keep claves');
  assertMoves(de);
  assertMoves(a);
  const isHome = de.prestadas.some(({ casa }) => casa === a.id);
  const most = isHome ? (de.prestadas.find(({ casa }) => casa === a.id)?.libres ?? 0) : propiasLibres(de);
  if (entidades > most)
    throw refused(`${entidades} of the ${libres(de)} unbound entidades of ${de.id}`, `up to ${most}`);
  assertRoom(a, entidades);
  return { tipo: isHome ? 'devolver' : 'redirigir', de: de.id, a: a.id, entidades, ligadas: 0 };
}

function merge({ de: from, a: to }: Asked, de: BloqueNumeros | undefined, a: BloqueNumeros | undefined): Movimiento {
  if (de === undefined || a === undefined || de === a || de.entrada !== a.entrada)
    throw refused(`${from ?? '-'} into ${to ?? '-'}`, 'two bloques of one entry that keeps claves');
  if (de.ligadas === 0) throw refused(`${de.id} holds no clave`, 'a bloque with claves');
  for (const one of [de, a]) assertMoves(one);
  assertSana(de);
  assertRoom(a, de.ligadas);
  return { tipo: 'fusionar', de: de.id, a: a.id, entidades: de.ligadas, ligadas: de.ligadas };
}

function assertMoves({ id, mueve }: BloqueNumeros): void {
  if (!mueve) throw refused(`${id} is paused, or closures of it are under way`, 'a bloque that runs');
}

function assertSana({ id, sana }: BloqueNumeros): void {
  if (!sana) throw refused(`something of ${id} waits or is to be repaired`, 'a bloque that is sound; try again soon');
}

function assertRoom({ id, entidades, cabe }: BloqueNumeros, more: number): void {
  if (entidades + more <= cabe) return;
  throw refused(`${id} would have ${entidades + more} entidades`, `${cabe} by max_size_mb of its entry`);
}

function refused(found: string, allowed: string): CoreCError {
  return new CoreCError('COREC_E_MOVE', { found, allowed });
}
