import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { epochToMs } from '#domain/mapeo/time.ts';
import { parseAll, type Parsed } from './parse.ts';

const MAPEO = 'formato=ndjson,clave=s,valor=v,ts=t';

/** A JSON value as text, with spaces, doubled names and escapes as writers leave them. */
const space = fc.constantFrom('', '', '', ' ', '  ', '\t', '\r');
const escaped = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map(
      (flags) =>
        `"${[...Array(text.length).keys()]
          .map((k) =>
            flags[k] === true && text.length < 8
              ? `\\u${text.charCodeAt(k).toString(16).padStart(4, '0')}`
              : JSON.stringify(text[k]).slice(1, -1),
          )
          .join('')}"`,
    );
/**
 * No name holds a backslash: V8 13.6 mistakes `"\\u0073"` for a name `\\` that it saw in that place of an earlier record, which
 * would make JSON.parse the wrong judge.
 */
const nameText = fc
  .oneof(fc.constantFrom('s', 'v', 't', 's', 'v', 't', 'sx', 'ts', '', 'á', '"'), fc.string())
  .map((name) => name.replaceAll('\\', '/'));
const string = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'a', '12.5', '-3', 'NaN'));
const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('0', '-0', '1e3', '1E-2', '1e999', '12345678901234567890', '1700000000000', '1700000000.5'),
);
const { value: jsonText } = fc.letrec<{ value: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(number, string.chain(escaped), fc.constantFrom('true', 'false', 'null')),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc
      .array(fc.tuple(space, tie('value'), space), { maxLength: 4 })
      .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
    fc
      .array(fc.tuple(space, nameText.chain(escaped), space, space, tie('value'), space), { maxLength: 5 })
      .map((members) => `{${members.map(([a, n, b, c, v, d]) => `${a}${n}${b}:${c}${v}${d}`).join(',')}}`),
  ),
}));
const recordText = fc
  .array(
    fc.tuple(
      space,
      nameText.chain(escaped),
      space,
      space,
      fc.oneof(jsonText, fc.constantFrom('1', '2.5', '"a"', '"2020-01-01T00:00:00Z"', '1600000000')),
      space,
    ),
    { maxLength: 6 },
  )
  .map((members) => `{${members.map(([a, n, b, c, v, d]) => `${a}${n}${b}:${c}${v}${d}`).join(',')}}`);
/** The text with one character taken out, put in or changed, so that much of it is wrong JSON. */
const damaged = fc
  .tuple(
    recordText,
    fc.nat(),
    fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '\\', '0', '1', '-', '.', 'e', ' ', 'n', '\u0001'),
  )
  .map(([text, at, character]) => {
    const k = text.length === 0 ? 0 : at % text.length;
    return text.slice(0, k) + character + text.slice(k + (at % 2));
  });

function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && text.charCodeAt(from) <= 0x20) from++;
  while (from < to && text.charCodeAt(to - 1) <= 0x20) to--;
  return text.slice(from, to);
}

function hasControl(text: string): boolean {
  return Array.from(text).some((character) => character < ' ');
}

/** What the mapping makes of a record, by JSON.parse: a lectura, or why not. */
function expected(line: string): Parsed | string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return 'malformed';
  }
  const of = (name: string): unknown =>
    typeof record === 'object' && record !== null && !Array.isArray(record) && Object.hasOwn(record, name)
      ? (record as Record<string, unknown>)[name]
      : undefined;
  const s = of('s');
  if (s === undefined || s === null) return 'no_clave';
  let clave: string;
  if (typeof s === 'string') clave = s;
  else if (typeof s === 'boolean') clave = String(s);
  else if (typeof s === 'number') clave = '#number';
  else return 'bad_clave';
  if (clave === '' || encodeUtf8(clave).length > 256 || hasControl(clave) || !clave.isWellFormed()) return 'bad_clave';
  const t = of('t');
  let tsMs = Number.NaN;
  if (typeof t === 'number') tsMs = epochToMs(t, 'auto');
  else if (typeof t === 'string') {
    const text = trimmed(t);
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) tsMs = Date.parse(text);
    else if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) tsMs = epochToMs(Number(text), 'auto');
  }
  if (Number.isNaN(tsMs)) return 'bad_ts';
  const v = of('v');
  if (v === undefined || v === null) return 'no_valor';
  let valor = Number.NaN;
  if (typeof v === 'number') valor = v;
  else if (typeof v === 'boolean') valor = Number(v);
  else if (typeof v === 'string') {
    const text = trimmed(v);
    if (text === '') return 'no_valor';
    if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) valor = Number(text);
  }
  if (!Number.isFinite(valor)) return 'bad_valor';
  return { clave, valor, tsMs };
}

function check(lines: readonly string[], chunk: number, capacity: number): void {
  const whole = lines.filter((line) => !/^[ \t\r]*$/.test(line));
  const { lecturas, refused } = parseAll(lines.join('\n'), { mapeo: MAPEO, chunk, capacity });
  const wanted = whole.map(expected);
  const good = wanted.filter((one): one is Parsed => typeof one !== 'string');
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    wanted.filter((one) => typeof one === 'string'),
  );
  assert.equal(lecturas.length, good.length);
  for (const [k, one] of lecturas.entries()) {
    if (good[k]!.clave !== '#number') assert.equal(one.clave, good[k]!.clave);
    assert.ok(Object.is(one.valor, good[k]!.valor), `${one.valor} is not ${good[k]!.valor}`);
    assert.equal(one.tsMs, good[k]!.tsMs);
  }
}

describe('NDJSON', () => {
  test('a row is malformed exactly when JSON.parse throws, and gives the values that JSON.parse gives', () => {
    const line = fc.oneof(
      recordText,
      recordText,
      damaged,
      jsonText,
      fc.string().map((text) => text.replaceAll('\n', ' ')),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        check,
      ),
      { numRuns: 800 },
    );
  });

  test('plain records keep their values in any order, spacing and chunking', () => {
    const member = fc.constantFrom('s', 'v', 't', 'unit', 'v2', 'st');
    const row = fc
      .tuple(
        fc.shuffledSubarray(['s', 'v', 't', 'unit', 'v2', 'st'], { minLength: 3 }),
        fc.nat({ max: 1e6 }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        member,
      )
      .map(([names, n, v, isSpaced, twice]) => {
        const values: Record<string, string> = {
          s: JSON.stringify(n % 7 === 0 ? `señor ${n}` : `sensor-${n}`),
          v: n % 5 === 0 ? JSON.stringify(String(v)) : JSON.stringify(v),
          t:
            n % 3 === 0
              ? String(1_600_000_000_000 + n)
              : JSON.stringify(new Date(1_600_000_000_000 + n * 1000).toISOString().replace('.000', '')),
          unit: '"°C"',
          v2: n % 11 === 0 ? '{"a":[1,{"v":2}]}' : 'null',
          st: '"a\\"b"',
        };
        const all = n % 13 === 0 ? [...names, twice] : names;
        return `{${all.map((name) => `"${name}":${isSpaced ? ' ' : ''}${values[name]}`).join(isSpaced ? ', ' : ',')}}`;
      });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 50 }),
        (rows, chunk, capacity) => {
          // Behind many more rows, so that the plain way, which keeps off the end of the bytes, has its part.
          check([...rows, ...Array<string>(20).fill(rows[0]!)], chunk, capacity);
        },
      ),
      { numRuns: 800 },
    );
  });
});
