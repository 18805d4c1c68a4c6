/**
 * Commands that change something, one after the other in the order of the stream.
 *
 * Owns that order, also when the store is away. Leaves carrying one out to the door, and that those which are begun together share a
 * transaction to comandos.ts.
 *
 * L1 Only tasks of one kind, about different things, run at the same time, and they are begun in their order. Of a kind whose tasks are
 *    decided in the step in which they are begun, that is the order in which they take effect.
 * L2 One that fails because something is away waits at the head, and everything behind it: it is tried again until it can be done.
 */

import type { StreamHealth } from './stream-health.ts';

/** Begun together; as many as comandos.ts stores in one transaction. */
const TOGETHER_MAX = 512;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5000;

export interface LaneTask {
  readonly kind: string;
  /** Null: whatever it is about, it may run beside others of its kind. */
  readonly about: string | null;
  /** Answers, or throws a transient error to be run again. */
  readonly run: () => Promise<void>;
}

export interface LaneDeps {
  readonly health: Pick<StreamHealth, 'pause'>;
  /** Everything waits for what is away; null: it goes on. */
  readonly stuck: (error: unknown) => void;
}

export class Lane {
  readonly #deps: LaneDeps;
  readonly #stop = new AbortController();
  #waiting: LaneTask[] = [];
  #isWorking = false;
  #isStuck = false;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  push(task: LaneTask): void {
    this.#waiting.push(task);
    if (!this.#isWorking) void this.#work();
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stop.abort();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    let pauseMs = PAUSE_MS_MIN;
    // what is read in the same turn goes along
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const together = this.#takeTogether();
      const results = await Promise.allSettled(together.map((task) => task.run()));
      const again = together.filter((_, k) => results[k]!.status === 'rejected');
      if (again.length === 0) {
        if (this.#isStuck) this.#deps.stuck(null);
        this.#isStuck = false;
        pauseMs = PAUSE_MS_MIN;
        continue;
      }
      this.#waiting.unshift(...again);
      const failure = results.find((result) => result.status === 'rejected')!;
      this.#isStuck = true;
      this.#deps.stuck(failure.reason);
      await this.#deps.health.pause(pauseMs, this.#stop.signal);
      pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2);
    }
    this.#isWorking = false;
  }

  #takeTogether(): LaneTask[] {
    const { kind } = this.#waiting[0]!;
    const seen = new Set<string>();
    let k = 0;
    for (; k < this.#waiting.length && k < TOGETHER_MAX; k++) {
      const task = this.#waiting[k]!;
      if (task.kind !== kind || (task.about !== null && seen.has(task.about))) break;
      if (task.about !== null) seen.add(task.about);
    }
    return this.#waiting.splice(0, k);
  }
}
