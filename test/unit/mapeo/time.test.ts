import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { parseZona, scannedMs, TimeParser, type TsFormato } from '#domain/mapeo/time.ts';

function parse(
  text: string,
  formato: TsFormato = 'auto',
  offsetMs = 0,
  parser = new TimeParser(formato, offsetMs),
): number {
  const bytes = encodeUtf8(`${text}\n`);
  return parser.parse(bytes, 0, bytes.length - 1);
}

/** By the plain way; NaN when it leaves the text to parse(). */
function scan(text: string, parser: TimeParser): number {
  const bytes = encodeUtf8(`${text}"${' '.repeat(32)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = parser.scanPlain(bytes, view, 0);
  return at >= 0 && bytes[at] === 0x22 ? scannedMs[0]! : Number.NaN;
}

const iso = (text: string): number => Date.parse(text);
const anyDate = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

describe('times from bytes', () => {
  test('ISO 8601 gives what Date.parse gives, in both ways of reading it', () => {
    fc.assert(
      fc.property(
        anyDate,
        fc.constantFrom('T', ' ', 't'),
        fc.constantFrom('ms', 's', 'min'),
        fc.constantFrom('Z', ''),
        (date, between, to, zone) => {
          const full = date.toISOString();
          const cut = to === 'ms' ? full.slice(0, 23) : to === 's' ? full.slice(0, 19) : full.slice(0, 16);
          const expected = iso(`${cut}Z`);
          const text = cut.replace('T', between) + zone;
          assert.equal(parse(text), expected, text);
          const scanned = scan(text, new TimeParser('auto', 0));
          if (to === 'min' || between === 't') assert.ok(Number.isNaN(scanned), text);
          else assert.equal(scanned, expected, text);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('one parser over many rows gives each its own time, whatever the row before was', () => {
    const text = fc.oneof(
      anyDate.map((date) => date.toISOString()),
      fc
        .integer({ min: 0, max: 200_000 })
        .map((s) => new Date(1_600_000_000_000 + s * 1000).toISOString().slice(0, 19)),
      fc.constantFrom(
        '2020-02-30T00:00:00Z',
        '2020-13-01T00:00:00Z',
        '20a0-01-01T00:00:00Z',
        '2020-01-01T24:00:00Z',
        '2020-01-01T1:00:00Z',
        '\0'.repeat(19),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: -14, max: 14 }),
        (texts, hours) => {
          const one = new TimeParser('auto', hours * 3_600_000);
          for (const each of texts) {
            const fresh = parse(each, 'auto', hours * 3_600_000);
            assert.ok(Object.is(parse(each, 'auto', 0, one), fresh), each);
            const scanned = scan(each, one);
            if (!Number.isNaN(scanned)) assert.equal(scanned, fresh, each);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('zones are taken off, and an option gives the one that is not written', () => {
    for (const zone of ['+02:00', '-11:30', '+14:00', '-00:30']) {
      assert.equal(parse(`2024-02-29T12:00:00${zone}`), iso(`2024-02-29T12:00:00${zone}`));
      assert.equal(parse(`2024-02-29 12:00:00 ${zone}`), iso(`2024-02-29T12:00:00${zone}`));
      assert.equal(parse(`2024-02-29T12:00:00${zone.replace(':', '')}`), iso(`2024-02-29T12:00:00${zone}`));
    }
    assert.equal(parse('2024-02-29T12:00:00+05'), iso('2024-02-29T12:00:00+05:00'));
    for (const zone of ['Z', 'z', 'UTC', ' UTC', 'gmt', ' Z']) {
      assert.equal(parse(`2024-02-29T12:00:00${zone}`), iso('2024-02-29T12:00:00Z'));
    }
    assert.equal(parse('2024-02-29 12:00:00', 'auto', parseZona('+02:00')), iso('2024-02-29T12:00:00+02:00'));
    assert.equal(parse('2024-02-29', 'auto', parseZona('-0300')), iso('2024-02-29T00:00:00-03:00'));
    assert.equal(parse('2024-02-29T12:00:00Z', 'auto', parseZona('+02:00')), iso('2024-02-29T12:00:00Z'));
    for (const zone of ['', '2', '+2', '+25:00', 'CET', '+02:0', '+02:60'])
      assert.ok(Number.isNaN(parseZona(zone)), zone);
  });

  test('fractions are cut to ms, slashes and the date alone are taken, a leap second is the next one', () => {
    assert.equal(parse('2015-02-26T21:42:53.1239Z'), iso('2015-02-26T21:42:53.123Z'));
    assert.equal(parse('2015-02-26T21:42:53.5'), iso('2015-02-26T21:42:53.500Z'));
    assert.equal(parse('2015-02-26T21:42:53,25Z'), iso('2015-02-26T21:42:53.250Z'));
    assert.equal(parse('2015/02/26 21:42'), iso('2015-02-26T21:42:00Z'));
    assert.equal(parse('2015-02-26'), iso('2015-02-26T00:00:00Z'));
    assert.equal(parse('2016-12-31T23:59:60Z'), iso('2017-01-01T00:00:00Z'));
  });

  test('what is no time, or names none for sure, is refused', () => {
    for (const text of [
      '',
      'now',
      '2015-2-26',
      '26/02/2015',
      '02-26-2015',
      '2015-02-29',
      '2100-02-29',
      '2015-00-10',
      '2015-04-31',
      '2015-02/26',
      '2015-02-26T',
      '2015-02-26T21',
      '2015-02-26T21:4',
      '2015-02-26T21:60',
      '2015-02-26T21:42:61',
      '2015-02-26T21:42:53.',
      '2015-02-26T21:42:53 CET',
      '2015-02-26X21:42:53',
      '0000-01-01',
      '2015-02-26T21:42:53+24:00',
      '2015-02-26T21:42:53Zx',
      'NaN',
      '1e',
      '--5',
      '20200101T000000Z',
    ]) {
      assert.ok(Number.isNaN(parse(text)), text);
      assert.ok(Number.isNaN(scan(text, new TimeParser('auto', 0))), text);
    }
  });

  test('the size of an epoch number tells its unit, and an option overrules it', () => {
    const ms = iso('2023-11-14T22:13:20.123Z');
    assert.equal(parse('1700000000'), iso('2023-11-14T22:13:20Z'));
    assert.equal(parse('1700000000.123'), ms);
    assert.equal(parse('1700000000.1239'), ms);
    assert.equal(parse('1700000000123'), ms);
    assert.equal(parse('1700000000123456'), ms);
    assert.equal(parse('1700000000123456789'), ms);
    assert.equal(parse('-86400'), iso('1969-12-31T00:00:00Z'));
    assert.equal(parse('0'), 0);
    assert.equal(parse('1700000000', 'ms'), 1_700_000_000);
    assert.equal(parse('1700000000', 'us'), 1_700_000);
    assert.equal(parse('1700000000', 'ns'), 1700);
    assert.equal(parse('86400000', 's'), 86_400_000_000);
    assert.ok(Number.isNaN(parse('1700000000', 'iso')));
    assert.ok(Number.isNaN(parse('2020-01-01', 's')));
    assert.ok(Number.isNaN(parse('1e300')));
    assert.ok(Number.isNaN(parse('253402300800', 's')));
  });
});
