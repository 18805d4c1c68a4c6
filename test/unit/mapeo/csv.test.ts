import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseAll } from './parse.ts';

const T0 = Date.UTC(2020, 0, 1);
const at = (minutes: number): string => new Date(T0 + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ');

const reasons = (all: { refused: { reason: string }[] }): string[] => all.refused.map(({ reason }) => reason);

describe('CSV', () => {
  test('a header names the columns, in any order, and the others are left alone', () => {
    const { lecturas, refused } = parseAll(
      `unit,sensor,when,temp,note\nC,a,${at(0)},1.5,x\nC,b,${at(1)},-2,"says ""hi"", twice"\n`,
      { mapeo: 'clave=sensor,valor=temp,ts=when' },
    );
    assert.deepEqual(refused, []);
    assert.deepEqual(lecturas, [
      { clave: 'a', valor: 1.5, tsMs: T0 },
      { clave: 'b', valor: -2, tsMs: T0 + 60_000 },
    ]);
  });

  test('quoted cells hold separators, newlines and doubled quotes', () => {
    const { lecturas, position } = parseAll(
      `sensor,temp,note\r\n"a,1","2.5","one\r\ntwo, ""three"""\r\n"b ""x""" , 7 ,\r\nc,3,plain\r\n`,
      { mapeo: 'clave=sensor,valor=temp,ts=' },
    );
    assert.deepEqual(
      lecturas.map(({ clave, valor }) => [clave, valor]),
      [
        ['a,1', 2.5],
        ['b "x"', 7],
        ['c', 3],
      ],
    );
    assert.equal(position.line, 5);
  });

  test('semicolons, tabs and bars are found out, and a decimal comma behind semicolons', () => {
    for (const [separador, decimal] of [
      [';', ','],
      ['\t', '.'],
      ['|', '.'],
      [',', '.'],
      [';', '.'],
    ] as const) {
      const row = (n: number): string => [at(n), `s${n % 2}`, `${n},25`.replace(',', decimal)].join(separador);
      const { lecturas, refused } = parseAll(
        [['time', 'sensor', 'value'].join(separador), row(1), row(2), row(3)].join('\n'),
      );
      assert.deepEqual(refused, []);
      assert.deepEqual(
        lecturas.map(({ clave, valor }) => [clave, valor]),
        [
          ['s1', 1.25],
          ['s0', 2.25],
          ['s1', 3.25],
        ],
      );
    }
  });

  test('while semicolons separate and no number has told, either decimal point is taken', () => {
    const integers = 'w;1\n'.repeat(300);
    const { lecturas } = parseAll(`a;b\n${integers}y;2,5\nz;2.5`, { mapeo: 'clave=a,valor=b,ts=' });
    assert.deepEqual(
      lecturas.slice(299).map(({ valor }) => valor),
      [1, 2.5, 2.5],
    );
  });

  test('a row that lost cells, or has too many, is malformed; blank cells more at the end are let pass', () => {
    const all = parseAll('a,b,c\nx,1,2\nx,1\nx,1,2,\nx,1,2,3\nx,1,2\n', { mapeo: 'clave=a,valor=b,ts=' });
    assert.deepEqual(reasons(all), ['malformed', 'malformed']);
    assert.deepEqual(
      all.refused.map(({ where }) => where),
      ['line 3', 'line 5'],
    );
    assert.equal(all.lecturas.length, 3);
  });

  test('each wrong field has its reason', () => {
    const all = parseAll(
      `s,v,t\na,NaN,${at(0)}\na,inf,${at(0)}\na,1e999,${at(0)}\na,x,${at(0)}\na,,${at(0)}\n,1,${at(0)}\na,1,\na,1,soon\n"",1,${at(0)}\n${'x'.repeat(257)},1,${at(0)}\na\u0007b,1,${at(0)}\na,1,${at(0)}\n`,
      { mapeo: 'clave=s,valor=v,ts=t' },
    );
    assert.deepEqual(reasons(all), [
      'bad_valor',
      'bad_valor',
      'bad_valor',
      'bad_valor',
      'no_valor',
      'bad_clave',
      'bad_ts',
      'bad_ts',
      'bad_clave',
      'bad_clave',
      'bad_clave',
    ]);
    assert.equal(all.lecturas.length, 1);
    assert.equal(all.rows, 12);
  });

  test('claves are UTF-8; what is not is refused', () => {
    const bytes = Buffer.concat([
      Buffer.from('s,v\nseñor,1\n'),
      Buffer.from([0x61, 0xff, 0x2c, 0x31, 0x0a]),
      Buffer.from('日本,2\n'),
    ]);
    const all = parseAll(bytes, { mapeo: 'clave=s,valor=v,ts=' });
    assert.deepEqual(
      all.lecturas.map(({ clave }) => clave),
      ['señor', '日本'],
    );
    assert.deepEqual(reasons(all), ['bad_clave']);
  });

  test('several fields and a prefix join to a clave, several valores fan out below it', () => {
    const { lecturas } = parseAll('site,host,cpu,mem\nn,h1,1,2\ns,h2,3,\n', {
      mapeo: 'clave=site|host,prefijo=planta/,valor=cpu|mem,ts=',
    });
    assert.deepEqual(
      lecturas.map(({ clave, valor }) => [clave, valor]),
      [
        ['planta/n/h1/cpu', 1],
        ['planta/n/h1/mem', 2],
        ['planta/s/h2/cpu', 3],
      ],
    );
  });

  test('one column may have two roles', () => {
    const { lecturas } = parseAll('a,b\n5,1\n6,2\n', { mapeo: 'clave=a,valor=a,ts=' });
    assert.deepEqual(
      lecturas.map(({ clave, valor }) => [clave, valor]),
      [
        ['5', 5],
        ['6', 6],
      ],
    );
  });

  test('without a header columns are col1, col2, ...', () => {
    const { lecturas } = parseAll(`${at(0)},a,1\n${at(1)},b,2\n`);
    assert.deepEqual(lecturas, [
      { clave: 'a', valor: 1, tsMs: T0 },
      { clave: 'b', valor: 2, tsMs: T0 + 60_000 },
    ]);
    assert.equal(parseAll('1,a\n2,b\n', { mapeo: 'cabecera=no,clave=col2,valor=col1,ts=' }).lecturas[1]!.clave, 'b');
  });

  test('a byte order mark and blank lines are no rows', () => {
    const all = parseAll(`\uFEFF\n\r\ns,v\n\n\r\na,1\n\n`, { mapeo: 'clave=s,valor=v,ts=,formato=csv' });
    assert.deepEqual(
      all.lecturas.map(({ clave }) => clave),
      ['a'],
    );
    assert.equal(all.rows, 1);
  });

  test('a quote that is never closed costs its line, not the rest', () => {
    const all = parseAll(`s,v\na,1\n"b,2\nc,3\nd,4\n`, { mapeo: 'clave=s,valor=v,ts=' });
    assert.deepEqual(
      all.lecturas.map(({ clave }) => clave),
      ['a', 'c', 'd'],
    );
    assert.deepEqual(
      all.refused.map(({ reason, where }) => [reason, where]),
      [['malformed', 'line 3']],
    );
  });
});

describe('wide CSV', () => {
  test('each column but the time is a clave; blank cells are no lecturas and no refusals', () => {
    const all = parseAll(`timestamp,s1,s2,s 3\n${at(0)},1,2,3\n${at(5)},4,,6.5\n${at(10)}, , "8" ,\n`);
    assert.deepEqual(all.refused, []);
    assert.deepEqual(
      all.lecturas.map(({ clave, valor, tsMs }) => [clave, valor, (tsMs - T0) / 60_000]),
      [
        ['s1', 1, 0],
        ['s2', 2, 0],
        ['s 3', 3, 0],
        ['s1', 4, 5],
        ['s 3', 6.5, 5],
        ['s2', 8, 10],
      ],
    );
    assert.equal(all.rows, 3);
  });

  test('a wrong cell costs itself, a row without a good time or with lost cells costs all of it', () => {
    const all = parseAll(
      `timestamp,s1,s2\n${at(0)},1,NaN\nx,1,2\n${at(0)},1\n${at(0)},1,2,3\n${at(0)},abc,-inf\n${at(0)},7,8\n`,
    );
    assert.deepEqual(
      all.refused.map(({ reason, where, row }) => [reason, where, row]),
      [
        ['bad_valor', 'line 2, s2', 'NaN'],
        ['bad_ts', 'line 3', 'x,1,2'],
        ['malformed', 'line 4', `${at(0)},1`],
        ['malformed', 'line 5', `${at(0)},1,2,3`],
        ['bad_valor', 'line 6, s1', 'abc'],
        ['bad_valor', 'line 6, s2', '-inf'],
      ],
    );
    assert.deepEqual(
      all.lecturas.map(({ valor }) => valor),
      [1, 7, 8],
    );
  });

  test('a malformed row that does not fit into the batch gives nothing all the same', () => {
    const header = `ts,${Array.from({ length: 50 }, (_, k) => `c${k}`).join(',')}`;
    const cells = Array.from({ length: 50 }, (_, k) => k).join(',');
    const data = `${header}\n${at(0)},${cells}\n${at(1)},${cells},9\n${at(2)},${cells}\n`;
    for (const capacity of [1, 7, 49, 50, 51, 75, 1000]) {
      const all = parseAll(data, { capacity, mapeo: 'clave=,valor=*,ts=ts' });
      assert.equal(all.lecturas.length, 100, `capacity ${capacity}`);
      assert.deepEqual(reasons(all), ['malformed']);
    }
  });

  test('a time column that is not the first, text columns and a prefix are no hindrance', () => {
    const data = `s1,fecha,note,s2\n1,${at(0)},x,2\n3,${at(1)},y,4\n`;
    assert.deepEqual(
      parseAll(data, { mapeo: 'clave=,prefijo=p/,valor=*' }).lecturas.map(({ clave, valor }) => [clave, valor]),
      [
        ['p/s1', 1],
        ['p/s2', 2],
        ['p/s1', 3],
        ['p/s2', 4],
      ],
    );
    assert.deepEqual(
      parseAll(data, { mapeo: 'clave=note,valor=*,ts=fecha' }).lecturas.map(({ clave }) => clave),
      ['x/s1', 'x/s2', 'y/s1', 'y/s2'],
    );
  });
});

// --- the same rows, however they are cut

/** Cells as people fill them, right and wrong. */
const cell = fc.oneof(
  { weight: 6, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map(String) },
  { weight: 2, arbitrary: fc.integer({ min: -99, max: 99 }).map((n) => `"${n}"`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      ' 5',
      '5 ',
      'x',
      'NaN',
      '"a""b"',
      '"a,b"',
      '"a\nb"',
      '"open',
      'a"b',
      '"x"y',
      '""',
    ),
  },
);
const narrowRow = fc
  .tuple(
    fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0, max: 9 }).map((n) => `s${n}`) },
      { weight: 1, arbitrary: fc.constantFrom('', 'ñu', '"q,1"', '"q""2"', ' s') },
    ),
    cell,
    fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0, max: 9999 }).map(at) },
      { weight: 1, arbitrary: fc.constantFrom('', 'x', '1600000000', '"2020-01-01"') },
    ),
    fc.constantFrom('\n', '\n', '\r\n', ',\n', ',1\n', '\n\n'),
  )
  .map(([clave, valor, ts, end]) => `${clave},${valor},u,${ts}${end}`);
const wideRow = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }).map(at),
    fc.array(cell, { minLength: 4, maxLength: 6 }),
    fc.constantFrom('\n', '\n', '\r\n'),
  )
  .map(([ts, cells, end]) => `${ts},${cells.join(',')}${end}`);

describe('CSV in pieces', () => {
  const mapeos = [
    'clave=s,valor=v,ts=t',
    'clave=,prefijo=one,valor=v,ts=t',
    'clave=s|u,valor=v,ts=t,ts_falta=llegada',
    'clave=s,valor=v|t,ts=',
  ];
  for (const [name, header, row, asked] of [
    ['narrow', 's,v,u,t\n', narrowRow, mapeos],
    ['wide', 'time,a,b,c,d,e\n', wideRow, ['clave=,valor=*,ts=time']],
  ] as const) {
    test(`${name}: chunks and batches of any size give the same lecturas and refusals`, () => {
      fc.assert(
        fc.property(
          fc.array(row, { minLength: 1, maxLength: 40 }),
          fc.constantFrom(...asked),
          fc.integer({ min: 1, max: 300 }),
          fc.integer({ min: 1, max: 20 }),
          fc.boolean(),
          (rows, mapeo, chunk, capacity, isCut) => {
            // A few good rows behind, so that the plain way has its part of all of them.
            const end = name === 'wide' ? `${at(0)},1,2,3,4,5\n` : `s,1,u,${at(0)}\n`;
            const data = header + rows.join('') + (isCut ? '' : end.repeat(4));
            const options = { mapeo: `${mapeo},formato=csv,separador=coma,cabecera=si,decimal=punto` };
            const whole = parseAll(data, { ...options, capacity: 10_000 });
            const pieces = parseAll(data, { ...options, chunk, capacity });
            assert.deepEqual(pieces.lecturas, whole.lecturas);
            assert.deepEqual(pieces.refused, whole.refused);
            assert.equal(pieces.rows, whole.rows);
          },
        ),
        { numRuns: 600 },
      );
    });
  }
});
