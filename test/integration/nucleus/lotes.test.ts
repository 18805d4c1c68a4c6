/** Lecturas come in once: lotes under their ids, refusals counted, full inboxes told and drained. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, ndjson, send, series, T0 } from './support.ts';

test('a lote sent twice, at once or one after the other, acts once and says so', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const rows = series(['a'], 10);
  const answers = await Promise.all([1, 2, 3].map(() => send(corec.api, rows, { id: 'l1' })));
  assert.deepEqual(
    answers.map(({ lecturas, repetido }) => [lecturas, repetido]),
    [
      [10, false],
      [10, true],
      [10, true],
    ],
  );
  assert.deepEqual((await send(corec.api, rows, { id: 'l1' })).repetido, true);
  assert.equal(corec.api.entidad('a').estado.cuenta, 10);
  // without an id there is nothing to know it by
  await send(corec.api, rows);
  assert.equal(corec.api.entidad('a').estado.cuenta, 20);
});

test('a lote sent again after a stop, or after a kill, acts once', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(['a'], 3), { id: 'stopped' });
  await corec.detener();
  const child = await world.startChild();
  assert.equal((await child.send(series(['a'], 3), { id: 'stopped' })).repetido, true);
  await child.send(series(['a'], 3), { id: 'in an epoch' });
  await child.call('commit');
  await child.send(series(['a'], 3), { id: 'in the journal' });
  await child.kill();
  const again = await world.start();
  for (const id of ['stopped', 'in an epoch', 'in the journal']) {
    assert.equal((await send(again.api, series(['a'], 3), { id })).repetido, true, id);
  }
  assert.equal((await send(again.api, series(['a'], 3), { id: 'new' })).repetido, false);
  assert.equal(again.api.entidad('a').estado.cuenta, 12);
});

test('what was acknowledged before a kill and is in no epoch is replayed: state, alerts and their rows', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores'), entry('limitado', { procesador: 'limites', parametros: { max: 90 } })] },
  });
  const child = await world.startChild();
  await child.send(series(claves(30), 5));
  await child.call('commit');
  for (let k = 0; k < 10; k++) await child.send(series(claves(60), 1, 6 + k, T0 + (5 + k) * 1000), { id: `l${k}` });
  await child.send([{ clave: 'x', valor: 95, ts: T0 }], { bloque: 'limitado' });
  const told = await child.call<{ id: string }[]>('alertas', { limit: 10, orden: 'tiempo' });
  const numbers = await child.call<{ clave: string; numero: number }[]>('entidades', '*', 'sensores', 100);
  await child.kill();

  const corec = await world.start();
  for (const clave of claves(60)) {
    assert.equal(corec.api.entidad(`sensores:${clave}`).estado.cuenta, Number(clave.slice(1)) < 30 ? 15 : 10, clave);
  }
  assert.deepEqual(
    corec.api.entidades('*', 'sensores', 100).map(({ clave, numero }) => ({ clave, numero })),
    numbers.map(({ clave, numero }) => ({ clave, numero })),
  );
  assert.deepEqual(
    (await corec.api.alertas({ limit: 10, orden: 'tiempo' })).map(({ id }) => id),
    told.map(({ id }) => id),
  );
  assert.equal((await corec.api.status()).lecturas, 30 * 5 + 60 * 10 + 1);
  await corec.detener();
  const [rows] = await world.query<{ n: string }>(
    `SELECT count(*) AS n FROM alertas WHERE instance_id = '${world.instanceId}'`,
  );
  assert.equal(rows!.n, '1');
});

test('bad rows are refused one by one, counted by reason, and kept with where they stood', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const text = [
    '{"clave":"a","valor":1,"ts":1700000000000}',
    'not json',
    '{"clave":"","valor":1,"ts":1700000000000}',
    '{"clave":"a","ts":1700000000000}',
    '{"clave":"a","valor":null,"ts":1700000000000}',
    '{"clave":"a","valor":1e300,"ts":1700000000000}',
    '{"clave":"a","valor":2,"ts":1700000001000}',
  ].join('\n');
  const result = await corec.api.takeLote({
    body: Buffer.from(text),
    bloque: 'sensores',
    mapeo: '{"clave":"clave","valor":"valor","ts":"ts"}',
    loteId: null,
    puerta: 'test',
  });
  assert.equal(result.lecturas, 2);
  assert.equal(result.refused.bad_valor! >= 1, true);
  assert.equal(result.refused.capacity, undefined);
  assert.equal(
    Object.values(result.refused).reduce((sum, n) => sum + n, 0),
    5,
  );
  assert.deepEqual((await corec.api.status()).refused, result.refused);
  assert.equal(corec.api.entidad('a').estado.suma, 3);
});

test('claves past capacity are refused and counted; those that are known go on, and a freed entidad is taken', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', { entidades: 20 })] } });
  const corec = await world.start();
  const result = await send(corec.api, series(claves(25), 2));
  assert.deepEqual([result.lecturas, result.refused], [40, { capacity: 10 }]);
  assert.equal((await corec.api.status()).refused.capacity, 10);
  assert.equal((await corec.api.status()).ligadas, 20);
  await corec.api.olvidar('c3', null, 'f1');
  const again = await send(corec.api, series(['c24', 'c0'], 1));
  assert.deepEqual([again.lecturas, again.refused], [2, {}]);
  assert.equal(corec.api.entidad('c24').estado.cuenta, 1);
  assert.equal(corec.api.entidad('c0').estado.cuenta, 3);
});

test('a body that cannot be read leaves no entry behind', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const bad = { body: Buffer.from([0, 1, 2, 255, 254]), bloque: 'basura', mapeo: '', loteId: 'b1', puerta: 'test' };
  await assert.rejects(corec.api.takeLote(bad));
  assert.deepEqual(
    corec.api.entradas().map((entrada) => entrada.id),
    ['sensores'],
  );
  // the id was not used up: the sender may mend the body
  const good = await corec.api.takeLote({ ...bad, bloque: 'sensores', body: ndjson(series(['a'], 1)) });
  assert.deepEqual([good.lecturas, good.repetido], [1, false]);
});

test('an inbox that is full answers COREC_E_INBOX_FULL, takes again once drained, and loses nothing', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', { inbox_max: 64 }), entry('otros')] } });
  const corec = await world.start();
  await send(corec.api, series(['a'], 1));
  await corec.api.pausar('sensores', 'p1');
  let acknowledged = 1;
  await until('the inbox is full', async () => {
    try {
      await send(corec.api, series(['a'], 10));
      acknowledged += 10;
      return false;
    } catch (error) {
      assert.ok(isCoreCError('COREC_E_INBOX_FULL', 'sensores', '64')(error), String(error));
      return true;
    }
  });
  assert.equal(acknowledged, 71);
  // others are not held up by it
  await send(corec.api, series(['a'], 1), { bloque: 'otros' });
  assert.equal(corec.api.entidad('sensores:a').estado.cuenta, 1);
  // what waits survives a restart, and so does the pause
  await corec.detener();
  const next = await world.start();
  assert.equal(next.api.bloque('sensores/0')!.inbox, 70);
  await assert.rejects(send(next.api, series(['a'], 1)), isCoreCError('COREC_E_INBOX_FULL'));
  await next.api.reanudar('sensores', 'r1');
  await until('it is drained', () => next.api.entidad('sensores:a').estado.cuenta === acknowledged);
  await send(next.api, series(['a'], 1));
  assert.equal(next.api.entidad('sensores:a').estado.cuenta, acknowledged + 1);
});

test('forgetting the clave that filled the inbox opens the entry again', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', { inbox_max: 16 })] } });
  const corec = await world.start();
  await send(corec.api, series(['a', 'b'], 1));
  await corec.api.pausar('sensores/0', 'p1');
  await send(corec.api, series(['a'], 16));
  await assert.rejects(send(corec.api, series(['b'], 1)), isCoreCError('COREC_E_INBOX_FULL'));
  await corec.api.olvidar('a', 'sensores', 'f1');
  await send(corec.api, series(['b'], 1));
  await corec.api.reanudar('sensores/0', 'r1');
  await until('b has acted', () => corec.api.entidad('b').estado.cuenta === 2);
});

test('while everything is paused doors say so, and nothing runs', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(['a'], 1));
  await corec.api.pausar(null, 'p1');
  await assert.rejects(send(corec.api, series(['a'], 1)), isCoreCError('COREC_E_BUSY', 'paused'));
  assert.equal((await corec.api.status()).fase, 'pausado');
  await corec.detener();
  const next = await world.start();
  assert.equal((await next.api.status()).fase, 'pausado');
  await next.api.reanudar(null, 'r1');
  assert.equal((await next.api.status()).fase, 'vivo');
  await send(next.api, series(['a'], 1));
  assert.equal(next.api.entidad('a').estado.cuenta, 2);
});

test('epochs in the middle of lotes of many batches neither lose nor double a lectura', async (t) => {
  const world = await makeWorld(t);
  const child = await world.startChild();
  const names = claves(100);
  // 10,000 lecturas are two batches: an epoch that cut between them would show
  let sent = 0;
  let stop = false;
  const sender = async (): Promise<void> => {
    while (!stop) {
      const k = sent++;
      await child.send(series(names, 100, 1, T0 + k * 100_000), { id: `l${k}` });
    }
  };
  const senders = Promise.all([sender(), sender()]);
  for (let epoch = 0; epoch < 4; epoch++) await child.call('commit');
  stop = true;
  await senders;
  await child.kill();
  const corec = await world.start();
  for (const clave of names) assert.equal(corec.api.entidad(clave).estado.cuenta, sent * 100, clave);
  await commit(corec);
});
