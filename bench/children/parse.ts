/** JSON.parse of the lines of a file and nothing else: the lines are strings in memory before the clock runs. */
import { closeSync, openSync, readSync } from 'node:fs';
import { childInput, say } from '../lib/child.ts';
import { median } from '../lib/stats.ts';

export interface ParseChildInput {
  readonly file: string;
  readonly rounds: number;
}

const CHUNK_BYTES = 16 * 1024 * 1024;

const { file, rounds } = childInput<ParseChildInput>();
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
const handle = openSync(file, 'r');
const rates: number[] = [];
let sum = 0;
let at = 0;
for (let round = -2; round < rounds; round++) {
  let length = readSync(handle, chunk, 0, CHUNK_BYTES, at);
  if (length < CHUNK_BYTES) {
    at = 0;
    length = readSync(handle, chunk, 0, CHUNK_BYTES, at);
  }
  const whole = chunk.lastIndexOf(0x0a, length - 1) + 1;
  at += whole;
  const lines = chunk.toString('utf8', 0, whole).split('\n');
  lines.pop();
  const startMs = performance.now();
  for (const line of lines) sum += (JSON.parse(line) as { valor: number }).valor;
  if (round >= 0) rates.push((lines.length * 1000) / (performance.now() - startMs));
}
closeSync(handle);
say({ rate: median(rates), sum });
