/** What an entry judges by changes in a running CoreC, by itself and by hand, over stops and kills. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRandom } from '#adapters/system/random.ts';
import type { EvolucionResult, EvolucionView, NucleusApi } from '#ports/nucleus-api.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, T0, type Json, type Row } from './support.ts';

const NAMES = claves(48, 's');

/** Noise around a level of each clave, a minute apart. */
function* noise(from: number, to: number, seed = 7): Generator<Row> {
  const dice = makeRandom(seed);
  for (let k = from; k < to; k++) {
    for (const [n, clave] of NAMES.entries()) {
      const valor = 10 * n + dice.next() + dice.next() + dice.next() + dice.next();
      yield { clave, valor, ts: T0 + k * 60_000 };
    }
  }
}

const evolving = (changes: Json = {}, own: Json = {}): Json => ({
  evolucion: { activa: true, intervalo_s: 1, cpu_max: 50, ...own },
  bloques: [
    entry('sensores', { procesador: 'detector', entidades: 60, entidades_por_bloque: 30, ...changes }),
    entry('otros', { evolucion: { activa: false } }),
  ],
});

const viewOf = (views: readonly EvolucionView[]): EvolucionView => views[0]!;
/** Of what is stored: how far the next round is, is of the process. */
const kept = ({ procesador, fijado, parametros, pasos }: EvolucionView): Json => ({
  procesador,
  fijado,
  parametros,
  pasos,
});

test('an entry evolves by itself; a kill leaves it with the parametros that were committed, and a replay judges by them', async (t) => {
  const world = await makeWorld(t, { config: evolving() });
  let child = await world.startChild();
  await child.send(noise(0, 350));
  const look = async (): Promise<EvolucionView> => viewOf(await child.call('evolucion', 'sensores'));
  let at = 350;
  await until(
    'a switch',
    async () => {
      await child.send(noise(at, (at += 260), at));
      return (await look()).pasos.length > 0;
    },
    90_000,
  );
  const before = await look();
  const [paso] = before.pasos;
  assert.deepEqual([paso!.tipo, paso!.por, paso!.antes.valores], ['cambiar', 'ModuloEvolucion', {}]);
  const { sensibilidad } = paso!.genoma.valores;
  assert.ok(paso!.aptitud! > paso!.aptitudAntes!, 'it was better where it was tried');
  const [parametro] = before.parametros;
  assert.deepEqual([parametro!.nombre, parametro!.valor, parametro!.configurado], ['sensibilidad', sensibilidad, 1]);
  assert.deepEqual(parametro!.origen, paso);
  // what it was before is on probation, and stays so over a kill
  await child.call('commit');
  await child.kill();
  child = await world.startChild();
  await until('the module knows of it', async () => (await look()).anterior !== null);
  assert.deepEqual((await look()).anterior, paso!.antes);
  // of after the switch: these are in the journal alone
  await child.call('evolucionFijar', 'sensores', true, 'ana', 'f1');
  await child.send(noise(at, at + 40, 99));
  await child.send(NAMES.map((clave, n) => ({ clave, valor: 10 * n + 2 + 0.2 * n, ts: T0 + (at + 41) * 60_000 })));
  const alertas = async (api: Pick<NucleusApi, 'alertas'>): Promise<Json[]> =>
    (await api.alertas({ limit: 999, orden: 'tiempo', bloque: 'sensores', abiertas: true }))
      .filter(({ clave }) => clave !== '')
      .map(({ id, valor }) => ({ id, valor }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const told = await alertas({ alertas: (query) => child.call('alertas', query) });
  assert.ok(told.length > 5, `${told.length} alerts`);
  const pinned = await look();
  await child.kill();

  const corec = await world.start();
  assert.deepEqual(kept(viewOf(corec.api.evolucion('sensores/1'))), kept(pinned), 'a bloque tells of its entry');
  assert.deepEqual(await alertas(corec.api), told, 'the journal was judged by the same');
  const rows = await world.query<{ nombre: string; puerta: string; respuesta: { genoma: Json } }>(
    `SELECT nombre, puerta, respuesta FROM comandos WHERE instance_id = '${world.instanceId}' AND nombre = 'evolucion-cambiar'`,
  );
  assert.deepEqual(
    rows.map(({ puerta, respuesta }) => [puerta, respuesta.genoma]),
    [['ModuloEvolucion', paso!.genoma]],
  );
  assert.ok(world.log().some(({ tag, msg }) => tag === 'Evolucion' && msg === 'Entrada evolucionada'));
  await commit(corec);
  const [aviso] = await corec.api.alertas({ limit: 9, orden: 'tiempo', bloque: 'sensores', clave: '' });
  assert.ok(aviso !== undefined);
});

test('by hand: back, pinned and let go, each once; off or configured anew, an entry judges as configured', async (t) => {
  const world = await makeWorld(t, { config: evolving({}, { intervalo_s: 3600 }) });
  let corec = await world.start();
  await send(corec.api, noise(0, 5));
  const { evolucion } = corec.nucleus;
  const found = {
    tipo: 'cambiar',
    ensayo: 3,
    genoma: { procesador: 'detector', valores: { sensibilidad: 2.5 } },
    aptitud: 0.6,
    aptitudVigente: 0.5,
    confianza: 0.97,
    lecturas: 5000,
  } as const;
  await assert.rejects(
    corec.api.evolucionVolver('sensores', 'anterior', 'ana', 'v0'),
    isCoreCError('COREC_E_NOT_FOUND', 'has not changed'),
  );
  await evolucion.cambiar('sensores', found, () => {});
  await evolucion.cambiar(
    'sensores',
    { ...found, genoma: { procesador: 'detector', valores: { sensibilidad: 4 } } },
    () => {},
  );
  const parametros = (): unknown => corec.nucleus.swarm.bloque('sensores/1')!.options.parametros;
  assert.deepEqual(parametros(), { sensibilidad: 4 });
  const back = await corec.api.evolucionVolver('sensores', 'anterior', 'ana', 'v1');
  assert.deepEqual(back, {
    entrada: 'sensores',
    procesador: 'detector',
    valores: { sensibilidad: 2.5 },
    fijado: true,
  } satisfies EvolucionResult);
  assert.deepEqual(await corec.api.evolucionVolver('sensores', 'anterior', 'ana', 'v1'), back, 'once');
  assert.deepEqual(parametros(), { sensibilidad: 2.5 });
  await corec.detener();

  corec = await world.start();
  assert.deepEqual(parametros(), { sensibilidad: 2.5 }, 'a restart keeps it');
  assert.equal((await corec.api.evolucionFijar('sensores/0', false, 'ana', 'f1')).fijado, false);
  assert.equal(viewOf(corec.api.evolucion('sensores')).fijado, false);
  for (const ref of ['otros', 'nadie']) {
    assert.throws(() => corec.api.evolucion(ref), isCoreCError('COREC_E_NOT_FOUND'));
  }
  await corec.detener();

  world.configure({ evolucion: { activa: false } });
  corec = await world.start();
  assert.deepEqual(parametros(), { sensibilidad: 1 });
  assert.deepEqual(corec.api.evolucion(null), []);
  await corec.detener();
  world.configure(evolving({ parametros: { sensibilidad: 3 } }));
  corec = await world.start();
  assert.deepEqual(parametros(), { sensibilidad: 3 });
});

test('another procesador takes over: state begins anew, open episodios close, and a restart comes back to it', async (t) => {
  const config = evolving(
    { procesador: 'limites', parametros: { max: 400 }, evolucion: { alternativas: ['detector'] } },
    { intervalo_s: 3600 },
  );
  const world = await makeWorld(t, { config });
  let corec = await world.start();
  await send(corec.api, noise(0, 5));
  const open = (): Promise<number> =>
    corec.api
      .alertas({ abiertas: true, limit: 99, orden: 'tiempo', bloque: 'sensores' })
      .then((list) => list.filter(({ clave }) => clave !== '').length);
  assert.equal(await open(), 8, 'those above 400');
  const found = {
    tipo: 'cambiar',
    ensayo: 4,
    genoma: { procesador: 'detector', valores: {} },
    aptitud: 0.6,
    aptitudVigente: 0,
    confianza: 1,
    lecturas: 24_576,
  } as const;
  await corec.nucleus.evolucion.cambiar('sensores', found, () => {});
  await send(corec.api, noise(5, 8));
  const seen = (): number => corec.api.entidad('sensores:s47').estado['seen']!;
  assert.equal(seen(), 3, 'learned from nothing');
  await until('the old episodios are closed', async () => (await open()) === 0);
  await corec.detener();
  corec = await world.start();
  assert.equal(seen(), 3, 'its own columns came back');
  assert.equal(viewOf(corec.api.evolucion('sensores')).procesador, 'detector');
  await corec.detener();
  world.configure({ evolucion: { activa: false } });
  corec = await world.start();
  assert.equal(corec.api.bloque('sensores/0')!.procesador, 'limites');
  assert.deepEqual(corec.api.entidad('sensores:s47').estado, { lado: 0, fuera: 0 });
});
