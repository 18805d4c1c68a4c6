/**
 * Everything that may go wrong, and how often each does in this seed.
 *
 * M1 A seed chooses which kinds there are and their rates, so that some seeds are gentle and some are about one thing only.
 * M2 After `calm` nothing goes wrong any more: what was sent must then come to its end.
 */
import type { Dice } from './dice.ts';

/** Chance at each place where the kind can happen, when a seed has it: least and most. */
const RATES = {
  // the instance
  kill_at_await: [0.0003, 0.003],
  kill_while_starting: [0.002, 0.02],
  // the store
  store_slow: [0.02, 0.4],
  store_read_failed: [0.005, 0.08],
  store_cut: [0.02, 0.3],
  store_answer_lost: [0.02, 0.3],
  store_full: [0.02, 0.2],
  store_refused: [0.002, 0.02],
  // the journal
  journal_slow: [0.02, 0.4],
  journal_failed: [0.01, 0.15],
  journal_ghost: [0.2, 0.9],
  journal_full: [0.01, 0.1],
  journal_release_failed: [0.05, 0.5],
  journal_torn: [0.3, 1],
  // the streams
  bus_slow: [0.02, 0.3],
  bus_cut: [0.005, 0.1],
  bus_answer_lost: [0.005, 0.1],
  // the thread that encodes
  encoder_slow: [0.02, 0.3],
  encoder_failed: [0.01, 0.2],
  // the thread that runs bloques
  runner_slow: [0.02, 0.3],
  runner_broken_off: [0.005, 0.05],
  // requests and their answers
  request_dropped: [0.01, 0.2],
  request_doubled: [0.01, 0.2],
  request_late: [0.02, 0.3],
  answer_dropped: [0.01, 0.2],
  resent_long_after: [0.02, 0.2],
  // sources
  source_slow: [0.02, 0.3],
  source_open_failed: [0.02, 0.3],
  source_read_failed: [0.01, 0.1],
  source_rotated: [0.02, 0.2],
  // procesadores
  fallo: [0.005, 0.06],
  closure_failed: [0.005, 0.06],
  closure_late: [0.005, 0.06],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

/** Those that the operator brings about at times of its own. */
export const OPERATED = [
  'killed',
  'stopped',
  'stopped_while_starting',
  'store_away',
  'bus_away',
  'clock_back',
  'clock_forward',
  // moves of entidades are none, but fall at any time as those do
  'redirigir',
  'devolver',
  'fusionar',
  'dividir',
] as const;

export type RolledMishap = keyof typeof RATES;
export type OperatedMishap = (typeof OPERATED)[number];
export type Mishap = RolledMishap | OperatedMishap;

export class Mishaps {
  readonly counts = new Map<Mishap, number>();
  readonly #dice: Dice;
  readonly #rates = new Map<RolledMishap, number>();
  #isCalm = false;

  constructor(dice: Dice) {
    this.#dice = dice.fork();
    const share = dice.pick([0.15, 0.4, 0.7, 1]);
    for (const [kind, [least, most]] of Object.entries(RATES)) {
      const rate = dice.span(least * 1e6, most * 1e6) / 1e6;
      if (dice.chance(share)) this.#rates.set(kind as RolledMishap, rate);
    }
  }

  get isCalm(): boolean {
    return this.#isCalm;
  }

  calm(): void {
    this.#isCalm = true;
  }

  /** Whether it happens here and now; counted when it does. */
  roll(kind: RolledMishap): boolean {
    if (this.#isCalm) return false;
    const rate = this.#rates.get(kind);
    if (rate === undefined || !this.#dice.chance(rate)) return false;
    this.count(kind);
    return true;
  }

  count(kind: Mishap): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}
