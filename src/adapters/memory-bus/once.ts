/**
 * The ids under which `appendOnce` has appended, each for its time.
 *
 * O1 Bounded: an id is never forgotten before its time, so a full list refuses new ones until the first may go.
 */
import { CoreCError } from '#domain/errors.ts';

interface Remembered {
  readonly id: string;
  readonly untilMs: number;
}

export class OnceIds {
  readonly #max: number;
  readonly #remembered = new Map<string, Remembered>();
  /** No id's time ends before: until then a full list need not be looked through again. */
  #nextEndMs = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The entry that was appended under `key`, if its time has not ended; times are monotonic. */
  find(key: string, nowMs: number): string | null {
    const known = this.#remembered.get(key);
    return known !== undefined && known.untilMs > nowMs ? known.id : null;
  }

  /** Throws when one more cannot be remembered: to be asked before the entry is appended. */
  assertRoom(key: string, nowMs: number): void {
    if (this.#remembered.size < this.#max || this.#remembered.has(key)) return;
    if (nowMs >= this.#nextEndMs) this.#forgetEnded(nowMs);
    if (this.#remembered.size < this.#max) return;
    throw new CoreCError('COREC_E_BUSY', {
      what: 'appendOnce',
      found: `${this.#remembered.size} ids are remembered`,
      seconds: Math.max(1, Math.ceil((this.#nextEndMs - nowMs) / 1000)),
      written: 'no',
    });
  }

  remember(key: string, id: string, untilMs: number): void {
    this.#remembered.set(key, { id, untilMs });
    this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
  }

  clear(): void {
    this.#remembered.clear();
  }

  #forgetEnded(nowMs: number): void {
    this.#nextEndMs = Infinity;
    for (const [key, { untilMs }] of this.#remembered) {
      if (untilMs <= nowMs) this.#remembered.delete(key);
      else this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
    }
  }
}
