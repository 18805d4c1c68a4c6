/**
 * Rows to lecturas beside the nearest thing at hand over the same rows: JSON.parse of the lines for NDJSON, split and Number and
 * Date.parse for CSV. Median of interleaved rounds; the lines of the baseline are cut and decoded before the clock starts.
 *   node bench/mapeo.bench.ts [shape ...]
 */
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { BATCH_LECTURAS } from '#domain/limits.ts';
import { CHUNK_HEADROOM } from '#domain/mapeo/limits.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { RowReader } from '#domain/mapeo/row-reader.ts';

const ROWS = 100_000;
const ROUNDS = 15;
const CHUNK_BYTES = 512 << 10;
const only = process.argv.slice(2);
const median = (xs: readonly number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;

function scatter(i: number): number {
  const x = Math.imul(i, 2654435761) >>> 0;
  return x ^ (x >>> 15);
}
const claveOf = (i: number): string => `sensor-${String(scatter(i) % 1_000_000).padStart(6, '0')}`;
const valorOf = (i: number): number => (scatter(i + 7) % 100_000) / 1000;
const tsOf = (i: number): number => 1.7e12 + i * 100;
const isoOf = (i: number): string => new Date(tsOf(i)).toISOString();
type Members = [name: string, value: unknown][];
const json = (members: Members): string => JSON.stringify(Object.fromEntries(members));
const plain = (i: number): Members => [
  ['sensor', claveOf(i)],
  ['temp', valorOf(i)],
  ['time', isoOf(i)],
];
function turned(members: Members, by: number): Members {
  const at = by % members.length;
  return [...members.slice(at), ...members.slice(0, at)];
}

interface Shape {
  readonly name: string;
  readonly mapeo: string;
  readonly header?: string;
  readonly row: (i: number) => string;
  readonly lecturasPerRow?: number;
  readonly rows?: number;
}

const NDJSON = 'formato=ndjson,clave=sensor,valor=temp,ts=time';
const CSV = 'formato=csv,separador=coma,cabecera=si,decimal=punto';
const SHAPES: readonly Shape[] = [
  { name: 'ndjson', mapeo: NDJSON, row: (i) => json(plain(i)) },
  { name: 'ndjson spaced', mapeo: NDJSON, row: (i) => json(plain(i)).replaceAll('":', '": ').replaceAll(',"', ', "') },
  { name: 'ndjson epoch ms', mapeo: NDJSON, row: (i) => json([...plain(i).slice(0, 2), ['time', tsOf(i)]]) },
  {
    name: 'ndjson 17 digits',
    mapeo: NDJSON,
    row: (i) =>
      json([
        ['sensor', claveOf(i)],
        ['temp', valorOf(i) / 3],
        ['time', isoOf(i)],
      ]),
  },
  { name: 'ndjson 2 more fields', mapeo: NDJSON, row: (i) => json([['unit', 'C'], ...plain(i), ['ok', true]]) },
  { name: 'ndjson any order', mapeo: NDJSON, row: (i) => json(turned([...plain(i), ['unit', 'C']], scatter(i + 3))) },
  {
    name: 'ndjson any order, 10 % escaped',
    mapeo: NDJSON,
    row: (i) => json(turned(plain(i), scatter(i + 3))).replace('sensor-', i % 10 === 0 ? 's\\u0065nsor-' : 'sensor-'),
  },
  {
    name: 'ndjson nested',
    mapeo: 'formato=ndjson,clave=dev.id,valor=data.temp,ts=time',
    row: (i) =>
      JSON.stringify({
        meta: { site: 'n', tags: ['a'] },
        dev: { id: claveOf(i) },
        data: { temp: valorOf(i), unit: 'C' },
        time: isoOf(i),
      }),
  },
  {
    name: 'ndjson fan-out of 4',
    mapeo: 'formato=ndjson,clave=sensor,valor=a|b|c|d,ts=time',
    row: (i) =>
      json([
        ['sensor', claveOf(i)],
        ['a', i],
        ['b', valorOf(i)],
        ['c', 0.5],
        ['d', i % 7],
        ['time', isoOf(i)],
      ]),
    lecturasPerRow: 4,
  },
  {
    name: 'csv',
    mapeo: `${CSV},clave=sensor,valor=temp,ts=time`,
    header: 'time,sensor,unit,temp',
    row: (i) => `${isoOf(i)},${claveOf(i)},C,${valorOf(i)}`,
  },
  {
    name: 'csv one series',
    mapeo: `${CSV},clave=,prefijo=x,valor=value,ts=timestamp`,
    header: 'timestamp,value',
    row: (i) => `${isoOf(i).slice(0, 19).replace('T', ' ')},${valorOf(i)}`,
  },
  {
    name: 'csv wide, 200 columns',
    mapeo: `${CSV},clave=,valor=*,ts=time`,
    header: `time,${Array.from({ length: 200 }, (_, k) => `s${k}`).join(',')}`,
    row: (i) => `${isoOf(i)},${Array.from({ length: 200 }, (_, k) => valorOf(i * 200 + k)).join(',')}`,
    lecturasPerRow: 200,
    rows: 2000,
  },
];

let kept = 0;

/** In chunks, as a file is read. */
function parseRows(bytes: Uint8Array, mapeo: string, batch: LecturaBatch): number {
  const reader = new RowReader(
    { pedido: parseMapeo(mapeo), nombre: 'x', source: 'bench', verify: false },
    (reason, row) => {
      throw new Error(`${reason}: ${row}`);
    },
  );
  let count = 0;
  for (let from = CHUNK_HEADROOM; from < bytes.length; from += CHUNK_BYTES) {
    const to = Math.min(bytes.length, from + CHUNK_BYTES);
    reader.offer(bytes, from, to, to === bytes.length);
    for (let isFull = true; isFull;) {
      batch.clear();
      isFull = reader.read(batch);
      count += batch.length;
    }
  }
  return count;
}

function parseJson(lines: readonly string[]): void {
  for (const line of lines) if (JSON.parse(line) !== null) kept++;
}

function parseCells(lines: readonly string[]): void {
  for (const line of lines) {
    for (const cell of line.split(',')) {
      const number = Number(cell);
      kept += Number.isNaN(number)
        ? cell.length === 24 || cell.length === 19
          ? Date.parse(cell)
          : cell.length
        : number;
    }
  }
}

const batch = new LecturaBatch(BATCH_LECTURAS);
for (const { name, mapeo, header, row, lecturasPerRow = 1, rows = ROWS } of SHAPES) {
  if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
  const lines = Array.from({ length: rows }, (_, i) => row(i));
  const text = `${[...(header === undefined ? [] : [header]), ...lines].join('\n')}\n`;
  const bytes = new Uint8Array(CHUNK_HEADROOM + text.length);
  new TextEncoder().encodeInto(text, bytes.subarray(CHUNK_HEADROOM));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const startMs = performance.now();
    const count = parseRows(bytes, mapeo, batch);
    const betweenMs = performance.now();
    if (header === undefined) parseJson(lines);
    else parseCells(lines);
    if (count !== rows * lecturasPerRow) throw new Error(`${name}: ${count} lecturas`);
    if (round < 0) continue;
    ours.push(betweenMs - startMs);
    theirs.push(performance.now() - betweenMs);
  }
  const lecturas = rows * lecturasPerRow;
  const ns = (median(ours) * 1e6) / lecturas;
  console.log(
    `${name.padEnd(32)} ${(text.length / rows).toFixed(0).padStart(5)} bytes a row  ${ns.toFixed(0).padStart(4)} ns a lectura` +
      `  ${(1000 / ns).toFixed(1).padStart(5)} M/s  ${(text.length / median(ours) / 1000).toFixed(0).padStart(4)} MB/s` +
      `  ${(median(theirs) / median(ours)).toFixed(2)}x ${header === undefined ? 'JSON.parse' : 'split + Number'}`,
  );
}
if (kept === 0) throw new Error('the baseline did nothing');
