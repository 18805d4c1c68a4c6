/** What a CoreC knew when it stopped, or was killed, the next one on the folder knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claves, entry, makeWorld, send, series, T0 } from './support.ts';

test('a restart brings back bound claves, their numbers, state and fitness', async (t) => {
  const world = await makeWorld(t);
  const names = claves(25);
  let corec = await world.start();
  await send(corec.api, series(names, 4));
  await corec.coordinarBloques();
  const before = corec.api.entidades('*', null, 100);
  const states = names.map((clave) => corec.api.entidad(clave));
  const bloques = corec.api.bloques('sensores', 100).map(({ id, ligadas, fitness }) => ({ id, ligadas, fitness }));
  await corec.detener();

  corec = await world.start();
  assert.equal((await corec.api.status()).restored_entidades, 25);
  assert.deepEqual(corec.api.entidades('*', null, 100), before);
  assert.deepEqual(
    names.map((clave) => corec.api.entidad(clave)),
    states,
  );
  const fitness = new Map(corec.api.bloques('sensores', 100).map((bloque) => [bloque.id, bloque]));
  for (const bloque of bloques) {
    assert.equal(fitness.get(bloque.id)!.ligadas, bloque.ligadas);
    assert.ok(Math.abs(fitness.get(bloque.id)!.fitness - bloque.fitness) < 0.3, bloque.id);
  }
  assert.equal((await corec.api.status()).lecturas, 100);
  await send(corec.api, series(['c3', 'new'], 1));
  assert.equal(corec.api.entidad('c3').estado.cuenta, 5);
  const numbers = corec.api.entidades('*', null, 100).map((entidad) => entidad.numero);
  assert.equal(new Set(numbers).size, 26);
});

test('an open episodio stays the same one over a restart, and is one row', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores', { procesador: 'limites', parametros: { max: 90, histeresis: 5 } })] },
  });
  let corec = await world.start();
  await send(corec.api, [
    { clave: 'c0', valor: 10, ts: T0 },
    { clave: 'c0', valor: 95, ts: T0 + 1000 },
  ]);
  const [open] = await corec.api.alertas({ limit: 10, orden: 'tiempo' });
  assert.equal(open!.cerradaMs, null);
  await corec.detener();

  corec = await world.start();
  assert.deepEqual(
    (await corec.api.alertas({ limit: 10, orden: 'tiempo' })).map(({ id, cerradaMs }) => ({ id, cerradaMs })),
    [{ id: open!.id, cerradaMs: null }],
  );
  assert.equal(corec.api.entidad('c0').alerta, 'abierta');
  await send(corec.api, [
    { clave: 'c0', valor: 99, ts: T0 + 2000 },
    { clave: 'c0', valor: 10, ts: T0 + 3000 },
    { clave: 'c0', valor: 10, ts: T0 + 900_000 },
  ]);
  await corec.detener();
  const rows = await world.query<{ id: string; cerrada_ms: number; lecturas: string }>(
    `SELECT id, cerrada_ms, lecturas FROM alertas WHERE instance_id = '${world.instanceId}'`,
  );
  assert.deepEqual(rows, [{ id: open!.id, cerrada_ms: T0 + 2000, lecturas: '2' }]);
});
