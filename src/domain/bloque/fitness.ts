/**
 * How well a bloque does: the specification's step 5, from the spread of its valores and its error rate.
 *
 * fitness of a cycle = (1 - errors/n) x umbral / (umbral + sd); the bloque's fitness follows it as an EWMA from 0, and decays
 * while nothing runs, since redirection must see idle bloques as unfit (specification, section 2.2).
 */

/** Share of a new cycle in the bloque's fitness. */
export const FITNESS_WEIGHT = 0.2;
/** Intervals without a run in which fitness halves. */
export const IDLE_HALF_LIFE = 10;
/** Share of a new cycle in the learned usual sd, which `umbral: auto` takes as its unit. */
export const SD_WEIGHT = 0.05;
/** `umbral: auto` = this x the usual sd: a bloque as usual then stands at 9/10. */
export const AUTO_UMBRAL = 9;

export interface CycleSums {
  /** Runs, failed ones included. */
  readonly runs: number;
  readonly errors: number;
  /** Sums over the valid valores of (valor - shift) and its square. */
  readonly sum: number;
  readonly sumSquares: number;
  readonly shift: number;
}

export interface FitnessState {
  fitness: number;
  /** Learned usual sd of the valores; -1 before the first. */
  sdUsual: number;
  /** Mean valor of the last cycle, the next one's shift: sums of squares about a far-off zero would cancel. */
  mean: number;
}

/** sd of the valid valores of a cycle; 0 below two. */
export function spread(sums: CycleSums): number {
  const n = sums.runs - sums.errors;
  if (n < 2) return 0;
  const variance = (sums.sumSquares - (sums.sum * sums.sum) / n) / n;
  return variance > 0 ? Math.sqrt(variance) : 0;
}

/** Fitness of one cycle, 0..1. `umbral` in the unit of the valores; with no spread and no umbral the spread term is 1. */
export function cycleFitness(sums: CycleSums, sd: number, umbral: number): number {
  if (sums.runs === 0) return 0;
  const steady = umbral + sd === 0 ? 1 : umbral / (umbral + sd);
  return (1 - sums.errors / sums.runs) * steady;
}

/** Takes one cycle into `state`. `umbral` null is `auto`; `intervals` = time since the last cycle in intervals of the bloque. */
export function followFitness(state: FitnessState, sums: CycleSums, umbral: number | null, intervals: number): void {
  if (sums.runs === 0) {
    state.fitness *= 0.5 ** (intervals / IDLE_HALF_LIFE);
    return;
  }
  const sd = spread(sums);
  const valid = sums.runs - sums.errors;
  if (valid > 0) {
    state.mean = sums.shift + sums.sum / valid;
    state.sdUsual = state.sdUsual < 0 ? sd : state.sdUsual + SD_WEIGHT * (sd - state.sdUsual);
  }
  const unit = umbral ?? AUTO_UMBRAL * Math.max(0, state.sdUsual);
  state.fitness += FITNESS_WEIGHT * (cycleFitness(sums, sd, unit) - state.fitness);
}
