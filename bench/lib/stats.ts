/** Medians of interleaved rounds: contenders take turns, so that what else the machine does falls on all of them alike. */

export function median(xs: readonly number[]): number {
  const sorted = xs.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

export interface Contender {
  readonly run: (round: number) => void;
  /** Before each round, outside of the time. */
  readonly prepare?: (round: number) => void;
}

/** Median ms of each contender over `rounds` rounds, after `warmUp` that do not count. */
export function interleave<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  rounds: number,
  warmUp: number,
): Record<Name, number> {
  const names = Object.keys(contenders) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      const { run, prepare } = contenders[name];
      prepare?.(round);
      const startMs = performance.now();
      run(round);
      if (round >= 0) times.get(name)!.push(performance.now() - startMs);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])) as Record<Name, number>;
}
