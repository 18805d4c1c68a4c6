/** What is told of a failing seed, and of all that were played. */
import type { Sums } from './pool.ts';
import type { Outcome } from './simulate.ts';

const LINES = 30;

/** The seed, the step, what was violated, what came before, and how to see it again. */
export function describeViolation({ seed, violation, last }: Outcome, flags: string = ''): string {
  const { step, invariant, found } = violation!;
  return [
    `seed ${seed}, step ${step}, violated: ${invariant}`,
    ...found.split('\n').map((line) => `  ${line}`),
    '  the last lines of its trace (#step, virtual ms, what):',
    ...last.slice(-LINES).map((line) => `    ${line}`),
    `  again, with the whole trace: npm run test:simulation -- --seed ${seed}${flags}`,
  ].join('\n');
}

export function describeSums(sums: Sums, seconds: number): string {
  const { seeds, steps, lives, lecturas, mishaps, violated } = sums;
  const kinds = Object.entries(mishaps).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const all = kinds.reduce((sum, [, count]) => sum + count, 0);
  const lost = violated.length === 0 ? 'lost 0, doubled 0' : `${violated.length} seeds with a violation`;
  return [
    `simulation: ${seeds} seeds, ${steps} steps, ${lives} lives, ${lecturas} lecturas sent, ${lost} (${seconds.toFixed(1)} s)`,
    `  ${all} mishaps: ${kinds.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
  ].join('\n');
}
