import assert from 'node:assert/strict';
import test from 'node:test';
import { z } from 'zod';
import { pathText } from '#domain/config/defects.ts';
import { bloqueEntryDefaults } from '#domain/config/normalize.ts';
import { parametrosDefects } from '#domain/config/parametros.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';

const plain = defineProcesador({ nombre: 'plain', version: 1, estado: {}, onLectura: (_e, lectura) => lectura.valor });
const judged = defineProcesador({
  nombre: 'judged',
  version: 1,
  estado: {},
  parametros: z.strictObject({
    ventana_s: z.number().positive().max(3600).default(60),
    modo: z.enum(['a', 'b']).default('a'),
    par: z
      .strictObject({ min: z.number(), max: z.number() })
      .refine((par) => par.min < par.max, { error: 'min below max' })
      .optional(),
  }),
  onLectura: (_e, lectura) => lectura.valor,
});

function said(parametros: Record<string, unknown>, procesador: typeof plain | typeof judged): string[] {
  const entry = bloqueEntryDefaults('x', { parametros });
  return parametrosDefects({ ...entry, path: 'bloques[3]' }, procesador).map(
    ({ path, says }) => `${pathText(path)} ${says.en}`,
  );
}

test('parametros that fit are no defect', () => {
  assert.deepEqual(said({}, plain), []);
  assert.deepEqual(said({ ventana_s: 5, par: { min: 1, max: 2 } }, judged), []);
});

test('a procesador that takes no parametros says so of each', () => {
  assert.deepEqual(said({ a: 1, b: 2 }, plain), [
    'bloques[3].parametros.a is given, but plain takes no parametros',
    'bloques[3].parametros.b is given, but plain takes no parametros',
  ]);
});

test("parametros are told as every other defect: path in the file, found, allowed by the procesador's own schema", () => {
  assert.deepEqual(said({ ventana_s: 0, modo: 'c', ventnas: 1, par: { min: 2, max: 1 } }, judged), [
    'bloques[3].parametros.ventana_s is 0; allowed: a number greater than 0, at most 3600',
    'bloques[3].parametros.modo is "c"; allowed: "a" or "b"',
    'bloques[3].parametros.par is an object {...}; allowed: min below max',
    'bloques[3].parametros.ventnas is not a known key; did you mean "ventana_s"?',
  ]);
});
