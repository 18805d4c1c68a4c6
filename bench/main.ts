/**
 * The bench: every figure of BENCHMARKS.md, measured on this machine beside its baseline.
 *
 * Owns which rows there are, their order and their time. Leaves each measurement to rows/, processes and folders to lib/workspace.ts.
 * A row that cannot be measured is a row all the same: its value is null, it is not ok, and its note says why.
 *
 *   ./corec bench [--json] [--only sweep,frames] [--long]      or     node bench/main.ts ...
 */
import { pathToFileURL } from 'node:url';
import { startChild } from './lib/child.ts';
import type { Progress } from './lib/progress.ts';
import { failedRow, type BenchRow, type Limit } from './lib/row.ts';
import { benchEpoch, EPOCH_LIMIT } from './rows/epoch.ts';
import { FRAMES_LIMIT } from './rows/frames.ts';
import { benchHttp, HTTP_LIMIT } from './rows/http.ts';
import { benchIdle, DISK_LIMIT, IDLE_LIMIT } from './rows/idle.ts';
import { benchIngest, INGEST_LIMIT } from './rows/ingest.ts';
import { benchRecover, benchStart, RECOVER_LIMIT, START_LIMIT } from './rows/life.ts';
import {
  BOUND_LIMIT,
  benchBoundMemory,
  benchShippedMemory,
  benchSmallMemory,
  SHIPPED_LIMIT,
  SMALL_LIMIT,
} from './rows/memory.ts';
import { DETECTOR_LIMIT, QUIET_LIMIT } from './rows/modules-detector.ts';
import { APART_LIMIT } from './rows/modules-apart.ts';
import { ALERT_LIMIT, CLOSURES_BLOQUE_LIMIT, CLOSURES_LIMIT, PYTHON_LIMIT } from './rows/modules-ejecucion.ts';
import { benchFaulty, FAULTY_LIMIT } from './rows/modules-faulty.ts';
import { COST_LIMIT as EVOLUCION_COST_LIMIT, DRIFT_LIMIT, STEADY_LIMIT } from './rows/modules-evolucion.ts';
import { FIT_LIMIT, SCORE_LIMIT } from './rows/modules-forest.ts';
import { COST_LIMIT, DRAIN_LIMIT, FORECAST_LIMIT, MEMORY_LIMIT } from './rows/modules-redirect.ts';
import { ACTIVE_LIMIT, POISON_LIMIT } from './rows/modules-repair.ts';
import { REDIS_LIMIT } from './rows/redis.ts';
import { benchFailover, FAILOVER_LIMIT } from './rows/servers-failover.ts';
import {
  benchPostgresBytes,
  benchPostgresRows,
  PG_BYTES_LIMITS,
  PG_ROWS_LIMIT,
  PG_WRITE_LIMIT,
} from './rows/servers-postgres.ts';
import { benchFramesPublished, FRAMES_PUBLISHED_LIMIT } from './rows/servers-redis.ts';
import { benchStreams, CHANGE_LIMIT, LATENCY_LIMIT, READ_LIMIT, TRAFFIC_LIMIT } from './rows/servers-streams.ts';
import { SWEEP_LIMIT } from './rows/sweep.ts';

export type { BenchRow } from './lib/row.ts';

export interface BenchOptions {
  /** Prefixes of row names; null: those of the whole. */
  readonly only: readonly string[] | null;
  /** Rows of runs whose length is at choice run for ten minutes instead of one. */
  readonly long?: boolean;
  readonly onRow: (row: BenchRow) => void;
  /** What is being done, about once a second. */
  readonly onProgress?: (text: string) => void;
}

interface Planned {
  readonly name: string;
  readonly unit: string;
  readonly limit: Limit;
}

interface Group {
  /** The rows it gives. */
  readonly rows: readonly Planned[];
  /** About how long it takes, seconds. */
  readonly seconds: number;
  readonly run: (progress: Progress, long: boolean) => Promise<readonly BenchRow[]>;
}

/** Measured when asked for by name: what a module alone costs or does, and what needs servers that CoreC itself does without. */
const PARTS = ['modules.', 'servers.', 'redis.'];

const MICRO_MS = 60_000;
const micro = (name: string) => (): Promise<readonly BenchRow[]> =>
  startChild<readonly BenchRow[]>('micro.ts', name, MICRO_MS).result;
/** A group of one row, in one process after another: what is left over in one of them makes its ratio too good. */
const highestOf = (times: number, name: string) => async (): Promise<readonly BenchRow[]> => {
  const rows: BenchRow[] = [];
  for (let k = 0; k < times; k++) rows.push(...(await micro(name)()));
  return rows.toSorted((a, b) => (b.ratio ?? Infinity) - (a.ratio ?? Infinity)).slice(0, 1);
};
const planned = (name: string, unit: string, limit: Limit): Planned => ({ name, unit, limit });

const GROUPS: readonly Group[] = [
  { rows: [planned('sweep', 'ms', SWEEP_LIMIT)], seconds: 5, run: micro('sweep') },
  {
    rows: [planned('frames.encode', 'ms', FRAMES_LIMIT), planned('frames.decode', 'ms', FRAMES_LIMIT)],
    seconds: 3,
    run: micro('frames'),
  },
  {
    rows: [planned('modules.forest-fit', 'ms', FIT_LIMIT), planned('modules.forest-score', 'ms', SCORE_LIMIT)],
    seconds: 8,
    run: micro('forest'),
  },
  { rows: [planned('modules.detector', 'lecturas/s', DETECTOR_LIMIT)], seconds: 6, run: micro('detector') },
  {
    rows: [planned('modules.quiet-roads', 'per 100 claves and day', QUIET_LIMIT)],
    seconds: 2,
    run: micro('quiet-roads'),
  },
  {
    rows: [
      planned('modules.evolucion', 'of 20 seeds', DRIFT_LIMIT),
      planned('modules.evolucion-steady', '%', STEADY_LIMIT),
      planned('modules.evolucion-cost', '% of a core', EVOLUCION_COST_LIMIT),
    ],
    seconds: 50,
    run: micro('evolucion'),
  },
  { rows: [planned('redis.append', 'frames/s', REDIS_LIMIT)], seconds: 15, run: micro('redis') },
  { rows: [planned('ingest', 'lecturas/s', INGEST_LIMIT)], seconds: 75, run: benchIngest },
  { rows: [planned('http', 'lecturas/s', HTTP_LIMIT)], seconds: 40, run: benchHttp },
  { rows: [planned('rss-shipped', 'MB', SHIPPED_LIMIT)], seconds: 32, run: benchShippedMemory },
  { rows: [planned('rss-bound', 'MB', BOUND_LIMIT)], seconds: 30, run: benchBoundMemory },
  { rows: [planned('epoch', 'ms', EPOCH_LIMIT)], seconds: 35, run: benchEpoch },
  {
    rows: [planned('start.first', 'ms', START_LIMIT), planned('start.warm', 'ms', START_LIMIT)],
    seconds: 20,
    run: benchStart,
  },
  { rows: [planned('recover', 'ms', RECOVER_LIMIT)], seconds: 65, run: benchRecover },
  {
    rows: [planned('idle', 'cores', IDLE_LIMIT), planned('disk', 'MB/h', DISK_LIMIT)],
    seconds: 105,
    run: benchIdle,
  },
  { rows: [planned('small', 'MB', SMALL_LIMIT)], seconds: 28, run: benchSmallMemory },
  {
    rows: [
      planned('modules.redirect-drain', 'min', DRAIN_LIMIT),
      planned('modules.redirect-forecast', 'clave-min', FORECAST_LIMIT),
      planned('modules.redirect-cost', '% of a core', COST_LIMIT),
    ],
    seconds: 25,
    run: micro('redirect'),
  },
  {
    rows: [planned('modules.redirect-memory', 'MB', MEMORY_LIMIT)],
    seconds: 20,
    run: highestOf(5, 'redirect-memory'),
  },
  {
    rows: [planned('modules.active', '%', ACTIVE_LIMIT), planned('modules.poison', 'cycles', POISON_LIMIT)],
    seconds: 15,
    run: micro('repair'),
  },
  { rows: [planned('modules.faulty-run', '%', FAULTY_LIMIT)], seconds: 85, run: benchFaulty },
  {
    rows: [2, 4].map((canal) => planned(`modules.alert-latency-${canal}`, 'ms', ALERT_LIMIT)),
    seconds: 15,
    run: micro('alert-latency'),
  },
  {
    rows: [
      planned('modules.closures', 'ms', CLOSURES_LIMIT),
      planned('modules.closures-bloque', 'ms', CLOSURES_BLOQUE_LIMIT),
    ],
    seconds: 20,
    run: micro('closures'),
  },
  { rows: [planned('modules.apart', 'ms', APART_LIMIT)], seconds: 14, run: micro('apart') },
  {
    rows: [planned('modules.python', 'ms', PYTHON_LIMIT)],
    seconds: 20,
    run: micro('python'),
  },
  {
    rows: [planned('servers.frames', 'frames/s', FRAMES_PUBLISHED_LIMIT)],
    seconds: 30,
    run: benchFramesPublished,
  },
  {
    rows: [
      planned('servers.commands-read', 'commands/s', READ_LIMIT),
      planned('servers.commands-change', 'commands/s', CHANGE_LIMIT),
      planned('servers.latency', 'ms', LATENCY_LIMIT),
      planned('servers.traffic', 'MB/s', TRAFFIC_LIMIT),
    ],
    seconds: 200,
    run: benchStreams,
  },
  { rows: [planned('servers.failover', 'ms', FAILOVER_LIMIT)], seconds: 60, run: benchFailover },
  {
    rows: [planned('servers.pg-rows', 'rows/s', PG_ROWS_LIMIT), planned('servers.pg-write', 'ms', PG_WRITE_LIMIT)],
    seconds: 35,
    run: benchPostgresRows,
  },
  {
    rows: (['metr', 'nab', 'noise'] as const).map((name) =>
      planned(`servers.pg-bytes.${name}`, 'bytes', PG_BYTES_LIMITS[name]),
    ),
    seconds: 45,
    run: benchPostgresBytes,
  },
];

const EXIT_USAGE = 2;
/** Where nobody sees a line change, one is said this often. */
const LINE_EACH_MS = 5000;

/** Names of all rows, in order. */
export const ROW_NAMES: readonly string[] = GROUPS.flatMap((group) => group.rows.map((row) => row.name));

/** Measures the rows asked for, one after the other. Throws RangeError when a prefix fits no row. */
export async function runBench(options: BenchOptions): Promise<BenchRow[]> {
  const { only, onRow, onProgress = () => {}, long = false } = options;
  for (const prefix of only ?? []) {
    if (!ROW_NAMES.some((name) => name.startsWith(prefix)))
      throw new RangeError(`no row begins with "${prefix}"; there are ${ROW_NAMES.join(', ')}`);
  }
  const isAsked = (name: string): boolean => only === null || only.some((prefix) => name.startsWith(prefix));
  const isSkipped = ({ rows }: Group): boolean =>
    only === null && rows.some(({ name }) => PARTS.some((part) => name.startsWith(part)));
  const all: BenchRow[] = [];
  for (const group of GROUPS) {
    if (isSkipped(group) || !group.rows.some((row) => isAsked(row.name))) continue;
    const names = group.rows.map((row) => row.name).join(', ');
    onProgress(`${names}: about ${group.seconds} s`);
    for (const row of await measure(group, long, (text) => onProgress(`${names}: ${text}`))) {
      if (!isAsked(row.name)) continue;
      all.push(row);
      onRow(row);
    }
  }
  return all;
}

async function measure(group: Group, long: boolean, progress: Progress): Promise<readonly BenchRow[]> {
  try {
    return await group.run(progress, long);
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error);
    return group.rows.map((row) => failedRow(row.name, row.unit, row.limit, note));
  }
}

/** One line for people. */
export function formatRow(row: BenchRow): string {
  const figure = (x: number | null): string =>
    x === null ? '-' : x >= 1000 ? x.toFixed(0) : String(Number(x.toPrecision(3)));
  const judged = row.ok ? 'ok  ' : 'FAIL';
  const ratio = row.ratio === null ? '' : `, ratio ${figure(row.ratio)}`;
  const beside = row.baseline === null ? '' : ` (baseline ${figure(row.baseline)}${ratio})`;
  return `${judged} ${row.name.padEnd(14)} ${figure(row.value)} ${row.unit}${beside}, must: ${row.must}${row.note === '' ? '' : `\n       ${row.note}`}`;
}

/** Resolves to the exit code: 0 when no row falls short of its must. Rows go to stdout as they come, or as one JSON array at the end. */
export async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json');
  const at = argv.indexOf('--only');
  const only = at < 0 ? null : (argv[at + 1] ?? '').split(',').filter((name) => name !== '');
  const startMs = performance.now();
  const live = process.stderr.isTTY;
  let shownMs = -Infinity;
  const onProgress = (text: string): void => {
    const nowMs = performance.now() - startMs;
    if (!live && nowMs - shownMs < LINE_EACH_MS && !text.includes(': about ')) return;
    shownMs = nowMs;
    const line = `${(nowMs / 1000).toFixed(0).padStart(4)} s  ${text}`;
    process.stderr.write(live ? `\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}` : `${line}\n`);
  };
  const onRow = (row: BenchRow): void => {
    if (live) process.stderr.write('\r\x1b[K');
    (json ? process.stderr : process.stdout).write(`${formatRow(row)}\n`);
  };
  let rows: BenchRow[];
  try {
    rows = await runBench({ only, onRow, onProgress, long: argv.includes('--long') });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT_USAGE;
  }
  if (live) process.stderr.write('\r\x1b[K');
  if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  return rows.every((row) => row.ok) ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = await main(process.argv.slice(2));
