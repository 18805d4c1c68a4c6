/**
 * Models grown on a thread of their own.
 *
 * A thread lives for one forest: its heap (some 10 MB) goes with it, and there is no state between two. Starting one costs tens of ms of
 * the other core, and forests are grown once an hour.
 *
 * W1 One thread at a time, in order of asking; at most WAITING_MAX wait, a further call is refused.
 */
import { Worker } from 'node:worker_threads';
import type { FitRequest } from '#domain/auditoria/audit.ts';
import type { IsolationForest } from '#domain/anomaly/isolation-forest.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { ModelTrainer } from '#ports/model-trainer.ts';
import type { TrainingAnswer } from './messages.ts';

const WAITING_MAX = 1024;
/** A million values grow in well under a second; what takes so long hangs. */
const GROW_MS_MAX = 30_000;
/** The same ending as this file: sources as they are, or built. */
const THREAD = new URL(`./training-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

export class ThreadTrainer implements ModelTrainer {
  #isClosed = false;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #running: Worker | null = null;

  growForest(request: FitRequest): Promise<IsolationForest> {
    if (this.#isClosed) return Promise.reject(new CoreCError('COREC_E_STOPPING'));
    if (this.#waiting >= WAITING_MAX) {
      const found = `${this.#waiting} models wait to be grown`;
      return Promise.reject(new CoreCError('COREC_E_BUSY', { what: 'ModelTrainer', found, seconds: 60 }));
    }
    this.#waiting++;
    const grown = this.#last.then(() => this.#grow(request)).finally(() => this.#waiting--);
    this.#last = grown.catch(() => {});
    return grown;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running?.terminate();
    await this.#last;
  }

  #grow(request: FitRequest): Promise<IsolationForest> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new CoreCError('COREC_E_STOPPING'));
        return;
      }
      const worker = new Worker(THREAD, { workerData: request });
      this.#running = worker;
      // a stop need not wait for it
      worker.unref();
      let answer: TrainingAnswer | null = null;
      let failure: unknown = null;
      const timer = setTimeout(() => void worker.terminate(), GROW_MS_MAX);
      timer.unref();
      worker.on('message', (message: TrainingAnswer) => {
        answer = message;
      });
      worker.on('error', (error) => {
        failure = error;
      });
      worker.on('exit', () => {
        clearTimeout(timer);
        this.#running = null;
        if (answer?.ok === true) resolve(answer.forest);
        else if (this.#isClosed) reject(new CoreCError('COREC_E_STOPPING'));
        else {
          const found =
            answer?.ok === false ? answer.found : failure === null ? 'the thread ended' : messageOf(failure);
          reject(new CoreCError('COREC_E_INTERNAL', { found: `training: ${found}` }, failure ?? undefined));
        }
      });
    });
  }
}
