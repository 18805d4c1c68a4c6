/** PostgreSQL goes away under a running CoreC, or the disk fills: it goes on, says so, catches up, and loses nothing. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { realFiles } from '#adapters/file-journal/files.ts';
import { killAll, postgresPids } from '../../support/corec-process.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, series, T0 } from './support.ts';

/** Kills the folder's PostgreSQL, which then cannot start until the returned function is called. */
function keepAway(dataDir: string): () => void {
  const settings = join(dataDir, 'postgres', 'postgresql.conf');
  const before = readFileSync(settings, 'utf8');
  writeFileSync(settings, 'no such setting\n');
  killAll(postgresPids(dataDir));
  return () => writeFileSync(settings, before);
}

const MODULO_ETERNO = `import { ModuloBase } from 'corec';
export class Eterno extends ModuloBase {
  nombre = 'Eterno';
  async inicializar() {}
  async ejecutar() {}
  detener() { return new Promise(() => {}); }
}`;

// side by side: most of their time is waiting
describe('what goes away', { concurrency: 3 }, () => {
  test('PostgreSQL is killed again and again while lecturas come in: nothing is lost or stored twice', async (t) => {
    const world = await makeWorld(t, {
      ownPostgres: true,
      config: { bloques: [entry('sensores'), entry('limitado', { procesador: 'limites', parametros: { max: 90 } })] },
    });
    const corec = await world.start();
    const names = claves(40);
    let stop = false;
    let sent = 0;
    const sender = (async () => {
      while (!stop) {
        await send(corec.api, series(names, 5, 1, T0 + sent * 5000), { id: `l${sent}` });
        sent++;
      }
    })();
    const epochs = (async () => {
      while (!stop) await commit(corec);
    })();
    let told = '';
    for (let kill = 0; kill < 3; kill++) {
      const before = corec.nucleus.epochs!.committed;
      await until('epochs go on', () => corec.nucleus.epochs!.committed > before + 1, 20_000);
      const letBack = keepAway(world.dataDir);
      const sentBefore = sent;
      // told to whoever asks: /readyz and doctor are made of these
      await until('status says so', async () => {
        const { problems, store } = await corec.api.status();
        if (store.ok || problems.length === 0) return false;
        told = problems.join('\n');
        return true;
      });
      await until('lotes are still taken', () => sent > sentBefore + 2);
      assert.equal((await corec.api.doctor()).find((finding) => finding.check === 'postgresql')!.state === 'ok', false);
      letBack();
      await until('PostgreSQL is back', async () => (await corec.api.status()).store.ok, 20_000);
    }
    assert.match(told, /store: /);
    await send(corec.api, [{ clave: 'x', valor: 95, ts: T0 }], { bloque: 'limitado' });
    stop = true;
    await Promise.all([sender, epochs]);
    await commit(corec);
    assert.deepEqual((await corec.api.status()).problems, []);
    for (const clave of names) assert.equal(corec.api.entidad(`sensores:${clave}`).estado.cuenta, sent * 5, clave);
    assert.ok(world.log().some((line) => line.msg === 'Epoch committed after a pause'));
    // every epoch's rows once: (id, timestamp) is their key, so a doubled epoch would show as lecturas stored twice
    await corec.detener();
    const next = await world.start();
    for (const clave of names.slice(0, 3)) {
      const { points } = await next.api.history(`sensores:${clave}`, null, 100_000);
      assert.equal(points.length, sent * 5, clave);
      assert.equal(new Set(points.map((point) => point.tsMs)).size, points.length, clave);
    }
  });

  test('killed together with its PostgreSQL, it comes back with everything from the epoch and the journal', async (t) => {
    const world = await makeWorld(t, { ownPostgres: true });
    const child = await world.startChild();
    await child.send(series(['a'], 3));
    await child.call('commit');
    await child.send(series(['a'], 4), { id: 'l1' });
    killAll(postgresPids(world.dataDir));
    await child.kill();
    killAll(postgresPids(world.dataDir));
    const corec = await world.start();
    assert.equal(corec.api.entidad('a').estado.cuenta, 7);
  });

  test('a stop while the store stays away says so after a while, and the next start has it all from the journal', async (t) => {
    const world = await makeWorld(t, { ownPostgres: true });
    const corec = await world.start();
    await send(corec.api, series(['a'], 3));
    await commit(corec);
    await send(corec.api, series(['a'], 4));
    const letBack = keepAway(world.dataDir);
    await assert.rejects(corec.detener(), (error) => {
      assert.ok(error instanceof AggregateError);
      return /COREC_E_POSTGRES_UNREACHABLE/.test(String(error.errors[0]));
    });
    letBack();
    const next = await world.start();
    assert.equal(next.api.entidad('a').estado.cuenta, 7);
  });

  test('a repair while the store is away begins fresh instead of waiting for ever', async (t) => {
    const world = await makeWorld(t, { ownPostgres: true });
    world.file(
      'seis.ts',
      `import { defineProcesador } from 'corec';
  export default defineProcesador({ nombre: 'seis', version: 1, estado: { n: 'u32' },
    onLectura(e, { valor }) { if (valor === 666) throw new Error('no'); return ++e.n; } });`,
    );
    world.configure({ bloques: [entry('sensores', { procesador: 'seis.ts' })] });
    const corec = await world.start();
    await send(corec.api, series(['a', 'b'], 3));
    await commit(corec);
    const letBack = keepAway(world.dataDir);
    await until('the store is away', async () => !(await corec.api.status()).store.ok);
    await send(corec.api, [{ clave: 'a', valor: 666, ts: T0 }]);
    await until('it is repaired', () => corec.api.entidad('a').generacion === 1, 20_000);
    letBack();
    await send(corec.api, series(['a', 'b'], 1));
    assert.deepEqual([corec.api.entidad('a').estado.n, corec.api.entidad('b').estado.n], [1, 4]);
  });

  test('a journal that cannot be written refuses lotes by name and is not ready; both end when it can, whether or not anybody sends', async (t) => {
    const world = await makeWorld(t);
    const corec = await world.start();
    await send(corec.api, series(['a'], 1), { id: 'before' });
    // the same journal, on a disk that is full for a while
    const disk = { full: false };
    const journal = new FileJournal(join(world.folder, 'other-journal'), {
      files: {
        ...realFiles,
        write: (fd, buffers, position) =>
          disk.full
            ? Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))
            : realFiles.write(fd, buffers, position),
      },
    });
    await journal.open(0);
    const { lotes } = corec.nucleus;
    Object.assign(corec.nucleus.deps.journal, {
      append: journal.append.bind(journal),
      health: journal.health.bind(journal),
    });
    assert.deepEqual((await corec.api.status()).problems, []);
    disk.full = true;
    await assert.rejects(
      send(corec.api, series(['a'], 1), { id: 'l1' }),
      isCoreCError('COREC_E_DISK_FULL', 'no space left'),
    );
    assert.equal(corec.api.entidad('a').estado.cuenta, 1);
    const [problem, ...others] = (await corec.api.status()).problems;
    assert.match(problem!, /^journal: The disk .* is full: .*no space left/);
    assert.deepEqual(others, []);
    disk.full = false;
    await until('it is found well', async () => (await corec.api.status()).problems.length === 0, 20_000);
    assert.equal((await send(corec.api, series(['a'], 1), { id: 'l1' })).repetido, false);
    assert.equal(corec.api.entidad('a').estado.cuenta, 2);
    assert.equal(lotes.taken, 2);
    await journal.close();
  });

  test('a full disk under everything: refused by name, nothing acknowledged lost, and it goes on when there is room', async (t) => {
    const world = await makeWorld(t, { ownPostgres: true });
    mkdirSync(world.dataDir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=220m,mode=0700', 'tmpfs', world.dataDir], { stdio: 'ignore' });
    } catch {
      t.diagnostic('mounting is not allowed here; the journal alone is tried on a full disk');
      return;
    }
    world.after(async () => {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          execFileSync('umount', [world.dataDir], { stdio: 'ignore' });
          return;
        } catch {
          await delay(100);
        }
      }
    });
    const corec = await world.start();
    let sent = 0;
    const sendOne = async (): Promise<void> => {
      await send(corec.api, series(claves(20), 20, 1, T0 + sent * 20_000), { id: `l${sent}` });
      sent++;
    };
    await sendOne();
    await commit(corec);
    const ballast = join(world.dataDir, 'ballast');
    // all that is left, to the last block
    try {
      for (let k = 0; k < 4096; k++) writeFileSync(ballast, Buffer.alloc(65_536), { flag: 'a' });
    } catch {
      // full
    }
    let refusal: unknown = null;
    await until('the full disk is met', async () => {
      try {
        await sendOne();
        return false;
      } catch (error) {
        refusal = error;
        return true;
      }
    });
    assert.ok(isCoreCError('COREC_E_DISK_FULL')(refusal), String(refusal));
    const epoch = commit(corec);
    await until('status tells it or the epoch found room', async () => {
      const { problems } = await corec.api.status();
      return problems.some((problem) => /full|space|store/.test(problem)) || corec.nucleus.epochs!.committed > 1;
    });
    rmSync(ballast);
    await epoch;
    await until(
      'lotes are taken again',
      async () => {
        try {
          await sendOne();
          return true;
        } catch {
          return false;
        }
      },
      20_000,
    );
    for (const clave of claves(20)) assert.equal(corec.api.entidad(clave).estado.cuenta, sent * 20, clave);
    await corec.detener();
    const next = await world.start();
    for (const clave of claves(20)) assert.equal(next.api.entidad(clave).estado.cuenta, sent * 20, clave);
    await next.detener();
  });

  test('a plugin or module that never ends its detener is left behind after a while, and all is kept', async (t) => {
    const world = await makeWorld(t);
    world.file('plugins/eterno/main.ts', 'export default { detener: () => new Promise(() => {}) };');
    world.file('eterno.ts', MODULO_ETERNO);
    world.configure({
      modulos: ['eterno.ts'],
      plugins: [{ name: 'eterno', config_path: 'plugins/eterno/config.json' }],
    });
    const corec = await world.start();
    await send(corec.api, series(['a'], 3));
    await assert.rejects(
      corec.detener(),
      (error) => error instanceof AggregateError && /Eterno/.test(String(error.errors)),
    );
    world.configure({ modulos: [], plugins: [] });
    assert.equal((await world.start()).api.entidad('a').estado.cuenta, 3);
  });
});
