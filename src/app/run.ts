/**
 * `corec run`: starts CoreC with its doors, waits for a signal or the time asked for, stops it, writes the report.
 *
 * Owns signals and exit codes. A first SIGINT or SIGTERM persists everything, a second one forces.
 */
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import type { NucleusStatus } from '#ports/nucleus-api.ts';
import { CoreCNucleus } from './corec-nucleus.ts';
import type { Door } from './doors.ts';

export interface RunOptions {
  readonly configPath: string;
  readonly dataDir?: string;
  /** How long servers that are away are waited for; 0: not at all. */
  readonly waitMs: number;
  /** Null: until a signal. */
  readonly forMs: number | null;
  readonly reportPath: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly idioma?: Idioma;
  readonly terminal: NodeJS.WriteStream | null;
  /** Opens HTTP and the unix socket; given in, since app stands below the doors. */
  readonly openDoors: (nucleus: CoreCNucleus) => Promise<Door>;
  /** Loads what `openDoors` needs, while the database starts. */
  readonly loadDoors: () => Promise<unknown>;
  /** Told when everything runs. */
  readonly onReady?: (nucleus: CoreCNucleus, door: Door) => void;
}

export const EXIT = { ok: 0, failed: 1, usage: 2, forced: 130 } as const;

/** Resolves to the exit code. Errors at start are thrown as CoreCError for the caller to show. */
export async function runCoreC(options: RunOptions): Promise<number> {
  const corec = new CoreCNucleus({
    config: options.configPath,
    env: options.env,
    terminal: options.terminal,
    whileStarting: options.loadDoors,
    waitMs: options.waitMs,
    ...(options.dataDir === undefined ? {} : { dataDir: resolve(options.dataDir) }),
    ...(options.idioma === undefined ? {} : { idioma: options.idioma }),
  });
  const stop = stopSignal();
  // Node then says the stack and ends with 1, as it would without: what came to be in memory is no longer trusted, what was acknowledged is kept
  const onCrash = (error: unknown): void => corec.crashed(error);
  process.on('uncaughtExceptionMonitor', onCrash);
  let door: Door | null = null;
  let status: NucleusStatus | null = null;
  let failure: unknown = null;
  let running = false;
  // a stop that comes during the start breaks it off: replaying a long journal must not keep anybody waiting
  const brokenOff = stop.wait.then(() => (running ? undefined : corec.detener()));
  brokenOff.catch(() => {});
  try {
    await corec.inicializar();
    corec.nucleus.onFatal((error) => {
      failure = error;
      stop.now();
    });
    door = await options.openDoors(corec);
    await corec.ejecutar();
    running = true;
    // from the start of the process, imports and PostgreSQL included: what a person waits
    corec.nucleus.startMs = performance.now();
    stop.after(options.forMs);
    options.onReady?.(corec, door);
    await stop.wait;
    status = await corec.api.status();
  } catch (error) {
    const isBrokenOff = !running && error instanceof CoreCError && error.code === 'COREC_E_STOPPING';
    if (!isBrokenOff) failure ??= error;
  } finally {
    // doors first: nothing may come in that would not be persisted
    await door?.close().catch(() => {});
    const swarm = status === null ? null : corec.nucleus.swarm;
    try {
      await corec.detener();
      if (!running && stop.isAsked()) await brokenOff;
    } catch (error) {
      failure ??= error;
    }
    // the last lecturas came in while the sources were stopped: what is told is what the next start finds
    if (status !== null) status = { ...status, ligadas: swarm!.ligadas, lecturas: swarm!.lecturas };
    stop.release();
    process.off('uncaughtExceptionMonitor', onCrash);
  }
  if (failure !== null)
    throw failure instanceof Error ? failure : new CoreCError('COREC_E_INTERNAL', { found: messageOf(failure) });
  if (status !== null && options.reportPath !== null) await writeReport(resolve(options.reportPath), status);
  return EXIT.ok;
}

/** The report: the counts and times of this run. Written beside and renamed, so that it is whole or not there. */
async function writeReport(path: string, status: NucleusStatus): Promise<void> {
  const report = {
    instance_id: status.instance_id,
    version: status.version,
    entidades: status.entidades,
    ligadas: status.ligadas,
    simuladas: status.simuladas,
    bloques: status.bloques,
    cycles: status.cycles,
    lecturas: status.lecturas,
    refused: status.refused,
    alertas: status.alertas,
    fallos: status.fallos,
    repairs: status.repairs,
    sweep_ms: status.sweepMs,
    cycle_ms: status.cycleMs,
    alert_latency_ms: status.alertLatencyMs,
    rss_mb: status.rssMb,
    bytes_per_entidad: status.bytesPerEntidad,
    start_ms: status.startMs,
    restored_entidades: status.restored_entidades,
    uptime_s: status.uptimeS,
    epoca: status.epoca,
    epoca_ms: status.epocaMs,
  };
  const part = join(dirname(path), `.${Date.now()}.${process.pid}.part`);
  await writeFile(part, `${JSON.stringify(report, null, 2)}\n`);
  await rename(part, path);
}

interface StopSignal {
  readonly wait: Promise<void>;
  isAsked(): boolean;
  /** Stops after `ms`; null: not by itself. */
  after(ms: number | null): void;
  now(): void;
  release(): void;
}

function stopSignal(): StopSignal {
  let asked = false;
  let end = (): void => {};
  const wait = new Promise<void>((done) => {
    end = done;
  });
  const now = (): void => {
    asked = true;
    end();
  };
  let signals = 0;
  const onSignal = (): void => {
    signals++;
    if (signals > 1) process.exit(EXIT.forced);
    now();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  let timer: NodeJS.Timeout | null = null;
  return {
    wait,
    now,
    isAsked: () => asked,
    after: (ms) => {
      if (ms !== null) timer = setTimeout(now, ms);
    },
    release: () => {
      if (timer !== null) clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
