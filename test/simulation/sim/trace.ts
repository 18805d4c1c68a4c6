/**
 * What happened, in order: one line an event.
 *
 * A1 `hash` is of every line since the start: two runs of a seed are the same run exactly when their hashes are.
 * A2 Only the last lines are kept, unless somebody listens.
 */

const LINES_KEPT = 60;

export class Trace {
  readonly #kept: string[] = [];
  readonly #listen: ((line: string) => void) | null;
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  #lines = 0;

  constructor(listen: ((line: string) => void) | null = null) {
    this.#listen = listen;
  }

  get lines(): number {
    return this.#lines;
  }

  get hash(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    return this.#kept.slice(-LINES_KEPT);
  }

  note(step: number, ms: number, what: string): void {
    const line = `#${step} ${ms} ${what}`;
    let low = this.#low;
    for (let k = 0; k < line.length; k++) low = Math.imul(low ^ line.charCodeAt(k), 0x01000193);
    this.#low = low;
    this.#high = Math.imul(this.#high ^ low, 0x85ebca6b) ^ (this.#high >>> 13);
    this.#lines++;
    this.#kept.push(line);
    if (this.#kept.length >= 2 * LINES_KEPT) this.#kept.splice(0, LINES_KEPT);
    this.#listen?.(line);
  }
}
