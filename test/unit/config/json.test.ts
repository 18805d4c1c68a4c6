import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseJson, type JsonDocument } from '#domain/config/json.ts';

function parsed(text: string): JsonDocument {
  const result = parseJson(text);
  assert.ok(result.ok, result.ok ? '' : result.defect.found.en);
  return result.document;
}

test('every JSON text gives the value of JSON.parse, however it is indented', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent);
      assert.deepEqual(parsed(text).value, JSON.parse(text));
    }),
  );
});

test('what JSON.parse refuses is refused, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', '"', '{', '}', ',', ':', '[', ']', '0', 'e', '\\', '\n', 'x'),
      (json, at, put) => {
        const cut = at % (json.length + 1);
        const text = json.slice(0, cut) + put + json.slice(cut + 1);
        let sound = true;
        try {
          JSON.parse(text);
        } catch {
          sound = false;
        }
        assert.equal(parseJson(text).ok, sound, text);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a defect of syntax says where it stands and what to do', () => {
  const cases: [text: string, line: number, column: number, found: RegExp][] = [
    ['', 1, 1, /empty/],
    ['{\n  "a": 1,\n}', 2, 9, /comma before '}'/],
    ['{\n  "a" 1\n}', 2, 7, /where ':' is due/],
    ["{'a': 1}", 1, 2, /a key in "\.\.\." is due/],
    ['{"a": \'b\'}', 1, 7, /JSON wants/],
    ['// no\n{}', 1, 1, /\$note/],
    ['{"a": 1 /* x */}', 1, 9, /comment/],
    ['{"a": True}', 1, 7, /bare word True/],
    ['{"a": 01}', 1, 8, /inside a number/],
    ['{"a": "x', 1, 7, /without its closing/],
    ['{"a": "\\x"}', 1, 7, /escape/],
    ['[1', 1, 3, /the file ends/],
    ['{} {}', 1, 4, /after the end/],
    ['['.repeat(70), 1, 65, /levels/],
  ];
  for (const [text, line, column, found] of cases) {
    const result = parseJson(text);
    assert.ok(!result.ok, text);
    assert.deepEqual({ line: result.defect.line, column: result.defect.column }, { line, column }, text);
    assert.match(result.defect.found.en, found);
    assert.notEqual(result.defect.found.es, result.defect.found.en);
  }
});

test('a byte order mark at the beginning is no defect', () => {
  assert.deepEqual(parsed('\ufeff{"a": 1}').value, { a: 1 });
});

test('lines of keys and elements are known; an absent path has the line of its parent', () => {
  const document = parsed('{\n  "a": [\n    1,\n    { "b":\n 2 }\n  ]\n}');
  assert.equal(document.lineOf(['a']), 2);
  assert.equal(document.lineOf(['a', 1]), 4);
  assert.equal(document.lineOf(['a', 1, 'b']), 4);
  assert.equal(document.lineOf(['a', 1, 'absent', 'deeper']), 4);
  assert.equal(document.lineOf(['nothing']), 1);
});

test('a key given twice in one object is told, in two objects it is not', () => {
  assert.deepEqual(parsed('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}').repeated, [['b', 'c'], ['a']]);
  assert.deepEqual(parsed('[{"a": 1}, {"a": 2}]').repeated, []);
});

test('a key called __proto__ is a key', () => {
  const value = parsed('{"__proto__": {"x": 1}}').value as object;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal((value as { x?: number }).x, undefined);
});
