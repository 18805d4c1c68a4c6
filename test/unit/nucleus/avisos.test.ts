import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Avisos } from '#nucleus/avisos.ts';
import type { AlertaRow } from '#ports/bloque-store.ts';

const KEY = { bloque: '', clave: 'corec_commands', regla: 'dead_letters' };

function make(enfriamientoMs = 10_000) {
  const told: [string, AlertaRow, boolean][] = [];
  const avisos = new Avisos(
    { takeRow: (evento, row, _ms, quiet) => void told.push([evento, row, quiet === true]) },
    enfriamientoMs,
  );
  return { avisos, told };
}

describe('alerts of CoreC itself and of plugins', () => {
  test('one that is opened again is updated under the same id, and closes once', () => {
    const { avisos, told } = make();
    const id = avisos.open(KEY, { razon: { codigo: 'dead_letters', cuenta: 1 } }, 1000);
    assert.equal(avisos.open(KEY, { razon: { codigo: 'dead_letters', cuenta: 2 }, valor: 2 }, 2000), id);
    assert.deepEqual([...avisos.ids()], [id]);
    assert.equal(avisos.close(KEY, 3000), true);
    assert.equal(avisos.close(KEY, 3000), false);
    assert.deepEqual(
      told.map(([evento, row]) => [evento, row.id, row.abiertaMs, row.actualizadaMs, row.cerradaMs, row.lecturas]),
      [
        ['abierta', id, 1000, 1000, null, 1],
        ['actualizada', id, 1000, 2000, null, 2],
        ['cerrada', id, 1000, 2000, 3000, 2],
      ],
    );
    assert.deepEqual(told[1]![1].razon, { codigo: 'dead_letters', cuenta: 2 });
    assert.notEqual(avisos.open(KEY, { razon: { codigo: 'x' } }, 4000), id, 'another episode');
  });

  test('one that passes closes by itself, where it was last heard of; another stays', () => {
    const { avisos, told } = make();
    avisos.open(KEY, { razon: { codigo: 'dead_letters' }, passes: true }, 1000);
    avisos.open({ ...KEY, clave: 'stays' }, { razon: { codigo: 'plugin' } }, 1000);
    avisos.open(KEY, { razon: { codigo: 'dead_letters' }, passes: true }, 5000);
    avisos.tick(14_000);
    assert.equal(told.length, 3);
    avisos.tick(15_000);
    assert.deepEqual([told.length, told[3]![0], told[3]![1].cerradaMs], [4, 'cerrada', 5000]);
    avisos.tick(1e9);
    assert.equal(told.length, 4);
    avisos.closeAll(2e9);
    assert.deepEqual([told[4]![0], told[4]![2]], ['cerrada', true]);
    assert.deepEqual([...avisos.ids()], []);
  });

  test('they are bounded: the oldest closes for a new one', () => {
    const { avisos, told } = make();
    for (let k = 0; k < 300; k++) avisos.open({ ...KEY, clave: `c${k}` }, { razon: { codigo: 'plugin' } }, k);
    assert.equal([...avisos.ids()].length, 256);
    assert.deepEqual(
      told.filter(([evento]) => evento === 'cerrada').map(([, row]) => row.clave),
      Array.from({ length: 44 }, (_, k) => `c${k}`),
    );
  });
});
