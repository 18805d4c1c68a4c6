/** Reads from standbys: used when they have everything, passed over, counted and told when they lag or are away. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { makePrometheus } from '#adapters/prometheus/prometheus.ts';
import type { BloqueStore } from '#ports/bloque-store.ts';
import { makeAlerta, makeBloqueRow, makeComando, makeCommit, NOON_MS } from '../../contract/bloque-store.suite.ts';
import { freePort, PostgresServer } from '../../servers/postgres.ts';
import { until } from '../../support/until.ts';
import { makeLogger, openStore, whenOver, type RecordingLogger } from './support.ts';

describe('replicas of PostgreSQL', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let instances = 0;

  before(async () => {
    primary = await PostgresServer.start({ database: 'corec_db' });
    standby = await primary.startStandby();
  });
  after(async () => {
    await standby.close();
    await primary.close();
  });

  interface Reading {
    readonly store: BloqueStore;
    readonly logger: RecordingLogger;
    readonly reads: () => Promise<number>;
    readonly fallbacks: (reason: 'away' | 'behind') => Promise<number>;
  }

  async function openReading(t: TestContext, replicaPort = standby.port): Promise<Reading> {
    const prometheus = makePrometheus();
    const logger = makeLogger();
    const store = await openStore(t, primary.connection, {
      instanceId: `replica${++instances}`,
      logger,
      meter: prometheus.meter,
      replicas: [{ ...primary.connection, port: replicaPort }],
    });
    const sum = async (name: string, reason = ''): Promise<number> =>
      (await prometheus.metrics())
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(reason))
        .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    return {
      store,
      logger,
      reads: () => sum('corec_replica_reads_total'),
      fallbacks: (reason) => sum('corec_replica_fallbacks_total', `reason="${reason}"`),
    };
  }

  const alertas = async (store: BloqueStore): Promise<string[]> =>
    (await store.queryAlertas({ limit: 100, orden: 'tiempo' })).map(({ id }) => id).toSorted();
  const told = (logger: RecordingLogger, text: string): number =>
    logger.lines.filter((line) => line.includes(text)).length;

  test('a standby that has everything answers, and what it answers is all that was written', async (t) => {
    const { store, reads, fallbacks } = await openReading(t);
    const ids: string[] = [];
    for (let epoca = 1; epoca <= 20; epoca++) {
      ids.push(`e${String(epoca).padStart(2, '0')}`);
      const given = { alertas: [makeAlerta(ids.at(-1)!)], bloques: [makeBloqueRow('a/0', NOON_MS + epoca)] };
      await store.commitEpoch(makeCommit(epoca, given));
      // whoever answers: nothing acknowledged may be missing, from the first moment on
      assert.deepEqual(await alertas(store), ids);
      assert.equal((await store.queryBloques({ bloque: 'a/0', limit: 100, conMensajes: false })).length, epoca);
    }
    await until('the standby answers', async () => {
      await alertas(store);
      return (await reads()) > 0;
    });
    assert.equal(await fallbacks('away'), 0);
  });

  test('one that lags is passed over until it has caught up: told once, counted each time, never a stale answer', async (t) => {
    const { store, logger, reads, fallbacks } = await openReading(t);
    await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1')] }));
    await until('the standby answers', async () => {
      await alertas(store);
      return (await reads()) > 0;
    });
    await standby.query('SELECT pg_wal_replay_pause()');
    whenOver(t, () => standby.query('SELECT pg_wal_replay_resume()'));
    await store.commitEpoch(makeCommit(2, { alertas: [makeAlerta('e2')] }));
    const before = await reads();
    for (let k = 0; k < 5; k++) assert.deepEqual(await alertas(store), ['e1', 'e2']);
    // what a command changed counts as well as an epoch
    const alertaChange = { id: 'e1', reconocidaMs: NOON_MS, reconocidaPor: 'ana' };
    await store.commitComandos([{ row: makeComando('c1'), alertaChange }]);
    const [acknowledged] = await store.queryAlertas({ id: 'e1', limit: 1, orden: 'tiempo' });
    assert.equal(acknowledged!.reconocidaPor, 'ana');
    assert.equal(await reads(), before);
    assert.ok((await fallbacks('behind')) >= 6);
    assert.equal(told(logger, 'A replica is behind'), 1);
    assert.match((await store.health()).found, /replica 127\.0\.0\.1:\d+\/corec_db is behind \(by .*of log\)/);
    await standby.query('SELECT pg_wal_replay_resume()');
    await until('it answers again', async () => {
      await alertas(store);
      return (await reads()) > before;
    });
    assert.equal(told(logger, 'The replica answers questions again'), 1);
    assert.doesNotMatch((await store.health()).found, /replica/);
  });

  test('one that is away costs its time once; told once, and used again when it is back', async (t) => {
    const { store, logger, reads, fallbacks } = await openReading(t);
    await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1')] }));
    await standby.stop('immediate');
    for (let k = 0; k < 10; k++) assert.deepEqual(await alertas(store), ['e1']);
    assert.equal(await fallbacks('away'), 10);
    assert.equal(told(logger, 'A replica is away'), 1);
    await standby.start();
    await until('it answers again', async () => {
      await alertas(store);
      return (await reads()) > 0;
    });
  });

  test('one that takes connections and says nothing is left alone after its first silence', async (t) => {
    const { store, fallbacks } = await openReading(t);
    await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1')] }));
    standby.freeze();
    try {
      const first = performance.now();
      assert.deepEqual(await alertas(store), ['e1']);
      const silentMs = performance.now() - first;
      const rest = performance.now();
      for (let k = 0; k < 5; k++) assert.deepEqual(await alertas(store), ['e1']);
      assert.ok(performance.now() - rest < 1000, `after ${silentMs} ms of silence`);
      assert.ok(silentMs < 8000, `${silentMs} ms`);
      assert.equal(await fallbacks('away'), 6);
    } finally {
      standby.thaw();
    }
  });

  test('nobody at the address of a replica is no hindrance to the start', async (t) => {
    const { store, fallbacks } = await openReading(t, await freePort());
    await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1')] }));
    assert.deepEqual(await alertas(store), ['e1']);
    assert.equal(await fallbacks('away'), 1);
  });

  test('a standby is no server to write to: the start says so', async (t) => {
    await assert.rejects(
      openStore(t, standby.connection, { instanceId: 'writer-on-standby' }),
      /COREC_E_POSTGRES_UNREACHABLE.*(standby|read-only)/s,
    );
  });
});
