/**
 * One time line of everything that is stored: alerts (opening and end), and what stands among the commands.
 *
 * Owns the order of all events and the page. Leaves what a row says to timeline-events.ts, the rows to the store.
 *
 *   openings  --+
 *   ends      --+--> merged, newest first --> those asked for --> the page, turned round
 *   commands  --+
 *   not stored yet --+
 *
 * L1 One order over all: by moment; of one moment by list, row and place in the row. An event's id says where it stands, so that a page
 *    goes on exactly where the one before ended, also among thousands of one moment.
 * L2 Bounded: rows are read PAGE at a time, SCANNED_MAX at most; who asks for what is rare may get an empty page and where to go on.
 */
import { CoreCError } from '#domain/errors.ts';
import type { AlertaQuery, ComandoQuery, ComandoRow, Lugar, StoredAlerta } from '#ports/bloque-store.ts';
import type { Timeline, TimelineEvent, TimelineQuery } from '#ports/nucleus-api.ts';
import {
  alertaEvent,
  COMANDOS_BY_TIPO,
  comandoEvents,
  isAbout,
  REGLAS_BY_TIPO,
  type Happened,
} from './timeline-events.ts';

const PAGE = 256;
const SCANNED_MAX = 64 * PAGE;

export interface TimelineSources {
  alertas(query: AlertaQuery): Promise<readonly StoredAlerta[]>;
  comandos(query: ComandoQuery): Promise<readonly ComandoRow[]>;
  /** Rows that the next epochs will hold. */
  unsaved(): readonly Omit<ComandoRow, 'epoca'>[];
}

/** Of one moment a command comes before the alert that it led to, and an opening before its end. */
const LISTA = { comandos: 0, aperturas: 1, cierres: 2 } as const;

/** Where an event stands (L1); newest first, `lista` and `indice` descending, `id` ascending. */
interface Place extends Lugar {
  readonly lista: number;
  /** Which of the events of its row. */
  readonly indice: number;
}

interface Placed {
  readonly place: Place;
  /** Null: nothing to tell. */
  readonly event: Happened | null;
}

/** @throws CoreCError COREC_E_ARGUMENT */
export async function readTimeline(query: TimelineQuery, sources: TimelineSources): Promise<Timeline> {
  const from = query.antes === null ? null : placeOf(query.antes);
  const wanted = (event: Happened): boolean =>
    (query.tipo === null || event.tipo === query.tipo) &&
    (query.bloque === null || isAbout(event.concerns, query.bloque));
  const newestFirst: TimelineEvent[] = [];
  const seen = new Set<string>();
  let scanned = 0;
  let last: string | null = null;
  for await (const { place, event } of merged(listsOf(query, from, sources))) {
    if (from !== null && !isBefore(from, place)) continue;
    const id = idOf(place);
    // a row that gets into the store meanwhile is in two lists
    if (seen.has(id)) continue;
    if (newestFirst.length === query.limit || scanned >= SCANNED_MAX)
      return { eventos: newestFirst.reverse(), antes: last };
    seen.add(id);
    scanned++;
    last = id;
    if (event === null || !wanted(event)) continue;
    const { concerns: _, ...told } = event;
    newestFirst.push({ id, ...told });
  }
  return { eventos: newestFirst.reverse(), antes: null };
}

type List = AsyncGenerator<Placed, void, void>;

function listsOf(query: TimelineQuery, from: Place | null, sources: TimelineSources): List[] {
  const { tipo, desdeMs, hastaMs, bloque } = query;
  const reglas = tipo === null ? undefined : REGLAS_BY_TIPO[tipo];
  // what happened to CoreC as a whole, or to a plugin, has no bloque
  const about = bloque === null ? [{}] : [{ bloque }, { bloque: '' }];
  const span = { ...(desdeMs === null ? {} : { desdeMs }), ...(hastaMs === null ? {} : { hastaMs }) };
  const nombres = tipo === null ? null : COMANDOS_BY_TIPO[tipo];
  const lists: List[] = [];
  if (tipo !== 'movimiento' && tipo !== 'comando' && tipo !== 'arranque') {
    for (const orden of ['tiempo', 'cierre'] as const) {
      const lista = orden === 'tiempo' ? LISTA.aperturas : LISTA.cierres;
      const evento = orden === 'tiempo' ? 'abierta' : 'cerrada';
      const timeOf = (row: StoredAlerta): number => (orden === 'tiempo' ? row.abiertaMs : row.cerradaMs!);
      for (const of of about) {
        const asked = { ...span, ...of, ...(reglas === undefined ? {} : { reglas }), orden, limit: PAGE };
        lists.push(
          paged(
            startIn(lista, from),
            (desdeLugar) => sources.alertas({ ...asked, ...startAt(desdeLugar) }),
            (row) => ({ ms: timeOf(row), id: row.id }),
            (row, lugar) => [{ place: { ...lugar, lista, indice: 0 }, event: alertaEvent(row, evento) }],
          ),
        );
      }
    }
  }
  if (nombres === null || nombres.length > 0) {
    const ofNames = nombres === null ? {} : { nombres };
    lists.push(
      paged(
        startIn(LISTA.comandos, from),
        (desdeLugar) => sources.comandos({ ...span, ...ofNames, ...startAt(desdeLugar), limit: PAGE }),
        ({ timestampMs, id }) => ({ ms: timestampMs, id }),
        placeComando,
      ),
      unsavedList(query, sources),
    );
  }
  return lists;
}

const startAt = (desdeLugar: Lugar | null): { desdeLugar?: Lugar } => (desdeLugar === null ? {} : { desdeLugar });

/** From where on a list is read so that it goes on at `from`, which may stand in another list. */
function startIn(lista: number, from: Place | null): Lugar | null {
  if (from === null) return null;
  return lista === from.lista ? from : { ms: from.ms, id: '' };
}

function placeComando(row: Omit<ComandoRow, 'epoca'>, lugar: Lugar): Placed[] {
  return comandoEvents({ ...row, epoca: 0 })
    .map((event, indice) => ({ place: { ...lugar, lista: LISTA.comandos, indice }, event }))
    .reverse();
}

async function* paged<T>(
  start: Lugar | null,
  fetch: (desdeLugar: Lugar | null) => Promise<readonly T[]>,
  lugarOf: (row: T) => Lugar,
  place: (row: T, lugar: Lugar) => Placed[],
): List {
  let next = start;
  for (;;) {
    const rows = await fetch(next);
    for (const row of rows) {
      const lugar = lugarOf(row);
      // the row that the page before ended with begins this one
      if (next !== null && next !== start && lugar.ms === next.ms && lugar.id === next.id) continue;
      yield* place(row, lugar);
    }
    if (rows.length < PAGE) return;
    next = lugarOf(rows.at(-1)!);
  }
}

// oxlint-disable-next-line require-await -- a list like the others
async function* unsavedList({ desdeMs, hastaMs }: TimelineQuery, sources: TimelineSources): List {
  const rows = sources
    .unsaved()
    .filter(({ timestampMs: ms }) => (desdeMs === null || ms >= desdeMs) && (hastaMs === null || ms < hastaMs))
    .toSorted((a, b) => b.timestampMs - a.timestampMs || (a.id < b.id ? -1 : 1));
  for (const row of rows) yield* placeComando(row, { ms: row.timestampMs, id: row.id });
}

/** The lists, each newest first, as one. */
async function* merged(lists: readonly List[]): List {
  const heads = await Promise.all(
    lists.map(async (list) => {
      const { value } = await list.next();
      return { list, placed: value ?? null };
    }),
  );
  for (;;) {
    let newest: (typeof heads)[number] | null = null;
    for (const head of heads) {
      if (head.placed === null) continue;
      if (newest === null || isBefore(head.placed.place, newest.placed!.place)) newest = head;
    }
    if (newest === null) return;
    yield newest.placed!;
    newest.placed = (await newest.list.next()).value ?? null;
  }
}

/** Whether `a` comes first, newest first. */
function isBefore(a: Place, b: Place): boolean {
  if (a.ms !== b.ms) return a.ms > b.ms;
  if (a.lista !== b.lista) return a.lista > b.lista;
  if (a.id !== b.id) return a.id < b.id;
  return a.indice > b.indice;
}

function idOf({ ms, lista, indice, id }: Place): string {
  return `${ms}-${lista}-${indice}-${id}`;
}

function placeOf(id: string): Place {
  const match = /^(-?\d+(?:\.\d+)?)-([012])-(\d+)-(.+)$/su.exec(id);
  if (match !== null) return { ms: Number(match[1]), lista: Number(match[2]), indice: Number(match[3]), id: match[4]! };
  throw new CoreCError('COREC_E_ARGUMENT', {
    command: 'history',
    found: `before is "${id}"`,
    allowed: 'the id of an event that history has shown',
  });
}
