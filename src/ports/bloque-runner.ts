/**
 * Runs bloques apart from them (domain/bloque/apart.ts), so that one that never ends can be broken off.
 *
 * B1 Jobs begin in the order of `run`; `make` is called when a job's turn has come, so that it sees the bloque as it is then.
 * B2 Each job has one outcome, told by `end`, never within `run`. Until `end` has returned the memory of its task is its own.
 * B3 A job that takes longer than its limit, or that takes down what runs it, is broken off; the next one begins all the same.
 * B4 After `close` whatever had no outcome yet ends as closed.
 */
import type { ApartResult, ApartTask } from '#domain/bloque/apart.ts';

export type ApartOutcome =
  | { readonly kind: 'done'; readonly task: ApartTask; readonly result: ApartResult }
  /** `make` gave null. */
  | { readonly kind: 'nothing' }
  /** Broken off; `found` in words, for people. */
  | { readonly kind: 'broken_off'; readonly task: ApartTask; readonly found: string }
  /** It cannot be run here: the bloque has to do it. `found` in words, for people. */
  | { readonly kind: 'refused'; readonly found: string }
  /** The runner is closed: the bloque has to do it. */
  | { readonly kind: 'closed' };

export interface ApartJob {
  readonly limitMs: number;
  /** `room(bytes)`: memory for a copy of the columns, of at least so many bytes. */
  readonly make: (room: (bytes: number) => SharedArrayBuffer) => ApartTask | null;
  readonly end: (outcome: ApartOutcome) => void;
}

export interface BloqueRunner {
  /** True for procesadores, by their reference in the configuration, that it can run. */
  takes(procesador: string): boolean;
  run(job: ApartJob): void;
  close(): Promise<void>;
}
