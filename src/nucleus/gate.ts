/**
 * The door between everything that brings lecturas and the swarm: open, or shut while an epoch makes its cut.
 *
 * G1 Whoever delivers enters first and leaves after; `shut` resolves when nobody is inside, and nobody enters until `open`.
 */
export class Gate {
  #shut = false;
  #inside = 0;
  #waiting: (() => void)[] = [];
  #empty: (() => void) | null = null;

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
    this.#shut = true;
    if (this.#inside === 0) return;
    await new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    this.#empty = null;
  }

  open(): void {
    this.#shut = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
