import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { inputSchemaOf, plainValues, readArguments } from '#nucleus/commands/arguments.ts';
import type { Arg, CommandEntry } from '#nucleus/commands/catalogue.ts';
import { COMMANDS } from '#nucleus/commands/table.ts';

const NOW_MS = Date.UTC(2026, 0, 31);

/** What may stand for an argument, near its bounds and far from them. */
function valueOf(arg: Arg): fc.Arbitrary<unknown> {
  const strange = fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    ' ',
    'x',
    '2h',
    '__proto__',
    -0,
    1.5,
    2 ** 53,
    NaN,
    true,
    [],
    {},
  );
  switch (arg.kind) {
    case 'text':
      return fc.oneof(
        strange,
        fc.string({ maxLength: 8 }),
        fc.constantFrom('x'.repeat(arg.max), 'x'.repeat(arg.max + 1)),
      );
    case 'number':
      return fc.oneof(strange, fc.constantFrom(arg.min - 1, arg.min, arg.max, arg.max + 1), fc.integer());
    case 'flag':
      return fc.oneof(strange, fc.boolean());
    case 'choice':
      return fc.oneof(strange, fc.constantFrom(...arg.choices), fc.constant(`${arg.choices[0]} `));
    case 'time':
      return fc.oneof(strange, fc.constantFrom('2026-01-31', '30m', 1_700_000_000_000));
    case 'span':
      return fc.oneof(strange, fc.constantFrom('90s', '1d', '90'));
  }
}

/** What the catalogue gives for an example; undefined: nothing. */
function exampleOf({ examples }: CommandEntry, name: string): unknown {
  return examples.find(({ input }) => name in input)?.input[name];
}

describe('arguments', () => {
  it('reads without the schema what the schema would read, and nothing else', () => {
    let plainReads = 0;
    for (const { entry } of COMMANDS.values()) {
      const schema = inputSchemaOf(entry.args);
      const valueFor = (name: string, arg: Arg): fc.Arbitrary<unknown> =>
        fc.oneof({ weight: 3, arbitrary: fc.constant(exampleOf(entry, name)) }, valueOf(arg));
      const values = Object.entries(entry.args).map(([name, arg]) => [name, valueFor(name, arg)]);
      const given = fc.record(Object.fromEntries(values), { requiredKeys: [] });
      const some = fc.oneof(
        { weight: 8, arbitrary: given },
        fc.constantFrom<unknown>([], 'x', 1, { glob: 'c1', otro: 1 }),
      );
      fc.assert(
        fc.property(some, (raw) => {
          const plain = plainValues(entry.args, raw);
          if (plain === null) return;
          plainReads++;
          const { data, error } = schema.safeParse(raw);
          assert.equal(error, undefined, `${entry.name} ${JSON.stringify(raw)}`);
          for (const [name, arg] of Object.entries(entry.args)) {
            // a moment or span that is given is left to the schema; a span's default is read in ms
            if (arg.kind !== 'span') assert.deepEqual(plain[name], data?.[name] ?? null);
          }
          assert.deepEqual(readArguments(entry, schema, raw, NOW_MS), plain);
        }),
        { numRuns: 200 },
      );
    }
    assert.ok(plainReads > 500, `${plainReads} were read without it`);
  });

  it('leaves a name that is no argument to the schema', () => {
    const { entry } = COMMANDS.get('entidades')!;
    assert.equal(plainValues(entry.args, JSON.parse('{"glob":"c1","__proto__":{"limit":5}}')), null);
    assert.deepEqual(plainValues(entry.args, { glob: 'c1', limit: 1 }), { glob: 'c1', bloque: null, limit: 1 });
  });
});
