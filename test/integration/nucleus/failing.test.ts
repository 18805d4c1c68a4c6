/** Procesadores and closures that fail: their own entidad suffers, the bloque repairs it, says so, and everything else goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreCError } from '#domain/errors.ts';
import { CYCLES_MAX } from '#domain/supervision/circuit.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, makeWorld, send, series, T0, type World } from './support.ts';

/** Adds up; throws while the lectura is 666, on every lectura of a clave whose sum has passed 1,000,000. */
const FRAGIL = `import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'fragil', version: 1, estado: { n: 'u32', suma: 'f64' },
  onLectura(e, { valor }) {
    if (valor === 666) { e.suma = -1; throw new Error('666 is not to be read'); }
    e.n += 1; e.suma += valor;
    if (e.suma > 1e6) throw new Error('too much');
    return valor;
  },
});`;

async function makeFragile(t: Parameters<typeof makeWorld>[0], changes: object = {}): Promise<World> {
  const world = await makeWorld(t);
  world.file('fragil.ts', FRAGIL);
  world.configure({
    bloques: [
      entry('sensores', {
        procesador: 'fragil.ts',
        autoreparacion: { max_errores: 0.05, ventana_s: 3600, max_reparaciones: 2 },
        ...changes,
      }),
      entry('otros'),
    ],
  });
  return world;
}

test('an entidad that fails is repaired with its state of the last epoch, then fresh, then put in quarantine', async (t) => {
  const world = await makeFragile(t);
  const corec = await world.start();
  const of = (clave: string): ReturnType<typeof corec.api.entidad> => corec.api.entidad(`sensores:${clave}`);
  const fail = async (generacion: number): Promise<void> => {
    await send(corec.api, [{ clave: 'a', valor: 666, ts: T0 }]);
    await until(`a is of generation ${generacion}`, () => of('a').generacion === generacion && of('a').activo);
  };
  await send(corec.api, series(['a', 'b'], 4));
  const { numero } = of('a');
  await commit(corec);
  await send(corec.api, series(['a', 'b'], 2));
  assert.equal(of('a').estado.n, 6);
  // one failed run alone: it waits five intervals, and nobody else notices
  await fail(1);
  assert.deepEqual(of('a').estado, { n: 4, suma: 10 }, 'as the epoch had it');
  assert.deepEqual(of('b').estado, { n: 6, suma: 13 });
  assert.equal(of('a').numero, numero);
  await fail(2);
  assert.deepEqual(of('a').estado, { n: 0, suma: 0 }, 'fresh');
  await send(corec.api, [{ clave: 'a', valor: 666, ts: T0 }]);
  await until('a is in quarantine', () => of('a').cuarentena);
  const status = await corec.api.status();
  assert.deepEqual([status.repairs, status.cuarentena, status.fallos], [2, 1, 3]);
  // the bloque says so, by itself and in words
  const alerts = (await corec.api.alertas({ bloque: 'sensores', limit: 10, orden: 'tiempo' })).filter(
    (a) => a.clave === '',
  );
  assert.deepEqual(alerts.map((a) => a.regla).toSorted(), ['error_rate', 'quarantine']);
  const quarantine = alerts.find((a) => a.regla === 'quarantine')!;
  assert.match(quarantine.texto, /666 is not to be read/);
  // what still comes for it acts on nothing, and holds nobody up
  await send(corec.api, series(['a', 'b'], 3));
  assert.deepEqual([of('a').estado.n, of('b').estado.n], [0, 9]);
  assert.equal(corec.api.bloque('sensores/0')!.inbox, 0);
  assert.equal(corec.api.bloques('otros', 1)[0]!.fallos, 0);
  await corec.detener();
  const next = await world.start();
  assert.equal(next.api.entidad('sensores:a').cuarentena, true);
  await until('the bloque still says so', async () => {
    const open = await next.api.alertas({ bloque: 'sensores', abiertas: true, limit: 10, orden: 'tiempo' });
    return open.length === 1 && open[0]!.id === quarantine.id;
  });
  const [still] = await next.api.alertas({ id: quarantine.id, limit: 1, orden: 'tiempo' });
  assert.match(still!.texto, /666 is not to be read/, 'with the reason that it had');
  // the time line has all of it, in order and once, over the restart
  const { eventos } = await next.api.timeline({
    bloque: 'sensores',
    tipo: 'reparacion',
    desdeMs: null,
    hastaMs: null,
    antes: null,
    limit: 100,
  });
  const repairs = eventos.filter(({ evento }) => evento === 'reparada');
  assert.equal(
    repairs.reduce((sum, { datos }) => sum + Number(datos['entidades']), 0),
    2,
  );
  assert.ok(
    repairs.every(({ bloque, datos }) => bloque === 'sensores/0' && datos['fallo'] === '666 is not to be read'),
  );
  assert.deepEqual(
    eventos.filter(({ alerta }) => alerta !== null).map(({ evento, alerta }) => [evento, alerta!.id]),
    [['abierta', quarantine.id]],
  );
  const lives = await next.api.timeline({
    bloque: null,
    tipo: 'arranque',
    desdeMs: null,
    hastaMs: null,
    antes: null,
    limit: 100,
  });
  assert.deepEqual(
    lives.eventos.map(({ evento }) => evento),
    ['arrancado', 'parado', 'arrancado'],
  );
  assert.ok(eventos.every(({ tsMs }, k) => k === 0 || tsMs >= eventos[k - 1]!.tsMs));
});

test('lecturas of an entidad that waits for its repair wait too, over a kill as well', async (t) => {
  // an interval so long that only two fallos bring the repair
  const world = await makeFragile(t, { intervalo_ms: 60_000 });
  const child = await world.startChild();
  await child.send(series(['a', 'b'], 2));
  await child.call('commit');
  await child.send([{ clave: 'a', valor: 666, ts: T0 + 9000 }]);
  await child.send(series(['a'], 3, 10));
  await child.call('commit');
  await child.send(series(['a'], 1, 20));
  await child.kill();
  const corec = await world.start();
  await corec.coordinarBloques();
  await until('a is repaired', async () => {
    await corec.coordinarBloques();
    return corec.api.entidad('sensores:a').estado.n === 6;
  });
  assert.deepEqual(corec.api.entidad('sensores:a').estado, { n: 6, suma: 1 + 2 + 10 + 11 + 12 + 20 });
});

test('an epoch waits until the store says what a failed run is to give way to: what it left is never stored', async (t) => {
  const world = await makeFragile(t, { intervalo_ms: 60_000 });
  const corec = await world.start();
  await send(corec.api, series(['a', 'b'], 4));
  await commit(corec);
  await send(corec.api, [{ clave: 'a', valor: 666, ts: T0 }]);
  // questions fail, as when the server takes no new connections; what is written goes on
  const { store } = corec.nucleus.deps;
  const read = store.readEstado.bind(store);
  let asked = 0;
  Object.assign(store, {
    readEstado: async (): Promise<never> => {
      asked++;
      throw new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 'test', found: 'no more connections' });
    },
  });
  const before = corec.nucleus.epochs!.committed;
  const epoch = commit(corec);
  await until('it has asked twice', () => asked >= 2);
  assert.match((await corec.api.status()).problems.join(), /no more connections/);
  // doors are open meanwhile
  await send(corec.api, series(['b'], 1));
  assert.equal(corec.nucleus.epochs!.committed, before);
  Object.assign(store, { readEstado: read });
  await epoch;
  assert.deepEqual((await corec.api.status()).problems, []);
  await corec.detener();
  const next = await world.start();
  assert.deepEqual(next.api.entidad('sensores:a').estado, { n: 4, suma: 10 });
  assert.equal(next.api.entidad('sensores:b').estado.n, 5);
});

test('a repair never brings back the state of the clave that had the entidad before', async (t) => {
  const world = await makeFragile(t);
  const corec = await world.start();
  await send(corec.api, series(['a'], 5));
  await commit(corec);
  // forgotten without an epoch in between, as a TTL does
  const { swarm } = corec.nucleus;
  const entrada = swarm.entradas.get('sensores')!;
  swarm.forget(entrada, entrada.claves.lookupText('a'));
  await send(corec.api, series(['z'], 2));
  assert.equal(corec.api.entidad('z').id, 'sensores/0/0');
  await send(corec.api, [{ clave: 'z', valor: 666, ts: T0 }]);
  await until('z is repaired', () => corec.api.entidad('z').generacion > 0);
  assert.deepEqual(corec.api.entidad('z').estado, { n: 0, suma: 0 });
});

test('a procesador whose own explanation fails is a failed run, and the loop lives', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'mudo.ts',
    `import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'mudo', version: 1, estado: { n: 'u32' },
  onLectura(e, { valor }) { e.n += 1; return valor; },
  onCycle(e) { return e.valor; },
  alerta: { regla: 'r', abre: 90, cierra: 90, explica() { throw new Error('no words'); } },
});`,
  );
  world.configure({ bloques: [entry('sensores', { procesador: 'mudo.ts' }), entry('otros')] });
  const corec = await world.start();
  await send(corec.api, [
    { clave: 'a', valor: 50, ts: T0 },
    { clave: 'b', valor: 99, ts: T0 },
  ]);
  await until('it has failed', async () => (await corec.api.status()).fallos > 0);
  const { cycles } = await corec.api.status();
  await until('cycles go on', async () => (await corec.api.status()).cycles > cycles + 20);
  await send(corec.api, series(['x'], 2), { bloque: 'otros' });
  assert.equal(corec.api.entidad('otros:x').estado.cuenta, 2);
  assert.equal(corec.api.entidad('sensores:a').estado.n, 1);
});

test('closures answer at once or later, fail by throwing, rejecting or being late, each for itself', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'cierre.ts',
    `export default ({ clave, valor }) => {
  if (clave === 'ya') return { valor };
  if (clave === 'luego') return new Promise((resolve) => setTimeout(() => resolve({ valor: valor * 2 }), 5));
  if (clave === 'nunca') return new Promise(() => {});
  if (clave === 'lanza') throw new Error('thrown');
  if (clave === 'rechaza') return Promise.reject(new Error('rejected'));
  return { valor: 'text' };
};`,
  );
  world.configure({
    bloques: [
      entry('sensores', {
        procesador: 'cierre.ts',
        tiempo_limite_ms: 100,
        autoreparacion: { max_reparaciones: 1, ventana_s: 3600 },
      }),
    ],
  });
  const corec = await world.start();
  const names = ['ya', 'luego', 'nunca', 'lanza', 'rechaza', 'texto'];
  await send(corec.api, series(names, 1, 21));
  const of = (clave: string): ReturnType<typeof corec.api.entidad> => corec.api.entidad(clave);
  await until('both sound ones have answered', () => of('ya').valor === 21 && of('luego').valor === 42);
  await until('the four have failed and are repaired', async () => (await corec.api.status()).repairs === 4);
  assert.equal((await corec.api.status()).fallos, 4);
  for (const clave of names) assert.equal(of(clave).activo, true, clave);
  // an epoch waits for answers that are under way
  const later = send(corec.api, series(['luego'], 3, 1));
  await commit(corec);
  await later;
  await until('all have acted', () => of('luego').valor === 6);
  assert.equal((await corec.api.status()).fallos, 4);
  // again: quarantine
  await send(corec.api, series(['nunca', 'lanza'], 1));
  await until('two are in quarantine', async () => (await corec.api.status()).cuarentena === 2);
  assert.equal(of('ya').activo, true);
});

test('an entidad that is repaired while closures of its bloque are under way loses no lectura', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'lento.ts',
    `const seen = new Map();
export default async ({ clave, valor }) => {
  await new Promise((resolve) => setTimeout(resolve, 60));
  if (valor === 666) throw new Error('once');
  seen.set(clave, (seen.get(clave) ?? 0) + 1);
  return { valor };
};`,
  );
  world.configure({ bloques: [entry('sensores', { procesador: 'lento.ts' })] });
  const corec = await world.start();
  await send(corec.api, [
    { clave: 'a', valor: 666, ts: T0 },
    { clave: 'b', valor: 666, ts: T0 },
    ...series(['a', 'b', 'c'], 5),
  ]);
  // the bloque is never without a run under way
  for (let k = 0; k < 10; k++) {
    await send(corec.api, series(['c'], 1, k));
    await until('some time has passed', () => corec.api.entidad('c').valor === k || k < 9, 3000).catch(() => undefined);
  }
  await until('nothing waits', () => corec.api.bloque('sensores/0')!.inbox === 0);
  assert.deepEqual([corec.api.entidad('a').valor, corec.api.entidad('b').valor], [5, 5]);
  assert.equal((await corec.api.status()).fallos, 2);
  await corec.detener();
  // stored as lecturas that ran: two failed ones are not among them
  const [row] = await world.query<{ lecturas: string }>(
    `SELECT sum(length(mensajes))::text AS lecturas FROM bloques WHERE instance_id = '${world.instanceId}'`,
  );
  assert.ok(Number(row!.lecturas) > 0);
});

test('claves that fail every time never make a hot loop of repairs', async (t) => {
  const world = await makeFragile(t, { entidades: 200, entidades_por_bloque: 100 });
  const corec = await world.start();
  // fewer than make it their procesador's fault
  const names = claves(7);
  await until('all are in quarantine', async () => {
    await send(
      corec.api,
      names.map((clave) => ({ clave, valor: 666, ts: T0 })),
    );
    return (await corec.api.status()).cuarentena === names.length;
  });
  assert.equal((await corec.api.status()).repairs, 2 * names.length);
});

test('when all claves fail there is no hot loop of repairs either, and nobody goes into quarantine', async (t) => {
  const world = await makeFragile(t, { entidades: 200, entidades_por_bloque: 100 });
  const corec = await world.start();
  const names = claves(150);
  await until('both circuits are open', async () => {
    const { circuitos } = corec.api.supervision();
    if (circuitos.filter(({ estado }) => estado === 'abierto').length === 2) return true;
    await send(
      corec.api,
      names.map((clave) => ({ clave, valor: 666, ts: T0 })),
    );
    await corec.coordinarBloques();
    return false;
  });
  const { repairs, cuarentena } = await corec.api.status();
  assert.ok(repairs <= CYCLES_MAX * names.length, `${repairs} repairs`);
  assert.equal(cuarentena, 0);
});
