/** The commands that look: status, top, bloques, bloque, entidades, entidad, alerts, history, doctor. None changes anything. */
import { nearestKey } from '#domain/texts/nearest.ts';
import type { Idioma } from '#domain/errors.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import { eventText } from '#domain/texts/event-text.ts';
import type { StoredAlerta } from '#ports/bloque-store.ts';
import type { AlertaView, BloqueSummary, EntidadDetail, NucleusApi } from '#ports/nucleus-api.ts';
import { CATALOGUE } from './catalogue.ts';
import { CommandError, type Command } from './command.ts';
import { defineCommand } from './define.ts';
import {
  alertsResult,
  bloqueResult,
  bloquesResult,
  doctorResult,
  entidadesResult,
  entidadResult,
  historyResult,
  evolucionViews,
  statusResult,
  supervisionResult,
  topResult,
  type EntidadResult,
} from './results.ts';

/** Alerts shown with one bloque. */
const BLOQUE_ALERTAS = 20;

const status = defineCommand(CATALOGUE.status, statusResult, (_input, { api }) => api.status());

const top = defineCommand(CATALOGUE.top, topResult, ({ limit }, { api, nowMs }) => ({
  atMs: nowMs(),
  entidades: api.top(limit),
}));

const bloques = defineCommand(CATALOGUE.bloques, bloquesResult, ({ entrada, limit }, { api }) => {
  const all = api.entradas();
  if (entrada === null) return { entradas: all, ...cut(api.bloques(null, limit + 1), 'bloques', limit) };
  const entradas = all.filter((one) => one.id === entrada);
  if (entradas.length === 0) throw noBloque(api, entrada, 'entry');
  return { entradas, ...cut(api.bloques(entrada, limit + 1), 'bloques', limit) };
});

const bloque = defineCommand(CATALOGUE.bloque, bloqueResult, async ({ id, limit }, { api, idioma }) => {
  const found = findBloque(api, id);
  const alertas = await api.alertas({ bloque: found.id, abiertas: true, limit: BLOQUE_ALERTAS, orden: 'valor' });
  return {
    bloque: found,
    alertas: alertas.map((alerta) => tellAlerta(alerta, idioma)),
    ...cut(api.entidades('*', found.id, limit + 1), 'entidades', limit),
  };
});

const entidades = defineCommand(CATALOGUE.entidades, entidadesResult, (input, { api }) =>
  cut(api.entidades(input.glob, input.bloque, input.limit + 1), 'entidades', input.limit),
);

const entidad = defineCommand(CATALOGUE.entidad, entidadResult, async ({ ref, since, limit }, { api, idioma }) => {
  const found = api.entidad(ref);
  const { points, alertas, more } = await api.history(ref, since, limit);
  return {
    entidad: found,
    esperado: usualRange(found),
    history: { points, alertas: alertas.map((alerta) => tellAlerta(alerta, idioma)), more },
  };
});

const alerts = defineCommand(CATALOGUE.alerts, alertsResult, async (input, { api, idioma }) => {
  const alertas = await api.alertas({
    ...(input.clave === null ? {} : { clave: input.clave }),
    ...(input.bloque === null ? {} : { bloque: input.bloque }),
    ...(input.open ? { abiertas: true } : {}),
    ...(input.since === null ? {} : { desdeMs: input.since }),
    ...(input.until === null ? {} : { hastaMs: input.until }),
    orden: input.order === 'valor' ? 'valor' : 'tiempo',
    limit: input.limit + 1,
  });
  return cut(
    alertas.map((alerta) => tellAlerta(alerta, idioma)),
    'alertas',
    input.limit,
  );
});

const history = defineCommand(CATALOGUE.history, historyResult, async (input, { api, idioma }) => {
  const { bloque, tipo, since, until, before, limit } = input;
  if (since !== null && until !== null && since > until) {
    const [from, to] = [new Date(since).toISOString(), new Date(until).toISOString()];
    throw new CommandError('COREC_E_ARGUMENT', {
      en: { command: 'history', found: `since ${from} is after until ${to}`, allowed: 'a since before until' },
      es: {
        command: 'history',
        found: `since ${from} es posterior a until ${to}`,
        allowed: 'un since anterior a until',
      },
    });
  }
  const { eventos, antes } = await api.timeline({
    bloque,
    tipo: tipo === 'todo' ? null : tipo,
    desdeMs: since,
    hastaMs: until,
    antes: before,
    limit,
  });
  return { eventos: eventos.map((event) => ({ ...event, texto: eventText(idioma, event) })), antes };
});

const doctor = defineCommand(CATALOGUE.doctor, doctorResult, async (_input, { api }) => {
  const findings = await api.doctor();
  const countOf = (state: string): number => findings.filter((finding) => finding.state === state).length;
  return { findings, ok: countOf('ok'), warn: countOf('warn'), fail: countOf('fail') };
});

const supervision = defineCommand(CATALOGUE.supervision, supervisionResult, (_input, { api }) => api.supervision());

const evolucion = defineCommand(CATALOGUE.evolucion, evolucionViews, ({ bloque: ref }, { api }) => ({
  entradas: api.evolucion(ref),
}));

export const OBSERVE: readonly Command[] = [
  status,
  top,
  bloques,
  bloque,
  entidades,
  entidad,
  alerts,
  history,
  supervision,
  evolucion,
  doctor,
];

/** The alerta with its reason in the caller's language; the nucleus tells it in the instance's. */
export function tellAlerta<T extends StoredAlerta | AlertaView>(
  alerta: T,
  idioma: Idioma,
): T & { readonly texto: string } {
  return { ...alerta, texto: reasonText(idioma, alerta) };
}

/** Where its next lectura is usual, in the lectura's unit: of procesadores that learn a range (norma.ts), once they have one. */
function usualRange({ estado }: EntidadDetail): EntidadResult['esperado'] {
  const { origin, low, high, seen } = estado;
  if (origin === undefined || low === undefined || high === undefined || seen === undefined || seen < 2) return null;
  return { min: origin + low, max: origin + high };
}

/** One more than asked for was fetched, to know whether there is more. */
function cut<K extends string, T>(
  list: readonly T[],
  name: K,
  limit: number,
): Record<K, readonly T[]> & { more: boolean } {
  return { [name]: list.slice(0, limit), more: list.length > limit } as Record<K, readonly T[]> & { more: boolean };
}

/** By id; an entry of one bloque may be named instead of it. */
function findBloque(api: NucleusApi, id: string): BloqueSummary {
  const direct = api.bloque(id);
  if (direct !== null) return direct;
  if (api.entradas().some((entrada) => entrada.id === id)) {
    const [first, second] = api.bloques(id, 2);
    if (first !== undefined && second === undefined) return first;
  }
  throw noBloque(api, id, 'bloque');
}

function noBloque(api: NucleusApi, found: string, what: 'bloque' | 'entry'): CommandError {
  const entradas = api.entradas().map((entrada) => entrada.id);
  const isEntry = entradas.includes(found);
  const nearest = isEntry ? null : nearestKey(found.replace(/\/\d*$/, ''), entradas);
  const list = entradas.slice(0, 20).join(', ');
  const hint = {
    en: isEntry
      ? `It is an entry of several bloques: name one, like ${found}/0.`
      : nearest === null
        ? `Entries: ${list || 'none'}.`
        : `Did you mean ${nearest}${what === 'bloque' ? '/0' : ''}?`,
    es: isEntry
      ? `Es una entrada de varios bloques: nombre uno, como ${found}/0.`
      : nearest === null
        ? `Entradas: ${list || 'ninguna'}.`
        : `¿Quiso decir ${nearest}${what === 'bloque' ? '/0' : ''}?`,
  };
  return new CommandError('COREC_E_NOT_FOUND', {
    en: { what, found, hint: hint.en },
    es: { what: what === 'entry' ? 'la entrada' : 'el bloque', found, hint: hint.es },
  });
}
