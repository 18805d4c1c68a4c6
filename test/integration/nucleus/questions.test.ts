/** What is read misses nothing, whatever goes on while the store looks. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { AlertaQuery } from '#ports/bloque-store.ts';
import type { CoreCNucleus } from '#app/corec-nucleus.ts';
import { commit, entry, makeWorld, send, series, T0 } from './support.ts';

async function withLimites(t: TestContext): Promise<CoreCNucleus> {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores', { procesador: 'limites', parametros: { max: 90 } })] },
  });
  return world.start();
}

test('an alert whose epoch gets in while the store looks is in the answer', async (t) => {
  const corec = await withLimites(t);
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

test('the worst alerts opened since a time are as many as asked for, whatever worse ones opened before it', async (t) => {
  const corec = await withLimites(t);
  // worse and still open, but opened before
  await send(corec.api, series(['a', 'b', 'c'], 1, 95, T0));
  await send(corec.api, series(['d', 'e'], 1, 95, T0 + 600_000));
  await commit(corec);
  const opened = async (query: Partial<AlertaQuery>): Promise<string> =>
    (await corec.api.alertas({ limit: 10, orden: 'valor', ...query }))
      .map(({ clave }) => clave)
      .toSorted()
      .join('');
  assert.equal(await opened({ desdeMs: T0 + 300_000, limit: 2, orden: 'valor' }), 'de');
  assert.equal((await opened({ hastaMs: T0 + 300_000, limit: 2 })).length, 2);
  assert.equal(await opened({ hastaMs: T0 + 300_000 }), 'abc');
  assert.equal(await opened({ desdeMs: T0, hastaMs: T0 + 600_000 }), 'abc');
  assert.equal(await opened({ desdeMs: T0 + 1, hastaMs: T0 + 600_001 }), 'de');
});

test('open alerts are as many as asked for, whichever of them have closed since the last epoch', async (t) => {
  const corec = await withLimites(t);
  await send(corec.api, series(['a', 'b', 'c', 'd'], 1, 95, T0));
  await commit(corec);
  const open = async (): Promise<string[]> =>
    (await corec.api.alertas({ abiertas: true, limit: 2, orden: 'valor' })).map(({ clave }) => clave);
  for (const clave of await open()) {
    // back to usual, and past the cool-down
    await send(corec.api, series([clave], 2, 1, T0 + 1000));
    await send(corec.api, series([clave], 1, 1, T0 + 1_000_000));
  }
  const now = await open();
  assert.equal(now.length, 2);
  await commit(corec);
  assert.deepEqual((await open()).toSorted(), now.toSorted());
});
