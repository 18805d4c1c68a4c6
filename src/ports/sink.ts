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
  /** Of a sink whose receiver is caught up from the stored alerts. */
  readonly gaps?: SinkGaps;
  close(): Promise<void>;
}

/** What a sink was told and has not got through. Times are UTC ms of the wall clock, of when it was told. */
export interface SinkGaps {
  /** Notices that wait, and how many more may without one being dropped. */
  readonly waiting: number;
  readonly room: number;
  /** When the oldest of them was told; null when none waits. */
  readonly waitingSinceMs: number | null;
  /** When the first of those was told that were given up; null when none was. */
  readonly lostSinceMs: number | null;
  /** What had been given up is told again. */
  forgive(): void;
}
