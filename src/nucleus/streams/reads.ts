/**
 * Answers of commands that only look, made once for all that ask the same in the same moment.
 *
 * Owns how long an answer may be given again. Leaves making it to the command table.
 *
 * R1 An answer is given again for at most FRESH_MS, and never after something has changed that somebody may know of already: a
 *    command, an acknowledged batch of lecturas, an epoch. So what a sender was told is always in what it reads next.
 * R2 Bounded: in answers, and in the size of a question and an answer that are kept.
 */
import type { Clock } from '#ports/clock.ts';

/** Nobody can tell a status of 50 ms ago from one of now, and a thousand that ask in a second cost as twenty do. */
const FRESH_MS = 50;
const ANSWERS_MAX = 1024;
const CHARS_MAX = 64 * 1024;
const KEY_CHARS_MAX = 1024;

export class Reads {
  /** Made, and given again. */
  made = 0;
  shared = 0;

  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #generation: () => number;
  #answers = new Map<string, string | Promise<string>>();
  #sinceMs = -Infinity;
  #sinceGeneration = -1;

  /** `generation` grows with every change of R1. */
  constructor(clock: Pick<Clock, 'monotonicMs'>, generation: () => number) {
    this.#clock = clock;
    this.#generation = generation;
  }

  /** The answer as JSON, at once where `make`, which makes it when there is none, gives no promise. @throws what `make` does. */
  answer(key: string, make: () => unknown): string | Promise<string> {
    const generation = this.#generation();
    const nowMs = this.#clock.monotonicMs();
    if (generation !== this.#sinceGeneration || nowMs - this.#sinceMs > FRESH_MS) {
      this.#answers = new Map();
      this.#sinceMs = nowMs;
      this.#sinceGeneration = generation;
    }
    const known = this.#answers.get(key);
    if (known !== undefined) {
      this.shared++;
      return known;
    }
    this.made++;
    const made = make();
    const answers = this.#answers;
    const isKept = answers.size < ANSWERS_MAX && key.length <= KEY_CHARS_MAX;
    if (!(made instanceof Promise)) {
      const json = jsonOf(made);
      if (isKept && json.length <= CHARS_MAX) answers.set(key, json);
      return json;
    }
    const promised = made.then(jsonOf);
    if (isKept) {
      answers.set(key, promised);
      const forget = (): boolean => answers.delete(key);
      // whoever asks once it is there gets it at once
      promised.then((json) => (json.length <= CHARS_MAX ? answers.set(key, json) : forget()), forget);
    }
    return promised;
  }
}

const jsonOf = (result: unknown): string => JSON.stringify(result) ?? 'null';
