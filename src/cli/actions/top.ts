/**
 * `corec top`: the worst things now, drawn anew every second on a terminal; one table elsewhere.
 *
 * P1 Whatever ends it (q, Ctrl-C, a signal, an error), the terminal gets back its screen, its cursor and its line mode.
 */
import { stripVTControlCharacters } from 'node:util';
import { text } from '#domain/texts/text.ts';
import type { NucleusStatus } from '#ports/nucleus-api.ts';
import type { TopResult } from '#nucleus/commands/results.ts';
import { askRunning, clientOf, placeOf } from '../ask.ts';
import type { Client } from '../client.ts';
import { EXIT, shownError } from '../exit.ts';
import type { Call } from '../io.ts';
import { pad, truncate, widthOf } from '../render/width.ts';
import { entidadTable } from '../views/lists.ts';
import { alertasLine, entidadesLine, lecturasLine, statusHead } from '../views/status.ts';
import { show, viewOf } from './show.ts';

const EVERY_MS = 1_000;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CTRL_C = '\u0003';
const ESCAPE = '\u001b';

export async function top(call: Call): Promise<number> {
  const { stdout } = call.io;
  if (call.json || call.options['once'] === true || !stdout.isTTY) return show(call, 'top');
  const place = await placeOf(call);
  const client = clientOf(call, place);
  // not running is said before the screen is taken
  await askRunning(client, 'status', {});
  return live(call, client);
}

async function live(call: Call, client: Client): Promise<number> {
  const { stdin, stdout } = call.io;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let wake = (): void => {};
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    end();
    wake();
  };
  const onKey = (bytes: Buffer): void => {
    const key = bytes.toString('latin1');
    if (key === 'q' || key === 'Q' || key === CTRL_C || key === ESCAPE) stop();
    else wake();
  };
  const restore = (): void => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdout.write(LEAVE);
  };
  const release = call.io.onInterrupt(stop);
  process.once('exit', restore);
  stdout.write(ENTER);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', onKey);
  }
  const onResize = (): void => wake();
  stdout.on('resize', onResize);
  try {
    while (!isOver) {
      stdout.write(await frame(call, client));
      const timer = setTimeout(() => wake(), EVERY_MS);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      clearTimeout(timer);
    }
  } finally {
    stdout.off('resize', onResize);
    stdin.off('data', onKey).pause();
    process.off('exit', restore);
    restore();
    release();
  }
  return EXIT.ok;
}

/** Cut to the screen; a line that is too long loses its colours. */
function fit(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return widthOf(plain) <= width ? line : truncate(plain, width);
}

/** One screen, written over the last one without clearing it first, so that nothing flickers. */
async function frame(call: Call, client: Client): Promise<string> {
  const { stdout } = call.io;
  const view = viewOf(call);
  const { idioma, paint } = view;
  const height = Math.max(6, stdout.rows || 24);
  const width = view.width ?? 80;
  let lines: string[];
  try {
    const limit = String(call.args['limit'] ?? height);
    const [status, worst] = (await Promise.all([
      askRunning(client, 'status', {}),
      askRunning(client, 'top', { limit }),
    ])) as [NucleusStatus, TopResult];
    lines = [
      statusHead(status, view),
      `${text(idioma, 'cli.label_entidades')} ${entidadesLine(status, view)}`,
      `${text(idioma, 'cli.label_lecturas')} ${lecturasLine(status, view)}; ${text(idioma, 'cli.label_alertas')} ${alertasLine(status, view)}`,
      '',
      ...entidadTable(worst.entidades, view),
    ];
  } catch (error) {
    lines = [paint.red(truncate(text(idioma, 'cli.top_lost', { error: shownError(error, idioma).message }), width))];
  }
  // a line that wraps would push the first ones out of the screen
  const body = lines.slice(0, height - 1).map((line) => fit(line, width));
  while (body.length < height - 1) body.push('');
  const foot = paint.dim(
    pad(truncate(`${text(idioma, 'cli.top_title')}; ${text(idioma, 'cli.top_keys')}`, width - 1), width - 1),
  );
  return `${HOME}${body.map((line) => `${line}${CLEAR_LINE}\r\n`).join('')}${foot}${CLEAR_LINE}${CLEAR_BELOW}`;
}
