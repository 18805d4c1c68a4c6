/**
 * Alerts as Server-Sent Events.
 *
 * Owns the clients: what each still has to be sent, who is too slow, what a returning one missed. Leaves what is an alert, and how
 * many are told, to the nucleus.
 *
 *   connect -> (Last-Event-ID: what it missed, oldest first) -> live events -> cut when slow, or closed with the door
 *
 * E1 An event's id is `<alert id>:<evento>`: the same whenever it is sent again, so that a client can drop what it has seen.
 * E2 A client holds at most `bytesMax` of ours; over it, it is cut and counted, and may come back with its Last-Event-ID.
 * E3 Live events that come while the missed ones are fetched wait for their turn.
 * E4 What was told last is remembered in the order it was told: event times of several sources tell no order. Only what is older
 *    than that memory (after a restart) is looked up in the store, by time.
 */
import type { ServerResponse } from 'node:http';
import { compileGlob, type Glob } from '#domain/claves/glob.ts';
import { CoreCError, type Idioma } from '#domain/errors.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import type { AlertaView, NucleusApi } from '#ports/nucleus-api.ts';
import type { AlertaEvento, AlertaNotice } from '#ports/sink.ts';

/** Notices remembered, and alerts looked through in the store, for what a returning client missed. */
const MISSED_MAX = 1_000;
/** Live events kept while that is going on. */
const WAITING_MAX = 1_000;

export interface StreamQuery {
  readonly clave: string | null;
  readonly bloque: string | null;
  /** `<alert id>:<evento>` of the last event that the client has; null: only what comes from now on. */
  readonly lastEventId: string | null;
  readonly idioma: Idioma;
}

export interface StreamCounts {
  readonly clients: number;
  readonly sent: number;
  /** Clients cut because they did not read. */
  readonly cut: number;
}

export interface StreamLimits {
  readonly clientsMax: number;
  readonly bytesMax: number;
  readonly heartbeatMs: number;
}

interface Client {
  readonly response: ServerResponse;
  readonly query: StreamQuery;
  readonly glob: Glob | null;
  /** Live events that wait for the missed ones; null once those are sent. */
  waiting: AlertaNotice[] | null;
}

export class AlertStream {
  readonly #api: NucleusApi;
  readonly #limits: StreamLimits;
  readonly #clients = new Set<Client>();
  #sent = 0;
  #cut = 0;
  readonly #unlisten: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  /** Oldest first (E4). */
  readonly #told: AlertaNotice[] = [];

  constructor(api: NucleusApi, limits: StreamLimits) {
    this.#api = api;
    this.#limits = limits;
    this.#unlisten = api.onAlerta((notice) => this.#take(notice));
    this.#heartbeat = setInterval(() => {
      for (const client of this.#clients) this.#write(client, ': here\n\n');
    }, limits.heartbeatMs).unref();
  }

  counts(): StreamCounts {
    return { clients: this.#clients.size, sent: this.#sent, cut: this.#cut };
  }

  /** @throws CoreCError COREC_E_BUSY when too many listen already. */
  assertRoom(): void {
    if (this.#clients.size < this.#limits.clientsMax) return;
    const found = `${this.#clients.size} clients`;
    throw new CoreCError('COREC_E_BUSY', { what: '/api/alerts/stream', found, seconds: 30 });
  }

  /** Takes over the response until the client goes or `close`. */
  async serve(response: ServerResponse, query: StreamQuery): Promise<void> {
    const client: Client = {
      response,
      query,
      glob: query.clave === null ? null : compileGlob(query.clave),
      waiting: query.lastEventId === null ? null : [],
    };
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // says when to come back; also brings the headers on their way at once
    response.write('retry: 2000\n\n');
    this.#clients.add(client);
    response.once('close', () => this.#clients.delete(client));
    if (client.waiting === null) return;
    try {
      for (const notice of await this.#missed(query.lastEventId!)) this.#send(client, notice);
    } catch {
      // the store is away: the live ones still come, and the client may ask /api/alerts for the rest
      this.#write(client, ': what was missed cannot be fetched now\n\n');
    }
    const { waiting } = client;
    client.waiting = null;
    for (const notice of waiting) this.#send(client, notice);
  }

  close(): void {
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
    this.#unlisten();
    clearInterval(this.#heartbeat);
  }

  #take(notice: AlertaNotice): void {
    this.#told.push(notice);
    if (this.#told.length > MISSED_MAX) this.#told.shift();
    for (const client of this.#clients) {
      if (client.waiting === null) this.#send(client, notice);
      else if (client.waiting.push(notice) > WAITING_MAX) this.#cutOff(client);
    }
  }

  #send(client: Client, notice: AlertaNotice): void {
    const { alerta, evento } = notice;
    if (evento !== 'resumen' && !wants(client, alerta.bloque, alerta.clave)) return;
    const texto = evento === 'resumen' ? notice.texto : reasonText(client.query.idioma, alerta);
    const data = JSON.stringify({ ...notice, texto });
    if (this.#write(client, `id: ${eventIdOf(notice)}\nevent: ${evento}\ndata: ${data}\n\n`)) this.#sent++;
  }

  #write(client: Client, text: string): boolean {
    const { response } = client;
    if (response.destroyed || response.writableEnded) return false;
    response.write(text);
    if (response.writableLength <= this.#limits.bytesMax) return true;
    this.#cutOff(client);
    return false;
  }

  #cutOff(client: Client): void {
    this.#cut++;
    this.#clients.delete(client);
    client.response.destroy();
  }

  /** What happened after the event of that id, oldest first; everything that is kept when the id is not known any more. */
  async #missed(lastEventId: string): Promise<readonly AlertaNotice[]> {
    const at = this.#told.findLastIndex((notice) => eventIdOf(notice) === lastEventId);
    if (at >= 0) return this.#told.slice(at + 1);
    const { instance_id: instanceId } = await this.#api.status();
    const [id, lastEvento] = splitId(lastEventId);
    const alertas = (await this.#api.alertas({ orden: 'tiempo', limit: MISSED_MAX })).toReversed();
    const last = alertas.find((alerta) => alerta.id === id);
    const sinceMs = last?.actualizadaMs ?? -Infinity;
    return alertas.flatMap((alerta) => {
      const closed = alerta.cerradaMs === null ? [] : [noticeOf(alerta, 'cerrada', instanceId)];
      if (alerta.id === id) return lastEvento === 'cerrada' ? [] : closed;
      if (alerta.abiertaMs < sinceMs && alerta.actualizadaMs < sinceMs) return [];
      return [noticeOf(alerta, 'abierta', instanceId), ...closed];
    });
  }
}

function eventIdOf({ alerta, evento }: AlertaNotice): string {
  return `${alerta.id}:${evento}`;
}

function splitId(eventId: string): [string, string] {
  const at = eventId.lastIndexOf(':');
  return at < 0 ? [eventId, ''] : [eventId.slice(0, at), eventId.slice(at + 1)];
}

function noticeOf(view: AlertaView, evento: AlertaEvento, instanceId: string): AlertaNotice {
  const { reconocidaMs: _ms, reconocidaPor: _por, texto, silenciada: _silenciada, ...alerta } = view;
  return { evento, instanceId, alerta, texto, omitidas: 0 };
}

function wants({ query, glob }: Client, bloque: string, clave: string): boolean {
  if (query.bloque !== null && bloque !== query.bloque && !bloque.startsWith(`${query.bloque}/`)) return false;
  if (glob === null) return true;
  const bytes = Buffer.from(clave);
  return glob.matches(bytes, 0, bytes.length);
}
