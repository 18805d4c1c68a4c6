/**
 * Bloques run on threads of their own (ports/bloque-runner.ts).
 *
 * A lane is a thread with one job at a time: it is begun by its first job, ended when none has come for IDLE_MS, and ended in the middle when
 * a job is over its limit. The copy of the columns is shared memory that the next job uses again, unless a thread that was ended may still
 * be writing into it.
 *
 * W1 Who asks has one job a bloque (nucleus/runs.ts), so as many wait as there are bloques at most.
 * W2 A procesador that a thread cannot load, or loads anew as another one than the bloque's (its file was edited), is not taken again.
 */
import { Worker } from 'node:worker_threads';
import type { ApartTask } from '#domain/bloque/apart.ts';
import { messageOf } from '#domain/errors.ts';
import type { ApartJob, ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import type { RunAnswer } from './messages.ts';

/** A thread begins, and loads a procesador, within; then the job's own limit counts. */
const LOAD_MS_MAX = 10_000;
const IDLE_MS = 90_000;
/** A procesador is small; one that fills this much takes itself down and nobody else. */
const HEAP_MB_MAX = 256;
/** As the main thread has it: what a run leaves behind is small. */
const YOUNG_MB_MAX = 4;

export interface ThreadRunnerOptions {
  /** A file that calls serveRuns. */
  readonly thread: URL;
  /** What it is given, plain data. */
  readonly threadData: unknown;
  readonly takes: (procesador: string) => boolean;
  readonly lanes: number;
}

export class ThreadRunner implements BloqueRunner {
  readonly #options: ThreadRunnerOptions;
  readonly #unloadable = new Set<string>();
  readonly #lanes: Lane[];
  #waiting: ApartJob[] = [];
  #isClosed = false;

  constructor(options: ThreadRunnerOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: options.lanes }, () => new Lane(options, () => this.#next()));
  }

  takes(procesador: string): boolean {
    return !this.#isClosed && !this.#unloadable.has(procesador) && this.#options.takes(procesador);
  }

  run(job: ApartJob): void {
    this.#waiting.push(job);
    queueMicrotask(() => this.#next());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting.splice(0)) job.end({ kind: 'closed' });
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  #next(): void {
    for (;;) {
      const lane = this.#lanes.find(({ isFree }) => isFree);
      const job = lane === undefined ? undefined : this.#waiting.shift();
      if (job === undefined) return;
      if (this.#isClosed) job.end({ kind: 'closed' });
      else
        lane!.begin(job, (task, isLoaded) => {
          if (!isLoaded) this.#unloadable.add(task.procesador);
        });
    }
  }
}

interface UnderWay {
  readonly job: ApartJob;
  readonly task: ApartTask;
  readonly refused: (task: ApartTask, isLoaded: boolean) => void;
}

class Lane {
  readonly #options: ThreadRunnerOptions;
  readonly #freed: () => void;
  #worker: Worker | null = null;
  #memory: SharedArrayBuffer | null = null;
  #underWay: UnderWay | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ThreadRunnerOptions, freed: () => void) {
    this.#options = options;
    this.#freed = freed;
  }

  get isFree(): boolean {
    return this.#underWay === null;
  }

  begin(job: ApartJob, refused: UnderWay['refused']): void {
    let task: ApartTask | null;
    try {
      task = job.make((bytes) => this.#room(bytes));
    } catch (error) {
      // no memory for a copy
      return job.end({ kind: 'refused', found: messageOf(error) });
    }
    if (task === null) return job.end({ kind: 'nothing' });
    this.#underWay = { job, task, refused };
    try {
      const worker = (this.#worker ??= this.#start());
      this.#limit(LOAD_MS_MAX);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is the one of windows
      worker.postMessage(task);
    } catch (error) {
      // parametros that cannot be sent, or no thread to be had
      this.#refuse(messageOf(error), false);
    }
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#stop();
    this.#end({ kind: 'closed' });
    await worker?.terminate();
  }

  #room(bytes: number): SharedArrayBuffer {
    if (this.#memory === null || this.#memory.byteLength < bytes) this.#memory = new SharedArrayBuffer(bytes);
    return this.#memory;
  }

  #start(): Worker {
    const { thread, threadData } = this.#options;
    const worker = new Worker(thread, {
      workerData: threadData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX, maxYoungGenerationSizeMb: YOUNG_MB_MAX },
    });
    // a stop need not wait for it
    worker.unref();
    let failure: unknown = null;
    worker.on('message', (answer: RunAnswer) => {
      if (this.#worker !== worker) return;
      const { task, job } = this.#underWay!;
      if (answer.kind === 'loaded') this.#limit(job.limitMs);
      else if (answer.kind === 'done') this.#end({ kind: 'done', task, result: answer.result });
      else this.#refuse(answer.found, answer.isLoaded);
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      const found = failure === null ? 'its thread ended' : `its thread ended: ${messageOf(failure)}`;
      this.#stop();
      const { task } = this.#underWay ?? {};
      if (task !== undefined) this.#end({ kind: 'broken_off', task, found });
    });
    return worker;
  }

  #limit(ms: number): void {
    const { task } = this.#underWay!;
    this.#after(ms, () => {
      this.#stop();
      this.#end({ kind: 'broken_off', task, found: `no end within ${ms} ms; its thread was ended` });
    });
  }

  #refuse(found: string, isLoaded: boolean): void {
    const { task, refused } = this.#underWay!;
    refused(task, isLoaded);
    this.#end({ kind: 'refused', found });
  }

  #end(outcome: ApartOutcome): void {
    const underWay = this.#underWay;
    if (underWay === null) return;
    this.#underWay = null;
    if (this.#worker !== null) this.#after(IDLE_MS, () => this.#stop());
    underWay.job.end(outcome);
    this.#freed();
  }

  /** The thread is let go, at once. */
  #stop(): void {
    this.#after(0, null);
    const worker = this.#worker;
    this.#worker = null;
    this.#memory = null;
    void worker?.terminate();
  }

  #after(ms: number, callback: (() => void) | null): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = callback === null ? null : setTimeout(callback, ms);
    this.#timer?.unref();
  }
}
