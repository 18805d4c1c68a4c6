/**
 * How much of their entidades bloques of lower canales may run in a cycle (`carga`), from how hard pressed the loop is.
 *
 * Owns the rule. Leaves measuring, and who asks, to ModuloEjecucion.
 *
 * U1 Without pressure it is 1; under any it stays above 0, and whoever waited comes first (bloque.cycle), so that each has its turn.
 * U2 The hardest pressed of the three decides: making room on one does not help the other.
 * U3 It moves half of the way at a look: a single pause (an epoch, the collector) costs a cycle little, and it does not swing.
 */

export interface Pressure {
  /** The fullest inbox that was run, as a share of what it holds. */
  readonly llegadas: number;
  /** How late the loop came back from doors and timers, ms, as a rule. */
  readonly lagMs: number;
  /** Share of the time in which the loop had something to do. */
  readonly cpu: number;
}

/** Canales whose cycles give way: generic, intensive and generation; those of security and alerts never do. */
export const YIELDING: ReadonlySet<number> = new Set([1, 3, 5]);
export const CARGA_MIN = 0.1;
/** Shares up to which there is no pressure. At 1 the least is left. */
const LLEGADAS_EASY = 0.5;
const CPU_EASY = 0.8;
const LAG_EASY_MS = 50;
/** So near to 1 it is 1: a cycle of all entidades is cheaper than one of nearly all. */
const NEARLY = 0.99;

export function allowedCarga({ llegadas, lagMs, cpu }: Pressure): number {
  const ofLag = LAG_EASY_MS / Math.max(LAG_EASY_MS, lagMs);
  return Math.max(CARGA_MIN, Math.min(fall(llegadas, LLEGADAS_EASY), ofLag, fall(cpu, CPU_EASY)));
}

/** What is allowed after a look that found this pressure. */
export function nextCarga(before: number, pressure: Pressure): number {
  const next = (before + allowedCarga(pressure)) / 2;
  return next > NEARLY ? 1 : next;
}

/** 1 up to `easy`, from there in a straight line to CARGA_MIN at 1. */
function fall(share: number, easy: number): number {
  if (share <= easy) return 1;
  return 1 - ((1 - CARGA_MIN) * (Math.min(1, share) - easy)) / (1 - easy);
}
