import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LecturaBatch, hashClave } from '#domain/lectura/batch.ts';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { parseBody } from '#domain/mapeo/body.ts';
import { explainBytes } from '#domain/mapeo/explain.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { lecturasOfBatch, parseAll } from './parse.ts';

const pairs = (data: string, mapeo: string): [string, number][] =>
  parseAll(data, { mapeo: `formato=ndjson,${mapeo}` }).lecturas.map(({ clave, valor }) => [clave, valor]);
const reasons = (data: string, mapeo: string): string[] =>
  parseAll(data, { mapeo: `formato=ndjson,${mapeo}` }).refused.map(({ reason, where }) => `${reason} ${where}`);

describe('fields of records', () => {
  test('lie in objects and arrays, and dots may belong to names', () => {
    assert.deepEqual(pairs('{"a":{"b":[{"c":"x"},{"c":"y"}]},"v":[1,[2,3]]}', 'clave=a.b.1.c,valor=v.1.0,ts='), [
      ['y', 2],
    ]);
    assert.deepEqual(pairs('{"a.b":"x","a":{"b":"y"},"v":1}', 'clave=a\\.b,valor=v,ts='), [['x', 1]]);
    assert.deepEqual(pairs('["x",5,1600000000]', 'clave=0,valor=1,ts=2'), [['x', 5]]);
  });

  test('of a name that stands twice the last counts, with all that is in it', () => {
    assert.deepEqual(pairs('{"k":"a","n":{"v":1},"n":{"v":2}}', 'clave=k,valor=n.v,ts='), [['a', 2]]);
    assert.deepEqual(reasons('{"k":"a","n":{"v":1},"n":{}}', 'clave=k,valor=n.v,ts='), ['no_valor line 1']);
    assert.deepEqual(reasons('{"k":"a","n":{"v":1},"n":5}', 'clave=k,valor=n.v,ts='), ['no_valor line 1']);
    assert.deepEqual(reasons('{"k":"a","v":1,"v":null}', 'clave=k,valor=v,ts='), ['no_valor line 1']);
    assert.deepEqual(pairs('{"k":"a","k":"b","v":1,"v":"2.5"}', 'clave=k,valor=v,ts='), [['b', 2.5]]);
  });

  test('fan out to a clave each; a missing one is nothing, a wrong one is refused alone', () => {
    const data = [
      '{"h":"a","cpu":1,"mem":2}',
      '{"h":"b","cpu":"x","mem":3}',
      '{"h":"c","mem":null}',
      '{"h":"d","disk":{"used":9}}',
    ].join('\n');
    const mapeo = 'clave=h,valor=cpu|mem|disk.used,ts=';
    assert.deepEqual(pairs(data, mapeo), [
      ['a/cpu', 1],
      ['a/mem', 2],
      ['b/mem', 3],
      ['d/disk.used', 9],
    ]);
    assert.deepEqual(reasons(data, mapeo), ['bad_valor line 2, cpu', 'no_valor line 3']);
  });

  test('a thousand valores are found by name in any order', () => {
    const names = Array.from({ length: 1000 }, (_, k) => `metric_${k}`);
    const mapeo = { formato: 'ndjson', clave: 'h', valor: names, ts: null } as const;
    const record = (order: string[]): string =>
      `{"h":"x",${order.map((name) => `"${name}":${name.slice(7)}`).join(',')},"other":1}`;
    const shuffled = names.toSorted(
      (a, b) => hashClave(encodeUtf8(a), 0, a.length) - hashClave(encodeUtf8(b), 0, b.length),
    );
    const { lecturas } = parseAll([record(names), record(shuffled), record(names)].join('\n'), {
      mapeo: { ...mapeo, valor: [...names] },
      capacity: 300,
    });
    assert.equal(lecturas.length, 3000);
    for (const [k, { clave, valor }] of lecturas.entries())
      assert.deepEqual([clave, valor], [`x/metric_${k % 1000}`, k % 1000]);
  });

  test('claves: numbers as written, escapes and pairs of surrogates undone, joined in order', () => {
    assert.deepEqual(pairs('{"a":123456789012345678,"b":"x\\u00e9\\ud83d\\ude00\\/","v":1}', 'clave=a|b,valor=v,ts='), [
      ['123456789012345678/xé😀/', 1],
    ]);
    assert.deepEqual(pairs('{"a":"s","v":1}', 'clave=a,prefijo=p-,valor=v,ts='), [['p-s', 1]]);
    assert.deepEqual(pairs('{"v":1}', 'clave=,prefijo=only,valor=v,ts='), [['only', 1]]);
    for (const wrong of [
      '""',
      '"\\ud83d"',
      '"a\\u0000"',
      '"a\\n"',
      '{}',
      '[]',
      `"${'x'.repeat(257)}"`,
      `"${'é'.repeat(129)}"`,
    ]) {
      assert.deepEqual(reasons(`{"a":${wrong},"v":1}`, 'clave=a,valor=v,ts='), ['bad_clave line 1'], wrong);
    }
    assert.deepEqual(reasons('{"a":null,"v":1}\n{"v":1}', 'clave=a,valor=v,ts='), [
      'no_clave line 1',
      'no_clave line 2',
    ]);
    assert.deepEqual(pairs(`{"a":"${'x'.repeat(256)}","v":1}`, 'clave=a,valor=v,ts=').length, 1);
  });

  test('a mapping that could give no clave is refused before any row', () => {
    assert.throws(() => pairs('{"v":1}', 'clave=,prefijo=a\u0001,valor=v,ts='), /the clave "a.".*control characters/);
    assert.throws(() => parseAll(`${'x'.repeat(300)},b\n1,2\n`, { mapeo: 'clave=,valor=*,ts=' }), /the clave "x{60}…"/);
  });

  test('claves that are not UTF-8 are refused, in skipped text nobody minds', () => {
    const bad = Buffer.concat([
      Buffer.from('{"s":"a'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('","v":1}\n{"x":"'),
      Buffer.from([0xff]),
      Buffer.from('","s":"b","v":2}\n'),
    ]);
    const all = parseAll(bad, { mapeo: 'formato=ndjson,clave=s,valor=v,ts=' });
    assert.deepEqual(
      all.lecturas.map(({ clave }) => clave),
      ['b'],
    );
    assert.deepEqual(
      all.refused.map(({ reason }) => reason),
      ['bad_clave'],
    );
  });

  test('the hash in the batch is that of the clave, in every way that leads there', () => {
    const json = [
      '{"s":"plain","v":1}',
      '{"s":"esc\\u0061ped","v":1}',
      '{"s":"señor","v":1}',
      '{"s":5,"v":1}',
      '{"s":"last","v":1}',
    ];
    const csv = ['s,v', 'plain,1', '"quoted",1', '"do""ubled",1', 'señor,1', ...Array<string>(8).fill('end,1')];
    const wide = ['ts,a,señor', ...Array<string>(9).fill('1600000000,1,2')];
    for (const [data, mapeo] of [
      [[...json, ...json].join('\n'), 'formato=ndjson,clave=s,valor=v,ts='],
      [json.join('\n'), 'formato=ndjson,clave=s,prefijo=p,valor=v,ts='],
      [json.join('\n'), 'formato=ndjson,clave=s,valor=v|x,ts='],
      [csv.join('\n'), 'formato=csv,clave=s,valor=v,ts='],
      [csv.join('\n'), 'formato=csv,clave=,prefijo=one,valor=v,ts='],
      [wide.join('\n'), 'formato=csv,clave=,valor=*,ts=ts'],
    ] as const) {
      const reader = parseBody(encodeUtf8(`${data}\n`), { mapeo: parseMapeo(mapeo), onRefused: () => {} });
      const batch = new LecturaBatch(100);
      reader.read(batch);
      assert.ok(batch.length > 4);
      for (let k = 0; k < batch.length; k++) {
        const from = batch.claveOffset[k]!;
        assert.equal(batch.claveHash[k], hashClave(batch.claveBytes, from, from + batch.claveLength[k]!));
      }
    }
  });
});

describe('bodies', () => {
  const body = (count: number): Uint8Array =>
    encodeUtf8(
      Array.from({ length: count }, (_, k) => `{"clave":"c${k}","valor":${k},"ts":${1_600_000_000 + k}}\n`).join(''),
    );

  test('are read over as many batches as they need', () => {
    const reader = parseBody(body(1000), { mapeo: null, onRefused: () => {} });
    const batch = new LecturaBatch(64);
    const seen: string[] = [];
    for (let more = true; more;) {
      batch.clear();
      more = reader.read(batch);
      seen.push(...lecturasOfBatch(batch).map(({ clave }) => clave));
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 1000 }, (_, k) => `c${k}`),
    );
    assert.deepEqual([reader.rows, reader.refused], [1000, 0]);
  });

  test('a Buffer inside a larger pool is read in its own bounds', () => {
    const pool = Buffer.alloc(10_000, '{"clave":"x","valor":1,"ts":1600000000}\n');
    const slice = pool.subarray(39 * 2 + 2, 39 * 4 + 4);
    const reader = parseBody(slice, { mapeo: null, onRefused: () => {} });
    const batch = new LecturaBatch(64);
    assert.equal(reader.read(batch), false);
    assert.equal(batch.length, Math.floor(slice.length / 40));
  });

  test('an empty body has no rows and no fault', () => {
    for (const text of ['', '\n\n', ' \r\n']) {
      const reader = parseBody(encodeUtf8(text), { mapeo: null, onRefused: () => {} });
      assert.equal(reader.read(new LecturaBatch(4)), false);
      assert.equal(reader.rows, 0);
    }
  });

  test('rows may lack their time, which is then the time of arrival', () => {
    const reader = parseBody(
      encodeUtf8('{"clave":"a","valor":1}\n{"clave":"b","valor":2,"ts":null}\n{"clave":"c","valor":3,"ts":"x"}\n'),
      { mapeo: null, onRefused: (reason) => assert.equal(reason, 'bad_ts') },
    );
    const batch = new LecturaBatch(4);
    reader.read(batch);
    assert.deepEqual(lecturasOfBatch(batch), [
      { clave: 'a', valor: 1, tsMs: Number.NaN },
      { clave: 'b', valor: 2, tsMs: Number.NaN },
    ]);
    assert.equal(reader.refused, 1);
  });
});

describe('explaining', () => {
  test('shows the first lecturas, what is refused and why, and the mapping to reuse', () => {
    const data = encodeUtf8(
      `time,sensor,temp\n2020-01-01 00:00:00,a,1\n2020-01-01 00:01:00,b,x\nbroken\n${'2020-01-01 00:02:00,a,3\n'.repeat(50)}`,
    );
    const explanation = explainBytes(data, true, { pedido: null, nombre: 'x', source: 'x', verify: true }, 3, 'en');
    assert.ok(explanation !== null);
    assert.deepEqual(explanation.lecturas, [
      { clave: 'a', valor: 1, ts: '2020-01-01T00:00:00.000Z', line: 2 },
      { clave: 'a', valor: 3, ts: '2020-01-01T00:02:00.000Z', line: 5 },
      { clave: 'a', valor: 3, ts: '2020-01-01T00:02:00.000Z', line: 6 },
    ]);
    assert.deepEqual(
      explanation.refused.map(({ reason, count, examples }) => [reason, count, examples[0]?.where]),
      [
        ['bad_valor', 1, 'line 3'],
        ['malformed', 1, 'line 4'],
      ],
    );
    assert.deepEqual([explanation.rowsCount, explanation.lecturasCount, explanation.refusedCount], [53, 51, 2]);
    assert.equal(
      explanation.mapeo,
      'formato=csv,clave=sensor,valor=temp,ts=time,separador=coma,decimal=punto,cabecera=si',
    );
  });

  test('data without rows has nothing to explain', () => {
    assert.equal(
      explainBytes(new Uint8Array(0), true, { pedido: null, nombre: 'x', source: 'x', verify: true }, 3, 'es'),
      null,
    );
  });
});
