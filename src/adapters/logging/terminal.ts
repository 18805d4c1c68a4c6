/**
 * Log lines for a person at a terminal: `12:34:56 [CoreCNucleus] Inicializado bloques=1003`; with the date in front where they are
 * kept to be read on another day (a container's log, a file).
 *
 * T1 What is logged cannot steer the terminal: control and direction characters are shown as escapes, and a second line of a text
 *    is indented, so that it never looks like a log line of its own.
 * T2 A reader that goes away (`corec run | head`) ends the printing, not CoreC.
 */
import type { LogFields } from '#ports/logger.ts';
import type { Level } from './levels.ts';

export interface TerminalStream {
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const FIELD_CHARS_MAX = 200;
const COLOURS: Readonly<Record<Level, string>> = { debug: '\x1b[2m', info: '', warn: '\x1b[33m', error: '\x1b[31m' };
const TAG_COLOUR = '\x1b[36m';
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

/** Colours are wanted on a terminal that can, unless the environment says no (no-color.org) or insists. */
export function isColourWanted(isTty: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  if ((env['FORCE_COLOR'] ?? '') !== '') return env['FORCE_COLOR'] !== '0';
  return isTty && env['TERM'] !== 'dumb';
}

export function formatLine(
  level: Level,
  timeMs: number,
  tag: string,
  text: string,
  fields: LogFields | undefined,
  isColoured: boolean,
  isDated = false,
): string {
  const paint = (colour: string, what: string): string =>
    isColoured && colour !== '' ? `${colour}${what}${RESET}` : what;
  const time = paint(DIM, timeText(new Date(timeMs), isDated));
  const mark = level === 'info' ? '' : `${paint(COLOURS[level], level.toUpperCase())} `;
  const body = paint(COLOURS[level], visible(text));
  const details = fields === undefined ? '' : paint(DIM, formatFields(fields));
  return `${time} ${mark}${paint(TAG_COLOUR, `[${visible(tag)}]`)} ${body}${details}\n`;
}

function timeText(time: Date, isDated: boolean): string {
  const clock = time.toTimeString().slice(0, 8);
  if (!isDated) return clock;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}

function formatFields(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : asJson(value);
    text += ` ${visible(name)}=${visible(shown.length > FIELD_CHARS_MAX ? `${shown.slice(0, FIELD_CHARS_MAX)}…` : shown)}`;
  }
  return text;
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return '(unprintable)';
  }
}

function visible(text: string): string {
  return text
    .replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('\n', '\n    ');
}

export class TerminalLog {
  readonly #stream: TerminalStream;
  readonly #isColoured: boolean;
  readonly #isDated: boolean;
  #isGone = false;

  constructor(stream: TerminalStream, isColoured: boolean, isDated: boolean) {
    this.#stream = stream;
    this.#isColoured = isColoured;
    this.#isDated = isDated;
    stream.on('error', () => (this.#isGone = true));
  }

  write(level: Level, timeMs: number, tag: string, text: string, fields: LogFields | undefined): void {
    if (this.#isGone) return;
    try {
      this.#stream.write(formatLine(level, timeMs, tag, text, fields, this.#isColoured, this.#isDated));
    } catch {
      this.#isGone = true;
    }
  }
}
