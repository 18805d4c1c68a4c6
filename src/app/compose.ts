/**
 * The composition root: makes every adapter that a configuration asks for and joins them to the nucleus.
 *
 * Owns which adapter stands behind which port. Leaves to ground.ts the data folder, the log and PostgreSQL, which are opened first.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { readMemory } from '#adapters/host-check/memory.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import { makePrometheus } from '#adapters/prometheus/prometheus.ts';
import { makeRefusedRows } from '#adapters/refused-rows/refused-rows.ts';
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { makeLogSink } from '#adapters/sinks/log-sink.ts';
import { makeWebhookSink } from '#adapters/sinks/webhook-sink.ts';
import { makeArchivoSource } from '#adapters/sources/archivo/archivo-source.ts';
import { HostSource } from '#adapters/sources/host/host-source.ts';
import { RedisSource, type RedisSourceDeps } from '#adapters/sources/redis/redis-source.ts';
import { makeStdinSource } from '#adapters/sources/stdin/stdin-source.ts';
import { ThreadEncoder } from '#adapters/worker-threads/thread-encoder.ts';
import { ThreadRunner } from '#adapters/worker-threads/thread-runner.ts';
import { ThreadTrainer } from '#adapters/worker-threads/thread-trainer.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import type { CoreCConfig, FuenteConfig } from '#domain/config/config.ts';
import { bloqueEntryDefaults, isEntryId } from '#domain/config/normalize.ts';
import { NoticeGate } from '#domain/episodio/notice-gate.ts';
import { CoreCError, type Idioma } from '#domain/errors.ts';
import { BATCH_LECTURAS } from '#domain/limits.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { instanceGroup } from '#domain/streams.ts';
import type { ConfigAccess } from '#nucleus/commands/command.ts';
import { Nucleus } from '#nucleus/nucleus.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { IngestInput } from '#ports/nucleus-api.ts';
import type { AlertaSink } from '#ports/sink.ts';
import type { RefusedRows, Source } from '#ports/source.ts';
import { makeParseBody, resolveBody } from './bodies.ts';
import type { Ground } from './ground.ts';
import { examineMachine } from './doctor.ts';
import { loadModules } from './modules.ts';
import { loadPlugins } from './plugins.ts';
import { isForThreads, loadProcesador } from './procesadores.ts';
import { openStreams } from './streams.ts';

export interface ComposeOptions {
  readonly config: CoreCConfig;
  /** Folder that file references of commands start from. */
  readonly folder: string;
  readonly idioma: Idioma;
  /** Opened before, closed with the rest. */
  readonly ground: Ground;
  readonly configAccess: ConfigAccess;
  /** False: no artificial entidades, sources or plugins (an ingest, or a look at what is stored). */
  readonly whole: boolean;
}

export interface Composed {
  readonly nucleus: Nucleus;
  readonly logger: Logger;
  /** Closes what compose opened; the nucleus is stopped before. */
  close(): Promise<void>;
}

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** Opens everything up to, and without, `nucleus.inicializar`. */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const { config, idioma, ground } = options;
  const { clock, logger, dataDir } = ground;
  try {
    const prometheus = makePrometheus();
    const { meter } = prometheus;
    const { wait } = ground;
    const streams = await openStreams({ config, wait, meter, random: Math.random, clock, isNeeded: options.whole });
    const { bus } = streams;
    ground.closeWith(() => bus.close());
    const refused = makeRefusedRows({ folder: dataDir, clock, logger });
    ground.closeWith(() => refused.close());
    const sinks: AlertaSink[] = [makeLogSink({ logger, idioma }), makeBusSink({ bus, clock })];
    if (config.alertas.webhook !== null)
      sinks.push(makeWebhookSink({ ...config.alertas.webhook, idioma, clock, logger }));
    // also when only their bloques are of use: a plugin's procesador is what its bloque's state means
    const plugins = await loadPlugins(config, logger);
    const modules = await loadModules(config.modulos);
    // it was begun first; everything before this line was done while it started
    const [connection] = await Promise.all([ground.database, streams.ready]);
    // what a source refuses counts as what any door refuses
    const ofSources: RefusedRows = {
      refuse: (id, reason, row, where) => {
        refused.refuse(id, reason, row, where);
        nucleus.countRefused(reason, 1);
      },
    };
    const nucleus = new Nucleus({
      config,
      idioma,
      version: VERSION,
      pid: process.pid,
      clock,
      logger,
      meter: prometheus.meter,
      store: makePostgresStore({
        connection,
        instanceId: config.instance_id,
        logger,
        nowMs: () => clock.nowMs(),
        maxConnections: config.db_config?.max_connections ?? 8,
        meter: prometheus.meter,
        replicas: (config.db_config?.replicas ?? []).map((replica) => ({ ...connection, ...replica })),
      }),
      journal: new FileJournal(join(dataDir, 'journal')),
      bus,
      compressor: makeZstd(),
      trainer: new ThreadTrainer(),
      encoder: new ThreadEncoder(new URL('./encoding-thread.ts', import.meta.url)),
      runner: new ThreadRunner({
        thread: new URL('./running-thread.ts', import.meta.url),
        threadData: { folder: options.folder },
        takes: isForThreads,
        lanes: Math.max(1, availableParallelism() - 1),
      }),
      sinks,
      noticeGate: new NoticeGate({
        maxPorMinuto: config.alertas.max_por_minuto,
        instanceId: config.instance_id,
        idioma,
      }),
      refused,
      plugins,
      modules,
      loadProcesador: (ref) => loadProcesador(ref, options.folder),
      makeSource: (fuente) =>
        makeSource(fuente, {
          logger,
          clock,
          bus,
          refused: ofSources,
          group: instanceGroup(config.instance_id),
          consumer: `${config.instance_id}:${process.pid}`,
        }),
      makeIngestSource: (input) => makeIngestSource(input, { logger, clock, refused: ofSources }),
      dynamicEntry: (id, procesador) => dynamicEntry(id, procesador),
      resolveBody,
      parseBody: makeParseBody(BATCH_LECTURAS),
      rssBytes: () => process.memoryUsage.rss(),
      metrics: () => prometheus.metrics(),
      configAccess: options.configAccess,
      doctor: () => examineMachine(config, readMemory()),
      whole: options.whole,
    });
    return { nucleus, logger, close: () => ground.close() };
  } catch (error) {
    await ground.close().catch(() => {});
    throw error;
  }
}

interface SourceDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly refused: RefusedRows;
}

function makeSource(fuente: FuenteConfig, deps: SourceDeps & RedisSourceDeps): Source {
  switch (fuente.tipo) {
    case 'archivo':
      return makeArchivoSource(fuente, deps);
    case 'stdin':
      return makeStdinSource(fuente, { ...deps, stdin: process.stdin });
    case 'redis':
      return new RedisSource(fuente, deps);
    case 'host':
      return new HostSource(fuente, deps);
  }
}

function makeIngestSource(input: IngestInput, deps: SourceDeps): Source {
  const mapeo = input.mapeo === '' ? undefined : parseMapeo(input.mapeo);
  if (input.ruta === '-') {
    return makeStdinSource({ tipo: 'stdin', bloque: input.bloque, mapeo }, { ...deps, stdin: process.stdin });
  }
  const id = `ingest:${input.bloque}:${input.ruta}`;
  return makeArchivoSource(
    { tipo: 'archivo', ruta: input.ruta, bloque: input.bloque, mapeo, seguir: input.seguir, id },
    deps,
  );
}

function dynamicEntry(id: string, procesador: string | null): ReturnType<typeof bloqueEntryDefaults> {
  if (!isEntryId(id)) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'bloque',
      found: JSON.stringify(id.slice(0, 80)),
      allowed: 'letters, digits, . _ -, at most 64',
    });
  }
  return bloqueEntryDefaults(id, procesador === null ? {} : { procesador });
}
