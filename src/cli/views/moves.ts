/** A plan of redirection, merging or splitting, carried out or not. */
import { formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { MoverResult } from '#ports/nucleus-api.ts';
import { table, type Column } from '../render/table.ts';
import type { View } from './view.ts';

export function movesView({ movimientos, seco }: MoverResult, { idioma, paint, width }: View): string[] {
  if (movimientos.length === 0) return [text(idioma, 'cli.no_moves')];
  const columns: Column<MoverResult['movimientos'][number]>[] = [
    { head: text(idioma, 'cli.head_move'), of: ({ tipo }) => text(idioma, `cli.move_${tipo}`), min: 6 },
    { head: text(idioma, 'cli.head_from'), of: ({ de }) => de, min: 8, paint: paint.bold },
    { head: text(idioma, 'cli.head_to'), of: ({ a }) => a, min: 8, paint: paint.bold },
    {
      head: text(idioma, 'cli.head_entidades'),
      of: ({ entidades }) => formatNumber(idioma, entidades),
      right: true,
    },
    { head: text(idioma, 'cli.head_bound'), of: ({ ligadas }) => formatNumber(idioma, ligadas), right: true },
  ];
  const count = movimientos.reduce((sum, { entidades }) => sum + entidades, 0);
  return [
    ...table(columns, movimientos, width, paint),
    text(idioma, seco ? 'cli.moves_planned' : 'cli.moves_done', { entidades: count }),
  ];
}
