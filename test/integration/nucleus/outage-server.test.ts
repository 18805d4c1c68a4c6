/**
 * A PostgreSQL of one's own that stops, falls silent, is killed or shuts its door while CoreC works: what is acknowledged is kept, first
 * in memory, then in the journal; it is told; and afterwards everything is stored once, in order.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { CoreCNucleus } from '#app/corec-nucleus.ts';
import { CoreCError } from '#domain/errors.ts';
import { ALERT_AFTER_MS } from '#nucleus/outage-watch.ts';
import { PostgresServer } from '../../servers/postgres.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, series, T0, type World } from './support.ts';

describe('a PostgreSQL of one’s own that is away', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start({ database: 'corec_db' });
  });
  after(() => server.close());

  const names = claves(30);

  async function start(t: TestContext): Promise<{ world: World; corec: CoreCNucleus }> {
    const world = await makeWorld(t, { postgres: server.connection, config: { bloques: [entry('sensores')] } });
    return { world, corec: await world.start() };
  }

  /** Sends lotes one after the other until told to stop. */
  function keepSending(corec: CoreCNucleus): { sent: () => number; stop: () => Promise<void>; refusals: unknown[] } {
    let sent = 0;
    let isStopped = false;
    const refusals: unknown[] = [];
    const run = (async () => {
      while (!isStopped) {
        try {
          await send(corec.api, series(names, 2, 1, T0 + sent * 2000), { id: `l${sent}` });
          sent++;
        } catch (error) {
          refusals.push(error);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    })();
    return {
      sent: () => sent,
      refusals,
      stop: async () => {
        isStopped = true;
        await run;
      },
    };
  }

  /** Everything acted once and is stored once. */
  async function assertAll(world: World, corec: CoreCNucleus, each: number): Promise<void> {
    const counts = (api: CoreCNucleus['api']): unknown[] => names.map((clave) => api.entidad(clave).estado.cuenta);
    assert.deepEqual([...new Set(counts(corec.api))], [each]);
    await commit(corec);
    assert.deepEqual((await corec.api.status()).problems, []);
    await corec.detener();
    const next = await world.start();
    assert.deepEqual([...new Set(counts(next.api))], [each]);
    for (const clave of names.slice(0, 3)) {
      const { points } = await next.api.history(clave, null, 1_000_000);
      assert.equal(points.length, each, clave);
      assert.deepEqual(
        points.map((point) => point.tsMs),
        Array.from({ length: each }, (_, k) => T0 + k * 1000),
        clave,
      );
    }
    await next.detener();
  }

  const metric = async (corec: CoreCNucleus, name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await corec.api.metrics())?.[1]);

  for (const [how, lose, back] of [
    ['restarted', () => server.stop('fast'), () => server.start()],
    ['shut down in a hurry', () => server.stop('immediate'), () => server.start()],
    ['killed', () => server.kill(), () => server.start()],
  ] as const) {
    test(`${how} again and again while lotes come and epochs go: nothing is lost, nothing twice`, async (t) => {
      const { world, corec } = await start(t);
      const sending = keepSending(corec);
      let isOver = false;
      const epochs = (async () => {
        while (!isOver) await commit(corec);
      })();
      for (let round = 0; round < 3; round++) {
        const { committed } = corec.nucleus.epochs!;
        await until('epochs go on', () => corec.nucleus.epochs!.committed > committed + 1, 30_000);
        await lose();
        await until('it is noticed', () => corec.nucleus.epochs!.problem !== '', 20_000);
        const before = sending.sent();
        await until('lotes are taken meanwhile', () => sending.sent() > before + 3);
        assert.equal(await metric(corec, 'corec_store_up'), 0);
        await back();
        await until('it is back', () => corec.nucleus.epochs!.problem === '', 30_000);
      }
      await sending.stop();
      isOver = true;
      await epochs;
      assert.deepEqual(sending.refusals, []);
      assert.ok((await metric(corec, 'corec_epoca_failures_total')) >= 3);
      assert.equal(await metric(corec, 'corec_store_up'), 1);
      await assertAll(world, corec, 2 * sending.sent());
    });
  }

  test('silent for a while: told by log, alert, readyz and metric; commands are answered within a bound; then all is well', async (t) => {
    const { world, corec } = await start(t);
    const told: string[] = [];
    corec.api.onAlerta(({ evento, alerta, texto }) => told.push(`${evento} ${alerta.regla} ${texto}`));
    const sending = keepSending(corec);
    await until('lotes come', () => sending.sent() > 3);
    await commit(corec);
    server.freeze();
    let thawed = false;
    const thaw = (): void => {
      if (!thawed) server.thaw();
      thawed = true;
    };
    t.after(thaw);
    // no epoch is due: it is noticed all the same
    await until('it is noticed', () => corec.nucleus.watch.problem !== '', 20_000);
    assert.ok((await corec.api.status()).problems.some((problem) => problem.startsWith('store:')));
    const askedMs = performance.now();
    const [silence, forget] = await Promise.allSettled([
      corec.api.silenciar('c1', null, Date.now() + 1e6, 'ana', 'silence-1'),
      corec.api.pausar('sensores/2', 'pause-1'),
    ]);
    const tookMs = performance.now() - askedMs;
    assert.ok(tookMs < 12_000, `${tookMs} ms`);
    for (const result of [silence, forget]) {
      assert.ok(result.status === 'rejected' && result.reason instanceof CoreCError);
      assert.equal(result.reason.kind, 'transient');
    }
    const before = sending.sent();
    await until('lotes are taken meanwhile', () => sending.sent() > before + 5);
    await until('the alert is told', () => told.length === 1, ALERT_AFTER_MS + 5000);
    assert.match(told[0]!, /^abierta store_away PostgreSQL does not answer/);
    assert.ok((await metric(corec, 'corec_store_away_seconds')) >= ALERT_AFTER_MS / 1000);
    const open = await corec.api
      .alertas({ abiertas: true, limit: 10, orden: 'tiempo' })
      .catch((error: unknown) => error);
    assert.ok(open instanceof CoreCError, 'what is asked of the store is refused, and soon');
    thaw();
    await until('it is back', () => corec.nucleus.watch.problem === '', 20_000);
    await until('the alert is over', () => told.length === 2);
    assert.match(told[1]!, /^cerrada store_away/);
    // the commands act once, however late, and the same id gets the same answer
    assert.equal((await corec.api.pausar('sensores/2', 'pause-1')).bloques, 1);
    await until('it is paused', () => corec.nucleus.bloque('sensores/2')!.pausado);
    await corec.api.reanudar('sensores/2', 'resume-1');
    await sending.stop();
    assert.deepEqual(sending.refusals, []);
    await commit(corec);
    const [stored] = await corec.api.alertas({ limit: 10, orden: 'tiempo' });
    assert.equal(stored!.regla, 'store_away');
    assert.notEqual(stored!.cerradaMs, null);
    const lines = world.log().map((line) => line.msg);
    assert.equal(lines.filter((msg) => msg.startsWith('PostgreSQL does not answer')).length, 1);
    assert.equal(lines.filter((msg) => msg.startsWith('PostgreSQL answers again')).length, 1);
    await assertAll(world, corec, 2 * sending.sent());
  });

  test('beyond its bound in memory lotes are kept in the journal alone, and are delivered in order when it is back', async (t) => {
    const { world, corec } = await start(t);
    corec.nucleus.pendingBytesMax = 20_000;
    await send(corec.api, series(names, 2), { id: 'l0' });
    await commit(corec);
    await server.stop('immediate');
    const epoch = commit(corec);
    await until('it is noticed', () => corec.nucleus.epochs!.problem !== '');
    let sent = 1;
    const answers: (boolean | undefined)[] = [];
    const sendOne = async (): Promise<void> => {
      const answer = await send(corec.api, series(names, 2, 1, T0 + sent * 2000), { id: `l${sent}` });
      answers.push(answer.aplazado);
      sent++;
    };
    while (answers.filter((aplazado) => aplazado).length < 20) await sendOne();
    const first = answers.indexOf(true);
    assert.ok(first > 0 && answers.slice(first).every((aplazado) => aplazado), 'none overtakes those that wait');
    const { deferred, waiting } = corec.nucleus.lotes;
    assert.deepEqual([deferred, waiting], [20, 20]);
    const cuenta = (): unknown => corec.api.entidad('c0').estado.cuenta;
    assert.equal(cuenta(), 2 * (1 + first));
    // sent again before it acted: once all the same
    const again = await send(corec.api, series(names, 2, 1, T0 + (sent - 1) * 2000), { id: `l${sent - 1}` });
    assert.deepEqual([again.repetido, again.aplazado], [true, true]);
    // files wait, and CoreC may end now: the next one finds them in the journal
    await server.start();
    await epoch;
    await until('the journal is caught up', () => corec.nucleus.lotes.waiting === 0, 20_000);
    await until('doors are open again', async () => {
      try {
        await sendOne();
        return true;
      } catch (error) {
        assert.ok(isCoreCError('COREC_E_BUSY')(error), String(error));
        return false;
      }
    });
    assert.equal(answers.at(-1), undefined);
    await assertAll(world, corec, 2 * sent);
  });

  test('a stop while lotes wait in the journal leaves them to the next start', async (t) => {
    const { world, corec } = await start(t);
    corec.nucleus.pendingBytesMax = 5000;
    await send(corec.api, series(names, 2), { id: 'l0' });
    await server.stop('immediate');
    commit(corec).catch(() => undefined);
    await until('it is noticed', () => corec.nucleus.epochs!.problem !== '');
    let sent = 1;
    while (corec.nucleus.lotes.waiting < 10)
      await send(corec.api, series(names, 2, 1, T0 + sent * 2000), { id: `l${sent++}` });
    await assert.rejects(corec.detener(), /stopped with failures/);
    await server.start();
    const next = await world.start();
    await assertAll(world, next, 2 * sent);
  });

  test('a password changed under a running CoreC: epochs wait until it is mended, and say why', async (t) => {
    await server.query(`CREATE ROLE fickle LOGIN SUPERUSER PASSWORD 'one'`);
    const world = await makeWorld(t, {
      postgres: { ...server.connection, user: 'fickle', password: 'one' },
      config: { bloques: [entry('sensores')] },
    });
    const corec = await world.start();
    await send(corec.api, series(names, 2), { id: 'l0' });
    await commit(corec);
    await server.query(`ALTER ROLE fickle PASSWORD 'two'`);
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fickle'`);
    await send(corec.api, series(names, 2, 1, T0 + 2000), { id: 'l1' });
    const epoch = commit(corec);
    await until('it says why', () => /password/.test(corec.nucleus.epochs!.problem), 20_000);
    await server.query(`ALTER ROLE fickle PASSWORD 'one'`);
    await epoch;
    await assertAll(world, corec, 4);
  });
});
