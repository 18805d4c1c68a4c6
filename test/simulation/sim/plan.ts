/**
 * What a seed plays: which entries, how large, how fast, which clients. Decided once, at the start, from the seed alone.
 *
 * P1 Instances are tiny on purpose: a dozen claves fill bloques, inboxes, segments and batches just as a million would.
 */
import { parseConfig } from '#domain/config/parse.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import type { Dice } from './dice.ts';
import { PULSOS_MAX } from './procesadores.ts';

/** What an entry is for; the name of the entry says the same. */
export type EntryKind = keyof typeof KINDS;

interface Kind {
  readonly procesador: string;
  readonly parametros?: Readonly<Record<string, unknown>>;
  /** Where its lecturas come from. */
  readonly doors: readonly ('lotes' | 'archivo' | 'stream')[];
  /** A lectura that is in has acted: the count of a clave is exact. */
  readonly exact: boolean;
  readonly more?: Readonly<Record<string, unknown>>;
}

const KINDS = {
  de_lotes: { procesador: 'contador', doors: ['lotes'], exact: true },
  de_archivo: { procesador: 'contador', doors: ['archivo'], exact: true },
  mixto: { procesador: 'contador', doors: ['lotes', 'archivo'], exact: true },
  de_redis: { procesador: 'contador', doors: ['stream'], exact: true },
  limitado: { procesador: 'limites', parametros: { max: 90, histeresis: 5 }, doors: ['lotes'], exact: false },
  callado: { procesador: 'latido', parametros: { silencio_s: 20 }, doors: ['lotes'], exact: false },
  fragil: { procesador: 'fragil', doors: ['lotes'], exact: false },
  lento: { procesador: 'lento', doors: ['lotes'], exact: false },
  estrecho: { procesador: 'contador', doors: ['lotes'], exact: false, more: { entidades: 5 } },
  efimero: { procesador: 'contador', doors: ['lotes'], exact: false, more: { clave_ttl_s: 30 } },
  artificial: { procesador: 'simulado', doors: [], exact: false },
  pulso: { procesador: 'pulso', doors: [], exact: false },
  /** In no configuration: made by the first lote, grows by need. */
  nuevo: { procesador: 'contador', doors: ['lotes'], exact: true },
} as const satisfies Readonly<Record<string, Kind>>;

export interface EntryPlan extends Kind {
  readonly id: EntryKind;
  readonly claves: readonly string[];
}

/** The stream that the entry of that name reads. */
export const LECTURAS_STREAM = 'lecturas_sim';

export interface Plan {
  readonly config: CoreCConfig;
  /** Streams outlive the instance, as those of a Redis do; else they go with it. */
  readonly hasRedis: boolean;
  readonly entries: readonly EntryPlan[];
  /** Lecturas that one delivery of a body holds at most. */
  readonly batchLecturas: number;
  readonly loteRowsMax: number;
  /** Lotes that a client sends before it has the answers of the first. */
  readonly window: number;
  readonly journalBytesMax: number;
  /** What may wait for the store before doors refuse or lotes wait in the journal; null: as it ships. */
  readonly pendingBytesMax: number | null;
  readonly segmentRecords: number;
  readonly stormMs: number;
  /** Ms that pass with each look at the monotonic clock: how slow the machine is. */
  readonly creepMs: number;
  /** Ms between two lotes of a client, on average. */
  readonly loteMs: number;
  readonly comandoMs: number;
  readonly filaMs: number;
  readonly operatorMs: number;
  readonly livesMax: number;
  /** What pause and resume name: everything, or single entries. */
  readonly pausa: 'todo' | 'entradas';
}

export function makePlan(dice: Dice, isLong: boolean): Plan {
  const hasRedis = dice.chance(0.5);
  const kinds = (Object.keys(KINDS) as EntryKind[]).filter((kind) => hasRedis || kind !== 'de_redis');
  const share = dice.pick([0.2, 0.35, 0.6]);
  const chosen = kinds.filter((kind) => dice.chance(kind === 'de_lotes' || kind === 'limitado' ? 0.7 : share));
  if (!chosen.some((kind) => KINDS[kind].exact)) chosen.unshift('de_lotes');
  const entries = chosen.map((id): EntryPlan => {
    const count = dice.between(3, 9);
    return { ...KINDS[id], id, claves: Array.from({ length: count }, (_, k) => `${id}-${k}`) };
  });
  const speed = dice.pick([0.5, 1, 1, 2]);
  return {
    config: makeConfig(dice, entries, hasRedis),
    hasRedis,
    entries,
    batchLecturas: dice.pick([2, 5, 16, 64]),
    loteRowsMax: dice.pick([1, 4, 12, 30]),
    window: dice.pick([1, 1, 2, 4]),
    journalBytesMax: dice.pick([4_000, 20_000, 1_000_000]),
    pendingBytesMax: dice.pick([null, null, 600, 3_000]),
    segmentRecords: dice.pick([1, 3, 10]),
    stormMs: isLong ? dice.between(60_000, 240_000) : dice.between(2_000, 8_000),
    creepMs: dice.pick([0, 0, 0.01, 1, 4]),
    loteMs: Math.round(dice.span(60, 600) / speed),
    comandoMs: Math.round(dice.span(300, 3_000) / speed),
    filaMs: Math.round(dice.span(40, 400) / speed),
    operatorMs: Math.round(dice.span(700, 6_000) / speed),
    livesMax: isLong ? 40 : dice.between(1, 6),
    pausa: dice.pick(['todo', 'entradas']),
  };
}

function makeConfig(dice: Dice, entries: readonly EntryPlan[], hasRedis: boolean): CoreCConfig {
  const bloques = entries
    .filter(({ id }) => id !== 'nuevo')
    .map(({ id, procesador, parametros = {}, claves, doors, more = {} }) => {
      const porBloque = dice.between(2, PULSOS_MAX);
      return {
        id,
        canal: dice.between(1, 5),
        // room for all of them, and a bit more
        entidades: claves.length * Math.max(1, doors.length) + dice.below(4),
        entidades_por_bloque: porBloque,
        procesador,
        parametros,
        intervalo_ms: dice.pick([100, 250, 400, 1000]),
        tiempo_limite_ms: dice.pick([50, 300]),
        inbox_max: dice.pick([16, 16, 32, 200]),
        publicar: dice.pick(['ninguno', 'ninguno', 'cambios', 'todos']),
        autoreparacion: { max_reparaciones: dice.between(1, 4), ventana_s: dice.pick([1, 5, 60]) },
        ...more,
      };
    });
  const content = {
    instance_id: 'sim',
    http: null,
    bloques,
    ...(hasRedis ? { redis_config: {} } : {}),
    fuentes: entries.flatMap(({ id, doors }): object[] => {
      if (doors.includes('archivo')) return [{ tipo: 'archivo', ruta: id, bloque: id, seguir: true }];
      return doors.includes('stream') ? [{ tipo: 'redis', stream: LECTURAS_STREAM, bloque: id }] : [];
    }),
    persistencia: {
      intervalo_s: dice.pick([1, 1, 2, 5]),
      mensajes: dice.pick(['todos', 'todos', 'todos', 'cambios', 'ultimo', 'ninguno']),
      codec: dice.pick(['columnas+zstd3', 'columnas+zstd3', 'json+zstd3']),
    },
    sincronizacion: { intervalo_s: 86_400 },
    alertas: { enfriamiento_s: dice.pick([0, 2, 10]), max_por_minuto: dice.pick([2, 60, 1000]) },
  };
  return parseConfig(JSON.stringify(content), { file: 'simulation', env: {} }).config;
}
