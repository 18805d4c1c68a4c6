/**
 * Log lines to two places: JSON to a rotated file (pino), readable text to a terminal.
 *
 * A line of the file: {"level":"info","time":"2026-01-31T12:00:00.000Z","tag":"ModuloRegistro","fields":{...},"msg":"Bloque registrado"}.
 * A failing log never stops CoreC; that lines were lost is itself logged, on the terminal at once and in the file afterwards.
 */
import { appendFileSync } from 'node:fs';
import type { pino } from 'pino';
import { messageOf, type Idioma } from '#domain/errors.ts';
import { text as wording } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { LogFields, Logger } from '#ports/logger.ts';
import { isEnabled, type Level, type LevelOrSilent } from './levels.ts';
import type { LogFile } from './log-file.ts';
import { TerminalLog, type TerminalStream } from './terminal.ts';

/** Of time, what a log needs. */
export type LogClock = Pick<Clock, 'nowMs' | 'monotonicMs' | 'after'>;

export interface LoggingOptions {
  /** The live file; null: no file. */
  readonly ruta: string | null;
  readonly nivel?: LevelOrSilent;
  /** Size at which the live file is rotated. */
  readonly maxBytes?: number;
  /** Rotated files kept beside the live one. */
  readonly archivos?: number;
  /** Where lines for people go; null: nowhere. */
  readonly terminal: TerminalStream | null;
  readonly colour: boolean;
  /** Lines for people begin with the date. Default false. */
  readonly dated?: boolean;
  /** As `nivel` when it is not given. */
  readonly nivelTerminal?: LevelOrSilent;
  /** Of what the log says of itself. */
  readonly idioma?: Idioma;
  readonly clock?: LogClock;
}

export interface Logging {
  readonly logger: Logger;
  /** Of the file. */
  stats(): { readonly written: number; readonly lost: number };
  flush(): Promise<void>;
  /** An error line that is with the system when this returns: the process ends after it. Never throws. */
  crashed(tag: string, text: string, error: unknown): void;
  /** Flushes and closes the file; lines after it go to the terminal only. */
  close(): Promise<void>;
}

/** Five rotated files and the live one: 60 MB at most, about 300,000 lines. */
const MAX_BYTES_DEFAULT = 10_000_000;
const ARCHIVOS_DEFAULT = 5;
const TAG = 'Registro';
/** Logged before the packages are loaded; a start writes some dozens. */
const WAITING_LINES_MAX = 1000;

type WriteLine = (level: Level, tag: string, text: string, fields: LogFields | undefined) => void;

export function makeLogging(options: LoggingOptions): Logging {
  const { terminal, colour, dated = false, nivel = 'info', nivelTerminal = nivel, clock = processClock() } = options;
  const screen = terminal === null ? null : new TerminalLog(terminal, colour, dated);
  const print: WriteLine = (level, tag, text, fields) => {
    if (screen !== null && isEnabled(level, nivelTerminal)) screen.write(level, clock.nowMs(), tag, text, fields);
  };
  const file =
    options.ruta === null || nivel === 'silent' ? null : new FileSide(options, options.ruta, nivel, clock, print);
  const write: WriteLine = (level, tag, text, fields) => {
    const safeFields = fields === undefined ? undefined : plainFields(fields);
    print(level, tag, text, safeFields);
    file?.write(level, tag, text, safeFields);
  };
  const at = (level: Level): Logger[Level] => {
    const isWanted = (file !== null && isEnabled(level, nivel)) || (screen !== null && isEnabled(level, nivelTerminal));
    return isWanted ? (tag, text, fields) => write(level, tag, text, fields) : () => undefined;
  };
  return {
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    stats: () => file?.stats() ?? { written: 0, lost: 0 },
    flush: async () => await file?.flush(),
    crashed: (tag, told, error) => {
      print('error', tag, told, undefined);
      file?.writeSync('error', tag, told, plainFields({ error }));
    },
    close: async () => await file?.close(),
  };
}

/**
 * The file, behind packages that are loaded in the background (pino and the rotation: 30 ms, and up to 9 MB where no HTTP door has
 * loaded pino already): lines until then wait, with their own times.
 */
class FileSide {
  readonly #ruta: string;
  readonly #nivel: Level;
  readonly #idioma: Idioma;
  readonly #clock: LogClock;
  readonly #print: WriteLine;
  readonly #loaded: Promise<void>;
  #lines: pino.Logger | null = null;
  #log: LogFile | null = null;
  #waiting: { readonly timeMs: number; readonly line: Parameters<WriteLine> }[] = [];
  #lostWaiting = 0;
  /** Time of the line that is being written: when it was logged, not when the file was ready. */
  #timeMs = 0;

  constructor(options: LoggingOptions, ruta: string, nivel: Level, clock: LogClock, print: WriteLine) {
    this.#ruta = ruta;
    this.#nivel = nivel;
    this.#idioma = options.idioma ?? 'en';
    this.#clock = clock;
    this.#print = print;
    this.#loaded = this.#load(options.maxBytes ?? MAX_BYTES_DEFAULT, options.archivos ?? ARCHIVOS_DEFAULT);
  }

  write(...line: Parameters<WriteLine>): void {
    if (!isEnabled(line[0], this.#nivel)) return;
    const timeMs = this.#clock.nowMs();
    if (this.#lines !== null) this.#writeNow(timeMs, line);
    else if (this.#waiting.length < WAITING_LINES_MAX) this.#waiting.push({ timeMs, line });
    else this.#lostWaiting += 1;
  }

  /** Beside the stream, whose lines are whole in the file: what it still holds is lost with the process, this line is not. */
  writeSync(level: Level, tag: string, msg: string, fields: LogFields): void {
    const time = new Date(this.#clock.nowMs()).toISOString();
    try {
      appendFileSync(this.#ruta, `${JSON.stringify({ level, time, tag, fields, msg })}\n`, { mode: 0o640 });
    } catch {
      // nobody is left to be told
    }
  }

  stats(): { written: number; lost: number } {
    const { written, lost } = this.#log?.stats() ?? { written: 0, lost: 0 };
    return { written, lost: lost + this.#lostWaiting };
  }

  async flush(): Promise<void> {
    await this.#loaded;
    await this.#log?.flush();
  }

  async close(): Promise<void> {
    await this.#loaded;
    await this.#log?.close();
  }

  async #load(sizeBytes: number, filesMax: number): Promise<void> {
    try {
      const [pinoModule, logFileModule] = await Promise.all([import('pino'), import('./log-file.ts')]);
      const log = new logFileModule.LogFile({
        path: this.#ruta,
        clock: this.#clock,
        sizeBytes,
        filesMax,
        onTrouble: (found) => this.#onTrouble(found),
        onMended: (lost) => this.#onMended(lost),
      });
      this.#log = log;
      this.#lines = pinoModule.pino(
        {
          level: this.#nivel,
          base: null,
          timestamp: () => `,"time":"${new Date(this.#timeMs).toISOString()}"`,
          formatters: { level: (label) => ({ level: label }) },
        },
        { write: (line) => log.write(line) },
      );
      for (const { timeMs, line } of this.#waiting) this.#writeNow(timeMs, line);
    } catch (error) {
      this.#lostWaiting += this.#waiting.length;
      this.#onTrouble(messageOf(error));
    }
    this.#waiting = [];
  }

  #writeNow(timeMs: number, [level, tag, text, fields]: Parameters<WriteLine>): void {
    this.#timeMs = timeMs;
    try {
      this.#lines![level](fields === undefined ? { tag } : { tag, fields }, text);
    } catch (error) {
      // A field that cannot be written as JSON costs the fields, not the line, and never the caller.
      this.#lines![level]({ tag, fields: { unprintable: messageOf(error) } }, text);
    }
  }

  #onTrouble(found: string): void {
    this.#print('error', TAG, wording(this.#idioma, 'log.file_failed', { ruta: this.#ruta, error: found }), undefined);
  }

  #onMended(lost: number): void {
    const told = wording(this.#idioma, 'log.file_back', { ruta: this.#ruta, lineas: lost });
    this.#print('warn', TAG, told, undefined);
    this.write('warn', TAG, told, { lost });
  }
}

function processClock(): LogClock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** Errors say nothing as JSON; they become what they tell. */
function plainFields(fields: LogFields): LogFields {
  let plain: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(fields)) {
    if (!(value instanceof Error) && typeof value !== 'bigint') continue;
    plain ??= { ...fields };
    plain[name] = value instanceof Error ? plainError(value) : String(value);
  }
  return plain ?? fields;
}

function plainError(error: Error): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return { ...(code === undefined ? {} : { code }), message: error.message, cause, stack: error.stack };
}
