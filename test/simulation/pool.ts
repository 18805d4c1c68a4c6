/**
 * Many seeds over as many processes as there are processors.
 *
 * W1 A worker plays one seed at a time; which worker plays which seed changes nothing of its outcome.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { PlantedName } from './planted.ts';
import type { Outcome } from './simulate.ts';
import type { Order } from './worker.ts';

export interface RangeOptions {
  readonly from: number;
  readonly to: number;
  readonly isLong?: boolean;
  readonly planted?: PlantedName | null;
  /** Ends with the first violation. */
  readonly untilFirst?: boolean;
  /** Told of every outcome as it comes. */
  readonly onOutcome?: (outcome: Outcome) => void;
  readonly workers?: number;
}

export interface Sums {
  seeds: number;
  steps: number;
  lives: number;
  lecturas: number;
  readonly mishaps: Record<string, number>;
  /** By seed. */
  readonly hashes: Map<number, string>;
  readonly violated: Outcome[];
}

export async function playRange(options: RangeOptions): Promise<Sums> {
  const { from, to, isLong = false, planted = null, untilFirst = false, onOutcome } = options;
  const sums: Sums = { seeds: 0, steps: 0, lives: 0, lecturas: 0, mishaps: {}, hashes: new Map(), violated: [] };
  let next = from;
  const count = Math.min(to - from + 1, options.workers ?? availableParallelism());
  const workers = Array.from({ length: count }, () => {
    const child = fork(new URL('worker.ts', import.meta.url), { serialization: 'advanced' });
    const ended = new Promise<void>((resolve, reject) => {
      const goOn = (): void => {
        if (next > to || (untilFirst && sums.violated.length > 0)) {
          child.disconnect();
          return;
        }
        const order: Order = { seed: next++, isLong, planted };
        child.send(order);
      };
      child.on('message', (outcome: Outcome) => {
        add(sums, outcome);
        onOutcome?.(outcome);
        goOn();
      });
      child.once('error', reject);
      child.once('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker of the simulation ended with ${code}`));
      });
      goOn();
    });
    return { child, ended };
  });
  try {
    await Promise.all(workers.map(({ ended }) => ended));
  } finally {
    for (const { child } of workers) end(child);
  }
  sums.violated.sort((a, b) => a.seed - b.seed);
  return sums;
}

function end(child: ChildProcess): void {
  if (child.exitCode === null) child.kill('SIGKILL');
}

function add(sums: Sums, outcome: Outcome): void {
  sums.seeds++;
  sums.steps += outcome.steps;
  sums.lives += outcome.lives;
  sums.lecturas += outcome.lecturas;
  for (const [kind, count] of Object.entries(outcome.mishaps)) sums.mishaps[kind] = (sums.mishaps[kind] ?? 0) + count;
  sums.hashes.set(outcome.seed, outcome.hash);
  if (outcome.violation !== null) sums.violated.push(outcome);
}
