/**
 * The door between everything that brings lecturas and the swarm: open, or shut while an epoch makes its cut.
 *
 * G1 Whoever delivers enters first and leaves after; `shut` resolves when nobody is inside, and nobody enters until `open`.
 * G2 One at a time has it shut: a second `shut` waits for the first one's `open`, so that neither opens it for the other.
 */
export class Gate {
  #shut = false;
  #inside = 0;
  #waiting: (() => void)[] = [];
  #empty: (() => void) | null = null;
  #shutters: (() => void)[] = [];

  get isShut(): boolean {
    return this.#shut;
  }

  /** Resolves at once when open. Every `enter` has its `leave`. */
  async enter(): Promise<void> {
    while (this.#shut) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#inside++;
  }

  leave(): void {
    this.#inside--;
    if (this.#inside === 0) this.#empty?.();
  }

  async shut(): Promise<void> {
    if (this.#shut) await new Promise<void>((resolve) => this.#shutters.push(resolve));
    this.#shut = true;
    if (this.#inside === 0) return;
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    this.#empty = null;
  }

  open(): void {
    // handed over while still shut: whoever waits to enter would otherwise slip in between
    const next = this.#shutters.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#shut = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
