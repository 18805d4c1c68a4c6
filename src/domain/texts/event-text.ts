/** An event of the time line in words, one sentence without a full stop. Leaves the reason of an alert to alerta-text.ts. */
import type { Idioma } from '../errors.ts';
import { reasonText, type AlertaFacts } from './alerta-text.ts';
import { textOf, type TextValue } from './text.ts';

export interface EventFacts {
  readonly tipo: string;
  readonly evento: string;
  readonly bloque: string;
  readonly tsMs: number;
  readonly alerta: AlertaFacts | null;
  readonly datos: Readonly<Record<string, TextValue>>;
}

export function eventText(idioma: Idioma, { tipo, evento, bloque, tsMs, alerta, datos }: EventFacts): string {
  if (alerta !== null) {
    const razon = reasonText(idioma, alerta);
    return evento === 'cerrada' ? textOf(idioma, 'event.over', { razon, duracionMs: tsMs - alerta.abiertaMs }) : razon;
  }
  if (tipo === 'movimiento') return textOf(idioma, `reason.${datos['codigo']}`, datos);
  if (tipo === 'reparacion') {
    const fallo = datos['fallo'] === '' ? null : (datos['fallo'] ?? null);
    return textOf(idioma, bloque === '' ? 'event.repaired_many' : 'event.repaired', { ...datos, fallo });
  }
  if (tipo === 'arranque') return textOf(idioma, evento === 'parado' ? 'event.stopped' : 'event.started', datos);
  return textOf(idioma, 'event.comando', { ...datos, evento }).replace('  ', ' ');
}
