/** Commands, frames and plugins over the streams of a real CoreC, which here live in its process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame, MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
import type { CoreCNucleus } from '#app/corec-nucleus.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import { until } from '../../support/until.ts';
import { claves, entry, makeWorld, send, series } from './support.ts';

type AnswerJson = Readonly<Record<string, unknown>> & { readonly id: string; readonly ok: boolean };

const busOf = (corec: CoreCNucleus): StreamBus => corec.nucleus.deps.bus;

async function jsonOf(corec: CoreCNucleus, stream: string): Promise<Record<string, unknown>[]> {
  const entries = await busOf(corec).read(stream, '0', 100_000, 0);
  return entries.map(({ fields }) => JSON.parse(String(fields['data'])) as Record<string, unknown>);
}

/** Sends commands and waits for as many answers more. */
async function ask(corec: CoreCNucleus, commands: readonly Record<string, unknown>[]): Promise<AnswerJson[]> {
  const bus = busOf(corec);
  const before = await bus.length('corec_responses');
  await bus.appendAll(
    'corec_commands',
    commands.map((command) => ({ data: JSON.stringify({ v: 1, ...command }) })),
  );
  const length = async (): Promise<number> => (await bus.length('corec_responses')) - before;
  await until(`${commands.length} answers`, async () => (await length()) >= commands.length);
  return (await jsonOf(corec, 'corec_responses')).slice(before) as AnswerJson[];
}

test('commands look and change as by any door, on the record as that of streams', async (t) => {
  const world = await makeWorld(t, {
    config: { bloques: [entry('sensores', { procesador: 'limites', parametros: { max: 90 } }), entry('otros')] },
  });
  const corec = await world.start();
  await send(corec.api, series(['a', 'b', 'c'], 1, 99));
  const alerts = await corec.api.alertas({ limit: 9, orden: 'tiempo' });
  const commands = [
    { id: '1', command: 'status' },
    { id: '2', command: 'pause', arguments: { bloque: 'otros' }, by: 'ana' },
    { id: '3', command: 'silence', arguments: { glob: 'a', for: '1h' }, by: 'ana' },
    { id: '4', command: 'ack', arguments: { id: alerts[0]!.id }, by: 'ana' },
    { id: '5', command: 'forget', arguments: { clave: 'c' } },
    { id: '6', command: 'entidades', arguments: { glob: '*' } },
    { id: '7', command: 'config', arguments: {} },
    { id: '8', command: 'doctor' },
  ];
  const answers = new Map((await ask(corec, commands)).map((answer) => [answer.id, answer]));
  const failed = [...answers.values()].filter(({ ok }) => !ok);
  assert.deepEqual(
    failed.map(({ id, error }) => [id, (error as { code: string }).code]),
    [['7', 'COREC_E_COMMAND_UNKNOWN']],
  );
  assert.deepEqual(answers.get('2')!['result'], { bloques: 10 });
  assert.equal((answers.get('4')!['result'] as { reconocidaPor: string }).reconocidaPor, 'ana');
  assert.deepEqual(answers.get('5')!['result'], { entidades: 1 });
  const rows = await world.query<{ id: string; nombre: string; puerta: string }>(
    `SELECT id, nombre, puerta FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta <> 'CoreCNucleus' ORDER BY id`,
  );
  assert.deepEqual(
    rows.map(({ id, nombre, puerta }) => [id, nombre, puerta]),
    [
      ['2', 'pause', 'streams'],
      ['3', 'silence', 'streams'],
      ['4', 'ack', 'streams'],
      ['5', 'forget', 'streams'],
    ],
  );
  assert.match(await corec.api.metrics(), /corec_streams_commands_total\{outcome="answered"\} 8/);
});

test('hundreds of changes share commits, keep their order, and one id acts once, over a restart too', async (t) => {
  const world = await makeWorld(t, { config: { bloques: [entry('a'), entry('b')] } });
  let corec = await world.start();
  const commands = Array.from({ length: 1001 }, (_, k) => ({
    id: `c${k}`,
    command: k % 2 === 0 ? 'pause' : 'resume',
    arguments: { bloque: 'a' },
  }));
  const answers = await ask(corec, commands);
  assert.ok(answers.every(({ ok }) => ok));
  const { comandos } = corec.nucleus;
  assert.equal(comandos.committed, 1001);
  assert.ok(comandos.batches < 100, `${comandos.batches} commits`);
  const rows = await world.query<{ id: string }>(
    `SELECT id FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta <> 'CoreCNucleus' ORDER BY orden`,
  );
  assert.deepEqual(
    rows.map(({ id }) => id),
    commands.map(({ id }) => id),
  );
  assert.equal(corec.nucleus.swarm.entradas.get('a')!.pausado, true);
  await corec.detener();
  corec = await world.start();
  await ask(corec, [{ id: 'last', command: 'resume', arguments: { bloque: 'a' } }]);
  const [again] = await ask(corec, [{ id: 'c0', command: 'pause', arguments: { bloque: 'a' } }]);
  assert.deepEqual(again!['result'], { bloques: 10 });
  assert.equal(corec.nucleus.swarm.entradas.get('a')!.pausado, false, 'the first answer, and no second effect');
});

test('what nobody can handle goes to corec_dead and raises one alert, which passes', async (t) => {
  const world = await makeWorld(t, { config: { alertas: { enfriamiento_s: 1 } } });
  const corec = await world.start();
  await busOf(corec).append('corec_commands', { data: 'rubbish' });
  await busOf(corec).append('corec_commands', { data: '{"v":1}' });
  await until('both are dead', async () => (await busOf(corec).length('corec_dead')) === 2);
  const [alerta] = await corec.api.alertas({ limit: 9, orden: 'tiempo' });
  assert.deepEqual([alerta!.regla, alerta!.clave, alerta!.bloque], ['dead_letters', 'corec_commands', '']);
  assert.match(alerta!.texto, /2 entries of corec_commands could not be handled.*a command without an id/);
  const told = await jsonOf(corec, 'corec_alerts');
  assert.equal(told.filter(({ id }) => id === alerta!.id).length > 0, true);
  await until('it passes', async () => (await corec.api.alertas({ limit: 1, orden: 'tiempo' }))[0]!.cerradaMs !== null);
  assert.match(await corec.api.metrics(), /corec_streams_dead_total\{reason="malformed"\} 2/);
});

test('a plugin takes commands, answers them, and tells alerts of its own', async (t) => {
  const world = await makeWorld(t);
  world.file('plugins/chat/config.json', '{}');
  world.file(
    'plugins/chat/main.ts',
    `import { definePlugin } from 'corec';
export default definePlugin({
  inicializar(ctx) {
    ctx.onComando(({ id, command, args, by }) => {
      if (command === 'alertar') return { alerta: ctx.openAlerta({ clave: String(args.clave), texto: 'lo pidió ' + by }) };
      if (command === 'callar') return { cerrada: ctx.closeAlerta(String(args.clave)) };
      throw new Error('no sé ' + command + ' ' + id);
    });
  },
});`,
  );
  world.configure({ plugins: [{ name: 'chat', config_path: 'plugins/chat/config.json' }] });
  const corec = await world.start();
  const [opened] = await ask(corec, [
    { id: '1', plugin: 'chat', command: 'alertar', arguments: { clave: 'puerta' }, by: 'ana' },
  ]);
  const { alerta: alertaId } = opened!['result'] as { alerta: string };
  const [alerta] = await corec.api.alertas({ limit: 9, orden: 'tiempo' });
  assert.deepEqual([alerta!.id, alerta!.bloque, alerta!.texto], [alertaId, 'chat', 'lo pidió ana']);
  const answers = await ask(corec, [
    { id: '2', plugin: 'chat', command: 'callar', arguments: { clave: 'puerta' } },
    { id: '3', plugin: 'chat', command: 'bailar' },
    { id: '4', plugin: 'nadie', command: 'x' },
  ]);
  assert.deepEqual(answers.map(({ id, ok }) => `${id} ${ok}`).toSorted(), ['2 true', '3 false', '4 false']);
  assert.deepEqual(
    (await jsonOf(corec, 'corec_alerts')).filter(({ id }) => id === alertaId).map(({ evento }) => evento),
    ['abierta', 'cerrada'],
  );
});

test('bloques publish the mensajes of their cycles: all of those that ran, or those that changed', async (t) => {
  const world = await makeWorld(t, {
    config: {
      bloques: [
        entry('todos', { canal: 1, publicar: 'todos' }),
        entry('cambios', { canal: 3, publicar: 'cambios' }),
        entry('callados', { canal: 1 }),
      ],
    },
  });
  const corec = await world.start();
  const bus = busOf(corec);
  for (const bloque of ['todos', 'cambios', 'callados']) await send(corec.api, series(claves(25), 1), { bloque });
  const mensajes = async (canal: number): Promise<string[]> => {
    const list: string[] = [];
    for (const { fields } of await bus.read(`corec_canal_${canal}`, '0', 1000, 0)) {
      const bytes = new Uint8Array(Buffer.from(fields['m']!));
      const count = bytes.length / MENSAJE_BYTES;
      const columns = {
        numeros: new Uint32Array(count),
        canales: new Int8Array(count),
        valores: new Float32Array(count),
        activos: new Uint8Array(count),
      };
      assert.equal(decodeFrame(bytes, columns, canal), count);
      for (let k = 0; k < count; k++) list.push(`${String(fields['b'])} ${columns.numeros[k]} ${columns.valores[k]}`);
    }
    return list;
  };
  for (const canal of [1, 3]) await until(`canal ${canal}`, async () => (await mensajes(canal)).length >= 25);
  const first = await mensajes(1);
  assert.equal(first.length, 25);
  assert.deepEqual([...new Set(first.map((text) => text.split(' ')[0]!))].toSorted(), [
    'todos/0',
    'todos/1',
    'todos/2',
  ]);
  const { numero } = corec.nucleus.bloque('todos/1')!.memory.core;
  assert.ok(first.includes(`todos/1 ${numero[0]} 1`), 'contador: one lectura each');
  // nothing new: nothing is published; one more lectura: that one
  await send(corec.api, series(['c3'], 1, 1), { bloque: 'todos' });
  await send(corec.api, series(['c3'], 1, 1), { bloque: 'cambios' });
  for (const canal of [1, 3]) await until(`canal ${canal} again`, async () => (await mensajes(canal)).length > 25);
  assert.deepEqual((await mensajes(1)).slice(25), [
    `todos/0 ${corec.nucleus.bloque('todos/0')!.memory.core.numero[3]} 2`,
  ]);
  assert.equal((await mensajes(3)).length, 26);
  await corec.detener();
});

test('a stop answers what was taken; commands wait in no other place than the stream', async (t) => {
  const world = await makeWorld(t);
  const corec = await world.start();
  const bus = busOf(corec);
  const { streams } = corec.nucleus;
  const commands = Array.from({ length: 300 }, (_, k) => ({ v: 1, id: `c${k}`, command: 'pause', arguments: {} }));
  await bus.appendAll(
    'corec_commands',
    commands.map((command) => ({ data: JSON.stringify(command) })),
  );
  await until('some are taken', () => streams.stats!.answered > 0);
  await corec.detener();
  const rows = await world.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM comandos WHERE instance_id = '${world.instanceId}' AND puerta <> 'CoreCNucleus'`,
  );
  assert.equal(rows[0]!.count, streams.stats!.answered);
  assert.equal(streams.stats!.underWay, 0);
});

test('a stream is a source: its entries act once and are acknowledged with the epoch that holds them', async (t) => {
  const world = await makeWorld(t, {
    config: {
      fuentes: [{ tipo: 'redis', stream: 'planta', bloque: 'sensores', mapeo: { clave: 'sensor', valor: 'temp' } }],
    },
  });
  const corec = await world.start();
  const bus = busOf(corec);
  const pending = async (): Promise<number> => (await bus.pending('planta', `corec:${world.instanceId}`)).count;
  await bus.appendAll(
    'planta',
    Array.from({ length: 500 }, (_, k) => ({ sensor: `s${k % 20}`, temp: String(k) })),
  );
  await bus.append('planta', {
    data: JSON.stringify([
      { sensor: 's0', temp: 1 },
      { sensor: 's20', temp: 2 },
    ]),
  });
  await bus.append('planta', { temp: 'nobody' });
  await until('all are in', async () => (await corec.api.status()).lecturas === 502);
  // let in is not yet run
  await until('all have acted', () => corec.api.entidad('s0').estado.cuenta === 26);
  assert.equal(await pending(), 502);
  await corec.nucleus.epochs!.commit();
  await until('all are acknowledged', async () => (await pending()) === 0);
  const { sources, refused } = await corec.api.status();
  assert.deepEqual(
    sources.map(({ id, state, rows, lecturas }) => [id, state, rows, lecturas]),
    [[`redis:planta:corec:${world.instanceId}`, 'reading', 503, 502]],
  );
  assert.deepEqual(refused, { no_clave: 1 });
  await bus.append('planta', { sensor: 's0', temp: '5' });
  await until('one more', async () => (await corec.api.status()).lecturas === 503);
  await corec.detener();
  const { datos } = (
    await world.query<{ datos: Buffer }>(
      `SELECT datos FROM estado WHERE instance_id = '${world.instanceId}' AND clase = 'fuente' ORDER BY epoca DESC LIMIT 1`,
    )
  )[0]!;
  const row = JSON.parse(datos.toString()) as { position: { id: string }; lecturas: number };
  assert.equal(row.lecturas, 503);
  assert.match(row.position.id, /^\d+-\d+$/);
});
