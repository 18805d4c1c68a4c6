/** `corec entidad`: what it is, how it is now, its history as a line with the alerts marked below, its last alerts in words. */
import { formatDuration, formatRelative, formatTime, UNKNOWN } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { EntidadResult } from '#nucleus/commands/results.ts';
import { drawChart } from '../render/chart.ts';
import { pairs } from '../render/table.ts';
import { pad, printable, widthOf } from '../render/width.ts';
import { alertTable } from './lists.ts';
import { figure, type View } from './view.ts';

const CHART_HEIGHT = 6;
const CHART_WIDTH_MAX = 160;
const PIPE_WIDTH = 80;
const ALERTS_SHOWN = 5;

export function entidadView({ entidad, esperado, history }: EntidadResult, view: View): string[] {
  const { idioma, paint } = view;
  const state = entidad.cuarentena
    ? paint.red(text(idioma, 'cli.entidad_quarantine'))
    : entidad.activo
      ? text(idioma, 'cli.entidad_active')
      : paint.yellow(text(idioma, 'cli.entidad_inactive'));
  const repaired =
    entidad.generacion > 0 ? `, ${text(idioma, 'cli.entidad_repaired', { veces: entidad.generacion })}` : '';
  const alert = entidad.alerta === 'ninguna' ? '' : `, ${paint.red(text(idioma, `cli.alerta_${entidad.alerta}`))}`;
  const rows: [string, string][] = [
    [text(idioma, 'cli.label_id'), entidad.id],
    [text(idioma, 'cli.label_procesador'), `${printable(entidad.procesador)}, canal ${entidad.canal}`],
    [text(idioma, 'cli.label_state'), `${state}${repaired}${alert}`],
    [
      text(idioma, 'cli.label_now'),
      text(idioma, 'cli.entidad_now', {
        lectura: paint.bold(figure(idioma, entidad.lectura)),
        valor: entidad.valor,
        hace:
          entidad.tsMs <= 0
            ? UNKNOWN
            : `${formatTime(entidad.tsMs)} (${formatRelative(idioma, entidad.tsMs, view.nowMs)})`,
      }),
    ],
  ];
  if (esperado !== null) {
    rows.push([
      text(idioma, 'cli.label_expected'),
      text(idioma, 'cli.entidad_range', { min: esperado.min, max: esperado.max }),
    ]);
  }
  const title = text(idioma, 'cli.entidad_head', {
    clave: paint.bold(printable(entidad.clave)),
    bloque: entidad.bloque,
  });
  const lines = [title, ...pairs(rows, paint), '', ...chartLines(history, view)];
  if (history.alertas.length === 0) return [...lines, '', text(idioma, 'cli.entidad_no_alerts')];
  const newest = history.alertas.toSorted((a, b) => b.abiertaMs - a.abiertaMs).slice(0, ALERTS_SHOWN);
  const views = newest.map((alerta) => ({ ...alerta, clave: '', silenciada: false }));
  return [...lines, '', ...alertTable(views, view, false)];
}

function chartLines({ points, alertas }: EntidadResult['history'], view: View): string[] {
  const { idioma, paint } = view;
  const last = points.reduce((most, point) => Math.max(most, point.tsMs), -Infinity);
  const spans = alertas.map((alerta) => ({
    fromMs: alerta.abiertaMs,
    toMs: alerta.cerradaMs ?? Math.max(last, alerta.actualizadaMs),
  }));
  const lecturas = points.map((point) => ({ tsMs: point.tsMs, value: point.lectura }));
  const span = lecturas.filter((point) => Number.isFinite(point.value)).map((point) => point.value);
  if (span.length === 0) return [paint.dim(text(idioma, 'cli.entidad_no_history'))];
  const most = figure(
    idioma,
    span.reduce((a, b) => Math.max(a, b), -Infinity),
  );
  const least = figure(
    idioma,
    span.reduce((a, b) => Math.min(a, b), Infinity),
  );
  const gutter = Math.max(widthOf(most), widthOf(least));
  const width = Math.min(CHART_WIDTH_MAX, Math.max(10, (view.width ?? PIPE_WIDTH) - gutter - 1));
  const chart = drawChart(lecturas, spans, width, CHART_HEIGHT);
  if (chart === null) return [paint.dim(text(idioma, 'cli.entidad_no_history'))];
  const blank = ' '.repeat(gutter);
  const rows = chart.rows.map((row, k) => {
    const label =
      k === 0 ? pad(most, gutter, 'left') : k === chart.rows.length - 1 ? pad(least, gutter, 'left') : blank;
    return `${paint.dim(label)} ${paint.cyan(row)}`;
  });
  if (chart.marked.includes(true)) {
    const marks = chart.marked
      .map((marked) => (marked ? '▲' : ' '))
      .join('')
      .trimEnd();
    rows.push(`${blank} ${paint.red(marks)}`);
  }
  const from = formatTime(chart.fromMs);
  const to = formatTime(chart.toMs);
  const took = formatDuration(idioma, chart.toMs - chart.fromMs);
  const between = Math.max(1, width - from.length - to.length);
  const axis =
    chart.toMs === chart.fromMs
      ? from
      : between > took.length + 2
        ? `${from}${pad(pad(took, (between + took.length) >> 1, 'left'), between)}${to}`
        : `${from}  ${to}`;
  return [...rows, `${blank} ${paint.dim(axis)}`];
}
