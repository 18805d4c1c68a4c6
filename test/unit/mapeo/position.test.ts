import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { MAX_LINE_BYTES } from '#domain/mapeo/limits.ts';
import { ROW_START, type RowPosition } from '#domain/mapeo/row-reader.ts';
import { lecturasOfBatch, makeReader, parseAll, type Parsed, type ParsedAll } from './parse.ts';

/** Reads like a process that is killed after every batch and begins again at the position it had written. */
function readWithRestarts(data: string, mapeo: string, capacity: number): Pick<ParsedAll, 'lecturas' | 'refused'> {
  const bytes = encodeUtf8(data);
  const lecturas: Parsed[] = [];
  const refused: ParsedAll['refused'] = [];
  let position: RowPosition = ROW_START;
  for (;;) {
    const reader = makeReader({ mapeo, start: position }, refused);
    reader.prepare(bytes, true);
    const rest = bytes.slice(position.offset);
    reader.offer(rest, 0, rest.length, true);
    const batch = new LecturaBatch(capacity);
    const isFull = reader.read(batch);
    lecturas.push(...lecturasOfBatch(batch));
    position = reader.position();
    if (!isFull) return { lecturas, refused };
  }
}

describe('positions', () => {
  const fanOut = fc
    .array(fc.tuple(fc.constantFrom('1', '"2"', 'null', '"x"', '{}', 'true'), fc.constantFrom('3', 'null', '"NaN"')), {
      minLength: 1,
      maxLength: 12,
    })
    .map((rows) => rows.map(([a, b], k) => `{"h":"h${k}","a":${a},"n":{"b":${b},"c":${k}}}\n`).join(''));
  const wide = fc
    .array(fc.array(fc.constantFrom('1', '2.5', '', 'x', '"7"'), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 12,
    })
    .map((rows) => `ts,a,b,c,d\n${rows.map((cells, k) => `${1_600_000_000 + k},${cells.join(',')}\n`).join('')}`);

  test('beginning again at any position, also in the middle of a row, loses nothing and doubles nothing', () => {
    for (const [data, mapeo] of [
      [fanOut, 'formato=ndjson,clave=h,valor=a|n.b|n.c,ts='],
      [wide, 'formato=csv,clave=,valor=*,ts=ts,separador=coma,cabecera=si,decimal=punto'],
    ] as const) {
      fc.assert(
        fc.property(data, fc.integer({ min: 1, max: 9 }), (text, capacity) => {
          const whole = parseAll(text, { mapeo });
          const broken = readWithRestarts(text, mapeo, capacity);
          assert.deepEqual(broken.lecturas, whole.lecturas);
          assert.deepEqual(broken.refused, whole.refused);
        }),
        { numRuns: 400 },
      );
    }
  });

  test('a position stands at the beginning of a row and counts its lines', () => {
    const data = '{"k":"a","v":1}\n\n{"k":"b","v":2}\nbroken\n{"k":"c","v":3}\n';
    const { position } = parseAll(data, { mapeo: 'formato=ndjson,clave=k,valor=v,ts=' });
    assert.deepEqual(position, { offset: data.length, part: 0, line: 5, skipping: false });
  });

  test('a reader that was opened inside a line that is too long goes on at the next one', () => {
    const data = `${'x'.repeat(500)}\n{"k":"b","v":2}\n`;
    const start = { offset: 200, part: 0, line: 7, skipping: true };
    const { lecturas, refused, position } = parseAll(data, { mapeo: 'formato=ndjson,clave=k,valor=v,ts=', start });
    assert.deepEqual(
      lecturas.map(({ clave }) => clave),
      ['b'],
    );
    assert.deepEqual(refused, []);
    assert.equal(position.line, 9);
  });
});

describe('limits', () => {
  const mapeo = 'formato=ndjson,clave=k,valor=v,ts=';
  const good = (name: string): string => `{"k":"${name}","v":1}`;
  const pad = (bytes: number): string => `{"k":"long","v":1,"x":"${'y'.repeat(bytes)}"}`;

  test('a line over 1 MiB is refused once, whatever it holds, and the next line is a row again', () => {
    const justFits = pad(MAX_LINE_BYTES - pad(0).length);
    assert.equal(justFits.length, MAX_LINE_BYTES);
    for (const chunk of [64 << 10, 700_001, 4 << 20]) {
      const data = [
        good('a'),
        pad(MAX_LINE_BYTES),
        good('b'),
        'z'.repeat(3 << 20),
        good('c'),
        justFits,
        good('d'),
      ].join('\n');
      const { lecturas, refused } = parseAll(data, { mapeo, chunk });
      assert.deepEqual(
        lecturas.map(({ clave }) => clave),
        ['a', 'b', 'c', 'long', 'd'],
        `chunk ${chunk}`,
      );
      assert.deepEqual(
        refused.map(({ reason, where }) => [reason, where]),
        [
          ['too_long', 'line 2'],
          ['too_long', 'line 4'],
        ],
      );
      assert.ok(refused.every(({ row }) => row.length <= 1024));
    }
  });

  test('the same for CSV, wide and narrow', () => {
    for (const [header, mapping] of [
      ['k,v,x', 'clave=k,valor=v,ts='],
      ['v,x', 'clave=,valor=v|x,ts='],
    ] as const) {
      const row = header === 'k,v,x' ? 'a,1,2' : '1,2';
      const data = [header, row, `${row}${'0'.repeat(MAX_LINE_BYTES)}`, row, `"${'q'.repeat(2 << 20)}`, row].join('\n');
      for (const chunk of [300_000, 8 << 20]) {
        const all = parseAll(data, { mapeo: `formato=csv,cabecera=si,separador=coma,${mapping}`, chunk });
        assert.deepEqual(
          all.refused.map(({ reason, where }) => [reason, where]),
          [
            ['too_long', 'line 3'],
            ['too_long', 'line 5'],
          ],
          `${header} ${chunk}`,
        );
        assert.equal(all.rows, 5);
      }
    }
  });

  test('nesting of a million levels costs no stack', () => {
    const depth = 400_000;
    const deep = `{"x":${'['.repeat(depth)}${']'.repeat(depth)},"k":"a","v":1}`;
    const open = `{"x":${'{"a":'.repeat(150_000)}`;
    const { lecturas, refused } = parseAll([deep, open, good('b')].join('\n'), { mapeo });
    assert.deepEqual(
      lecturas.map(({ clave }) => clave),
      ['a', 'b'],
    );
    assert.deepEqual(
      refused.map(({ reason }) => reason),
      ['malformed'],
    );
  });

  test('binary garbage is refused row by row, and rows between it are taken', () => {
    const random = new Uint8Array(200_000);
    let state = 12345;
    for (let k = 0; k < random.length; k++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      random[k] = state >>> 16;
    }
    const row = encodeUtf8(`\n${good('ok')}\n`);
    const data = Buffer.concat([row, random, row, random.subarray(7), row]);
    for (const chunk of [1000, 1 << 20]) {
      const all = parseAll(data, { mapeo, chunk });
      assert.equal(all.lecturas.length, 3);
      const lines = data
        .toString('latin1')
        .split('\n')
        .filter((line) => !/^[ \t\r]*$/.test(line)).length;
      assert.equal(all.rows, lines);
      assert.equal(all.refused.length, lines - 3);
    }
  });
});
