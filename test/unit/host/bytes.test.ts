import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { asciiBytes, NamedThings, WordTable } from '#domain/host/bytes.ts';
import { cursorOf } from './parse.ts';

describe('ByteCursor', () => {
  test('reads a decimal as JavaScript does', () => {
    for (const text of ['0', '7', '0.71', '12.5', '-3', '123456789', '-0.05', '9007199254740991']) {
      assert.equal(cursorOf(`  ${text} x`).number(), Number(text), text);
    }
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 999 }), (whole, thousandths) => {
        const text = `${whole}.${String(thousandths).padStart(3, '0')}`;
        assert.equal(cursorOf(text).number(), Number(text));
      }),
    );
  });

  test('a word where a number is expected is NaN and stays under the cursor', () => {
    const cursor = cursorOf(' max 5');
    assert.ok(Number.isNaN(cursor.number()));
    assert.equal(cursor.peek(), 'm'.charCodeAt(0));
    cursor.skipWord();
    assert.equal(cursor.number(), 5);
  });

  test('every step at the end of a text stays there', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.array(fc.nat({ max: 5 }), { maxLength: 20 }), (text, steps) => {
        const cursor = cursorOf(text);
        for (const step of steps) {
          if (step === 0) cursor.number();
          else if (step === 1) cursor.skipWord(58);
          else if (step === 2) cursor.skipFields(2);
          else if (step === 3) cursor.nextLine();
          else if (step === 4) cursor.skipByte();
          else cursor.startsWith(asciiBytes('ab'));
          assert.ok(cursor.at <= cursor.end);
        }
      }),
    );
  });

  test('what stands in the buffer after the text is not read', () => {
    const cursor = cursorOf('12\n34\n');
    cursor.reset(cursor.bytes, 2);
    assert.equal(cursor.number(), 12);
    cursor.nextLine();
    assert.equal(cursor.done, true);
    assert.ok(Number.isNaN(cursor.number()));
  });
});

test('WordTable tells known words from unknown ones of the same length', () => {
  const table = new WordTable(['intr', 'ctxt', 'processes']);
  const find = (word: string): number => table.find(asciiBytes(`..${word}`), 2, 2 + word.length);
  assert.deepEqual(
    ['intr', 'ctxt', 'processes', 'xxxx', 'int', '', 'procs_running_and_more'].map(find),
    [0, 1, 2, -1, -1, -1, -1],
  );
});

test('NamedThings keeps what it meets and forgets what it did not meet in a round', () => {
  const made: string[] = [];
  const things = new NamedThings((name) => {
    made.push(name);
    return { name };
  });
  const meet = (...names: string[]): string[] => {
    things.begin();
    const met = names.map((name) => things.find(cursorOf(name), 0, name.length).name);
    things.end();
    return met;
  };
  assert.deepEqual(meet('sda', 'sdb', 'sdc'), ['sda', 'sdb', 'sdc']);
  assert.deepEqual(meet('sda', 'sdc'), ['sda', 'sdc']);
  assert.equal(things.size, 2);
  assert.deepEqual(meet('sdc', 'sdb', 'sda'), ['sdc', 'sdb', 'sda']);
  assert.deepEqual(made, ['sda', 'sdb', 'sdc', 'sdb']);
});
