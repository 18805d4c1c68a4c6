/**
 * Redirection, decided: which unbound entidades of inactive bloques go to active ones that need them, and which of those come home
 * (specification, section 2.2; design: entidades are capacity).
 *
 * Owns the two plans. Leaves the numbers to whoever gathers them and carrying out to the nucleus.
 *
 * V1 Only a bloque with fitness < 0.3 and carga < 0.2 lends; only own entidades, unbound, and never its reserve.
 * V2 Only a bloque with fitness > 0.8 takes, of an entry that needs more than is free in it: any clave of an entry may use any
 *    entidad of it.
 * V3 Nobody takes more than its `cabe`.
 * V4 What is needed now goes before what is foreseen: claves that wait for an entidad get what others have free, whatever those may need
 *    later. What is lent ahead is beyond what the lender is expected to need itself. So a forecast that errs costs no clave its entidad.
 * V5 A borrowed entidad that is unbound goes home when it is not needed, or missed there more. Lending and coming home look at the same
 *    needs, so that passes over the same numbers come to rest.
 */
import {
  ACTIVE_FITNESS,
  afterMove,
  INACTIVE_CARGA,
  INACTIVE_FITNESS,
  inOrder,
  propiasLibres,
  RESERVE,
  type BloqueNumeros,
  type Movimiento,
} from './numeros.ts';

/** Whose need counts: that of now, or what is foreseen as well. */
type Horizon = 'now' | 'soon';

/** Borrowed entidades that go home. */
export function planDevolucion(bloques: readonly BloqueNumeros[]): Movimiento[] {
  const byId = new Map(bloques.map((b) => [b.id, b]));
  const room = new Map(bloques.map((b) => [b.id, b.cabe - b.entidades]));
  const byEntrada = entradas(bloques);
  const spareOver = (horizon: Horizon): Map<string, number> =>
    new Map(Array.from(byEntrada, ([entrada, all]) => [entrada, spareOf(all, horizon)]));
  const spare = { now: spareOver('now'), soon: spareOver('soon') };
  const sent = new Map<string, number>();
  const moves: Movimiento[] = [];
  const most = (b: BloqueNumeros, home: BloqueNumeros, isWanted: boolean): number => {
    // inside an entry it is no loan: nothing becomes scarcer by it
    if (home.entrada === b.entrada) return Infinity;
    // of two that are expected to need it, it is the home's own; what is needed here now stays (V4)
    if (isWanted) return Math.min(-spare.soon.get(home.entrada)!, spare.now.get(b.entrada)!);
    return spare.soon.get(b.entrada)!;
  };
  const sendHome = (b: BloqueNumeros, casa: string, unbound: number, isWanted: boolean): boolean => {
    const home = byId.get(casa);
    if (home === undefined || !home.mueve) return false;
    const key = `${b.id} ${casa}`;
    const entidades = Math.min(unbound - (sent.get(key) ?? 0), room.get(casa)!, most(b, home, isWanted));
    if (entidades <= 0) return false;
    sent.set(key, (sent.get(key) ?? 0) + entidades);
    room.set(casa, room.get(casa)! - entidades);
    room.set(b.id, room.get(b.id)! + entidades);
    if (home.entrada !== b.entrada) {
      for (const map of [spare.now, spare.soon]) {
        map.set(b.entrada, map.get(b.entrada)! - entidades);
        map.set(home.entrada, map.get(home.entrada)! + entidades);
      }
    }
    moves.push({ tipo: 'devolver', de: b.id, a: casa, entidades, ligadas: 0 });
    return true;
  };
  const round = (isWanted: boolean): boolean => {
    let isMoving = false;
    for (const all of byEntrada.values()) {
      for (const b of all) {
        if (!b.mueve) continue;
        for (const { casa, libres: unbound } of b.prestadas)
          isMoving = sendHome(b, casa, unbound, isWanted) || isMoving;
      }
    }
    return isMoving;
  };
  // where it is wanted first: who has given that away may need what it would else send to others. And what comes home makes room
  // where it was, and may let others go in turn
  while (round(true) || round(false));
  return moves;
}

/** Unbound entidades that are lent: for what is needed now, then ahead. */
export function planRedireccion(bloques: readonly BloqueNumeros[]): Movimiento[] {
  const now = lend(bloques, 'now');
  const after = now.reduce<readonly BloqueNumeros[]>(afterMove, bloques);
  return [...now, ...lend(after, 'soon')];
}

function lend(bloques: readonly BloqueNumeros[], horizon: Horizon): Movimiento[] {
  const inNeed = entradasInNeed(bloques, horizon);
  if (inNeed.length === 0) return [];
  const lenders = lendersOf(bloques, horizon);
  const moves: Movimiento[] = [];
  for (const { takers, need } of inNeed) {
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
function lendersOf(bloques: readonly BloqueNumeros[], horizon: Horizon): Lender[] {
  const list: Lender[] = [];
  for (const all of entradas(bloques).values()) {
    // what an unfit sibling has free, the claves of its fit ones may need
    let spare = spareOf(all, horizon);
    for (const b of all) {
      const left = Math.min(lendable(b, horizon), spare);
      if (left <= 0) continue;
      spare -= left;
      list.push({ id: b.id, rango: b.rango, left });
    }
  }
  return list.toSorted((x, y) => y.rango - x.rango || y.left - x.left);
}

function lendable(b: BloqueNumeros, horizon: Horizon): number {
  const carga = horizon === 'now' ? b.carga : b.cargaEspera;
  if (!b.mueve || b.fitness >= INACTIVE_FITNESS || carga >= INACTIVE_CARGA) return 0;
  const keeps = Math.max(neededOf(b, horizon), Math.ceil(b.normal * RESERVE));
  return Math.min(propiasLibres(b), b.entidades - keeps);
}

interface EntradaInNeed {
  readonly takers: readonly BloqueNumeros[];
  readonly need: number;
}

/** V2, the most urgent first. */
function entradasInNeed(bloques: readonly BloqueNumeros[], horizon: Horizon): EntradaInNeed[] {
  const list: (EntradaInNeed & { readonly rango: number })[] = [];
  for (const all of entradas(bloques).values()) {
    const takers = all.filter((b) => b.mueve && b.fitness > ACTIVE_FITNESS && b.cabe > b.entidades);
    const need = -spareOf(all, horizon);
    if (takers.length > 0 && need > 0) list.push({ takers, need, rango: all[0]!.rango });
  }
  return list.toSorted((x, y) => x.rango - y.rango || y.need - x.need);
}

/** Entidades of an entry beyond what its bloques need; below 0: so many are missing. */
function spareOf(all: readonly BloqueNumeros[], horizon: Horizon): number {
  let entidades = 0;
  let now = 0;
  let soon = 0;
  for (const b of all) {
    entidades += b.entidades;
    now += neededOf(b, 'now');
    soon += b.espera;
  }
  return entidades - (horizon === 'now' ? now : Math.max(now, soon));
}

function neededOf(b: BloqueNumeros, horizon: Horizon): number {
  const now = b.ligadas + b.backlog;
  return horizon === 'now' ? now : Math.max(now, b.espera);
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
