/**
 * Running bloques: what one turn of a bloque is, whatever its procesador.
 *
 * Owns: drains, cycles, settling, closures under way, and who waits for the loop. Leaves the order of turns to ModuloEjecucion, what a
 * bloque does in its turn to the bloque, runs apart to apart-runs.ts and repairs from the store to epoch-repairs.ts.
 *
 * R1 One run of a bloque's closures, or one apart, at a time; what comes due meanwhile runs after it.
 * R2 Lecturas that were run apart in vain run here without those that have come since, and their cycle is of the time before these.
 */
import type { ApartTask } from '#domain/bloque/apart.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { runClosures } from '#domain/bloque/closures.ts';
import { NONE } from '#domain/supervision/circuit.ts';
import { DUE } from '#domain/cycle/schedule.ts';
import { messageOf } from '#domain/errors.ts';
import { isClosure } from '#domain/procesadores/closure.ts';
import type { Say } from '#domain/texts/text.ts';
import type { BloqueRunner } from '#ports/bloque-runner.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaHub } from './alertas.ts';
import { ApartRuns, type Turn } from './apart-runs.ts';
import { EpochRepairs } from './epoch-repairs.ts';
import type { Supervision } from './supervision.ts';
import type { Swarm } from './swarm.ts';

const TAG = 'CoreCNucleus';
const LIMIT_MS_DEFAULT = 1000;

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
  readonly apart: ApartRuns;
  readonly epochRepairs: EpochRepairs;

  readonly #deps: RunsDeps;
  readonly #closureRuns = new Map<BloqueSimbiotico, Promise<void>>();
  readonly #closuresAgain = new Map<BloqueSimbiotico, number>();
  #lecturaListeners: ((bloque: BloqueSimbiotico) => void)[] = [];
  #turnWaiters: { readonly sinceMs: number; readonly resolve: () => void }[] = [];

  constructor(deps: RunsDeps) {
    this.#deps = deps;
    this.epochRepairs = new EpochRepairs({
      ...deps,
      isRunning: (bloque) => this.isRunning(bloque),
      noteRepaired: (bloque, entidades) => this.#noteRepaired(bloque, entidades),
    });
    this.apart = new ApartRuns({
      ...deps,
      limitMs: (bloque) => this.#limitMs(bloque),
      runHere: (bloque, turn, inVain) => this.#runHere(bloque, turn, inVain),
      afterRun: (bloque, due, arrivedMs) => this.#afterRun(bloque, due, arrivedMs),
      failed: (fallos) => (this.fallos += fallos),
      again: (bloque) => this.arrived(bloque),
    });
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
    const apart = [...this.#closureRuns.keys()].filter((bloque) => this.apart.takes(bloque));
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
    const turn: Turn = { due, carga: leave.carga, ofCycle };
    if (this.apart.takes(bloque)) {
      if (!this.#mustWait(bloque, due)) this.#underWay(bloque, ofCycle, this.apart.run(bloque, turn));
    } else if (this.apart.mustNotRunHere(bloque)) this.apart.leaveAlone(bloque);
    else this.#runHere(bloque, turn, null);
  }

  /** `inVain`: what it was run apart for, instead of the share of all that waits now (R2). */
  #runHere(bloque: BloqueSimbiotico, { due, carga, ofCycle }: Turn, inVain: ApartTask | null): void {
    const nowMs = this.#deps.clock.nowMs();
    const arrivedMs = bloque.inbox.oldestArrivalMs;
    try {
      if (bloque.hasLecturas) {
        if (inVain === null) bloque.drain(carga, nowMs);
        else bloque.drainFirst(Math.min(inVain.lecturas?.slot.length ?? 0, bloque.inbox.size), nowMs);
        this.#deps.swarm().drained(bloque);
      }
      // who has lecturas waiting is not silent: the newest time is that of what has run
      if ((due & DUE.cycle) !== 0 && inVain?.cycle !== null) bloque.cycle(ofCycle, nowMs, inVain?.cycle.timeMs);
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
    if (over <= 0 || isClosure(bloque.options.procesador.procesador) || this.apart.mustNotRunHere(bloque)) return;
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
        this.epochRepairs.closuresOver(bloque);
        const again = this.#closuresAgain.get(bloque);
        if (again === undefined) return;
        this.#closuresAgain.delete(bloque);
        this.runBloque(bloque, again, carga);
      });
    this.#closureRuns.set(bloque, run);
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
      if (settled.restore.length > 0) void this.epochRepairs.repair(bloque, settled.restore);
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
}
