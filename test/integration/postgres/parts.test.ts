/** The adapter's pure parts: months, names, text, the cut by size, and rows cut anywhere on their way. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseRow } from '#adapters/postgres/copy-read.ts';
import { monthNamed, monthOf, monthsFrom, tablesOf } from '#adapters/postgres/names.ts';
import { planSizeCut, type HourUsage } from '#adapters/postgres/retention.ts';
import { fillSql, listMigrations, quoteLiteral, quoteName } from '#adapters/postgres/sql.ts';
import { toStoreError } from '#adapters/postgres/store-error.ts';
import { likePattern, plainText } from '#adapters/postgres/text.ts';

describe('names', () => {
  test('a month holds its first instant and not its last', () => {
    assert.deepEqual(monthOf(Date.UTC(2025, 3, 1) / 1000), {
      name: 'bloques_2025_04',
      fromS: Date.UTC(2025, 3, 1) / 1000,
      toS: Date.UTC(2025, 4, 1) / 1000,
    });
    assert.equal(monthOf(Date.UTC(2025, 4, 1) / 1000 - 0.001).name, 'bloques_2025_04');
    assert.deepEqual(
      monthsFrom(Date.UTC(2025, 10, 30) / 1000, 3).map(({ name }) => name),
      ['bloques_2025_11', 'bloques_2025_12', 'bloques_2026_01'],
    );
    for (const timestampS of [Number.NaN, Infinity, 1e15, -1e12])
      assert.throws(() => monthOf(timestampS), /a bloque row with timestamp/);
  });

  test('every month is found again by its name', () => {
    const seconds = fc.double({ min: -62_000_000_000, max: 253_000_000_000, noNaN: true });
    fc.assert(
      fc.property(seconds, (timestampS) => {
        const month = monthOf(timestampS);
        assert.ok(month.fromS <= timestampS && timestampS < month.toS);
        assert.deepEqual(monthNamed(month.name), month);
      }),
    );
    assert.equal(monthNamed('bloques_2025_04_1'), undefined);
    assert.equal(monthNamed('bloques_uso'), undefined);
  });

  test('instances never share a table, whatever they are called', () => {
    const names = ['corec1', 'CoreC1', 'corec 1', 'corec_1', 'ñ', 'ñ ', '', 'a'.repeat(32), 'a'.repeat(200), '"; drop'];
    const tables = names.map((name) => tablesOf(name).instance);
    assert.equal(new Set(tables).size, names.length);
    for (const table of tables) assert.match(table, /^estado_[a-z0-9_]{0,52}$/);
    assert.equal(tablesOf('corec1').tramos[0], 'estado_corec1_0');
  });
});

describe('sql', () => {
  test('what is put into a statement stays what it is', () => {
    assert.equal(quoteName('a"b'), '"a""b"');
    assert.equal(quoteLiteral(`a'b`), `'a''b'`);
    assert.equal(quoteLiteral(`a\\'b`), `E'a\\\\''b'`);
    assert.throws(() => fillSql('copy-estado', { table: 'x' }), /nothing given for \{options\}/);
  });

  test('migrations are numbered without a gap', () => {
    assert.deepEqual(
      listMigrations().map(({ version }) => version),
      listMigrations().map((_, i) => i + 1),
    );
  });

  test('text is made fit, patterns mean what a shell means', () => {
    assert.equal(plainText('a\0b\0'), 'a\u2400b\u2400');
    assert.equal(likePattern('cpu_*.100%?\\'), 'cpu\\_%.100\\%_\\\\');
  });
});

const SERVER = { host: 'db', port: 5432, user: 'u', database: 'd' };

describe('errors of PostgreSQL', () => {
  const withCode = (code: string, message = 'm'): Error => Object.assign(new Error(message), { code });
  test('what can pass is told from what cannot', () => {
    for (const code of ['57P01', '57P03', '08006', '53300', '40P01', 'ECONNREFUSED', 'ENOENT', 'EPIPE'])
      assert.equal(toStoreError(withCode(code), 'epoch 1', SERVER).code, 'COREC_E_POSTGRES_UNREACHABLE', code);
    for (const message of ['Connection terminated unexpectedly', 'Query read timeout'])
      assert.equal(toStoreError(new Error(message), 'epoch 1', SERVER).kind, 'transient', message);
    assert.equal(toStoreError(withCode('53100'), 'epoch 1', SERVER).code, 'COREC_E_DISK_FULL');
    for (const code of ['42P01', '23505', '22021'])
      assert.equal(toStoreError(withCode(code), 'epoch 1', SERVER).code, 'COREC_E_STORE_REFUSED', code);
    assert.equal(toStoreError(new TypeError('x is not a function'), 'epoch 1', SERVER).kind, 'terminal');
  });
});

describe('the cut by size', () => {
  const hours = (...bytes: number[]): HourUsage[] =>
    bytes.map((count, i) => ({ hora: 100 - i, filas: 1, bytes: count }));
  const nowS = 100 * 3600 + 1800;

  test('nothing goes within the bound', () => {
    assert.equal(planSizeCut(hours(10, 10, 10), 30, nowS), -Infinity);
    assert.equal(planSizeCut([], 0, nowS), -Infinity);
  });

  test('the oldest goes, to nine tenths of the bound, in parts of an hour', () => {
    // Keeps 27 of 40: the two newest hours and 7 of the third's 10.
    assert.equal(planSizeCut(hours(10, 10, 10, 10), 30, nowS), 98 * 3600 + 0.3 * 3600);
  });

  test('the hour that is not over yet is as long as it is', () => {
    assert.equal(planSizeCut(hours(100), 50, nowS), 100 * 3600 + 1800 * (1 - 0.45));
  });
});

describe('rows of COPY', () => {
  test('a row is read only when all of it is there', () => {
    const fields = [Buffer.from('abc'), null, Buffer.alloc(0)];
    const head = Buffer.alloc(2);
    head.writeInt16BE(fields.length);
    const parts = [head];
    for (const field of fields) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(field?.length ?? -1);
      parts.push(length, ...(field ? [field] : []));
    }
    const row = Buffer.concat(parts);
    for (let cut = 0; cut < row.length; cut++) assert.equal(parseRow(row.subarray(0, cut), 0), undefined);
    assert.deepEqual(parseRow(Buffer.concat([Buffer.from('xy'), row, Buffer.from('z')]), 2), {
      fields,
      end: row.length + 2,
    });
    assert.deepEqual(parseRow(Buffer.from([255, 255]), 0), { fields: null, end: 2 });
  });
});
