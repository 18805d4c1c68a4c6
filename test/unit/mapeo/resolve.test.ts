import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CoreCError } from '#domain/errors.ts';
import { encodeUtf8 } from '#domain/mapeo/bytes.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { describeMapeo, resolvedText, resolveMapeo, type Resolution } from '#domain/mapeo/resolve.ts';

function resolve(data: string | Uint8Array, pedido: string | null = null, verify = true): Resolution {
  const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
  const request = { pedido: pedido === null ? null : parseMapeo(pedido), nombre: 'machine', source: 'test', verify };
  const resolution = resolveMapeo(bytes, true, request);
  assert.ok(resolution !== null);
  return resolution;
}

function refusal(data: string | Uint8Array, pedido: string | null = null): string {
  try {
    resolve(data, pedido);
  } catch (error) {
    assert.ok(error instanceof CoreCError && error.code === 'COREC_E_MAPPING', String(error));
    return error.message;
  }
  assert.fail('nothing was refused');
}

/** The guessed roles. */
function guessed(data: string, pedido: string | null = null): unknown[] {
  const { mapeo } = resolve(data, pedido);
  return [mapeo.clave, mapeo.prefijo, mapeo.valor, mapeo.ts];
}

const rows = (count: number, row: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => row(k)).join('\n');
const time = (k: number): string => new Date(1_600_000_000_000 + k * 60_000).toISOString();

describe('guessing a mapping', () => {
  test('a series of two columns takes the name of its source as clave', () => {
    assert.deepEqual(guessed(`timestamp,value\n${rows(30, (k) => `2014-04-01 00:${10 + k}:00,${k}.5`)}`), [
      null,
      'machine',
      'value',
      'timestamp',
    ]);
    assert.deepEqual(guessed(rows(30, (k) => JSON.stringify({ t: time(k), v: k }))), [null, 'machine', 'v', 't']);
  });

  test('a table of numbers beside a time is wide', () => {
    assert.deepEqual(guessed(`timestamp,773869,767541\n${rows(20, (k) => `${time(k)},64.3,${k}`)}`), [
      null,
      undefined,
      '*',
      'timestamp',
    ]);
    assert.deepEqual(guessed(`x0,x1,label\n${rows(20, (k) => `${k},0.5,1`)}`), [null, undefined, '*', null]);
    assert.deepEqual(guessed(rows(20, (k) => JSON.stringify({ time: time(k), cpu: k, mem: { used: 2 } }))), [
      null,
      undefined,
      ['cpu', 'mem.used'],
      'time',
    ]);
  });

  test('usual names are found in either language, nested too', () => {
    assert.deepEqual(guessed(`Fecha_Hora;Estación;Valor;lat\n${rows(20, (k) => `${time(k)};E${k % 3};${k},5;43,1`)}`), [
      'Estación',
      undefined,
      'Valor',
      'Fecha_Hora',
    ]);
    assert.deepEqual(
      guessed(
        rows(20, (k) => JSON.stringify({ device: { id: `d${k % 4}` }, data: { value: k }, at: 1_600_000_000 + k })),
      ),
      ['device.id', undefined, 'data.value', 'at'],
    );
    assert.deepEqual(guessed(rows(20, (k) => JSON.stringify({ host: 'a', cpu: k, mem: 1, '@timestamp': time(k) }))), [
      'host',
      undefined,
      ['cpu', 'mem'],
      '@timestamp',
    ]);
    assert.deepEqual(guessed(rows(20, (k) => JSON.stringify({ 'a.b': `s${k % 2}`, 'x.y': k }))), [
      'a\\.b',
      undefined,
      'x\\.y',
      null,
    ]);
  });

  test('a number that numbers the rows is no clave, and no time', () => {
    assert.deepEqual(
      guessed(
        `id,time,city,temp\n${rows(30, (k) => `${k},${time(k)},${k % 2 === 0 ? 'Roma' : 'Lima'},${20 + (k % 7)}`)}`,
      ).slice(0, 1),
      ['city'],
    );
    assert.deepEqual(guessed(`t,a\n${rows(30, (k) => `${k},${k % 5}`)}`), [null, undefined, '*', null]);
  });

  test('what is asked for is kept, the rest is guessed', () => {
    const data = `time,sensor,temp,hum\n${rows(20, (k) => `${time(k)},s${k % 3},${k},50`)}`;
    assert.deepEqual(guessed(data, 'valor=hum'), ['sensor', undefined, 'hum', 'time']);
    assert.deepEqual(guessed(data, 'ts='), ['sensor', undefined, ['temp', 'hum'], null]);
    assert.deepEqual(guessed(data, 'clave=,prefijo=casa/'), [null, 'casa/', ['temp', 'hum'], 'time']);
  });

  test('records as CoreC writes them need nothing', () => {
    const { mapeo } = resolve('{"clave":"a","valor":1}\n{"clave":"b","valor":2}\n');
    assert.deepEqual(mapeo, { formato: 'ndjson', clave: 'clave', valor: 'valor', ts: 'ts', ts_falta: 'llegada' });
    const busy = resolve('{"clave":"a","valor":1,"tsMs":1600000000000}\n', null, false);
    assert.deepEqual(busy.mapeo, {
      formato: 'ndjson',
      clave: 'clave',
      valor: 'valor',
      ts: 'tsMs',
      ts_falta: 'llegada',
    });
  });

  test('a resolved mapping resolves to itself', () => {
    for (const data of [
      `timestamp,773869,767541\n${rows(20, (k) => `${time(k)},64.3,${k}`)}`,
      `timestamp,value\n${rows(20, (k) => `${time(k)},${k}`)}`,
      `a;b;c;d\n${rows(20, (k) => `${time(k)};x${k % 3};${k},5;7`)}`,
      `time,note,s1,s2\n${rows(20, (k) => `${time(k)},free text ${k},${k},2`)}`,
      rows(20, (k) => JSON.stringify({ time: time(k), cpu: k, mem: { used: 2 } })),
      rows(20, (k) => JSON.stringify({ clave: `c${k}`, valor: k })),
    ]) {
      const first = resolve(data);
      const again = resolve(data, resolvedText(first));
      assert.deepEqual(again.mapeo, first.mapeo);
    }
  });

  test('a mapping is told in words', () => {
    const wide = resolve(`timestamp,s1,s2\n${rows(5, (k) => `${time(k)},1,${k}`)}`);
    assert.equal(
      describeMapeo(wide, 'en'),
      'CSV with 3 column(s); clave = <field>; valor = all remaining columns; ts = "timestamp" (without a zone: UTC)',
    );
    const one = resolve(
      rows(5, (k) => JSON.stringify({ host: 'a', cpu: k, mem: k })),
      'clave=host,valor=cpu|mem,prefijo=p/',
    );
    assert.equal(
      describeMapeo(one, 'es'),
      'NDJSON; clave = p/<host>/<columna>; valor = "cpu", "mem"; ts = la hora de llegada',
    );
  });
});

describe('a mapping that does not fit', () => {
  const data = `time,sensor,temp\n${rows(5, (k) => `${time(k)},s${k},${k}`)}`;
  const json = rows(5, (k) => JSON.stringify({ time: time(k), sensor: 's', temp: { c: k } }));

  test('names the missing field, what the data has, and what is allowed', () => {
    assert.match(
      refusal(data, 'clave=sensr,valor=temp'),
      /no field "sensr"; the data has time \(time\), sensor \(text\), temp \(number\)\. Allowed: time, sensor, temp/,
    );
    assert.match(refusal(json, 'clave=sensor,valor=temp.f'), /no field "temp\.f"; the data has .*temp\.c \(number\)/);
    assert.match(refusal(json, 'clave=sensor,valor=temp.c,ts=when'), /no field "when"/);
    assert.match(refusal(data, 'valor=a|b'), /no field "a", "b"/);
  });

  test('one of several missing valores is a notice, and so are columns of the same name', () => {
    const { notices } = resolve(json, 'clave=sensor,valor=temp.c|temp.f');
    assert.match(notices.join(), /not in the first 200 rows: temp\.f/);
    assert.match(resolve(`a,b,b\n1,2,3\n`).notices.join(), /same name: b/);
  });

  test('data without numbers, without rows of the format, or that is no text, is refused in words', () => {
    assert.match(refusal('a,b\nx,y\n'), /no field that is a number/);
    assert.match(refusal('{"a":"x"}\n'), /no field that is a number/);
    assert.match(refusal('not json\n', 'formato=ndjson'), /no row that is a JSON object/);
    assert.match(refusal('{\n "a": 1\n}\n'), /not one record a line/);
    assert.match(refusal('[{"clave":"a","valor":1},{"clave":"b","valor":2}]'), /arrays of JSON objects/);
    assert.match(refusal(Buffer.from('time,value\n1,2\n', 'utf16le')), /no text \(NUL bytes/);
    assert.match(refusal(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13)), /no text/);
  });

  test('a body is judged row by row, where a file is judged by its first rows', () => {
    assert.deepEqual(resolve('{"x":1}\n', 'formato=ndjson,clave=s,valor=v,ts=', false).mapeo.clave, 's');
    assert.match(refusal('{"x":1}\n', 'formato=ndjson,clave=s,valor=v,ts='), /no field "s", "v"/);
  });
});
