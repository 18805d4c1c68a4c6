import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { reasonText, type AlertaFacts } from '#domain/texts/alerta-text.ts';
import { EN } from '#domain/texts/en.ts';
import { ES } from '#domain/texts/es.ts';
import {
  formatBytes,
  formatDuration,
  formatNumber,
  formatPercent,
  formatRelative,
  formatTime,
} from '#domain/texts/format.ts';
import { chooseIdioma } from '#domain/texts/idioma.ts';
import { text, textOf, type TextCode } from '#domain/texts/text.ts';

const codes = Object.keys(EN) as TextCode[];
const placeholders = (template: string): string[] => (template.match(/\{[^}]*\}/g) ?? []).toSorted();

test('every text has a twin with the same parameters, written the same way', () => {
  assert.deepEqual(Object.keys(ES), codes);
  for (const code of codes) assert.deepEqual(placeholders(ES[code]), placeholders(EN[code]), code);
});

test('only kinds that are known stand after the colon of a parameter', () => {
  for (const code of codes) {
    for (const place of placeholders(EN[code]))
      assert.match(place, /^\{\w+(:(percent|bytes|duration|time|whole|raw))?\}$/, code);
  }
});

test('a text is filled in its language', () => {
  const params = { omitidas: 1_002_000, maximo: 1003 };
  assert.match(text('en', 'alert.summary', params), /^1,002,000 more alerts .* 1,003 told/);
  assert.match(text('es', 'alert.summary', params), /1\u202f002\u202f000 .* 1003 /);
  assert.equal(text('en', 'cli.total'), 'total');
});

test('a parameter that is not given stays visible, one that is null is a dash, and a text may hold braces', () => {
  assert.equal(textOf('en', 'log.plugin_failed', { plugin: '{x}', metodo: null }), '{x}: - failed: {error}');
});

test('an unknown code is shown with its parameters', () => {
  assert.equal(textOf('es', 'reason.from_the_future', { a: 1.5, b: 'x', c: null }), 'reason.from_the_future a=1.5 b=x');
});

const alerta = (facts: Partial<AlertaFacts>): AlertaFacts => ({
  regla: 'detector',
  abiertaMs: Date.UTC(2025, 3, 1, 12, 30, 5),
  valor: 0.97,
  lectura: 71.3,
  esperadoMin: 60.12345,
  esperadoMax: 62.4,
  razon: {},
  ...facts,
});

test('the reason of an alert is a sentence with the reading and what was expected', () => {
  const high = alerta({ razon: { codigo: 'too_high' } });
  assert.equal(reasonText('en', high), '71.3 is above the usual 60.12 to 62.4');
  assert.equal(reasonText('es', high), '71.3 está por encima de lo habitual, de 60.12 a 62.4');
  assert.equal(
    reasonText('en', alerta({ razon: { codigo: 'silent' }, esperadoMin: null, esperadoMax: 90_000, lectura: null })),
    'silent since 2025-04-01T12:30:05Z; expected at least every 1 min 30 s',
  );
  assert.equal(
    reasonText('en', alerta({ razon: { codigo: 'error_rate' }, valor: 0.073, esperadoMax: 0.05 })),
    '7.3 % of the runs of the bloque failed, more than 5 %',
  );
  assert.equal(
    reasonText('en', alerta({ razon: { codigo: 'quarantine', entidades: 1200, fallo: 'boom' } })),
    '1,200 entidades failed again after repair and are in quarantine; last fallo: boom',
  );
});

test('a code without words is told with its figures; without a code the rule stands for it', () => {
  assert.equal(
    reasonText('en', alerta({ razon: { codigo: 'mine', extra: 3 } })),
    'mine: 71.3, expected 60.12 to 62.4, extra=3',
  );
  assert.equal(reasonText('en', alerta({ regla: 'own_rule', esperadoMin: null, esperadoMax: null })), 'own_rule: 71.3');
});

test('what is usual at some hours only is told with them, and the figure judged there', () => {
  const hourly = alerta({
    razon: { codigo: 'too_low', lectura: 3.5, horasUtc: '15-18' },
    esperadoMin: 10,
    esperadoMax: 20,
  });
  assert.equal(reasonText('en', hourly), '3.5 is below the usual 10 to 20, at 15-18 h UTC');
});

test('a reading close to its limit does not look equal to it', () => {
  const close = alerta({ razon: { codigo: 'too_high' }, lectura: 1000.02, esperadoMin: 999, esperadoMax: 1000.01 });
  assert.equal(reasonText('en', close), '1,000.02 is above the usual 999 to 1,000.01');
});

test('numbers keep their whole part and four significant digits', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [-0, '0'],
    [12.5, '12.5'],
    [61.38291, '61.38'],
    [0.0012345678, '0.001235'],
    [-0.5, '-0.5'],
    [9999.999, '10,000'],
    [1_234_567.89, '1,234,568'],
    [1e-9, '1e-9'],
    [1.5e20, '1.5e+20'],
    [NaN, '-'],
    [Infinity, '-'],
  ];
  for (const [value, expected] of cases) assert.equal(formatNumber('en', value), expected);
  assert.equal(formatNumber('es', 1234.5), '1235');
  assert.equal(formatNumber('es', 12_345), '12\u202f345');
  assert.equal(formatNumber('es', 1234), '1234');
});

test('a written number is within half of its last digit, for every number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e14, max: 1e14 }), (value) => {
      const back = Number(formatNumber('en', value).replaceAll(',', ''));
      assert.ok(Math.abs(back - value) <= Math.max(Math.abs(value) * 0.0006, 0.5e-9), `${value} -> ${back}`);
    }),
  );
});

test('durations take the two largest units', () => {
  const cases: [number, string][] = [
    [0, '0 ms'],
    [430, '430 ms'],
    [999.6, '1 s'],
    [8250, '8.25 s'],
    [59_960, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000, '1 h'],
    [3 * 86_400_000 + 4 * 3_600_000 + 59_000, '3 d 4 h'],
    [-5000, '-5 s'],
    [NaN, '-'],
  ];
  for (const [ms, expected] of cases) assert.equal(formatDuration('en', ms), expected);
});

test('bytes and shares have three digits, times are UTC to the second', () => {
  assert.deepEqual(
    [0, 941, 1536, 223 * 1024 * 1024, 4_724_464_026].map((bytes) => formatBytes('en', bytes)),
    ['0 B', '941 B', '1.5 KB', '223 MB', '4.4 GB'],
  );
  assert.equal(formatPercent('en', 0.0734), '7.34 %');
  assert.equal(formatTime(Date.UTC(2001, 0, 2, 3, 4, 5, 678)), '2001-01-02T03:04:05Z');
  assert.equal(formatTime(NaN), '-');
  assert.equal(formatTime(1e300), '-');
});

test('how long ago is told in the language', () => {
  assert.equal(formatRelative('en', 0, 300_400), '5 min ago');
  assert.equal(formatRelative('es', 0, 300_400), 'hace 5 min');
  assert.equal(formatRelative('en', 10_000, 0), 'in 10 s');
  assert.equal(formatRelative('es', 500, 0), 'ahora');
});

test('the language is the configured one, else that of the locale as POSIX ranks it, else English', () => {
  assert.equal(chooseIdioma('es', { LANG: 'en_US.UTF-8' }), 'es');
  assert.equal(chooseIdioma('auto', { LANG: 'es_SV.UTF-8' }), 'es');
  assert.equal(chooseIdioma('auto', { LANG: 'es' }), 'es');
  assert.equal(chooseIdioma('auto', { LC_ALL: 'C', LANG: 'es_ES' }), 'en');
  assert.equal(chooseIdioma('auto', { LC_ALL: '', LC_MESSAGES: 'es@euro', LANG: 'en' }), 'es');
  assert.equal(chooseIdioma('auto', { LANG: 'est_EE' }), 'en');
  assert.equal(chooseIdioma('auto', {}), 'en');
});
