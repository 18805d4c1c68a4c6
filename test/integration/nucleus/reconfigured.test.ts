/** The configuration changes between two runs: what can be kept is kept, what stays out waits in the store untouched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claves, commit, entry, isCoreCError, makeWorld, send, series, T0, type Json } from './support.ts';

const LIMITES = { procesador: 'limites', parametros: { max: 90, histeresis: 5 } };

for (const [what, before, after] of [
  ['larger', { entidades_por_bloque: 10 }, { entidades_por_bloque: 25 }],
  ['smaller', { entidades_por_bloque: 25 }, { entidades_por_bloque: 10 }],
  ['uneven', { entidades_por_bloque: 30 }, { entidades_por_bloque: 7 }],
  ['fewer', { entidades: 100 }, { entidades: 60 }],
] as const) {
  test(`bloques become ${what}: every clave keeps its number, state, episodio and waiting lecturas, over restarts too`, async (t) => {
    const config = (changes: Json): Json => ({
      bloques: [entry('sensores', { ...LIMITES, ...changes }), entry('cuentas', changes)],
    });
    const world = await makeWorld(t, { config: config(before) });
    const names = claves(55);
    let corec = await world.start();
    await send(corec.api, series(names, 3));
    await send(corec.api, series(names, 3), { bloque: 'cuentas' });
    await send(corec.api, [{ clave: 'c41', valor: 99, ts: T0 + 60_000 }]);
    const numbers = new Map(
      corec.api.entidades('*', null, 1000).map((e) => [`${e.bloque.split('/')[0]} ${e.clave}`, e.numero]),
    );
    const [open] = await corec.api.alertas({ abiertas: true, limit: 10, orden: 'tiempo' });
    await corec.api.pausar('cuentas', 'p1');
    await send(corec.api, series(names, 2, 4, T0 + 3000), { bloque: 'cuentas' });
    await corec.detener();

    world.configure(config(after));
    for (const run of ['first', 'second']) {
      corec = await world.start();
      assert.equal((await corec.api.status()).ligadas, 110, run);
      for (const e of corec.api.entidades('*', null, 1000)) {
        assert.equal(e.numero, numbers.get(`${e.bloque.split('/')[0]} ${e.clave}`), `${run} ${e.bloque} ${e.clave}`);
      }
      assert.equal(corec.api.entidad('sensores:c41').alerta, 'abierta', run);
      const alerts = await corec.api.alertas({ limit: 10, orden: 'tiempo' });
      assert.deepEqual(
        alerts.map(({ id, cerradaMs, clave }) => ({ id, cerradaMs, clave })),
        [{ id: open!.id, cerradaMs: null, clave: 'c41' }],
        run,
      );
      if (run === 'first') {
        assert.equal(corec.api.entidad('cuentas:c7').estado.cuenta, 3);
        await corec.api.reanudar('cuentas', 'r1');
        await corec.coordinarBloques();
      }
      for (const clave of names) {
        assert.deepEqual(
          corec.api.entidad(`cuentas:${clave}`).estado,
          { cuenta: 5, suma: 15, ultimo: 5 },
          `${run} ${clave}`,
        );
      }
      await corec.detener();
    }
    // new claves take numbers that nobody has
    corec = await world.start();
    await send(corec.api, series(['nueva'], 1), { bloque: 'cuentas' });
    const all = corec.api.entidades('*', null, 1000).map((e) => e.numero);
    assert.equal(new Set(all).size, 111);
  });
}

test('claves that find no room after a change are counted and wait in the store until there is', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores', { entidades: 40 })] } });
  let corec = await world.start();
  await send(corec.api, series(claves(40), 3));
  await corec.detener();
  world.configure({ bloques: [entry('sensores', { entidades: 20 })] });
  corec = await world.start();
  assert.equal((await corec.api.status()).ligadas, 20);
  const told = world.log().filter((line) => line.msg === 'Claves carried over to the new layout');
  assert.deepEqual(
    told.map((line) => line.fields),
    [2, 3].map((k) => ({ bloque: `sensores/${k}`, claves: 0, without_room: 10 })),
  );
  await corec.detener();
  world.configure({ bloques: [entry('sensores', { entidades: 40 })] });
  corec = await world.start();
  for (const clave of claves(40)) assert.equal(corec.api.entidad(clave).estado.cuenta, 3, clave);
});

const PROPIO = (version: number, columns: string, extra = ''): string => `import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'propio', version: ${version}, estado: { ${columns} },
  onBind(e) { ${extra} },
  onLectura(e, lectura) { e.suma += lectura.valor; return e.suma; },
});`;

test('another version of a procesador: columns are kept by name, new ones begin as onBind has them', async (t) => {
  const world = await makeWorld(t);
  world.file('v1.ts', PROPIO(1, "suma: 'f64', vieja: 'u8'"));
  world.file('v2.ts', PROPIO(2, "suma: 'f32', piso: 'f32'", 'e.piso = 7; e.suma = 1000;'));
  world.configure({ bloques: [entry('sensores', { procesador: 'v1.ts' })] });
  let corec = await world.start();
  await send(corec.api, series(['a', 'b'], 3));
  await corec.detener();
  world.configure({ bloques: [entry('sensores', { procesador: 'v2.ts' })] });
  corec = await world.start();
  assert.deepEqual(corec.api.entidad('a').estado, { suma: 6, piso: 7 });
  await send(corec.api, series(['a', 'z'], 1));
  assert.deepEqual(corec.api.entidad('a').estado, { suma: 7, piso: 7 });
  assert.deepEqual(corec.api.entidad('z').estado, { suma: 1001, piso: 7 });
  const told = world.log().filter((line) => line.msg === 'Columns that the checkpoint does not have start fresh');
  assert.deepEqual(told[0]!.fields, {
    bloque: 'sensores/0',
    procesador: 'propio',
    stored: 'propio',
    columns: ['piso'],
  });
});

test('another procesador keeps claves and numbers, and takes no column for its own that only bears the same name', async (t) => {
  const world = await makeWorld(t);
  world.file(
    'otro.ts',
    `import { defineProcesador } from 'corec';
export default defineProcesador({ nombre: 'otro', version: 1, estado: { cuenta: 'f64' }, onLectura(e) { return --e.cuenta; } });`,
  );
  let corec = await world.start();
  await send(corec.api, series(['a', 'b'], 3));
  const numero = corec.api.entidad('b').numero;
  await corec.detener();
  world.configure({ bloques: [entry('sensores', { procesador: 'otro.ts' })] });
  corec = await world.start();
  assert.deepEqual(corec.api.entidad('b').estado, { cuenta: 0 });
  await send(corec.api, series(['b'], 1));
  assert.equal(corec.api.entidad('b').valor, -1);
  assert.equal(corec.api.entidad('b').numero, numero);
});

test('an entry that is taken out and put back has everything it had, its open episodio too', async (t) => {
  const both = { bloques: [entry('sensores'), entry('limitado', LIMITES)] };
  const world = await makeWorld(t, { config: both });
  let corec = await world.start();
  await send(corec.api, series(claves(12), 1, 99), { bloque: 'limitado' });
  await send(corec.api, series(claves(12), 1));
  const before = corec.api.entidades('*', 'limitado', 100);
  const ids = (await corec.api.alertas({ limit: 100, orden: 'tiempo' })).map((alerta) => alerta.id).toSorted();
  assert.equal(ids.length, 12);
  await corec.detener();
  world.configure({ bloques: [entry('sensores'), entry('nuevo')] });
  corec = await world.start();
  await send(corec.api, series(claves(30), 1), { bloque: 'nuevo' });
  assert.equal((await corec.api.alertas({ abiertas: true, limit: 100, orden: 'tiempo' })).length, 12);
  await corec.detener();
  world.configure(both);
  corec = await world.start();
  assert.deepEqual(corec.api.entidades('*', 'limitado', 100), before);
  await send(corec.api, series(claves(12), 1, 1, T0 + 900_000), { bloque: 'limitado' });
  const closed = await corec.api.alertas({ limit: 100, orden: 'tiempo' });
  assert.deepEqual(closed.map((alerta) => alerta.id).toSorted(), ids);
  assert.ok(closed.every((alerta) => alerta.cerradaMs === T0));
});

test('entries made by what came for them come back without being configured', async (t) => {
  const world = await makeWorld(t);
  let corec = await world.start();
  await send(corec.api, series(claves(1500), 1), { bloque: 'hallado', procesador: 'contador' });
  await corec.detener();
  corec = await world.start();
  const hallado = corec.api.entradas().find((entrada) => entrada.id === 'hallado')!;
  assert.deepEqual(
    { procesador: hallado.procesador, bloques: hallado.bloques, ligadas: hallado.ligadas, dinamica: hallado.dinamica },
    { procesador: 'contador', bloques: 2, ligadas: 1500, dinamica: true },
  );
  await send(corec.api, series(claves(1501), 1), { bloque: 'hallado' });
  assert.equal(corec.api.entidad('hallado:c1499').estado.cuenta, 2);
  assert.equal(corec.api.entidad('hallado:c1500').estado.cuenta, 1);
});

test('a bloque that would be too large is refused before anything is acknowledged for it', async (t) => {
  const world = await makeWorld(t);
  const columns = Array.from({ length: 128 }, (_, k) => `c${k}: 'f64'`).join(', ');
  const path = world.file(
    'gordo.ts',
    `import { defineProcesador } from 'corec';
export default defineProcesador({ nombre: 'gordo', version: 1, estado: { ${columns} }, onLectura: () => 1 });`,
  );
  let corec = await world.start();
  await assert.rejects(
    send(corec.api, series(['a'], 1), { bloque: 'grande', procesador: path }),
    isCoreCError('COREC_E_LIMIT', 'max_size_mb 1'),
  );
  await corec.detener();
  corec = await world.start();
  assert.deepEqual(
    corec.api.entradas().map((entrada) => entrada.id),
    ['sensores'],
  );
});

test('a plugin that is broken for one run leaves the state of its bloque alone', async (t) => {
  const world = await makeWorld(t);
  const source = (text: string): string => `import { definePlugin, defineProcesador } from 'corec';
export default definePlugin({ procesador: defineProcesador({
  nombre: 'del_plugin', version: 1, estado: { n: 'u32' }, onLectura(e) { return ++e.n; },
  alerta: { regla: 'tres', abre: 3, cierra: 3, explica: () => ({ codigo: 'too_high', esperadoMin: 0, esperadoMax: 2 }) },
}) });
${text}`;
  const bloque = { bloque_id: 'suyo', canal: 4, entidades: 20, entidades_por_bloque: 10, intervalo_ms: 50 };
  // a module is imported once by its path: each run has a path of its own
  const useOf = (name: string, text: string): void => {
    world.file(`plugins/${name}/main.ts`, source(text));
    world.configure({ plugins: [{ name: 'p', config_path: `plugins/${name}/config.json`, bloque }] });
  };
  useOf('good', '');
  let corec = await world.start();
  await send(corec.api, series(['a'], 4), { bloque: 'suyo' });
  assert.equal(corec.api.entidad('suyo:a').alerta, 'abierta');
  await corec.detener();

  useOf('broken', "throw new Error('half written');");
  corec = await world.start();
  await assert.rejects(
    send(corec.api, series(['a'], 1), { bloque: 'suyo' }),
    isCoreCError('COREC_E_NOT_FOUND', 'could not be loaded'),
  );
  assert.equal((await corec.api.alertas({ abiertas: true, limit: 10, orden: 'tiempo' })).length, 1);
  await commit(corec);
  await corec.detener();

  useOf('again', '');
  corec = await world.start();
  assert.equal(corec.api.entidad('suyo:a').estado.n, 4);
  assert.equal(corec.api.entidad('suyo:a').alerta, 'abierta');
  await corec.detener();

  // and a command without a running CoreC works on it as the plugin means it
  corec = await world.start({ whole: false });
  await send(corec.api, series(['a'], 1), { bloque: 'suyo' });
  await corec.detener();
  corec = await world.start();
  assert.equal(corec.api.entidad('suyo:a').estado.n, 5);
});

test('a command without a running CoreC leaves artificial entries alone', async (t) => {
  const config = { bloques: [entry('sensores'), entry('falso', { procesador: 'simulado' })] };
  const world = await makeWorld(t, { config });
  let corec = await world.start();
  const before = corec.api.entradas().find((entrada) => entrada.id === 'falso')!;
  await corec.detener();
  corec = await world.start({ whole: false });
  await assert.rejects(
    send(corec.api, series(['a'], 1), { bloque: 'falso' }),
    isCoreCError('COREC_E_NOT_FOUND', 'artificial'),
  );
  await send(corec.api, series(['a'], 1));
  await corec.detener();
  corec = await world.start();
  const after = corec.api.entradas().find((entrada) => entrada.id === 'falso')!;
  assert.deepEqual([after.bloques, after.entidades, after.dinamica], [before.bloques, before.entidades, false]);
});

test('a command of a bloque that the next configuration lacks does not stop the start', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('sensores'), entry('otro')] } });
  const child = await world.startChild();
  await child.send(series(['a'], 1));
  await child.call('commit');
  await child.call('pausar', 'otro', 'p1');
  await child.call('pausar', 'sensores', 'p2');
  await child.kill();
  world.configure({ bloques: [entry('sensores')] });
  const corec = await world.start();
  assert.equal(corec.api.entradas()[0]!.pausado, true);
});
