/**
 * Moving entidades between bloques: the numbers that plans see, and plans carried out.
 *
 * Owns both, on the swarm as it stands, synchronously. Leaves deciding to domain/sincronizacion, when it may be done and that an epoch
 * holds it to movimientos.ts.
 *
 * Z1 What leaves one bloque stands in another, under its number; a bound one with clave, state, episodio and repairs.
 * Z2 A bloque is told before it changes (K2), and before the directory does: an epoch under way encodes both as they were.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { makeLoc } from '#domain/claves/directory.ts';
import { rankOfCanal } from '#domain/cycle/schedule.ts';
import { CORE_BYTES } from '#domain/entidad/columns.ts';
import { CoreCError } from '#domain/errors.ts';
import { BLOQUES_MAX, ENTIDADES_POR_BLOQUE_MAX, MIB } from '#domain/limits.ts';
import type { BloqueNumeros, Movimiento, Prestadas } from '#domain/sincronizacion/numeros.ts';
import { numerosFrom, type CatalogRow, type Entrada, type Swarm } from './swarm.ts';

/** What is foreseen of a bloque; numeros.ts says what of. */
export interface Espera {
  readonly entidades: number;
  readonly carga: number;
}

export interface NumerosDeps {
  readonly swarm: Swarm;
  /** Its closures are under way. */
  readonly isBusy: (bloque: BloqueSimbiotico) => boolean;
  /** Of a bloque, or of an entry. */
  readonly espera: (id: string) => Espera | null;
}

/** The numbers of every bloque that has a part in moves: those of artificial entries have none. */
export function numerosOf({ swarm, isBusy, espera }: NumerosDeps): BloqueNumeros[] {
  const list: BloqueNumeros[] = [];
  for (const entrada of swarm.entradas.values()) {
    if (entrada.artificial) continue;
    const { config, procesador } = entrada;
    const bytes = CORE_BYTES + procesador.procesador.bytesPorEntidad;
    const cabe = Math.min(ENTIDADES_POR_BLOQUE_MAX, Math.floor((config.max_size_mb * MIB) / bytes));
    const waiting = entrada.backlog.size;
    const count = entrada.bloques.length;
    const expectedOf = entrada.bloques.map(({ id }) => espera(id));
    const sum = expectedOf.reduce((total, one) => total + (one?.entidades ?? 0), 0);
    // what its bloques are expected to need comes to what the entry is: claves come back to another of them
    const ratio = sum === 0 ? 1 : (espera(entrada.id)?.entidades ?? sum) / sum;
    for (const [k, bloque] of entrada.bloques.entries()) {
      const expected = expectedOf[k]!;
      list.push({
        id: bloque.id,
        entrada: entrada.id,
        indice: k,
        // as in the order of turns, those of plugins come first among equals
        rango: rankOfCanal(bloque.canal) * 2 + (config.plugin === null ? 1 : 0),
        entidades: bloque.entidades,
        ligadas: bloque.bound,
        prestadas: prestadasOf(swarm, bloque),
        normal: config.entidades_por_bloque,
        cabe,
        fitness: bloque.fitness,
        carga: bloque.carga,
        // a clave without an entidad is of the entry; each bloque has its share of them
        backlog: Math.floor(waiting / count) + (k < waiting % count ? 1 : 0),
        espera: Math.ceil((expected?.entidades ?? 0) * ratio),
        cargaEspera: Math.max(bloque.carga, expected?.carga ?? 0),
        mueve: !bloque.pausado && !isBusy(bloque),
        sana: bloque.sano,
      });
    }
  }
  return list;
}

/** By its number alone: most stand where they were born, and are asked for nothing more. */
function isBornHere({ options }: BloqueSimbiotico, numero: number): boolean {
  return numero >= options.numeroBase && numero - options.numeroBase < options.slots;
}

function prestadasOf(swarm: Swarm, bloque: BloqueSimbiotico): Prestadas[] {
  const homes = new Map<string, { ligadas: number; libres: number }>();
  const { numero, ocupado } = bloque.memory.core;
  for (let slot = 0; slot < bloque.slots; slot++) {
    const n = numero[slot]!;
    if (n === 0 || isBornHere(bloque, n)) continue;
    const casa = swarm.nacimiento(n)?.bloque.id ?? bloque.id;
    if (casa === bloque.id) continue;
    const home = homes.get(casa) ?? { ligadas: 0, libres: 0 };
    if (ocupado[slot] === 0) home.libres++;
    else home.ligadas++;
    homes.set(casa, home);
  }
  return [...homes].map(([casa, counts]) => ({ casa, ...counts })).toSorted((a, b) => (a.casa < b.casa ? -1 : 1));
}

/** The index of the next bloque of an entry, or null when it may have no more. */
export function nextIndiceOf(swarm: Swarm): (entrada: string) => number | null {
  return (entrada) => {
    const count = swarm.entradas.get(entrada)?.bloques.length ?? BLOQUES_MAX;
    return count < BLOQUES_MAX ? count : null;
  };
}

/** Z1. Returns the bloques that it touched. */
export function carryOut(swarm: Swarm, move: Movimiento): readonly BloqueSimbiotico[] {
  const de = swarm.bloque(move.de);
  if (de === null) throw gone(move.de);
  const entradaDe = swarm.entradas.get(de.entrada)!;
  const a = swarm.bloque(move.a) ?? (move.tipo === 'dividir' ? addSibling(swarm, entradaDe, de, move.a) : null);
  if (a === null) throw gone(move.a);
  const entradaA = swarm.entradas.get(a.entrada)!;
  if (move.ligadas > 0) moveBound(swarm, entradaDe, de, a, move);
  const unbound = move.entidades - move.ligadas;
  if (unbound > 0) {
    const numeros = unboundFor(swarm, de, move, unbound);
    de.dismiss(new Set(numeros));
    if (entradaDe === entradaA) {
      a.welcome(numeros);
      entradaA.freeFrom = Math.min(entradaA.freeFrom, a.options.indice);
    } else a.receive(numeros);
  }
  de.trim();
  entradaDe.catalogDirty = true;
  entradaA.catalogDirty = true;
  return [de, a];
}

function gone(found: string): CoreCError {
  return new CoreCError('COREC_E_INTERNAL', { found: `a move of bloque ${found}, which is not there` });
}

function addSibling(swarm: Swarm, entrada: Entrada, of: BloqueSimbiotico, id: string): BloqueSimbiotico {
  const made = swarm.addSibling(entrada);
  if (made.id !== id) throw gone(id);
  made.inherit(of.vitals());
  return made;
}

function isOwn(swarm: Swarm, bloque: BloqueSimbiotico, numero: number): boolean {
  if (isBornHere(bloque, numero)) return true;
  const born = swarm.nacimiento(numero);
  return born === null || born.bloque === bloque;
}

/** Which unbound entidades a move takes, just as numeros.ts foretells. */
function unboundFor(swarm: Swarm, de: BloqueSimbiotico, move: Movimiento, count: number): number[] {
  const own: number[] = [];
  const borrowed: { readonly casa: string; readonly numero: number }[] = [];
  for (const numero of de.unbound()) {
    if (isOwn(swarm, de, numero)) own.push(numero);
    else borrowed.push({ numero, casa: swarm.nacimiento(numero)!.bloque.id });
  }
  const byHome = borrowed.toSorted((x, y) => (x.casa < y.casa ? -1 : x.casa > y.casa ? 1 : 0));
  if (move.tipo === 'devolver')
    return byHome
      .filter(({ casa }) => casa === move.a)
      .slice(0, count)
      .map(({ numero }) => numero);
  if (move.tipo === 'redirigir') return own.slice(0, count);
  return [...byHome.map(({ numero }) => numero), ...own].slice(0, count);
}

function moveBound(swarm: Swarm, entrada: Entrada, de: BloqueSimbiotico, a: BloqueSimbiotico, move: Movimiento): void {
  const { numero } = de.memory.core;
  const slots = [...de.boundSlots()];
  // what was born elsewhere goes first, as splitParts has it; of a merge all go
  const borrowed = slots.filter((slot) => !isOwn(swarm, de, numero[slot]!));
  const casaOf = (slot: number): string => swarm.nacimiento(numero[slot]!)!.bloque.id;
  borrowed.sort((x, y) => (casaOf(x) < casaOf(y) ? -1 : casaOf(x) > casaOf(y) ? 1 : x - y));
  const own = slots.filter((slot) => isOwn(swarm, de, numero[slot]!));
  let left = move.ligadas;
  for (const slot of [...borrowed, ...own].slice(0, move.ligadas)) {
    const to = a.putIn(de.takeOut(slot), left--);
    entrada.claves.moveLoc(makeLoc(de.options.indice, slot), makeLoc(a.options.indice, to));
  }
  const { before } = entrada;
  const lived = [de.id, ...(before.get(de.options.indice) ?? []), ...(before.get(a.options.indice) ?? [])];
  before.set(a.options.indice, new Set(lived.filter((id) => id !== a.id)));
  a.watermarkMs = Math.max(a.watermarkMs, de.watermarkMs);
  entrada.freeFrom = 0;
}

/** Entidades that came by moves may be bound from now on. */
export function admitAll(swarm: Swarm, bloques: Iterable<BloqueSimbiotico>): void {
  for (const bloque of bloques) {
    bloque.admit();
    const entrada = swarm.entradas.get(bloque.entrada);
    if (entrada !== undefined) entrada.freeFrom = Math.min(entrada.freeFrom, bloque.options.indice);
  }
}

/**
 * After a start with another configuration: what a bloque had lent to one that is gone or of another size comes home, and what stands
 * unbound where it has no home any more goes. `asleep`: the catalogue of entries that are left out now, whose loans go on.
 */
export function settleHomes(swarm: Swarm, asleep: Iterable<CatalogRow>): void {
  const strangers = new Set<number>();
  const away = new Map<BloqueSimbiotico, number>();
  const borrowed = new Map<BloqueSimbiotico, number>();
  const stand = (numero: number, at: BloqueSimbiotico | null): void => {
    if (numero === 0 || (at !== null && isBornHere(at, numero))) return;
    const home = swarm.nacimiento(numero)?.bloque;
    if (home === undefined) return;
    strangers.add(numero);
    away.set(home, (away.get(home) ?? 0) + 1);
    if (at !== null) borrowed.set(at, (borrowed.get(at) ?? 0) + 1);
  };
  for (const { bloques } of asleep) {
    for (const { numeros = [] } of bloques) for (const numero of numerosFrom(numeros)) stand(numero, null);
  }
  const moving = swarm.bloques.filter((bloque) => !bloque.autonomo);
  for (const bloque of moving) {
    const { numero } = bloque.memory.core;
    for (let slot = 0; slot < bloque.slots; slot++) stand(numero[slot]!, bloque);
  }
  for (const bloque of moving) {
    const { slots: born, numeroBase } = bloque.options;
    const missing = born - (away.get(bloque) ?? 0) + (borrowed.get(bloque) ?? 0) - bloque.entidades;
    if (missing === 0) continue;
    if (missing > 0) {
      const here = new Set(bloque.memory.core.numero.subarray(0, bloque.slots));
      const lost: number[] = [];
      for (let numero = numeroBase; numero < numeroBase + born && lost.length < missing; numero++)
        if (!here.has(numero) && !strangers.has(numero)) lost.push(numero);
      bloque.welcome(lost);
    } else {
      const homeless = [...bloque.unbound()].filter((numero) => swarm.nacimiento(numero) === null);
      bloque.dismiss(new Set(homeless.slice(0, -missing)));
    }
    swarm.entradas.get(bloque.entrada)!.catalogDirty = true;
  }
}
