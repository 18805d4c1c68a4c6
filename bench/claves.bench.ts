/**
 * Directory of claves: lookups, growth, memory, restore; median of interleaved rounds.
 *   node --expose-gc bench/claves.bench.ts [lookup|memory|restore|partition ...]
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { encodeClaves, restoreClaves } from '#domain/claves/blob.ts';
import { compileGlob, visitMatches } from '#domain/claves/glob.ts';
import { Partition, partitionByBloque } from '#domain/claves/partition.ts';
import { ClaveDirectory, makeLoc } from '#domain/claves/directory.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';

const ROUNDS = 9;
const only = process.argv.slice(2);
const wanted = (name: string) => only.length === 0 || only.includes(name);
const median = (xs: number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;
const encoder = new TextEncoder();
const BATCH = 8192;

let seed = 1;
const random = (n: number): number => {
  seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x6d2b79f5;
  return ((seed ^ (seed >>> 13)) >>> 0) % n;
};

/** 16 bytes: sensor/000123456. */
const claveOf = (i: number): Uint8Array => encoder.encode(`sensor/${String(i).padStart(9, '0')}`);

function batchOf(ids: ArrayLike<number>): LecturaBatch {
  const batch = new LecturaBatch(ids.length);
  for (let k = 0; k < ids.length; k++) {
    const clave = claveOf(ids[k]!);
    batch.append(clave, 0, clave.length, 1, 0);
  }
  return batch;
}

function fill(n: number): ClaveDirectory {
  const directory = new ClaveDirectory();
  const ids = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random(i + 1);
    const t = ids[i]!;
    ids[i] = ids[j]!;
    ids[j] = t;
  }
  for (let i = 0; i < n; i++) {
    const clave = claveOf(ids[i]!);
    directory.insertBytes(clave, 0, clave.length, batchHash(clave), makeLoc(Math.floor(i / 1000), i % 1000));
  }
  return directory;
}
const batchHash = (clave: Uint8Array): number => {
  const one = new LecturaBatch(1);
  one.append(clave, 0, clave.length, 0, 0);
  return one.claveHash[0]!;
};

function benchLookup(): void {
  const locs = new Uint32Array(BATCH);
  for (const n of [1000, 10_000, 100_000, 1_000_000]) {
    const directory = fill(n);
    const batches = Array.from({ length: 40 }, () => batchOf(Uint32Array.from({ length: BATCH }, () => random(n))));
    const times: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const start = performance.now();
      for (const batch of batches) if (directory.lookupBatch(batch, locs) !== 0) throw new Error('unknown');
      if (round >= 0) times.push(performance.now() - start);
    }
    const ns = (median(times) * 1e6) / (batches.length * BATCH);
    console.log(`lookupBatch, ${n} claves, random: ${ns.toFixed(1)} ns = ${(1000 / ns).toFixed(1)} M/s`);
  }
}

function benchMemory(): void {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const start = performance.now();
  const directory = fill(1_000_000);
  const ms = performance.now() - start;
  globalThis.gc?.();
  const after = process.memoryUsage();
  const held = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed;
  console.log(
    `1M claves of 16 bytes: ${(directory.byteLength / 1e6).toFixed(1)} B each of buffers, ${(held / 1e6).toFixed(1)} B all in; filled in ${ms.toFixed(0)} ms (text made included)`,
  );
  let longest = 0;
  const growing = new ClaveDirectory();
  const claves = batchOf(Uint32Array.from({ length: 1_000_000 }, (_, i) => i));
  const insertStart = performance.now();
  for (let k = 0; k < claves.length; k++) {
    const t = performance.now();
    growing.insert(claves, k, makeLoc(Math.floor(k / 1000), k % 1000));
    longest = Math.max(longest, performance.now() - t);
  }
  console.log(
    `1M inserts: ${(performance.now() - insertStart).toFixed(0)} ms, longest single insert ${longest.toFixed(1)} ms (table doubled or arena grown)`,
  );
}

const zstd = {
  compress: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  decompress: (bytes: Uint8Array, max: number) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, max) }),
};

function benchRestore(): void {
  const n = 1_000_000;
  const directory = fill(n);
  const encodeTimes: number[] = [];
  const restoreTimes: number[] = [];
  let stored = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let start = performance.now();
    const blobs = Array.from({ length: 1000 }, (_, bloque) => encodeClaves(directory, bloque, zstd)!);
    encodeTimes.push(performance.now() - start);
    stored = blobs.reduce((sum, blob) => sum + blob.length, 0);
    start = performance.now();
    const restored = new ClaveDirectory();
    restored.reserve(n, 16);
    for (const [bloque, blob] of blobs.entries()) restoreClaves(restored, bloque, blob, zstd, 'bench');
    restoreTimes.push(performance.now() - start);
    if (restored.size !== n) throw new Error('lost');
  }
  console.log(
    `1M claves in 1,000 bloques: encode ${median(encodeTimes).toFixed(0)} ms, ${(stored / n).toFixed(2)} B each; restore with table ${median(restoreTimes).toFixed(0)} ms`,
  );
  for (const pattern of ['sensor/0004242*', '*77777*', 'sensor/?????4242']) {
    const glob = compileGlob(pattern);
    const times: number[] = [];
    let hits = 0;
    for (let round = 0; round < ROUNDS; round++) {
      hits = 0;
      const start = performance.now();
      visitMatches(directory, glob, () => void hits++);
      times.push(performance.now() - start);
    }
    console.log(`glob ${pattern} over 1M claves: ${median(times).toFixed(1)} ms, ${hits} hits`);
  }
}

function benchPartition(): void {
  const locs = Uint32Array.from({ length: BATCH }, () => makeLoc(random(1000), random(1000)));
  const scratch = new Partition(BATCH, 1000);
  const times: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < 200; i++) partitionByBloque(locs, BATCH, 1000, scratch);
    if (round >= 0) times.push(performance.now() - start);
  }
  console.log(
    `partitionByBloque, ${BATCH} readings over 1,000 bloques: ${((median(times) * 1e6) / 200 / BATCH).toFixed(1)} ns each`,
  );
}

if (wanted('restore')) benchRestore();
if (wanted('partition')) benchPartition();
if (wanted('lookup')) benchLookup();
if (wanted('memory')) benchMemory();
