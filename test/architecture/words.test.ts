/** The nouns of the specification have no twins in CoreC's own identifiers and file names. The lists are those of docs/GLOSSARY.md. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blankOut, lineAt, listSources, readSource } from './source-text.ts';

const glossary = readSource('docs/GLOSSARY.md');
const fence = (name: string): string[] => {
  const body = new RegExp(`^\`\`\`${name}\\n([^]*?)^\`\`\``, 'm').exec(glossary)?.[1];
  assert.ok(body, `docs/GLOSSARY.md has no block \`\`\`${name}`);
  return body.trim().split('\n');
};

/** twin -> the word to use */
const twins = new Map(
  fence('twins').flatMap((row) => {
    const [left, right] = row.split('->').map((part) => part.trim());
    assert.ok(left && right, `a row of the twins reads \`twin twin -> word\`, found: ${row}`);
    return left.split(/\s+/).map((twin) => [twin, right] as const);
  }),
);
const foreign = new Set(fence('foreign').flatMap((row) => row.split('#')[0]!.trim().split(/\s+/)));

/** An own identifier is looked at where it is declared or named bare: a property behind a dot was declared elsewhere, maybe by somebody else. */
const identifiers = /(?<![\w$.#]|\?\.)#?([A-Za-z_$][\w$]*)/g;

function judgeName(name: string): string | undefined {
  if (foreign.has(name)) return undefined;
  const whole = twins.get(name);
  if (whole !== undefined) return whole;
  for (const word of name.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)) {
    const noun = twins.get(word.toLowerCase());
    if (noun !== undefined) return noun;
  }
  return undefined;
}

describe('words', () => {
  test('no identifier and no file name is a twin of a noun of the specification', () => {
    const wrong = listSources('src/**/*.ts', 'plugins/**/*.ts', 'examples/**/*.ts').flatMap((file) => {
      const text = blankOut(readSource(file), 'comments and literals');
      const found = [...text.matchAll(identifiers)].map((m) => ({
        name: m[1]!,
        place: `${file}:${lineAt(text, m.index)}`,
      }));
      found.push({ name: file.replace(/\.ts$/, ''), place: file });
      return found.flatMap(({ name, place }) => {
        const noun = judgeName(name);
        return noun === undefined
          ? []
          : [
              `${place}  ${name}: the word is ${noun} (docs/GLOSSARY.md; somebody else's name goes into its list of foreign names)`,
            ];
      });
    });
    assert.ok(wrong.length === 0, `\n${[...new Set(wrong)].join('\n')}`);
  });

  test('the rules catch what they are for', () => {
    for (const name of [
      'Entity',
      'entityId',
      'BlockStore',
      'planBlocks',
      'channel',
      'Reading',
      'onReading',
      'READINGS_MAX',
      'src/x/block-store',
    ]) {
      assert.ok(judgeName(name), name);
    }
    for (const name of ['Entidad', 'blocked', 'isBlocking', 'Readable', 'BloqueStore', 'MessageChannel', 'identity']) {
      assert.equal(judgeName(name), undefined, name);
    }
  });
});
