import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeMensaje, MENSAJE_BYTES, type Mensaje } from '#domain/codec/mensaje.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';
import { makeBloque } from '../../fixtures/bloque.ts';

const suma = defineProcesador({
  nombre: 'suma',
  version: 1,
  estado: { total: 'f32' },
  onLectura(e, lectura) {
    if (lectura.valor < 0) throw new Error('negative');
    return (e.total += lectura.valor);
  },
});
const cuenta = defineProcesador({
  nombre: 'cuenta',
  version: 1,
  estado: { n: 'u32' },
  autonomo: true,
  onCycle: (e) => (e.numero % 2 === 0 ? ++e.n : 0),
});

function mensajesOf(frame: Uint8Array | null): Mensaje[] {
  if (frame === null) return [];
  assert.equal(frame.length % MENSAJE_BYTES, 0);
  return Array.from({ length: frame.length / MENSAJE_BYTES }, (_, k) =>
    decodeMensaje(frame.subarray(k * MENSAJE_BYTES, (k + 1) * MENSAJE_BYTES)),
  );
}

describe('publicar', () => {
  test('ninguno, and whoever says nothing, publishes nothing', () => {
    for (const publicar of ['ninguno', undefined] as const) {
      const bloque = makeBloque(suma, { slots: 4, ...(publicar === undefined ? {} : { publicar }) });
      bloque.bind();
      bloque.inbox.pushOne(0, 5, 1000, 0);
      bloque.procesar(1, 1000);
      assert.equal(bloque.takeFrame(), null);
    }
  });

  test('todos publishes each entidad that ran once a cycle, as it stands at its end', () => {
    const bloque = makeBloque(suma, { slots: 8, canal: 3, numeroBase: 100, publicar: 'todos' });
    for (let k = 0; k < 6; k++) bloque.bind();
    for (const [slot, valor] of [
      [1, 5],
      [4, 1],
      [1, 2],
      [3, 0],
    ] as const) {
      bloque.inbox.pushOne(slot, valor, 1000, 0);
    }
    bloque.drain(1, 1000);
    bloque.inbox.pushOne(1, 1, 1500, 0);
    bloque.procesar(1, 2000);
    assert.deepEqual(mensajesOf(bloque.takeFrame()), [
      { id: 101, canal: 3, valor: 8, activo: true },
      { id: 103, canal: 3, valor: 0, activo: true },
      { id: 104, canal: 3, valor: 1, activo: true },
    ]);
    assert.equal(bloque.takeFrame(), null, 'once');
    bloque.procesar(1, 3000);
    assert.equal(bloque.takeFrame(), null, 'nobody ran');
    bloque.inbox.pushOne(3, 0, 4000, 0);
    bloque.procesar(1, 4000);
    assert.deepEqual(mensajesOf(bloque.takeFrame()), [{ id: 103, canal: 3, valor: 0, activo: true }]);
  });

  test('cambios publishes what is not as it was published last, a fallo and a repair too', () => {
    const bloque = makeBloque(suma, { slots: 8, numeroBase: 0, publicar: 'cambios' });
    for (let k = 0; k < 3; k++) bloque.bind();
    bloque.inbox.pushOne(0, 5, 1000, 0);
    bloque.procesar(1, 1000);
    assert.deepEqual(
      mensajesOf(bloque.takeFrame()).map(({ id, valor }) => [id, valor]),
      [
        [0, 5],
        [1, 0],
        [2, 0],
      ],
      'after a start nothing is known of what was published',
    );
    bloque.inbox.pushOne(0, 0, 2000, 0);
    bloque.inbox.pushOne(1, 7, 2000, 0);
    bloque.procesar(1, 2000);
    assert.deepEqual(
      mensajesOf(bloque.takeFrame()).map(({ id, valor }) => [id, valor]),
      [[1, 7]],
    );
    bloque.inbox.pushOne(2, -1, 3000, 0);
    bloque.drain(1, 3000);
    bloque.settle(3000);
    assert.deepEqual(mensajesOf(bloque.takeFrame()), [{ id: 2, canal: bloque.canal, valor: 0, activo: false }]);
    bloque.repairFresh([2], 4000);
    bloque.settle(4000);
    assert.deepEqual(
      mensajesOf(bloque.takeFrame()).map(({ id, activo }) => [id, activo]),
      [[2, true]],
    );
    bloque.unbind(1);
    bloque.settle(5000);
    assert.equal(bloque.takeFrame(), null, 'a free entidad says nothing');
  });

  test('entidades that run by the cycle are published by it: all, or those that changed', () => {
    const todos = makeBloque(cuenta, { slots: 6, numeroBase: 0, publicar: 'todos' });
    const cambios = makeBloque(cuenta, { slots: 6, numeroBase: 0, publicar: 'cambios' });
    for (const bloque of [todos, cambios]) {
      bloque.procesar(1, 1000);
      assert.equal(mensajesOf(bloque.takeFrame()).length, 6);
      bloque.procesar(1, 2000);
    }
    assert.equal(mensajesOf(todos.takeFrame()).length, 6);
    assert.deepEqual(
      mensajesOf(cambios.takeFrame()).map(({ id, valor }) => [id, valor]),
      [
        [0, 2],
        [2, 2],
        [4, 2],
      ],
    );
    todos.procesar(0.5, 3000);
    assert.equal(mensajesOf(todos.takeFrame()).length, 3, 'half of them ran');
  });
});
