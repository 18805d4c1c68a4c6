/** What supervision keeps from running. */
import { formatDuration, formatNumber } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { CircuitoView, SupervisionView } from '#ports/nucleus-api.ts';
import { table, type Column } from '../render/table.ts';
import { printable } from '../render/width.ts';
import type { View } from './view.ts';

export function supervisionView({ degradado, plugins, circuitos, cuarentena }: SupervisionView, view: View): string[] {
  const { idioma, paint, width } = view;
  const lines: string[] = [];
  if (degradado) lines.push(paint.red(text(idioma, 'cli.supervision_degraded')), '');
  for (const plugin of plugins) lines.push(paint.red(text(idioma, 'log.plugin_suspended', { plugin })));
  if (plugins.length > 0) lines.push('');
  const fallo = <T extends { readonly fallo: string }>(): Column<T> => ({
    head: text(idioma, 'cli.head_fallo'),
    of: (row) => printable(row.fallo),
    min: 12,
    paint: paint.dim,
  });
  const bloque = <T extends { readonly bloque: string }>(): Column<T> => ({
    head: text(idioma, 'cli.head_bloque'),
    of: (row) => row.bloque,
    min: 8,
    paint: paint.bold,
  });
  if (circuitos.length > 0) {
    const columns: Column<CircuitoView>[] = [
      bloque(),
      {
        head: text(idioma, 'cli.head_state'),
        of: (row) => text(idioma, `cli.circuit_${row.estado}`),
        paint: (cell, row) => (row.estado === 'cerrado' ? cell : paint.red(cell)),
      },
      { head: text(idioma, 'cli.head_openings'), of: (row) => formatNumber(idioma, row.aperturas), right: true },
      {
        head: text(idioma, 'cli.head_retry'),
        of: (row) => (row.reintentoMs === null ? '' : formatDuration(idioma, row.reintentoMs)),
        right: true,
      },
      fallo(),
    ];
    lines.push(text(idioma, 'cli.supervision_circuits'), ...table(columns, circuitos, width, paint), '');
  }
  if (cuarentena.length > 0) {
    const columns: Column<SupervisionView['cuarentena'][number]>[] = [
      bloque(),
      { head: text(idioma, 'cli.head_entidades'), of: (row) => formatNumber(idioma, row.entidades), right: true },
      fallo(),
    ];
    lines.push(text(idioma, 'cli.supervision_quarantine'), ...table(columns, cuarentena, width, paint), '');
  }
  return lines.length === 0 ? [text(idioma, 'cli.supervision_quiet')] : lines.slice(0, -1);
}
