/**
 * Rows and readings into a PostgreSQL server: `rows` measures the store alone, `bytes` a whole CoreC that is sent real series.
 *
 * What a set costs is what pg_total_relation_size of all partitions grows by while it is stored. The store holds a day of other rows by
 * then, since the first page of each index belongs to nobody's reading.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, openSync, readFileSync, readdirSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { makePostgresStore } from '#adapters/postgres/store.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { CoreCNucleus } from '#app/corec-nucleus.ts';
import { encodePending } from '#domain/codec/columnas.ts';
import type { BloqueRow, EpochCommit } from '#ports/bloque-store.ts';
import type { Logger } from '#ports/logger.ts';
import { childInput, say } from '../lib/child.ts';
import { median } from '../lib/stats.ts';

export interface ServersPostgresInput {
  readonly part: 'rows' | 'bytes';
  readonly connection: PostgresConnection;
  readonly config: string;
  readonly folder: string;
  /** Folder of the series; null: there is none. */
  readonly data: string | null;
  /** Null: not installed. */
  readonly psql: string | null;
}

export interface StoredSet {
  readonly name: 'metr' | 'nab' | 'noise';
  readonly lecturas: number;
  readonly filas: number;
  readonly mensajesBytes: number;
  readonly growthBytes: number;
  /** Readings that came back with the same clave, time and float32. */
  readonly exact: number;
}

export interface ServersPostgresResult {
  readonly rows?: {
    readonly rowsPerS: number;
    readonly baselinePerS: number;
    readonly baselineBy: string;
    readonly bytesEach: number;
    readonly sent: number;
    readonly found: number;
  };
  readonly write?: {
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
    readonly insertP99Ms: number;
    readonly count: number;
  };
  readonly sets?: readonly StoredSet[];
}

const input = childInput<ServersPostgresInput>();
const { connection } = input;
const zstd = makeZstd();
const ENTIDADES = 1000;
const NOW_MS = Date.UTC(2025, 3, 10, 12);

let seed = 20_250_410;
/** Uniform in [0, 1), the same in every run. */
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}
const gauss = (): number => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
const progress = (text: string): void => say({ progress: text });

const client = new pg.Client({ ...connection });
await client.connect();

// ---- rows

async function measureRows(): Promise<ServersPostgresResult> {
  const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const store = makePostgresStore({ connection, instanceId: 'bench', logger: silent, nowMs: () => NOW_MS });
  await store.open();
  const EPOCHS = 20;
  const ROWS = 1000;
  const ROUNDS = 5;
  // a few kinds of contents are enough: nothing looks at them
  const contents = Array.from({ length: 50 }, makeMensajes);
  let epoca = 0;
  let timestampMs = NOW_MS;
  const rowsOf = (count: number): BloqueRow[] =>
    Array.from({ length: count }, (_, k) => ({
      id: `enjambre/${k}`,
      canal: 1,
      numEntidades: ENTIDADES,
      fitness: 0.9,
      timestampS: timestampMs / 1000,
      mensajes: contents[k % contents.length]!,
      codec: 'columnas+zstd3',
    }));
  const commit = async (count: number): Promise<void> => {
    timestampMs += 1000;
    const given: EpochCommit = {
      epoca: ++epoca,
      scheduledMs: timestampMs,
      estado: [],
      estadoDeleted: [],
      bloques: rowsOf(count),
      alertas: [],
      comandos: [],
    };
    await store.commitEpoch(given);
  };
  // before the many: these leave the server with checkpoints and vacuuming to do
  const COUNT = 2000;
  const WARM_UP = 50;
  const writeMs: number[] = [];
  const insertMs: number[] = [];
  const insert = {
    name: 'one',
    text: `INSERT INTO bloques (id, canal, num_entidades, fitness, timestamp, instance_id, codec, mensajes)
           VALUES ($1, 1, 1000, 0.9, $2, 'insert', 'columnas+zstd3', $3)`,
  };
  for (let k = -WARM_UP; k < COUNT; k++) {
    if (k % 500 === 0) progress(`single writes: ${Math.max(0, k)} of ${COUNT}`);
    let startMs = performance.now();
    await commit(1);
    if (k >= 0) writeMs.push(performance.now() - startMs);
    startMs = performance.now();
    await client.query({ ...insert, values: ['enjambre/0', timestampMs / 1000, Buffer.from(contents[0]!)] });
    if (k >= 0) insertMs.push(performance.now() - startMs);
  }

  const own: number[] = [];
  const copied: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    progress(`rows: round ${round} of ${ROUNDS}`);
    const file = join(input.folder, 'rows.bin');
    writeCopyFile(file, EPOCHS, rowsOf(ROWS), `copy${round}`);
    const startMs = performance.now();
    for (let k = 0; k < EPOCHS; k++) await commit(ROWS);
    const ownMs = performance.now() - startMs;
    const copyMs = await copyIn(file);
    // the first one warms up both
    if (round === 0) continue;
    own.push((EPOCHS * ROWS * 1000) / ownMs);
    copied.push((EPOCHS * ROWS * 1000) / copyMs);
  }
  const { rows } = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM bloques WHERE instance_id = 'bench'`,
  );
  const sent = (ROUNDS + 1) * EPOCHS * ROWS + writeMs.length + WARM_UP;
  await store.close();
  const at = (list: number[], q: number): number => list.toSorted((a, b) => a - b)[Math.floor(list.length * q)]!;
  return {
    rows: {
      rowsPerS: median(own),
      baselinePerS: median(copied),
      baselineBy: input.psql === null ? 'COPY by the driver (psql is not installed)' : 'psql \\copy',
      bytesEach: Math.round(contents.reduce((sum, one) => sum + one.length, 0) / contents.length),
      sent,
      found: rows[0]!.n,
    },
    write: {
      p50Ms: at(writeMs, 0.5),
      p99Ms: at(writeMs, 0.99),
      maxMs: Math.max(...writeMs),
      insertP99Ms: at(insertMs, 0.99),
      count: COUNT,
    },
  };
}

/** A reading of each of a bloque's entidades. */
function makeMensajes(): Uint8Array {
  const rows = {
    length: ENTIDADES,
    slot: Uint16Array.from({ length: ENTIDADES }, (_, k) => k),
    tsMs: new Float64Array(ENTIDADES).fill(NOW_MS),
    lectura: Float32Array.from({ length: ENTIDADES }, () => 50 + gauss()),
    valor: Float32Array.from({ length: ENTIDADES }, () => (random() < 0.93 ? 0 : Math.floor(random() * 64) / 256)),
  };
  const numeros = Uint32Array.from({ length: ENTIDADES }, (_, k) => k);
  return encodePending('columnas+zstd3', rows, numeros, 1, zstd);
}

/** The same rows in PostgreSQL's binary format, `epochs` times a second apart. */
function writeCopyFile(path: string, epochs: number, rows: readonly BloqueRow[], instanceId: string): void {
  const file = openSync(path, 'w');
  const text = (value: string): Buffer => sized(Buffer.from(value));
  const head = Buffer.alloc(19);
  head.write('PGCOPY\n\u{ff}\r\n\0', 'latin1');
  writeSync(file, head);
  for (let k = 0; k < epochs; k++) {
    const parts: Buffer[] = [];
    for (const row of rows) {
      const count = Buffer.alloc(2);
      count.writeInt16BE(8);
      const int = (value: number): Buffer => {
        const field = Buffer.alloc(4);
        field.writeInt32BE(value);
        return sized(field);
      };
      const float4 = Buffer.alloc(4);
      float4.writeFloatBE(row.fitness);
      const float8 = Buffer.alloc(8);
      float8.writeDoubleBE(row.timestampS + k);
      parts.push(count, text(row.id), int(row.canal), int(row.numEntidades), sized(float4), sized(float8));
      parts.push(text(instanceId), text(row.codec!), sized(Buffer.from(row.mensajes!)));
    }
    writeSync(file, Buffer.concat(parts));
  }
  writeSync(file, Buffer.from([0xff, 0xff]));
  closeSync(file);
}

function sized(field: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(field.length);
  return Buffer.concat([length, field]);
}

const COPY = 'bloques (id, canal, num_entidades, fitness, timestamp, instance_id, codec, mensajes)';

/** Ms that `psql \copy` takes from its first connection to its end, less what it takes to do nothing. */
async function copyIn(file: string): Promise<number> {
  if (input.psql === null) {
    const startMs = performance.now();
    await pipeline(createReadStream(file), client.query(copyFrom(`COPY ${COPY} FROM STDIN (FORMAT binary)`)));
    return performance.now() - startMs;
  }
  const run = (command: string): number => {
    const startMs = performance.now();
    const { host, port, user, database, password } = connection;
    const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', host, '-p', String(port), '-U', user, '-d', database];
    const done = spawnSync(input.psql!, [...args, '-c', command], {
      env: { ...process.env, PGPASSWORD: password ?? '' },
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(`psql: ${done.stderr}`);
    return performance.now() - startMs;
  };
  const nothingMs = run('SELECT 1');
  return run(`\\copy ${COPY} FROM '${file}' (FORMAT binary)`) - nothingMs;
}

// ---- bytes

interface Series {
  readonly name: StoredSet['name'];
  /** Bodies, one a row span; each is stored by an epoch of its own. */
  readonly bodies: Iterable<string>;
  /** What must come back: time and reading of each clave, in order of arrival. */
  readonly expected: Map<string, [tsMs: number, lectura: number][]>;
}

async function measureBytes(): Promise<ServersPostgresResult> {
  const corec = new CoreCNucleus({ config: input.config, env: {} });
  await corec.inicializar();
  await corec.ejecutar();
  const send = async (bloque: string, body: string): Promise<number> => {
    const lote = { body: Buffer.from(body), bloque, mapeo: '', loteId: null, puerta: 'bench' };
    const { lecturas } = await corec.api.takeLote(lote);
    await corec.nucleus.epochs!.commit();
    return lecturas;
  };
  progress('bytes: a store in use');
  for (const body of makeNoise('usual', 200, 120, 10).bodies) await send('usual', body);
  const sets: StoredSet[] = [];
  for (const series of listSeries()) {
    progress(`bytes: ${series.name}`);
    const before = await sizes();
    let lecturas = 0;
    for (const body of series.bodies) lecturas += await send(series.name, body);
    const after = await sizes();
    progress(`bytes: ${series.name} read back`);
    let exact = 0;
    for (const [clave, list] of series.expected) {
      const { points } = await corec.api.history(`${series.name}:${clave}`, null, 10_000_000);
      const wanted = list.toSorted((a, b) => a[0] - b[0]);
      if (points.length !== wanted.length) continue;
      for (const [k, point] of points.entries())
        if (point.tsMs === wanted[k]![0] && Object.is(point.lectura, Math.fround(wanted[k]![1]))) exact++;
    }
    sets.push({
      name: series.name,
      lecturas,
      filas: after.filas - before.filas,
      mensajesBytes: after.mensajes - before.mensajes,
      growthBytes: after.total - before.total,
      exact,
    });
  }
  await corec.detener();
  return { sets };
}

async function sizes(): Promise<{ total: number; filas: number; mensajes: number }> {
  // what an autovacuum would add is there from the beginning
  await client.query('VACUUM bloques');
  const { rows } = await client.query<{ total: string; filas: string; mensajes: string }>(
    `SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('bloques') WHERE isleaf) AS total,
       count(*) AS filas, coalesce(sum(length(mensajes)), 0) AS mensajes FROM bloques`,
  );
  const { total, filas, mensajes } = rows[0]!;
  return { total: Number(total), filas: Number(filas), mensajes: Number(mensajes) };
}

function* listSeries(): Generator<Series> {
  if (input.data !== null) {
    yield readMetr(join(input.data, 'streams', 'metr_la_week.csv.gz'));
    yield readNab(join(input.data, 'nab-dev', 'data'));
  }
  yield makeNoise('noise', ENTIDADES, 400, 10);
}

const utc = (text: string): number => Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`);

/** A row each hour: twelve steps of all sensors. */
function readMetr(path: string): Series {
  const [header = '', ...steps] = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  const claves = header.split(',').slice(1);
  const expected = new Map(claves.map((clave): [string, [number, number][]] => [clave, []]));
  for (const step of steps) {
    const [time = '', ...cells] = step.split(',');
    for (const [k, cell] of cells.entries()) if (cell !== '') expected.get(claves[k]!)!.push([utc(time), Number(cell)]);
  }
  const bodies: string[] = [];
  for (let from = 0; from < steps.length; from += 12) bodies.push([header, ...steps.slice(from, from + 12)].join('\n'));
  return { name: 'metr', bodies, expected };
}

function readNab(folder: string): Series {
  const expected = new Map<string, [number, number][]>();
  const bodies: string[] = [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.csv'));
  for (const name of files.toSorted()) {
    const clave = name.replace(/\.csv$/, '').replaceAll('/', '_');
    const rows = readFileSync(join(folder, name), 'utf8').trim().split('\n').slice(1);
    expected.set(
      clave,
      rows.map((row) => [utc(row), Number(row.slice(row.indexOf(',') + 1))]),
    );
    bodies.push(
      ['clave,valor,ts', ...rows.map((row) => `${clave},${row.slice(row.indexOf(',') + 1)},${row.slice(0, 19)}`)].join(
        '\n',
      ),
    );
  }
  return { name: 'nab', bodies, expected };
}

function makeNoise(name: string, claves: number, steps: number, stepsARow: number): Series {
  const names = Array.from({ length: claves }, (_, k) => `n${k}`);
  const expected = new Map(names.map((clave): [string, [number, number][]] => [clave, []]));
  const bodies: string[] = [];
  for (let from = 0; from < steps; from += stepsARow) {
    const lines = [`ts,${names.join(',')}`];
    for (let step = from; step < Math.min(steps, from + stepsARow); step++) {
      const tsMs = NOW_MS + step * 60_000;
      const cells = names.map((clave) => {
        const lectura = Math.fround(50 + gauss());
        expected.get(clave)!.push([tsMs, lectura]);
        return lectura;
      });
      lines.push(`${new Date(tsMs).toISOString()},${cells.join(',')}`);
    }
    bodies.push(lines.join('\n'));
  }
  return { name: name as StoredSet['name'], bodies, expected };
}

const result: ServersPostgresResult = input.part === 'rows' ? await measureRows() : await measureBytes();
await client.end();
say(result);
