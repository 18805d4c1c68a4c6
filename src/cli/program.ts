/**
 * From words to a command: reads the command line with commander, chooses the language, runs the body, turns an error into words and
 * an exit code.
 *
 * Owns what a wrong command line is told. Leaves the words of help to help.ts, the commands to rows.ts.
 */
import { Command, CommanderError, Option } from 'commander';
import type { Idioma } from '#domain/errors.ts';
import { chooseIdioma } from '#domain/texts/idioma.ts';
import { nearestKey } from '#domain/texts/nearest.ts';
import { text } from '#domain/texts/text.ts';
import { CommandError } from '#nucleus/commands/command.ts';
import { unknownCommand } from '#nucleus/commands/unknown.ts';
import { EXIT, exitCodeOf, Interrupted, RemoteError, shownError } from './exit.ts';
import { overview, page, type HelpStyle } from './help.ts';
import {
  paintOf,
  widthOfTerminal,
  writeJson,
  writeLines,
  type Call,
  type CliOptions,
  type Given,
  type Io,
} from './io.ts';
import { locate } from './locate.ts';
import { printable } from './render/width.ts';
import { COMMON, flagsOf, placesOf, ROWS, type Row } from './rows.ts';

/** As commander names an option: `dry-run` is `dryRun`. */
const optionKey = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** Help into a pipe is as wide as a page. */
const PIPE_WIDTH = 100;

/** Runs one command line and gives its exit code. */
export async function main(argv: readonly string[], version: string, io: Io): Promise<number> {
  const isJson = argv.includes('--json');
  // until the configuration was looked into, the environment alone says
  let idioma = chooseIdioma(givenIdioma(argv) ?? 'auto', io.env);
  let code: number = EXIT.ok;

  async function act(row: Row, options: CliOptions, args: Readonly<Record<string, Given>>): Promise<void> {
    idioma = await idiomaOf(options, io);
    const call: Call = { io, idioma, json: options.json === true, args, options };
    code = await row.act(call);
  }

  const style = (): HelpStyle => ({
    idioma,
    paint: paintOf({ io, options: { color: !argv.includes('--no-color') } }, io.stdout),
    width: Math.min(120, widthOfTerminal(io.stdout) ?? PIPE_WIDTH),
  });
  const program = build(act, style, (lines) => writeLines(io.stdout, lines), version);
  try {
    if (argv.length === 0) writeLines(io.stdout, overview(style()));
    else await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
    const error = thrown instanceof CommanderError ? ofCommander(thrown, argv) : thrown;
    if (error instanceof Interrupted) return EXIT.interrupted;
    const shown = shownError(error, idioma);
    if (isJson) writeJson(io.stdout, { error: shown });
    const paint = paintOf({ io, options: { color: !argv.includes('--no-color') } }, io.stderr);
    const message = shown.message.split('\n').map(printable).join('\n');
    io.stderr.write(`${paint.red(`${text(idioma, 'cli.error')} ${shown.code}`)}: ${message}\n`);
    const isOurs = shown.code === 'COREC_E_INTERNAL' && !(error instanceof RemoteError);
    if (isOurs && error instanceof Error && error.stack !== undefined) {
      io.stderr.write(`${paint.dim(error.stack)}\n`);
    }
    return exitCodeOf(error);
  }
}

function build(
  act: (row: Row, options: CliOptions, args: Readonly<Record<string, Given>>) => Promise<void>,
  style: () => HelpStyle,
  print: (lines: readonly string[]) => void,
  version: string,
): Command {
  const program = new Command('corec');
  program
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: (written) => print([written.trimEnd()]) })
    .configureHelp({ formatHelp: (command) => helpOf(command, style()).join('\n') })
    .version(version, '-V, --version')
    .helpCommand(false);
  for (const { name, value } of COMMON) program.option(`--${name}${value === undefined ? '' : ` <${value}>`}`);
  const parents = new Map<string, Command>();
  for (const row of ROWS) {
    const words = row.path.split(' ');
    const own = words.pop()!;
    let parent = program;
    for (const word of words) {
      const known: Command = parents.get(word) ?? parent.command(word);
      parents.set(word, known);
      parent = known;
    }
    const command = parent.command(own);
    const places = placesOf(row);
    for (const { name, required } of places) command.argument(required ? `<${name}>` : `[${name}]`);
    for (const { flag, value } of flagsOf(row))
      command.addOption(new Option(`--${flag}${value === null ? '' : ` <${value}>`}`));
    for (const { name, value, bare = false } of row.own ?? []) {
      const shown = value === undefined ? '' : bare ? ` [${value}]` : ` <${value}>`;
      command.addOption(new Option(`--${name}${shown}`));
    }
    command.action(async (...given: unknown[]) => {
      const options = command.optsWithGlobals<CliOptions>();
      const args: Record<string, Given> = {};
      for (const [k, { name }] of places.entries()) if (given[k] !== undefined) args[name] = given[k] as string;
      for (const { flag, name } of flagsOf(row)) {
        const value = options[optionKey(name)];
        if (value !== undefined && !(flag.startsWith('no-') && value === true)) args[name] = value;
      }
      await act(row, options, args);
    });
  }
  program
    .command('help')
    .argument('[words...]')
    .action((words: readonly string[]) => {
      if (words.length === 0) return print(overview(style()));
      const path = words.join(' ');
      const rows = ROWS.filter((row) => row.path === path || row.path.startsWith(`${path} `));
      if (rows.length === 0)
        throw unknownCommand(
          path,
          ROWS.map((row) => row.path),
        );
      print(pagesOf(rows, style()));
    });
  return program;
}

function helpOf(command: Command, style: HelpStyle): string[] {
  const words: string[] = [];
  for (let one: Command | null = command; one !== null && one.parent !== null; one = one.parent)
    words.unshift(one.name());
  const path = words.join(' ');
  const rows = ROWS.filter((row) => row.path === path || row.path.startsWith(`${path} `));
  return path === '' || rows.length === 0 ? overview(style) : pagesOf(rows, style);
}

function pagesOf(rows: readonly Row[], style: HelpStyle): string[] {
  return rows.flatMap((row, k) => (k === 0 ? page(row, style) : ['', ...page(row, style)]));
}

/** --idioma, else what the configuration says, else the environment. A broken configuration has no say here: its command tells. */
async function idiomaOf(options: CliOptions, io: Io): Promise<Idioma> {
  const { config, dataDir, idioma } = options;
  if (idioma !== undefined) {
    if (idioma === 'en' || idioma === 'es') return idioma;
    const found = `--idioma "${idioma}"`;
    throw new CommandError('COREC_E_ARGUMENT', {
      en: { command: 'corec', found, allowed: 'en, es' },
      es: { command: 'corec', found, allowed: 'en, es' },
    });
  }
  try {
    const place = await locate({ config, dataDir, env: io.env, cwd: io.cwd, root: io.root });
    return chooseIdioma(place.idioma, io.env);
  } catch {
    return chooseIdioma('auto', io.env);
  }
}

function givenIdioma(argv: readonly string[]): Idioma | null {
  const at = argv.findIndex((word) => word === '--idioma' || word.startsWith('--idioma='));
  if (at < 0) return null;
  const given = argv[at]!.includes('=') ? argv[at]!.slice('--idioma='.length) : argv[at + 1];
  return given === 'en' || given === 'es' ? given : null;
}

/** What commander says in English only, in our words, in both languages. */
function ofCommander(error: CommanderError, argv: readonly string[]): CommandError {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const row = rowOf(argv);
  const command = row?.path ?? argv.find((word) => !word.startsWith('-')) ?? 'corec';
  const argument = (en: string, es: string, allowedEn: string, allowedEs: string = allowedEn): CommandError =>
    new CommandError(
      'COREC_E_ARGUMENT',
      { en: { command, found: en, allowed: allowedEn }, es: { command, found: es, allowed: allowedEs } },
      error,
    );
  const options = [
    ...COMMON.map((option) => option.name),
    ...(row === null ? [] : [...flagsOf(row).map(({ flag }) => flag), ...(row.own ?? []).map(({ name }) => name)]),
  ].map((name) => `--${name}`);
  switch (error.code) {
    case 'commander.unknownCommand':
    case 'commander.help':
      return unknownCommand(
        quoted || command,
        ROWS.map((one) => one.path),
      );
    case 'commander.unknownOption': {
      const nearest = nearestKey(quoted, options);
      return argument(`there is no option ${quoted}`, `no existe la opción ${quoted}`, nearest ?? options.join(', '));
    }
    case 'commander.missingArgument': {
      const place = row === null ? undefined : placesOf(row).find(({ name }) => name === quoted);
      return argument(
        `${place?.value ?? quoted} is missing`,
        `falta ${place?.value ?? quoted}`,
        place?.says.en ?? quoted,
        place?.says.es ?? quoted,
      );
    }
    case 'commander.optionMissingArgument': {
      const option = quoted.split(' ')[0]!;
      return argument(`${option} has no value`, `${option} no tiene valor`, quoted);
    }
    case 'commander.excessArguments': {
      const most = row === null ? 0 : placesOf(row).length;
      return argument(
        'too many arguments',
        'demasiados argumentos',
        `${most}; a text with blanks in quotes`,
        `${most}; un texto con espacios entre comillas`,
      );
    }
    default:
      return argument(error.message, error.message, 'corec help');
  }
}

/** The row that the words of the command line name, options left aside. */
function rowOf(argv: readonly string[]): Row | null {
  const words: string[] = [];
  for (const [k, word] of argv.entries()) {
    if (word.startsWith('-')) continue;
    const before = argv[k - 1];
    const takesValue =
      before !== undefined && COMMON.some(({ name, value }) => value !== undefined && before === `--${name}`);
    if (!takesValue) words.push(word);
  }
  return ROWS.find((row) => row.path === words.slice(0, row.path.split(' ').length).join(' ')) ?? null;
}
