/**
 * `corec ingest`: a file or standard input taken in, by the running CoreC or, without one, in this process.
 *
 *   --explain      nothing is taken: what would be
 *   FILE           the running CoreC reads it and reports; else this process opens the store and does
 *   -              piped to the running CoreC in batches (pump.ts); else read by this process
 *
 * Owns showing progress and the sum. Progress goes to stderr: stdout has the sum alone.
 */
import { isAbsolute, resolve } from 'node:path';
import type { SingleBar } from 'cli-progress';
import { CoreCError } from '#domain/errors.ts';
import { formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { IngestProgress } from '#ports/nucleus-api.ts';
import { CATALOGUE } from '#nucleus/commands/catalogue.ts';
import { clientOf, placeOf, runOffline, startingOr, withOffline } from '../ask.ts';
import { remoteError, type Client } from '../client.ts';
import { EXIT, Interrupted } from '../exit.ts';
import { paintOf, writeJson, writeLines, type Call, type GivenArgs } from '../io.ts';
import { printable } from '../render/width.ts';
import { explanationView } from '../views/explain.ts';
import { refusedText } from '../views/view.ts';
import type { Place } from '../locate.ts';
import { pump } from './pump.ts';
import { viewOf } from './show.ts';

/** Lecturas shown by --explain. */
const EXPLAINED = 10;
/** Without a terminal, a line of progress so often. */
const LINE_EVERY_MS = 5_000;
/** A settled mapping must fit into a request line; a longer one (a table of thousands of columns) is guessed for each batch. */
const MAPEO_CHARS_MAX = 6_000;

interface Wanted {
  readonly file: string;
  readonly bloque: string;
  readonly procesador: string | null;
  readonly mapeo: string;
}

export async function ingest(call: Call): Promise<number> {
  const wanted = await wantedOf(call);
  if (call.options['explain'] === true) return explain(call, wanted);
  const place = await placeOf(call);
  const client = clientOf(call, place);
  const running = (): Promise<number> =>
    wanted.file === '-' ? fromStdin(call, client, wanted) : byRunning(call, client, wanted);
  if (await client.isRunning()) return running();
  return startingOr(call, place, () => byOurselves(call, place, wanted), running);
}

async function wantedOf({ args, io }: Call): Promise<Wanted> {
  const file = String(args['file']);
  const { procesador } = args;
  const named = typeof procesador === 'string' ? procesador : null;
  return {
    file: file === '-' ? '-' : resolve(io.cwd, file),
    bloque: typeof args['bloque'] === 'string' ? args['bloque'] : CATALOGUE.ingest.args.bloque.default,
    // a file is named from where the person stands, not from where CoreC runs
    procesador: named !== null && isFile(named) && !isAbsolute(named) ? resolve(io.cwd, named) : named,
    mapeo: typeof args['map'] === 'string' ? args['map'] : '',
  };
}

/** As isProcesadorPath of domain/config has it, without loading the schema for it. */
function isFile(procesador: string): boolean {
  return /[/\\]|\.[mc]?[jt]s$/.test(procesador);
}

function argsOf(call: Call, wanted: Wanted): GivenArgs {
  const { follow, resume } = call.args;
  return {
    file: wanted.file,
    bloque: wanted.bloque,
    map: wanted.mapeo,
    ...(wanted.procesador === null ? {} : { procesador: wanted.procesador }),
    ...(follow === true ? { follow } : {}),
    ...(resume === false ? { resume } : {}),
  };
}

async function explain(call: Call, { file, mapeo }: Wanted): Promise<number> {
  const { explainIngest } = await import('#app/explain.ts');
  const { io, idioma } = call;
  const explanation = await explainIngest({ ruta: file, stdin: io.stdin, mapeo, count: EXPLAINED, idioma });
  if (call.json) writeJson(io.stdout, explanation);
  else if (explanation === null)
    writeLines(io.stdout, [text(idioma, 'cli.explain_empty', { fuente: printable(file) })]);
  else writeLines(io.stdout, explanationView(explanation, viewOf(call)));
  return explanation !== null && explanation.lecturasCount > 0 ? EXIT.ok : EXIT.failed;
}

async function byRunning(call: Call, client: Client, wanted: Wanted): Promise<number> {
  const controller = new AbortController();
  const release = call.io.onInterrupt(() => controller.abort());
  const shown = new Shown(call);
  try {
    const sent = {
      method: 'POST' as const,
      path: '/api/ingest',
      headers: { accept: 'application/x-ndjson', 'content-type': 'application/json' },
      body: JSON.stringify(argsOf(call, wanted)),
      signal: controller.signal,
    };
    let result: IngestProgress | null = null;
    for await (const line of client.lines(sent)) {
      if (line['progress'] !== undefined) shown.progress(line['progress'] as IngestProgress);
      else if (line['result'] !== undefined) result = line['result'] as IngestProgress;
      else throw remoteError(line, null);
    }
    shown.end();
    if (result === null)
      throw new CoreCError('COREC_E_CONNECTION_LOST', { path: wanted.file, found: 'it ended early' });
    return finish(call, wanted, result);
  } catch (error) {
    shown.end();
    if (!controller.signal.aborted) throw error;
    writeLines(call.io.stderr, [text(call.idioma, 'cli.ingest_interrupted')]);
    throw new Interrupted();
  } finally {
    release();
  }
}

async function byOurselves(call: Call, place: Place, wanted: Wanted): Promise<number> {
  const controller = new AbortController();
  const release = call.io.onInterrupt(() => controller.abort());
  const shown = new Shown(call);
  try {
    const result = await withOffline(call, place, (api) =>
      runOffline(call, api, 'ingest', argsOf(call, wanted), {
        signal: controller.signal,
        onProgress: (progress) => shown.progress(progress),
      }),
    );
    shown.end();
    const code = finish(call, wanted, result as IngestProgress);
    if (!controller.signal.aborted) return code;
    writeLines(call.io.stderr, [text(call.idioma, 'cli.ingest_interrupted')]);
    return EXIT.interrupted;
  } finally {
    shown.end();
    release();
  }
}

async function fromStdin(call: Call, client: Client, wanted: Wanted): Promise<number> {
  const { io, idioma } = call;
  const [{ parseMapeo }, { resolveMapeo, resolvedText }] = await Promise.all([
    import('#domain/mapeo/mapeo.ts'),
    import('#domain/mapeo/resolve.ts'),
  ]);
  const pedido = wanted.mapeo === '' ? null : parseMapeo(wanted.mapeo);
  const settle = (rows: Buffer): string => {
    const resolution = resolveMapeo(rows, true, { pedido, nombre: 'stdin', source: 'stdin', verify: true });
    const settled = resolution === null ? wanted.mapeo : resolvedText(resolution);
    return settled.length > MAPEO_CHARS_MAX ? wanted.mapeo : settled;
  };
  const controller = new AbortController();
  const release = io.onInterrupt(() => controller.abort());
  const shown = new Shown(call);
  const startMs = performance.now();
  const progressOf = (sum: Pick<IngestProgress, 'lecturas' | 'refused'> & { bytes: number }): IngestProgress => ({
    id: 'stdin',
    state: 'reading',
    found: '',
    bytesDone: sum.bytes,
    bytesTotal: null,
    rows: sum.lecturas + refusedText(idioma, sum.refused).count,
    lecturas: sum.lecturas,
    refused: sum.refused,
    claves: 0,
    alertas: 0,
    elapsedMs: performance.now() - startMs,
    refusedFile: null,
    resumedFrom: null,
  });
  try {
    const sum = await pump({
      client,
      input: io.stdin,
      bloque: wanted.bloque,
      procesador: wanted.procesador,
      settle,
      csv: pedido?.formato === 'csv' ? true : pedido?.formato === 'ndjson' ? false : null,
      headless: pedido?.cabecera === false,
      signal: controller.signal,
      onProgress: (now) => shown.progress(progressOf(now)),
      onRetry: (error) => shown.note(text(idioma, 'cli.ingest_retrying', { razon: (error as Error).message })),
    });
    shown.end();
    const code = finish(call, wanted, { ...progressOf(sum), state: 'done' });
    if (sum.deferred > 0) writeLines(io.stderr, [text(idioma, 'cli.ingest_deferred', { lotes: sum.deferred })]);
    if (!controller.signal.aborted) return code;
    writeLines(io.stderr, [text(idioma, 'cli.ingest_interrupted_stdin', { lecturas: sum.lecturas })]);
    return EXIT.interrupted;
  } finally {
    shown.end();
    release();
    // what is left of it will not be read: let go, so that the process can end
    io.stdin.destroy();
  }
}

/** Says the sum; the exit code is that of a failure when nothing could be taken of what was there. */
function finish(call: Call, { file, bloque }: Wanted, result: IngestProgress): number {
  const { io, idioma } = call;
  const { count, reasons } = refusedText(idioma, result.refused);
  const failed = result.state === 'failed' || (result.lecturas === 0 && count > 0);
  if (call.json) {
    writeJson(io.stdout, result);
    return failed ? EXIT.failed : EXIT.ok;
  }
  const paint = paintOf(call, io.stdout);
  const fuente = paint.bold(printable(file === '-' ? 'stdin' : file));
  const lines: string[] = [];
  if (result.state === 'failed')
    lines.push(paint.red(text(idioma, 'cli.ingest_failed', { fuente, error: printable(result.found) })));
  if (result.resumedFrom !== null && result.rows === 0 && count === 0) {
    lines.push(text(idioma, 'cli.ingest_nothing_new', { fuente }));
  } else {
    const porS = result.elapsedMs > 0 ? (result.lecturas * 1000) / result.elapsedMs : 0;
    const sum = {
      fuente,
      lecturas: result.lecturas,
      filas: result.rows,
      ms: result.elapsedMs,
      porS,
      claves: result.claves,
      bloque,
    };
    lines.push(result.claves > 0 ? text(idioma, 'cli.ingest_done', sum) : text(idioma, 'cli.ingest_done_plain', sum));
    if (result.resumedFrom !== null) lines.push(paint.dim(text(idioma, 'cli.ingest_resumed')));
  }
  if (count > 0) {
    const refused =
      result.refusedFile === null
        ? text(idioma, 'cli.ingest_refused_only', { cuenta: count, razones: reasons })
        : text(idioma, 'cli.ingest_refused', { cuenta: count, razones: reasons, ruta: result.refusedFile });
    lines.push(paint.yellow(refused));
  }
  if (result.alertas > 0) lines.push(paint.red(text(idioma, 'cli.ingest_alerts', { alertas: result.alertas, bloque })));
  writeLines(io.stdout, lines);
  return failed ? EXIT.failed : EXIT.ok;
}

/** Progress on stderr: a bar on a terminal, a line now and then elsewhere. */
class Shown {
  readonly #call: Call;
  #bar: SingleBar | null = null;
  #isMaking = false;
  #latest: IngestProgress | null = null;
  #lastLineMs = performance.now();
  #isOver = false;

  constructor(call: Call) {
    this.#call = call;
  }

  progress(progress: IngestProgress): void {
    const { io, idioma } = this.#call;
    if (this.#isOver) return;
    this.#latest = progress;
    if (io.stderr.isTTY) {
      if (this.#bar !== null) this.#draw();
      else if (!this.#isMaking) {
        this.#isMaking = true;
        void this.#makeBar();
      }
      return;
    }
    if (performance.now() - this.#lastLineMs < LINE_EVERY_MS) return;
    this.#lastLineMs = performance.now();
    const done =
      progress.bytesTotal === null
        ? text(idioma, 'cli.ingest_bytes', { hecho: progress.bytesDone })
        : text(idioma, 'cli.ingest_percent', { hecho: shareOf(progress), total: progress.bytesTotal });
    io.stderr.write(`${done}, ${this.#words(progress)}\n`);
  }

  note(line: string): void {
    if (this.#bar === null && performance.now() - this.#lastLineMs >= LINE_EVERY_MS / 5) {
      this.#lastLineMs = performance.now();
      this.#call.io.stderr.write(`${line}\n`);
    }
  }

  end(): void {
    this.#isOver = true;
    this.#bar?.stop();
    this.#bar = null;
  }

  async #makeBar(): Promise<void> {
    const { SingleBar: Bar } = (await import('cli-progress')).default;
    if (this.#isOver) return;
    const { stderr } = this.#call.io;
    const bar = new Bar({
      stream: stderr,
      format: '{bar} {share} {words}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      // the interrupt is ours: it lets the store close first
      gracefulExit: false,
    });
    bar.start(1000, 0, { share: '', words: '' });
    this.#bar = bar;
    this.#draw();
  }

  #draw(): void {
    const { idioma } = this.#call;
    const progress = this.#latest;
    if (this.#bar === null || progress === null) return;
    const share =
      progress.bytesTotal === null
        ? text(idioma, 'cli.ingest_bytes', { hecho: progress.bytesDone })
        : `${formatNumber(idioma, Math.floor(shareOf(progress) * 100))} %`;
    this.#bar.update(Math.round(shareOf(progress) * 1000), { share, words: this.#words(progress) });
  }

  #words({ state, lecturas, elapsedMs }: IngestProgress): string {
    const { idioma } = this.#call;
    if (state === 'draining') return text(idioma, 'cli.ingest_draining', { lecturas });
    if (state === 'saving') return text(idioma, 'cli.ingest_saving', { lecturas });
    return text(idioma, 'cli.ingest_reading', { lecturas, porS: elapsedMs > 0 ? (lecturas * 1000) / elapsedMs : 0 });
  }
}

function shareOf({ bytesDone, bytesTotal }: IngestProgress): number {
  return bytesTotal === null || bytesTotal === 0 ? 0 : Math.min(1, bytesDone / bytesTotal);
}
