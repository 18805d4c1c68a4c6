/**
 * A siembra: held-back lecturas with oddities planted into them, so that what should be found is known.
 *
 * Owns where they are planted, how large and how long. Leaves what a procesador makes of them to ensayo.ts.
 *
 *   spike  one lectura, half of them        level  12 to 40 lecturas in a row, the other half
 *   by 3 to 12 times the usual distance from the median of that entidad's lecturas, up or down
 *
 * S1 The same lecturas and dice give the same siembra; the muestra itself is not changed.
 * S2 Two oddities of an entidad lie GAP lecturas apart at least: one must not hide the next.
 */
import type { LecturaColumns } from '../procesadores/compile.ts';
import type { Dice } from './genoma.ts';
import { LECTURAS_LEAST, type Muestra } from './muestra.ts';

/** A planted oddity: lecturas [from, to) of its place, counted from 0. */
export interface Planted {
  readonly from: number;
  readonly to: number;
}

export interface Siembra {
  readonly lecturas: LecturaColumns;
  readonly length: number;
  /** By place, ascending; empty for places that take no part. */
  readonly planted: readonly (readonly Planted[])[];
  /** Which places take part. */
  readonly places: readonly number[];
  /** By place: its first lectura that is judged. */
  readonly from: Uint16Array;
}

/** Lecturas before the first of a place, and from the end of one to the start of the next. */
const LEAD = 16;
const GAP = 72;
const SPREADS_LEAST = 3;
const SPREADS_MOST = 12;
const LEVEL_LEAST = 12;
const LEVEL_MOST = 40;

/** S1, S2. @param places that take part. @param learn share of each place's lecturas at the beginning that are not judged. */
export function sow(muestra: Muestra, places: readonly number[], dice: Dice, learn: number = 0): Siembra {
  const { counts } = muestra;
  const takesPart = new Uint8Array(counts.length);
  for (const place of places) if (counts[place]! >= LECTURAS_LEAST) takesPart[place] = 1;
  const kept = places.filter((place) => takesPart[place] === 1);
  let length = 0;
  for (const place of kept) length += counts[place]!;
  const lecturas = {
    slot: new Uint16Array(length),
    valor: new Float64Array(length),
    tsMs: new Float64Array(length),
  };
  const rows: number[][] = Array.from({ length: counts.length }, () => []);
  let n = 0;
  for (let k = 0; k < muestra.length; k++) {
    const place = muestra.columns.slot[k]!;
    if (takesPart[place] === 0) continue;
    rows[place]!.push(n);
    lecturas.slot[n] = place;
    lecturas.valor[n] = muestra.columns.valor[k]!;
    lecturas.tsMs[n] = muestra.columns.tsMs[k]!;
    n++;
  }
  const planted: Planted[][] = Array.from({ length: counts.length }, () => []);
  const from = Uint16Array.from(counts, (count) => Math.floor(learn * count));
  for (const place of kept) planted[place] = plant(lecturas.valor, rows[place]!, from[place]!, dice);
  return { lecturas, length, planted, places: kept, from };
}

function plant(valor: Float64Array, rows: readonly number[], from: number, dice: Dice): Planted[] {
  const spread = usualDistance(rows.map((row) => valor[row]!));
  const list: Planted[] = [];
  for (let at = from + LEAD + Math.floor(GAP * dice()); at < rows.length;) {
    const isLevel = dice() < 0.5;
    const wanted = isLevel ? LEVEL_LEAST + Math.floor((LEVEL_MOST - LEVEL_LEAST + 1) * dice()) : 1;
    const size = SPREADS_LEAST * (SPREADS_MOST / SPREADS_LEAST) ** dice() * spread * (dice() < 0.5 ? -1 : 1);
    const to = Math.min(rows.length, at + wanted);
    for (let k = at; k < to; k++) valor[rows[k]!] = valor[rows[k]!]! + size;
    list.push({ from: at, to });
    at = to + GAP + Math.floor(GAP * dice());
  }
  return list;
}

/** Median distance from the median, as the sd of a normal spread; of what hardly ever moves the mean distance, of a constant a part of it. */
function usualDistance(valores: readonly number[]): number {
  const sorted = Float64Array.from(valores).sort();
  const median = sorted[sorted.length >> 1]!;
  const apart = sorted.map((x) => Math.abs(x - median)).sort();
  const usual = 1.4826 * apart[apart.length >> 1]!;
  if (usual > 0) return usual;
  const mean = apart.reduce((sum, x) => sum + x, 0) / apart.length;
  return mean > 0 ? mean : Math.max(1e-3 * Math.abs(median), 1e-6);
}
