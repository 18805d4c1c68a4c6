/** By what entries judge, and how they came to it. */
import { formatNumber, formatPercent, formatTime } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { EvolucionParametro, EvolucionResult, EvolucionView } from '#ports/nucleus-api.ts';
import { table, type Column } from '../render/table.ts';
import { printable } from '../render/width.ts';
import type { View } from './view.ts';

type Paso = EvolucionView['pasos'][number];
type Genoma = Paso['genoma'];

export function evolucionView({ entradas }: { readonly entradas: readonly EvolucionView[] }, view: View): string[] {
  const { idioma } = view;
  if (entradas.length === 0) return [text(idioma, 'cli.evolution_none')];
  return entradas.flatMap((entrada, k) => [...(k === 0 ? [] : ['']), ...entradaLines(entrada, view)]);
}

function entradaLines(entrada: EvolucionView, view: View): string[] {
  const { idioma, paint, width } = view;
  const { procesador, procesadorBase, fijado, ensayos, lecturas, aptitud, semilla, parametros, pasos } = entrada;
  const states = [
    ...(fijado ? [text(idioma, 'cli.evolution_pinned')] : []),
    ...(procesador === procesadorBase ? [] : [text(idioma, 'cli.evolution_instead', { procesador: procesadorBase })]),
    ...(entrada.anterior === null
      ? []
      : [text(idioma, 'cli.evolution_probation', { genoma: genomaOf(entrada.anterior) })]),
    ...(entrada.retador === null ? [] : [text(idioma, 'cli.evolution_retador', { genoma: genomaOf(entrada.retador) })]),
  ];
  const score = aptitud === null ? '-' : formatNumber(idioma, aptitud, 3);
  const columns: Column<EvolucionParametro>[] = [
    { head: text(idioma, 'cli.head_parametro'), of: ({ nombre }) => nombre, min: 8, paint: paint.bold },
    { head: text(idioma, 'cli.head_value'), of: ({ valor }) => valueOf(view, valor), right: true },
    {
      head: text(idioma, 'cli.head_configured'),
      of: ({ configurado }) => (configurado === null ? '-' : valueOf(view, configurado)),
      right: true,
    },
    { head: text(idioma, 'cli.head_bounds'), of: (row) => boundsOf(view, row), drop: 1 },
    { head: text(idioma, 'cli.head_origin'), of: ({ origen }) => originOf(view, origen), min: 16 },
  ];
  const steps: Column<Paso>[] = [
    { head: text(idioma, 'cli.head_when'), of: ({ tsMs }) => formatTime(tsMs) },
    { head: text(idioma, 'cli.head_step'), of: ({ tipo }) => text(idioma, `cli.evolution_${tipo}`) },
    { head: text(idioma, 'cli.head_from'), of: ({ antes }) => genomaOf(antes), min: 8 },
    { head: text(idioma, 'cli.head_to'), of: ({ genoma }) => genomaOf(genoma), min: 8, paint: paint.bold },
    { head: 'F1', of: (paso) => scoresOf(view, paso), right: true },
    {
      head: text(idioma, 'cli.head_sure'),
      of: ({ confianza }) => (confianza === null ? '' : formatPercent(idioma, confianza)),
      right: true,
      drop: 1,
    },
    { head: text(idioma, 'cli.head_by'), of: ({ por }) => printable(por), min: 6, drop: 0 },
  ];
  return [
    paint.bold(entrada.entrada) + `  ${procesador}` + (states.length === 0 ? '' : `  ${states.join('; ')}`),
    text(idioma, 'cli.evolution_rounds', { ensayos, lecturas, aptitud: score, semilla }),
    ...table(columns, parametros, width, paint),
    ...(pasos.length === 0 ? [] : ['', ...table(steps, pasos.toReversed(), width, paint)]),
  ];
}

export function evolucionDone({ entrada, fijado, ...genoma }: EvolucionResult, { idioma }: View): string[] {
  return [text(idioma, fijado ? 'cli.did_pin' : 'cli.did_release', { entrada, genoma: genomaOf(genoma) })];
}

function genomaOf({ procesador, valores }: Genoma): string {
  return printable([procesador, ...Object.entries(valores).map(([name, valor]) => `${name}=${valor}`)].join(' '));
}

function valueOf({ idioma }: View, valor: number | string): string {
  return typeof valor === 'number' ? formatNumber(idioma, valor) : printable(valor);
}

function boundsOf(view: View, { min, max, opciones }: EvolucionParametro): string {
  return min === null || max === null
    ? opciones.map(printable).join(', ')
    : `${valueOf(view, min)} - ${valueOf(view, max)}`;
}

function originOf(view: View, origen: Paso | null): string {
  const { idioma } = view;
  if (origen === null) return text(idioma, 'cli.evolution_configured');
  const { tsMs, por, ensayo } = origen;
  if (ensayo === null) return text(idioma, 'cli.evolution_by_hand', { tsMs, por: printable(por) });
  return text(idioma, 'cli.evolution_origin', { tsMs, ensayo, scores: scoresOf(view, origen) });
}

function scoresOf({ idioma }: View, { aptitud, aptitudAntes }: Paso): string {
  if (aptitud === null || aptitudAntes === null) return '';
  return `${formatNumber(idioma, aptitudAntes, 3)} -> ${formatNumber(idioma, aptitud, 3)}`;
}
