/** Where an alert goes at once, at least once, with a deterministic id: log, corec_alerts, webhook. */
import type { AlertaRow } from './bloque-store.ts';

export type AlertaEvento = 'abierta' | 'actualizada' | 'cerrada' | 'resumen';

export interface AlertaNotice {
  readonly evento: AlertaEvento;
  readonly instanceId: string;
  readonly alerta: AlertaRow;
  /** The reason in words, in the instance's language. */
  readonly texto: string;
  /** For `resumen`: how many were not told one by one. */
  readonly omitidas: number;
}

/** `notify` never throws and never blocks: a slow sink drops the oldest over its bound and counts it. */
export interface AlertaSink {
  readonly nombre: string;
  notify(notice: AlertaNotice): void;
  /** Sent, failed for good and dropped so far. */
  stats(): { readonly sent: number; readonly failed: number; readonly dropped: number };
  close(): Promise<void>;
}
