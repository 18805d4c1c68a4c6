import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMMAND_ID_CHARS_MAX, parseCommand } from '#nucleus/streams/envelope.ts';

const parse = (value: unknown): ReturnType<typeof parseCommand> =>
  parseCommand({ data: typeof value === 'string' ? value : JSON.stringify(value) }, 'corec');

/** Right or nearly right; the long ones reach over what is allowed. */
const texts = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: COMMAND_ID_CHARS_MAX }) },
  { weight: 1, arbitrary: fc.string({ minLength: COMMAND_ID_CHARS_MAX - 1, maxLength: COMMAND_ID_CHARS_MAX + 2 }) },
  { weight: 1, arbitrary: fc.anything() },
);
const args = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue()),
  fc.array(fc.nat()),
  fc.constantFrom(null, 7, 'x', {}),
);

test('what has version, id, name and arguments alone is read as the schema would read it', () => {
  let commands = 0;
  fc.assert(
    fc.property(
      fc.record(
        { v: fc.constantFrom(1, 1, 1, 2, '1'), id: texts, command: texts, arguments: args },
        { requiredKeys: [] },
      ),
      (value) => {
        const quick = parse(value);
        // one field more, and the schema decides
        const slow = parse({ ...value, by: 'ana' });
        assert.equal(quick.kind, slow.kind);
        if (quick.kind !== 'command' || slow.kind !== 'command') return;
        commands++;
        assert.deepEqual({ ...quick.command, by: 'ana' }, slow.command);
      },
    ),
    { numRuns: 5000 },
  );
  assert.ok(commands > 500, `only ${commands} commands`);
});

test('arguments cannot reach a prototype', () => {
  const text = '{"v":1,"id":"a","command":"status","arguments":{"__proto__":{"limit":1},"glob":"x"}}';
  const parsed = parse(text);
  assert.ok(parsed.kind === 'command');
  assert.deepEqual(Object.keys(parsed.command.args), ['glob']);
  assert.equal((parsed.command.args as { limit?: unknown }).limit, undefined);
});
