import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeBloque } from '../../fixtures/bloque.ts';
import { defineProcesador, type AnyProcesador } from '#domain/procesadores/define.ts';
import { Bench } from './run.ts';

/** An autonomous procesador whose entidad `slot` answers answers[slot]. */
const answering = (answers: readonly unknown[], abre = 100): AnyProcesador =>
  defineProcesador({
    nombre: 'answering',
    version: 1,
    estado: {},
    autonomo: true,
    checkpoint: false,
    onCycle: (e) => {
      const answer = answers[e.slot];
      if (answer instanceof Error) throw answer;
      return answer as number;
    },
    alerta: {
      regla: 'over',
      abre,
      cierra: abre,
      explica: () => ({ codigo: 'x', esperadoMin: null, esperadoMax: abre }),
    },
  });

for (const [name, bad] of [
  ['NaN', NaN],
  ['an infinite valor', -Infinity],
  ['a valor that only float64 holds', 3.5e38],
  ['a larger one', 1e300],
  ['a text that looks like a number', '3'],
  ['a boolean', true],
  ['nothing', undefined],
  ['a throw', new Error('no')],
] as const) {
  test(`among sound entidades, the one with ${name} fails alone`, () => {
    const bloque = makeBloque(answering([1, 2, 3, bad, 5, 6, 7, 8, 9, 10]));
    assert.equal(bloque.cycle(1, 1000), 10);
    assert.equal(bloque.fallos, 1);
    assert.deepEqual(Array.from(bloque.memory.core.corre), [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(Array.from(bloque.memory.core.valor.slice(4)), [5, 6, 7, 8, 9, 10]);
  });
}

test('a valor at the limit, and one that rounds up to it as a float32, open an episodio', () => {
  const limit = Math.fround(0.7);
  const bloque = makeBloque(answering([0, limit, limit - 1e-9, limit - 1e-3, 0, 0, 0, 0, 0, 0], limit));
  bloque.cycle(1, 1000);
  assert.deepEqual(Array.from(bloque.memory.core.episodio), [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
});

test('very large valores are judged one by one, and are no fault', () => {
  const bloque = makeBloque(
    answering(
      Array.from({ length: 10 }, () => 3e38),
      Infinity,
    ),
  );
  for (let round = 1; round < 4; round++) {
    bloque.cycle(1, round * 1000);
    bloque.settle(round * 1000);
  }
  assert.equal(bloque.fallosTotal, 0);
  assert.equal(bloque.runsTotal, 30);
});

test('the places of a vector are columns of their own, one entidad beside the other', () => {
  const vectors = defineProcesador({
    nombre: 'vectors',
    version: 1,
    estado: { before: 'u8', list: 'f32[3]', after: 'u16' },
    onLectura: (e, lectura) => {
      e.before = e.list.length;
      e.list.set(1, e.list.get(1) + lectura.valor);
      e.list.set(2, -1);
      e.after = 7;
      return e.list.get(1);
    },
  });
  assert.equal(vectors.bytesPorEntidad, 15);
  const bench = new Bench(vectors, {}, 2);
  assert.deepEqual([...bench.feed([1, 2], [0, 0], 1)], [1, 3]);
  bench.feed([10], [0], 0);
  assert.deepEqual(bench.state(0), { before: 3, list_0: 0, list_1: 10, list_2: -1, after: 7 });
  assert.deepEqual(bench.state(1), { before: 3, list_0: 0, list_1: 3, list_2: -1, after: 7 });
  for (const estado of [{ x: 'f32[0]' }, { x: 'f32[2]', x_1: 'u8' }, { x: 'f64[961]' }]) {
    assert.throws(
      () => defineProcesador({ nombre: 'faulty', version: 1, estado: estado as never, onLectura: () => 0 }),
      /COREC_E_PROCESADOR_INVALID|column/,
    );
  }
});
