/** `corec history`: a line an event, newest last; what does not fit beside it stands below itself. */
import { stripVTControlCharacters } from 'node:util';
import { formatTime } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { HistoryResult, ToldEvent } from '#nucleus/commands/results.ts';
import { table, type Column } from '../render/table.ts';
import { printable, widthOf, wrap } from '../render/width.ts';
import type { View } from './view.ts';

/** Less room than this beside the other columns, and the words stand on lines of their own. */
const TOLD_MIN = 36;
const WHERE_MIN = 24;

export function historyView({ eventos, antes }: HistoryResult, view: View): string[] {
  const { idioma, paint, width } = view;
  // what is older comes first here, and so does the way to it
  const older = antes === null ? [] : [paint.dim(text(idioma, 'cli.history_more', { antes: printable(antes) }))];
  if (eventos.length === 0) return older.length > 0 ? older : [text(idioma, 'cli.history_none')];
  const columns: Column<ToldEvent>[] = [
    { head: text(idioma, 'cli.head_when'), of: (one) => formatTime(one.tsMs) },
    {
      head: text(idioma, 'cli.head_kind'),
      of: (one) => text(idioma, `cli.event_${one.tipo}`),
      paint: (cell, one) => paintOf(one, view)(cell),
    },
    { head: text(idioma, 'cli.head_where'), of: whereOf, min: WHERE_MIN, paint: paint.bold },
  ];
  const told: Column<ToldEvent> = { head: text(idioma, 'cli.head_told'), of: (one) => one.texto };
  if (width === null) return [...older, ...table([...columns, told], eventos, null, paint)];
  const [head = '', ...lines] = table(columns, eventos, width, paint);
  const taken = lines.reduce((most, line) => Math.max(most, widthOf(stripVTControlCharacters(line))), 0) + 2;
  const beside = width - taken >= TOLD_MIN;
  const indent = ' '.repeat(beside ? taken : 4);
  const body = lines.flatMap((line, k) => {
    const parts = wrap(printable(eventos[k]!.texto), width - indent.length);
    if (!beside) return [line, ...parts.map((part) => `${indent}${part}`)];
    const gap = ' '.repeat(taken - widthOf(stripVTControlCharacters(line)));
    return [`${line}${gap}${parts[0] ?? ''}`, ...parts.slice(1).map((part) => `${indent}${part}`)];
  });
  return [...older, head, ...body];
}

function whereOf({ tipo, bloque, clave, datos }: ToldEvent): string {
  if (tipo === 'movimiento') return `${datos['de']} > ${datos['a']}`;
  return clave || bloque || '*';
}

function paintOf({ tipo, evento }: ToldEvent, { paint }: View): (cell: string) => string {
  if (evento === 'cerrada') return paint.green;
  if (tipo === 'alerta' || tipo === 'circuito') return paint.red;
  return tipo === 'reparacion' ? paint.yellow : paint.dim;
}
