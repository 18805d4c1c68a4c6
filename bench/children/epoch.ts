/**
 * The durable epoch: 1,000,000 bound entidades, each with a new lectura, from the cut until PostgreSQL has committed. One process
 * takes in a file of one reading a clave again and again (each with its own values and times), and tells the last epoch's time.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { measureFsync } from '#adapters/host-check/disk.ts';
import { CoreCNucleus } from '#app/corec-nucleus.ts';
import { childInput, say } from '../lib/child.ts';
import { CLAVES, Rounds } from '../lib/ndjson.ts';

export interface EpochChildInput {
  readonly config: string;
  readonly folder: string;
  readonly rounds: number;
}

export interface EpochChildResult {
  readonly epochMs: readonly number[];
  /** Writing as many bytes as the epoch did to a file and making them durable, right after each. */
  readonly plainMs: readonly number[];
  readonly fsyncMs: number;
  readonly bytes: number;
  readonly ligadas: number;
}

const input = childInput<EpochChildInput>();
const corec = new CoreCNucleus({ config: input.config, env: {}, whole: false });
await corec.inicializar();
await corec.ejecutar();
const { nucleus, api } = corec;
const rounds = new Rounds({ claves: CLAVES });
const file = join(input.folder, 'round.ndjson');
const epochMs: number[] = [];
const plainMs: number[] = [];
let bytes = 0;
for (let round = 0; round <= input.rounds; round++) {
  rounds.write(round);
  writeDurably(file, rounds.bytes);
  const asked = { ruta: file, bloque: 'lecturas', procesador: null, mapeo: '', seguir: false, resume: false };
  const ingest = api.ingest(asked, new AbortController().signal);
  let taken = 0;
  for await (const progress of ingest) taken = progress.lecturas;
  if (taken !== CLAVES) throw new Error(`${taken} of ${CLAVES} lecturas were taken in`);
  if (round === 0) continue;
  epochMs.push(nucleus.epochs!.lastMs);
  bytes = nucleus.epochs!.lastBytes;
  const startMs = performance.now();
  writeDurably(join(input.folder, 'plain'), rounds.bytes.subarray(0, bytes));
  plainMs.push(performance.now() - startMs);
  say({ kind: 'progress', round, epochMs: epochMs.at(-1) });
}
const { ligadas } = await api.status();
const fsync = await measureFsync(input.folder);
await corec.detener();
const result: EpochChildResult = { epochMs, plainMs, fsyncMs: fsync.medianMs, bytes, ligadas };
say(result);

function writeDurably(path: string, content: Uint8Array): void {
  rmSync(path, { force: true });
  const handle = openSync(path, 'w');
  for (let at = 0; at < content.length;) at += writeSync(handle, content, at);
  fsyncSync(handle);
  closeSync(handle);
}
