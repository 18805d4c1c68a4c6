/**
 * Takes one growing NDJSON file into a CoreC as `corec ingest --follow` does with none running: the whole nucleus with its own
 * PostgreSQL, epochs, rows and alertas, without artificial entidades. Stops after `seconds`, commits, and says what came of it.
 */
import { openOffline } from '#app/offline.ts';
import type { IngestProgress } from '#ports/nucleus-api.ts';
import { childInput, say } from '../lib/child.ts';
import { peakRssMb } from '../lib/proc.ts';

export interface IngestChildInput {
  readonly config: string;
  readonly file: string;
  /** Null: a finished file, read to its end. */
  readonly seconds: number | null;
}

export interface IngestChildResult {
  readonly kind: 'result';
  readonly lecturas: number;
  readonly rows: number;
  readonly claves: number;
  readonly alertas: number;
  readonly refused: Readonly<Record<string, number>>;
  /** From the first byte read to the last epoch committed. */
  readonly ms: number;
  readonly epocas: number;
  readonly peakMb: number;
}

const input = childInput<IngestChildInput>();
const corec = await openOffline({ config: input.config, env: {} });
const controller = new AbortController();
const { api } = corec;
const before = await api.status();
const startMs = performance.now();
let last: IngestProgress | null = null;
const following = input.seconds !== null;
const asked = {
  ruta: input.file,
  bloque: 'lecturas',
  procesador: null,
  mapeo: '',
  seguir: following,
  resume: false,
};
for await (const progress of api.ingest(asked, controller.signal)) {
  last = progress;
  say({ kind: 'progress', rows: progress.rows, lecturas: progress.lecturas, ms: performance.now() - startMs });
  if (following && performance.now() - startMs >= input.seconds * 1000) controller.abort();
}
const ms = performance.now() - startMs;
const after = await api.status();
await corec.close();
const result: IngestChildResult = {
  kind: 'result',
  lecturas: last!.lecturas,
  rows: last!.rows,
  claves: last!.claves,
  alertas: last!.alertas,
  refused: last!.refused,
  ms,
  epocas: after.epoca - before.epoca,
  peakMb: peakRssMb(process.pid) ?? 0,
};
say(result);
