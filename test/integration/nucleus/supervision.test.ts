/** Supervision of the real nucleus: a procesador that fails for all is left alone, tried again, and goes on where it was. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../support/until.ts';
import { claves, commit, entry, makeWorld, send, series, type World } from './support.ts';

/** Fails for everybody while a file says so; counts its runs. */
const ENFERMO = `import { existsSync } from 'node:fs';
import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'enfermo', version: 1, estado: { n: 'u32' },
  onLectura(e, { valor }) {
    if (existsSync(new URL('ill', import.meta.url))) throw new Error('the model is gone');
    e.n += 1;
    return valor;
  },
});`;

const COUNT = 40;
const names = claves(COUNT);

async function makeIll(t: Parameters<typeof makeWorld>[0]): Promise<World> {
  const world = await makeWorld(t);
  world.file('enfermo.ts', ENFERMO);
  world.configure({
    bloques: [
      entry('sensores', {
        procesador: 'enfermo.ts',
        entidades: COUNT,
        entidades_por_bloque: COUNT,
        autoreparacion: { ventana_s: 3600, max_reparaciones: 1 },
      }),
      entry('otros', { entidades: 10 }),
    ],
  });
  return world;
}

type Corec = Awaited<ReturnType<World['start']>>;

const first = (corec: Corec): ReturnType<Corec['api']['supervision']>['circuitos'][number] | undefined =>
  corec.api.supervision().circuitos[0];

/** Every clave gets lecturas, which fail, until the circuit has opened. */
async function makeFail(world: World, corec: Corec): Promise<void> {
  world.file('ill', '');
  let sent = 0;
  await until('the circuit is open', async () => {
    await send(corec.api, series(names, 1, ++sent));
    return first(corec)?.estado === 'abierto';
  });
}

test('a procesador that fails for all is left alone, nobody goes into quarantine, and it goes on where it was', async (t) => {
  const world = await makeIll(t);
  const corec = await world.start();
  await send(corec.api, series(names, 5));
  await commit(corec);
  await makeFail(world, corec);
  const before = corec.api.bloques('sensores', 1)[0]!;
  assert.equal(before.cuarentena, 0);
  assert.match(first(corec)!.fallo, /the model is gone/);
  // it is told, by an alert that names the cause; CoreC as a whole goes on
  const alertas = await corec.api.alertas({ bloque: 'sensores', abiertas: true, limit: 10, orden: 'tiempo' });
  assert.match(alertas.find((a) => a.regla === 'circuit_open')!.texto, /left alone for a while.*the model is gone/);
  assert.deepEqual(
    (await corec.api.status()).problems.filter((p) => !p.includes('bloques')),
    [],
  );
  await send(corec.api, series(['x'], 3), { bloque: 'otros' });
  await until('the other bloque runs', () => corec.api.entidad('otros:x').tsMs > 0);
  // mended: it is tried again by itself
  rmSync(join(world.folder, 'ill'));
  await until('the circuit is closed', () => first(corec)?.estado === 'cerrado', 30_000);
  await until('every lectura has acted', () => corec.api.bloques('sensores', 1)[0]!.inbox === 0);
  assert.equal(corec.api.bloques('sensores', 1)[0]!.cuarentena, 0);
  for (const name of names) {
    const { n } = corec.api.entidad(`sensores:${name}`).estado;
    assert.ok(n! >= 5, `${name} has ${n}: what it knew is there`);
  }
  const open = await corec.api.alertas({ bloque: 'sensores', abiertas: true, limit: 10, orden: 'tiempo' });
  assert.equal(
    open.some((a) => a.regla === 'circuit_open'),
    false,
  );
});

test('reset by command tries it at once, and ends quarantine; once a command id', async (t) => {
  const world = await makeIll(t);
  const corec = await world.start();
  await send(corec.api, series(names, 2));
  await makeFail(world, corec);
  rmSync(join(world.folder, 'ill'));
  assert.deepEqual(await corec.api.restablecer('sensores', 'r1'), { circuitos: 1, entidades: 0 });
  assert.equal(first(corec), undefined);
  await until('it runs', () => corec.api.bloques('sensores', 1)[0]!.inbox === 0);
  assert.deepEqual(await corec.api.restablecer('sensores', 'r1'), { circuitos: 1, entidades: 0 }, 'the first answer');
  await assert.rejects(corec.api.restablecer('nowhere', 'r2'), { code: 'COREC_E_NOT_FOUND' });
});

test('half of the bloques failing is told by readyz, until they run again', async (t) => {
  const world = await makeIll(t);
  const corec = await world.start();
  await makeFail(world, corec);
  assert.match((await corec.api.status()).problems.join(), /1 of \d bloques are kept from running/);
  rmSync(join(world.folder, 'ill'));
  await corec.api.restablecer(null, 'all');
  assert.deepEqual((await corec.api.status()).problems, []);
});
