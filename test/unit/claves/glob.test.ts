import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClaveDirectory } from '#domain/claves/directory.ts';
import { compileGlob, visitMatches } from '#domain/claves/glob.ts';

const encoder = new TextEncoder();
const matches = (pattern: string, text: string): boolean => {
  const bytes = encoder.encode(`<${text}>`);
  return compileGlob(pattern).matches(bytes, 1, bytes.length - 1);
};

test('star, question mark and backslash mean what they say', () => {
  for (const [pattern, text, expected] of [
    ['*', '', true],
    ['*', 'anything', true],
    ['a*c', 'ac', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', 'ñ', true],
    ['??', 'ñ', false],
    ['*?', '€', true],
    ['h*ñ*?o', 'hola-ñandu-oo', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\', 'a\\', true],
    ['eth0/rx', 'eth0/rx', true],
    ['eth0/rx', 'eth0/rx2', false],
    ['*rx', 'eth0/rx/rx', true],
    ['*a*a*a*b', 'a'.repeat(60), false],
  ] as const) {
    assert.equal(matches(pattern, text), expected, `${pattern} on ${text}`);
  }
});

test('a glob agrees with the same pattern as a regular expression', () => {
  const piece = fc.constantFrom('a', 'b', 'ñ', '€', '*', '?');
  const letter = fc.constantFrom('a', 'b', 'ñ', '€');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(letter, { maxLength: 10 }), (pattern, text) => {
      const source = pattern.map((p) => (p === '*' ? '.*' : p === '?' ? '.' : p)).join('');
      assert.equal(matches(pattern.join(''), text.join('')), new RegExp(`^${source}$`, 'su').test(text.join('')));
    }),
    { numRuns: 2000 },
  );
});

test('a pattern without wildcards tells its literal', () => {
  assert.equal(compileGlob('host/cpu').literal, 'host/cpu');
  assert.equal(compileGlob('a\\*b').literal, 'a*b');
  assert.equal(compileGlob('host/*').literal, null);
});

test('a walk visits just the matching claves and stops when told', () => {
  const directory = new ClaveDirectory();
  for (let i = 0; i < 100; i++) directory.insertText(`s-${i}`, i);
  const seen: number[] = [];
  visitMatches(directory, compileGlob('s-?7'), (loc) => void seen.push(loc));
  assert.deepEqual(seen, [17, 27, 37, 47, 57, 67, 77, 87, 97]);
  let visits = 0;
  visitMatches(directory, compileGlob('s-*'), () => ++visits < 5);
  assert.equal(visits, 5);
});
