import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { argumentsFromTexts } from '#nucleus/commands/from-texts.ts';
import { CATALOGUE } from '#nucleus/commands/catalogue.ts';
import { parseMoment, parseSpan } from '#nucleus/commands/spans.ts';

describe('moments and spans', () => {
  test('a span is a number and a unit', () => {
    const spans: [string, number | null][] = [
      ['0', 0],
      ['500ms', 500],
      ['90s', 90_000],
      ['30m', 1_800_000],
      ['1.5h', 5_400_000],
      [' 2 d ', 172_800_000],
      ['1w', 604_800_000],
      ['5', null],
      ['-5m', null],
      ['5 years', null],
      ['', null],
      ['9999999999999w', null],
    ];
    for (const [text, ms] of spans) assert.equal(parseSpan(text), ms, text);
  });

  test('a moment is UTC ms, a date, or a span before now', () => {
    const now = Date.UTC(2026, 0, 31, 12);
    const moments: [string | number, number | null][] = [
      [0, 0],
      [1_700_000_000_000, 1_700_000_000_000],
      ['1700000000000', 1_700_000_000_000],
      ['now', now],
      ['2h', now - 7_200_000],
      ['2026-01-31', Date.UTC(2026, 0, 31)],
      ['2026-01-31T12:00', now],
      ['2026-01-31 12:00:00', now],
      ['2026-01-31T12:00:00.250Z', now + 250],
      ['2026-01-31T12:00+02:00', now - 7_200_000],
      ['2026-01-31T12:00-0300', now + 10_800_000],
      ['2024-02-29', Date.UTC(2024, 1, 29)],
      ['2026-13-31', null],
      ['2026-02-30', null],
      ['2026-04-31T12:00+02:00', null],
      ['2026-01-31T25:00', null],
      ['yesterday', null],
      ['12', null],
      [Number.NaN, null],
      [1e300, null],
    ];
    for (const [value, ms] of moments) assert.equal(parseMoment(value, now), ms, String(value));
  });
});

describe('arguments as texts', () => {
  test('numbers and flags are read, what fits no type is left for the schema to refuse', () => {
    const { args } = CATALOGUE.alerts;
    assert.deepEqual(
      argumentsFromTexts(args, { limit: '5', open: 'true', clave: '12', since: '1700000000000', nope: '1' }),
      {
        limit: 5,
        open: true,
        clave: '12',
        since: '1700000000000',
        nope: '1',
      },
    );
    assert.deepEqual(argumentsFromTexts(args, { limit: 'many', open: 'perhaps' }), { limit: 'many', open: 'perhaps' });
    assert.deepEqual(argumentsFromTexts(args, { open: '', __proto__: null }), { open: true });
    assert.deepEqual(argumentsFromTexts(args, { open: 'no' }), { open: false });
  });
});
