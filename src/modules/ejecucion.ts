/**
 * ModuloEjecucion: runs bloques when something arrived for them or their interval has passed (specification, section 2.4).
 *
 * Owns the loop and its order. Leaves what a run does to the nucleus (runBloque) and the order's rules to domain/cycle/schedule.ts.
 *
 * J1 The loop gives way to I/O after every slice; the unit of preemption is one bloque.
 * J2 A cycle that has not run when its next is due counts as missed; the two become one.
 * J3 Of the background (canal 5) one bloque runs in a slice, so that whatever has become due meanwhile comes first.
 * J4 Intervals are aligned to multiples of themselves, so that a million quiet entidades cost one wake-up, not a thousand.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { DUE, Schedule, type Schedulable } from '#domain/cycle/schedule.ts';
import { nextCarga, YIELDING } from '#domain/cycle/pressure.ts';
import { Quantiles } from '#domain/cycle/quantiles.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

/** Doors and timers wait at most about this long behind entidades; with 8 ms, alerts of high canales came 6 ms later (p99). */
const SLICE_MS = 2;

/** How often the pressure is looked at, and the weight of a turn in how late the loop is as a rule. */
const LOOK_MS = 1000;
const LAG_WEIGHT = 0.1;
const BACKGROUND_CANAL = 5;

class Task implements Schedulable {
  readonly bloque: BloqueSimbiotico;
  readonly canal: number;
  readonly preferred: boolean;
  due = 0;
  queuedMs = 0;

  constructor(bloque: BloqueSimbiotico, preferred: boolean) {
    this.bloque = bloque;
    this.canal = bloque.canal;
    this.preferred = preferred;
  }
}

interface IntervalGroup {
  readonly intervaloMs: number;
  readonly tasks: Task[];
  nextMs: number;
  /** Monotonic ms at which its cycles were queued last; NaN never. */
  queuedMs: number;
}

export class ModuloEjecucion extends ModuloBase {
  readonly nombre = 'ModuloEjecucion';
  /** Time of one bloque's run, and of all runs of a sweep, in ms. */
  readonly cycleMs = new Quantiles();
  readonly sweepMs = new Quantiles();
  cycles = 0;
  /** Share of a cycle that bloques of lower canales may run now. */
  carga = 1;

  readonly #schedule = new Schedule<Task>();
  readonly #tasks = new Map<BloqueSimbiotico, Task>();
  readonly #groups = new Map<number, IntervalGroup>();
  #nucleus: NucleusContext | null = null;
  #known = 0;
  #stopping = false;
  #wake: (() => void) | null = null;
  #loop: Promise<void> = Promise.resolve();
  #sweepBusyMs = 0;
  #sweepLeft = 0;
  #backgroundRuns = 0;
  /** Since the last look. */
  #lookedMs = NaN;
  #idleMs = 0;
  #llegadas = 0;
  #lagMs = 0;

  async inicializar(nucleus: NucleusContext): Promise<void> {
    this.#nucleus = nucleus;
    nucleus.onLecturas((bloque) => {
      this.#schedule.add(this.#taskOf(bloque), DUE.lecturas, nucleus.clock.monotonicMs());
      this.#wake?.();
    });
  }

  async ejecutar(): Promise<void> {
    this.#loop = this.#run(this.#nucleus!);
  }

  async detener(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#loop;
    this.#nucleus?.turned();
  }

  /** Monotonic ms since which the oldest waits to run; Infinity when nothing waits, or nothing runs any more. */
  get oldestQueuedMs(): number {
    return this.#stopping ? Infinity : this.#schedule.oldestMs;
  }

  /** Canal 5: bloques that wait, runs, and bloques that found no room. */
  get background(): { readonly waiting: number; readonly runs: number; readonly refused: number } {
    const { background: waiting, refused } = this.#schedule;
    return { waiting, runs: this.#backgroundRuns, refused };
  }

  async #run(nucleus: NucleusContext): Promise<void> {
    const { clock } = nucleus;
    while (!this.#stopping) {
      const nextMs = this.#dueIntervals(nucleus);
      nucleus.turned();
      this.#look(clock.monotonicMs());
      if (this.#schedule.size === 0) {
        const asked = Math.max(0, nextMs - clock.nowMs());
        const beganMs = clock.monotonicMs();
        await this.#sleep(nucleus, asked);
        const slept = clock.monotonicMs() - beganMs;
        this.#idleMs += Math.min(slept, asked);
        this.#noteLag(slept - asked);
        continue;
      }
      const sliceEnd = clock.monotonicMs() + SLICE_MS;
      let now = sliceEnd - SLICE_MS;
      while (now < sliceEnd && !this.#stopping) now = this.#runNext(nucleus, now);
      const beganMs = clock.monotonicMs();
      await clock.yieldToIo();
      this.#noteLag(clock.monotonicMs() - beganMs);
    }
  }

  #runNext(nucleus: NucleusContext, nowMs: number): number {
    const next = this.#schedule.next(nowMs);
    if (next === null) return Infinity;
    const { bloque, canal } = next.item;
    const before = bloque.inbox.size;
    nucleus.runBloque(bloque, next.due, YIELDING.has(canal) ? this.carga : 1);
    if (bloque.inbox.size < before) this.#llegadas = Math.max(this.#llegadas, before / bloque.options.inboxMax);
    const after = nucleus.clock.monotonicMs();
    bloque.noteTurn(after - nowMs);
    this.cycleMs.observe(after - nowMs);
    this.cycles++;
    if ((next.due & DUE.cycle) !== 0) {
      this.#sweepBusyMs += after - nowMs;
      if (--this.#sweepLeft === 0) {
        this.sweepMs.observe(this.#sweepBusyMs);
        this.#sweepBusyMs = 0;
      }
    }
    if (canal !== BACKGROUND_CANAL) return after;
    this.#backgroundRuns++;
    return Infinity;
  }

  #noteLag(lateMs: number): void {
    this.#lagMs += (Math.max(0, lateMs) - this.#lagMs) * LAG_WEIGHT;
  }

  #look(nowMs: number): void {
    const passed = nowMs - this.#lookedMs;
    if (passed < LOOK_MS) return;
    if (passed >= LOOK_MS) {
      const cpu = 1 - Math.min(1, this.#idleMs / passed);
      this.carga = nextCarga(this.carga, { llegadas: this.#llegadas, lagMs: this.#lagMs, cpu });
    }
    this.#lookedMs = nowMs;
    this.#idleMs = 0;
    this.#llegadas = 0;
  }

  /** Queues every bloque whose interval has passed; returns the wall time of the next. */
  #dueIntervals(nucleus: NucleusContext): number {
    this.#learnBloques(nucleus);
    const nowMs = nucleus.clock.nowMs();
    let nextMs = nowMs + 1000;
    for (const group of this.#groups.values()) {
      // a clock set back must not stop the cycles until it has caught up
      if (group.nextMs - nowMs > group.intervaloMs) group.nextMs = nowMs;
      if (nowMs >= group.nextMs) {
        group.nextMs = (Math.floor(nowMs / group.intervaloMs) + 1) * group.intervaloMs;
        const monotonicMs = nucleus.clock.monotonicMs();
        const passed = Number.isNaN(group.queuedMs)
          ? 1
          : Math.round((monotonicMs - group.queuedMs) / group.intervaloMs);
        const skipped = Math.max(0, passed - 1);
        group.queuedMs = monotonicMs;
        for (const task of group.tasks) {
          const isLate = (task.due & DUE.cycle) !== 0;
          this.#schedule.add(task, DUE.cycle, monotonicMs);
          const isQueued = (task.due & DUE.cycle) !== 0;
          if (isQueued && !isLate) this.#sweepLeft++;
          task.bloque.missedTotal += skipped + (isQueued && !isLate ? 0 : 1);
        }
      }
      if (group.nextMs < nextMs) nextMs = group.nextMs;
    }
    return nextMs;
  }

  #learnBloques(nucleus: NucleusContext): void {
    const bloques = nucleus.bloques();
    for (; this.#known < bloques.length; this.#known++) this.#taskOf(bloques[this.#known]!);
  }

  #taskOf(bloque: BloqueSimbiotico): Task {
    let task = this.#tasks.get(bloque);
    if (task === undefined) {
      const entry = this.#nucleus!.config.bloques.find((e) => e.id === bloque.entrada);
      task = new Task(bloque, (entry?.plugin ?? null) !== null);
      this.#tasks.set(bloque, task);
      const { intervaloMs } = bloque.options;
      let group = this.#groups.get(intervaloMs);
      if (group === undefined) {
        group = { intervaloMs, tasks: [], nextMs: 0, queuedMs: NaN };
        this.#groups.set(intervaloMs, group);
      }
      group.tasks.push(task);
    }
    return task;
  }

  #sleep(nucleus: NucleusContext, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#wake = null;
        resolve();
      };
      const cancel = nucleus.clock.after(ms, done);
      this.#wake = done;
    });
  }
}
