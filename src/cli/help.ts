/** The help pages: all commands in groups, and one command with its arguments, options and examples. */
import type { Idioma } from '#domain/errors.ts';
import { text, textOf } from '#domain/texts/text.ts';
import type { Paint } from './render/paint.ts';
import { pad, widthOf, wrap } from './render/width.ts';
import { COMMON, flagsOf, GROUPS, placesOf, ROWS, type OwnOption, type Row } from './rows.ts';

export interface HelpStyle {
  readonly idioma: Idioma;
  readonly paint: Paint;
  readonly width: number;
}

type Item = readonly [left: string, right: string];

/** All commands. */
export function overview(style: HelpStyle): string[] {
  const { idioma, paint } = style;
  const groups = GROUPS.map((group): [string, Item[]] => [
    text(idioma, `cli.help_group_${group}`),
    ROWS.filter((row) => row.group === group).map((row) => [usageOf(row), summaryOf(row, idioma)]),
  ]);
  const common: Item[] = COMMON.map((option) => [optionText(option), textOf(idioma, option.says, {})]);
  common.push(['-h, --help', text(idioma, 'cli.opt_help')], ['-V, --version', text(idioma, 'cli.opt_version')]);
  const widest = [...groups.flatMap(([, items]) => items), ...common].reduce(
    (most, [left]) => Math.max(most, widthOf(left)),
    0,
  );
  return [
    ...wrap(text(idioma, 'cli.help_title'), style.width).map(paint.bold),
    '',
    `${text(idioma, 'cli.help_usage')}: corec <${text(idioma, 'cli.help_command')}> [...]`,
    ...groups.flatMap(([title, items]) => ['', paint.bold(title), ...list(items, widest, style)]),
    '',
    paint.bold(text(idioma, 'cli.help_common')),
    ...list(common, widest, style),
    '',
    paint.bold(text(idioma, 'cli.help_examples')),
    ...examples(
      [
        ['./run.sh', text(idioma, 'cli.help_run')],
        ['corec ingest sensors.csv', text(idioma, 'cli.ex_ingest')],
        ['corec alerts --since 7d --order valor', text(idioma, 'cli.ex_alerts')],
        ["corec entidad 'cpu/total/usado'", text(idioma, 'cli.ex_entidad')],
        ['corec status --json', text(idioma, 'cli.ex_json')],
      ],
      style,
    ),
    '',
    ...wrap(text(idioma, 'cli.help_exit'), style.width),
    text(idioma, 'cli.help_more'),
  ];
}

function examples(items: readonly Item[], style: HelpStyle): string[] {
  return list(
    items,
    items.reduce((most, [left]) => Math.max(most, widthOf(left)), 0),
    style,
  );
}

/** One command. */
export function page(row: Row, style: HelpStyle): string[] {
  const { idioma, paint } = style;
  const places: Item[] = placesOf(row).map((place) => [place.value, place.says[idioma]]);
  const options: Item[] = flagsOf(row).map((flag) => {
    const left = `--${flag.flag}${flag.value === null ? '' : ` ${flag.value}`}`;
    const usual = flag.default === null ? '' : ` (${text(idioma, 'cli.help_default', { valor: flag.default })})`;
    return [left, `${flag.says[idioma]}${usual}`];
  });
  for (const option of row.own ?? []) options.push([optionText(option), textOf(idioma, option.says, {})]);
  const common: Item[] = COMMON.map((option) => [optionText(option), textOf(idioma, option.says, {})]);
  const shown: Item[] = [
    ...(row.entry?.examples ?? []).map((example): Item => [exampleLine(row, example.input), example.says[idioma]]),
    ...(row.examples ?? []).map((example): Item => [example.line, textOf(idioma, example.says, {})]),
  ];
  const widest = [...places, ...options, ...common].reduce((most, [left]) => Math.max(most, widthOf(left)), 0);
  const lines = [
    `${text(idioma, 'cli.help_usage')}: corec ${usageOf(row)}${options.length > 0 ? ' [...]' : ''}`,
    '',
    ...wrap(summaryOf(row, idioma), style.width),
  ];
  const part = (title: string, items: readonly Item[], left: number): void => {
    if (items.length > 0) lines.push('', paint.bold(title), ...list(items, left, style));
  };
  part(text(idioma, 'cli.help_arguments'), places, widest);
  part(text(idioma, 'cli.help_options'), options, widest);
  part(text(idioma, 'cli.help_common'), common, widest);
  if (shown.length > 0) lines.push('', paint.bold(text(idioma, 'cli.help_examples')), ...examples(shown, style));
  return lines;
}

function list(items: readonly Item[], left: number, { width, paint }: HelpStyle): string[] {
  // on a narrow terminal the words go below what they explain
  const beside = width - left - 4 >= 24;
  return items.flatMap(([name, says]) => {
    if (!beside) return [`  ${paint.cyan(name)}`, ...wrap(says, width - 6).map((line) => `      ${line}`)];
    const [first = '', ...rest] = wrap(says, width - left - 4);
    return [`  ${paint.cyan(pad(name, left))}  ${first}`, ...rest.map((line) => `${' '.repeat(left + 4)}${line}`)];
  });
}

function usageOf(row: Row): string {
  const places = placesOf(row).map((place) => (place.required ? place.value : `[${place.value}]`));
  return [row.path, ...places].join(' ');
}

function summaryOf(row: Row, idioma: Idioma): string {
  return row.entry?.summary[idioma] ?? (row.says === undefined ? '' : textOf(idioma, row.says, {}));
}

function optionText({ name, value, bare = false }: OwnOption): string {
  if (value === undefined) return `--${name}`;
  return bare ? `--${name} [${value}]` : `--${name} ${value}`;
}

/** An example of the table as it is typed. */
export function exampleLine(row: Row, input: Readonly<Record<string, string | number | boolean>>): string {
  const words = ['corec', row.path];
  for (const { name } of placesOf(row)) if (input[name] !== undefined) words.push(quoted(String(input[name])));
  for (const { flag, name, value } of flagsOf(row)) {
    const given = input[name];
    if (given === undefined) continue;
    if (value !== null) words.push(`--${flag}`, quoted(String(given)));
    else if (given !== flag.startsWith('no-')) words.push(`--${flag}`);
  }
  return words.join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
