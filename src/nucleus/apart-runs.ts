/**
 * Runs of bloques of canal CANAL_APART, apart from the loop (ports/bloque-runner.ts): what takes long there delays nobody, and what
 * never ends is broken off.
 *
 * Owns who may run apart, what a run's outcome means, and what must not run in the loop. Leaves the turns of a bloque, and running it
 * in the loop, to runs.ts.
 *
 * A1 What cannot run apart runs in the loop: refused, the runner closed, or a bloque that has changed meanwhile.
 * A2 In the loop nothing can be broken off. So of canal CANAL_APART nothing runs there of a procesador that was broken off once, but
 *    for lecturas that have just ended on a thread.
 * A3 The entidad on whose lectura a procesador hangs is searched for (domain/supervision/hang-search.ts) and goes into quarantine, so
 *    that the others go on.
 */
import { runningSlots, type ApartTask } from '#domain/bloque/apart.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { isClosure } from '#domain/procesadores/closure.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import { messageOf } from '#domain/errors.ts';
import { HangSearch } from '#domain/supervision/hang-search.ts';
import type { Say } from '#domain/texts/text.ts';
import type { ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Supervision } from './supervision.ts';
import type { Swarm } from './swarm.ts';

const TAG = 'CoreCNucleus';
/** The canal of analysis (specification, section 2.3). */
export const CANAL_APART = 3;

/** What a bloque's turn asks for. */
export interface Turn {
  /** Bits of DUE. */
  readonly due: number;
  /** Shares of the waiting lecturas, and of the entidades in a cycle, 0 .. 1. */
  readonly carga: number;
  readonly ofCycle: number;
}

interface Begun {
  readonly arrivedMs: number;
  /** The search that it is part of. */
  readonly search: HangSearch | null;
  /** Of the lecturas that run, in a search. */
  readonly slots: readonly number[];
}

export interface ApartRunsDeps {
  readonly swarm: () => Swarm;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  readonly paused: () => boolean;
  readonly supervision: Pick<Supervision, 'brokenOff'>;
  readonly runner: BloqueRunner;
  readonly limitMs: (bloque: BloqueSimbiotico) => number;
  /** In the loop. `inVain`: what it was run apart for, instead of what waits now. */
  readonly runHere: (bloque: BloqueSimbiotico, turn: Turn, inVain: ApartTask | null) => void;
  readonly afterRun: (bloque: BloqueSimbiotico, due: number, arrivedMs: number) => void;
  readonly failed: (fallos: number) => void;
  /** Lecturas of it wait that can run at once. */
  readonly again: (bloque: BloqueSimbiotico) => void;
}

export class ApartRuns {
  /** Runs that were broken off, and runs that could not be done apart. */
  brokenOff = 0;
  refused = 0;

  readonly #deps: ApartRunsDeps;
  /** Procesadores of which a run was broken off (A2). */
  readonly #endless = new Set<string>();
  /** Why a procesador cannot run apart. */
  readonly #refusals = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #searches = new WeakMap<BloqueSimbiotico, HangSearch>();

  constructor(deps: ApartRunsDeps) {
    this.#deps = deps;
  }

  takes(bloque: BloqueSimbiotico): boolean {
    if (bloque.canal !== CANAL_APART || isClosure(bloque.options.procesador.procesador)) return false;
    return this.#deps.runner.takes(this.#procesadorOf(bloque));
  }

  /** A2. */
  mustNotRunHere(bloque: BloqueSimbiotico): boolean {
    return bloque.canal === CANAL_APART && this.#endless.has(this.#procesadorOf(bloque));
  }

  /** The clave in this slot was forgotten, and what waited for it. */
  forgot(bloque: BloqueSimbiotico, slot: number): void {
    this.#searches.get(bloque)?.forgot(slot);
  }

  /** Until it is tried again. */
  leaveAlone(bloque: BloqueSimbiotico): void {
    bloque.lastFallo = this.#refusals.get(this.#procesadorOf(bloque)) ?? bloque.lastFallo;
    this.#deps.supervision.brokenOff(bloque);
  }

  /** Resolves when the run is over, here or there. Never rejects. */
  run(bloque: BloqueSimbiotico, turn: Turn): Promise<void> {
    const { runner, logger, limitMs } = this.#deps;
    let begun: Begun = { arrivedMs: Infinity, search: null, slots: [] };
    const { promise, resolve } = Promise.withResolvers<void>();
    runner.run({
      limitMs: limitMs(bloque),
      make: (room) => {
        const { task, ...rest } = this.#begin(bloque, turn, room);
        begun = rest;
        return task;
      },
      end: (outcome) => {
        try {
          this.#ended(bloque, turn, begun, outcome);
        } catch (error) {
          // a fault of one bloque must not end whoever runs them
          logger.error(TAG, messageOf(error), { bloque: bloque.id });
        }
        resolve();
      },
    });
    return promise;
  }

  #begin(
    bloque: BloqueSimbiotico,
    { due, carga, ofCycle }: Turn,
    room: (bytes: number) => SharedArrayBuffer,
  ): Begun & { readonly task: ApartTask | null } {
    const arrivedMs = bloque.inbox.oldestArrivalMs;
    const procesador = this.#procesadorOf(bloque);
    const nowMs = this.#deps.clock.nowMs();
    const cargaCycle = (due & DUE.cycle) === 0 ? null : ofCycle;
    const search = this.#searches.get(bloque) ?? null;
    if (search === null || !bloque.hasLecturas) {
      return { arrivedMs, search, slots: [], task: bloque.beginApart(procesador, carga, cargaCycle, nowMs, room) };
    }
    if (cargaCycle !== null) bloque.missedTotal++;
    const filter = search.filter((isSuspect) => hasOthers(bloque, isSuspect));
    const task = bloque.beginApart(procesador, carga, null, nowMs, room, filter);
    const { estado } = bloque.options.procesador.procesador;
    return { arrivedMs, search, slots: task === null ? [] : runningSlots(task, estado), task };
  }

  #ended(bloque: BloqueSimbiotico, { due, ...turn }: Turn, begun: Begun, outcome: ApartOutcome): void {
    if (outcome.kind === 'broken_off') {
      this.#breakOff(bloque, begun, outcome.task, outcome.found);
      return;
    }
    if (outcome.kind === 'refused') this.#noteRefused(bloque, outcome.found);
    // what is paused meanwhile stays as it is
    if (bloque.pausado || bloque.retenido || this.#deps.paused()) return;
    const isDone = outcome.kind === 'done' || outcome.kind === 'nothing';
    if (!isDone && this.mustNotRunHere(bloque)) {
      // a stop is no new failure of it
      if (outcome.kind !== 'closed') this.leaveAlone(bloque);
      return;
    }
    const isIn =
      outcome.kind === 'nothing' || (outcome.kind === 'done' && bloque.endApart(outcome.task, outcome.result));
    if (isIn) this.#deps.afterRun(bloque, due, begun.arrivedMs);
    // in the loop suspects would run along
    else if (begun.slots.length === 0) {
      this.#deps.runHere(bloque, { due, ...turn }, outcome.kind === 'done' ? outcome.task : null);
    }
    if (begun.search !== null && outcome.kind === 'done') this.#searchOn(bloque, begun.search, begun.slots);
  }

  #breakOff(bloque: BloqueSimbiotico, { search, slots }: Begun, task: ApartTask, found: string): void {
    const { logger, say, supervision, failed, clock } = this.#deps;
    this.brokenOff++;
    this.#endless.add(task.procesador);
    failed(bloque.failApart(task, found));
    logger.error(TAG, say('log.broken_off', { procesador: task.procesador }), { bloque: bloque.id, found });
    const nowMs = clock.monotonicMs();
    const going = search ?? new HangSearch(nowMs);
    this.#searches.set(bloque, going);
    // of the first run nobody has looked at which lecturas of it ran
    const ran = search === null ? Array.from(task.lecturas?.slot ?? []) : slots;
    const guilty = going.brokenOff(ran, task.cycle !== null, nowMs);
    if (guilty >= 0 && stillWaits(bloque, guilty, task)) {
      logger.error(TAG, say('log.isolated'), { bloque: bloque.id, entidad: bloque.claveOf(guilty), found });
      bloque.isolate(guilty, found);
    }
    supervision.brokenOff(bloque);
  }

  /** A run ended by itself (A3). */
  #searchOn(bloque: BloqueSimbiotico, search: HangSearch, slots: readonly number[]): void {
    const nowMs = this.#deps.clock.monotonicMs();
    search.ended(slots, !bloque.hasLecturas, nowMs);
    if (search.isOver(nowMs)) this.#searches.delete(bloque);
    if (slots.length > 0 && bloque.hasLecturas) this.#deps.again(bloque);
  }

  /** Told once a procesador: it will be no different the next time. Again when nothing runs it any more. */
  #noteRefused(bloque: BloqueSimbiotico, found: string): void {
    this.refused++;
    const procesador = this.#procesadorOf(bloque);
    this.#refusals.set(procesador, found);
    const text = this.mustNotRunHere(bloque) ? 'log.apart_left' : 'log.apart_refused';
    const what = `${text} ${procesador}`;
    if (this.#told.has(what)) return;
    this.#told.add(what);
    const { logger, say } = this.#deps;
    logger.warn(TAG, say(text, { procesador }), { bloque: bloque.id, found });
  }

  /** As the configuration names it. */
  #procesadorOf(bloque: BloqueSimbiotico): string {
    const entrada = this.#deps.swarm().entradas.get(bloque.entrada);
    return entrada?.evolucion?.genoma.procesador ?? entrada?.config.procesador ?? '';
  }
}

function hasOthers({ inbox, memory }: BloqueSimbiotico, isSuspect: (slot: number) => boolean): boolean {
  const { slot } = inbox.columns;
  for (let k = 0; k < inbox.size; k++) if (memory.core.corre[slot[k]!] === 1 && !isSuspect(slot[k]!)) return true;
  return false;
}

/** The lectura of that slot is still the next one of it: its clave may have been forgotten meanwhile, and another one have the slot. */
function stillWaits({ inbox }: BloqueSimbiotico, slot: number, { lecturas }: ApartTask): boolean {
  const ran = lecturas!.slot.indexOf(slot);
  const { columns, size } = inbox;
  const waits = columns.slot.subarray(0, size).indexOf(slot);
  return waits >= 0 && columns.valor[waits] === lecturas!.valor[ran] && columns.tsMs[waits] === lecturas!.tsMs[ran];
}
