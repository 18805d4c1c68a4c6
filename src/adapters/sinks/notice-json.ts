/**
 * A notice as others get it: the field `data` of corec_alerts, and the body of a webhook.
 *
 * Version 1. Fields are only added; one that changes its meaning makes version 2. Times are UTC ms, `null` means "does not apply".
 */
import type { AlertaNotice } from '#ports/sink.ts';

export interface NoticeJson {
  readonly v: 1;
  readonly evento: AlertaNotice['evento'];
  readonly instance_id: string;
  /** The same for every notice of one episodio, also when it is sent again. */
  readonly id: string;
  readonly bloque: string;
  readonly canal: number;
  /** Empty for an alert of the bloque itself. */
  readonly clave: string;
  readonly regla: string;
  readonly texto: string;
  readonly abierta_ms: number;
  readonly actualizada_ms: number;
  readonly cerrada_ms: number | null;
  /** Score 0 .. 1 of a detector, else what the rule compares. */
  readonly valor: number | null;
  readonly lectura: number | null;
  readonly esperado_min: number | null;
  readonly esperado_max: number | null;
  readonly lecturas: number;
  readonly razon: Readonly<Record<string, string | number | null>>;
  /** For `resumen`: how many were not told one by one. */
  readonly omitidas: number;
}

export function noticeJson({ evento, instanceId, alerta, texto, omitidas }: AlertaNotice): NoticeJson {
  return {
    v: 1,
    evento,
    instance_id: instanceId,
    id: alerta.id,
    bloque: alerta.bloque,
    canal: alerta.canal,
    clave: alerta.clave,
    regla: alerta.regla,
    texto,
    abierta_ms: alerta.abiertaMs,
    actualizada_ms: alerta.actualizadaMs,
    cerrada_ms: alerta.cerradaMs,
    valor: finite(alerta.valor),
    lectura: finite(alerta.lectura),
    esperado_min: finite(alerta.esperadoMin),
    esperado_max: finite(alerta.esperadoMax),
    lecturas: alerta.lecturas,
    razon: alerta.razon,
    omitidas,
  };
}

/** The same for the same notice, whoever sends it and however often: what a receiver may drop doubles by. */
export function noticeKey({ evento, alerta }: AlertaNotice): string {
  return evento === 'actualizada' ? `${alerta.id}:${evento}:${alerta.actualizadaMs}` : `${alerta.id}:${evento}`;
}

/** JSON has no infinity: an open end of a range is null. */
function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
