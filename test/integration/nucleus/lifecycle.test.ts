/** Starting and stopping, also when something fails on the way: what was opened is closed, what was acknowledged is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresPids } from '../../support/corec-process.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, isCoreCError, makeWorld, send, series } from './support.ts';

const MODULO = (body: string): string => `
import { ModuloBase } from 'corec';
export class Propio extends ModuloBase {
  nombre = 'Propio';
  async inicializar(nucleus) {}
  async ejecutar() {}
  async detener() {}
  ${body}
}
`;

test('detener twice, at once and later, is one stop', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(['a'], 1));
  await Promise.all([corec.detener(), corec.detener()]);
  await corec.detener();
  assert.equal(world.log().filter((line) => line.msg === 'Detenido').length, 1);
});

test('after a stop the same CoreCNucleus may be started again', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  await send(corec.api, series(['a'], 2));
  await corec.detener();
  await corec.inicializar();
  await corec.ejecutar();
  assert.equal(corec.api.entidad('a').estado.cuenta, 2);
});

test('a stop during the start breaks it off, and no PostgreSQL stays behind', async (t) => {
  const world = await makeWorld(t, { ownPostgres: true });
  const corec = world.make();
  const start = corec.inicializar();
  const refused = assert.rejects(start, isCoreCError('COREC_E_STOPPING'));
  await until('its PostgreSQL runs', () => postgresPids(world.dataDir).length > 0);
  await corec.detener();
  await refused;
  assert.deepEqual(postgresPids(world.dataDir), []);
  // and nothing stands in the way of the next one
  const next = await world.start();
  await send(next.api, series(['a'], 1));
  await next.detener();
  assert.deepEqual(postgresPids(world.dataDir), []);
});

test('a start that fails closes everything: PostgreSQL, the lock of the folder, the log', async (t) => {
  const world = await makeWorld(t, { ownPostgres: true });
  world.file('roto.ts', MODULO("async inicializar() { throw new Error('no sensor bus'); }"));
  world.configure({ modulos: ['roto.ts'] });
  await assert.rejects(world.start(), /no sensor bus/);
  assert.deepEqual(postgresPids(world.dataDir), []);
  world.configure({ modulos: [] });
  const corec = await world.start();
  assert.equal((await corec.api.status()).fase, 'vivo');
});

test('a module that fails to stop is told, and everything else is stopped and kept', async (t) => {
  const world = await makeWorld(t);
  world.file('terco.ts', MODULO("async detener() { throw new Error('will not'); }"));
  world.configure({ modulos: ['terco.ts'] });
  const corec = await world.start();
  await send(corec.api, series(['a'], 3));
  await assert.rejects(
    corec.detener(),
    (error) => error instanceof AggregateError && /will not/.test(String(error.errors)),
  );
  world.configure({ modulos: [] });
  const next = await world.start();
  assert.equal(next.api.entidad('a').estado.cuenta, 3);
});

test("a user's own module is run with the nucleus it asks for", async (t) => {
  const world = await makeWorld(t);
  world.file(
    'propio.ts',
    MODULO(`
  async inicializar(nucleus) { this.nucleus = nucleus; nucleus.logger.info(this.nombre, 'inicializar', { bloques: nucleus.bloques().length }); }
  async ejecutar() { this.nucleus.logger.info(this.nombre, 'ejecutar', { fitness: this.nucleus.bloque('sensores/0').fitness }); }
  async detener() { this.nucleus.logger.info(this.nombre, 'detener'); }`),
  );
  world.configure({ modulos: ['propio.ts'] });
  const corec = await world.start();
  await corec.detener();
  const own = world.log().filter((line) => line.tag === 'Propio');
  assert.deepEqual(
    own.map((line) => line.msg),
    ['inicializar', 'ejecutar', 'detener'],
  );
  assert.deepEqual(own[0]!.fields, { bloques: 10 });
});

for (const [what, text, found] of [
  ['lacks a method', 'export class Medio { async inicializar() {} async ejecutar() {} }', 'Medio lacks detener()'],
  ['exports no class', 'export const nada = 1;', 'no class is exported'],
  ['cannot be imported', "throw new Error('bad day');", 'bad day'],
  [
    'cannot be constructed',
    'export class M { constructor() { throw new Error("no arms"); } async inicializar() {} async ejecutar() {} async detener() {} }',
    'no arms',
  ],
] as const) {
  test(`a module that ${what} stops the start with its file and what is missing`, async (t) => {
    const world = await makeWorld(t);
    const path = world.file('modulo.ts', text);
    world.configure({ modulos: ['modulo.ts'] });
    await assert.rejects(world.start(), isCoreCError('COREC_E_MODULE_LOAD', path, found));
  });
}

test('a second CoreC on the folder is refused with the pid of the first', async (t) => {
  const world = await makeWorld(t);
  const child = await world.startChild();
  await assert.rejects(
    world.start(),
    isCoreCError('COREC_E_DATA_DIR_LOCKED', String(child.process.pid), world.dataDir),
  );
});

test('what a door has taken in when the stop comes is answered and kept', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const names = claves(20);
  const answers = Array.from({ length: 20 }, (_, k) => send(corec.api, series(names, 5), { id: `l${k}` }));
  const stopped = corec.detener();
  const results = await Promise.allSettled(answers);
  await stopped;
  const taken = results.filter((result) => result.status === 'fulfilled').length;
  for (const result of results) {
    if (result.status === 'rejected') assert.match(String(result.reason), /COREC_E_(BUSY|STOPPING)/);
  }
  const next = await world.start();
  for (const clave of names) {
    const cuenta = taken === 0 ? 0 : next.api.entidad(clave).estado.cuenta;
    assert.equal(cuenta, taken * 5, clave);
  }
});

test('a swarm that is busier than its intervals allow still has epochs, takes lotes and stops', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'lento.ts',
    `import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'lento', version: 1, estado: { n: 'u32' }, autonomo: true, checkpoint: false,
  onCycle(e) { const until = performance.now() + 20; while (performance.now() < until); return ++e.n; },
});`,
  );
  // ten bloques of one entidad: 200 ms of work every 50 ms
  world.configure({
    bloques: [entry('sensores'), entry('ocupado', { procesador: 'lento.ts', entidades: 10, entidades_por_bloque: 1 })],
  });
  const corec = await world.start();
  await until('the swarm is over its head', async () => (await corec.api.status()).cycles > 20);
  await send(corec.api, series(['a'], 1));
  const before = (await corec.api.status()).epoca;
  await commit(corec);
  assert.equal((await corec.api.status()).epoca, before + 1);
  await corec.detener();
});

test('plugins that throw, at whatever moment, are told and stop neither the nucleus nor the others', async (t) => {
  const world = await makeWorld(t);
  const plugin = (name: string, text: string): object => {
    world.file(`plugins/${name}/main.ts`, text);
    return { name, config_path: `plugins/${name}/config.json` };
  };
  const bueno = {
    ...plugin(
      'bueno',
      `import { definePlugin } from 'corec';
let ctx;
export default definePlugin({
  inicializar(c) { ctx = c; c.onAlerta(({ evento }) => c.logger.info('Bueno', evento), true); },
  ejecutar() { ctx.lecturas([{ clave: 'p', valor: 1, tsMs: 1 }]); ctx.logger.info('Bueno', 'ejecutar', { bloques: ctx.bloques().length }); },
  detener() { ctx.logger.info('Bueno', 'detener'); },
});`,
    ),
    bloque: {
      bloque_id: 'de_bueno',
      canal: 4,
      entidades: 20,
      entidades_por_bloque: 10,
      intervalo_ms: 50,
      procesador: 'contador',
    },
  };
  world.configure({
    bloques: [entry('sensores', { procesador: 'limites', parametros: { max: 90 } })],
    plugins: [
      plugin('al_importar', "throw new Error('import fails');"),
      plugin('sin_export', 'export const x = 1;'),
      plugin('al_inicializar', "export default { inicializar() { throw new Error('inicializar fails'); } };"),
      plugin('al_ejecutar', "export default { async ejecutar() { throw new Error('ejecutar fails'); } };"),
      plugin(
        'al_alertar',
        "export default { inicializar(c) { c.onAlerta(() => { throw new Error('sync fails'); }, true); c.onAlerta(async () => { throw new Error('async fails'); }, true); } };",
      ),
      plugin('al_detener', "export default { detener() { throw new Error('detener fails'); } };"),
      bueno,
    ],
  });
  const corec = await world.start();
  await send(corec.api, series(['a'], 1, 99));
  await until('the good plugin heard of the alert', () =>
    world.log().some((l) => l.tag === 'Bueno' && l.msg === 'abierta'),
  );
  await until('its own lectura acted', () => corec.api.entidades('p', 'de_bueno', 1)[0]?.valor === 1);
  assert.equal((await corec.api.status()).fase, 'vivo');
  await corec.detener();
  const text = world
    .log()
    .filter((line) => line.tag === 'PluginHost')
    .map((line) => line.msg)
    .join('\n');
  for (const part of [
    'import fails',
    'sin_export',
    'inicializar fails',
    'ejecutar fails',
    'sync fails',
    'async fails',
    'detener fails',
  ]) {
    assert.ok(text.includes(part), `${part} is told:\n${text}`);
  }
  assert.ok(world.log().some((line) => line.tag === 'Bueno' && line.msg === 'detener'));
});

test('a plugin that floods its bloque is bounded: what finds no room is refused and counted', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'plugins/caudal/main.ts',
    `export default { ejecutar() {}, inicializar(ctx) {
  globalThis.flood = (n) => ctx.lecturas(Array.from({ length: n }, (_, k) => ({ clave: 'p' + (k % 5), valor: k, tsMs: 1 + k })));
} };`,
  );
  const bloque = { bloque_id: 'suyo', entidades: 10, intervalo_ms: 50, inbox_max: 100, procesador: 'contador' };
  world.configure({ plugins: [{ name: 'caudal', config_path: 'plugins/caudal/config.json', bloque }] });
  const corec = await world.start();
  const { flood } = globalThis as unknown as { flood: (n: number) => number };
  assert.equal(flood(50), 50);
  await until(
    'they have acted',
    () => corec.api.entidades('*', 'suyo', 10).reduce((sum, e) => sum + e.valor, 0) === 50,
  );
  await corec.api.pausar('suyo', 'p1');
  let placed = 0;
  for (let k = 0; k < 20; k++) placed += flood(50);
  assert.ok(placed <= 150, `${placed} placed`);
  assert.equal((await corec.api.status()).refused.inbox_full, 1000 - placed);
});

test('an epoch that the store refuses for good is the last one: nothing later is stored without it', async (t) => {
  const world = await makeWorld(t, { ownPostgres: true });
  const corec = await world.start();
  let fatal: unknown = null;
  corec.nucleus.onFatal((error) => (fatal = error));
  await send(corec.api, series(['a'], 3));
  await commit(corec);
  await send(corec.api, series(['a'], 2));
  await world.query('ALTER TABLE epocas RENAME TO epocas_away');
  await assert.rejects(commit(corec), isCoreCError('COREC_E_STORE_REFUSED'));
  assert.ok(isCoreCError('COREC_E_STORE_REFUSED')(fatal));
  await world.query('ALTER TABLE epocas_away RENAME TO epocas');
  await send(corec.api, series(['b'], 1));
  // a later epoch would hold b and the place in the journal, and not what a has added
  await assert.rejects(commit(corec), isCoreCError('COREC_E_STORE_REFUSED'));
  assert.ok((await corec.api.status()).problems.some((problem) => problem.startsWith('epoch: ')));
  await corec.detener();
  const next = await world.start();
  assert.equal(next.api.entidad('a').estado.cuenta, 5);
  assert.equal(next.api.entidad('b').estado.cuenta, 1);
});
