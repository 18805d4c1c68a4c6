/**
 * ModuloEjecucion under load: how soon canales 2 and 4 alert while canal 1 leaves no pause, and what closures cost beside bare promises.
 *
 * alert-latency   ModuloEjecucion, Runs, Swarm and AlertaHub themselves, without store and doors. Lecturas come from another thread, at
 *                 random moments, so that what the loop is busy with is waited for as a socket would wait.
 * closures        a million closures by the whole of a run: answers, validation, fitness, repair, alerts.
 * python          the specification's own design, by a script of our own (children/closures.py).
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { bloqueEntryDefaults } from '#domain/config/normalize.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { limites } from '#domain/procesadores/limites.ts';
import { simulado } from '#domain/procesadores/simulado.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { ModuloEjecucion } from '#modules/ejecucion.ts';
import { AlertaHub } from '#nucleus/alertas.ts';
import { Swarm } from '#nucleus/swarm.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { startChild } from '../lib/child.ts';
import { atMost, makeRow, ratioAtMost, reportedRow, REPORTED, type BenchRow } from '../lib/row.ts';
import { makeRuns } from '../lib/runs.ts';
import { median } from '../lib/stats.ts';
import { ROOT } from '../lib/workspace.ts';

export const ALERT_LIMIT = atMost(10, 4);
export const CLOSURES_LIMIT = ratioAtMost(2, 1.4);
export const CLOSURES_BLOQUE_LIMIT = atMost(0.3, 0.2);
export const PYTHON_LIMIT = REPORTED;

const ENTIDADES = 1_000_000;
const POR_BLOQUE = 1000;
/** Lecturas that alert, over both canales, and ms between two of them. */
const LECTURAS = 4000;
const IDLE_LECTURAS = 1000;
const MEAN_MS = 2.5;
const CANALES = [2, 4] as const;
const CLOSURES_MS_MAX = 120_000;
/** MB of the young generation with room. */
const ROOMY_MB = 128;
const PYTHON_SWEEPS = 2;
const PYTHON_MS_MAX = 120_000;

const at = (sorted: readonly number[], q: number): number => sorted[Math.ceil(q * sorted.length) - 1]!;
const rises = (xs: readonly number[]): number[] => xs.toSorted((a, b) => a - b);

export async function benchAlertLatency(): Promise<BenchRow[]> {
  const idle = await alertLatency(0, IDLE_LECTURAS);
  const busy = await alertLatency(ENTIDADES, LECTURAS);
  return CANALES.map((canal) => {
    const sorted = rises(busy.latencyMs.get(canal)!);
    const note =
      `p99 of ${sorted.length} alerts, lectura sent until alert told; p50 ${at(sorted, 0.5).toFixed(2)}, max ${at(sorted, 1).toFixed(2)}; ` +
      `meanwhile ${busy.sweeps.toFixed(0)} sweeps of ${ENTIDADES} in canal 1 in ${(busy.tookMs / 1000).toFixed(1)} s`;
    return makeRow(`modules.alert-latency-${canal}`, 'ms', ALERT_LIMIT, {
      value: at(sorted, 0.99),
      baseline: at(rises(idle.latencyMs.get(canal)!), 0.99),
      note,
    });
  });
}

interface Latency {
  readonly latencyMs: ReadonlyMap<number, readonly number[]>;
  /** Sweeps of canal 1, and ms that all took. */
  readonly sweeps: number;
  readonly tookMs: number;
}

async function alertLatency(entidades: number, lecturas: number): Promise<Latency> {
  const procesadores = new Map(
    [simulado, limites].map((procesador) => [procesador.nombre, compileProcesador(procesador)] as const),
  );
  const hub = new AlertaHub({
    instanceId: 'bench',
    gate: { pass: (notice) => [notice], due: () => [] },
    sinks: [],
    texto: () => '',
  });
  const modulo = new ModuloEjecucion();
  const runs = makeRuns(
    () => swarm,
    hub,
    () => modulo.oldestQueuedMs,
  );
  const swarm = new Swarm({
    encodeMensajes: () => new Uint8Array(0),
    procesador: ({ procesador }) => procesadores.get(procesador)!,
    mensajes: 'ninguno',
    enfriamientoMs: 300_000,
    onRefused: (_entrada, reason) => {
      throw new Error(`refused: ${reason}`);
    },
    onLecturas: (bloque) => runs.arrived(bloque),
  });
  // an interval of 1 ms is over before the sweep is: the next one is due at once
  const common = { dinamico: false };
  if (entidades > 0) {
    const entry = { ...common, entidades, entidades_por_bloque: POR_BLOQUE, procesador: 'simulado', intervalo_ms: 1 };
    swarm.registrar(bloqueEntryDefaults('generico', entry), null);
  }
  // small bloques: of one, only so many episodios are open at a time
  for (const canal of CANALES) {
    const own = {
      entidades: lecturas,
      entidades_por_bloque: 100,
      procesador: 'limites',
      parametros: { max: 1 },
      canal,
    };
    const entry = { ...common, ...own };
    swarm.registrar(bloqueEntryDefaults(`canal${canal}`, entry), null);
  }
  const clock = makeSystemClock();
  await modulo.inicializar({
    config: { bloques: [] },
    clock,
    bloques: () => swarm.bloques,
    runBloque: (bloque: BloqueSimbiotico, due: number) => runs.runBloque(bloque, due, 1),
    onLecturas: (listener: (bloque: BloqueSimbiotico) => void) => runs.onLecturas(listener),
    turned: () => runs.turned(),
  } as unknown as NucleusContext);
  const latencyMs = new Map<number, number[]>(CANALES.map((canal) => [canal, []]));
  const sentMs = new Map<string, number>();
  hub.onAlerta(({ evento, alerta }) => {
    const sent = sentMs.get(alerta.clave);
    if (evento === 'abierta' && sent !== undefined)
      latencyMs.get(alerta.canal)!.push(performance.timeOrigin + performance.now() - sent);
  });
  await modulo.ejecutar();
  const startMs = performance.now();
  const ticker = new Worker(new URL('../children/ticker.ts', import.meta.url), {
    workerData: { count: lecturas, meanMs: MEAN_MS },
  });
  const batch = new LecturaBatch(1);
  let sent = 0;
  await new Promise<void>((resolve, reject) => {
    ticker.on('error', reject);
    ticker.on('message', (ms: number | null) => {
      if (ms === null) return resolve();
      const canal = CANALES[sent % CANALES.length]!;
      const clave = `c${sent++}`;
      sentMs.set(clave, ms);
      batch.clear();
      const bytes = new TextEncoder().encode(clave);
      batch.append(bytes, 0, bytes.length, 2, clock.nowMs());
      swarm.deliver(swarm.entradas.get(`canal${canal}`)!, batch, clock.nowMs());
    });
  });
  await runs.turn();
  const tookMs = performance.now() - startMs;
  await modulo.detener();
  const told = [...latencyMs.values()].reduce((sum, list) => sum + list.length, 0);
  if (told !== lecturas) throw new Error(`${told} alerts of ${lecturas} lecturas`);
  return { latencyMs, sweeps: (modulo.cycles * POR_BLOQUE) / ENTIDADES, tookMs };
}

/** What a sweep over closures takes, of CoreC and of bare promises, ms; and each bloque's run. */
interface ClosureRuns {
  readonly sweeps: readonly number[];
  readonly bareSweeps: readonly number[];
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly bareP99: number;
  readonly failed: number;
  /** What went wrong, in words; empty: nothing. */
  readonly fault: string;
}

/**
 * Once as CoreC is started, once with room for young objects: what a million promises leave is collected every seventh bloque of a
 * thousand, or every three hundredth, and the collector's pauses are all that a bloque's 99th percentile then shows.
 */
export async function benchClosures(): Promise<BenchRow[]> {
  const started = await startChild<ClosureRuns>('closures.ts', null, CLOSURES_MS_MAX).result;
  const flags = [`--max-semi-space-size=${ROOMY_MB}`, `--min-semi-space-size=${ROOMY_MB}`];
  const roomy = await startChild<ClosureRuns>('closures.ts', null, CLOSURES_MS_MAX, undefined, flags).result;
  const fault = started.fault + roomy.fault;
  const sound = fault === '';
  return [
    makeRow('modules.closures', 'ms', CLOSURES_LIMIT, {
      value: median(started.sweeps),
      baseline: median(started.bareSweeps),
      sound,
      note:
        `median of ${started.sweeps.length} sweeps of a million closures, in turns with the baseline; ${started.failed} failed; ` +
        `with COREC_YOUNG_MB=${ROOMY_MB} ${median(roomy.sweeps).toFixed(0)} ms (${median(roomy.bareSweeps).toFixed(0)})${fault}`,
    }),
    makeRow('modules.closures-bloque', 'ms', CLOSURES_BLOQUE_LIMIT, {
      value: roomy.p99,
      baseline: roomy.bareP99,
      sound,
      note:
        `p99 of the runs of a bloque of a thousand, with COREC_YOUNG_MB=${ROOMY_MB}; p50 ${roomy.p50.toFixed(3)}, max ${roomy.max.toFixed(2)}; ` +
        `without it p99 ${started.p99.toFixed(3)} (${started.bareP99.toFixed(3)}), p50 ${started.p50.toFixed(3)}${fault}`,
    }),
  ];
}

export function benchPython(): BenchRow[] {
  const args = [join(ROOT, 'bench', 'children', 'closures.py'), ENTIDADES, POR_BLOQUE, PYTHON_SWEEPS].map(String);
  const { error, status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', timeout: PYTHON_MS_MAX });
  const row = (value: number | null, note: string): BenchRow[] => [reportedRow('modules.python', 'ms', value, note)];
  if (error !== undefined) return row(null, `no figure: python3: ${error.message}`);
  if (status !== 0)
    return row(null, `no figure: python3 ended with ${status}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  const times = JSON.parse(stdout) as number[];
  return row(
    Math.min(...times),
    `the better of ${times.length} sweeps of ${ENTIDADES} by asyncio.gather, struct and statistics`,
  );
}
