import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { CoreCError } from '#domain/errors.ts';
import { fuenteArchivoSchema, fuenteStdinSchema } from '#domain/mapeo/fuentes.ts';
import { formatMapeo, mapeoFromQuery, mapeoSchema, parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import { joinPath, splitPath } from '#domain/mapeo/path.ts';

const name = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.trim() === text);
const names = fc.oneof(name, fc.array(name, { minLength: 2, maxLength: 4 }));
const anyMapeo: fc.Arbitrary<Mapeo> = fc
  .record(
    {
      formato: fc.constantFrom('auto', 'ndjson', 'csv'),
      clave: fc.oneof(names, fc.constant(null)),
      prefijo: name,
      valor: names,
      ts: fc.oneof(name, fc.constant(null)),
      ts_formato: fc.constantFrom('auto', 'iso', 's', 'ms', 'us', 'ns'),
      ts_falta: fc.constantFrom('rechazar', 'llegada'),
      zona: fc.constantFrom('UTC', '+02:00', '-0330'),
      separador: fc.constantFrom(',', ';', '\t', '|'),
      decimal: fc.constantFrom('.', ','),
      cabecera: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((mapeo) => ({ ...mapeo }));

function refusal(run: () => unknown): CoreCError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof CoreCError, String(error));
    assert.equal(error.code, 'COREC_E_MAPPING');
    return error;
  }
  assert.fail('nothing was refused');
}

describe('the mapping', () => {
  test('comes back from its text form as it was', () => {
    fc.assert(
      fc.property(anyMapeo, (mapeo) => {
        assert.deepEqual(parseMapeo(formatMapeo(mapeo)), mapeo);
        assert.deepEqual(parseMapeo(JSON.stringify(mapeo)), mapeo);
      }),
    );
  });

  test('reads the short text that people write', () => {
    assert.deepEqual(parseMapeo('clave=sensor,valor=temp,ts=time'), { clave: 'sensor', valor: 'temp', ts: 'time' });
    assert.deepEqual(parseMapeo(' clave = host , valor=cpu|mem|disk.used '), {
      clave: 'host',
      valor: ['cpu', 'mem', 'disk.used'],
    });
    assert.deepEqual(parseMapeo('clave=a\\.b|c\\,d,ts=,separador=punto-y-coma,decimal=coma,cabecera=no'), {
      clave: ['a\\.b', 'c,d'],
      ts: null,
      separador: ';',
      decimal: ',',
      cabecera: false,
    });
    assert.deepEqual(parseMapeo(''), {});
  });

  test('comes out of query parameters, and leaves the others alone', () => {
    assert.deepEqual(mapeoFromQuery({ clave: 'host', valor: 'cpu|mem', lote: '7' }), {
      clave: 'host',
      valor: ['cpu', 'mem'],
    });
    assert.deepEqual(mapeoFromQuery({ valor: ['cpu', 'mem'], separador: '|' }), {
      valor: ['cpu', 'mem'],
      separador: '|',
    });
    assert.deepEqual(mapeoFromQuery({ mapeo: 'clave=host,valor=cpu', clave: 'not this' }), {
      clave: 'host',
      valor: 'cpu',
    });
    assert.equal(mapeoFromQuery({ lote: '7' }), null);
  });

  test('a mistake is told with what was found and what is allowed', () => {
    assert.match(refusal(() => parseMapeo('calve=a')).message, /unknown "calve".*clave.*valor.*ts/);
    assert.match(refusal(() => parseMapeo('clave')).message, /"clave" without "="/);
    assert.match(refusal(() => parseMapeo('clave=a,clave=b')).message, /"clave" twice/);
    assert.match(refusal(() => parseMapeo('{"clave":')).message, /not JSON/);
    assert.match(refusal(() => parseMapeo('zona=Madrid')).message, /zona: .*offset/);
    assert.match(refusal(() => parseMapeo('ts_formato=rfc822')).message, /ts_formato: .*iso/);
    assert.match(refusal(() => mapeoFromQuery({ cabecera: 'maybe' })).message, /cabecera/);
  });

  test('paths keep dots that belong to a name', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 }), (parts) => {
        assert.deepEqual(splitPath(joinPath(parts)), parts);
      }),
    );
    assert.deepEqual(splitPath('a.b\\.c.0'), ['a', 'b.c', '0']);
  });

  test('the sources of a configuration parse, and their schemas can be shown', () => {
    assert.deepEqual(
      fuenteArchivoSchema.parse({
        tipo: 'archivo',
        ruta: 'x.csv',
        mapeo: { clave: 'sensor', valor: 'temp', ts: 'time' },
      }),
      { tipo: 'archivo', ruta: 'x.csv', mapeo: { clave: 'sensor', valor: 'temp', ts: 'time' }, seguir: false },
    );
    assert.equal(fuenteStdinSchema.safeParse({ tipo: 'stdin', seguir: true }).success, false);
    assert.equal(fuenteArchivoSchema.safeParse({ tipo: 'archivo', ruta: '' }).success, false);
    for (const schema of [mapeoSchema, fuenteArchivoSchema, fuenteStdinSchema]) {
      assert.equal(z.toJSONSchema(schema, { io: 'input' }).type, 'object');
    }
  });
});
