/** The specification, quoted once: its sample configuration, names, bytes, streams, log tags, table, and a bloque's seven steps. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import * as corec from 'corec';
import type { CeluEntidadCoreC, MicroCeluEntidadCoreC } from 'corec';
import { loadConfig } from '#app/load-config.ts';
import { commit, entry, makeWorld, send, series } from '../integration/nucleus/support.ts';
import { until } from '../support/until.ts';

const example = (path: string): URL => new URL(`../../examples/spec/${path}`, import.meta.url);

// ---- section 6.1

test('6.1: the sample configuration parses as it stands, and its values are those of the text', () => {
  const text = readFileSync(example('corec_config.json'), 'utf8');
  assert.deepEqual(JSON.parse(text), {
    instance_id: 'corec1',
    db_config: { dbname: 'corec_db', user: 'postgres', password: 'your_password', host: 'localhost', port: 5432 },
    redis_config: { host: 'localhost', port: 6379, username: 'corec_user', password: 'secure_password' },
    bloques: [
      {
        id: 'enjambre_sensor',
        canal: 1,
        entidades: 980_000,
        max_size_mb: 1,
        entidades_por_bloque: 1000,
        autoreparacion: { max_errores: 0.05, min_fitness: 0.2 },
      },
      {
        id: 'nodo_seguridad',
        canal: 2,
        entidades: 1000,
        max_size_mb: 1,
        entidades_por_bloque: 1000,
        autoreparacion: { max_errores: 0.02, min_fitness: 0.5 },
      },
      { id: 'ia_analisis', canal: 3, entidades: 20_000, max_size_mb: 5, entidades_por_bloque: 2000 },
    ],
    plugins: [
      {
        name: 'example_plugin',
        enabled: true,
        config_path: 'plugins/example_plugin/config.json',
        bloque: {
          bloque_id: 'example_block',
          canal: 4,
          entidades: 1000,
          max_size_mb: 3,
          max_errores: 0.05,
          min_fitness: 0.5,
        },
      },
    ],
  });
  const { config } = loadConfig(example('corec_config.json').pathname, {});
  assert.equal(config.instance_id, 'corec1');
  const { dbname, user, password, host, port } = config.db_config!;
  assert.deepEqual(
    { dbname, user, password, host, port },
    { dbname: 'corec_db', user: 'postgres', password: 'your_password', host: 'localhost', port: 5432 },
  );
  const redis = config.redis_config!;
  assert.deepEqual(
    [redis.host, redis.port, redis.username, redis.password],
    ['localhost', 6379, 'corec_user', 'secure_password'],
  );
  assert.deepEqual(
    config.bloques.map((b) => [b.id, b.canal, b.entidades, b.max_size_mb, b.entidades_por_bloque, b.plugin]),
    [
      ['enjambre_sensor', 1, 980_000, 1, 1000, null],
      ['nodo_seguridad', 2, 1000, 1, 1000, null],
      ['ia_analisis', 3, 20_000, 5, 2000, null],
      ['example_block', 4, 1000, 3, 1000, 'example_plugin'],
    ],
  );
  assert.deepEqual(
    config.bloques.map(({ autoreparacion }) => [autoreparacion.max_errores, autoreparacion.min_fitness]),
    [
      [0.05, 0.2],
      [0.02, 0.5],
      [0.05, 0.2],
      [0.05, 0.5],
    ],
  );
});

// ---- section 2: names

test('2: every name of the specification is exported by corec', () => {
  assert.deepEqual(
    [
      corec.CoreCNucleus,
      corec.BloqueSimbiotico,
      corec.crearEntidad,
      corec.crearCeluEntidad,
      corec.ModuloBase,
      corec.ModuloRegistro,
      corec.ModuloEjecucion,
      corec.ModuloAuditoria,
    ].map((value) => [value.name, typeof value]),
    [
      ['CoreCNucleus', 'function'],
      ['BloqueSimbiotico', 'function'],
      ['crearEntidad', 'function'],
      ['crearCeluEntidad', 'function'],
      ['ModuloBase', 'function'],
      ['ModuloRegistro', 'function'],
      ['ModuloEjecucion', 'function'],
      ['ModuloAuditoria', 'function'],
    ],
  );
  for (const method of ['inicializar', 'ejecutar', 'detener', 'coordinarBloques'] as const) {
    assert.equal(typeof corec.CoreCNucleus.prototype[method], 'function', `CoreCNucleus.${method}`);
  }
  for (const Modulo of [corec.ModuloRegistro, corec.ModuloEjecucion, corec.ModuloAuditoria]) {
    const modulo = new Modulo();
    assert.ok(modulo instanceof corec.ModuloBase);
    assert.equal(modulo.nombre, Modulo.name);
    for (const method of ['inicializar', 'ejecutar', 'detener'] as const)
      assert.equal(typeof modulo[method], 'function');
  }
  assert.equal(typeof corec.BloqueSimbiotico.prototype.procesar, 'function');
});

test('2.1: an entidad is the tuple (id, canal, función, activo)', async () => {
  const micro: MicroCeluEntidadCoreC = corec.crearEntidad('m1', 1, async () => ({ valor: 0.5 }));
  const celu: CeluEntidadCoreC = corec.crearCeluEntidad('c1', 2, ({ valor }) => ({ valor: valor * 2 }), false);
  const [id, canal, funcion, activo] = micro;
  assert.deepEqual([id, canal, await funcion(), activo], ['m1', 1, { valor: 0.5 }, true]);
  assert.deepEqual(
    [celu[0], celu[1], await celu[2]({ clave: 'x', valor: 4, tsMs: 0 }), celu[3]],
    ['c1', 2, { valor: 8 }, false],
  );
});

test('2.1: a mensaje is struct.pack("!Ibf?"), ten bytes, as the golden vectors have it', () => {
  const fixture = new URL('../fixtures/codec-vectors.json', import.meta.url);
  const { format, bytes, vectors } = JSON.parse(readFileSync(fixture, 'utf8')) as {
    format: string;
    bytes: number;
    vectors: { id: number; canal: number; valor: number; activo: boolean; hex: string }[];
  };
  assert.equal(format, 'struct.pack("!Ibf?", id, canal, valor, activo)');
  assert.equal(bytes, 10);
  assert.equal(corec.MENSAJE_BYTES, 10);
  for (const { hex, ...mensaje } of vectors) {
    const packed = corec.encodeMensaje(mensaje);
    assert.equal(Buffer.from(packed).toString('hex'), hex);
    assert.deepEqual(corec.decodeMensaje(packed), { ...mensaje, valor: Math.fround(mensaje.valor) });
  }
});

test('2.5: the streams are corec_commands, corec_responses and corec_alerts', () => {
  const { commands, responses, alerts } = corec.STREAMS;
  assert.deepEqual([commands, responses, alerts], ['corec_commands', 'corec_responses', 'corec_alerts']);
});

// ---- section 2.2: procesar(carga)

test('2.2 step 1: n = ceil(len(entidades) * carga), and those that waited go first', async () => {
  const ran: number[] = [];
  const { procesar } = corec.crearBloque({
    id: 'b',
    canal: 1,
    entidades: Array.from({ length: 10 }, (_, k) =>
      corec.crearEntidad(`e${k}`, 1, () => {
        ran.push(k);
        return { valor: k };
      }),
    ),
  });
  assert.equal((await procesar(0.25)).runs, 3);
  assert.deepEqual(ran.splice(0), [0, 1, 2]);
  assert.equal((await procesar(0.45)).runs, 5);
  assert.deepEqual(ran.splice(0), [3, 4, 5, 6, 7]);
  assert.equal((await procesar(0.3)).runs, 3);
  assert.deepEqual(
    ran.splice(0).toSorted((a, b) => a - b),
    [0, 8, 9],
  );
  assert.equal((await procesar(0)).runs, 0);
  assert.equal((await procesar(1)).runs, 10);
});

test('2.2 step 2: the chosen entidades run side by side, those with a promise and those without', async () => {
  let under = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const slow = async (): Promise<{ valor: number }> => {
    most = Math.max(most, ++under);
    await new Promise<void>((resolve) => waiting.push(resolve));
    under--;
    return { valor: 2 };
  };
  const { bloque, procesar } = corec.crearBloque({
    id: 'b',
    canal: 3,
    entidades: Array.from({ length: 20 }, (_, k) =>
      corec.crearEntidad(`e${k}`, 3, k % 2 === 0 ? slow : () => ({ valor: 1 })),
    ),
    tiempo_limite_ms: 10_000,
  });
  const done = procesar(1);
  await until('all ten wait', () => waiting.length === 10);
  for (const resolve of waiting) resolve();
  const { runs, errors } = await done;
  assert.deepEqual([runs, errors, most], [20, 0, 10]);
  assert.deepEqual(
    bloque.mensajes.map(({ canal, valor, activo }) => [canal, valor, activo]),
    Array.from({ length: 20 }, (_, k) => [3, k % 2 === 0 ? 2 : 1, true]),
  );
});

test('2.2 steps 3 and 4: what is no valid valor, comes too late or fails is a failed run of that entidad alone', async () => {
  let answerLate = (): void => undefined;
  const late = new Promise<{ valor: number }>((resolve) => {
    answerLate = () => resolve({ valor: 99 });
  });
  const wrong =
    (value: unknown): (() => { valor: number }) =>
    () =>
      value as { valor: number };
  const { bloque, procesar } = corec.crearBloque({
    id: 'b',
    canal: 1,
    entidades: [
      corec.crearEntidad('sound', 1, () => ({ valor: 7 })),
      corec.crearEntidad('throws', 1, () => {
        throw new Error('sensor unplugged');
      }),
      corec.crearEntidad('rejects', 1, async () => Promise.reject(new Error('no answer'))),
      corec.crearEntidad('nan', 1, wrong({ valor: NaN })),
      corec.crearEntidad('infinite', 1, wrong({ valor: Infinity })),
      corec.crearEntidad('beyond float32', 1, wrong({ valor: 1e39 })),
      corec.crearEntidad('text', 1, wrong({ valor: '7' })),
      corec.crearEntidad('nothing', 1, wrong(undefined)),
      corec.crearEntidad('late', 1, () => late),
      corec.crearEntidad('sound too', 1, async () => ({ valor: 8, note: 'ignored' })),
    ],
    tiempo_limite_ms: 30,
  });
  const { runs, errors, repaired } = await procesar(1);
  answerLate();
  await late;
  assert.deepEqual([runs, errors, repaired], [10, 8, 8]);
  assert.deepEqual(
    bloque.mensajes.map(({ valor }) => valor),
    [7, 0, 0, 0, 0, 0, 0, 0, 0, 8],
  );
});

test('2.2 step 5: fitness comes from the spread of the valores and the share of errors', async () => {
  const cycleOf = async (valores: readonly (number | null)[], umbral: number): Promise<number> => {
    const { procesar } = corec.crearBloque({
      id: 'b',
      canal: 1,
      entidades: valores.map((valor, k) =>
        corec.crearEntidad(`e${k}`, 1, () => {
          if (valor === null) throw new Error('none');
          return { valor };
        }),
      ),
      umbral,
    });
    // it follows its cycles from 0, a fifth of the way each
    return (await procesar(1)).fitness * 5;
  };
  const close = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) < 1e-6, `${found}, expected ${expected}`);
  close(await cycleOf([4, 4, 4, 4], 1), 1);
  // sd of 0 and 2 is 1: fitness halves where the spread is the umbral
  close(await cycleOf([0, 2, 0, 2], 1), 0.5);
  close(await cycleOf([0, 2, 0, 2], 3), 0.75);
  close(await cycleOf([4, null, 4, 4], 1), 0.75);
  close(await cycleOf([0, null, 2, null], 1), 0.25);
});

test('2.2 step 6: at fallos >= 2 the inactive entidades are replaced, before that they wait', async () => {
  const broken = new Set<string>(['a']);
  const funcion = (id: string) => () => {
    if (broken.has(id)) throw new Error(`${id} is broken`);
    return { valor: 1 };
  };
  const { bloque, procesar } = corec.crearBloque({
    id: 'b',
    canal: 2,
    entidades: ['a', 'b', 'c'].map((id) => corec.crearEntidad(id, 2, funcion(id))),
  });
  const numbers = bloque.mensajes.map(({ id }) => id);
  assert.equal((await procesar(1)).repaired, 0);
  assert.deepEqual([bloque.fallos, bloque.activos], [1, 2]);
  broken.add('b');
  assert.equal((await procesar(1)).repaired, 2);
  assert.deepEqual([bloque.fallos, bloque.activos], [0, 3]);
  broken.clear();
  assert.deepEqual(await procesar(1).then(({ runs, errors }) => [runs, errors]), [3, 0]);
  assert.deepEqual(
    bloque.mensajes.map(({ id, activo }) => [id, activo]),
    numbers.map((id) => [id, true]),
  );
});

test('2.2 step 6: an entidad that was made inactive is replaced too', async () => {
  const { bloque, procesar } = corec.crearBloque({
    id: 'b',
    canal: 2,
    entidades: ['a', 'b', 'c'].map((id) => corec.crearEntidad(id, 2, () => ({ valor: 1 }), id === 'c')),
  });
  assert.equal(bloque.activos, 1);
  assert.deepEqual(await procesar(1).then(({ runs, repaired }) => [runs, repaired]), [1, 2]);
  assert.equal((await procesar(1)).runs, 3);
});

// ---- sections 2.3, 2.6 and 5.2: the real thing

test('2.6 and 5.2: the table bloques, its partitions and index, step 7, and the log tags', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('enjambre_sensor', { canal: 1 }), entry('nodo_seguridad', { canal: 2 })] },
  });
  let screen = '';
  const terminal = new Writable({
    write(chunk: Buffer, _encoding, done) {
      screen += chunk.toString();
      done();
    },
  }) as unknown as NodeJS.WriteStream;
  const nucleus = await world.start({ terminal });
  assert.match(screen, /\[CoreCNucleus\] Inicializado/);
  assert.match(screen, /\[ModuloRegistro\] Bloque registrado/);
  for (const [tag, msg] of [
    ['CoreCNucleus', 'Inicializado'],
    ['ModuloRegistro', 'Bloque registrado'],
  ]) {
    await until(`[${tag}] ${msg} in the file`, () => world.log().some((line) => line.tag === tag && line.msg === msg));
  }
  await send(nucleus.api, series(['a', 'b'], 3), { bloque: 'nodo_seguridad' });
  const beforeS = Date.now() / 1000;
  await commit(nucleus);

  const columns = await world.query<{ column_name: string; data_type: string }>(
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'bloques' ORDER BY ordinal_position",
  );
  // the six of the specification, then what a bloque drained
  assert.deepEqual(
    columns.map(({ column_name, data_type }) => `${column_name} ${data_type}`),
    [
      'id text',
      'canal integer',
      'num_entidades integer',
      'fitness real',
      'timestamp double precision',
      'instance_id text',
      'mensajes bytea',
      'codec text',
    ],
  );
  const now = new Date();
  const month = `bloques_${now.getUTCFullYear()}_${String(now.getUTCMonth() + 1).padStart(2, '0')}`;
  const partitions = await world.query<{ relname: string }>(
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'bloques'::regclass",
  );
  assert.ok(
    partitions.some(({ relname }) => relname === month),
    `${month} among ${partitions.map(({ relname }) => relname).join(', ')}`,
  );
  for (const { relname } of partitions) assert.match(relname, /^bloques_\d{4}_\d{2}$/);
  const [range] = await world.query<{ strategy: string }>(
    "SELECT partstrat AS strategy FROM pg_partitioned_table WHERE partrelid = 'bloques'::regclass",
  );
  assert.equal(range!.strategy, 'r');
  const [list] = await world.query<{ strategy: string; keys: string }>(
    `SELECT partstrat AS strategy, pg_get_partkeydef(partrelid) AS keys FROM pg_partitioned_table WHERE partrelid = '${month}'::regclass`,
  );
  assert.deepEqual(list, { strategy: 'l', keys: 'LIST (canal)' });
  const indexes = await world.query<{ indexdef: string }>(
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'bloques'",
  );
  assert.ok(indexes.some(({ indexdef }) => /\(canal, "timestamp" DESC\)/.test(indexdef)));

  const rows = await world.query<{ id: string; canal: number; num_entidades: number; timestamp: number; size: number }>(
    `SELECT id, canal, num_entidades, timestamp, length(mensajes) AS size FROM ${month}
     WHERE instance_id = '${world.instanceId}' AND mensajes IS NOT NULL`,
  );
  assert.deepEqual(
    rows.map(({ id, canal, num_entidades }) => [id, canal, num_entidades]),
    [['nodo_seguridad/0', 2, 10]],
  );
  assert.ok(Math.abs(rows[0]!.timestamp - beforeS) < 60);
  assert.ok(rows[0]!.size > 0);
});
