import assert from 'node:assert/strict';
import test from 'node:test';
import { expandVariables } from '#domain/config/variables.ts';

test('references are filled in from the environment handed in, at every depth', () => {
  const { value, defects } = expandVariables(
    { a: '${HOST}:${PORT}', b: ['x', '${HOST}'], c: { d: 'no reference', e: 7, f: null } },
    { HOST: 'db', PORT: '5432' },
  );
  assert.deepEqual(value, { a: 'db:5432', b: ['x', 'db'], c: { d: 'no reference', e: 7, f: null } });
  assert.deepEqual(defects, []);
});

test('a default covers a variable that is unset or empty, and may be empty itself', () => {
  const { value, defects } = expandVariables(['${A:-x y}', '${B:-z}', '${C:-}', '${D}'], { B: '', D: '' });
  assert.deepEqual(value, ['x y', 'z', '', '']);
  assert.deepEqual(defects, []);
});

test('an unset variable and a malformed reference are told with their paths', () => {
  const { defects } = expandVariables({ a: ['${NOPE} and ${NOR}'], b: '${1x}', c: 'open ${end' }, {});
  assert.deepEqual(defects, [
    { path: ['a', 0], kind: 'unset', name: 'NOPE' },
    { path: ['a', 0], kind: 'unset', name: 'NOR' },
    { path: ['b'], kind: 'malformed', name: '${1x}' },
    { path: ['c'], kind: 'malformed', name: '${end' },
  ]);
});

test('what a variable holds is not searched again, and $${ stands for itself', () => {
  const { value } = expandVariables(['${A}', '$${A}'], { A: '${B}' });
  assert.deepEqual(value, ['${B}', '${A}']);
});

test('names that every object has are no variables', () => {
  assert.equal(expandVariables('${constructor}', {}).defects.length, 1);
});

test('it is known which texts came from variables', () => {
  const { filled } = expandVariables({ a: '${A}', b: 'plain' }, { A: '1' });
  assert.deepEqual([...filled], [['["a"]', '${A}']]);
});
