/**
 * Intake: pulls lecturas out of sources, at the pace of whoever is slowest.
 *
 * Owns one pump a source, its position and counts. Leaves parsing to the source, placing to the swarm, the cut to epochs.
 *
 * N1 A batch is delivered and its position noted in one synchronous step inside the gate, so an epoch's cut sees both or neither.
 * N2 A source is not read while its entry is blocked or what waits for an epoch is over its bound.
 */
import { messageOf } from '#domain/errors.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { BATCH_LECTURAS } from '#domain/limits.ts';
import type { SourceStatus } from '#ports/nucleus-api.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import type { Gate } from './gate.ts';
import type { Entrada, Swarm } from './swarm.ts';

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 30_000;
/** How often a blocked source looks whether it may go on: at first as soon as a full inbox is drained, seldom while all is paused. */
const BLOCKED_MS_MIN = 5;
const BLOCKED_MS_MAX = 100;

export interface IntakeDeps {
  readonly swarm: Swarm;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly logger: Logger;
  /** True while what waits for an epoch is over its bound, or all is paused. */
  readonly held: () => boolean;
  /** Resolves when what is queued has run. */
  readonly turn: () => Promise<void>;
  /** A source has much that waits for an epoch. */
  readonly epochSoon: () => void;
}

/** What an epoch keeps of a source. */
export interface FuenteRow {
  readonly bloque: string;
  readonly position: SourcePosition;
  readonly watermarkMs: number;
  readonly lecturas: number;
}

export class Pump {
  readonly source: Source;
  readonly entrada: Entrada;
  /** False: its first failure is the end, as of an ingest, for which a person waits. */
  readonly retries: boolean;
  /** Where to read on after a restart; null before the first batch. */
  position: SourcePosition | null;
  lecturas: number;
  watermarkMs: number;
  state: SourceStatus['state'] = 'waiting';
  found = '';
  /** True once it has ended or failed for good: a state of `failed` alone may be tried again. */
  isOver = false;
  /** What it failed with for good; null otherwise. */
  failure: unknown = null;
  dirty = false;

  readonly #deps: IntakeDeps;
  readonly #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();
  /** As the epoch that was sealed last has it. */
  #sealed: SourcePosition | null = null;
  #telling: Promise<void> = Promise.resolve();
  #endListeners: (() => void)[] = [];

  constructor(source: Source, entrada: Entrada, stored: FuenteRow | null, retries: boolean, deps: IntakeDeps) {
    this.source = source;
    this.retries = retries;
    this.entrada = entrada;
    this.position = stored?.position ?? null;
    this.lecturas = stored?.lecturas ?? 0;
    this.watermarkMs = stored?.watermarkMs ?? 0;
    this.#deps = deps;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Resolves when the source has ended or failed for good. */
  ended(): Promise<void> {
    if (this.state === 'ended' || this.state === 'failed') return Promise.resolve();
    return new Promise((resolve) => this.#endListeners.push(resolve));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.source.close();
    await this.#done;
  }

  row(): FuenteRow | null {
    if (this.position === null) return null;
    return { bloque: this.entrada.id, position: this.position, watermarkMs: this.watermarkMs, lecturas: this.lecturas };
  }

  /** What the epoch that is being sealed keeps of it; null when nothing has changed. */
  seal(): FuenteRow | null {
    this.#sealed = this.position;
    return this.takeUnsealed();
  }

  /** What no epoch has of it; null when there is nothing. Whoever takes it sees to it: the next `seal` does not tell it again. */
  takeUnsealed(): FuenteRow | null {
    if (!this.dirty) return null;
    this.dirty = false;
    return this.row();
  }

  /** The epoch that was sealed last is in. */
  kept(): void {
    const position = this.#sealed;
    if (position === null || this.source.committed === undefined) return;
    this.#telling = this.#telling.then(() => this.source.committed?.(position));
  }

  /** Resolves when its server was told of every epoch so far. */
  told(): Promise<void> {
    return this.#telling;
  }

  status(): SourceStatus {
    const { source } = this;
    const progress = source.progress();
    return {
      id: source.id,
      bloque: this.entrada.id,
      live: source.live,
      replayable: source.replayable,
      state: this.state,
      found: this.found,
      rows: progress.rows,
      lecturas: this.lecturas,
      refused: progress.refused,
      bytesDone: progress.bytesDone,
      bytesTotal: progress.bytesTotal,
      watermarkMs: this.watermarkMs,
    };
  }

  /** Reads until the end; after a failure again, with pauses that double while it fails at once. */
  async #run(): Promise<void> {
    const { clock, logger } = this.#deps;
    let waitMs = RETRY_MS_MIN;
    while (!this.#stop.signal.aborted) {
      const beganMs = clock.monotonicMs();
      try {
        await this.source.open(this.source.replayable ? this.position : null);
        this.found = '';
        await this.#pump();
        this.#end('ended', '');
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        this.found = messageOf(error);
        // it failed already: that it cannot be closed either tells nothing new
        await this.source.close().catch(() => {});
        if (!this.retries || (!this.source.live && !this.source.replayable)) {
          this.failure = error;
          logger.error('Fuente', this.found, { fuente: this.source.id });
          this.#end('failed', this.found);
          return;
        }
        // it did well for longer than it was waited for: another failure, not the same one still
        if (clock.monotonicMs() - beganMs > waitMs) waitMs = RETRY_MS_MIN;
        logger.warn('Fuente', this.found, { fuente: this.source.id, retryMs: waitMs });
        this.state = 'failed';
        await this.#wait(clock, waitMs);
        waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
      }
    }
    this.#end('ended', this.found);
  }

  async #pump(): Promise<void> {
    const { gate, clock, held, turn } = this.#deps;
    const batch = new LecturaBatch(BATCH_LECTURAS);
    for (;;) {
      for (let ms = BLOCKED_MS_MIN; held() || this.entrada.blocked; ms = Math.min(BLOCKED_MS_MAX, ms * 1.5)) {
        this.state = 'waiting';
        if (this.#stop.signal.aborted) return;
        await this.#wait(clock, ms);
      }
      if (this.#stop.signal.aborted) return;
      batch.clear();
      this.state = 'reading';
      const state: SourceState = await this.source.read(batch);
      await gate.enter();
      try {
        // stopped while it read: what is in the batch is not in, and the position says so
        if (this.#stop.signal.aborted) return;
        this.#deliver(batch);
      } finally {
        gate.leave();
      }
      if (this.source.wantsEpoch === true) this.#deps.epochSoon();
      if (state.kind === 'end') return;
      if (batch.length > 0) await turn();
      if (state.kind === 'idle') {
        this.state = 'waiting';
        await this.#wait(clock, state.retryMs);
      }
    }
  }

  #deliver(batch: LecturaBatch): void {
    const { swarm, clock } = this.#deps;
    if (batch.length > 0) {
      this.lecturas += swarm.deliver(this.entrada, batch, clock.nowMs());
      this.watermarkMs = this.entrada.watermarkMs;
    }
    this.position = this.source.position();
    this.dirty = true;
  }

  #end(state: 'ended' | 'failed', found: string): void {
    this.state = state;
    this.isOver = true;
    this.found = found;
    const listeners = this.#endListeners;
    this.#endListeners = [];
    for (const resolve of listeners) resolve();
  }

  #wait(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const signal = this.#stop.signal;
      const cancel = clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
  }
}
