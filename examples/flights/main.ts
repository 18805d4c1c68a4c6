/**
 * The whole example: flights to a file, the file through CoreC four times over, what it found as a summary.
 *
 *   flights-3m.parquet --events/events.ts--> data/flights.csv --ingest, one vista after the other--> data/corec --> summary
 *
 * Owns arguments, the data folder and the order. Leaves judging to CoreC: what is told is what it stored as alertas.
 *
 * A1 What was taken in is kept by CoreC's epochs with the place in the file, so that a second run, or one after an interruption,
 *    goes on there and counts nothing twice.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CoreCError, CoreCNucleus } from 'corec';
import { writeFlights } from './events/events.ts';
import { Progress } from './progress.ts';
import { renderResumen, summarize } from './summary.ts';
import { textsOf, whole, type Texts } from './texts.ts';
import { MAPEO, VISTAS } from './vistas.ts';

const HOME = import.meta.dirname;
const CONFIG = join(HOME, 'corec_config.json');
const ALERTAS_MAX = 100_000;
const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

interface Wanted {
  readonly folder: string;
  readonly anew: boolean;
  readonly json: boolean;
  readonly top: number;
  readonly only: readonly string[];
}

/** Null: not as it may be said. */
function wantedOf(argv: readonly string[]): Wanted | 'help' | null {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        new: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        top: { type: 'string', default: '40' },
        data: { type: 'string' },
        only: { type: 'string', default: '' },
      },
    });
    const top = Number(values.top);
    if (!Number.isInteger(top) || top < 1 || top > 10_000) return null;
    if (values.help) return 'help';
    const only = values.only.toUpperCase().split(',');
    return {
      folder: values.data === undefined ? join(HOME, 'data') : resolve(values.data),
      anew: values.new,
      json: values.json,
      top,
      only: only
        .map((name) => name.trim())
        .filter((name) => name !== '')
        .sort(),
    };
  } catch {
    return null;
  }
}

/** What the file holds, as it stands beside it. */
interface Flights {
  readonly only: readonly string[];
  readonly rows: number;
  readonly fromMs: number;
  readonly toMs: number;
}

function readNote(path: string): Flights | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Flights;
  } catch {
    return null;
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const corec = (dataDir: string): CoreCNucleus => new CoreCNucleus({ config: CONFIG, env: process.env, dataDir });
  const { idioma } = corec('.');
  const texts = textsOf(idioma);
  const wanted = wantedOf(argv);
  if (wanted === 'help') {
    process.stdout.write(`${texts.usage}\n`);
    return EXIT.ok;
  }
  if (wanted === null) {
    process.stderr.write(`${texts.bad}${argv.join(' ')}\n`);
    return EXIT.usage;
  }
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // the second one ends it at once
      if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
      interrupt.abort();
    });
  }
  const { folder } = wanted;
  const csv = join(folder, 'flights.csv');
  const note = join(folder, 'flights.json');
  const store = join(folder, 'corec');
  if (wanted.anew) for (const path of [store, note, csv]) rmSync(path, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const progress = new Progress(process.stderr);
  let flights = readNote(note);
  if (flights !== null && String(flights.only) !== String(wanted.only)) {
    process.stderr.write(`${folder} ${texts.otherFlights}\n`);
    return EXIT.usage;
  }
  if (flights === null) {
    flights = { only: wanted.only, ...(await readFlights(csv, wanted.only, progress, texts, interrupt.signal)) };
    if (interrupt.signal.aborted) {
      progress.end(texts.stopped);
      return EXIT.interrupted;
    }
    writeFileSync(note, JSON.stringify(flights));
  }

  const nucleus = corec(store);
  await nucleus.inicializar();
  try {
    await nucleus.ejecutar();
    for (const vista of VISTAS) {
      await takeIn(nucleus, vista, csv, progress, texts, interrupt.signal);
      if (interrupt.signal.aborted) {
        progress.end(texts.stopped);
        return EXIT.interrupted;
      }
    }
    // whoever has been silent up to the last flight shows when it is looked at
    await nucleus.coordinarBloques();
    const alertas = await nucleus.api.alertas({ limit: ALERTAS_MAX, orden: 'valor' });
    const { ligadas } = await nucleus.api.status();
    const { rows, fromMs, toMs } = flights;
    const resumen = summarize(alertas, { vuelos: rows, claves: ligadas, fromMs, toMs });
    const lines = wanted.json
      ? [JSON.stringify(resumen)]
      : ['', ...renderResumen(resumen, idioma, wanted.top, relative('.', CONFIG))];
    process.stdout.write(`${lines.join('\n')}\n`);
    return EXIT.ok;
  } finally {
    await nucleus.detener();
  }
}

async function readFlights(
  csv: string,
  only: readonly string[],
  progress: Progress,
  texts: Texts,
  signal: AbortSignal,
): Promise<Omit<Flights, 'only'>> {
  const startedMs = performance.now();
  const line = (rows: number, all: number): string =>
    `${texts.read}: ${ofAll(rows, all)}, ${perSecond(rows, startedMs, texts)}`;
  const written = await writeFlights(csv, { only: new Set(only), signal }, (rows, all) =>
    progress.show(() => line(rows, all)),
  );
  if (!signal.aborted) progress.end(line(written.read, written.read));
  return { rows: written.rows, fromMs: written.fromMs, toMs: written.toMs };
}

async function takeIn(
  nucleus: CoreCNucleus,
  vista: (typeof VISTAS)[number],
  csv: string,
  progress: Progress,
  texts: Texts,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now();
  const what = `${texts.taken}: ${texts.ofView[vista]}`;
  const input = { ruta: csv, bloque: vista, procesador: null, mapeo: MAPEO[vista], seguir: false, resume: true };
  let last = '';
  for await (const now of nucleus.api.ingest(input, signal)) {
    const line = (): string => {
      const share = now.bytesTotal === null ? 0 : Math.floor((100 * now.bytesDone) / Math.max(1, now.bytesTotal));
      const counted = `${grouped(now.lecturas)} (${share} %), ${perSecond(now.lecturas, startedMs, texts)}`;
      return `${what}: ${counted}, ${grouped(now.alertas)} ${texts.episodios}`;
    };
    progress.show(line);
    const resumed = now.resumedFrom === null ? '' : ` (${texts.goesOn})`;
    last = now.resumedFrom !== null && now.lecturas === 0 ? `${what}: ${texts.again}` : `${line()}${resumed}`;
  }
  progress.end(last);
}

function grouped(value: number): string {
  return whole('en', value);
}

function ofAll(rows: number, all: number): string {
  return rows === all ? grouped(rows) : `${grouped(rows)} / ${grouped(all)}`;
}

function perSecond(count: number, startedMs: number, texts: Texts): string {
  return `${grouped((1000 * count) / Math.max(1, performance.now() - startedMs))}${texts.perSecond}`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CoreCError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT.failed;
}
