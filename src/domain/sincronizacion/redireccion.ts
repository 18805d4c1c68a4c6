/**
 * Redirection, decided: which unbound entidades of inactive bloques go to active ones that need them, and which of those come home
 * (specification, section 2.2; design: entidades are capacity).
 *
 * Owns the two plans. Leaves the numbers to whoever gathers them and carrying out to the nucleus.
 *
 * V1 Only a bloque with fitness < 0.3 and carga < 0.2, now and as far as is foreseen, lends; only own entidades, unbound, and never
 *    its reserve or what it will need itself.
 * V2 Only a bloque with fitness > 0.8 takes, of an entry that has a backlog, or will by forecast, beyond what is free in it: any clave
 *    of an entry may use any entidad of it.
 * V3 Nobody takes more than its `cabe`.
 * V4 A borrowed entidad that is unbound and not needed goes home. Lending and coming home look at the same need, so that after a plan
 *    is carried out the same numbers give no further one.
 */
import {
  ACTIVE_FITNESS,
  INACTIVE_CARGA,
  INACTIVE_FITNESS,
  inOrder,
  needed,
  propiasLibres,
  RESERVE,
  type BloqueNumeros,
  type Movimiento,
} from './numeros.ts';

/** Borrowed entidades that go home. */
export function planDevolucion(bloques: readonly BloqueNumeros[]): Movimiento[] {
  const byId = new Map(bloques.map((b) => [b.id, b]));
  const room = new Map(bloques.map((b) => [b.id, b.cabe - b.entidades]));
  const byEntrada = entradas(bloques);
  const spare = new Map(Array.from(byEntrada, ([entrada, all]) => [entrada, spareOf(all)]));
  const sent = new Map<string, number>();
  const moves: Movimiento[] = [];
  const sendHome = (b: BloqueNumeros, casa: string, unbound: number): boolean => {
    const home = byId.get(casa);
    if (home === undefined || !home.mueve) return false;
    const key = `${b.id} ${casa}`;
    const most = Math.min(unbound - (sent.get(key) ?? 0), room.get(casa)!);
    // inside an entry it is no loan: nothing becomes scarcer by it
    const isLoan = home.entrada !== b.entrada;
    const entidades = isLoan ? Math.min(most, spare.get(b.entrada)!) : most;
    if (entidades <= 0) return false;
    sent.set(key, (sent.get(key) ?? 0) + entidades);
    room.set(casa, room.get(casa)! - entidades);
    room.set(b.id, room.get(b.id)! + entidades);
    if (isLoan) {
      spare.set(b.entrada, spare.get(b.entrada)! - entidades);
      spare.set(home.entrada, spare.get(home.entrada)! + entidades);
    }
    moves.push({ tipo: 'devolver', de: b.id, a: casa, entidades, ligadas: 0 });
    return true;
  };
  // what comes home makes room where it was, and may let others go in turn
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (const all of byEntrada.values()) {
      for (const b of all) {
        if (!b.mueve) continue;
        for (const { casa, libres: unbound } of b.prestadas) isMoving = sendHome(b, casa, unbound) || isMoving;
      }
    }
  }
  return moves;
}

/** Unbound entidades that are lent. */
export function planRedireccion(bloques: readonly BloqueNumeros[]): Movimiento[] {
  const lenders = lendersOf(bloques);
  const moves: Movimiento[] = [];
  for (const { takers, need } of entradasInNeed(bloques)) {
    const offered = lenders.reduce((sum, { left }) => sum + left, 0);
    const rooms = takers.map((b) => b.cabe - b.entidades);
    const shares = share(Math.min(need, offered), rooms);
    for (const [k, taker] of takers.entries()) {
      let wanted = shares[k]!;
      for (const lender of lenders) {
        const entidades = Math.min(wanted, lender.left);
        if (entidades === 0) continue;
        lender.left -= entidades;
        wanted -= entidades;
        moves.push({ tipo: 'redirigir', de: lender.id, a: taker.id, entidades, ligadas: 0 });
      }
    }
  }
  return moves;
}

interface Lender {
  readonly id: string;
  readonly rango: number;
  left: number;
}

/** V1. Who is least urgent lends first, and of equals who has most. */
function lendersOf(bloques: readonly BloqueNumeros[]): Lender[] {
  const list: Lender[] = [];
  for (const all of entradas(bloques).values()) {
    // what an unfit sibling has free, the claves of its fit ones may need
    let spare = spareOf(all);
    for (const b of all) {
      const left = Math.min(lendable(b), spare);
      if (left <= 0) continue;
      spare -= left;
      list.push({ id: b.id, rango: b.rango, left });
    }
  }
  return list.toSorted((x, y) => y.rango - x.rango || y.left - x.left);
}

function lendable(b: BloqueNumeros): number {
  if (!b.mueve || b.fitness >= INACTIVE_FITNESS || b.carga >= INACTIVE_CARGA || b.cargaEspera >= INACTIVE_CARGA)
    return 0;
  const keeps = Math.max(needed(b), Math.ceil(b.normal * RESERVE));
  return Math.min(propiasLibres(b), b.entidades - keeps);
}

interface EntradaInNeed {
  readonly takers: readonly BloqueNumeros[];
  readonly need: number;
}

/** V2, the most urgent first. */
function entradasInNeed(bloques: readonly BloqueNumeros[]): EntradaInNeed[] {
  const list: (EntradaInNeed & { readonly rango: number })[] = [];
  for (const all of entradas(bloques).values()) {
    const takers = all.filter((b) => b.mueve && b.fitness > ACTIVE_FITNESS && b.cabe > b.entidades);
    const need = -spareOf(all);
    if (takers.length > 0 && need > 0) list.push({ takers, need, rango: all[0]!.rango });
  }
  return list.toSorted((x, y) => x.rango - y.rango || y.need - x.need);
}

/** Entidades of an entry beyond what its bloques need, now or as foreseen, whichever is more; below 0: so many are missing. */
function spareOf(all: readonly BloqueNumeros[]): number {
  let entidades = 0;
  let now = 0;
  let soon = 0;
  for (const b of all) {
    entidades += b.entidades;
    now += b.ligadas + b.backlog;
    soon += b.espera;
  }
  return entidades - Math.max(now, soon);
}

/** Bloques by entry, entries and bloques in order. */
function entradas(bloques: readonly BloqueNumeros[]): Map<string, BloqueNumeros[]> {
  const map = new Map<string, BloqueNumeros[]>();
  for (const b of inOrder(bloques)) {
    const list = map.get(b.entrada);
    if (list === undefined) map.set(b.entrada, [b]);
    else list.push(b);
  }
  return map;
}

/** Splits `total` into whole parts as even as `rooms` allow. */
function share(total: number, rooms: readonly number[]): number[] {
  const parts = rooms.map(() => 0);
  let left = total;
  for (;;) {
    const open = rooms.flatMap((room, k) => (room > parts[k]! ? [k] : []));
    if (left === 0 || open.length === 0) return parts;
    const each = Math.max(1, Math.floor(left / open.length));
    for (const k of open) {
      const n = Math.min(each, rooms[k]! - parts[k]!, left);
      parts[k]! += n;
      left -= n;
    }
  }
}
