/**
 * Redirection, merging and splitting in a running nucleus: when a plan may be carried out, and what is told of it.
 *
 * Owns the quiet moment, the record in `comandos`, log, alert and counts of moves. Leaves deciding to domain/sincronizacion, what a move
 * does to mudanza.ts, when ModuloSincronizacion looks to itself.
 *
 *   quiet the doors -> numbers -> plan -> carry out -> ride in the next epoch -> open the doors ... epoch in -> new capacity may be used
 *
 * Y1 A plan is made of the numbers of the very moment in which it is carried out, and nothing runs in between.
 * Y2 Moves are in the epoch that is cut next, with their record. A crash before it leaves everything as it was, and the journal brings
 *    back what came since.
 * Y3 Entidades that have come from another entry are given to no clave until that epoch is in: a lectura acknowledged for one would
 *    find no room when the journal brings it back. Inside an entry there is as much room before as after.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { CoreCError } from '#domain/errors.ts';
import type { BloqueNumeros, Movimiento, TipoMovimiento } from '#domain/sincronizacion/numeros.ts';
import { planSincronizacion } from '#domain/sincronizacion/plan.ts';
import type { ComandoRow } from '#ports/bloque-store.ts';
import type { Movimientos as MovimientosPort } from '#ports/nucleus-context.ts';
import { admitAll, carryOut, nextIndiceOf, numerosOf, type Espera } from './mudanza.ts';
import type { Nucleus } from './nucleus.ts';

const TAG = 'Sincronizacion';
/** Log lines of the specification (section 5.2) and their kin. */
const TOLD: Readonly<Record<TipoMovimiento, string>> = {
  redirigir: 'Entidades redirigidas',
  devolver: 'Entidades devueltas',
  fusionar: 'Bloques fusionados',
  dividir: 'Bloque dividido',
};
/** The command that does the same, under which the record stands. */
export const COMANDO_OF: Readonly<Record<TipoMovimiento, string>> = {
  redirigir: 'block-redirect',
  devolver: 'block-redirect',
  fusionar: 'block-merge',
  dividir: 'block-split',
};
/** Rule of the alert, and code of its reason. */
export const REASON_OF: Readonly<Record<TipoMovimiento, string>> = {
  redirigir: 'redirected',
  devolver: 'returned',
  fusionar: 'merged',
  dividir: 'split',
};

/** Moves of one kind in one plan that are alerts of their own; of more each entry has one. Log and record have every one. */
const TOLD_MAX = 16;

/** So long what was lent by hand counts as needed. */
const BY_HAND_MS = 3_600_000;

/** Makes a plan of the numbers of the moment. */
export type Planner = (bloques: readonly BloqueNumeros[]) => readonly Movimiento[];

/** How the record of a plan is kept; called with what was carried out. */
export type Recorder = (moves: readonly Movimiento[]) => readonly Omit<ComandoRow, 'epoca'>[];

export class NucleusMovimientos implements MovimientosPort {
  /** Set by whoever foresees. */
  espera: (id: string) => Espera | null = () => null;
  /** Entidades moved since the start, by kind. */
  readonly moved = new Map<TipoMovimiento, number>();

  readonly #nucleus: Nucleus;
  /** By bloque: what it was given by hand, and until when that counts as needed. */
  readonly #byHand = new Map<string, { readonly entidades: number; readonly untilMs: number }>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
  }

  numeros(): BloqueNumeros[] {
    const { swarm, runs, pausado, clock } = this.#nucleus;
    const nowMs = clock.nowMs();
    for (const [id, { untilMs }] of this.#byHand) if (untilMs <= nowMs) this.#byHand.delete(id);
    const list = numerosOf({
      swarm,
      isBusy: (bloque) => pausado || runs.isRunning(bloque),
      espera: (id) => this.espera(id),
    });
    if (this.#byHand.size === 0) return list;
    const kept = new Set(list.flatMap(({ id, entrada }) => (this.#byHand.has(id) ? [entrada] : [])));
    return list.map((b) => {
      // need is an entry's: what its other bloques need now is part of what is foreseen of it
      const least = this.#byHand.get(b.id)?.entidades ?? b.ligadas + b.backlog;
      return kept.has(b.entrada) ? { ...b, espera: Math.max(b.espera, least) } : b;
    });
  }

  /** What this bloque has now was given to it by hand, ahead of a need: it does not go home for a while. */
  keepByHand(id: string): void {
    const { swarm, clock } = this.#nucleus;
    const entidades = swarm.bloque(id)?.entidades ?? 0;
    this.#byHand.set(id, { entidades, untilMs: clock.nowMs() + BY_HAND_MS });
  }

  plan(tipos: readonly TipoMovimiento[], bloques: readonly BloqueNumeros[] = this.numeros()): Movimiento[] {
    return planSincronizacion(bloques, nextIndiceOf(this.#nucleus.swarm), tipos);
  }

  /** A pass of ModuloSincronizacion. */
  async sincronizar(tipos: readonly TipoMovimiento[]): Promise<readonly Movimiento[]> {
    const { swarm, clock, config, epochs } = this.#nucleus;
    // doors are not shut for nothing
    const isWanted = this.plan(tipos).length > 0;
    const moves = isWanted
      ? await this.carryOut(
          (bloques) => this.plan(tipos, bloques),
          (done) => this.#passRows(done, `${config.instance_id}-${epochs!.next}-${clock.nowMs()}`),
        )
      : [];
    for (const entrada of swarm.entradas.values()) entrada.backlog.clear();
    return moves;
  }

  /** Y1. One plan at a time. @throws CoreCError when the nucleus is not running, or what the planner throws. */
  carryOut(planner: Planner, record: Recorder): Promise<readonly Movimiento[]> {
    const run = this.#last.then(() => this.#carryOut(planner, record));
    this.#last = run.catch(() => {});
    return run;
  }

  async #carryOut(planner: Planner, record: Recorder): Promise<readonly Movimiento[]> {
    const n = this.#nucleus;
    this.#assertLive();
    // carried out now, it would wait for its epoch for as long
    if (n.watch.problem !== '') throw notNow(`the store: ${n.watch.problem}`);
    const touched = new Set<BloqueSimbiotico>();
    let moves: readonly Movimiento[];
    let stored: Promise<unknown> = Promise.resolve();
    await n.quiet();
    try {
      this.#assertLive();
      moves = planner(this.numeros());
      for (const move of moves) for (const bloque of carryOut(n.swarm, move)) touched.add(bloque);
      if (moves.length > 0) stored = Promise.all(record(moves).map((row) => n.epochs!.ride(row)));
    } finally {
      n.gate.open();
    }
    this.#tell(moves);
    await stored;
    admitAll(n.swarm, touched);
    return moves;
  }

  #assertLive(): void {
    const { fase } = this.#nucleus;
    if (fase !== 'vivo') throw notNow(`fase ${fase}`);
  }

  #tell(moves: readonly Movimiento[]): void {
    for (const { tipo, de, a, entidades, ligadas } of moves) {
      this.moved.set(tipo, (this.moved.get(tipo) ?? 0) + entidades);
      this.#nucleus.logger.info(TAG, TOLD[tipo], { de, a, entidades, ligadas });
    }
    for (const [tipo, same] of Map.groupBy(moves, (move) => move.tipo)) {
      if (same.length <= TOLD_MAX) for (const { de, a, entidades } of same) this.#alert(tipo, de, a, entidades);
      else {
        for (const [entrada, list] of Map.groupBy(same, ({ a }) => a.slice(0, a.lastIndexOf('/')))) {
          const entidades = list.reduce((sum, move) => sum + move.entidades, 0);
          this.#alert(tipo, `${new Set(list.map(({ de }) => de)).size} bloques`, entrada, entidades);
        }
      }
    }
  }

  /** `a`: a bloque, or a whole entry. */
  #alert(tipo: TipoMovimiento, de: string, a: string, entidades: number): void {
    const { avisos, clock, swarm } = this.#nucleus;
    const codigo = REASON_OF[tipo];
    const canal = (swarm.bloque(a) ?? swarm.entradas.get(a)?.bloques[0])?.canal ?? 1;
    const facts = { razon: { codigo, de, a, entidades }, valor: entidades, canal, passes: true };
    avisos.open({ bloque: a, clave: '', regla: codigo }, facts, clock.nowMs());
  }

  #passRows(moves: readonly Movimiento[], pass: string): Omit<ComandoRow, 'epoca'>[] {
    const byName = Map.groupBy(moves, ({ tipo }) => COMANDO_OF[tipo]);
    return Array.from(byName, ([nombre, movimientos]) => ({
      id: `sincronizacion-${pass}-${nombre}`,
      nombre,
      puerta: 'ModuloSincronizacion',
      argumentos: {},
      efecto: { tipo: 'nada' },
      respuesta: { movimientos, seco: false },
      timestampMs: this.#nucleus.clock.nowMs(),
    }));
  }
}

function notNow(found: string): CoreCError {
  return new CoreCError('COREC_E_BUSY', { what: 'CoreC', found, seconds: 1 });
}
