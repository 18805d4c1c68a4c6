/**
 * Frames of mensajes on their way into the streams of their canales (`publicar`).
 *
 * Owns gathering what the bloques of a cycle publish, the bound on what waits, and tries. Leaves which mensajes a frame holds to
 * domain/bloque/publication.ts.
 *
 * P1 A frame says how entidades stand, not how they changed: one that comes twice (its append was tried again after a lost answer)
 *    says the same again, and one that is lost is made good by the next of its entidades (ADR 0026).
 * P2 While the streams are away frames wait, in order, up to FRAMES_BYTES_MAX; over it the oldest goes, counted.
 */
import { PUBLISH_BYTES_MAX } from '#domain/limits.ts';
import { canalStream } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type { StreamBus, StreamFields } from '#ports/stream-bus.ts';
import { pause, type StreamHealth } from './stream-health.ts';

/** From the first frame of a cycle to its sending: the bloques of one cycle run within it, and go together. */
const GATHER_MS = 10;
/** In one append. */
const BATCH_FRAMES = 256;
const BATCH_BYTES = 1024 * 1024;
/** What a waiting frame costs beside its bytes: names, objects. */
const FRAME_OVERHEAD = 200;
const WHO = 'corec_canal';

interface Waiting {
  readonly stream: string;
  readonly fields: StreamFields;
  readonly bytes: number;
}

export interface PublisherDeps {
  readonly bus: Pick<StreamBus, 'appendAll'>;
  readonly health: StreamHealth;
  readonly clock: Pick<Clock, 'after'>;
  readonly bytesMax?: number;
}

export class Publisher {
  frames = 0;
  mensajesBytes = 0;
  dropped = 0;
  /** Bytes that wait, what is being sent included. */
  bytes = 0;

  readonly #deps: PublisherDeps;
  readonly #bytesMax: number;
  readonly #stop = new AbortController();
  /** Ends the gathering at a stop. */
  readonly #hurry = new AbortController();
  #waiting: Waiting[] = [];
  #working: Promise<void> | null = null;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#bytesMax = deps.bytesMax ?? PUBLISH_BYTES_MAX;
  }

  /** Never throws, never waits. */
  publish(canal: number, bloque: string, frame: Uint8Array): void {
    if (this.#stop.signal.aborted) {
      this.dropped++;
      return;
    }
    const bytes = frame.length + FRAME_OVERHEAD;
    this.#waiting.push({ stream: canalStream(canal), fields: { b: bloque, m: frame }, bytes });
    this.bytes += bytes;
    let over = 0;
    while (this.bytes > this.#bytesMax && over < this.#waiting.length) this.bytes -= this.#waiting[over++]!.bytes;
    if (over > 0) this.#waiting.splice(0, over);
    this.dropped += over;
    this.#working ??= this.#work();
  }

  /** Sends what waits within `ms`; the rest is dropped. */
  async stop(ms: number, clock: Pick<Clock, 'after'> = this.#deps.clock): Promise<void> {
    const cancel = clock.after(ms, () => this.#stop.abort());
    this.#hurry.abort();
    await this.#working;
    cancel();
    this.#stop.abort();
    this.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  async #work(): Promise<void> {
    const { clock } = this.#deps;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      await pause(clock, GATHER_MS, this.#hurry.signal);
      while (this.#waiting.length > 0 && !this.#stop.signal.aborted) await this.#send(this.#takeBatch());
    }
    this.#working = null;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < BATCH_FRAMES && bytes < BATCH_BYTES) {
      bytes += this.#waiting[count++]!.bytes;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const { bus, health } = this.#deps;
    const byStream = new Map<string, StreamFields[]>();
    for (const { stream, fields } of batch) {
      const list = byStream.get(stream);
      if (list === undefined) byStream.set(stream, [fields]);
      else list.push(fields);
    }
    await Promise.all(
      [...byStream].map(async ([stream, list]) => {
        const ids = await health.keepTrying(WHO, this.#stop.signal, () => bus.appendAll(stream, list));
        if (ids === null) {
          this.dropped += list.length;
          return;
        }
        this.frames += list.length;
        for (const { m } of list) this.mensajesBytes += m!.length;
      }),
    );
    for (const { bytes } of batch) this.bytes -= bytes;
  }
}
