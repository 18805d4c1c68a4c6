/** What a CoreC knew when it stopped, or was killed, the next one on the folder knows. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import { until } from '../../support/until.ts';
import { claves, entry, makeWorld, ndjson, send, series, T0 } from './support.ts';

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

test('a source reads on where it stopped, after a stop and after a kill', async (t) => {
  const world = await makeWorld(t);
  const path = world.file('lecturas.ndjson', '');
  const rows = (from: number, count: number): string => ndjson(series(claves(10), count, from)).toString();
  world.configure({
    fuentes: [
      {
        tipo: 'archivo',
        ruta: path,
        bloque: 'sensores',
        seguir: true,
        mapeo: { clave: 'clave', valor: 'valor', ts: 'ts' },
      },
    ],
  });
  const total = (corec: Pick<NucleusApi, 'entidades'>): number =>
    corec.entidades('*', 'sensores', 100).reduce((sum, entidad) => sum + entidad.valor, 0);
  appendFileSync(path, rows(1, 100));
  const first = await world.start();
  await until('all is read', () => total(first.api) === 1000);
  await first.detener();
  appendFileSync(path, rows(101, 50));

  const child = await world.startChild();
  const childTotal = async (): Promise<number> => {
    const list = await child.call<ReturnType<NucleusApi['entidades']>>('entidades', '*', 'sensores', 100);
    return total({ entidades: () => list });
  };
  await until('the rest is read', async () => (await childTotal()) === 1500);
  await child.call('commit');
  appendFileSync(path, rows(151, 50));
  await until('what no epoch holds is read', async () => (await childTotal()) === 2000);
  await child.kill();

  const last = await world.start();
  await until('it is read again', () => total(last.api) >= 2000);
  appendFileSync(path, rows(201, 1));
  await until('and what came since', () => total(last.api) >= 2010);
  assert.equal(total(last.api), 2010);
  assert.deepEqual(last.api.entidad('c3').estado, { cuenta: 201, suma: (201 * 202) / 2, ultimo: 201 });
});

test('an ingest that was stopped goes on where it was, and one asked anew begins at the start', async (t) => {
  const world = await makeWorld(t);
  const path = world.file('medidas.ndjson', ndjson(series(claves(50), 2000)).toString());
  const input = { ruta: path, bloque: 'medidas', procesador: 'contador', mapeo: '', seguir: false, resume: true };
  let corec = await world.start();
  const stop = new AbortController();
  for await (const progress of corec.api.ingest(input, stop.signal)) if (progress.lecturas > 0) stop.abort();
  const half = corec.api.entidad('medidas:c0').valor;
  await corec.detener();
  corec = await world.start();
  assert.equal(corec.api.entidad('medidas:c0').valor, half);
  const told: string[] = [];
  let resumed = false;
  for await (const progress of corec.api.ingest(input, new AbortController().signal)) {
    told.push(progress.state);
    resumed ||= progress.resumedFrom !== null;
  }
  assert.equal(told.at(-1), 'done');
  assert.equal(resumed, true);
  for (const clave of claves(50)) assert.equal(corec.api.entidad(`medidas:${clave}`).valor, 2000, clave);
  for await (const progress of corec.api.ingest({ ...input, resume: false }, new AbortController().signal))
    void progress;
  assert.equal(corec.api.entidad('medidas:c49').valor, 4000);
});

test('what a module keeps is what it finds after the next start, and a null keeps what was', async (t) => {
  const world = await makeWorld(t);
  let corec = await world.start();
  corec.nucleus.keepEstado('mine', (isLast) => Uint8Array.of(1, 2, isLast ? 1 : 0));
  await corec.detener();

  corec = await world.start();
  assert.deepEqual([...corec.nucleus.storedEstado('mine')!], [1, 2, 1]);
  assert.equal(corec.nucleus.storedEstado('other'), null);
  corec.nucleus.keepEstado('mine', () => null);
  await corec.detener();

  corec = await world.start();
  assert.deepEqual([...corec.nucleus.storedEstado('mine')!], [1, 2, 1]);
  // ModuloAuditoria keeps what it has learned of an entry once it has looked at it
  assert.equal(corec.nucleus.storedEstado('ModuloAuditoria/sensores'), null);
});

test('ModuloAuditoria goes on after a restart with what it had learned', async (t) => {
  const world = await makeWorld(t, { config: { auditoria: { intervalo_s: 1 } } });
  let corec = await world.start();
  const looks = async (): Promise<number> =>
    Number(/^corec_auditoria_looks_total (\d+)/m.exec(await corec.api.metrics())?.[1] ?? 0);
  let sent = 0;
  await until('four looks', async () => {
    await send(corec.api, series(claves(5), 1, 1, T0 + ++sent * 1000));
    return (await looks()) >= 4;
  });
  await corec.detener();
  corec = await world.start();
  assert.notEqual(corec.nucleus.storedEstado('ModuloAuditoria/sensores'), null);
  assert.equal(await looks(), 0);
});
