/**
 * Which of two genomas does better, and how sure that is.
 *
 * Owns the aptitud of a genoma and the paired test. Leaves what follows from it to evolucion.ts.
 *
 *   aptitud = F1 of what was planted, were it one in EXPECTED_EVERY lecturas, less what the genoma costs
 *
 * A1 0 for whatever never alerts, next to 0 for whatever always does: neither finds an oddity at its start.
 * A2 Planted oddities stand closer than real ones do, so that there are enough to count. False alerts therefore weigh as many times as
 *    much: otherwise a procesador that tells one false alert a planted oddity would seem a good one.
 */
import type { Cuentas } from './ensayo.ts';
import type { Dice } from './genoma.ts';

/** One oddity in so many lecturas of an entidad is what an alert is thought to be for. */
const EXPECTED_EVERY = 400;
/** What twice the time a lectura costs, at full pressure. */
const COST_OF_DOUBLE = 0.05;
const RESAMPLES = 400;

/** Time of a lectura against that of the one in use, and how pressed CoreC is, 0..1. */
export interface Costo {
  readonly ratio: number;
  readonly presion: number;
}

interface Sums {
  planted: number;
  found: number;
  wrong: number;
  lecturas: number;
}

export function f1Of({ planted, found, wrong, lecturas }: Sums): number {
  if (found === 0 || planted === 0) return 0;
  const weight = Math.max(1, (planted * EXPECTED_EVERY) / lecturas);
  return (2 * found) / (planted + found + wrong * weight);
}

function sumsOf(cuentas: Cuentas, places: readonly number[]): Sums {
  const sums: Sums = { planted: 0, found: 0, wrong: 0, lecturas: 0 };
  for (const place of places) {
    sums.planted += cuentas.planted[place]!;
    sums.found += cuentas.found[place]!;
    sums.wrong += cuentas.wrong[place]!;
    sums.lecturas += cuentas.lecturas[place]!;
  }
  return sums;
}

function costOf({ ratio, presion }: Costo): number {
  return COST_OF_DOUBLE * presion * Math.log2(Math.max(ratio, 1e-3));
}

/** A1, A2; what it costs left out. */
export function aptitudOf(cuentas: Cuentas, places: readonly number[]): number {
  return f1Of(sumsOf(cuentas, places));
}

export interface Comparison {
  /** Aptitud of the challenger, and by how much it is above the other. */
  readonly aptitud: number;
  readonly gain: number;
  /** Share of resamples (of entidades, with replacement) in which it is above. */
  readonly confidence: number;
}

/** Paired: both have run the same lecturas of the same entidades. */
export function compare(
  challenger: Cuentas,
  other: Cuentas,
  places: readonly number[],
  costo: Costo,
  dice: Dice,
): Comparison {
  const cost = costOf(costo);
  const aptitud = f1Of(sumsOf(challenger, places)) - cost;
  const gain = aptitud - f1Of(sumsOf(other, places));
  let above = 0;
  const drawn = Array.from(places);
  for (let k = 0; k < RESAMPLES; k++) {
    for (let n = 0; n < drawn.length; n++) drawn[n] = places[Math.floor(dice() * places.length)]!;
    if (f1Of(sumsOf(challenger, drawn)) - cost > f1Of(sumsOf(other, drawn))) above++;
  }
  return { aptitud, gain, confidence: above / RESAMPLES };
}
