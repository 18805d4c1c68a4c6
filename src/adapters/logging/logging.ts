/**
 * Log lines to two places: JSON to a rotated file (pino), readable text to a terminal.
 *
 * A line of the file: {"level":"info","time":"2026-01-31T12:00:00.000Z","tag":"ModuloRegistro","fields":{...},"msg":"Bloque registrado"}.
 * A failing log never stops CoreC; that lines were lost is itself logged, on the terminal at once and in the file afterwards.
 */
import { messageOf } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { LogFields, Logger } from '#ports/logger.ts';
import { isEnabled, LEVELS, type Level, type LevelOrSilent } from './levels.ts';
import type { LogFile } from './log-file.ts';
import { TerminalLog, type TerminalStream } from './terminal.ts';

export interface LoggingOptions {
  readonly clock: Clock;
  readonly level?: LevelOrSilent;
  /** Null: no file. */
  readonly file: string | null;
  readonly fileBytesMax?: number;
  /** Rotated files kept beside the live one. */
  readonly filesMax?: number;
  /** Null: nothing is printed. */
  readonly terminal: {
    readonly stream: TerminalStream;
    readonly isColoured: boolean;
    readonly level?: LevelOrSilent;
  } | null;
}

export interface Logging {
  readonly logger: Logger;
  /** Of the file. */
  stats(): { readonly written: number; readonly lost: number };
  flush(): Promise<void>;
  /** Flushes and closes the file; lines after it go to the terminal only. */
  close(): Promise<void>;
}

/** Five rotated files and the live one: 60 MB at most, about 300,000 lines. */
const FILE_BYTES_MAX_DEFAULT = 10_000_000;
const FILES_MAX_DEFAULT = 5;
const TAG = 'Registro';

type WriteLine = (level: Level, tag: string, text: string, fields: LogFields | undefined) => void;

export async function openLogging(options: LoggingOptions): Promise<Logging> {
  const { clock, terminal } = options;
  const level = options.level ?? 'info';
  const terminalLevel = terminal?.level ?? level;
  const screen = terminal === null ? null : new TerminalLog(terminal.stream, terminal.isColoured);
  const print: WriteLine = (lineLevel, tag, text, fields) => {
    if (screen !== null && isEnabled(lineLevel, terminalLevel))
      screen.write(lineLevel, clock.nowMs(), tag, text, fields);
  };
  const file = options.file === null || level === 'silent' ? null : await openFile(options, options.file, level, print);
  const write: WriteLine = (lineLevel, tag, text, fields) => {
    const safeFields = fields === undefined ? undefined : plainFields(fields);
    print(lineLevel, tag, text, safeFields);
    file?.write(lineLevel, tag, text, safeFields);
  };
  const isWanted = LEVELS.map(
    (one) => (file !== null && isEnabled(one, level)) || (screen !== null && isEnabled(one, terminalLevel)),
  );
  const at = (lineLevel: Level): Logger[Level] =>
    isWanted[LEVELS.indexOf(lineLevel)] === true
      ? (tag, text, fields) => write(lineLevel, tag, text, fields)
      : () => undefined;
  return {
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    stats: () => file?.log.stats() ?? { written: 0, lost: 0 },
    flush: async () => await file?.log.flush(),
    close: async () => await file?.log.close(),
  };
}

/** Loaded only when there is a file to write: pino and the rotation cost 9 MB and 30 ms. */
async function openFile(
  options: LoggingOptions,
  path: string,
  level: Level,
  print: WriteLine,
): Promise<{ readonly log: LogFile; readonly write: WriteLine }> {
  const [{ pino }, { LogFile }] = await Promise.all([import('pino'), import('./log-file.ts')]);
  const { clock } = options;
  const log = new LogFile({
    path,
    clock,
    sizeBytes: options.fileBytesMax ?? FILE_BYTES_MAX_DEFAULT,
    filesMax: options.filesMax ?? FILES_MAX_DEFAULT,
    onTrouble: (found) =>
      print('error', TAG, `The log file ${path} cannot be written; its lines are lost until it can`, { found }),
    onMended: (lost) => {
      const text = `The log file ${path} is written again`;
      print('warn', TAG, text, { lost });
      write('warn', TAG, text, { lost });
    },
  });
  const lines = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => log.write(line) },
  );
  const write: WriteLine = (lineLevel, tag, text, fields) => {
    try {
      lines[lineLevel](fields === undefined ? { tag } : { tag, fields }, text);
    } catch (error) {
      // A field that cannot be written as JSON costs the fields, not the line, and never the caller.
      lines[lineLevel]({ tag, fields: { unprintable: messageOf(error) } }, text);
    }
  };
  return { log, write };
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
