/**
 * `corec eval odds`: the IsolationForest of CoreC on labelled sets of rows, by the area under the ROC curve.
 *
 * A set is a CSV `x0,...,xN,label` whose label is 1 for what is odd. The forest is the one that bloques are judged by, with its defaults, fitted on a
 * set and scoring it, as is usual for these sets. `sklearn_auc.json` beside them gives scikit-learn's figures to compare with.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededDice } from '#domain/anomaly/dice.ts';
import { fitForest, scoreForest } from '#domain/anomaly/isolation-forest.ts';
import { aucOf } from '#domain/evaluation/auc.ts';
import { csvBelow, refusal } from './folder.ts';

const COMMAND = 'eval odds';
const REFERENCE = 'sklearn_auc.json';
const LABEL = 'label';
export const SEEDS = 10;

export interface OddsSetResult {
  readonly set: string;
  readonly rows: number;
  readonly features: number;
  readonly odd: number;
  /** Mean and standard deviation over SEEDS forests. */
  readonly auc: number;
  readonly sd: number;
  /** Of scikit-learn, where it is known. */
  readonly reference: number | null;
  readonly referenceSd: number | null;
  readonly fitMs: number;
  readonly scoreMs: number;
}

export interface EvalOddsResult {
  readonly folder: string;
  readonly sets: readonly OddsSetResult[];
  readonly auc: number;
  readonly reference: number | null;
}

interface Reference {
  readonly sets: Readonly<Record<string, { readonly auc_mean: number; readonly auc_sd: number }>>;
}

export interface EvalOddsOptions {
  readonly folder: string;
  readonly onSet: (name: string, done: number, total: number) => void;
  readonly isAborted: () => boolean;
}

/** @throws CommandError COREC_E_ARGUMENT for a folder without labelled sets. */
export async function evalOdds({ folder, onSet, isAborted }: EvalOddsOptions): Promise<EvalOddsResult> {
  const files = csvBelow(COMMAND, folder);
  const path = join(folder, REFERENCE);
  const reference = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Reference) : null;
  const sets: OddsSetResult[] = [];
  for (const [k, file] of files.entries()) {
    // an interrupt gets its turn between two sets
    await new Promise((resolve) => setImmediate(resolve));
    if (isAborted()) break;
    const name = file.slice(0, -'.csv'.length);
    onSet(name, k, files.length);
    const known = reference?.sets[name] ?? null;
    sets.push({
      ...evalSet(join(folder, file), name),
      reference: known?.auc_mean ?? null,
      referenceSd: known?.auc_sd ?? null,
    });
  }
  const known = sets.filter((set) => set.reference !== null);
  return {
    folder,
    sets,
    auc: mean(sets.map((set) => set.auc)),
    reference: known.length === sets.length && sets.length > 0 ? mean(known.map((set) => set.reference!)) : null,
  };
}

function evalSet(file: string, set: string): Omit<OddsSetResult, 'reference' | 'referenceSd'> {
  const [header = '', ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  const names = header.split(',').map((name) => name.trim());
  const labelAt = names.indexOf(LABEL);
  if (labelAt < 0 || names.length < 2)
    throw refusal(COMMAND, `${file} without a column ${LABEL}`, `${file} sin columna ${LABEL}`);
  const table = lines.map((line) => line.split(',').map(Number));
  const isOdd = table.map((row) => row[labelAt] === 1);
  const odd = isOdd.filter(Boolean).length;
  if (odd === 0 || odd === table.length)
    throw refusal(COMMAND, `${file}, all of one label`, `${file}, todo de una misma etiqueta`);
  const features = names.length - 1;
  const rows = Float32Array.from(table.flatMap((row) => row.filter((_, at) => at !== labelAt)));
  const aucs: number[] = [];
  let fitMs = 0;
  let scoreMs = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const scores = new Float64Array(table.length);
    const beganMs = performance.now();
    const forest = fitForest(rows, features, {}, seededDice(seed));
    const fittedMs = performance.now();
    scoreForest(forest, rows, scores);
    fitMs += (fittedMs - beganMs) / SEEDS;
    scoreMs += (performance.now() - fittedMs) / SEEDS;
    aucs.push(aucOf(scores, isOdd));
  }
  const auc = mean(aucs);
  const sd = Math.sqrt(mean(aucs.map((one) => (one - auc) ** 2)));
  return { set, rows: table.length, features, odd, auc, sd, fitMs, scoreMs };
}

function mean(list: readonly number[]): number {
  return list.length === 0 ? 0 : list.reduce((sum, one) => sum + one, 0) / list.length;
}
