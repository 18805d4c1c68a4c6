/** The process as commands see it, handed in by main.ts: streams, environment, folders, interrupts. */
import type { Environment } from '#domain/config/variables.ts';
import type { Idioma } from '#domain/errors.ts';
import { ANSI_PAINT, NO_PAINT, type Paint } from './render/paint.ts';

export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Environment;
  readonly cwd: string;
  /** CoreC's own folder. */
  readonly root: string;
  readonly user: string;
  /** True once the reader of stdout has gone (`| head`): what is not done yet may stop. */
  readonly pipeClosed: AbortSignal;
  /**
   * Calls back for SIGINT and SIGTERM instead of dying; a second one dies. The returned function gives that up again.
   */
  onInterrupt(callback: () => void): () => void;
}

/** What a command line can give: a text, or a flag. */
export type Given = string | boolean;
export type GivenArgs = Readonly<Record<string, Given>>;

/** What one invocation was asked for. */
export interface Call {
  readonly io: Io;
  readonly idioma: Idioma;
  readonly json: boolean;
  /** Arguments of the command table, as they were given. */
  readonly args: GivenArgs;
  /** Everything else of the command line. */
  readonly options: CliOptions;
}

export interface CliOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly idioma?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly [name: string]: Given | undefined;
}

/** Colours on a terminal, unless NO_COLOR (https://no-color.org) or --no-color says otherwise. */
export function paintOf({ io, options }: Pick<Call, 'io' | 'options'>, stream: NodeJS.WriteStream): Paint {
  const wanted = options.color !== false && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb';
  return wanted && stream.isTTY ? ANSI_PAINT : NO_PAINT;
}

/** Columns of the terminal; null into a pipe, where nothing is cut. */
export function widthOfTerminal(stream: NodeJS.WriteStream): number | null {
  return stream.isTTY ? Math.max(20, stream.columns || 80) : null;
}

export function writeLines(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
}

/** One JSON document: indented for a person's terminal, on one line for a program. */
export function writeJson(stream: NodeJS.WriteStream, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, stream.isTTY ? 2 : 0)}\n`);
}
