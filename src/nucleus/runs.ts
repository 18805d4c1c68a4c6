/**
 * Running bloques: what one turn of a bloque is, whatever its procesador.
 *
 * Owns: drains, cycles, settling, closures under way, repairs from the last epoch, and who waits for the loop. Leaves the
 * order of turns to ModuloEjecucion, what a bloque does in its turn to the bloque.
 *
 * R1 One run of a bloque's closures, or one apart, at a time; what comes due meanwhile runs after it.
 * R2 Bloques of canal CANAL_APART run apart (ports/bloque-runner.ts) when their procesador can: what takes long there delays nobody, and what
 *    never ends is broken off. What cannot run apart runs here.
 * R3 Here nothing can be broken off. So of canal CANAL_APART nothing runs here of a procesador that was broken off once, and lecturas
 *    that were run apart in vain run here without those that have come since, and their cycle is of the time before these.
 */
import type { ApartTask } from '#domain/bloque/apart.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { runClosures } from '#domain/bloque/closures.ts';
import { decodeClaves } from '#domain/claves/blob.ts';
import { NONE } from '#domain/supervision/circuit.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import { isTransient, messageOf } from '#domain/errors.ts';
import { isClosure } from '#domain/procesadores/closure.ts';
import type { Say } from '#domain/texts/text.ts';
import type { ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaHub } from './alertas.ts';
import { decodeColumnas, fillSlot } from './checkpoint.ts';
import type { Supervision } from './supervision.ts';
import type { Swarm } from './swarm.ts';
import { within } from './within.ts';

const TAG = 'CoreCNucleus';
/** The canal of analysis (specification, section 2.3). */
export const CANAL_APART = 3;
const LIMIT_MS_DEFAULT = 1000;
/** Doors are shut meanwhile. */
const HEAL_MS_MAX = 1000;

export interface RunsDeps {
  readonly swarm: () => Swarm;
  readonly hub: AlertaHub;
  readonly store: BloqueStore;
  readonly compressor: Compressor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  readonly paused: () => boolean;
  readonly supervision: Pick<Supervision, 'leave' | 'settled' | 'brokenOff'>;
  readonly runner: BloqueRunner;
  /** Entidades of it were replaced. */
  readonly repaired: (bloque: BloqueSimbiotico, entidades: number) => void;
  /** The mensajes of a settled cycle, as its bloque publishes them. */
  readonly publish: (bloque: BloqueSimbiotico, frame: Uint8Array) => void;
  /** Monotonic ms since which the oldest bloque waits for its turn; Infinity when none does. */
  readonly oldestQueuedMs: () => number;
}

export class Runs {
  /** Failed runs, and entidades repaired, since the start. */
  fallos = 0;
  repairs = 0;
  /** Runs that were broken off, and runs that could not be done apart. */
  brokenOff = 0;
  apartRefused = 0;

  readonly #deps: RunsDeps;
  readonly #closureRuns = new Map<BloqueSimbiotico, Promise<void>>();
  readonly #closuresAgain = new Map<BloqueSimbiotico, number>();
  /** Repairs that wait for the closures of their bloque. */
  readonly #afterClosures = new Map<BloqueSimbiotico, (() => void)[]>();
  /** Procesadores of which a run was broken off (R3). */
  readonly #endless = new Set<string>();
  /** Procesadores of which was told that they cannot run apart, and why. */
  readonly #refusals = new Map<string, string>();
  #lecturaListeners: ((bloque: BloqueSimbiotico) => void)[] = [];
  #turnWaiters: { readonly sinceMs: number; readonly resolve: () => void }[] = [];

  constructor(deps: RunsDeps) {
    this.#deps = deps;
  }

  onLecturas(listener: (bloque: BloqueSimbiotico) => void): void {
    this.#lecturaListeners.push(listener);
  }

  /** Something was put in a bloque's inbox. */
  arrived(bloque: BloqueSimbiotico): void {
    for (const listener of this.#lecturaListeners) listener(bloque);
  }

  /**
   * Resolves when everything queued now has run. What is queued later is not waited for: a swarm that is busier than its intervals
   * allow is never idle, and would never have an epoch.
   */
  turn(): Promise<void> {
    if (this.#deps.oldestQueuedMs() === Infinity) return Promise.resolve();
    return new Promise((resolve) => this.#turnWaiters.push({ sinceMs: this.#deps.clock.monotonicMs(), resolve }));
  }

  /** The loop has run some of what was queued. */
  turned(): void {
    if (this.#turnWaiters.length === 0) return;
    const oldestMs = this.#deps.oldestQueuedMs();
    const waiters = this.#turnWaiters;
    this.#turnWaiters = waiters.filter(({ sinceMs }) => sinceMs >= oldestMs);
    for (const { sinceMs, resolve } of waiters) if (sinceMs < oldestMs) resolve();
  }

  /** Its closures, or a run apart, are under way. */
  isRunning(bloque: BloqueSimbiotico): boolean {
    return this.#closureRuns.has(bloque);
  }

  get hasClosures(): boolean {
    return this.#closureRuns.size > 0;
  }

  /**
   * Resolves when the closures under way now, of these bloques or of all, have answered or are late. What begins meanwhile is not
   * waited for: of closures that take as long as their interval something is under way at any time.
   */
  async closuresDone(bloques: Iterable<BloqueSimbiotico> = this.#closureRuns.keys()): Promise<void> {
    await Promise.all(Array.from(bloques, (bloque) => this.#closureRuns.get(bloque) ?? Promise.resolve()));
  }

  /**
   * With the doors shut: the same, and of bloques that run apart also what came for them during those runs. A turn has only begun them.
   */
  async drained(): Promise<void> {
    const apart = [...this.#closureRuns.keys()].filter((bloque) => this.#isApart(bloque));
    await this.closuresDone();
    // one run more takes all of it; of bloques that are due again and again some run is under way at any time
    await this.closuresDone(apart.filter((bloque) => bloque.hasLecturas));
  }

  runBloque(bloque: BloqueSimbiotico, due: number, carga: number): void {
    if (this.#deps.paused() || bloque.pausado || bloque.retenido) return;
    const leave = this.#deps.supervision.leave(bloque);
    if (leave === null) return;
    // pressure takes from cycles alone: lecturas that were let in would only wait, and fill the inbox
    const ofCycle = Math.min(carga, leave.carga);
    const { procesador } = bloque.options.procesador;
    if (isClosure(procesador)) {
      this.#runClosures(bloque, due, 'porLectura' in procesador.closures ? leave.carga : ofCycle);
      return;
    }
    if (this.#isApart(bloque)) {
      this.#runApart(bloque, due, leave.carga, ofCycle);
      return;
    }
    if (this.#mustNotRunHere(bloque)) this.#leaveAlone(bloque);
    else this.#runHere(bloque, due, leave.carga, ofCycle);
  }

  /** `inVain`: what it was run apart for, instead of the share `carga` of all that waits now. */
  #runHere(
    bloque: BloqueSimbiotico,
    due: number,
    carga: number,
    ofCycle: number,
    inVain: ApartTask | null = null,
  ): void {
    const nowMs = this.#deps.clock.nowMs();
    const arrivedMs = bloque.inbox.oldestArrivalMs;
    try {
      if (bloque.hasLecturas) {
        if (inVain === null) bloque.drain(carga, nowMs);
        else bloque.drainFirst(Math.min(inVain.lecturas?.slot.length ?? 0, bloque.inbox.size), nowMs);
        this.#deps.swarm().drained(bloque);
      }
      // who has lecturas waiting is not silent: the newest time is that of what has run
      if ((due & DUE.cycle) !== 0)
        bloque.cycle(ofCycle, nowMs, inVain === null ? undefined : (inVain.cycle?.timeMs ?? 0));
      this.#afterRun(bloque, due, arrivedMs);
    } catch (error) {
      // a fault of one bloque must not end the loop that all others live on
      this.#deps.logger.error(TAG, messageOf(error), { bloque: bloque.id });
    }
  }

  /**
   * Runs the oldest lecturas of a bloque whose inbox is over its limit, paused or not: what a journal brings back in such numbers had
   * been let in, and had run, before the pause. Closures are left to their own pace.
   */
  makeRoom(bloque: BloqueSimbiotico): void {
    const over = -bloque.inbox.room;
    if (over <= 0 || isClosure(bloque.options.procesador.procesador) || this.#mustNotRunHere(bloque)) return;
    const arrivedMs = bloque.inbox.oldestArrivalMs;
    const { pausado } = bloque;
    bloque.pausado = false;
    try {
      bloque.drainFirst(over, this.#deps.clock.nowMs());
      this.#deps.swarm().drained(bloque);
      this.#afterRun(bloque, DUE.lecturas, arrivedMs);
    } catch (error) {
      this.#deps.logger.error(TAG, messageOf(error), { bloque: bloque.id });
    } finally {
      bloque.pausado = pausado;
    }
  }

  /** Closures answer when they answer: one run of a bloque at a time, the loop goes on meanwhile. */
  #runClosures(bloque: BloqueSimbiotico, due: number, carga: number): void {
    if (this.#mustWait(bloque, due)) return;
    const arrivedMs = bloque.inbox.oldestArrivalMs;
    const work = runClosures(
      bloque,
      (due & DUE.cycle) !== 0,
      carga,
      this.#limitMs(bloque),
      () => this.#deps.clock.nowMs(),
      (ms, callback) => this.#deps.clock.after(ms, callback),
    ).then(() => this.#afterRun(bloque, due, arrivedMs));
    this.#underWay(bloque, carga, work);
  }

  /** R1. */
  #mustWait(bloque: BloqueSimbiotico, due: number): boolean {
    if (!this.#closureRuns.has(bloque)) return false;
    const waiting = this.#closuresAgain.get(bloque) ?? 0;
    if ((waiting & due & DUE.cycle) !== 0) bloque.missedTotal++;
    this.#closuresAgain.set(bloque, waiting | due);
    return true;
  }

  #limitMs(bloque: BloqueSimbiotico): number {
    return this.#deps.swarm().entradas.get(bloque.entrada)?.config.tiempo_limite_ms ?? LIMIT_MS_DEFAULT;
  }

  #underWay(bloque: BloqueSimbiotico, carga: number, work: Promise<void>): void {
    const run = work
      .catch((error: unknown) => this.#deps.logger.error(TAG, messageOf(error), { bloque: bloque.id }))
      .finally(() => {
        this.#closureRuns.delete(bloque);
        this.#deps.swarm().drained(bloque);
        for (const repair of this.#afterClosures.get(bloque) ?? []) repair();
        this.#afterClosures.delete(bloque);
        const again = this.#closuresAgain.get(bloque);
        if (again === undefined) return;
        this.#closuresAgain.delete(bloque);
        this.runBloque(bloque, again, carga);
      });
    this.#closureRuns.set(bloque, run);
  }

  #isApart(bloque: BloqueSimbiotico): boolean {
    if (bloque.canal !== CANAL_APART || isClosure(bloque.options.procesador.procesador)) return false;
    return this.#deps.runner.takes(this.#procesadorOf(bloque));
  }

  /** As the configuration names it. */
  #procesadorOf(bloque: BloqueSimbiotico): string {
    const entrada = this.#deps.swarm().entradas.get(bloque.entrada);
    return entrada?.evolucion?.genoma.procesador ?? entrada?.config.procesador ?? '';
  }

  /** R3. */
  #mustNotRunHere(bloque: BloqueSimbiotico): boolean {
    return bloque.canal === CANAL_APART && this.#endless.has(this.#procesadorOf(bloque));
  }

  /** Until it is tried again. */
  #leaveAlone(bloque: BloqueSimbiotico): void {
    bloque.lastFallo = this.#refusals.get(this.#procesadorOf(bloque)) ?? bloque.lastFallo;
    this.#deps.supervision.brokenOff(bloque);
  }

  /** R2. */
  #runApart(bloque: BloqueSimbiotico, due: number, carga: number, ofCycle: number): void {
    if (this.#mustWait(bloque, due)) return;
    const { runner, clock } = this.#deps;
    const cargaCycle = (due & DUE.cycle) === 0 ? null : ofCycle;
    const procesador = this.#procesadorOf(bloque);
    let arrivedMs = Infinity;
    const { promise, resolve } = Promise.withResolvers<void>();
    runner.run({
      limitMs: this.#limitMs(bloque),
      make: (room) => {
        arrivedMs = bloque.inbox.oldestArrivalMs;
        return bloque.beginApart(procesador, carga, cargaCycle, clock.nowMs(), room);
      },
      end: (outcome) => {
        try {
          this.#ranApart(bloque, due, carga, cargaCycle, arrivedMs, outcome);
        } catch (error) {
          // a fault of one bloque must not end whoever runs them
          this.#deps.logger.error(TAG, messageOf(error), { bloque: bloque.id });
        }
        resolve();
      },
    });
    this.#underWay(bloque, ofCycle, promise);
  }

  #ranApart(
    bloque: BloqueSimbiotico,
    due: number,
    carga: number,
    cargaCycle: number | null,
    arrivedMs: number,
    outcome: ApartOutcome,
  ): void {
    const { logger, say, supervision } = this.#deps;
    if (outcome.kind === 'broken_off') {
      this.brokenOff++;
      this.#endless.add(outcome.task.procesador);
      this.fallos += bloque.failApart(outcome.task, outcome.found);
      logger.error(TAG, say('log.broken_off', { procesador: outcome.task.procesador }), {
        bloque: bloque.id,
        found: outcome.found,
      });
      supervision.brokenOff(bloque);
      return;
    }
    if (outcome.kind === 'refused') this.#noteRefused(bloque, outcome.found);
    // what is paused meanwhile stays as it is
    if (bloque.pausado || bloque.retenido || this.#deps.paused()) return;
    const isDone = outcome.kind === 'done' || outcome.kind === 'nothing';
    if (!isDone && this.#mustNotRunHere(bloque)) {
      // a stop is no new failure of it
      if (outcome.kind !== 'closed') this.#leaveAlone(bloque);
      return;
    }
    const isIn =
      outcome.kind === 'nothing' || (outcome.kind === 'done' && bloque.endApart(outcome.task, outcome.result));
    if (isIn) this.#afterRun(bloque, due, arrivedMs);
    // refused or closed, or the bloque has changed meanwhile
    else {
      this.#runHere(bloque, due, carga, cargaCycle ?? 0, outcome.kind === 'done' ? outcome.task : null);
    }
  }

  /** Told once a procesador: it will be no different the next time. */
  #noteRefused(bloque: BloqueSimbiotico, found: string): void {
    this.apartRefused++;
    const procesador = this.#procesadorOf(bloque);
    if (this.#refusals.has(procesador)) return;
    this.#refusals.set(procesador, found);
    const { logger, say } = this.#deps;
    const text = this.#mustNotRunHere(bloque) ? 'log.apart_left' : 'log.apart_refused';
    logger.warn(TAG, say(text, { procesador }), { bloque: bloque.id, found });
  }

  #afterRun(bloque: BloqueSimbiotico, due: number, arrivedMs: number): void {
    if ((due & DUE.cycle) !== 0) {
      const nowMs = this.#deps.clock.nowMs();
      const { supervision } = this.#deps;
      const settled = bloque.settle(nowMs, supervision.leave(bloque) ?? NONE);
      supervision.settled(bloque, settled);
      const frame = bloque.takeFrame();
      if (frame !== null) this.#deps.publish(bloque, frame);
      this.fallos += settled.errors;
      this.#noteRepaired(bloque, settled.repaired);
      if (settled.restore.length > 0) void this.#restoreSlots(bloque, settled.restore);
      if (settled.quarantined > 0) {
        this.#deps.logger.warn(TAG, this.#deps.say('log.quarantine'), {
          bloque: bloque.id,
          entidades: settled.quarantined,
          fallo: bloque.lastFallo,
        });
      }
    }
    const changes = bloque.takeChanges();
    if (changes.length > 0) this.#deps.hub.take(bloque, changes, this.#deps.clock.nowMs(), arrivedMs, false);
  }

  #noteRepaired(bloque: BloqueSimbiotico, entidades: number): void {
    if (entidades === 0) return;
    this.repairs += entidades;
    this.#deps.repaired(bloque, entidades);
  }

  /** Repairs slots with their state of the last epoch, those that it does not know fresh. Never throws. */
  async #restoreSlots(bloque: BloqueSimbiotico, slots: readonly number[]): Promise<void> {
    let load: (slot: number) => boolean = () => false;
    try {
      load = await this.#storedState(bloque, slots);
    } catch (error) {
      this.#deps.logger.warn(TAG, this.#deps.say('log.repaired_fresh', { error: messageOf(error) }), {
        bloque: bloque.id,
      });
    }
    const repair = (): void => {
      const before = bloque.repairsTotal;
      bloque.repairFrom(slots, load, this.#deps.clock.nowMs());
      this.#noteRepaired(bloque, bloque.repairsTotal - before);
    };
    // closures under way were not asked for an entidad that was inactive: it must not become active before their answers are in
    if (this.#closureRuns.has(bloque))
      this.#afterClosures.set(bloque, [...(this.#afterClosures.get(bloque) ?? []), repair]);
    else repair();
  }

  /** False: failed runs have left something behind that `heal` must see to before a cut. */
  get isClean(): boolean {
    return this.#deps.swarm().bloques.every((bloque) => bloque.tainted.length === 0);
  }

  /**
   * Before a cut: what failed runs left behind gives way to the state of the last epoch. Stored as it is, it would be what a repair
   * brings back. Rejects while the store does not answer; what it holds and nobody can read gives way to a fresh state.
   */
  async heal(): Promise<void> {
    const untilMs = this.#deps.clock.monotonicMs() + HEAL_MS_MAX;
    for (;;) {
      const ill = this.#deps.swarm().bloques.find((bloque) => bloque.tainted.length > 0);
      if (ill === undefined) return;
      const slots = ill.tainted;
      const leftMs = Math.max(0, untilMs - this.#deps.clock.monotonicMs());
      let load: (slot: number) => boolean = () => false;
      try {
        load = await within(this.#deps.clock, leftMs, `estado ${ill.id}`, this.#storedState(ill, slots));
      } catch (error) {
        if (isTransient(error)) throw error;
        this.#deps.logger.warn(TAG, this.#deps.say('log.repaired_fresh', { error: messageOf(error) }), {
          bloque: ill.id,
        });
      }
      ill.heal(slots, load);
    }
  }

  /** What writes the last epoch's state of a slot into it; false for a slot that was another clave's then. */
  async #storedState(bloque: BloqueSimbiotico, slots: readonly number[]): Promise<(slot: number) => boolean> {
    const { store, compressor } = this.#deps;
    const datos = await store.readEstado('columnas', bloque.id);
    const claves = await store.readEstado('claves', bloque.id);
    if (datos === null || claves === null || claves.length === 0) return () => false;
    const { estado } = decodeColumnas(datos, compressor, bloque.id);
    const list = decodeClaves(claves, compressor, `claves ${bloque.id}`);
    const known = new Map<number, string>();
    const wanted = new Set(slots);
    for (let k = 0; k < list.length; k++) {
      if (!wanted.has(list.slots[k]!)) continue;
      const from = list.offsets[k]!;
      known.set(list.slots[k]!, new TextDecoder().decode(list.bytes.subarray(from, from + list.lengths[k]!)));
    }
    return (slot) => known.get(slot) === bloque.claveOf(slot) && fillSlot(bloque, estado, slot, slot);
  }
}
