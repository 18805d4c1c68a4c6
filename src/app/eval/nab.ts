/**
 * `corec eval nab`: labelled series through a real CoreC, and its scores as files that NAB's scorers read.
 *
 *   DIR/data/<category>/<file>.csv  ->  ingest into an entry of its own  ->  journal of nothing, epochs, PostgreSQL
 *                                   <-  history, as it was stored        ->  OUT/<category>/<file>.csv
 *
 * The CoreC is one of its own in a folder that goes afterwards: file source, mapping, router, bloque, epoch and store are those of
 * every ingest, and a score is what the store gives back for a row. Owns files and their rows; leaves scoring them to domain/evaluation.
 *
 * V1 A row of the output stands for each row of the input, in its order; one that was refused has score 0 and is counted.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseConfig } from '#domain/config/parse.ts';
import type { Environment } from '#domain/config/variables.ts';
import type { Idioma } from '#domain/errors.ts';
import { scoreNab, type NabScore, type NabSeries } from '#domain/evaluation/nab-score.ts';
import { DETECTOR_ABRE } from '#domain/procesadores/detector.ts';
import type { HistoryPoint, NucleusApi } from '#ports/nucleus-api.ts';
import type { LoadedConfig } from '../load-config.ts';
import { openOffline } from '../offline.ts';
import { columnsOf, csvBelow, refusal } from './folder.ts';

const COMMAND = 'eval nab';
const LABELS = 'labels/combined_windows.json';
const MAPEO = 'formato=csv,clave=,prefijo=serie,valor=value,ts=timestamp,cabecera=si';

export interface EvalNabOptions {
  readonly folder: string;
  /** Folder for the results. */
  readonly out: string;
  /** Null: detector. */
  readonly procesador: string | null;
  readonly idioma: Idioma;
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly onFile: (name: string, done: number, total: number) => void;
}

export interface NabFileResult {
  /** `<category>/<file>.csv`. */
  readonly file: string;
  readonly rows: number;
  /** Rows that CoreC did not take. */
  readonly refused: number;
  /** Rows whose score reached the limit. */
  readonly alerts: number;
  readonly highest: number;
}

export interface EvalNabResult {
  readonly folder: string;
  readonly out: string;
  readonly limit: number;
  readonly files: readonly NabFileResult[];
  readonly rows: number;
  /** From opening CoreC to the last result. */
  readonly ms: number;
  /** By the labels beside the data; null when there are none. */
  readonly score: NabScore | null;
}

interface Scored {
  readonly result: NabFileResult;
  readonly series: NabSeries;
  readonly alerts: readonly number[];
}

/** @throws CommandError COREC_E_ARGUMENT for a folder without series; CoreCError of the ingest. */
export async function evalNab(options: EvalNabOptions): Promise<EvalNabResult> {
  const { folder, out, signal } = options;
  const beganMs = performance.now();
  const data = existsSync(join(folder, 'data')) ? join(folder, 'data') : folder;
  const names = csvBelow(COMMAND, data);
  const labels = readLabels(folder);
  const scored: Scored[] = [];
  await withCoreC(options, async (api) => {
    for (const [k, name] of names.entries()) {
      if (signal.aborted) return;
      options.onFile(name, k, names.length);
      scored.push(await scoreFile(api, options, join(data, name), name, `nab_${k}`, labels?.[name] ?? []));
    }
  });
  const files = scored.map(({ result }) => result);
  const isLabelled = labels !== null && !signal.aborted;
  return {
    folder,
    out,
    limit: DETECTOR_ABRE,
    files,
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    ms: Math.round(performance.now() - beganMs),
    score: isLabelled
      ? scoreNab(
          scored.map(({ series }) => series),
          scored.map(({ alerts }) => alerts),
        )
      : null,
  };
}

async function scoreFile(
  api: NucleusApi,
  { out, procesador, signal }: EvalNabOptions,
  ruta: string,
  name: string,
  bloque: string,
  windows: readonly (readonly [string, string])[],
): Promise<Scored> {
  const [header = '', ...rows] = readFileSync(ruta, 'utf8').trim().split(/\r?\n/);
  const [tsAt, valueAt] = columnsOf(COMMAND, ruta, header, ['timestamp', 'value']) as [number, number];
  for await (const _ of api.ingest({ ruta, bloque, procesador, mapeo: MAPEO, seguir: false, resume: false }, signal));
  const cells = rows.map((row) => row.split(','));
  const times = cells.map((row) => utcOf(row[tsAt] ?? ''));
  const scores = alignScores(await pointsOf(api, bloque, rows.length), times);
  const lines = cells.map((row, k) => `${row[tsAt] ?? ''},${row[valueAt] ?? ''},${scores[k] ?? 0}`);
  const file = join(out, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `timestamp,value,anomaly_score\n${lines.join('\n')}\n`);
  const alerts = [...scores.keys()].filter((k) => (scores[k] ?? 0) >= DETECTOR_ABRE);
  const marks = windows.map(([from, to]) => [times.indexOf(utcOf(from)), times.indexOf(utcOf(to))] as const);
  return {
    result: {
      file: name,
      rows: rows.length,
      refused: scores.filter((score) => score === null).length,
      alerts: alerts.length,
      highest: scores.reduce<number>((most, score) => Math.max(most, score ?? 0), 0),
    },
    series: { rows: rows.length, windows: marks.toSorted((a, b) => a[0] - b[0]) },
    alerts,
  };
}

/** Everything that the store has of the one clave of an entry. */
async function pointsOf(api: NucleusApi, bloque: string, rows: number): Promise<readonly HistoryPoint[]> {
  const [only] = api.entidades('*', bloque, 1);
  if (only === undefined) return [];
  return (await api.history(only.id, null, rows + 1)).points;
}

/** V1. History is by time, and among equal times as they came: each row takes the first left over of its own. */
function alignScores(points: readonly HistoryPoint[], times: readonly number[]): (number | null)[] {
  const byTime = new Map<number, number[]>();
  for (const { tsMs, valor } of points) {
    const list = byTime.get(tsMs);
    if (list === undefined) byTime.set(tsMs, [valor]);
    else list.push(valor);
  }
  return times.map((tsMs) => byTime.get(tsMs)?.shift() ?? null);
}

/** `2014-04-01 00:00:00`, UTC unless it says otherwise; NaN for what is no time. */
function utcOf(text: string): number {
  const iso = text.trim().replace(' ', 'T');
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);
}

type Labels = Readonly<Record<string, readonly (readonly [string, string])[]>>;

function readLabels(folder: string): Labels | null {
  const file = join(folder, LABELS);
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Labels;
  } catch {
    throw refusal(COMMAND, `${file}, which is no JSON`, `${file}, que no es JSON`);
  }
}

/** A CoreC on a folder of its own, which goes with it. An epoch comes with the end of each ingest. */
async function withCoreC({ idioma, env }: EvalNabOptions, use: (api: NucleusApi) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'corec-eval-'));
  try {
    const text = JSON.stringify({ instance_id: 'eval', http: null, persistencia: { intervalo_s: 3600 } });
    const parsed = parseConfig(text, { file: COMMAND, env: {}, resolve: (part) => join(folder, part) });
    const config: LoadedConfig = { ...parsed, path: null, folder };
    const corec = await openOffline({ config, env, idioma, terminal: null });
    try {
      await use(corec.api);
    } finally {
      await corec.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
