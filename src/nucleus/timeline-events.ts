/**
 * What stored rows say happened: an alert opened, it ended, entidades moved, were replaced, a command was given.
 *
 * Owns what a row becomes and which bloques it concerns. Leaves reading and ordering to timeline.ts, the words to domain/texts.
 *
 * E1 A movimiento is told once: by the row of its command or pass, which has every one, not by its alert, which may sum them up.
 */
import type { Movimiento } from '#domain/sincronizacion/numeros.ts';
import { formatTime } from '#domain/texts/format.ts';
import type { ComandoRow, StoredAlerta } from '#ports/bloque-store.ts';
import type { TimelineEvent, TimelineTipo } from '#ports/nucleus-api.ts';
import { COMANDO_OF, REASON_OF } from './movimientos.ts';
import { COMANDO_ARRANQUE, COMANDO_PARADA, type Arranque } from './records.ts';
import { COMANDO_REPARACION, type Reparacion } from './reparaciones.ts';

/** An event whose place is not known yet. */
export type Happened = Omit<TimelineEvent, 'id'> & {
  /** Bloques, entries and plugins that it concerns; `*`: all of them. */
  readonly concerns: readonly string[];
};

/** Rules of alerts that are something else in a time line. */
const TIPO_OF: Readonly<Record<string, TimelineTipo>> = {
  circuit_open: 'circuito',
  plugin_suspended: 'circuito',
  degraded: 'circuito',
  quarantine: 'reparacion',
};
const MOVED: ReadonlySet<string> = new Set(Object.values(REASON_OF));

/** Names of commands that a kind of event can come from; null: any. */
export const COMANDOS_BY_TIPO: Readonly<Record<TimelineTipo, readonly string[] | null>> = {
  alerta: [],
  circuito: [],
  reparacion: [COMANDO_REPARACION],
  movimiento: [...new Set(Object.values(COMANDO_OF))],
  arranque: [COMANDO_ARRANQUE, COMANDO_PARADA],
  comando: null,
};

/** Rules of alerts that are of a kind; null: any. */
export const REGLAS_BY_TIPO: Readonly<Partial<Record<TimelineTipo, readonly string[]>>> = Object.fromEntries(
  Map.groupBy(Object.keys(TIPO_OF), (regla) => TIPO_OF[regla]!),
);

/** What the opening or the end of an alert is; nothing of a movimiento (E1). */
export function alertaEvent(alerta: StoredAlerta, evento: 'abierta' | 'cerrada'): Happened | null {
  const { bloque, clave, regla, abiertaMs, cerradaMs } = alerta;
  if (MOVED.has(regla)) return null;
  return {
    tsMs: evento === 'abierta' ? abiertaMs : cerradaMs!,
    tipo: TIPO_OF[regla] ?? 'alerta',
    evento,
    bloque,
    clave,
    alerta,
    datos: {},
    // of a plugin: its name stands where others have the clave
    concerns: [bloque === '' && clave === '' ? '*' : bloque === '' ? clave : bloque],
  };
}

/** What a row of `comandos` tells, in its order. */
export function comandoEvents(row: ComandoRow): Happened[] {
  const { id, nombre, puerta, timestampMs: tsMs } = row;
  if (nombre === COMANDO_REPARACION) return [repairEvent(row)];
  if (nombre === COMANDO_ARRANQUE || nombre === COMANDO_PARADA) return [lifeEvent(row)];
  const movimientos = movimientosOf(row.respuesta);
  if (movimientos.length === 0) return [plainEvent(row)];
  return movimientos.map(({ tipo, de, a, entidades, ligadas }) => ({
    tsMs,
    tipo: 'movimiento',
    evento: tipo,
    bloque: de,
    clave: '',
    alerta: null,
    datos: { codigo: REASON_OF[tipo], de, a, entidades, ligadas, comando: id, puerta },
    concerns: [de, a],
  }));
}

/** Whether it happened to the bloque or entry, as part of it or it of that. */
export function isAbout(concerns: readonly string[], ref: string): boolean {
  return concerns.some(
    (one) => one === '*' || one === ref || one.startsWith(`${ref}/`) || (one !== '' && ref.startsWith(`${one}/`)),
  );
}

function repairEvent({ id, timestampMs, respuesta }: ComandoRow): Happened {
  const { bloque, bloques, entidades, desdeMs, fallo } = respuesta as Reparacion;
  return {
    tsMs: timestampMs,
    tipo: 'reparacion',
    evento: 'reparada',
    bloque,
    clave: '',
    alerta: null,
    datos: { bloque, bloques, entidades, desdeMs, fallo, comando: id },
    concerns: [bloque],
  };
}

function lifeEvent({ id, nombre, timestampMs, respuesta }: ComandoRow): Happened {
  const { version, entidades, bloques } = respuesta as Partial<Arranque>;
  const isStart = nombre === COMANDO_ARRANQUE;
  return {
    tsMs: timestampMs,
    tipo: 'arranque',
    evento: isStart ? 'arrancado' : 'parado',
    bloque: '',
    clave: '',
    alerta: null,
    datos: isStart
      ? { version: version ?? '', entidades: entidades ?? 0, bloques: bloques ?? 0, comando: id }
      : { comando: id },
    concerns: ['*'],
  };
}

function plainEvent({ id, nombre, puerta, timestampMs, argumentos, respuesta }: ComandoRow): Happened {
  const given = isRecord(argumentos) ? argumentos : {};
  // what an alert that was acknowledged is about stands in the answer
  const about = nombre === 'ack' && isRecord(respuesta) ? respuesta : given;
  const named = ['bloque', 'target', 'de', 'a'].flatMap((name) => textIn(about, name) ?? []);
  return {
    tsMs: timestampMs,
    tipo: 'comando',
    evento: nombre,
    bloque: named[0] ?? '',
    clave: textIn(about, 'clave') ?? textIn(about, 'glob') ?? '',
    alerta: null,
    datos: {
      comando: id,
      puerta,
      argumentos: Object.entries(given)
        .flatMap(([name, value]) => toldArgument(name, value))
        .join(' '),
    },
    // given without a bloque it is for all of them
    concerns: named.length > 0 ? named : ['*'],
  };
}

function toldArgument(name: string, value: unknown): string[] {
  if (typeof value === 'number' && name.endsWith('Ms')) return [`${name.slice(0, -2)}=${formatTime(value)}`];
  const isTold =
    (typeof value === 'string' && value !== '') || (typeof value === 'number' && value !== 0) || value === true;
  return isTold ? [`${name}=${String(value)}`] : [];
}

function textIn(from: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = from[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function movimientosOf(respuesta: unknown): readonly Movimiento[] {
  const list = isRecord(respuesta) ? respuesta['movimientos'] : undefined;
  return Array.isArray(list) ? (list as Movimiento[]) : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
