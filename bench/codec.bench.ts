/**
 * Codec figures, each beside its baseline in the same run: median of interleaved rounds.
 *   node bench/codec.bench.ts [mensaje|columnas|estado ...]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants, gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeColumnas, encodePending, type MensajeRows } from '#domain/codec/columnas.ts';
import { decodeEstado } from '#domain/codec/estado-decode.ts';
import type { EstadoColumns } from '#domain/codec/estado-format.ts';
import { encodeEstado } from '#domain/codec/estado.ts';
import { decodeFrame, encodeFrame, MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
import type { ColumnType } from '#domain/procesadores/define.ts';
import type { Column } from '#domain/entidad/columns.ts';

const ROUNDS = 11;
const only = process.argv.slice(2);
const wanted = (name: string) => only.length === 0 || only.includes(name);

const zstd3 = {
  compress: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  decompress: (bytes: Uint8Array, max: number) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, max) }),
};

const median = (xs: number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;

/** Runs the contenders round by round, each once a round, and gives the median ms of each. */
function interleave(contenders: Record<string, () => void>): Record<string, number> {
  const times: Record<string, number[]> = {};
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now();
      run();
      if (round >= 0) (times[name] ??= []).push(performance.now() - start);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, xs]) => [name, median(xs)]));
}

function benchMensaje(): void {
  const n = 1_000_000;
  const frame = 1000;
  const numeros = Uint32Array.from({ length: n }, (_, k) => k * 7);
  const valores = Float32Array.from({ length: n }, (_, k) => Math.sin(k) * 50);
  const activos = new Uint8Array(n).fill(1);
  const bytes = new Uint8Array(n * MENSAJE_BYTES);
  const out = {
    numeros: new Uint32Array(frame),
    canales: new Int8Array(frame),
    valores: new Float32Array(frame),
    activos: new Uint8Array(frame),
  };
  const ms = interleave({
    encode: () => {
      for (let f = 0; f < n; f += frame) encodeFrame(numeros, 1, valores, activos, f, f + frame, bytes, f * 10);
    },
    encodeBare: () => {
      const view = new DataView(bytes.buffer);
      for (let k = 0, at = 0; k < n; k++, at += 10) {
        view.setUint32(at, numeros[k]!);
        view.setInt8(at + 4, 1);
        view.setFloat32(at + 5, valores[k]!);
        view.setUint8(at + 9, activos[k]!);
      }
    },
    decode: () => {
      for (let f = 0; f < n; f += frame) decodeFrame(bytes.subarray(f * 10, (f + frame) * 10), out, 1);
    },
    decodeBare: () => {
      const view = new DataView(bytes.buffer);
      for (let f = 0; f < n; f += frame) {
        for (let j = 0, at = f * 10; j < frame; j++, at += 10) {
          out.numeros[j] = view.getUint32(at);
          out.canales[j] = view.getInt8(at + 4);
          out.valores[j] = view.getFloat32(at + 5);
          out.activos[j] = view.getUint8(at + 9);
        }
      }
    },
  });
  const row = (what: string, a: number, b: number) =>
    console.log(`${what}: ${a.toFixed(2)} ms, bare DataView loop ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(2)}`);
  row('1M mensajes encoded in frames of 1,000', ms['encode']!, ms['encodeBare']!);
  row('1M mensajes decoded and validated', ms['decode']!, ms['decodeBare']!);
}

/** A seeded generator, so that every run sees the same noise. */
let state = 1;
const random = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state + 0.5) / 2 ** 32;
};
const gauss = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());

interface Stream {
  readonly slot: number[];
  readonly ts: number[];
  readonly lectura: number[];
}

const dataFolder = process.env['COREC_DEV_DATA'] ?? new URL('../../shared/data/', import.meta.url).pathname;
const utc = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`);

function readWide(file: string): Stream {
  const stream: Stream = { slot: [], ts: [], lectura: [] };
  for (const line of gunzipSync(readFileSync(file)).toString().trim().split('\n').slice(1)) {
    const [time, ...cells] = line.split(',');
    for (const [slot, cell] of cells.entries()) {
      if (cell === '') continue;
      stream.slot.push(slot);
      stream.ts.push(utc(time!));
      stream.lectura.push(Number(cell));
    }
  }
  return stream;
}

function readSeries(folder: string): Stream {
  const stream: Stream = { slot: [], ts: [], lectura: [] };
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.csv'));
  for (const [slot, file] of files.toSorted().entries()) {
    for (const line of readFileSync(`${folder}/${file}`, 'utf8').trim().split('\n').slice(1)) {
      const [time, value] = line.split(',');
      stream.slot.push(slot);
      stream.ts.push(utc(time!));
      stream.lectura.push(Number(value));
    }
  }
  return stream;
}

function makeRounds(lectura: (slot: number, step: number) => number): Stream {
  const stream: Stream = { slot: [], ts: [], lectura: [] };
  for (let step = 0; step < 200; step++) {
    for (let slot = 0; slot < 1000; slot++) {
      stream.slot.push(slot);
      stream.ts.push(1.7e12 + step * 60_000);
      stream.lectura.push(lectura(slot, step));
    }
  }
  return stream;
}

/** Chunks as a bloque makes them. `valor`: a score that is 0 for 93 in 100, as the detector's is on real streams. */
function chunksOf(stream: Stream, chunk: number): MensajeRows[] {
  const chunks: MensajeRows[] = [];
  for (let from = 0; from < stream.slot.length; from += chunk) {
    const to = Math.min(stream.slot.length, from + chunk);
    chunks.push({
      length: to - from,
      slot: Uint16Array.from(stream.slot.slice(from, to)),
      tsMs: Float64Array.from(stream.ts.slice(from, to)),
      lectura: Float32Array.from(stream.lectura.slice(from, to)),
      valor: Float32Array.from({ length: to - from }, () => (random() < 0.93 ? 0 : Math.floor(random() * 64) / 256)),
    });
  }
  return chunks;
}

function benchColumnas(): void {
  const streams: [string, Stream][] = [
    ['one decimal, level and noise', makeRounds((slot) => Math.round((20 + (slot % 50) + gauss()) * 10) / 10)],
    ['pure noise 50 + N(0,1)', makeRounds(() => 50 + gauss())],
  ];
  if (existsSync(dataFolder)) {
    streams.push(['METR-LA week', readWide(`${dataFolder}/streams/metr_la_week.csv.gz`)]);
    streams.push(['NAB half', readSeries(`${dataFolder}/nab-dev/data`)]);
    streams.push(['Montevideo buses', readWide(`${dataFolder}/streams/montevideo_bus.csv.gz`)]);
  }
  const numeros = Uint32Array.from({ length: 1024 }, (_, slot) => 20_000 + slot);
  for (const [name, stream] of streams) {
    const chunks = chunksOf(stream, 2048);
    const n = stream.slot.length;
    const frames = chunks.map((rows) => encodePending('columnas+zstd3', rows, numeros, 1, zstd3));
    const json = chunks.map((rows) => encodePending('json+zstd3', rows, numeros, 1, zstd3));
    const bytes = (list: Uint8Array[]) => list.reduce((sum, part) => sum + part.length, 0) / n;
    const ms = interleave({
      encode: () => chunks.forEach((rows) => encodePending('columnas+zstd3', rows, numeros, 1, zstd3)),
      decode: () => frames.forEach((frame) => decodeColumnas(frame, zstd3, () => {})),
      // Baseline: what any column codec that ends in the compressor does at least.
      shuffle: () => chunks.forEach((rows) => zstd3.compress(shuffleRows(rows))),
    });
    const shuffled = bytes(chunks.map((rows) => zstd3.compress(shuffleRows(rows))));
    const speed = (what: string) => (n / ms[what]! / 1000).toFixed(1);
    console.log(
      `${name}: ${bytes(frames).toFixed(3)} B a lectura (byte-shuffled + zstd ${shuffled.toFixed(3)}, json+zstd3 ${bytes(json).toFixed(3)}); ` +
        `encode ${speed('encode')} M/s, decode ${speed('decode')} M/s, byte-shuffled + zstd ${speed('shuffle')} M/s`,
    );
  }
}

/** Slot, lectura and valor as byte planes in order of arrival, without the times. */
function shuffleRows(rows: MensajeRows): Uint8Array {
  const n = rows.length;
  const out = new Uint8Array(n * 10);
  const parts = [rows.slot, rows.lectura, rows.valor] as const;
  let at = 0;
  for (const part of parts) {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    const width = part.BYTES_PER_ELEMENT;
    for (let byte = 0; byte < width; byte++) for (let k = 0; k < n; k++) out[at++] = bytes[k * width + byte]!;
  }
  return out;
}

/** A thousand bloques of a thousand entidades: what a detector keeps, near enough. */
function makeEstados(): EstadoColumns[] {
  const make = {
    u8: Uint8Array,
    u16: Uint16Array,
    u32: Uint32Array,
    i32: Int32Array,
    f32: Float32Array,
    f64: Float64Array,
  };
  const used = 1000;
  return Array.from({ length: 1000 }, (_, bloque) => {
    const column = (name: string, type: ColumnType, value: (slot: number) => number) => {
      const data: Column = new make[type](used);
      for (let slot = 0; slot < used; slot++) data[slot] = value(slot);
      return { name, type, data };
    };
    const level = Float64Array.from({ length: used }, () => 20 + 10 * gauss());
    return {
      nombre: 'detector',
      version: 1,
      used,
      columns: [
        column('core.tsMs', 'f64', () => 1.7e12 + Math.floor(random() * 1000)),
        column('core.numero', 'u32', (slot) => bloque * 1000 + slot),
        column('core.valor', 'f32', () => (random() < 0.93 ? 0 : Math.floor(random() * 64) / 256)),
        column('core.lectura', 'f32', (slot) => level[slot]! + gauss()),
        column('fast', 'f32', (slot) => level[slot]! + 0.3 * gauss()),
        column('slow', 'f32', (slot) => level[slot]! + 0.1 * gauss()),
        column('spread', 'f32', () => 1 + 0.2 * gauss()),
        column('low', 'f32', (slot) => level[slot]! - 3 + gauss()),
        column('high', 'f32', (slot) => level[slot]! + 3 + gauss()),
        column('seen', 'u16', () => 1000 + Math.floor(random() * 50)),
        column('core.generacion', 'u16', () => 0),
        column('core.activo', 'u8', () => 1),
        column('core.ocupado', 'u8', () => 1),
        column('calm', 'u8', () => (random() < 0.98 ? 0 : Math.floor(random() * 255))),
        column('quantum', 'u8', () => 100 + Math.floor(random() * 3)),
        column('motive', 'u8', () => 0),
      ],
    };
  });
}

function benchEstado(): void {
  const estados = makeEstados();
  const blobs = estados.map((estado) => encodeEstado(estado, zstd3));
  const rawBytes = estados[0]!.columns.reduce((sum, { data }) => sum + data.byteLength, 0);
  const whole = new Uint8Array(rawBytes);
  const ms = interleave({
    encode: () => estados.forEach((estado) => encodeEstado(estado, zstd3)),
    decode: () => blobs.forEach((blob) => decodeEstado(blob, zstd3, 'bench')),
    // Baselines: copying the columns, and giving them to the compressor as they are.
    copy: () => {
      for (const { columns } of estados) {
        let at = 0;
        for (const { data } of columns) {
          whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
          at += data.byteLength;
        }
        whole.slice();
      }
    },
    zstd: () => {
      for (const { columns } of estados.slice(0, 100)) {
        let at = 0;
        for (const { data } of columns) {
          whole.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
          at += data.byteLength;
        }
        zstd3.compress(whole);
      }
    },
  });
  const stored = blobs.reduce((sum, blob) => sum + blob.length, 0) / 1e6;
  console.log(
    `state of 1M entidades x ${rawBytes / 1000} B in 1,000 bloques: ${stored.toFixed(1)} B each; encode ${ms['encode']!.toFixed(0)} ms, decode ${ms['decode']!.toFixed(0)} ms; ` +
      `copying alone ${ms['copy']!.toFixed(0)} ms, zstd of all ${(ms['zstd']! * 10).toFixed(0)} ms`,
  );
}

if (wanted('columnas')) benchColumnas();
if (wanted('estado')) benchEstado();
if (wanted('mensaje')) benchMensaje();
