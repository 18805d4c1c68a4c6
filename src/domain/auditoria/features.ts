/**
 * What ModuloAuditoria looks at in a bloque: how it does its work, and how good its data is, over the time since the last look.
 *
 * Owns which they are, and the scale and least spread that each is judged by. Leaves what is usual to usual.ts.
 *
 * A1 A figure is judged on its own scale: times and rates by their logarithm, since twice as long says the same at 1 ms and at 1 s.
 */

import type { QualityShares } from './quality.ts';

export interface Feature {
  readonly nombre: string;
  /** Added before the logarithm is taken; null: judged as it is. */
  readonly logOf: number | null;
  /** The spread is at least this, on the scale of judging, and this share of the usual level. */
  readonly least: number;
  readonly leastShare: number;
}

/** In the order of a row. The reason of an alert is the text `reason.audit_<nombre>`. */
export const FEATURES: readonly Feature[] = [
  { nombre: 'fitness', logOf: null, least: 0.02, leastShare: 0 },
  // valores have any unit: a spread of theirs is known to a tenth at best
  { nombre: 'spread', logOf: null, least: 0.004, leastShare: 0.1 },
  { nombre: 'error_rate', logOf: null, least: 0.005, leastShare: 0 },
  { nombre: 'carga', logOf: null, least: 0.02, leastShare: 0 },
  // a busy machine doubles them without anything being wrong with a bloque
  { nombre: 'latency', logOf: 0.05, least: 0.4, leastShare: 0 },
  { nombre: 'throughput', logOf: 1, least: 0.15, leastShare: 0 },
  { nombre: 'alerting', logOf: null, least: 0.004, leastShare: 0 },
  { nombre: 'drift', logOf: null, least: 0.004, leastShare: 0.05 },
  // one of a thousand that falls silent is news where none ever was
  { nombre: 'silent', logOf: null, least: 0.0001, leastShare: 0.1 },
  { nombre: 'stuck', logOf: null, least: 0.0005, leastShare: 0.1 },
  { nombre: 'impossible', logOf: null, least: 0.0001, leastShare: 0.1 },
  { nombre: 'out_of_order', logOf: null, least: 0.002, leastShare: 0.1 },
];
export const FEATURES_COUNT: number = FEATURES.length;

/** A bloque as it stands; totals are since its start. */
export interface BloqueFigures {
  readonly fitness: number;
  /** Usual sd and mean of its valores of late. */
  readonly spread: number;
  readonly mean: number;
  readonly carga: number;
  readonly runsTotal: number;
  readonly fallosTotal: number;
  /** Turns it had, and ms that they took. */
  readonly turnsTotal: number;
  readonly turnsMs: number;
  /** Entidades with an open episodio, and those that could have one. */
  readonly alerting: number;
  readonly ligadas: number;
  /** Lecturas that came after a later one of their clave. */
  readonly lateTotal: number;
  readonly quality: QualityShares;
}

/** The row of what came about between two looks, each figure in its own unit. */
export function featuresOf(before: BloqueFigures, now: BloqueFigures, elapsedMs: number): number[] {
  const runs = now.runsTotal - before.runsTotal;
  const turns = now.turnsTotal - before.turnsTotal;
  return [
    now.fitness,
    now.spread,
    runs > 0 ? (now.fallosTotal - before.fallosTotal) / runs : 0,
    now.carga,
    turns > 0 ? (now.turnsMs - before.turnsMs) / turns : 0,
    elapsedMs > 0 ? (runs * 1000) / elapsedMs : 0,
    now.ligadas > 0 ? now.alerting / now.ligadas : 0,
    now.mean,
    now.quality.silent,
    now.quality.stuck,
    now.quality.impossible,
    runs > 0 ? (now.lateTotal - before.lateTotal) / runs : 0,
  ];
}

/** A figure on the scale that it is judged by (A1), and back. */
export function toScale({ logOf }: Feature, figure: number): number {
  return logOf === null ? figure : Math.log(Math.max(0, figure) + logOf);
}

export function fromScale({ logOf }: Feature, scaled: number): number {
  return logOf === null ? scaled : Math.max(0, Math.exp(scaled) - logOf);
}
