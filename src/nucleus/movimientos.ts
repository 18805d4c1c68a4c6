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
const REASON: Readonly<Record<TipoMovimiento, string>> = {
  redirigir: 'redirected',
  devolver: 'returned',
  fusionar: 'merged',
  dividir: 'split',
};

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
  #last: Promise<unknown> = Promise.resolve();

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
  }

  numeros(): BloqueNumeros[] {
    const { swarm, runs, pausado } = this.#nucleus;
    return numerosOf({
      swarm,
      isBusy: (bloque) => pausado || runs.isRunning(bloque),
      espera: (id) => this.espera(id),
    });
  }

  plan(tipos: readonly TipoMovimiento[], bloques: readonly BloqueNumeros[] = this.numeros()): Movimiento[] {
    return planSincronizacion(bloques, nextIndiceOf(this.#nucleus.swarm), tipos);
  }

  /** A pass of ModuloSincronizacion. */
  async sincronizar(tipos: readonly TipoMovimiento[]): Promise<readonly Movimiento[]> {
    const { swarm, clock, config } = this.#nucleus;
    // doors are not shut for nothing
    const isWanted = this.plan(tipos).length > 0;
    const moves = isWanted
      ? await this.carryOut(
          (bloques) => this.plan(tipos, bloques),
          (done) => this.#passRows(done, `${config.instance_id}-${clock.nowMs()}`),
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
    if (n.fase !== 'vivo') throw notNow(n.fase);
    const touched = new Set<BloqueSimbiotico>();
    let moves: readonly Movimiento[];
    let stored: Promise<unknown> = Promise.resolve();
    await n.quiet();
    try {
      if (n.fase !== 'vivo') throw notNow(n.fase);
      moves = planner(this.numeros());
      for (const move of moves) for (const bloque of carryOut(n.swarm, move)) touched.add(bloque);
      if (moves.length > 0) stored = Promise.all(record(moves).map((row) => n.epochs!.ride(row)));
    } finally {
      n.gate.open();
    }
    for (const move of moves) this.#tell(move);
    await stored;
    admitAll(n.swarm, touched);
    return moves;
  }

  #tell(move: Movimiento): void {
    const { logger, avisos, clock, swarm } = this.#nucleus;
    const { tipo, de, a, entidades, ligadas } = move;
    this.moved.set(tipo, (this.moved.get(tipo) ?? 0) + entidades);
    logger.info(TAG, TOLD[tipo], { de, a, entidades, ligadas });
    avisos.open(
      { bloque: a, clave: '', regla: REASON[tipo] },
      {
        razon: { codigo: REASON[tipo], de, a, entidades },
        valor: entidades,
        canal: swarm.bloque(a)?.canal ?? 1,
        passes: true,
      },
      clock.nowMs(),
    );
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

function notNow(fase: string): CoreCError {
  return new CoreCError('COREC_E_BUSY', { what: 'CoreC', found: `fase ${fase}`, seconds: 1 });
}
