/**
 * The composition root: makes every adapter that a configuration asks for and joins them to the nucleus.
 *
 * Owns which adapter stands behind which port, and opening and closing what the nucleus does not own (data folder, PostgreSQL,
 * log files). Nothing else imports adapters.
 *
 * O1 What was opened is closed in reverse, also when a later step fails.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataDir } from '#adapters/data-dir/data-dir.ts';
import { makeEmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { readMemory } from '#adapters/host-check/memory.ts';
import { makeLogging, type Logging } from '#adapters/logging/logging.ts';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import type { PostgresConnection } from '#adapters/postgres/session.ts';
import { makePrometheus } from '#adapters/prometheus/prometheus.ts';
import { makeRefusedRows } from '#adapters/refused-rows/refused-rows.ts';
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { makeLogSink } from '#adapters/sinks/log-sink.ts';
import { makeWebhookSink } from '#adapters/sinks/webhook-sink.ts';
import { makeArchivoSource } from '#adapters/sources/archivo/archivo-source.ts';
import { HostSource } from '#adapters/sources/host/host-source.ts';
import { makeStdinSource } from '#adapters/sources/stdin/stdin-source.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import type { CoreCConfig, FuenteConfig } from '#domain/config/config.ts';
import { bloqueEntryDefaults, isEntryId } from '#domain/config/normalize.ts';
import { NoticeGate } from '#domain/episodio/notice-gate.ts';
import { CoreCError, type Idioma } from '#domain/errors.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { BATCH_LECTURAS } from '#domain/limits.ts';
import { parseBody } from '#domain/mapeo/body.ts';
import { formatMapeo, parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import { text } from '#domain/texts/text.ts';
import { Nucleus } from '#nucleus/nucleus.ts';
import type { ParseBody } from '#nucleus/deps.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { IngestInput } from '#ports/nucleus-api.ts';
import type { AlertaSink } from '#ports/sink.ts';
import type { RefusedRows, Source } from '#ports/source.ts';
import { examineMachine } from './doctor.ts';
import { loadModules } from './modules.ts';
import { loadPlugins } from './plugins.ts';
import { loadProcesador } from './procesadores.ts';

export interface ComposeOptions {
  readonly config: CoreCConfig;
  /** Folder that file references of commands start from. */
  readonly folder: string;
  readonly idioma: Idioma;
  /** Where log lines for people go; null: the file alone. */
  readonly terminal: NodeJS.WriteStream | null;
  readonly colour: boolean;
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
  const { config, idioma } = options;
  const opened: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const close of opened.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'closing failed');
  };
  try {
    const clock = makeSystemClock();
    const dataDir = await openDataDir(config.data_dir, { instanceId: config.instance_id, nowMs: clock.nowMs() });
    opened.push(() => dataDir.release());
    const logging = startLogging(options, clock);
    opened.push(() => logging.close());
    const { logger } = logging;
    if (config.redis_config !== null) logger.warn('CoreCNucleus', text(idioma, 'log.redis_unused'));
    const connection = await openDatabase(config, logger, opened);
    const prometheus = makePrometheus();
    const bus = new MemoryBus({ clock, maxlen: config.redis_config?.maxlen ?? 100_000 });
    const refused = makeRefusedRows({ folder: dataDir.path, clock, logger });
    opened.push(() => refused.close());
    const sinks: AlertaSink[] = [makeLogSink({ logger, idioma }), makeBusSink({ bus })];
    if (config.alertas.webhook !== null)
      sinks.push(makeWebhookSink({ ...config.alertas.webhook, idioma, clock, logger }));
    // also when only their bloques are of use: a plugin's procesador is what its bloque's state means
    const plugins = await loadPlugins(config, logger);
    const modules = await loadModules(config.modulos);
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
        replicas: (config.db_config?.replicas ?? []).map((replica) => ({ ...connection, ...replica })),
      }),
      journal: new FileJournal(join(dataDir.path, 'journal')),
      bus,
      compressor: makeZstd(),
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
      makeSource: (fuente) => makeSource(fuente, { logger, clock, refused: ofSources }),
      makeIngestSource: (input) => makeIngestSource(input, { logger, clock, refused: ofSources }),
      dynamicEntry: (id, procesador) => dynamicEntry(id, procesador),
      resolveBody,
      parseBody: parseInSteps,
      rssBytes: () => process.memoryUsage.rss(),
      metrics: () => prometheus.metrics(),
      doctor: () => examineMachine(config, readMemory()),
      whole: options.whole,
    });
    return { nucleus, logger, close: closeAll };
  } catch (error) {
    await closeAll().catch(() => {});
    throw error;
  }
}

function startLogging({ config, terminal, colour, idioma }: ComposeOptions, clock: Clock): Logging {
  const { ruta, nivel, max_mb, archivos } = config.logs;
  return makeLogging({ ruta, nivel, maxBytes: max_mb * 1_000_000, archivos, terminal, colour, clock, idioma });
}

/** The configured server, or our own in the data folder. */
async function openDatabase(
  config: CoreCConfig,
  logger: Logger,
  opened: (() => Promise<void> | void)[],
): Promise<PostgresConnection> {
  const db = config.db_config;
  if (db !== null) {
    const { host, port, user, dbname, ssl, password } = db;
    return { host, port, user, database: dbname, ssl, ...(password === null ? {} : { password }) };
  }
  const embedded = makeEmbeddedPostgres({ dataDir: config.data_dir, logger });
  opened.push(() => embedded.stop());
  await embedded.start();
  return embedded.connection();
}

interface SourceDeps {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly refused: RefusedRows;
}

function makeSource(fuente: FuenteConfig, deps: SourceDeps): Source {
  switch (fuente.tipo) {
    case 'archivo':
      return makeArchivoSource(fuente, deps);
    case 'stdin':
      return makeStdinSource(fuente, { ...deps, stdin: process.stdin });
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

/** Forms of mapping that clients repeat with every body; each has one. */
const MAPEOS_KEPT = 256;
const mapeos = new Map<string, Mapeo>();

function knownMapeo(form: string, where: string): Mapeo | null {
  if (form === '') return null;
  let mapeo = mapeos.get(form);
  if (mapeo === undefined) {
    mapeo = parseMapeo(form, where);
    if (mapeos.size >= MAPEOS_KEPT) mapeos.clear();
    mapeos.set(form, mapeo);
  }
  return mapeo;
}

/**
 * Settles the mapping on the first row, so that one that cannot fit is refused before anything is kept, and a replay of the journal
 * has nothing left to guess.
 */
function resolveBody(lote: { readonly body: Uint8Array; readonly mapeo: string }): string {
  const reader = parseBody(lote.body, { mapeo: knownMapeo(lote.mapeo, 'mapeo'), onRefused: () => {} });
  reader.read(new LecturaBatch(1));
  return reader.resolution === null ? lote.mapeo : formatMapeo(reader.resolution.mapeo);
}

const parseInSteps: ParseBody = async (body, mapeo, where, refuse, deliver) => {
  const batch = new LecturaBatch(BATCH_LECTURAS);
  const reader = parseBody(body, {
    mapeo: knownMapeo(mapeo, where),
    onRefused: (reason, row, at) => refuse(reason, row, at),
  });
  for (;;) {
    const more = reader.read(batch);
    if (batch.length > 0) await deliver(batch);
    if (!more) return;
    batch.clear();
  }
};
