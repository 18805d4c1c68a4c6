/**
 * The reason of an alert in words.
 *
 * Owns how an alerta's code, parameters and expected range become a sentence. Leaves the codes' words to en.ts and es.ts
 * (`reason.<codigo>`), and when an alert is made to episodios and bloques.
 */
import type { Idioma } from '../errors.ts';
import { formatNumber } from './format.ts';
import { isTextCode, textOf, type TextValue } from './text.ts';

/** What a sentence can draw on; an AlertaRow has all of it. */
export interface AlertaFacts {
  readonly regla: string;
  readonly bloque?: string;
  readonly clave?: string;
  readonly abiertaMs: number;
  readonly actualizadaMs?: number;
  readonly valor: number;
  readonly lectura: number | null;
  readonly esperadoMin: number | null;
  readonly esperadoMax: number | null;
  readonly razon: Readonly<Record<string, TextValue>>;
}

/**
 * One sentence without a full stop, e.g. `71.3 is above the usual 60.1 to 62.4`. The code is razon.codigo, else the rule; a code
 * without a text of its own is told with the reading, the range and its parameters.
 */
export function reasonText(idioma: Idioma, alerta: AlertaFacts): string {
  const { codigo, ...own } = alerta.razon;
  const code = typeof codigo === 'string' ? codigo : alerta.regla;
  const facts: Record<string, TextValue> = {
    bloque: alerta.bloque ?? '',
    clave: alerta.clave ?? '',
    valor: alerta.valor,
    lectura: alerta.lectura,
    esperadoMin: alerta.esperadoMin,
    esperadoMax: alerta.esperadoMax,
    desdeMs: alerta.abiertaMs,
    ...own,
  };
  const digits = digitsToTell(idioma, alerta);
  const known = `reason.${code}`;
  if (isTextCode(known)) {
    const razon = textOf(idioma, known, facts, digits);
    return atWindow(idioma, atHours(idioma, razon, own['horasUtc']), own['ventanaDesdeMs']);
  }
  const range = alerta.esperadoMin === null && alerta.esperadoMax === null ? 'reason.other' : 'reason.other_range';
  const rest = Object.entries(own).map(([name, value]) => `${name}=${value ?? ''}`);
  return [textOf(idioma, range, { ...facts, codigo: code }, digits), ...rest].join(', ');
}

/** What is usual at some hours only is told with them. */
function atHours(idioma: Idioma, razon: string, horasUtc: TextValue | undefined): string {
  return typeof horasUtc === 'string' ? textOf(idioma, 'reason.at_hours', { razon, horasUtc }) : razon;
}

/** What was counted over a window is told with when it began: the alert opens once it has ended. */
function atWindow(idioma: Idioma, razon: string, fromMs: TextValue | undefined): string {
  return typeof fromMs === 'number' ? textOf(idioma, 'reason.at_window', { razon, ventanaDesdeMs: fromMs }) : razon;
}

/** Significant digits with which the reading and its expected range look as different as they are: 1000.02 is not "1,000 above 1,000". */
function digitsToTell(idioma: Idioma, { lectura, esperadoMin, esperadoMax }: AlertaFacts): number {
  const figures = new Set([lectura, esperadoMin, esperadoMax].filter((figure) => figure !== null));
  let digits = 4;
  while (digits < 9 && new Set([...figures].map((figure) => formatNumber(idioma, figure, digits))).size < figures.size)
    digits++;
  return digits;
}
