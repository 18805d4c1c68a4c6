/** The lists: top, bloques, one bloque, entidades, alerts, doctor. */
import { stripVTControlCharacters } from 'node:util';
import { formatBytes, formatDuration, formatNumber, formatTime } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { AlertaView, BloqueSummary, DoctorFinding, EntidadSummary, EntradaSummary } from '#ports/nucleus-api.ts';
import type {
  AlertsResult,
  BloqueResult,
  BloquesResult,
  DoctorResult,
  EntidadesResult,
} from '#nucleus/commands/results.ts';
import { pairs, table, type Column } from '../render/table.ts';
import { printable, widthOf, wrap } from '../render/width.ts';
import { sinceText } from './status.ts';
import { figure, moreLine, type View } from './view.ts';

export function entidadTable(entidades: readonly EntidadSummary[], view: View): string[] {
  const { idioma, paint, width } = view;
  if (entidades.length === 0) return [text(idioma, 'cli.nothing')];
  const columns: Column<EntidadSummary>[] = [
    { head: text(idioma, 'cli.head_clave'), of: (one) => one.clave, min: 8, paint: paint.bold },
    { head: text(idioma, 'cli.head_bloque'), of: (one) => one.bloque, min: 6, drop: 1, paint: paint.dim },
    { head: text(idioma, 'cli.head_lectura'), of: (one) => figure(idioma, one.lectura), right: true },
    {
      head: text(idioma, 'cli.head_valor'),
      of: (one) => figure(idioma, one.valor),
      right: true,
      paint: (cell, one) => (one.alerta === 'abierta' ? paint.red(cell) : cell),
    },
    { head: text(idioma, 'cli.head_last'), of: (one) => sinceText(one.tsMs, view), right: true, paint: paint.dim },
    {
      head: text(idioma, 'cli.head_state'),
      of: (one) => (one.activo ? text(idioma, `cli.alerta_${one.alerta}`) : text(idioma, 'cli.entidad_inactive')),
      min: 6,
      paint: (cell, one) => (one.alerta === 'abierta' ? paint.red(cell) : paint.yellow(cell)),
    },
  ];
  return table(columns, entidades, width, paint);
}

export function entidadesView({ entidades, more }: EntidadesResult, view: View): string[] {
  return [...entidadTable(entidades, view), ...moreLine(view, more)];
}

export function bloquesView({ entradas, bloques, more }: BloquesResult, one: boolean, view: View): string[] {
  const { idioma, paint, width } = view;
  if (entradas.length === 0) return [text(idioma, 'cli.nothing')];
  const common = <T extends BloqueSummary | EntradaSummary>(): Column<T>[] => [
    { head: text(idioma, 'cli.head_canal'), of: (row) => String(row.canal), right: true, drop: 2 },
    { head: text(idioma, 'cli.head_procesador'), of: (row) => row.procesador, min: 8 },
    { head: text(idioma, 'cli.head_entidades'), of: (row) => formatNumber(idioma, row.entidades), right: true },
    { head: text(idioma, 'cli.head_bound'), of: (row) => formatNumber(idioma, row.ligadas), right: true },
    {
      head: text(idioma, 'cli.head_fitness'),
      of: (row) => formatNumber(idioma, row.fitness, 2),
      right: true,
      paint: (cell, row) => (row.fitness < 0.3 ? paint.yellow(cell) : cell),
    },
    { head: text(idioma, 'cli.head_carga'), of: (row) => formatNumber(idioma, row.carga, 2), right: true, drop: 3 },
    {
      head: text(idioma, 'cli.head_fallos'),
      of: (row) => formatNumber(idioma, row.fallos),
      right: true,
      paint: (cell, row) => (row.fallos > 0 ? paint.yellow(cell) : cell),
    },
    {
      head: text(idioma, 'cli.head_open_alerts'),
      of: (row) => formatNumber(idioma, row.alertasAbiertas),
      right: true,
      paint: (cell, row) => (row.alertasAbiertas > 0 ? paint.red(cell) : cell),
    },
    { head: text(idioma, 'cli.head_size'), of: (row) => formatBytes(idioma, row.bytes), right: true, drop: 1 },
    { head: '', of: (row) => marksOf(row, view), min: 8, drop: 4, paint: paint.dim },
  ];
  const entries = table<EntradaSummary>(
    [
      { head: text(idioma, 'cli.head_entry'), of: (row) => row.id, min: 8, paint: paint.bold },
      { head: text(idioma, 'cli.head_bloques'), of: (row) => formatNumber(idioma, row.bloques), right: true, drop: 5 },
      ...common<EntradaSummary>(),
    ],
    entradas,
    width,
    paint,
  );
  if (!one) return entries;
  const own = table<BloqueSummary>(
    [
      { head: text(idioma, 'cli.head_bloque'), of: (row) => row.id, min: 8, paint: paint.bold },
      ...common<BloqueSummary>(),
    ],
    bloques,
    width,
    paint,
  );
  return [...entries, '', ...own, ...moreLine(view, more)];
}

function marksOf(row: BloqueSummary | EntradaSummary, { idioma }: View): string {
  const marks: string[] = [];
  if (row.pausado) marks.push(text(idioma, 'cli.paused'));
  if (row.artificial) marks.push(text(idioma, 'cli.artificial'));
  if (row.cuarentena > 0) marks.push(text(idioma, 'cli.status_cuarentena', { cuarentena: row.cuarentena }));
  if ('dinamica' in row && row.dinamica) marks.push(text(idioma, 'cli.dynamic'));
  return marks.join(', ');
}

export function bloqueView({ bloque, alertas, entidades, more }: BloqueResult, view: View): string[] {
  const { idioma, paint } = view;
  const marks = marksOf(bloque, view);
  const rows: [string, string][] = [
    [text(idioma, 'cli.head_procesador'), bloque.procesador],
    [text(idioma, 'cli.head_canal'), String(bloque.canal)],
    [
      text(idioma, 'cli.head_entidades'),
      `${formatNumber(idioma, bloque.entidades)} (${formatNumber(idioma, bloque.ligadas)} ${text(idioma, 'cli.head_bound')})`,
    ],
    [text(idioma, 'cli.head_fitness'), formatNumber(idioma, bloque.fitness)],
    [text(idioma, 'cli.head_carga'), formatNumber(idioma, bloque.carga)],
    [text(idioma, 'cli.head_umbral'), formatNumber(idioma, bloque.umbral)],
    [
      text(idioma, 'cli.head_fallos'),
      text(idioma, 'cli.status_fallos', { fallos: bloque.fallos, reparaciones: bloque.repairs }),
    ],
    [text(idioma, 'cli.head_waiting'), formatNumber(idioma, bloque.inbox)],
    [text(idioma, 'cli.head_size'), formatBytes(idioma, bloque.bytes)],
  ];
  if (bloque.missed > 0) rows.push([text(idioma, 'cli.head_missed'), formatNumber(idioma, bloque.missed)]);
  const lines = [`${paint.bold(bloque.id)}${marks === '' ? '' : ` ${paint.yellow(marks)}`}`, ...pairs(rows, paint)];
  if (alertas.length > 0) lines.push('', ...alertTable(alertas, view));
  if (entidades.length > 0) lines.push('', ...entidadTable(entidades, view), ...moreLine(view, more));
  return lines;
}

/** `named`: with the clave of each, which one entidad's own alerts need not say. */
export function alertTable(alertas: readonly AlertaView[], view: View, named = true): string[] {
  const { idioma, paint, width } = view;
  const reason: Column<AlertaView> = { head: text(idioma, 'cli.head_reason'), of: (one) => one.texto };
  const clave: Column<AlertaView> = {
    head: text(idioma, 'cli.head_clave'),
    of: (one) => one.clave || one.bloque,
    min: 8,
    paint: paint.bold,
  };
  const columns: Column<AlertaView>[] = [
    { head: text(idioma, 'cli.head_opened'), of: (one) => formatTime(one.abiertaMs) },
    {
      head: text(idioma, 'cli.head_lasted'),
      of: (one) => lastedText(one, view),
      right: true,
      drop: 1,
      paint: (cell, one) => (one.cerradaMs === null ? paint.red(cell) : cell),
    },
    ...(named ? [clave] : []),
    reason,
    { head: '', of: (one) => alertMarks(one, view), min: 6, paint: paint.dim },
    { head: text(idioma, 'cli.head_id'), of: (one) => one.id.slice(0, 8), paint: paint.dim },
  ];
  const shown = alertas.some((one) => alertMarks(one, view) !== '')
    ? columns
    : columns.filter((column) => column.head !== '');
  const whole = table(shown, alertas, null, paint);
  if (width === null || whole.every((line) => widthOf(stripVTControlCharacters(line)) <= width)) return whole;
  // the reason is what the alert is about: where it does not fit beside the rest, it stands whole below
  const [head = '', ...lines] = table(
    shown.filter((column) => column !== reason),
    alertas,
    width,
    paint,
  );
  return [
    head,
    ...lines.flatMap((line, k) => [
      line,
      ...wrap(printable(alertas[k]!.texto), width - 4).map((part) => `    ${part}`),
    ]),
  ];
}

export function alertsView({ alertas, more }: AlertsResult, view: View): string[] {
  if (alertas.length === 0) return [text(view.idioma, 'cli.alerts_none')];
  return [...alertTable(alertas, view), ...moreLine(view, more)];
}

/** How long it lasted, or that it is open; both in the time of the readings. */
export function lastedText(
  alerta: Pick<AlertaView, 'abiertaMs' | 'cerradaMs' | 'actualizadaMs'>,
  { idioma }: View,
): string {
  if (alerta.cerradaMs === null) return text(idioma, 'cli.open_for', { ms: alerta.actualizadaMs - alerta.abiertaMs });
  return formatDuration(idioma, alerta.cerradaMs - alerta.abiertaMs);
}

function alertMarks(alerta: AlertaView, { idioma }: View): string {
  const marks: string[] = [];
  if (alerta.reconocidaMs !== null) {
    marks.push(
      `${text(idioma, 'cli.acknowledged')}${alerta.reconocidaPor === null ? '' : ` (${printable(alerta.reconocidaPor)})`}`,
    );
  }
  if (alerta.silenciada) marks.push(text(idioma, 'cli.not_told'));
  return marks.join(', ');
}

export function doctorView(result: DoctorResult, view: View): string[] {
  const { idioma, paint, width } = view;
  const colour = (cell: string, { state }: DoctorFinding): string =>
    state === 'ok' ? paint.green(cell) : state === 'warn' ? paint.yellow(cell) : paint.red(cell);
  // what is well needs no mend: the column is there only when something has one
  const mends: Column<DoctorFinding>[] = [{ head: text(idioma, 'cli.head_mend'), of: (one) => one.mend, min: 20 }];
  const lines = table<DoctorFinding>(
    [
      { head: '', of: (one) => text(idioma, `cli.doctor_${one.state}`), paint: colour },
      { head: text(idioma, 'cli.head_check'), of: (one) => one.check, paint: paint.bold },
      { head: text(idioma, 'cli.head_found'), of: (one) => one.found, min: 20 },
      ...(result.findings.some((one) => one.mend !== '') && width === null ? mends : []),
    ],
    result.findings,
    width,
    paint,
  );
  // on a terminal the mends stand whole below, where they are not cut
  const below =
    width === null
      ? []
      : result.findings
          .filter((one) => one.mend !== '')
          .map((one) => `${colour(one.check, one)}: ${printable(one.mend)}`);
  const { ok, warn, fail } = result;
  return [
    ...lines,
    ...(below.length === 0 ? [] : ['', ...below]),
    '',
    text(idioma, 'cli.doctor_sum', { ok, warn, fail }),
  ];
}
