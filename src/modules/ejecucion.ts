/**
 * ModuloEjecucion: runs bloques when something arrived for them or their interval has passed (specification, section 2.4).
 *
 * Owns the loop and its order. Leaves what a run does to the nucleus (runBloque) and the order's rules to domain/cycle/schedule.ts.
 *
 * J1 The loop gives way to I/O after every slice; the unit of preemption is one bloque.
 * J2 Intervals are aligned to multiples of themselves, so that a million quiet entidades cost one wake-up, not a thousand.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { DUE, Schedule, type Schedulable } from '#domain/cycle/schedule.ts';
import { Quantiles } from '#domain/cycle/quantiles.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

/** Doors and timers wait at most about this long behind entidades; with 8 ms, alerts of high canales came 6 ms later (p99). */
const SLICE_MS = 2;

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
}

export class ModuloEjecucion extends ModuloBase {
  readonly nombre = 'ModuloEjecucion';
  /** Time of one bloque's run, and of all runs of a sweep, in ms. */
  readonly cycleMs = new Quantiles();
  readonly sweepMs = new Quantiles();
  cycles = 0;

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

  async #run(nucleus: NucleusContext): Promise<void> {
    const { clock } = nucleus;
    while (!this.#stopping) {
      const nextMs = this.#dueIntervals(nucleus);
      nucleus.turned();
      if (this.#schedule.size === 0) {
        await this.#sleep(nucleus, Math.max(0, nextMs - clock.nowMs()));
        continue;
      }
      const sliceEnd = clock.monotonicMs() + SLICE_MS;
      for (let now = sliceEnd - SLICE_MS; now < sliceEnd && !this.#stopping;) now = this.#runNext(nucleus, now);
      await clock.yieldToIo();
    }
  }

  #runNext(nucleus: NucleusContext, nowMs: number): number {
    const next = this.#schedule.next(nowMs);
    if (next === null) return Infinity;
    nucleus.runBloque(next.item.bloque, next.due, 1);
    const after = nucleus.clock.monotonicMs();
    next.item.bloque.noteTurn(after - nowMs);
    this.cycleMs.observe(after - nowMs);
    this.cycles++;
    if ((next.due & DUE.cycle) !== 0) {
      this.#sweepBusyMs += after - nowMs;
      if (--this.#sweepLeft === 0) {
        this.sweepMs.observe(this.#sweepBusyMs);
        this.#sweepBusyMs = 0;
      }
    }
    return after;
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
        for (const task of group.tasks) {
          if ((task.due & DUE.cycle) === 0) this.#sweepLeft++;
          this.#schedule.add(task, DUE.cycle, monotonicMs);
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
        group = { intervaloMs, tasks: [], nextMs: 0 };
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
