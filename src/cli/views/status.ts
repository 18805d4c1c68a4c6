/** `corec status` and the head of `corec top`. */
import { formatBytes, formatDuration, formatNumber, formatRelative, UNKNOWN } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { NucleusStatus, Quantiles } from '#ports/nucleus-api.ts';
import { pairs } from '../render/table.ts';
import { printable } from '../render/width.ts';
import { refusedText, type View } from './view.ts';

export function statusHead(status: NucleusStatus, { idioma, paint }: View): string {
  const fase = text(idioma, `cli.fase_${status.fase}`);
  const painted =
    status.problems.length > 0 ? paint.red(fase) : status.fase === 'vivo' ? paint.green(fase) : paint.yellow(fase);
  return text(idioma, 'cli.status_head', {
    instancia: paint.bold(printable(status.instance_id)),
    fase: painted,
    version: status.version,
    pid: status.pid,
    ms: status.uptimeS * 1000,
    arranqueMs: status.startMs,
  });
}

export function entidadesLine(status: NucleusStatus, { idioma, paint }: View): string {
  const { entidades, bloques, ligadas, simuladas, cuarentena } = status;
  const all = text(idioma, 'cli.status_entidades', { entidades, bloques, ligadas, simuladas });
  return cuarentena === 0 ? all : `${all}, ${paint.yellow(text(idioma, 'cli.status_cuarentena', { cuarentena }))}`;
}

export function lecturasLine(status: NucleusStatus, { idioma, paint }: View): string {
  const taken = text(idioma, 'cli.status_lecturas', { lecturas: status.lecturas, porS: status.lecturasPerS });
  const { count, reasons } = refusedText(idioma, status.refused);
  return count === 0
    ? taken
    : `${taken}, ${paint.yellow(text(idioma, 'cli.status_refused', { cuenta: count, razones: reasons }))}`;
}

export function alertasLine(status: NucleusStatus, { idioma, paint }: View): string {
  const line = text(idioma, 'cli.status_alertas', { abiertas: status.alertasAbiertas, todas: status.alertas });
  return status.alertasAbiertas === 0 ? line : paint.red(line);
}

function streamsLine({ streams }: NucleusStatus, { idioma, paint }: View): string {
  if (streams.ok) {
    return streams.version === null ? text(idioma, 'cli.status_streams_inprocess') : `Redis ${streams.version}`;
  }
  return paint.red(`Redis: ${printable(streams.found)}`);
}

export function statusView(status: NucleusStatus, view: View): string[] {
  const { idioma, paint } = view;
  const times = ({ p50, p99, max }: Quantiles): string => text(idioma, 'cli.status_times', { p50, p99, max });
  const store = `${status.store.version === null ? 'PostgreSQL' : `PostgreSQL ${status.store.version}`}${
    status.store.bytes === null ? '' : `, ${formatBytes(idioma, status.store.bytes)}`
  }`;
  const rows: [string, string][] = [
    [text(idioma, 'cli.label_entidades'), entidadesLine(status, view)],
    [text(idioma, 'cli.label_lecturas'), lecturasLine(status, view)],
    [text(idioma, 'cli.label_alertas'), alertasLine(status, view)],
    [
      text(idioma, 'cli.label_fallos'),
      text(idioma, 'cli.status_fallos', { fallos: status.fallos, reparaciones: status.repairs }),
    ],
    [text(idioma, 'cli.label_cycle'), times(status.cycleMs)],
  ];
  if (status.alertLatencyMs.max > 0) rows.push([text(idioma, 'cli.label_alert_latency'), times(status.alertLatencyMs)]);
  rows.push(
    [
      text(idioma, 'cli.label_store'),
      status.store.ok ? store : paint.red(`${store}: ${printable(status.store.found)}`),
    ],
    [
      '',
      text(idioma, 'cli.status_epoch', {
        epoca: status.epoca,
        hace: status.epocaAgeS * 1000,
        ms: status.epocaMs,
        diario: status.journalBytes,
      }),
    ],
    [text(idioma, 'cli.label_streams'), streamsLine(status, view)],
    [
      text(idioma, 'cli.label_memory'),
      text(idioma, 'cli.status_memory', { mb: status.rssMb, bytes: status.bytesPerEntidad }),
    ],
  );
  if (status.restored_entidades > 0) {
    rows.push(['', text(idioma, 'cli.status_restored', { entidades: status.restored_entidades })]);
  }
  for (const source of status.sources) {
    const counts = text(idioma, 'cli.source_counts', {
      estado: text(idioma, `cli.source_${source.state}`),
      lecturas: source.lecturas,
    });
    const done =
      source.bytesTotal === null || source.bytesTotal === 0
        ? ''
        : `, ${formatNumber(idioma, Math.floor((source.bytesDone / source.bytesTotal) * 100))} %`;
    const what = source.found === '' ? '' : `: ${printable(source.found)}`;
    const line = `${printable(source.id)} -> ${source.bloque}, ${counts}${done}${what}`;
    rows.push([text(idioma, 'cli.label_source'), source.state === 'failed' ? paint.red(line) : line]);
  }
  for (const problem of status.problems) rows.push([text(idioma, 'cli.label_problem'), paint.red(printable(problem))]);
  return [statusHead(status, view), ...pairs(rows, paint)];
}

/** How long since, in words; a clave without a reading has none. */
export function sinceText(tsMs: number, { idioma, nowMs }: View): string {
  if (tsMs <= 0) return UNKNOWN;
  if (Math.abs(nowMs - tsMs) < 1000) return formatRelative(idioma, nowMs, nowMs);
  return formatDuration(idioma, Math.max(0, Math.round((nowMs - tsMs) / 1000) * 1000));
}
