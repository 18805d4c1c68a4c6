/**
 * The commands of the command line as data: those of the table, and the few that are the command line's own (run, bench, config).
 *
 * Owns names, order, groups, options of its own, and which body to load. Bodies are loaded when their command is given.
 */
import { CATALOGUE, type Args, type CommandEntry, type CommandName, type Said } from '#nucleus/commands/catalogue.ts';
import type { TextCode } from '#domain/texts/text.ts';
import type { Call } from './io.ts';

export type Group = 'start' | 'look' | 'feed' | 'act' | 'setup';
export const GROUPS: readonly Group[] = ['start', 'look', 'feed', 'act', 'setup'];

export interface OwnOption {
  readonly name: string;
  /** What stands for the value; left out: a flag. */
  readonly value?: string;
  /** True: the option may stand without its value. */
  readonly bare?: boolean;
  readonly says: TextCode;
}

export interface OwnExample {
  readonly line: string;
  readonly says: TextCode;
}

export interface Row {
  /** Words as they are typed: `config check`. */
  readonly path: string;
  readonly group: Group;
  /** Of the table; null for the command line's own. */
  readonly entry: CommandEntry | null;
  readonly says?: TextCode;
  readonly places?: readonly Place[];
  readonly own?: readonly OwnOption[];
  readonly examples?: readonly OwnExample[];
  readonly act: (call: Call) => Promise<number>;
}

const show =
  (name: CommandName) =>
  async (call: Call): Promise<number> =>
    (await import('./actions/show.ts')).show(call, name);

const shown = (name: CommandName, group: Group): Row => ({
  path: name,
  group,
  entry: CATALOGUE[name],
  act: show(name),
});

export const ROWS: readonly Row[] = [
  {
    path: 'run',
    group: 'start',
    entry: null,
    says: 'cli.help_run',
    own: [
      { name: 'for', value: 'SPAN', says: 'cli.opt_run_for' },
      { name: 'report', value: 'FILE', says: 'cli.opt_run_report' },
      { name: 'wait', value: 'SPAN', bare: true, says: 'cli.opt_run_wait' },
    ],
    examples: [{ line: 'corec run --for 20s --report report.json', says: 'cli.ex_run_report' }],
    act: async (call) => (await import('./actions/run.ts')).run(call),
  },
  shown('status', 'start'),
  shown('doctor', 'start'),
  {
    ...shown('top', 'look'),
    own: [{ name: 'once', says: 'cli.opt_top_once' }],
    act: async (call) => (await import('./actions/top.ts')).top(call),
  },
  {
    ...shown('alerts', 'look'),
    own: [{ name: 'follow', says: 'cli.opt_alerts_follow' }],
    examples: [{ line: 'corec alerts --follow', says: 'cli.ex_follow' }],
    act: async (call) =>
      call.options['follow'] === true ? (await import('./actions/follow.ts')).follow(call) : show('alerts')(call),
  },
  shown('history', 'look'),
  shown('entidad', 'look'),
  shown('entidades', 'look'),
  shown('bloques', 'look'),
  shown('bloque', 'look'),
  shown('supervision', 'look'),
  shown('evolucion', 'look'),
  {
    ...shown('ingest', 'feed'),
    own: [{ name: 'explain', says: 'cli.opt_ingest_explain' }],
    examples: [
      { line: 'corec ingest week.csv.gz --explain', says: 'cli.ex_explain' },
      { line: 'tail -F app.ndjson | corec ingest -', says: 'cli.ex_stdin' },
    ],
    act: async (call) => (await import('./actions/ingest.ts')).ingest(call),
  },
  shown('ack', 'act'),
  shown('silence', 'act'),
  shown('pause', 'act'),
  shown('resume', 'act'),
  shown('reset', 'act'),
  shown('forget', 'act'),
  shown('block-redirect', 'act'),
  shown('block-merge', 'act'),
  shown('block-split', 'act'),
  shown('evolucion-volver', 'act'),
  shown('evolucion-fijar', 'act'),
  {
    path: 'config check',
    group: 'setup',
    entry: CATALOGUE['config-check'],
    act: async (call) => (await import('./actions/config.ts')).checkConfig(call),
  },
  {
    path: 'config schema',
    group: 'setup',
    entry: CATALOGUE['config-schema'],
    act: async (call) => (await import('./actions/config.ts')).printSchema(call),
  },
  {
    path: 'migrate',
    group: 'setup',
    entry: null,
    says: 'cli.help_migrate',
    examples: [{ line: 'DB_USER=corec_owner corec migrate', says: 'cli.ex_migrate' }],
    act: async (call) => (await import('./actions/migrate.ts')).migrate(call),
  },
  {
    path: 'bench',
    group: 'setup',
    entry: null,
    says: 'cli.help_bench',
    own: [
      { name: 'only', value: 'ROWS', says: 'cli.opt_bench_only' },
      { name: 'long', says: 'cli.opt_bench_long' },
    ],
    examples: [{ line: 'corec bench --only sweep,frames', says: 'cli.opt_bench_only' }],
    act: async (call) => (await import('./actions/bench.ts')).bench(call),
  },
  {
    path: 'eval nab',
    group: 'setup',
    entry: null,
    says: 'cli.help_eval_nab',
    places: [
      {
        name: 'dir',
        required: true,
        value: 'DIR',
        says: {
          en: 'folder with data/<category>/<file>.csv (timestamp,value) and maybe labels/combined_windows.json',
          es: 'carpeta con data/<categoría>/<archivo>.csv (timestamp,value) y quizá labels/combined_windows.json',
        },
      },
    ],
    own: [
      { name: 'out', value: 'DIR', says: 'cli.opt_eval_out' },
      { name: 'procesador', value: 'NAME', says: 'cli.opt_eval_procesador' },
    ],
    examples: [{ line: 'corec eval nab nab --out results', says: 'cli.ex_eval_nab' }],
    act: async (call) => (await import('./actions/eval.ts')).evalNab(call),
  },
  {
    path: 'eval odds',
    group: 'setup',
    entry: null,
    says: 'cli.help_eval_odds',
    places: [
      {
        name: 'dir',
        required: true,
        value: 'DIR',
        says: {
          en: 'folder of CSV files x0,...,xN,label (1: odd), and maybe sklearn_auc.json',
          es: 'carpeta de archivos CSV x0,...,xN,label (1: raro), y quizá sklearn_auc.json',
        },
      },
    ],
    examples: [{ line: 'corec eval odds odds', says: 'cli.ex_eval_odds' }],
    act: async (call) => (await import('./actions/eval.ts')).evalOdds(call),
  },
];

/** Options of every command. */
export const COMMON: readonly OwnOption[] = [
  { name: 'config', value: 'FILE', says: 'cli.opt_config' },
  { name: 'data-dir', value: 'DIR', says: 'cli.opt_data_dir' },
  { name: 'json', says: 'cli.opt_json' },
  { name: 'idioma', value: 'en|es', says: 'cli.opt_idioma' },
  { name: 'no-color', says: 'cli.opt_no_color' },
];

export interface Place {
  readonly name: string;
  readonly required: boolean;
  readonly value: string;
  readonly says: Said;
}

/** The arguments of a row that are given by place, in order. */
export function placesOf(row: Row): readonly Place[] {
  const args: Args = row.entry?.args ?? {};
  if (row.places !== undefined) return row.places;
  return Object.entries(args)
    .flatMap(([name, arg]) => (arg.place === undefined ? [] : [{ name, arg, place: arg.place }]))
    .sort((a, b) => a.place - b.place)
    .map(({ name, arg }) => ({
      name,
      required: arg.kind === 'text' && arg.required === true,
      value: arg.value ?? name.toUpperCase(),
      says: arg.says,
    }));
}

export interface FlagRow {
  /** As it is typed, without dashes: `no-resume`. */
  readonly flag: string;
  /** Name in the table. */
  readonly name: string;
  /** Null: takes no value. */
  readonly value: string | null;
  readonly says: Said;
  readonly default: string | null;
}

/** The arguments of a row that are given as options. */
export function flagsOf(row: Row): readonly FlagRow[] {
  const args: Args = row.entry?.args ?? {};
  return Object.entries(args).flatMap(([name, arg]): FlagRow[] => {
    if (arg.place !== undefined) return [];
    const says = arg.says;
    if (arg.kind === 'flag') {
      const isOn = arg.default;
      return [
        { flag: isOn ? `no-${name}` : name, name, value: null, says: (isOn ? arg.off : null) ?? says, default: null },
      ];
    }
    const value = arg.kind === 'choice' ? arg.choices.join('|') : (arg.value ?? name.toUpperCase());
    const usual = 'default' in arg && arg.default !== undefined && arg.default !== '' ? String(arg.default) : null;
    return [{ flag: name, name, value, says, default: usual }];
  });
}
