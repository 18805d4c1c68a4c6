/**
 * What a configuration will need: memory by part, disk by part and day.
 *
 * Owns the arithmetic and says its assumptions. The figures are for deciding on a machine, not for billing: what a bloque holds is
 * exact, what depends on readings is a stated assumption, what is bounded is told as "at most". Leaves words to domain/texts.
 */
import { CORE_BYTES } from '../entidad/columns.ts';
import type { AnyProcesador } from '../procesadores/define.ts';
import {
  CLAVE_BYTES_USUAL,
  CLAVE_INDEX_BYTES,
  DAY_S,
  EPISODIO_BYTES,
  EPISODIOS_POR_BLOQUE_MAX,
  EPOCH_CHUNK_BYTES,
  INBOX_LECTURA_BYTES,
  JOURNAL_BYTES_MAX,
  JOURNAL_SEGMENT_BYTES,
  MENSAJES_PENDING_BYTES,
  MIB,
  POSTGRES_EMPTY_BYTES,
  POSTGRES_WAL_BYTES,
} from '../limits.ts';
import { bloquesOf, type BloqueEntry, type CoreCConfig } from './config.ts';
import { defect, pathOf, type ConfigDefect } from './defects.ts';

/** What the arithmetic needs of a procesador; every checked definition has it. */
export type ProcesadorFacts = Pick<AnyProcesador, 'bytesPorEntidad' | 'autonomo' | 'checkpoint'>;
/** By name or path as the entry has it; null when it is not known yet. */
export type ProcesadorLookup = (procesador: string) => ProcesadorFacts | null;

/** Node.js with CoreC's code and packages loaded and no bloque: 88 MB of RSS measured with a warm compile cache (bare Node.js: 42). */
const PROCESS_BYTES = 90 * MIB;
/** One bloque beside its columns: objects, books, options. */
const BLOQUE_OBJECT_BYTES = 6 * 1024;
/** 100 trees of at most 511 nodes in flat arrays. */
const FOREST_BYTES = 256 * 1024;
/** What an intelligent bloque remembers of each entidad: measured 636, mostly as JavaScript objects. */
const MODEL_ENTIDAD_BYTES = 640;
/** A row of `bloques` without mensajes: tuple 28 + columns ~90, primary key ~60, index on canal and time ~30. */
const ROW_BYTES = 208;
/** A stored mensaje: measured 0.5 (mostly zeros) to 2.6 (noise) bytes as columns, 3.4 to 8.5 as JSON. */
const MENSAJE_STORED_BYTES = { 'columnas+zstd3': 3, 'json+zstd3': 9 } as const;
/** Float columns of state, compressed. */
const STATE_RATIO = 0.6;
/** A new row is written to the log of changes and to the table; state goes into a freshly emptied table and is written once. */
const WRITES_PER_ROW = 2;
/** State is written in turns into two tables, the older one emptied before the next epoch. */
const STATE_COPIES = 2;
/** A quiet bloque without mensajes still shows every ten minutes that it lives. */
const QUIET_ROW_S = 600;
const LOG_BYTES_DAY = 1 * MIB;
const UNKNOWN_PROCESADOR: ProcesadorFacts = { bytesPorEntidad: 64, autonomo: false, checkpoint: true };

/** Between two readings of a clave, unless its source says how often it reads. */
export const LECTURA_CADA_MS_DEFAULT = 60_000;

export const PARTES_MEMORIA = [
  'process',
  'columns',
  'claves',
  'models',
  'epoch',
  'inbox',
  'pending',
  'episodios',
] as const;
export const PARTES_DISCO = ['rows', 'mensajes', 'retained', 'state', 'journal', 'logs', 'wal'] as const;
export type ParteMemoria = (typeof PARTES_MEMORIA)[number];
export type ParteDisco = (typeof PARTES_DISCO)[number];

export interface Part<P extends string> {
  /** Its words: text code `config.part_<parte>`. */
  readonly parte: P;
  /** As configured, with every entry that grows at one bloque. */
  readonly bytes: number;
  /** With every bound reached and every entry fully grown. */
  readonly bytesMax: number;
}

export interface EntryEstimate {
  readonly id: string;
  readonly bloques: number;
  readonly entidades: number;
  /** Core and procesador columns. */
  readonly bytesPorEntidad: number;
  /** Columns (and modelo) of one full bloque: what max_size_mb is checked against. */
  readonly bytesPorBloque: number;
  /** Its entidades make up their own readings. */
  readonly artificial: boolean;
  /** Assumed time between two readings of one clave; null when artificial. */
  readonly lecturaCadaMs: number | null;
}

export interface Estimate {
  readonly entradas: readonly EntryEstimate[];
  readonly memoria: readonly Part<ParteMemoria>[];
  readonly memoriaBytes: number;
  readonly memoriaBytesMax: number;
  /** Bytes written in a day. */
  readonly discoDia: readonly Part<ParteDisco>[];
  readonly discoDiaBytes: number;
  /** Bytes kept once retention has set in. */
  readonly disco: readonly Part<ParteDisco>[];
  readonly discoBytes: number;
  readonly discoBytesMax: number;
}

/** What one entry adds, once as it starts and once as it may end. */
interface Load {
  readonly entry: BloqueEntry;
  readonly facts: ProcesadorFacts;
  readonly bloques: number;
  readonly entidades: number;
  readonly bloquesMax: number;
  readonly entidadesMax: number;
  readonly bytesPorEntidad: number;
  readonly modelBytes: number;
  /** Readings a second that it is assumed to get. */
  readonly lecturasS: number;
  readonly lecturasSMax: number;
  readonly lecturaCadaMs: number | null;
}

/**
 * Sums for `config`. Pure.
 *
 * @param procesadores facts of each procesador; an unknown one counts 64 bytes of state.
 * @param lecturaCadaMs assumed time between two readings of a clave, ms.
 */
export function estimate(
  config: CoreCConfig,
  procesadores: ProcesadorLookup,
  lecturaCadaMs: number = LECTURA_CADA_MS_DEFAULT,
): Estimate {
  const loads = config.bloques.map((entry) => loadOf(config, entry, procesadores, lecturaCadaMs));
  const memoria = memoryParts(config, loads);
  const { day, kept } = diskParts(config, loads);
  return {
    entradas: loads.map((load) => ({
      id: load.entry.id,
      bloques: load.bloquesMax,
      entidades: load.entidadesMax,
      bytesPorEntidad: load.bytesPorEntidad,
      bytesPorBloque: bytesPorBloque(load),
      artificial: load.facts.autonomo,
      lecturaCadaMs: load.lecturaCadaMs,
    })),
    memoria,
    memoriaBytes: sum(memoria, (part) => part.bytes),
    memoriaBytesMax: sum(memoria, (part) => part.bytesMax),
    discoDia: day,
    discoDiaBytes: sum(day, (part) => part.bytes),
    disco: kept,
    discoBytes: sum(kept, (part) => part.bytes),
    discoBytesMax: sum(kept, (part) => part.bytesMax),
  };
}

/** The bloques that are larger than their max_size_mb allows. */
export function sizeDefects(config: CoreCConfig, procesadores: ProcesadorLookup): ConfigDefect[] {
  return config.bloques.flatMap((entry) => {
    const load = loadOf(config, entry, procesadores, LECTURA_CADA_MS_DEFAULT);
    const bytes = bytesPorBloque(load);
    if (bytes <= entry.max_size_mb * MIB) return [];
    const mb = Math.ceil((bytes / MIB) * 100) / 100;
    const fitting = Math.floor((entry.max_size_mb * MIB - load.modelBytes) / load.bytesPorEntidad);
    const much = `${load.bytesPorEntidad} x ${Math.min(entry.entidades_por_bloque, entry.entidades)}`;
    return [
      defect(
        [...pathOf(entry.path), 'max_size_mb'],
        `is ${entry.max_size_mb}, but a bloque takes ${mb} MB (${much} bytes); allowed: at least ${mb}, or entidades_por_bloque of at most ${fitting}`,
        `es ${entry.max_size_mb}, pero un bloque ocupa ${mb} MB (${much} bytes); se permite: al menos ${mb}, o entidades_por_bloque de ${fitting} como máximo`,
      ),
    ];
  });
}

function loadOf(config: CoreCConfig, entry: BloqueEntry, procesadores: ProcesadorLookup, lecturaCadaMs: number): Load {
  const facts = procesadores(entry.procesador) ?? UNKNOWN_PROCESADOR;
  const bloquesMax = bloquesOf(entry);
  const bloques = entry.dinamico ? Math.min(1, bloquesMax) : bloquesMax;
  const entidades = Math.min(entry.entidades, bloques * entry.entidades_por_bloque);
  const host = config.fuentes.find((fuente) => fuente.tipo === 'host' && fuente.bloque === entry.id);
  const everyMs = host?.tipo === 'host' ? host.intervalo_ms : lecturaCadaMs;
  return {
    entry,
    facts,
    bloques,
    entidades,
    bloquesMax,
    entidadesMax: entry.entidades,
    bytesPorEntidad: CORE_BYTES + facts.bytesPorEntidad + (entry.modelo === null ? 0 : MODEL_ENTIDAD_BYTES),
    modelBytes: entry.modelo === null ? 0 : FOREST_BYTES,
    lecturasS: facts.autonomo ? 0 : (entidades * 1000) / everyMs,
    lecturasSMax: facts.autonomo ? 0 : (entry.entidades * 1000) / everyMs,
    lecturaCadaMs: facts.autonomo ? null : everyMs,
  };
}

function bytesPorBloque({ entry, bytesPorEntidad, modelBytes }: Load): number {
  return Math.min(entry.entidades_por_bloque, entry.entidades) * bytesPorEntidad + modelBytes;
}

function memoryParts(config: CoreCConfig, loads: readonly Load[]): Part<ParteMemoria>[] {
  const live = loads.filter(({ facts }) => !facts.autonomo);
  const both = (
    parte: ParteMemoria,
    of: readonly Load[],
    now: (load: Load) => number,
    most: (load: Load) => number,
  ): Part<ParteMemoria> => ({
    parte,
    bytes: sum(of, now),
    bytesMax: sum(of, most),
  });
  const fixed = (parte: ParteMemoria, bytes: number): Part<ParteMemoria> => ({ parte, bytes, bytesMax: bytes });
  const atMost = (parte: ParteMemoria, bytesMax: number): Part<ParteMemoria> => ({ parte, bytes: 0, bytesMax });
  const storesMensajes = config.persistencia.mensajes !== 'ninguno' && live.length > 0;
  const parts = [
    fixed('process', PROCESS_BYTES),
    both(
      'columns',
      loads,
      (load) => load.entidades * load.bytesPorEntidad + load.bloques * BLOQUE_OBJECT_BYTES,
      (load) => load.entidadesMax * load.bytesPorEntidad + load.bloquesMax * BLOQUE_OBJECT_BYTES,
    ),
    both(
      'claves',
      live,
      (load) => load.entidades * (CLAVE_BYTES_USUAL + CLAVE_INDEX_BYTES),
      (load) => load.entidadesMax * (CLAVE_BYTES_USUAL + CLAVE_INDEX_BYTES),
    ),
    both(
      'models',
      loads,
      (load) => load.bloques * load.modelBytes,
      (load) => load.bloquesMax * load.modelBytes,
    ),
    fixed('epoch', 2 * EPOCH_CHUNK_BYTES),
    atMost(
      'inbox',
      sum(live, (load) => load.bloquesMax * load.entry.inbox_max * INBOX_LECTURA_BYTES),
    ),
    atMost('pending', storesMensajes ? MENSAJES_PENDING_BYTES : 0),
    atMost(
      'episodios',
      sum(live, (load) => load.bloquesMax * EPISODIOS_POR_BLOQUE_MAX * EPISODIO_BYTES),
    ),
  ];
  return parts.filter((part) => part.bytesMax > 0);
}

function diskParts(
  config: CoreCConfig,
  loads: readonly Load[],
): { readonly day: Part<ParteDisco>[]; readonly kept: Part<ParteDisco>[] } {
  const { persistencia, logs } = config;
  const epochsDay = DAY_S / persistencia.intervalo_s;
  const live = loads.filter(({ facts }) => !facts.autonomo);
  const rowsDay = (load: Load, bloques: number): number =>
    bloques * (load.facts.autonomo ? Math.min(epochsDay, DAY_S / QUIET_ROW_S) : epochsDay);
  const mensajesDay = (load: Load, entidades: number, lecturasS: number): number => {
    if (persistencia.mensajes === 'ninguno') return 0;
    const all = lecturasS * DAY_S;
    return persistencia.mensajes === 'ultimo' ? Math.min(all, entidades * epochsDay) : all;
  };
  const stateBytes = (load: Load, entidades: number): number =>
    load.facts.checkpoint ? entidades * load.bytesPorEntidad * STATE_RATIO : 0;
  // a bloque is written when any of its entidades had a reading since the last epoch
  const changed = (load: Load): number =>
    1 - Math.exp((-persistencia.intervalo_s * load.lecturasSMax) / Math.max(1, load.bloquesMax));

  const rows = (max: boolean): number =>
    ROW_BYTES * sum(loads, (load) => rowsDay(load, max ? load.bloquesMax : load.bloques));
  const stored = MENSAJE_STORED_BYTES[persistencia.codec];
  const mensajes = (max: boolean): number =>
    stored *
    sum(live, (load) =>
      max ? mensajesDay(load, load.entidadesMax, load.lecturasSMax) : mensajesDay(load, load.entidades, load.lecturasS),
    );
  const stateDay = (max: boolean): number =>
    sum(live, (load) => stateBytes(load, max ? load.entidadesMax : load.entidades) * changed(load)) * epochsDay;
  const stateKept = (max: boolean): number =>
    sum(live, (load) => stateBytes(load, max ? load.entidadesMax : load.entidades)) * STATE_COPIES;
  const retained = (max: boolean): number =>
    Math.min((rows(max) + mensajes(max)) * persistencia.retencion_dias, persistencia.retencion_mb * MIB);
  const embedded = config.db_config === null;
  const pairs = (now: Record<string, number>, max: Record<string, number>): Part<ParteDisco>[] =>
    Object.keys(max)
      .map((parte) => ({ parte: parte as ParteDisco, bytes: now[parte] ?? 0, bytesMax: max[parte]! }))
      .filter((part) => part.bytesMax > 0);
  const day = (max: boolean): Record<string, number> => ({
    rows: rows(max) * WRITES_PER_ROW,
    mensajes: mensajes(max) * WRITES_PER_ROW,
    state: stateDay(max),
    logs: LOG_BYTES_DAY,
  });
  const kept = (max: boolean): Record<string, number> => ({
    retained: retained(max),
    state: stateKept(max),
    journal: max ? JOURNAL_BYTES_MAX : JOURNAL_SEGMENT_BYTES,
    logs: logs.max_mb * MIB * (logs.archivos + 1),
    wal: embedded ? POSTGRES_WAL_BYTES + POSTGRES_EMPTY_BYTES : 0,
  });
  return { day: pairs(day(false), day(true)), kept: pairs(kept(false), kept(true)) };
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  let total = 0;
  for (const item of list) total += of(item);
  return total;
}
