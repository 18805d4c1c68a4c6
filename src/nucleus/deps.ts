/** What the nucleus is built from: ports made by app, and the few functions that need an adapter or a file behind them. */
import type { BloqueEntry, CoreCConfig, FuenteConfig } from '#domain/config/config.ts';
import type { Idioma } from '#domain/errors.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ModuloBase } from '#modules/modulo-base.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { BloqueRunner } from '#ports/bloque-runner.ts';
import type { Clock } from '#ports/clock.ts';
import type { Compressor } from '#ports/compressor.ts';
import type { Journal } from '#ports/journal.ts';
import type { Logger } from '#ports/logger.ts';
import type { Meter } from '#ports/meter.ts';
import type { MensajeEncoder } from '#ports/mensaje-encoder.ts';
import type { ModelTrainer } from '#ports/model-trainer.ts';
import type { DoctorFinding, IngestInput, LoteInput } from '#ports/nucleus-api.ts';
import type { AlertaSink } from '#ports/sink.ts';
import type { RefusalReason, RefusedRows, Source } from '#ports/source.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import type { Gate as NoticeGate } from './alertas.ts';
import type { ConfigAccess } from './commands/command.ts';
import type { LoadedPlugin } from './plugin-host.ts';

/** Parses a whole body in steps: calls `deliver` with each full batch. */
export type ParseBody = (
  body: Uint8Array,
  mapeo: string,
  where: string,
  refuse: (reason: RefusalReason, row: string, at: string) => void,
  deliver: (batch: LecturaBatch) => Promise<void>,
) => Promise<void>;

export interface NucleusDeps {
  readonly config: CoreCConfig;
  readonly idioma: Idioma;
  readonly version: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly store: BloqueStore;
  readonly journal: Journal;
  readonly bus: StreamBus;
  readonly compressor: Compressor;
  readonly trainer: ModelTrainer;
  readonly encoder: MensajeEncoder;
  readonly runner: BloqueRunner;
  readonly sinks: readonly AlertaSink[];
  readonly noticeGate: NoticeGate & {
    silence(rule: { glob: string; bloque: string | null; hastaMs: number }): void;
    isSilenced(clave: string, bloque: string, nowMs: number): boolean;
  };
  readonly refused: RefusedRows & { readonly path: string };
  readonly plugins: readonly LoadedPlugin[];
  /** ModuloRegistro and ModuloEjecucion first, then whatever else was found. */
  readonly modules: readonly ModuloBase[];
  /** By name, or by the path that an entry names. @throws CoreCError COREC_E_PROCESADOR_UNKNOWN */
  readonly loadProcesador: (ref: string) => Promise<AnyProcesador>;
  readonly makeSource: (fuente: FuenteConfig) => Source;
  readonly makeIngestSource: (input: IngestInput) => Source;
  /** The entry that an ingest or a push door makes when it is not there. */
  readonly dynamicEntry: (id: string, procesador: string | null) => BloqueEntry;
  readonly resolveBody: (lote: LoteInput) => string;
  readonly parseBody: ParseBody;
  readonly rssBytes: () => number;
  readonly metrics: () => Promise<string>;
  /** What commands about the configuration ask; null: there is none. */
  readonly configAccess: ConfigAccess | null;
  /** Checks outside the nucleus: disk, memory, versions, servers. */
  readonly doctor: () => Promise<readonly DoctorFinding[]>;
  /** False: entries of artificial entidades, `fuentes` and plugins are left out (an ingest without a running CoreC). */
  readonly whole: boolean;
}
