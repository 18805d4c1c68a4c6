/**
 * The circuit of one bloque: a procesador that fails for most of its entidades is left alone for a while, instead of wearing out all of
 * them in repairs and the machine with it (the circuit breaker of Nygard, Release It!, chapter 5).
 *
 *   cerrado --most runs failed, CYCLES_MAX cycles long--> abierto --wait is over--> a_prueba --most runs well--> cerrado
 *                                                           ^-----most failed, the wait doubled----'
 *
 * Owns when a bloque runs, with how many of its entidades, and how many of them are repaired. Leaves the repairs themselves to repair.ts
 * and what is told of it to the nucleus.
 *
 * C1 A few entidades that fail, whatever their number is in the bloque, open nothing: repair and quarantine are for those.
 * C2 While it is open nothing runs, is repaired or goes into quarantine: lecturas wait in the inbox, states stay as they are.
 * C3 The wait begins at WAIT_MS_MIN and doubles up to WAIT_MS_MAX; a circuit that stayed closed for as long as that begins anew.
 * C4 Times are monotonic.
 */

/** Failed runs in a cycle, and their share of its runs, that count against the procesador and not against entidades. */
export const FAILING_MIN = 8;
export const FAILING_SHARE = 0.5;
/** Such cycles in a row. */
export const CYCLES_MAX = 3;
export const WAIT_MS_MIN = 1_000;
export const WAIT_MS_MAX = 60_000;
/** Share of the bloque that a probe runs, and how many of its inactive entidades are repaired for it. */
export const PROBE_CARGA = 0.1;
export const PROBE_REPAIRS = 8;

export type CircuitState = 'cerrado' | 'abierto' | 'a_prueba';

/** What a bloque may do in its next turn. */
export interface Leave {
  readonly carga: number;
  /** At most so many inactive entidades are repaired when it is settled. */
  readonly repairs: number;
  /** False: whatever fails, it is not held against entidades (repair.ts, A6). */
  readonly counted: boolean;
}

export const FULL: Leave = Object.freeze({ carga: 1, repairs: Infinity, counted: true });
export const PROBE: Leave = Object.freeze({ carga: PROBE_CARGA, repairs: PROBE_REPAIRS, counted: false });
export const NONE: Leave = Object.freeze({ carga: 0, repairs: 0, counted: false });

/** So much failed in a cycle that the procesador is to blame. */
export function isProcesadorFailing(runs: number, errors: number): boolean {
  return errors >= FAILING_MIN && errors >= FAILING_SHARE * runs;
}

export class Circuit {
  state: CircuitState = 'cerrado';
  /** Times that it opened, since it was made or reset. */
  opened = 0;
  /** When it opened last; -Infinity never. */
  openedMs = -Infinity;

  #failing = 0;
  #waitMs = WAIT_MS_MIN;
  #closedMs = -Infinity;

  /** Null: not now. */
  leave(nowMs: number): Leave | null {
    if (this.state === 'cerrado') return FULL;
    if (this.state === 'abierto') {
      if (nowMs < this.openedMs + this.#waitMs) return null;
      this.state = 'a_prueba';
    }
    return PROBE;
  }

  /** When it may be tried again; NaN while it is not open. */
  get nextMs(): number {
    return this.state === 'abierto' ? this.openedMs + this.#waitMs : NaN;
  }

  /** Takes a settled cycle. Returns the state that it came to, null when that is the one it was in. */
  observe(runs: number, errors: number, nowMs: number): CircuitState | null {
    if (runs === 0) return null;
    if (this.state === 'a_prueba')
      return errors >= FAILING_SHARE * runs ? this.#open(nowMs, this.#waitMs * 2) : this.#close(nowMs);
    if (this.state === 'abierto') return null;
    this.#failing = isProcesadorFailing(runs, errors) ? this.#failing + 1 : 0;
    return this.#failing < CYCLES_MAX ? null : this.#openAgain(nowMs);
  }

  /** A run that had to be broken off: that once is enough. */
  trip(nowMs: number): CircuitState {
    return this.state === 'cerrado' ? this.#openAgain(nowMs) : this.#open(nowMs, this.#waitMs * 2);
  }

  /** By hand: it may run again, and nothing is held against it. */
  reset(): void {
    this.state = 'cerrado';
    this.opened = 0;
    this.#failing = 0;
    this.#waitMs = WAIT_MS_MIN;
    this.#closedMs = -Infinity;
  }

  /** True when it is as good as new, and need not be kept. */
  isForgotten(nowMs: number): boolean {
    return this.state === 'cerrado' && this.#failing === 0 && nowMs - this.#closedMs >= WAIT_MS_MAX;
  }

  #openAgain(nowMs: number): CircuitState {
    return this.#open(nowMs, nowMs - this.#closedMs >= WAIT_MS_MAX ? WAIT_MS_MIN : this.#waitMs * 2);
  }

  #open(nowMs: number, waitMs: number): CircuitState {
    this.state = 'abierto';
    this.opened++;
    this.openedMs = nowMs;
    this.#waitMs = Math.min(WAIT_MS_MAX, waitMs);
    this.#failing = 0;
    return this.state;
  }

  #close(nowMs: number): CircuitState {
    this.state = 'cerrado';
    this.#closedMs = nowMs;
    return this.state;
  }
}
