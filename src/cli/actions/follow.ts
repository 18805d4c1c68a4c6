/**
 * `corec alerts --follow`: alerts as they are told, until Ctrl-C.
 *
 * Owns coming back when the connection breaks, from the last event seen. An alert that is told twice (at least once is the promise)
 * is shown once.
 */
import { CoreCError } from '#domain/errors.ts';
import { formatTime } from '#domain/texts/format.ts';
import { text } from '#domain/texts/text.ts';
import type { AlertaNotice } from '#ports/sink.ts';
import { clientOf, placeOf } from '../ask.ts';
import { EXIT, RemoteError } from '../exit.ts';
import type { Call } from '../io.ts';
import { pause } from '../pause.ts';
import { printable } from '../render/width.ts';
import { viewOf } from './show.ts';

const RETRY_MS_FIRST = 200;
const RETRY_MS_MAX = 5_000;
const SEEN_MAX = 2_000;

export async function follow(call: Call): Promise<number> {
  const { io, idioma } = call;
  const client = clientOf(call, await placeOf(call));
  const controller = new AbortController();
  const { signal } = controller;
  io.pipeClosed.addEventListener('abort', () => controller.abort());
  const query = new URLSearchParams();
  for (const name of ['clave', 'bloque']) if (call.args[name] !== undefined) query.set(name, String(call.args[name]));
  const path = `/api/alerts/stream?${query.toString()}`;
  const seen = new Set<string>();
  let last: string | null = null;
  let retryMs = RETRY_MS_FIRST;
  let isAway = false;
  // nobody there at the start is an error; later, CoreC may only be starting again
  await client.json({ method: 'GET', path: '/healthz' });
  if (!call.json) io.stderr.write(`${text(idioma, 'cli.alerts_following')}\n`);
  const release = io.onInterrupt(() => controller.abort());
  try {
    while (!signal.aborted) {
      try {
        const headers: Record<string, string> = last === null ? {} : { 'last-event-id': last };
        const events = client.events({ method: 'GET', path, headers, signal }, () => {
          if (isAway) io.stderr.write(`${text(idioma, 'cli.alerts_again')}\n`);
          isAway = false;
          retryMs = RETRY_MS_FIRST;
        });
        for await (const { id, data } of events) {
          const notice = data as AlertaNotice;
          last = id;
          if (notice.evento !== 'resumen') {
            const once = `${id} ${notice.alerta.actualizadaMs}`;
            if (seen.has(once)) continue;
            seen.add(once);
            if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value!);
          }
          tell(call, notice);
        }
      } catch (error) {
        if (signal.aborted) break;
        const canPass = error instanceof CoreCError || (error instanceof RemoteError && error.retryAfterS !== null);
        if (!canPass) throw error;
      }
      if (signal.aborted) break;
      if (!isAway) io.stderr.write(`${text(idioma, 'cli.alerts_waiting')}\n`);
      isAway = true;
      await pause(retryMs, signal);
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
    }
  } finally {
    release();
  }
  return EXIT.interrupted;
}

function tell(call: Call, notice: AlertaNotice): void {
  const { io, idioma } = call;
  if (call.json) {
    io.stdout.write(`${JSON.stringify(notice)}\n`);
    return;
  }
  const { paint } = viewOf(call);
  const { alerta, evento, texto: razon } = notice;
  const { bloque, clave } = alerta;
  const who = { bloque: printable(bloque), clave: paint.bold(printable(clave)), razon: printable(razon) };
  const line = ((): string => {
    switch (evento) {
      case 'abierta':
        return paint.red(text(idioma, 'alert.opened', who));
      case 'actualizada':
        return paint.red(text(idioma, 'alert.updated', who));
      case 'cerrada':
        return text(idioma, 'alert.closed', {
          ...who,
          duracionMs: (alerta.cerradaMs ?? alerta.actualizadaMs) - alerta.abiertaMs,
        });
      case 'resumen':
        return paint.yellow(printable(razon));
    }
  })();
  io.stdout.write(`${paint.dim(formatTime(alerta.actualizadaMs))} ${line}\n`);
}
