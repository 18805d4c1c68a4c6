/**
 * `corec eval nab` and `corec eval odds`: how well CoreC detects, on folders of labelled data. Progress goes to stderr, the table to
 * stdout.
 */
import { resolve } from 'node:path';
import { formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { NabFileResult } from '#app/eval/nab.ts';
import type { OddsSetResult } from '#app/eval/odds.ts';
import { EXIT, Interrupted } from '../exit.ts';
import { paintOf, widthOfTerminal, writeJson, writeLines, type Call } from '../io.ts';
import { printable } from '../render/width.ts';
import { table, type Column } from '../render/table.ts';

const OUT_DEFAULT = 'nab-results';

export async function evalNab(call: Call): Promise<number> {
  const { io, idioma, args, options } = call;
  const { evalNab: run } = await import('#app/eval/nab.ts');
  const shown = new Shown(call);
  const controller = new AbortController();
  const release = io.onInterrupt(() => controller.abort());
  const { procesador } = options;
  try {
    const result = await run({
      folder: resolve(io.cwd, String(args['dir'])),
      out: resolve(io.cwd, typeof options['out'] === 'string' ? options['out'] : OUT_DEFAULT),
      procesador: typeof procesador === 'string' ? procesador : null,
      idioma,
      env: io.env,
      signal: controller.signal,
      onFile: (name, done, total) => shown.say(name, done, total),
    });
    if (controller.signal.aborted) throw new Interrupted();
    shown.end();
    if (call.json) {
      writeJson(io.stdout, result);
      return EXIT.ok;
    }
    const paint = paintOf(call, io.stdout);
    const columns: Column<NabFileResult>[] = [
      { head: text(idioma, 'cli.head_series'), of: (one) => one.file, min: 20 },
      { head: text(idioma, 'cli.head_rows'), of: (one) => formatNumber(idioma, one.rows), right: true },
      { head: text(idioma, 'cli.head_refused'), of: (one) => formatNumber(idioma, one.refused), right: true, drop: 1 },
      { head: text(idioma, 'cli.head_open_alerts'), of: (one) => formatNumber(idioma, one.alerts), right: true },
      { head: text(idioma, 'cli.head_highest'), of: (one) => formatNumber(idioma, one.highest, 3), right: true },
    ];
    const { score } = result;
    writeLines(io.stdout, [
      ...table(columns, result.files, widthOfTerminal(io.stdout), paint),
      '',
      text(idioma, 'cli.eval_nab_done', { filas: result.rows, ms: result.ms, ruta: printable(result.out) }),
      ...(score === null
        ? [text(idioma, 'cli.eval_nab_unlabelled')]
        : [paint.bold(text(idioma, 'cli.eval_nab_score', { ...score, limite: result.limit }))]),
    ]);
    return EXIT.ok;
  } finally {
    shown.end();
    release();
  }
}

export async function evalOdds(call: Call): Promise<number> {
  const { io, idioma, args } = call;
  const { evalOdds: run, SEEDS } = await import('#app/eval/odds.ts');
  const shown = new Shown(call);
  let isAborted = false;
  const release = io.onInterrupt(() => {
    isAborted = true;
  });
  try {
    const result = await run({
      folder: resolve(io.cwd, String(args['dir'])),
      onSet: (name, done, total) => shown.say(name, done, total),
      isAborted: () => isAborted,
    });
    if (isAborted) throw new Interrupted();
    shown.end();
    if (call.json) {
      writeJson(io.stdout, result);
      return EXIT.ok;
    }
    const paint = paintOf(call, io.stdout);
    const three = (x: number | null): string => (x === null ? '-' : formatNumber(idioma, x, 4));
    const columns: Column<OddsSetResult>[] = [
      { head: text(idioma, 'cli.head_set'), of: (one) => one.set, min: 12 },
      { head: text(idioma, 'cli.head_rows'), of: (one) => formatNumber(idioma, one.rows), right: true },
      {
        head: text(idioma, 'cli.head_features'),
        of: (one) => formatNumber(idioma, one.features),
        right: true,
        drop: 3,
      },
      { head: text(idioma, 'cli.head_odd'), of: (one) => formatNumber(idioma, one.odd), right: true, drop: 2 },
      { head: 'AUC', of: (one) => three(one.auc), right: true },
      { head: 'sd', of: (one) => three(one.sd), right: true },
      { head: 'scikit-learn', of: (one) => three(one.reference), right: true },
      { head: text(idioma, 'cli.head_fit_ms'), of: (one) => formatNumber(idioma, one.fitMs, 3), right: true, drop: 1 },
      {
        head: text(idioma, 'cli.head_score_ms'),
        of: (one) => formatNumber(idioma, one.scoreMs, 3),
        right: true,
        drop: 1,
      },
    ];
    const sum = { auc: three(result.auc), conjuntos: result.sets.length, semillas: SEEDS };
    writeLines(io.stdout, [
      ...table(columns, result.sets, widthOfTerminal(io.stdout), paint),
      '',
      paint.bold(
        result.reference === null
          ? text(idioma, 'cli.eval_odds_done', sum)
          : text(idioma, 'cli.eval_odds_compared', { ...sum, referencia: three(result.reference) }),
      ),
    ]);
    return EXIT.ok;
  } finally {
    shown.end();
    release();
  }
}

/** Which of the files is under way: one line that changes on a terminal, lines elsewhere. */
class Shown {
  readonly #call: Call;
  #isOpen = false;

  constructor(call: Call) {
    this.#call = call;
  }

  say(name: string, done: number, total: number): void {
    const { io, idioma } = this.#call;
    const line = text(idioma, 'cli.eval_progress', { hecho: done + 1, total, nombre: printable(name) });
    this.#isOpen = io.stderr.isTTY;
    io.stderr.write(this.#isOpen ? `\r\x1b[K${line.slice(0, (widthOfTerminal(io.stderr) ?? 80) - 1)}` : `${line}\n`);
  }

  end(): void {
    if (this.#isOpen) this.#call.io.stderr.write('\r\x1b[K');
    this.#isOpen = false;
  }
}
