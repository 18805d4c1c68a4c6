/**
 * Moves of entidades at any time: lent, brought home, siblings merged, bloques split, as numbers of the moment allow and dice choose.
 *
 * What plans choose is tried by the tests of domain/sincronizacion; here it is that no move, wherever it falls, costs a lectura.
 */
import { isTransient, messageOf, CoreCError } from '#domain/errors.ts';
import { splitOf } from '#domain/sincronizacion/fusion.ts';
import { inOrder, propiasLibres, type BloqueNumeros, type Movimiento } from '#domain/sincronizacion/numeros.ts';
import type { Dice } from '../sim/dice.ts';
import type { Life } from '../sim/life.ts';
import type { World } from '../sim/world.ts';

const BLOQUES_MAX = 40;

export class Mover {
  readonly #world: World;
  readonly #dice: Dice;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
    if (this.#dice.chance(0.5)) this.#next();
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    this.#world.after(this.#dice.span(plan.comandoMs / 3, plan.comandoMs * 2), () => {
      if (mishaps.isCalm) return;
      const { life } = this.#world;
      if (life?.fase === 'running') void this.#move(life);
      this.#next();
    });
  }

  async #move(life: Life): Promise<void> {
    const world = this.#world;
    const id = `m${++this.#count}`;
    const wanted = this.#dice.between(1, 3);
    life.underway++;
    try {
      const moves = await life.nucleus!.movimientos.carryOut(
        (bloques) => this.#choose(bloques, wanted),
        (done) => [
          {
            id,
            nombre: 'block-redirect',
            puerta: 'sim',
            argumentos: {},
            efecto: { tipo: 'nada' },
            respuesta: { movimientos: done },
            timestampMs: world.clock.nowMs(),
          },
        ],
      );
      for (const { tipo, de, a, entidades } of moves) {
        world.mishaps.count(tipo);
        world.note(`moved ${id}: ${tipo} ${entidades} of ${de} to ${a}`);
      }
    } catch (error) {
      if (life.fase !== 'running' || life.fatal !== null) return;
      if (!isTransient(error) && !(error instanceof CoreCError && error.code === 'COREC_E_BUSY'))
        world.violate('a move is carried out, or refused for now', messageOf(error));
    } finally {
      life.underway--;
    }
  }

  /** Moves of different bloques, so that each may be chosen by the same numbers. */
  #choose(bloques: readonly BloqueNumeros[], wanted: number): Movimiento[] {
    const moves: Movimiento[] = [];
    const touched = new Set<string>();
    for (let k = 0; k < wanted; k++) {
      const free = inOrder(bloques).filter(({ id, mueve }) => mueve && !touched.has(id));
      const move = free.length < 2 ? null : this.#one(free, bloques, touched.size > 0);
      if (move === null) continue;
      touched.add(move.de).add(move.a);
      moves.push(move);
    }
    return moves;
  }

  #one(free: readonly BloqueNumeros[], all: readonly BloqueNumeros[], isLater: boolean): Movimiento | null {
    const dice = this.#dice;
    const de = dice.pick(free);
    const others = free.filter((b) => b !== de);
    const a = dice.pick(others);
    switch (dice.below(4)) {
      case 0: {
        const entidades = Math.min(propiasLibres(de), this.#spare(de.entrada, all), dice.between(1, 4));
        if (entidades < 1 || de.entrada === a.entrada || isLater) return null;
        return { tipo: 'redirigir', de: de.id, a: a.id, entidades, ligadas: 0 };
      }
      case 1: {
        const loan = de.prestadas.find(({ casa, libres }) => libres > 0 && others.some(({ id }) => id === casa));
        if (loan === undefined || isLater) return null;
        const isOwn = others.some(({ id, entrada }) => id === loan.casa && entrada === de.entrada);
        const most = isOwn ? loan.libres : Math.min(loan.libres, this.#spare(de.entrada, all));
        return most < 1 ? null : { tipo: 'devolver', de: de.id, a: loan.casa, entidades: most, ligadas: 0 };
      }
      case 2: {
        const sibling = others.find(({ entrada }) => entrada === de.entrada);
        if (sibling === undefined || !de.sana || de.ligadas === 0) return null;
        return { tipo: 'fusionar', de: de.id, a: sibling.id, entidades: de.ligadas, ligadas: de.ligadas };
      }
      default: {
        if (!de.sana || all.length > BLOQUES_MAX || isLater) return null;
        return splitOf(de, all.filter(({ entrada }) => entrada === de.entrada).length);
      }
    }
  }

  /** Entidades that an entry can do without: those whose lecturas are counted have room for all their claves. */
  #spare(entrada: string, all: readonly BloqueNumeros[]): number {
    const entry = this.#world.plan.entries.find(({ id }) => id === entrada);
    if (entry === undefined) return 0;
    const has = all.reduce((sum, b) => sum + (b.entrada === entrada ? b.entidades : 0), 0);
    if (entry.id === 'estrecho') return has;
    return has - entry.claves.length * Math.max(1, entry.doors.length);
  }
}
