/** Entidades move in a running CoreC: by command and by itself, over stops and kills. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntidadDetail, MoverInput, MoverResult, NucleusApi } from '#ports/nucleus-api.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, series, T0, type Json } from './support.ts';

const two = (changes: Json = {}): Json => ({
  bloques: [entry('ociosos', { entidades: 30 }), entry('jobs', { entidades: 20, ...changes })],
});

const ask = (changes: Partial<MoverInput>): MoverInput => ({
  tipo: 'redirigir',
  de: null,
  a: null,
  entidades: 0,
  seco: false,
  ...changes,
});

const sizes = (api: NucleusApi): Record<string, number> =>
  Object.fromEntries(api.bloques(null, 100).map(({ id, entidades }) => [id, entidades]));

const known = ({ id, numero, clave, estado }: EntidadDetail): Json => ({ id, numero, clave, estado });

test('lent entidades take new claves, and keep number, id and state over a kill right after the answer', async (t) => {
  const world = await makeWorld(t, { config: two() });
  let child = await world.startChild();
  const names = claves(26, 'j');
  await child.send(series(claves(4), 2), { bloque: 'ociosos' });
  assert.equal((await child.send(series(names, 1), { bloque: 'jobs' })).refused['capacity'], 6);
  const asked = ask({ de: 'ociosos/2', a: 'jobs/1', entidades: 6 });
  const planned = await child.call<MoverResult>('mover', { ...asked, seco: true }, 'dry');
  const done = await child.call<MoverResult>('mover', asked, 'm1');
  assert.deepEqual(done.movimientos, [{ tipo: 'redirigir', de: 'ociosos/2', a: 'jobs/1', entidades: 6, ligadas: 0 }]);
  assert.deepEqual(done.movimientos, planned.movimientos);
  await child.kill();

  child = await world.startChild();
  assert.deepEqual(await child.call('mover', asked, 'm1'), done, 'a second call gives the first answer');
  // these come after the epoch of the move: the journal brings them back into what was lent
  const { lecturas, refused } = await child.send(series(names, 2, 5, T0 + 60_000), { bloque: 'jobs' });
  assert.deepEqual([lecturas, refused], [52, {}]);
  const before = await child.call<EntidadDetail>('entidad', 'jobs:j25');
  assert.match(before.id, /^ociosos\/2\/\d$/, 'its id says where it was born');
  assert.deepEqual(before.estado, { cuenta: 2, suma: 11, ultimo: 6 });
  await child.kill();

  const corec = await world.start();
  assert.deepEqual(known(corec.api.entidad('jobs:j25')), known(before));
  assert.deepEqual(known(corec.api.entidad(before.id)), known(before), 'and is found by it');
  assert.deepEqual(sizes(corec.api), {
    'ociosos/0': 10,
    'ociosos/1': 10,
    'ociosos/2': 4,
    'jobs/0': 10,
    'jobs/1': 16,
  });
  const numbers = corec.api.entidades('*', null, 100).map(({ numero }) => numero);
  assert.equal(new Set(numbers).size, 30);
  const [row] = await world.query<{ nombre: string; respuesta: MoverResult }>(
    `SELECT nombre, respuesta FROM comandos WHERE instance_id = '${world.instanceId}' AND id = 'm1'`,
  );
  assert.deepEqual([row!.nombre, row!.respuesta], ['block-redirect', done]);
});

test('borrowed entidades come home when their claves are forgotten, and everything is as it was born', async (t) => {
  const world = await makeWorld(t, { config: two() });
  let corec = await world.start();
  await send(corec.api, series(claves(20, 'j'), 1), { bloque: 'jobs' });
  await corec.api.mover(ask({ de: 'ociosos/0', a: 'jobs/0', entidades: 3 }), 'm1');
  assert.deepEqual(
    (await corec.api.mover(ask({ seco: true }), 'd0')).movimientos,
    [],
    'lent by hand, they stay a while',
  );
  await send(corec.api, series(claves(3, 'k'), 1), { bloque: 'jobs' });
  await corec.detener();
  corec = await world.start();
  assert.deepEqual((await corec.api.mover(ask({}), 'm2')).movimientos, [], 'they are needed');
  await corec.api.olvidar('k*', 'jobs', 'f1');
  const back = [{ tipo: 'devolver', de: 'jobs/0', a: 'ociosos/0', entidades: 3, ligadas: 0 }];
  assert.deepEqual((await corec.api.mover(ask({ seco: true }), 'd1')).movimientos, back);
  assert.deepEqual((await corec.api.mover(ask({}), 'm3')).movimientos, back);
  await corec.detener();
  const [row] = await world.query<{ datos: Buffer }>(
    `SELECT datos FROM estado WHERE instance_id = '${world.instanceId}' AND clase = 'catalogo' AND id = 'jobs'`,
  );
  assert.doesNotMatch(row!.datos.toString(), /numeros/);
});

test('merging and splitting move claves whole, and a restart finds them where they are', async (t) => {
  const world = await makeWorld(t, {
    config: two({ procesador: 'limites', parametros: { max: 90, histeresis: 5 }, entidades: 40 }),
  });
  let corec = await world.start();
  const names = claves(12, 'j');
  await send(corec.api, series(names, 3), { bloque: 'jobs' });
  await send(corec.api, [{ clave: 'j11', valor: 95, ts: T0 + 5000 }], { bloque: 'jobs' });
  const [open] = await corec.api.alertas({ abiertas: true, clave: 'j*', limit: 9, orden: 'tiempo' });
  const before = names.map((clave) => known(corec.api.entidad(`jobs:${clave}`)));
  const merged = await corec.api.mover(ask({ tipo: 'fusionar', de: 'jobs/1', a: 'jobs/3' }), 'm1');
  assert.deepEqual(merged.movimientos, [{ tipo: 'fusionar', de: 'jobs/1', a: 'jobs/3', entidades: 2, ligadas: 2 }]);
  const split = await corec.api.mover(ask({ tipo: 'dividir', de: 'jobs/0' }), 'm2');
  assert.deepEqual(split.movimientos, [{ tipo: 'dividir', de: 'jobs/0', a: 'jobs/4', entidades: 5, ligadas: 5 }]);
  const check = (run: string): void => {
    assert.deepEqual(
      names.map((clave) => known(corec.api.entidad(`jobs:${clave}`))),
      before,
      run,
    );
    assert.equal(corec.api.entidad('jobs:j11').bloque, 'jobs/3', run);
    assert.equal(corec.api.entidad('jobs:j11').alerta, 'abierta', run);
    assert.equal(corec.api.bloque('jobs/4')!.ligadas, 5, run);
    assert.equal(corec.api.bloque('jobs/1')!.ligadas, 0, run);
  };
  check('at once');
  await corec.detener();
  corec = await world.start();
  check('after a restart');
  await commit(corec);
  const { points } = await corec.api.history('jobs:j11', null, 100);
  assert.deepEqual(
    points.map(({ lectura }) => lectura),
    [1, 2, 3, 95],
    'what was stored of it before it moved is of its history',
  );
  await send(
    corec.api,
    [
      { clave: 'j11', valor: 10, ts: T0 + 900_000 },
      { clave: 'j11', valor: 10, ts: T0 + 1_900_000 },
    ],
    { bloque: 'jobs' },
  );
  await commit(corec);
  const alertas = await corec.api.alertas({ clave: 'j*', limit: 9, orden: 'tiempo' });
  assert.deepEqual(
    alertas.map(({ id, cerradaMs }) => ({ id, cerradaMs })),
    [{ id: open!.id, cerradaMs: T0 + 5000 }],
  );
});

test('a backlog is met by itself: lent at the next pass, told in log, alerts and record', async (t) => {
  const world = await makeWorld(t, { config: { ...two(), sincronizacion: { intervalo_s: 1 } } });
  const corec = await world.start();
  const names = claves(25, 'j');
  let k = 0;
  let refused = Infinity;
  await until('nothing is refused', async () => {
    k++;
    const answer = await send(corec.api, series(names, 1, 1, T0 + k * 1000), { bloque: 'jobs' });
    refused = answer.refused['capacity'] ?? 0;
    return refused === 0;
  });
  const lines = world.log().filter(({ tag, msg }) => tag === 'Sincronizacion' && msg === 'Entidades redirigidas');
  assert.equal(
    lines.reduce((sum, { fields }) => sum + Number(fields!['entidades']), 0),
    5,
  );
  const alertas = await corec.api.alertas({ limit: 50, orden: 'tiempo' });
  const told = alertas.filter(({ regla }) => regla === 'redirected');
  assert.ok(told.length > 0);
  assert.match(told[0]!.texto, /^\d idle entidades of ociosos\/\d were lent to jobs\/\d$/);
  const rows = await world.query<{ respuesta: MoverResult }>(
    `SELECT respuesta FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta = 'ModuloSincronizacion'`,
  );
  const moved = rows.flatMap(({ respuesta }) => respuesta.movimientos);
  assert.equal(
    moved.reduce((sum, { entidades }) => sum + entidades, 0),
    5,
  );
  assert.equal((await corec.api.status()).entidades, 50);
});

test('what cannot be moved is refused, with what could', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('ociosos'), entry('jobs'), entry('sim', { procesador: 'simulado' })] },
  });
  const corec = await world.start();
  await send(corec.api, series(claves(4), 1), { bloque: 'ociosos' });
  const refused: readonly [Partial<MoverInput>, string][] = [
    [{ de: 'ociosos/0', a: 'jobs/0', entidades: 9 }, 'up to 6'],
    [{ de: 'ociosos/0', a: 'sim/0', entidades: 1 }, 'two bloques'],
    [{ de: 'ociosos', a: 'jobs/0', entidades: 1 }, 'two bloques'],
    [{ tipo: 'fusionar', de: 'ociosos/0', a: 'jobs/0' }, 'of one entry'],
    [{ tipo: 'fusionar', de: 'ociosos/1', a: 'ociosos/0' }, 'with claves'],
  ];
  for (const [changes, text] of refused) {
    await assert.rejects(corec.api.mover(ask(changes), JSON.stringify(changes)), isCoreCError('COREC_E_MOVE', text));
  }
  await assert.rejects(corec.api.mover(ask({ de: 'nadie' }), 'x'), isCoreCError('COREC_E_NOT_FOUND'));
  await corec.api.pausar('jobs', 'p1');
  await assert.rejects(
    corec.api.mover(ask({ de: 'ociosos/0', a: 'jobs/0', entidades: 1 }), 'y'),
    isCoreCError('COREC_E_MOVE', 'paused'),
  );
});
