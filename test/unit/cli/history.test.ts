import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { ANSI_PAINT, NO_PAINT } from '#cli/render/paint.ts';
import { widthOf } from '#cli/render/width.ts';
import { historyView } from '#cli/views/history.ts';
import { eventText } from '#domain/texts/event-text.ts';
import type { Idioma } from '#domain/errors.ts';
import type { HistoryResult } from '#nucleus/commands/results.ts';
import type { TimelineEvent } from '#ports/nucleus-api.ts';

const FALLO = 'a pressure of -1 bar: the sensor is broken';
const T0 = Date.UTC(2026, 0, 31, 12);

const event = (given: Partial<TimelineEvent>): TimelineEvent => ({
  id: 'x',
  tsMs: T0,
  tipo: 'alerta',
  evento: 'abierta',
  bloque: 'pumps/0',
  clave: '',
  alerta: null,
  datos: {},
  ...given,
});
const stored = { id: '1', canal: 1, clave: '', regla: 'error_rate', actualizadaMs: T0, cerradaMs: T0 + 60_000 };
const figures = { valor: 1, lectura: 1, esperadoMin: 0, esperadoMax: 0.05, lecturas: 4 };
const alerta = {
  ...stored,
  ...figures,
  bloque: 'pumps/0',
  abiertaMs: T0,
  razon: { codigo: 'error_rate' },
  reconocidaMs: null,
  reconocidaPor: null,
};
const events: TimelineEvent[] = [
  event({ alerta }),
  event({ tipo: 'reparacion', evento: 'reparada', datos: { bloques: 1, entidades: 9, fallo: FALLO } }),
  event({ alerta, evento: 'cerrada', tsMs: T0 + 60_000 }),
  event({
    tipo: 'movimiento',
    evento: 'redirigir',
    datos: { codigo: 'redirected', de: 'pumps/0', a: 'host/0', entidades: 85 },
  }),
  event({ tipo: 'comando', evento: 'reset', datos: { argumentos: 'target=pumps', puerta: 'socket' } }),
  event({ tipo: 'comando', evento: 'pause', bloque: '', datos: { argumentos: '', puerta: 'http' } }),
  event({ tipo: 'reparacion', evento: 'reparada', bloque: '', datos: { bloques: 40, entidades: 1200, fallo: '' } }),
];

function resultIn(idioma: Idioma): HistoryResult {
  return { eventos: events.map((one) => ({ ...one, texto: eventText(idioma, one) })), antes: null };
}

describe('a time line in the terminal', () => {
  test('says in both languages what happened', () => {
    const words = { en: '', es: '' };
    for (const idioma of ['en', 'es'] as const) {
      words[idioma] = historyView(resultIn(idioma), { idioma, paint: NO_PAINT, width: null, nowMs: T0 }).join('\n');
    }
    assert.equal(
      words.en,
      `
when                  what     where             what happened
2026-01-31T12:00:00Z  alert    pumps/0           100 % of the runs of the bloque failed, more than 5 %
2026-01-31T12:00:00Z  repair   pumps/0           9 entidades failed and were replaced; the last one failed with: ${FALLO}
2026-01-31T12:01:00Z  alert    pumps/0           over after 1 min: 100 % of the runs of the bloque failed, more than 5 %
2026-01-31T12:00:00Z  move     pumps/0 > host/0  85 idle entidades of pumps/0 were lent to host/0
2026-01-31T12:00:00Z  command  pumps/0           reset target=pumps (socket)
2026-01-31T12:00:00Z  command  *                 pause (http)
2026-01-31T12:00:00Z  repair   *                 1,200 entidades of 40 more bloques failed and were replaced`.trim(),
    );
    assert.match(words.es, /^cuándo +qué +dónde +qué pasó\n/);
    assert.match(
      words.es,
      /reparación +pumps\/0 +9 entidades fallaron y se reemplazaron; la última falló con: a pressure/,
    );
    assert.match(words.es, /terminó tras 1 min: falló el 100 % de las ejecuciones/);
  });

  test('fits a terminal of any width, and loses no word', () => {
    for (const idioma of ['en', 'es'] as const) {
      for (const width of [140, 100, 80, 60, 50]) {
        const lines = historyView(resultIn(idioma), { idioma, paint: ANSI_PAINT, width, nowMs: T0 }).map((line) =>
          stripVTControlCharacters(line),
        );
        for (const line of lines) assert.ok(widthOf(line) <= width, `${widthOf(line)} of ${width}: ${line}`);
        const said = lines.join(' ').replace(/\s+/g, ' ');
        for (const word of FALLO.split(' ')) assert.ok(said.includes(word), `${word} at ${width}`);
      }
    }
  });

  test('says first how to see what is older', () => {
    const view = { idioma: 'en', paint: NO_PAINT, width: 100, nowMs: T0 } as const;
    const [first] = historyView({ ...resultIn('en'), antes: '1-2-0-x' }, view);
    assert.equal(first, 'older: corec history --before 1-2-0-x');
    assert.deepEqual(historyView({ eventos: [], antes: null }, view), ['nothing happened']);
  });
});
