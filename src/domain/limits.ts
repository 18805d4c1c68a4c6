/**
 * Every limit of CoreC, each with the sum that produced it.
 *
 * Owns the numbers and, at the end, the relations between them, asserted as the file loads. Leaves to config/schema.ts which
 * of them a configuration may move, and to config/estimate.ts what a given configuration will need.
 *
 * M1 What is bounded here is bounded in bytes, so that the whole fits the smallest machine of the specification (2 GB, section 3).
 * M2 A bound that is met slows or refuses the newcomer, counted by reason; it never takes from what is already in.
 */
import { WAIT_BYTES } from './bloque/buffer-pool.ts';
import { MENSAJE_BYTES } from './codec/mensaje.ts';
import { MAX_ABIERTOS } from './episodio/episodio.ts';
import { MAX_CLAVE_BYTES } from './lectura/batch.ts';

const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const UINT32_MAX = 0xffff_ffff;

// ---- entidades and bloques

/** The router keeps (bloque, slot) in one uint32, 16 bits each; 65535 itself stands for "none". */
export const BLOQUES_MAX = 65_535;
export const ENTIDADES_POR_BLOQUE_MAX = 65_535;
/** 65,535 x 65,535 = 4,294,836,225: every entidad has a uint32 number and 131,070 numbers are to spare. */
export const ENTIDADES_MAX: number = BLOQUES_MAX * ENTIDADES_POR_BLOQUE_MAX;
/** Section 2.2 of the specification: a standard bloque is ~1,000 entidades in ~1 MB, an intelligent one ~2,000 in ~5 MB. */
export const ENTIDADES_POR_BLOQUE_DEFAULT = 1_000;
export const MAX_SIZE_MB_DEFAULT = 1;
export const MAX_SIZE_MB_INTELIGENTE = 5;
/**
 * What an entry made on the fly may grow to. At 30 bytes of core, ~100 of a detector and ~64 of a clave, 2,000,000 entidades
 * come to ~390 MB: a fifth of the 2 GB machine, so that one stray file of distinct claves cannot take it down.
 */
export const ENTIDADES_DINAMICO_MAX = 2_000_000;
/** Longest id of an entry, in characters: `<entry>/<k>/<n>` then still fits a metric label and a terminal column. */
export const ENTRY_ID_CHARS_MAX = 64;
/** The five canales of section 2.5. */
export const CANAL_MIN = 1;
export const CANAL_MAX = 5;

// ---- claves and readings

/** Longest clave; a longer one is refused at the door. */
export const CLAVE_BYTES_MAX: number = MAX_CLAVE_BYTES;
/** A usual clave as text (`host/eth0/rx_bytes`, `account:4711`), for sizing only. */
export const CLAVE_BYTES_USUAL = 24;
/**
 * Directory around one clave's text: table of 8 bytes at about half full 17, loc 4, length and padding 4, way back 4: 29, kept at 32.
 */
export const CLAVE_INDEX_BYTES = 32;
/** Readings in one batch: at ~50 bytes each (valor 8, ts 8, clave 24, offset, length, hash 10) 400 KB, inside a 1 MB cache. */
export const BATCH_LECTURAS = 8_192;
/** slot 2 + valor 8 + tsMs 8 = 18. */
export const INBOX_LECTURA_BYTES: number = WAIT_BYTES;
/** 16,384 x 18 bytes = 288 KiB: sixteen readings for each of 1,000 entidades between two cycles. */
export const INBOX_LECTURAS_DEFAULT = 16_384;
export const INBOX_LECTURAS_MIN = 16;
export const INBOX_LECTURAS_MAX = 1_048_576;

/**
 * Claves of an entry that found no entidad, told apart by their hashes until the next pass of redirection: some 40 bytes each, 2.5 MB.
 * More than a bloque could take at once changes no plan.
 */
export const BACKLOG_MAX: number = ENTIDADES_POR_BLOQUE_MAX;

// ---- what waits for the epoch

/** Pending mensajes: an epoch commits sooner when they reach it. An epoch begins at half of it, so that the other half takes what comes meanwhile. */
export const MENSAJES_PENDING_BYTES: number = 64 * MIB;
/** One open episodio with its reason and the window it remembers, as JavaScript objects. */
export const EPISODIO_BYTES = 512;
/** Per bloque; beyond it the bloque itself is what is wrong, and one alert says so. 128 x 512 bytes = 64 KiB. */
export const EPISODIOS_POR_BLOQUE_MAX: number = MAX_ABIERTOS;
/** One chunk of state rows as it is built and sent; two are under way at a time. */
export const EPOCH_CHUNK_BYTES: number = 4 * MIB;

// ---- streams

/** Frames that wait while Redis is away: at 10 bytes a mensaje half an hour of 1,000 a second. Over it the oldest goes: the next one of its entidades says it anew. */
export const PUBLISH_BYTES_MAX: number = 16 * MIB;

// ---- journal and disk

/** A segment is the unit that is released after an epoch: 16 MiB are two seconds of readings at full speed. */
export const JOURNAL_SEGMENT_BYTES: number = 16 * MIB;
/** 512 MiB of the smallest disk's 10 GB: a minute of full speed with the database away, then push doors answer 429. */
export const JOURNAL_BYTES_MAX: number = 512 * MIB;
/** Appended and not yet fsynced. */
export const JOURNAL_PENDING_BYTES: number = 32 * MIB;
/** The embedded PostgreSQL's own log of changes (its max_wal_size): replayed in well under a second after kill -9. */
export const POSTGRES_WAL_BYTES: number = 96 * MIB;
/** Catalogues of a fresh embedded PostgreSQL. */
export const POSTGRES_EMPTY_BYTES: number = 40 * MIB;
export const RETENCION_DIAS_DEFAULT = 30;
/** Rows and mensajes kept at most, by default: 4 of the smallest disk's 10 GB. */
export const RETENCION_MB_DEFAULT = 4_096;

// ---- schedules

/** Below this a cycle costs more in bookkeeping than in entidades. */
export const INTERVALO_MS_MIN = 50;
export const DAY_S = 86_400;

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`);
}

assertRelation(
  BLOQUES_MAX < 2 ** 16 && ENTIDADES_POR_BLOQUE_MAX < 2 ** 16,
  'bloque and slot share one uint32, each with a "none"',
);
assertRelation(ENTIDADES_MAX < UINT32_MAX, 'an entidad has a uint32 number, and the last one means "none"');
assertRelation(
  ENTIDADES_DINAMICO_MAX <= BLOQUES_MAX * ENTIDADES_POR_BLOQUE_DEFAULT,
  'an entry made on the fly can reach its bound',
);
assertRelation(
  INBOX_LECTURAS_MIN <= INBOX_LECTURAS_DEFAULT && INBOX_LECTURAS_DEFAULT <= INBOX_LECTURAS_MAX,
  'the default inbox lies in its range',
);
assertRelation(INBOX_LECTURAS_MAX * INBOX_LECTURA_BYTES <= 32 * MIB, 'one full inbox is a small part of memory');
assertRelation(BATCH_LECTURAS <= INBOX_LECTURAS_DEFAULT, 'an empty inbox takes a whole batch');
assertRelation(
  JOURNAL_PENDING_BYTES <= JOURNAL_BYTES_MAX && JOURNAL_SEGMENT_BYTES <= JOURNAL_BYTES_MAX / 4,
  'the journal can rotate',
);
assertRelation(CLAVE_BYTES_USUAL <= CLAVE_BYTES_MAX, 'a usual clave is allowed');
assertRelation(
  ENTIDADES_DINAMICO_MAX * 200 + MENSAJES_PENDING_BYTES + 2 * EPOCH_CHUNK_BYTES < 1024 * MIB,
  'everything that grows by itself stays below half of the 2 GB machine',
);
assertRelation(
  MENSAJES_PENDING_BYTES >= INBOX_LECTURAS_MAX * MENSAJE_BYTES,
  'what one cycle drains from a full inbox can wait for the epoch',
);
assertRelation(
  EPISODIOS_POR_BLOQUE_MAX * EPISODIO_BYTES <= MIB / 8,
  'the open episodios of a standard bloque are a small part of its 1 MB',
);
assertRelation(
  RETENCION_MB_DEFAULT * MIB + JOURNAL_BYTES_MAX + POSTGRES_WAL_BYTES + POSTGRES_EMPTY_BYTES < 6 * 1024 * MIB,
  'by default what is kept stays well below the 10 GB disk, which also holds the packages',
);
