import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { scanJsonNumber, scanLooseNumber, scanned, scanShortNumber } from '#domain/mapeo/number.ts';

const POINT = 0x2e;
const COMMA = 0x2c;

/** The JSON number that `text` is as a whole, or undefined. */
function jsonNumber(text: string): number | undefined {
  const bytes = encodeUtf8(`${text}\n`);
  return scanJsonNumber(bytes, 0) === bytes.length - 1 ? scanned[0] : undefined;
}

function looseNumber(scan: typeof scanLooseNumber, text: string, pointA = POINT, pointB = POINT): number | undefined {
  const bytes = encodeUtf8(`${text}\n`);
  return scan(bytes, 0, pointA, pointB) === bytes.length - 1 ? scanned[0] : undefined;
}

const digits = (min: number, max: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
    minLength: min,
    maxLength: max,
  });
/** Anything that looks like a number, right or wrong. */
const numberish = fc
  .tuple(
    fc.constantFrom('', '-', '-', '+', '--'),
    fc.oneof(digits(1, 3), digits(0, 25), fc.constant('0')),
    fc.option(fc.oneof(digits(1, 6), digits(0, 25)), { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '-', '+'), digits(0, 4)), { nil: undefined }),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      `${sign}${whole}${fraction === undefined ? '' : `.${fraction}`}${exponent === undefined ? '' : exponent.join('')}`,
  );

describe('numbers from bytes', () => {
  test('a JSON number is the double that JSON.parse gives, bit for bit, and nothing else is one', () => {
    fc.assert(
      fc.property(numberish, (text) => {
        let expected: number | undefined;
        try {
          expected = JSON.parse(text) as number;
        } catch {
          expected = undefined;
        }
        assert.ok(Object.is(jsonNumber(text), expected), `${text}: ${jsonNumber(text)} is not ${expected}`);
      }),
      { numRuns: 20_000 },
    );
  });

  test('every double printed in full comes back bit for bit', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.ok(Object.is(jsonNumber(JSON.stringify(value)), Object.is(value, -0) ? 0 : value));
        assert.ok(Object.is(jsonNumber(value.toExponential(17)), Number(value.toExponential(17))));
      }),
      { numRuns: 20_000 },
    );
    // As data has them: 16 to 18 digits with a few before the point, where the exact quotient decides.
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 9, max: 17 }), (value, places) => {
        const text = value.toFixed(places);
        assert.ok(Object.is(jsonNumber(text), Number(text)), text);
        assert.ok(Object.is(looseNumber(scanLooseNumber, text), Number(text)), text);
      }),
      { numRuns: 50_000 },
    );
  });

  test('numbers halfway between two doubles round to even', () => {
    for (const text of [
      '9007199254740993',
      '9007199254740995',
      '0.500000000000000166533453693773481063544750213623046875',
      '4503599627370497.5',
      '450359962737049.75',
      '1.00000000000000011',
      '72057594037927945',
      '72057594037927937',
      '36028797018963971',
      '5e-324',
      '2.2250738585072011e-308',
      '1.7976931348623157e308',
      '1.7976931348623159e308',
      '123456789012345678',
      '0.000000000000000000000001',
    ]) {
      assert.ok(Object.is(jsonNumber(text), Number(text)), text);
    }
  });

  test('the short way gives what the long way gives', () => {
    fc.assert(
      fc.property(numberish, fc.constantFrom(POINT, COMMA), (text, point) => {
        const written = point === COMMA ? text.replace('.', ',') : text;
        const long = looseNumber(scanLooseNumber, written, point, point);
        assert.ok(Object.is(looseNumber(scanShortNumber, written, point, point), long), written);
      }),
      { numRuns: 20_000 },
    );
  });

  test('the loose grammar takes what spreadsheets write, and Number gives the value', () => {
    for (const text of ['+5', '.5', '5.', '-.5', '007', '1e3', '+1.50E-2', '-0']) {
      assert.ok(Object.is(looseNumber(scanLooseNumber, text), Number(text)), text);
    }
    for (const text of ['', '.', '-', '+', 'e5', '1e', '1e+', 'NaN', 'Infinity', '0x10', '1_000', '1,5', '--1']) {
      assert.equal(looseNumber(scanLooseNumber, text), undefined, text);
    }
  });

  test('a decimal comma is a point where it is asked for', () => {
    assert.equal(looseNumber(scanLooseNumber, '-3,25', COMMA, COMMA), -3.25);
    assert.equal(looseNumber(scanLooseNumber, '0,1234567890123456', COMMA, COMMA), 0.1234567890123456);
    assert.equal(looseNumber(scanLooseNumber, '3.25', COMMA, COMMA), undefined);
    assert.equal(looseNumber(scanLooseNumber, '3.25', POINT, COMMA), 3.25);
    assert.equal(looseNumber(scanLooseNumber, '3,25', POINT, COMMA), 3.25);
  });
});
