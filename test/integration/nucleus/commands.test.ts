/** Commands that change something: durable when they resolve, once however often they are sent, true after a kill. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EpochCommit } from '#ports/bloque-store.ts';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, series, T0 } from './support.ts';

const LIMITES = { procesador: 'limites', parametros: { max: 90, histeresis: 5 } };

test('a clave that was forgotten is gone after a kill: its state, its episodio, its place', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', LIMITES), entry('otros')] } });
  const child = await world.startChild();
  await child.send(series(['a', 'b', 'c'], 1, 99));
  await child.send(series(['a'], 2), { bloque: 'otros' });
  assert.deepEqual(await child.call('olvidar', 'a', 'sensores', 'f1'), { entidades: 1 });
  assert.deepEqual(await child.call('olvidar', 'a', 'sensores', 'f1'), { entidades: 1 }, 'the same command again');
  await assert.rejects(child.call('olvidar', 'a', 'sensores', 'f2'), /COREC_E_NOT_FOUND/);
  await child.kill();
  const corec = await world.start();
  assert.deepEqual(
    corec.api.entidades('*', 'sensores', 10).map(({ clave }) => clave),
    ['b', 'c'],
  );
  assert.equal(corec.api.entidad('otros:a').estado.cuenta, 2);
  const alerts = await corec.api.alertas({ limit: 10, orden: 'tiempo' });
  assert.deepEqual(
    alerts.map(({ clave, cerradaMs }) => `${clave} ${cerradaMs === null ? 'open' : 'closed'}`).toSorted(),
    ['a closed', 'b open', 'c open'],
  );
  // its entidad serves another, which begins anew
  await send(corec.api, series(['d'], 1));
  assert.equal(corec.api.entidad('d').id, 'sensores/0/0');
  assert.deepEqual((await corec.api.olvidar('*', 'sensores', 'f3')).entidades, 3);
});

test('two that forget at once free each clave once, and nobody else', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(claves(10), 1));
  const results = await Promise.allSettled([
    corec.api.olvidar('c3', null, 'f1'),
    corec.api.olvidar('c3', null, 'f1'),
    corec.api.olvidar('c3', null, 'f2'),
    send(corec.api, series(['nueva'], 1)),
    commit(corec),
  ]);
  const [first, again, other, ...rest] = results.map(({ status }) => status);
  // whichever of the two comes first forgets it; one id gets one answer
  assert.equal(again, first);
  assert.notEqual(other, first);
  assert.deepEqual(rest, ['fulfilled', 'fulfilled']);
  assert.equal((await corec.api.status()).ligadas, 10);
  assert.equal(corec.api.entidad('nueva').estado.cuenta, 1);
});

test('many that forget at once share an epoch, and each has its answer in it', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(claves(40), 1));
  await commit(corec);
  const before = corec.nucleus.epochs!.committed;
  const { store } = corec.nucleus.deps;
  const commitEpoch = store.commitEpoch.bind(store);
  // the store takes as long over the first epoch as the last of them needs to come
  const { promise: allCame, resolve: come } = Promise.withResolvers<void>();
  Object.assign(store, { commitEpoch: (epoch: EpochCommit) => allCame.then(() => commitEpoch(epoch)) });
  const answers = Promise.all(claves(40).map((clave) => corec.api.olvidar(clave, null, `f-${clave}`, 'prueba')));
  await until('all are forgotten', () => corec.nucleus.swarm.ligadas === 0);
  come();
  await answers;
  // those that came before the first was cut, and all the others
  assert.ok(corec.nucleus.epochs!.committed - before <= 2, `${corec.nucleus.epochs!.committed - before} epochs`);
  const rows = await world.query<{ id: string; puerta: string; respuesta: unknown }>(
    `SELECT id, puerta, respuesta FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta <> 'CoreCNucleus'`,
  );
  assert.equal(rows.length, 40);
  assert.ok(
    rows.every(({ puerta, respuesta }) => puerta === 'prueba' && JSON.stringify(respuesta) === '{"entidades":1}'),
  );
  assert.deepEqual(await corec.api.olvidar('c3', null, 'f-c3'), { entidades: 1 });
});

test('pauses and silences hold after a kill, whether an epoch came between or not', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', LIMITES), entry('a'), entry('b')] } });
  const child = await world.startChild();
  await child.send(series(['x'], 1));
  await child.call('pausar', 'a', 'p1');
  await child.call('silenciar', 'x*', null, Date.now() + 3_600_000, 'ana', 's1');
  await child.call('commit');
  await child.call('pausar', 'b', 'p2');
  await child.call('pausar', 'a', 'p1');
  await child.call('reanudar', 'a', 'r1');
  await child.kill();
  let corec = await world.start();
  const pausados = (): string[] =>
    corec.api
      .entradas()
      .filter((entrada) => entrada.pausado)
      .map((entrada) => entrada.id);
  assert.deepEqual(pausados(), ['b']);
  await send(corec.api, series(['x', 'y'], 1, 99));
  const silenced = (await corec.api.alertas({ limit: 10, orden: 'tiempo' })).filter((alerta) => alerta.silenciada);
  assert.deepEqual(
    silenced.map((alerta) => alerta.clave),
    ['x'],
  );
  // an answer is given again without acting again
  assert.deepEqual(await corec.api.pausar('a', 'p1'), { bloques: 10 });
  assert.deepEqual(pausados(), ['b']);
  await corec.detener();
  corec = await world.start();
  assert.deepEqual(pausados(), ['b']);
});

test('a silence that was ended stays so after a kill, whether an epoch came between or not', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', LIMITES)] } });
  const child = await world.startChild();
  await child.send(series(['x', 'y', 'z'], 1, 99));
  const silence = async (glob: string, forMs: number): Promise<unknown> =>
    child.call('silenciar', glob, null, Date.now() + forMs, 'ana', `${glob} ${forMs}`);
  for (const glob of ['x', 'y', 'z']) await silence(glob, 3_600_000);
  await silence('x', 0);
  await child.call('commit');
  await silence('y', 0);
  const silenced = async (of: Pick<NucleusApi, 'alertas'>): Promise<string> =>
    (await of.alertas({ limit: 10, orden: 'tiempo' }))
      .filter((alerta) => alerta.silenciada)
      .map(({ clave }) => clave)
      .join('');
  assert.equal(await silenced({ alertas: (query) => child.call('alertas', query) }), 'z');
  await child.kill();
  const corec = await world.start();
  assert.equal(await silenced(corec.api), 'z');
  await corec.detener();
  assert.equal(await silenced((await world.start()).api), 'z');
});

test('a pause of an entry that no epoch holds yet is there again with it after a kill', async (t) => {
  const world = await makeWorld(t);
  const child = await world.startChild();
  const nuevo = { bloque: 'nuevo', procesador: 'contador' };
  await child.send(series(['a'], 3), { ...nuevo, id: 'l1' });
  await child.call('pausar', 'nuevo', 'p1');
  await child.call('pausar', 'sensores/1', 'p2');
  await child.kill();
  const corec = await world.start();
  assert.deepEqual(
    corec.api.entradas().map(({ id, pausado }) => [id, pausado]),
    [
      ['sensores', true],
      ['nuevo', true],
    ],
  );
  // what came before the pause waits with it
  assert.equal(corec.api.bloque('nuevo/0')!.inbox, 3);
  await corec.api.reanudar('nuevo', 'r1');
  await until('it runs', () => corec.api.entidad('nuevo:a').estado.cuenta === 3);
});

test('a clave is not forgotten before the journal has said all that was acknowledged of it', async (t) => {
  const world = await makeWorld(t);
  const child = await world.startChild();
  await child.send(series(['a'], 1), { id: 'l1' });
  await child.call('commit');
  await child.send(series(['a'], 2), { id: 'l2' });
  await child.kill();
  // doors open before everything runs
  const corec = world.make();
  await corec.inicializar();
  await assert.rejects(corec.api.olvidar('a', null, 'f1'), isCoreCError('COREC_E_BUSY', 'starting'));
  await corec.ejecutar();
  assert.equal(corec.api.entidad('a').estado.cuenta, 3);
  assert.deepEqual(await corec.api.olvidar('a', null, 'f1'), { entidades: 1 });
  assert.throws(() => corec.api.entidad('a'), isCoreCError('COREC_E_NOT_FOUND'));
});

test('commands in a row of epochs are never lost between one and the next', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('a'), entry('b')] } });
  const child = await world.startChild();
  let last = '';
  let stop = false;
  const epochs = (async () => {
    while (!stop) await child.call('commit');
  })();
  for (let k = 0; k < 30; k++) {
    last = k % 2 === 0 ? 'pausar' : 'reanudar';
    await child.call(last, 'a', `k${k}`);
  }
  await child.call('pausar', 'b', 'last');
  stop = true;
  await epochs;
  await child.kill();
  const corec = await world.start();
  assert.deepEqual(
    corec.api.entradas().map(({ id, pausado }) => [id, pausado]),
    [
      ['a', last === 'pausar'],
      ['b', true],
    ],
  );
});

test('an alert is acknowledged once, also one that no epoch holds yet', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', LIMITES)] } });
  let corec = await world.start();
  await send(corec.api, series(['a'], 1, 99));
  const [alerta] = await corec.api.alertas({ limit: 1, orden: 'tiempo' });
  const first = await corec.api.reconocer(alerta!.id.slice(0, 6), 'ana', 'k1');
  assert.equal(first.reconocidaPor, 'ana');
  assert.deepEqual(await corec.api.reconocer(alerta!.id, 'eva', 'k1'), first);
  await assert.rejects(corec.api.reconocer('ffffffffffffffff', 'ana', 'k2'), isCoreCError('COREC_E_NOT_FOUND'));
  await corec.detener();
  corec = await world.start();
  assert.equal((await corec.api.alertas({ limit: 1, orden: 'tiempo' }))[0]!.reconocidaPor, 'ana');
});

test('a closed alert shows as closed at once, before any epoch', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', LIMITES)] } });
  const corec = await world.start();
  await send(corec.api, series(['a'], 1, 99));
  await commit(corec);
  await send(corec.api, series(['a'], 1, 1, T0 + 900_000));
  assert.deepEqual(await corec.api.alertas({ abiertas: true, limit: 1, orden: 'tiempo' }), []);
  assert.equal((await corec.api.alertas({ limit: 1, orden: 'tiempo' }))[0]!.cerradaMs, T0);
});

test('claves past their TTL give their entidades back; one whose lecturas wait is kept', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores', { entidades: 10, clave_ttl_s: 60 }), entry('fijos', { clave_ttl_s: null })] },
  });
  const corec = await world.start();
  const { swarm } = corec.nucleus;
  const expire = (id: string): number => swarm.expire(swarm.entradas.get(id)!);
  await send(corec.api, series(claves(10), 1));
  await send(corec.api, series(claves(10), 1), { bloque: 'fijos' });
  assert.equal(expire('sensores'), 0);
  // an hour later only two are still heard of; one of them waits behind a pause
  await send(corec.api, series(['c0'], 1, 1, T0 + 3_600_000));
  await corec.api.pausar('sensores', 'p1');
  await send(corec.api, series(['c1'], 1, 1, T0 + 3_600_000));
  assert.equal(expire('sensores'), 8);
  assert.equal(expire('fijos'), 0);
  await corec.api.reanudar('sensores', 'r1');
  await until('c1 has acted', () => corec.api.entidad('sensores:c1').estado.cuenta === 2);
  const result = await send(corec.api, series(claves(8, 'n'), 1, 1, T0 + 3_600_000));
  assert.deepEqual(result.refused, {});
  await corec.detener();
  const next = await world.start();
  assert.deepEqual(
    next.api.entidades('*', 'sensores', 100).map(({ clave }) => clave),
    ['c0', 'c1', ...claves(8, 'n')],
  );
});

test('one lectura from the far future neither silences nor forgets the others', async (t) => {
  const world = await makeWorld(t, {
    config: {
      bloques: [
        entry('sensores', { clave_ttl_s: 60 }),
        entry('vigilados', { procesador: 'latido', parametros: { silencio_s: 60 } }),
      ],
    },
  });
  const corec = await world.start();
  for (const bloque of ['sensores', 'vigilados']) {
    await send(corec.api, series(claves(5), 2), { bloque });
    await send(corec.api, [{ clave: 'loco', valor: 1, ts: Date.UTC(2500, 0) }], { bloque });
  }
  await corec.coordinarBloques();
  const { swarm } = corec.nucleus;
  assert.equal(swarm.expire(swarm.entradas.get('sensores')!), 0);
  assert.deepEqual(await corec.api.alertas({ limit: 10, orden: 'tiempo' }), []);
});

test('a paused entry pauses the bloques that it grows later, over a restart too', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('crece', { dinamico: true })] } });
  let corec = await world.start();
  await send(corec.api, series(claves(5), 1), { bloque: 'crece' });
  await corec.api.pausar('crece', 'p1');
  await corec.detener();
  corec = await world.start();
  await send(corec.api, series(claves(25), 1), { bloque: 'crece' });
  await corec.coordinarBloques();
  assert.deepEqual(
    [0, 1, 2].map((k) => corec.api.bloque(`crece/${k}`)).map((bloque) => [bloque?.inbox, bloque?.pausado]),
    [
      [10, true],
      [10, true],
      [5, true],
    ],
  );
  await corec.api.reanudar('crece', 'r1');
  await until('all have acted', () => corec.api.entidades('*', 'crece', 100).every((entidad) => entidad.valor > 0));
});
