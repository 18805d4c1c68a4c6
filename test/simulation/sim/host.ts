/** What a twin asks of the one CoreC it serves: its time, and what may happen to it on the way. */
import type { Clock } from '#ports/clock.ts';
import type { StreamFields } from '#ports/stream-bus.ts';
import type { RolledMishap } from './mishaps.ts';

export interface Host {
  readonly clock: Clock;
  /**
   * A point at which the caller waits for something outside: others come in between, time may pass, and the instance may die. Then it
   * never resolves: who is dead does nothing more.
   */
  passage(where: string, slow?: RolledMishap): Promise<void>;
  /** Whether it goes wrong here. */
  mishap(kind: RolledMishap): boolean;
  /** True while the database is away. */
  storeAway(): boolean;
  /** True while the streams are away. */
  busAway(): boolean;
  /** Entries are in a stream now, whether the answer says so or not. */
  appended(stream: string, list: readonly StreamFields[]): void;
  /** Entries of its group are about to be acknowledged. */
  acknowledges(stream: string, ids: readonly string[]): void;
  below(limit: number): number;
  note(what: string): void;
}

/** A host to whom nothing happens. */
export function quietHost(clock: Clock): Host {
  return {
    clock,
    passage: () => Promise.resolve(),
    mishap: () => false,
    storeAway: () => false,
    busAway: () => false,
    appended: () => {},
    acknowledges: () => {},
    below: () => 0,
    note: () => {},
  };
}
