/**
 * What the runtime found, made readable: the episodios as it told them, the strongest first, and how many there were.
 *
 * Owns choosing and tables. No name of an airport stands here: what is shown is what was found.
 */
import type { CoreCNucleus } from 'corec';
import { fill, textsOf, whole, type Idioma } from './texts.ts';
import { VISTAS, type Vista } from './vistas.ts';

type AlertaView = Awaited<ReturnType<CoreCNucleus['api']['alertas']>>[number];

export interface Hallazgo {
  readonly vista: Vista;
  readonly clave: string;
  /** When the window began that was odd: a day, or a half of one. */
  readonly desde: string;
  readonly contado: number;
  readonly esperadoMin: number | null;
  readonly esperadoMax: number | null;
  /** Score, 0.5 to 1. */
  readonly valor: number;
  readonly razon: string;
}

export interface Resumen {
  /** Flights taken in; each is a lectura of four claves. */
  readonly vuelos: number;
  readonly claves: number;
  readonly dias: number;
  /** Strongest first. */
  readonly hallazgos: readonly Hallazgo[];
  /** What the runtime told of itself, such as a full bloque: none when all is well. */
  readonly avisos: readonly string[];
}

const DAY_MS = 86_400_000;
const WORST_DAYS = 12;
const NAMED_A_DAY = 6;

export function summarize(
  alertas: readonly AlertaView[],
  facts: { readonly vuelos: number; readonly claves: number; readonly fromMs: number; readonly toMs: number },
): Resumen {
  const hallazgos: Hallazgo[] = [];
  const avisos: string[] = [];
  for (const alerta of alertas) {
    const vista = VISTAS.find((one) => alerta.bloque.startsWith(`${one}/`));
    const desdeMs = alerta.razon['ventanaDesdeMs'];
    if (vista === undefined || typeof desdeMs !== 'number') {
      avisos.push(`${alerta.bloque} ${alerta.clave}: ${alerta.texto}`);
      continue;
    }
    hallazgos.push({
      vista,
      clave: alerta.clave,
      desde: `${new Date(desdeMs).toISOString().slice(0, 16)}Z`,
      contado: Number(alerta.razon['lectura']),
      esperadoMin: alerta.esperadoMin,
      esperadoMax: alerta.esperadoMax,
      valor: alerta.valor,
      razon: alerta.texto,
    });
  }
  hallazgos.sort((a, b) => b.valor - a.valor || a.desde.localeCompare(b.desde) || a.clave.localeCompare(b.clave));
  const dias = Math.max(1, Math.ceil((facts.toMs - facts.fromMs) / DAY_MS));
  return { vuelos: facts.vuelos, claves: facts.claves, dias, hallazgos, avisos };
}

/** The lines that a person reads; `top`: rows of each table. */
export function renderResumen(resumen: Resumen, idioma: Idioma, top: number, config: string): string[] {
  const texts = textsOf(idioma);
  const { hallazgos } = resumen;
  const lines = [
    texts.title,
    '',
    fill(texts.total, {
      vuelos: whole(idioma, resumen.vuelos),
      episodios: whole(idioma, hallazgos.length),
      days: whole(idioma, resumen.dias),
      claves: whole(idioma, resumen.claves),
      perDay: (hallazgos.length / resumen.dias).toFixed(1),
    }),
    ...resumen.avisos.map((aviso) => `  ! ${aviso}`),
    '',
    texts.worst,
    ...worstDays(hallazgos, idioma),
  ];
  for (const vista of VISTAS) {
    const own = hallazgos.filter((one) => one.vista === vista);
    const shown = own.slice(0, top);
    const heading = fill(texts.strongest, { shown: whole(idioma, shown.length), all: whole(idioma, own.length) });
    lines.push('', `${texts.ofView[vista]}: ${heading}`);
    if (shown.length === 0) continue;
    const isDay = shown.every(({ desde }) => desde.endsWith('T00:00Z')) && !vista.endsWith('_delays');
    lines.push(
      ...table(
        [
          texts.clave[vista],
          isDay ? texts.day : texts.halfDay,
          texts.counted[vista],
          texts.expected,
          texts.score,
          texts.reason,
        ],
        shown.map((one) => [
          one.clave,
          isDay ? one.desde.slice(0, 10) : one.desde.slice(0, 13).replace('T', ' ') + ' h',
          String(Math.round(one.contado)),
          `${roundOf(one.esperadoMin)} .. ${roundOf(one.esperadoMax)}`,
          one.valor.toFixed(2),
          one.razon,
        ]),
        [2, 3, 4],
      ),
    );
  }
  lines.push('', fill(texts.more, { config }));
  return lines;
}

/** The days on which most claves were odd, each with the strongest of them. */
function worstDays(hallazgos: readonly Hallazgo[], idioma: Idioma): string[] {
  const texts = textsOf(idioma);
  const byDay = new Map<string, Hallazgo[]>();
  for (const one of hallazgos) {
    const day = one.desde.slice(0, 10);
    const others = byDay.get(day);
    if (others === undefined) byDay.set(day, [one]);
    else others.push(one);
  }
  const days = [...byDay].sort(([a, x], [b, y]) => y.length - x.length || a.localeCompare(b)).slice(0, WORST_DAYS);
  return table(
    [texts.day, texts.count, texts.most],
    days.map(([day, found]) => [
      day,
      whole(idioma, found.length),
      [...new Set(found.map(({ clave }) => clave))].slice(0, NAMED_A_DAY).join(', '),
    ]),
    [1],
  );
}

function roundOf(value: number | null): string {
  return value === null ? '-' : String(Math.round(value));
}

/** Columns of `right` stand to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = head.map((text, k) => Math.max(text.length, ...rows.map((row) => row[k]!.length)));
  return [head, ...rows].map((row) =>
    `  ${row.map((text, k) => (right.includes(k) ? text.padStart(widths[k]!) : text.padEnd(widths[k]!))).join('  ')}`.trimEnd(),
  );
}
