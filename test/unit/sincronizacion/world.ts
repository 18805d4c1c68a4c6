/** A swarm of numbers for the plans: every entidad stands in one bloque, under a number that it has for life. */
import fc from 'fast-check';
import { inOrder, type BloqueNumeros, type Movimiento, type Prestadas } from '#domain/sincronizacion/numeros.ts';

export interface Entidad {
  readonly numero: number;
  /** The bloque of its birth. */
  readonly casa: string;
  /** Null: unbound. */
  readonly clave: string | null;
}

export interface Lugar {
  readonly facts: Omit<BloqueNumeros, 'entidades' | 'ligadas' | 'prestadas'>;
  entidades: Entidad[];
}

export type World = Map<string, Lugar>;

/** What is told of a world: the numbers that a plan sees. */
export function numerosOf(world: World): BloqueNumeros[] {
  return [...world.values()].map(({ facts, entidades }) => {
    const homes = new Map<string, { ligadas: number; libres: number }>();
    for (const { casa, clave } of entidades) {
      if (casa === facts.id) continue;
      const home = homes.get(casa) ?? { ligadas: 0, libres: 0 };
      if (clave === null) home.libres++;
      else home.ligadas++;
      homes.set(casa, home);
    }
    const prestadas = [...homes]
      .map(([casa, counts]): Prestadas => ({ casa, ...counts }))
      .toSorted((a, b) => (a.casa < b.casa ? -1 : 1));
    const ligadas = entidades.filter(({ clave }) => clave !== null).length;
    return { ...facts, entidades: entidades.length, ligadas, prestadas };
  });
}

/** Carries a plan out, entidad by entidad. */
export function carryOut(world: World, moves: readonly Movimiento[]): void {
  for (const move of moves) {
    const de = world.get(move.de)!;
    let a = world.get(move.a);
    if (a === undefined) {
      const indice = Number(move.a.slice(move.a.lastIndexOf('/') + 1));
      a = { facts: { ...de.facts, id: move.a, indice, backlog: 0, espera: 0 }, entidades: [] };
      world.set(move.a, a);
    }
    const going = new Set(chosen(de, move));
    a.entidades.push(...going);
    de.entidades = de.entidades.filter((one) => !going.has(one));
  }
}

function chosen({ facts, entidades }: Lugar, { tipo, a, entidades: n }: Movimiento): Entidad[] {
  const bound = entidades.filter(({ clave }) => clave !== null);
  const free = entidades.filter(({ clave }) => clave === null);
  const ownLast = (list: Entidad[]): Entidad[] =>
    list.toSorted((x, y) => {
      const own = Number(x.casa === facts.id) - Number(y.casa === facts.id);
      return own !== 0 ? own : x.casa < y.casa ? -1 : x.casa > y.casa ? 1 : 0;
    });
  if (tipo === 'devolver') return free.filter(({ casa }) => casa === a).slice(0, n);
  if (tipo === 'redirigir') return free.filter(({ casa }) => casa === facts.id).slice(0, n);
  if (tipo === 'fusionar') return bound.slice(0, n);
  const ofBound = Math.ceil((bound.length * n) / entidades.length);
  return [...ownLast(bound).slice(0, ofBound), ...ownLast(free).slice(0, n - ofBound)];
}

const unit = fc.double({ min: 0, max: 1, noNaN: true });

interface Rolled {
  readonly own: number;
  readonly bound: number;
  readonly fitness: number;
  readonly carga: number;
  readonly backlog: number;
  readonly espera: number;
  readonly mueve: boolean;
  readonly sana: boolean;
  readonly away: readonly { readonly to: number; readonly libres: number; readonly ligadas: number }[];
}

const rolled: fc.Arbitrary<Rolled> = fc.record({
  own: fc.integer({ min: 1, max: 40 }),
  bound: fc.oneof(unit, fc.double({ min: 0, max: 0.25, noNaN: true }), fc.constantFrom(0, 0.1)),
  // the edges of the thresholds, and everything between
  fitness: fc.oneof(unit, fc.constantFrom(0, 0.29, 0.3, 0.8, 0.81, 1)),
  carga: fc.oneof(unit, fc.constantFrom(0, 0.19, 0.2)),
  backlog: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80 })),
  espera: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 80 })),
  mueve: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  sana: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  away: fc.array(
    fc.record({
      to: fc.nat(30),
      libres: fc.integer({ min: 0, max: 8 }),
      ligadas: fc.integer({ min: 0, max: 30 }),
    }),
    { maxLength: 2 },
  ),
});

/** Worlds of up to four entries, with loans from before. */
export const worlds: fc.Arbitrary<World> = worldsOf(rolled);
/** Those in which much is nearly empty. */
export const sparseWorlds: fc.Arbitrary<World> = worldsOf(
  rolled.map((one) => ({ ...one, bound: one.bound * 0.3, backlog: one.backlog % 2 === 0 ? 0 : 1, espera: 0 })),
);

function worldsOf(bloque: fc.Arbitrary<Rolled>): fc.Arbitrary<World> {
  const entry = fc.record({
    rango: fc.integer({ min: 0, max: 4 }),
    normal: fc.integer({ min: 4, max: 40 }),
    room: fc.integer({ min: 0, max: 120 }),
    bloques: fc.array(bloque, { minLength: 1, maxLength: 4 }),
  });
  return fc.array(entry, { minLength: 1, maxLength: 4 }).map((entries) => {
    const world: World = new Map();
    const loans: { readonly from: string; readonly rolled: Rolled }[] = [];
    let numero = 1;
    for (const [e, { rango, normal, room, bloques }] of entries.entries()) {
      for (const [k, one] of bloques.entries()) {
        const { own: many, bound, away, ...told } = one;
        const own = Math.min(many, normal);
        const id = `e${e}/${k}`;
        const facts = { ...told, id, entrada: `e${e}`, indice: k, rango, normal, cabe: normal + room };
        const entidades = Array.from({ length: own }, (_, n): Entidad => {
          const clave = n < bound * own ? `${id}:${n}` : null;
          return { numero: numero++, casa: id, clave };
        });
        world.set(id, { facts: { ...facts, cargaEspera: facts.carga }, entidades });
        loans.push({ from: id, rolled: { ...one, away } });
      }
    }
    const places = [...world.values()];
    for (const { from, rolled: one } of loans) {
      const de = world.get(from)!;
      for (const { to, libres, ligadas } of one.away) {
        const a = places[to % places.length]!;
        if (a === de) continue;
        const free = de.entidades.filter(({ casa, clave }) => casa === from && clave === null);
        const room = a.facts.cabe - a.entidades.length;
        const going = free.slice(0, Math.min(room, libres + ligadas));
        const taken = new Set(going);
        de.entidades = de.entidades.filter((entidad) => !taken.has(entidad));
        for (const [n, entidad] of going.entries()) {
          a.entidades.push({ ...entidad, clave: n < libres ? null : `${a.facts.entrada}:${entidad.numero}` });
        }
      }
    }
    return world;
  });
}

export function nextIndiceOf(world: World): (entrada: string) => number | null {
  return (entrada) => {
    const siblings = [...world.values()].filter(({ facts }) => facts.entrada === entrada);
    return Math.max(...siblings.map(({ facts }) => facts.indice)) + 1;
  };
}

/** Every entidad by its number: where it stands and for whom. */
export function rollCall(world: World): Map<number, { readonly bloque: string; readonly clave: string | null }> {
  const all = new Map<number, { bloque: string; clave: string | null }>();
  for (const { facts, entidades } of world.values()) {
    for (const { numero, clave } of entidades) {
      if (all.has(numero)) throw new Error(`number ${numero} stands twice`);
      all.set(numero, { bloque: facts.id, clave });
    }
  }
  return all;
}

export const sorted = (bloques: readonly BloqueNumeros[]): BloqueNumeros[] => inOrder(bloques);
