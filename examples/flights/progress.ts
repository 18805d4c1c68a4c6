/** Progress on stderr: one line that is written over on a terminal, else a line every few seconds. */
const TERMINAL_EVERY_MS = 100;
const PLAIN_EVERY_MS = 2_000;

export class Progress {
  readonly #out: NodeJS.WriteStream;
  #toldMs = -Infinity;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Tells `line` when it is time again. */
  show(line: () => string): void {
    const now = performance.now();
    if (now - this.#toldMs < (this.#out.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS)) return;
    this.#toldMs = now;
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${line().slice(0, this.#out.columns - 1)}`);
    else this.#out.write(`${line()}\n`);
  }

  /** Tells `line` as the last word about what was shown. */
  end(line: string): void {
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[K' : ''}${line}\n`);
    this.#toldMs = -Infinity;
  }
}
