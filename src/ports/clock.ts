/** Time for everything above the domain: wall time for schedules and rows, a monotonic one for durations. */
export interface Clock {
  /** UTC ms since 1970. */
  nowMs(): number;
  /** Monotonic ms, for durations only. */
  monotonicMs(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves when pending I/O had its turn: how long work yields to doors and timers. */
  yieldToIo(): Promise<void>;
}
