/**
 * Mensajes encoded on a thread of their own.
 *
 * The thread is begun by the first batch and ended when none has come for IDLE_MS: a swarm that falls quiet gives its memory (some 10 MB)
 * back. Batches are shared memory, so nothing is copied on the way there; frames are handed over.
 *
 * W1 At most WAITING_MAX batches are with the thread; a further one is refused, and so is what a thread that ends had not answered.
 */
import { Worker } from 'node:worker_threads';
import type { CodecNombre } from '#domain/codec/columnas.ts';
import type { EncodedBatch, MensajeBatch } from '#domain/codec/mensaje-batch.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';
import type { EncodingAnswer, EncodingTask } from './messages.ts';

/** Fewer take the main thread less time than they are worth: some 20 ms. */
const MENSAJES_MIN = 100_000;
const WAITING_MAX = 64;
/** A megabyte takes some 20 ms; what takes so long hangs. */
const ANSWER_MS_MAX = 10_000;
/** Longer than from one epoch to the next, as they come. */
const IDLE_MS = 90_000;

interface Waiting {
  readonly resolve: (encoded: EncodedBatch) => void;
  readonly reject: (error: CoreCError) => void;
}

export class ThreadEncoder implements MensajeEncoder {
  readonly mensajesMin = MENSAJES_MIN;
  readonly #thread: URL;
  #isClosed = false;
  #worker: Worker | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Answers come in the order of asking. */
  #waiting: Waiting[] = [];

  /** `thread`: a file that calls serveEncoding, with the compressor of its choice. */
  constructor(thread: URL) {
    this.#thread = thread;
  }

  encode({ memory, items }: MensajeBatch, codec: CodecNombre): Promise<EncodedBatch> {
    if (this.#isClosed) return Promise.reject(new CoreCError('COREC_E_STOPPING'));
    if (this.#waiting.length >= WAITING_MAX) {
      const found = `${this.#waiting.length} batches wait to be encoded`;
      return Promise.reject(new CoreCError('COREC_E_BUSY', { what: 'MensajeEncoder', found, seconds: 1 }));
    }
    const worker = (this.#worker ??= this.#begin());
    const task: EncodingTask = { memory, items, codec };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#watch(worker);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is the one of windows
      worker.postMessage(task);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    this.#end(new CoreCError('COREC_E_STOPPING'));
    await worker?.terminate();
  }

  #begin(): Worker {
    const worker = new Worker(this.#thread);
    // a stop need not wait for it
    worker.unref();
    let failure: unknown = null;
    worker.on('message', (answer: EncodingAnswer) => {
      if (this.#worker !== worker) return;
      const { resolve, reject } = this.#waiting.shift()!;
      if (answer.ok) resolve(answer.encoded);
      else reject(new CoreCError('COREC_E_INTERNAL', { found: `encoding: ${answer.found}` }));
      this.#watch(worker);
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      const found = failure === null ? 'the thread ended' : messageOf(failure);
      this.#end(new CoreCError('COREC_E_INTERNAL', { found: `encoding: ${found}` }, failure ?? undefined));
    });
    return worker;
  }

  /** Ends the thread when its next answer, or the next batch, is too long in coming. */
  #watch(worker: Worker): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const isIdle = this.#waiting.length === 0;
    this.#timer = setTimeout(
      () => {
        this.#end(new CoreCError('COREC_E_INTERNAL', { found: `encoding: no answer within ${ANSWER_MS_MAX} ms` }));
        void worker.terminate();
      },
      isIdle ? IDLE_MS : ANSWER_MS_MAX,
    );
    this.#timer.unref();
  }

  /** No thread any more; whoever waited for it is told. */
  #end(error: CoreCError): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#worker = null;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
