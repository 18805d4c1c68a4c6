/** What is read misses nothing, whatever goes on while the store looks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertaQuery } from '#ports/bloque-store.ts';
import { commit, entry, makeWorld, send, series, T0 } from './support.ts';

test('an alert whose epoch gets in while the store looks is in the answer', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores', { procesador: 'limites', parametros: { max: 90 } })] },
  });
  const corec = await world.start();
  await send(corec.api, [{ clave: 'a', valor: 95, ts: T0 }]);
  const { store } = corec.nucleus.deps;
  const query = store.queryAlertas.bind(store);
  Object.assign(store, {
    // an answer that takes so long that an epoch gets in behind it
    queryAlertas: async (asked: AlertaQuery) => {
      const seen = await query(asked);
      await commit(corec);
      return seen;
    },
  });
  const found = await corec.api.alertas({ limit: 10, orden: 'tiempo' });
  assert.deepEqual(
    found.map(({ clave, cerradaMs }) => [clave, cerradaMs]),
    [['a', null]],
  );
});

test('a history holds every lectura once, also when rows stand a millisecond apart', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const rows = 150;
  const now = Date.now();
  for (let k = 0; k < rows; k++) {
    await send(corec.api, series(['a'], 1, k, T0 + k * 1000));
    // as after a clock that was set back: each row finds its time taken and gets the next free millisecond
    await corec.nucleus.epochs!.commit(now);
  }
  const { points } = await corec.api.history('a', null, 1000);
  assert.deepEqual(
    points.map(({ lectura }) => lectura),
    Array.from({ length: rows }, (_, k) => k),
  );
});
