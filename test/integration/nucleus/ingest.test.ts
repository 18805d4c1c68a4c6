/** Ingest: what was read before it failed is in once, and the next one goes on there. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { CoreCNucleus } from '#app/corec-nucleus.ts';
import type { EpochCommit } from '#ports/bloque-store.ts';
import type { IngestProgress } from '#ports/nucleus-api.ts';
import { commit, isCoreCError, makeWorld, ndjson, send, series } from './support.ts';

async function ingest(corec: CoreCNucleus, ruta: string): Promise<IngestProgress> {
  const input = { ruta, bloque: 'sensores', procesador: null, mapeo: '', seguir: false, resume: true };
  const run = corec.api.ingest(input, new AbortController().signal);
  for (;;) {
    const step: IteratorResult<IngestProgress, IngestProgress> = await run.next();
    if (step.done === true) return step.value;
  }
}

test('an ingest that fails half-way time and again before an epoch leaves one position, and CoreC goes on', async (t) => {
  const world = await makeWorld(t);
  const rows = series(['a', 'b'], 20_000);
  const whole = gzipSync(ndjson(rows));
  const path = join(world.folder, 'cut.ndjson.gz');
  // as a copy that was cut off leaves it
  writeFileSync(path, whole.subarray(0, Math.floor(whole.length / 2)));
  const corec = await world.start();
  await assert.rejects(ingest(corec, path), isCoreCError('COREC_E_SOURCE_READ'));
  const taken = corec.api.entidad('a').estado.cuenta!;
  assert.ok(taken > 0 && taken < 20_000, `${taken} lecturas`);
  await assert.rejects(ingest(corec, path), isCoreCError('COREC_E_SOURCE_READ'));
  await commit(corec);
  const { sources, problems } = await corec.api.status();
  assert.deepEqual([sources, problems], [[], []]);
  assert.equal(corec.api.entidad('a').estado.cuenta, taken, 'what was read is not read again');
  writeFileSync(path, whole);
  await ingest(corec, path);
  assert.equal(corec.api.entidad('a').estado.cuenta, 20_000);
  const stored = await world.query(
    `SELECT id FROM estado WHERE instance_id = '${world.instanceId}' AND clase = 'fuente'`,
  );
  assert.equal(stored.length, 1);
});

test('a file is not read twice when it is asked for again before the first time is kept', async (t) => {
  const world = await makeWorld(t);
  const path = world.file('rows.ndjson', ndjson(series(['a'], 100)).toString());
  const corec = await world.start();
  const { store } = corec.nucleus.deps;
  const commitEpoch = store.commitEpoch.bind(store);
  const { promise: mayCommit, resolve: letCommit } = Promise.withResolvers<void>();
  const { promise: isSaving, resolve: saving } = Promise.withResolvers<void>();
  Object.assign(store, {
    commitEpoch: async (epoch: EpochCommit) => {
      saving();
      await mayCommit;
      return commitEpoch(epoch);
    },
  });
  const first = ingest(corec, path);
  await isSaving;
  await assert.rejects(ingest(corec, path), isCoreCError('COREC_E_BUSY', 'being read already'));
  letCommit();
  assert.equal((await first).lecturas, 100);
  assert.equal((await ingest(corec, path)).lecturas, 0);
  await send(corec.api, series(['a'], 1));
  assert.equal(corec.api.entidad('a').estado.cuenta, 101);
});
