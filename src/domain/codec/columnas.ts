/**
 * Codec `columnas+zstd3`: the mensajes that a bloque drained, as columns, in frames that stand by themselves.
 *
 * Owns the frame: grouping by slot, times, and its checks. Leaves floats to floats.ts, integers to ints.ts, JSON to json.ts,
 * and to bloque/pending.ts when a frame is made.
 *
 *   u8 magic | u8 version | u32 bytes of the body | u32 checksum of the body | body
 *   body: varint mensajes | varint slots | u8 canal | u8 flags | numeros | counts | times | lecturas | valores | activos
 *
 * C1 Frames back to back are one stored value. A frame holds 1 to FRAME_MENSAJES_MAX mensajes of one canal.
 * C2 lectura and valor come back bit for bit, tsMs exactly. Order is kept within a slot; slots come one after the other.
 * C3 Damaged bytes throw COREC_E_STATE_UNREADABLE; what is allocated is bounded by C1 whatever the bytes say.
 *
 * Most columns leave the entropy coder denser than the compressor could make them, so the compressor is given only those in
 * which values repeat in long stretches (ints.ts, I2) and times that are no integers.
 */
import {
  ByteReader,
  ByteWriter,
  type BytesCompressor,
  checksum,
  decompressExactly,
  growTo,
  unreadable,
} from './bytes.ts';
import { decodeFloats, encodeFloats } from './floats.ts';
import { choosePredictor, decodeInts, encodeInts, type Groups, oneGroup, STEADY } from './ints.ts';
import { decodeJson, encodeJson } from './json.ts';

export type CodecNombre = 'columnas+zstd3' | 'json+zstd3';

/** What waits to be stored, in order of arrival. `activo` left out: all are. `lectura` NaN: the mensaje had none. */
export interface MensajeRows {
  readonly length: number;
  readonly slot: Uint16Array;
  readonly tsMs: Float64Array;
  readonly lectura: Float32Array;
  readonly valor: Float32Array;
  readonly activo?: Uint8Array;
}

/**
 * A decoded frame. The arrays are the codec's own: good until the next frame is decoded or encoded; [0..length) counts.
 */
export interface MensajeFrame {
  readonly length: number;
  readonly canal: number;
  readonly numero: Uint32Array;
  readonly tsMs: Float64Array;
  readonly lectura: Float32Array;
  readonly valor: Float32Array;
  readonly activo: Uint8Array;
}

/** One stored mensaje as every reader gets it. `ts`: UTC ms. */
export interface StoredMensaje {
  readonly id: number;
  readonly canal: number;
  readonly valor: number;
  readonly activo: boolean;
  readonly lectura: number | null;
  readonly ts: number;
}

export const FRAME_MENSAJES_MAX = 65_536;
const MAGIC = 0xc5;
const VERSION = 1;
const FLAG = { activos: 1, valorIsLectura: 2 } as const;
/** How times are stored: by the run of equal times that each belongs to, one by one, or as they are. */
const TIMES = { runs: 0, single: 1, raw: 2 } as const;
/** Units that times are often whole multiples of: 1 h, 5 min, 1 min, 1 s, 1 ms. */
const TIME_UNITS: readonly number[] = [3_600_000, 300_000, 60_000, 1000, 1];
/** Parts of a millisecond that times may be whole multiples of: itself, microseconds, the last bit of a float64 since 2004. */
const TIME_PARTS: readonly number[] = [1, 1000, 4096];

class Scratch {
  capacity = 0;
  order = new Uint32Array(0);
  numero = new Uint32Array(0);
  tsMs = new Float64Array(0);
  lectura = new Float32Array(0);
  valor = new Float32Array(0);
  activo = new Uint8Array(0);
  codes = new Int32Array(0);
  starts = new Uint32Array(1);
  readonly slotCounts = new Uint32Array(65_536);

  ensure(n: number): void {
    if (n <= this.capacity) return;
    const capacity = (this.capacity = growTo(n));
    this.order = new Uint32Array(capacity);
    this.numero = new Uint32Array(capacity);
    this.tsMs = new Float64Array(capacity);
    this.lectura = new Float32Array(capacity);
    this.valor = new Float32Array(capacity);
    this.activo = new Uint8Array(capacity);
    this.codes = new Int32Array(capacity);
    this.starts = new Uint32Array(capacity + 1);
  }
}
const scratch = new Scratch();
const writer = new ByteWriter(65_536);

/**
 * The mensajes `rows` in the codec of this name. `numeroBySlot`: the number of the entidad in each slot, at least as long as
 * the highest slot. The result is new memory of just its size; no rows give no bytes.
 */
export function encodePending(
  codec: CodecNombre,
  rows: MensajeRows,
  numeroBySlot: Uint32Array,
  canal: number,
  compressor: BytesCompressor,
): Uint8Array {
  return codec === 'columnas+zstd3'
    ? encodeColumnas(rows, numeroBySlot, canal, compressor)
    : encodeJson(rows, numeroBySlot, canal, compressor);
}

/** The mensajes that `bytes` hold, whichever codec wrote them. Throws COREC_E_STATE_UNREADABLE naming `id`. */
export function decodeMensajes(
  codec: string,
  bytes: Uint8Array,
  compressor: BytesCompressor,
  id = 'mensajes',
): StoredMensaje[] {
  if (codec === 'columnas+zstd3') return toJson(bytes, compressor, id);
  if (codec === 'json+zstd3') return decodeJson(bytes, compressor, id);
  throw unreadable(id, `codec "${codec}"; known are columnas+zstd3, json+zstd3`);
}

/** All mensajes of the frames as objects, for people and JSON. */
export function toJson(bytes: Uint8Array, compressor: BytesCompressor, id = 'mensajes'): StoredMensaje[] {
  const list: StoredMensaje[] = [];
  decodeColumnas(
    bytes,
    compressor,
    ({ length, canal, numero, tsMs, lectura, valor, activo }) => {
      for (let k = 0; k < length; k++) {
        list.push({
          id: numero[k]!,
          canal,
          valor: valor[k]!,
          activo: activo[k] === 1,
          lectura: Number.isNaN(lectura[k]!) ? null : lectura[k]!,
          ts: tsMs[k]!,
        });
      }
    },
    id,
  );
  return list;
}

/** Frames of `rows`; see encodePending. */
export function encodeColumnas(
  rows: MensajeRows,
  numeroBySlot: Uint32Array,
  canal: number,
  compressor: BytesCompressor,
): Uint8Array {
  writer.reset();
  for (let from = 0; from < rows.length; from += FRAME_MENSAJES_MAX) {
    encodeOne(rows, from, Math.min(rows.length, from + FRAME_MENSAJES_MAX), numeroBySlot, canal, compressor);
  }
  return writer.toBytes();
}

function encodeOne(
  rows: MensajeRows,
  from: number,
  to: number,
  numeroBySlot: Uint32Array,
  canal: number,
  compressor: BytesCompressor,
): void {
  const n = to - from;
  scratch.ensure(n);
  const head = writer.length;
  writer.u8(MAGIC);
  writer.u8(VERSION);
  writer.u32(0);
  writer.u32(0);
  const body = writer.length;

  const slots = sortBySlot(rows, from, to, numeroBySlot);
  const { order, tsMs, lectura, valor, activo, codes, starts, numero } = scratch;
  const groups: Groups = { count: slots, starts, length: n };
  let same = 0;
  let idle = 0;
  for (let k = 0; k < n; k++) {
    const row = order[k]!;
    tsMs[k] = rows.tsMs[row]!;
    lectura[k] = rows.lectura[row]!;
    valor[k] = rows.valor[row]!;
  }
  const lecturaBits = new Int32Array(lectura.buffer, 0, n);
  const valorBits = new Int32Array(valor.buffer, 0, n);
  for (let k = 0; k < n; k++) same |= lecturaBits[k]! ^ valorBits[k]!;
  if (rows.activo !== undefined) {
    for (let k = 0; k < n; k++) {
      activo[k] = rows.activo[order[k]!]! === 0 ? 0 : 1;
      idle |= activo[k]! ^ 1;
    }
  }

  writer.varint(n);
  writer.varint(slots);
  writer.u8(canal & 0xff);
  writer.u8((idle === 0 ? 0 : FLAG.activos) | (same === 0 ? FLAG.valorIsLectura : 0));
  for (let g = 0; g < slots; g++) codes[g] = numero[g]!;
  writeInts(oneGroup(slots), compressor);
  for (let g = 0; g < slots; g++) codes[g] = starts[g + 1]! - starts[g]!;
  writeInts(oneGroup(slots), compressor);
  writeTimes(rows, from, groups, compressor);
  encodeFloats(lectura, groups, writer, compressor);
  if (same !== 0) encodeFloats(valor, groups, writer, compressor);
  if (idle !== 0) {
    for (let k = 0; k < n; k++) codes[k] = activo[k]!;
    writeInts(groups, compressor);
  }

  writer.patchU32(head + 2, writer.length - body);
  writer.patchU32(head + 6, checksum(writer.bytes, body, writer.length));
}

function writeInts(groups: Groups, compressor: BytesCompressor): void {
  const { codes } = scratch;
  encodeInts(codes, groups, choosePredictor(codes, groups, STEADY), writer, compressor);
}

/** Fills order (rows by slot, stable), starts and the numero of each occupied slot; returns how many slots there are. */
function sortBySlot(rows: MensajeRows, from: number, to: number, numeroBySlot: Uint32Array): number {
  const { order, starts, numero, slotCounts } = scratch;
  let highest = 0;
  for (let k = from; k < to; k++) {
    const slot = rows.slot[k]!;
    slotCounts[slot]!++;
    if (slot > highest) highest = slot;
  }
  let slots = 0;
  let start = 0;
  for (let slot = 0; slot <= highest; slot++) {
    const count = slotCounts[slot]!;
    if (count === 0) continue;
    starts[slots] = start;
    numero[slots++] = numeroBySlot[slot]!;
    slotCounts[slot] = start;
    start += count;
  }
  starts[slots] = start;
  for (let k = from; k < to; k++) order[slotCounts[rows.slot[k]!]!++] = k;
  slotCounts.fill(0, 0, highest + 1);
  return slots;
}

/**
 * Times. Readings that arrive together often carry one time (a row of a wide table, a scan of a host): then each distinct run
 * of equal times, in order of arrival, is stored once, and what remains of a mensaje is the number of its run.
 */
function writeTimes(rows: MensajeRows, from: number, groups: Groups, compressor: BytesCompressor): void {
  const n = groups.length;
  const { tsMs, order, codes } = scratch;
  let runs = 1;
  for (let k = from + 1; k < from + n; k++) if (rows.tsMs[k] !== rows.tsMs[k - 1]) runs++;
  const inRuns = runs * 4 <= n;
  // Distinct times in a column of their own: the runs, or all.
  const times = inRuns ? new Float64Array(runs) : tsMs;
  const count = inRuns ? runs : n;
  if (inRuns) {
    times[0] = rows.tsMs[from]!;
    for (let k = from + 1, run = 0; k < from + n; k++) {
      if (rows.tsMs[k] !== rows.tsMs[k - 1]) times[++run] = rows.tsMs[k]!;
    }
  }
  const clock = clockOf(times, count);
  if (clock === null) {
    writeRawTimes(n, compressor);
    return;
  }
  const { base, unit, part } = clock;
  writer.u8(inRuns ? TIMES.runs : TIMES.single);
  writer.varint(part);
  writer.f64(base);
  writer.varint(unit);
  for (let k = 0; k < count; k++) codes[k] = (Math.round(times[k]! * part) - base) / unit;
  if (!inRuns) {
    writeInts(groups, compressor);
    return;
  }
  writer.varint(runs);
  writeInts(oneGroup(runs), compressor);
  // The run of each row, then carried into slot order. `numero` is free again.
  const runOf = scratch.numero;
  for (let k = from, run = 0; k < from + n; k++) {
    if (k > from && rows.tsMs[k] !== rows.tsMs[k - 1]) run++;
    runOf[k - from] = run;
  }
  for (let k = 0; k < n; k++) codes[k] = runOf[order[k]! - from]!;
  writeInts(groups, compressor);
}

/** Times as (base + unit x integer) / part, the integer an int32; null when they are not (NaN, ages apart). */
function clockOf(times: Float64Array, count: number): { base: number; unit: number; part: number } | null {
  for (const part of TIME_PARTS) {
    const base = Math.round(times[0]! * part);
    const unit = timeUnit(times, count, base, part);
    if (unit !== 0) return { base, unit, part };
  }
  return null;
}

/** The largest usual unit in which all distances from base are int32; 0 when there is none. */
function timeUnit(times: Float64Array, count: number, base: number, part: number): number {
  if (!Number.isSafeInteger(base)) return 0;
  let index = 0;
  let unit = TIME_UNITS[0]!;
  let farthest = 0;
  for (let k = 0; k < count; k++) {
    const whole = Math.round(times[k]! * part);
    if (whole / part !== times[k] || (whole === 0 && 1 / times[k]! < 0)) return 0;
    const distance = whole - base;
    while (distance / unit !== Math.floor(distance / unit)) unit = TIME_UNITS[++index]!;
    const away = Math.abs(distance);
    if (away > farthest) farthest = away;
  }
  return farthest / unit < 2 ** 31 ? unit : 0;
}

function writeRawTimes(n: number, compressor: BytesCompressor): void {
  const raw = new Uint8Array(scratch.tsMs.buffer, 0, n * 8);
  const compressed = compressor.compress(raw);
  writer.u8(TIMES.raw);
  writer.varint(compressed.length);
  writer.append(compressed);
}

/**
 * Visits the frames that `bytes` hold, in order. `id`: whose they are, for the error. Frames before a damaged one are visited.
 */
export function decodeColumnas(
  bytes: Uint8Array,
  compressor: BytesCompressor,
  visit: (frame: MensajeFrame) => void,
  id = 'mensajes',
): void {
  const reader = new ByteReader(bytes, id);
  while (reader.at < reader.end) {
    const magic = reader.u8();
    const version = reader.u8();
    if (magic !== MAGIC || version !== VERSION) reader.fail(`a frame of magic ${magic} and version ${version}`);
    const length = reader.u32();
    const sum = reader.u32();
    const from = reader.take(length);
    if (checksum(bytes, from, from + length) !== sum) reader.fail('a checksum that does not fit');
    visit(decodeOne(new ByteReader(bytes, id, from, from + length), compressor));
  }
}

function decodeOne(reader: ByteReader, compressor: BytesCompressor): MensajeFrame {
  const n = reader.varint(FRAME_MENSAJES_MAX);
  const slots = reader.varint(n);
  if (slots === 0) reader.fail('an empty frame');
  scratch.ensure(n);
  const { numero, tsMs, lectura, valor, activo, codes, starts } = scratch;
  const canal = (reader.u8() << 24) >> 24;
  const flags = reader.u8();
  const numeros = new Int32Array(slots);
  decodeInts(reader, oneGroup(slots), numeros, compressor);
  decodeInts(reader, oneGroup(slots), codes, compressor);
  let start = 0;
  for (let g = 0; g < slots; g++) {
    const count = codes[g]!;
    if (count < 1 || count > n - start) reader.fail(`${count} mensajes of a slot`);
    starts[g] = start;
    numero.fill(numeros[g]!, start, start + count);
    start += count;
  }
  if (start !== n) reader.fail(`${start} mensajes instead of ${n}`);
  starts[slots] = n;
  const groups: Groups = { count: slots, starts, length: n };
  readTimes(reader, groups, compressor);
  decodeFloats(reader, groups, lectura, compressor);
  if ((flags & FLAG.valorIsLectura) === 0) decodeFloats(reader, groups, valor, compressor);
  else {
    const bits = new Int32Array(lectura.buffer, 0, n);
    new Int32Array(valor.buffer, 0, n).set(bits);
  }
  activo.fill(1, 0, n);
  if ((flags & FLAG.activos) !== 0) {
    decodeInts(reader, groups, codes, compressor);
    for (let k = 0; k < n; k++) activo[k] = codes[k]! === 0 ? 0 : 1;
  }
  reader.finish();
  return { length: n, canal, numero, tsMs, lectura, valor, activo };
}

function readTimes(reader: ByteReader, groups: Groups, compressor: BytesCompressor): void {
  const n = groups.length;
  const { tsMs, codes } = scratch;
  const kind = reader.u8();
  if (kind === TIMES.raw) {
    const raw = decompressExactly(compressor, reader.slice(reader.varint(reader.end - reader.at)), n * 8, reader.id);
    new Uint8Array(tsMs.buffer, 0, n * 8).set(raw);
    return;
  }
  if (kind > TIMES.raw) reader.fail(`times of kind ${kind}`);
  const part = reader.varint(TIME_PARTS.at(-1)!);
  const base = reader.f64();
  const unit = reader.varint(TIME_UNITS[0]!);
  if (kind === TIMES.single) {
    decodeInts(reader, groups, codes, compressor);
    for (let k = 0; k < n; k++) tsMs[k] = (base + codes[k]! * unit) / part;
    return;
  }
  const runs = reader.varint(n);
  if (runs === 0) reader.fail('no times');
  const times = new Int32Array(runs);
  decodeInts(reader, oneGroup(runs), times, compressor);
  decodeInts(reader, groups, codes, compressor);
  for (let k = 0; k < n; k++) {
    const run = codes[k]!;
    if (run < 0 || run >= runs) reader.fail(`run ${run} of ${runs}`);
    tsMs[k] = (base + times[run]! * unit) / part;
  }
}
