import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { drawChart } from '#cli/render/chart.ts';
import { ANSI_PAINT, NO_PAINT } from '#cli/render/paint.ts';
import { pairs, table } from '#cli/render/table.ts';
import { pad, printable, truncate, widthOf, wrap } from '#cli/render/width.ts';

describe('width', () => {
  test('is what a terminal shows', () => {
    const widths: [string, number][] = [
      ['', 0],
      ['cpu/total', 9],
      ['año', 3],
      ['an\u0303o', 3],
      ['日本', 4],
      ['한국', 4],
      ['ｆｕｌｌ', 8],
      ['👍', 2],
      ['👩‍👩‍👧', 2],
      ['❤️', 2],
      ['⣿⠀', 2],
      ['…', 1],
      ['temp °C µs', 10],
    ];
    for (const [text, width] of widths) assert.equal(widthOf(text), width, text);
  });

  test('a text is cut at whole characters, and says so', () => {
    assert.equal(truncate('cpu/total', 9), 'cpu/total');
    assert.equal(truncate('cpu/total', 5), 'cpu/…');
    assert.equal(truncate('日本語', 5), '日本…');
    assert.equal(truncate('日本語', 4), '日…');
    assert.equal(widthOf(truncate('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 4)), 3);
    assert.equal(truncate('abc', 0), '');
    assert.equal(pad('日', 4), '日  ');
    assert.equal(pad('日', 4, 'left'), '  日');
  });

  test('a clave cannot steer the terminal', () => {
    assert.equal(printable('\u001b[31mred\u0007\r\n\t'), '\\x1b[31mred\\x07\\r\\n\\t');
    assert.equal(printable('a\u202eb\u200b\u0085'), 'a\\u{202e}b\\u{200b}\\x85');
    assert.equal(printable('añ日👍'), 'añ日👍');
    assert.equal(printable('\ud800'), '\ufffd');
  });

  test('words are wrapped', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('a\nbb', 7), ['a', 'bb']);
    assert.deepEqual(wrap('abcdefghij k', 5), ['abcd…', 'k']);
  });
});

describe('tables', () => {
  const columns = [
    { head: 'clave', of: (row: { clave: string; n: number }) => row.clave, min: 4 },
    { head: 'n', of: (row: { clave: string; n: number }) => String(row.n), right: true },
  ];
  const rows = [
    { clave: '日本', n: 1 },
    { clave: 'a-long-clave', n: 12345 },
  ];

  test('columns stand below each other, wide characters too', () => {
    const lines = table(columns, rows, null, NO_PAINT);
    assert.deepEqual(lines, ['clave             n', '日本              1', 'a-long-clave  12345']);
    assert.equal(new Set(lines.map(widthOf)).size, 1);
  });

  test('they are cut to the terminal, figures never', () => {
    const lines = table(columns, rows, 14, NO_PAINT);
    assert.deepEqual(lines, ['clave        n', '日本         1', 'a-long…  12345']);
    assert.ok(table(columns, rows, 3, NO_PAINT).every((line) => line.includes('n') || /\d/.test(line)));
  });

  test('colour does not move anything', () => {
    const painted = table(
      columns.map((column) => ({ ...column, paint: ANSI_PAINT.red })),
      rows,
      null,
      ANSI_PAINT,
    );
    assert.deepEqual(painted.map(stripVTControlCharacters), table(columns, rows, null, NO_PAINT));
  });

  test('pairs stand below each other', () => {
    assert.deepEqual(
      pairs(
        [
          ['a', '1'],
          ['longer', '2'],
        ],
        NO_PAINT,
      ),
      ['a       1', 'longer  2'],
    );
  });
});

describe('the chart', () => {
  const line = (values: readonly number[], stepMs = 1000) => values.map((value, k) => ({ tsMs: k * stepMs, value }));

  test('rises and falls with its points', () => {
    const chart = drawChart(line([0, 1, 2, 3]), [], 2, 1)!;
    assert.deepEqual([...chart.rows], ['⡠⠊']);
    assert.deepEqual([...drawChart(line([3, 2, 1, 0]), [], 2, 1)!.rows], ['⠑⢄']);
    assert.deepEqual([chart.min, chart.max, chart.fromMs, chart.toMs], [0, 3, 0, 3000]);
  });

  test('every row and column is as wide as asked, whatever the number of points', () => {
    for (const count of [1, 2, 7, 1000]) {
      const chart = drawChart(line(Array.from({ length: count }, (_, k) => Math.sin(k))), [], 30, 4)!;
      assert.equal(chart.rows.length, 4);
      assert.ok(chart.rows.every((row) => widthOf(row) === 30));
      assert.equal(chart.marked.length, 30);
    }
  });

  test('one value alone, or always the same, is a line in the middle', () => {
    assert.match(drawChart(line([5, 5, 5, 5]), [], 2, 1)!.rows[0]!, /^⠤⠤$/);
    assert.match(drawChart(line([5]), [], 2, 1)!.rows[0]!, /^⠀⠠$/);
  });

  test('a gap in time is seen', () => {
    const points = [
      ...line([1, 1, 1, 1]),
      ...line([1, 1, 1, 1]).map((point) => ({ ...point, tsMs: point.tsMs + 20_000 })),
    ];
    assert.ok(drawChart(points, [], 20, 1)!.rows[0]!.includes('⠀'));
  });

  test('a peak between two columns is not lost', () => {
    const values = Array.from({ length: 10_000 }, () => 0);
    values[5003] = 100;
    const chart = drawChart(line(values), [], 20, 2)!;
    assert.notEqual(chart.rows[0], '⠀'.repeat(20));
  });

  test('alerts are marked where they were', () => {
    const chart = drawChart(
      line(Array.from({ length: 100 }, (_, k) => k)),
      [
        { fromMs: 0, toMs: 4000 },
        { fromMs: 99_000, toMs: 200_000 },
        { fromMs: -10, toMs: -5 },
      ],
      10,
      1,
    )!;
    assert.deepEqual(chart.marked, [true, false, false, false, false, false, false, false, false, true]);
  });

  test('nothing to draw is nothing drawn, and odd values do no harm', () => {
    assert.equal(drawChart([], [], 10, 2), null);
    assert.equal(drawChart([{ tsMs: 0, value: Number.NaN }], [], 10, 2), null);
    assert.ok(
      drawChart(
        [
          { tsMs: 5, value: 1 },
          { tsMs: 5, value: 2 },
          { tsMs: 5, value: Infinity },
        ],
        [],
        10,
        2,
      ),
    );
  });
});
