/** Alerts as log lines, in the words of the instance's language. */
import type { Idioma } from '#domain/errors.ts';
import { text } from '#domain/texts/text.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';

const TAG = 'Alertas';

export interface LogSinkOptions {
  readonly logger: Logger;
  readonly idioma: Idioma;
}

export function makeLogSink({ logger, idioma }: LogSinkOptions): AlertaSink {
  let sent = 0;
  let failed = 0;
  return {
    nombre: 'log',
    notify(notice) {
      try {
        const { evento, alerta } = notice;
        const level = evento === 'cerrada' ? 'info' : 'warn';
        logger[level](TAG, wording(notice, idioma), { id: alerta.id, regla: alerta.regla, valor: alerta.valor });
        sent += 1;
      } catch {
        failed += 1;
      }
    },
    stats: () => ({ sent, failed, dropped: 0 }),
    close: () => Promise.resolve(),
  };
}

function wording({ evento, alerta, texto, omitidas }: AlertaNotice, idioma: Idioma): string {
  // An alert of the bloque itself has no clave to name.
  const clave = alerta.clave === '' ? '*' : alerta.clave;
  const facts = { bloque: alerta.bloque, clave, razon: texto };
  switch (evento) {
    case 'abierta':
      return text(idioma, 'alert.opened', facts);
    case 'actualizada':
      return text(idioma, 'alert.updated', facts);
    case 'cerrada': {
      const duracionMs = (alerta.cerradaMs ?? alerta.actualizadaMs) - alerta.abiertaMs;
      return text(idioma, 'alert.closed', { ...facts, duracionMs });
    }
    case 'resumen':
      return text(idioma, 'alert.summary', { omitidas, maximo: alerta.razon['maximo'] ?? null });
  }
}
