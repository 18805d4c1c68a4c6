/** `corec config check`: what will stand, memory and disk by part, what a person should know. */
import { formatBytes, formatNumber } from '#domain/texts/format.ts';
import { text, textOf } from '#domain/texts/text.ts';
import type { ConfigCheckResult } from '#nucleus/commands/command.ts';
import { pairs, table, type Column } from '../render/table.ts';
import { printable } from '../render/width.ts';
import type { View } from './view.ts';

type Check = ConfigCheckResult['check'];
type Entry = Check['entradas'][number];
type Part = Check['estimate']['memoria'][number] | Check['estimate']['disco'][number];
/** A sum of parts stands below them under this name. */
interface Line {
  readonly name: string;
  readonly bytes: number;
  readonly bytesMax: number;
}

export function configView({ file, check }: ConfigCheckResult, view: View): string[] {
  const { idioma, paint, width } = view;
  const { entidades, bloques, estimate } = check;
  const where: [string, string][] = [
    ['instance_id', check.instanceId],
    ['data_dir', check.dataDir],
    [
      'db_config',
      check.postgres === null
        ? text(idioma, 'config.storage_embedded', { ruta: check.dataDir })
        : text(idioma, 'config.storage_server', { servidor: check.postgres }),
    ],
    [
      'redis_config',
      check.redis === null
        ? text(idioma, 'config.streams_inprocess')
        : text(idioma, 'config.streams_server', { servidor: check.redis }),
    ],
    ['http', check.http ?? text(idioma, 'cli.none')],
    [
      'fuentes',
      check.fuentes
        .map((fuente) => `${fuente.tipo}${fuente.ruta === null ? '' : ` ${fuente.ruta}`} -> ${fuente.bloque}`)
        .join(', ') || text(idioma, 'cli.none'),
    ],
    [
      'plugins',
      check.plugins
        .map((plugin) => `${plugin.name}${plugin.enabled ? '' : ` (${text(idioma, 'cli.no')})`}`)
        .join(', ') || text(idioma, 'cli.none'),
    ],
  ];
  const entries: Column<Entry>[] = [
    { head: text(idioma, 'cli.head_entry'), of: (row) => row.id, min: 8, paint: paint.bold },
    { head: text(idioma, 'cli.head_canal'), of: (row) => String(row.canal), right: true },
    { head: text(idioma, 'cli.head_procesador'), of: (row) => row.procesador, min: 8 },
    { head: text(idioma, 'cli.head_entidades'), of: (row) => formatNumber(idioma, row.entidades), right: true },
    { head: text(idioma, 'cli.head_bloques'), of: (row) => formatNumber(idioma, row.bloques), right: true },
    { head: text(idioma, 'cli.head_size'), of: (row) => formatBytes(idioma, row.bytesPorBloque), right: true },
    {
      head: '',
      of: (row) =>
        [row.artificial ? text(idioma, 'cli.artificial') : '', row.dinamico ? text(idioma, 'cli.dynamic') : '']
          .filter((mark) => mark !== '')
          .join(', '),
      paint: paint.dim,
    },
  ];
  const notices = check.notices.map(
    (notice) =>
      `${paint.yellow('!')} ${printable(textOf(idioma, notice.code, { ...notice.params, path: notice.path }))}`,
  );
  return [
    paint.green(text(idioma, 'cli.config_file', { ruta: printable(file), entidades, bloques })),
    '',
    ...pairs(
      where.map(([name, value]) => [name, printable(value)] as const),
      paint,
    ),
    '',
    ...table(entries, check.entradas, width, paint),
    '',
    ...sumTable(text(idioma, 'cli.memory'), estimate.memoria, estimate.memoriaBytes, estimate.memoriaBytesMax, view),
    '',
    ...sumTable(text(idioma, 'cli.disk_kept'), estimate.disco, estimate.discoBytes, estimate.discoBytesMax, view),
    '',
    ...sumTable(text(idioma, 'cli.disk_day'), estimate.discoDia, estimate.discoDiaBytes, null, view),
    ...(notices.length === 0 ? [] : ['', ...notices]),
  ];
}

function sumTable(title: string, parts: readonly Part[], bytes: number, bytesMax: number | null, view: View): string[] {
  const { idioma, paint, width } = view;
  const lines: Line[] = [
    ...parts.map((part) => ({
      name: text(idioma, `config.part_${part.parte}`),
      bytes: part.bytes,
      bytesMax: part.bytesMax,
    })),
    { name: text(idioma, 'cli.total'), bytes, bytesMax: bytesMax ?? 0 },
  ];
  const columns: Column<Line>[] = [
    { head: title, of: (line) => line.name, min: 10 },
    { head: text(idioma, 'cli.config_now'), of: (line) => formatBytes(idioma, line.bytes), right: true },
  ];
  if (bytesMax !== null)
    columns.push({
      head: text(idioma, 'cli.config_most'),
      of: (line) => formatBytes(idioma, line.bytesMax),
      right: true,
    });
  return table(columns, lines, width, paint);
}
