/** `corec ingest --explain`: how the data was understood, what would be taken, what refused and why. */
import { formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { Explanation } from '#domain/mapeo/explain.ts';
import { table } from '../render/table.ts';
import { printable, truncate } from '../render/width.ts';
import type { View } from './view.ts';

const ROW_CHARS = 100;

export function explanationView(explanation: Explanation, view: View): string[] {
  const { idioma, paint, width } = view;
  const figures = {
    lecturas: explanation.lecturasCount,
    filas: explanation.rowsCount,
    rechazadas: explanation.refusedCount,
  };
  const lines = [
    printable(explanation.words),
    paint.dim(`--map '${printable(explanation.mapeo).replaceAll("'", "'\\''")}'`),
    ...explanation.notices.map((notice) => `${paint.yellow('!')} ${printable(notice)}`),
    '',
    ...table(
      [
        {
          head: text(idioma, 'cli.head_line'),
          of: (one) => formatNumber(idioma, one.line),
          right: true,
          paint: paint.dim,
        },
        { head: text(idioma, 'cli.head_clave'), of: (one) => one.clave, min: 10, paint: paint.bold },
        { head: text(idioma, 'cli.head_lectura'), of: (one) => String(one.valor), right: true },
        { head: text(idioma, 'cli.head_time'), of: (one) => one.ts ?? text(idioma, 'cli.explain_arrival') },
      ],
      explanation.lecturas,
      width,
      paint,
    ),
  ];
  for (const { reason, count, examples } of explanation.refused) {
    lines.push('', paint.red(text(idioma, 'cli.explain_refused', { cuenta: count, razon: reason })));
    for (const { row, where } of examples) {
      lines.push(`  ${paint.dim(printable(where))}  ${truncate(printable(row), (width ?? ROW_CHARS) - 4)}`);
    }
  }
  lines.push(
    '',
    text(idioma, explanation.whole ? 'cli.explain_sum' : 'cli.explain_sum_part', {
      ...figures,
      bytes: explanation.bytes,
    }),
  );
  return lines;
}
