/** The door of streams over the bus in the process and a nucleus of the tests, with faults where a Redis would have them. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { CoreCError } from '#domain/errors.ts';
import { makeSay } from '#domain/texts/text.ts';
import { COMMANDS } from '#nucleus/commands/table.ts';
import { CommandDoor, DELIVERIES_MAX, type CommandDoorDeps } from '#nucleus/streams/command-door.ts';
import { StreamHealth } from '#nucleus/streams/stream-health.ts';
import type { Clock } from '#ports/clock.ts';
import type { Answered, StreamBus } from '#ports/stream-bus.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';
import { makeFlakyBus, type FlakyBus } from '../../fixtures/flaky-bus.ts';
import { until } from '../../support/until.ts';

const GROUP = 'corec:corec1';

interface AnswerJson {
  readonly v: number;
  readonly id: string;
  readonly entry: string;
  readonly instance_id: string;
  readonly command: string;
  readonly ok: boolean;
  readonly repeated?: true;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Answers and acknowledges in two steps, as on a cluster. */
class TwoStepBus extends MemoryBus {
  override async answerAll(...[stream, asked, answers, ttlS]: Parameters<StreamBus['answerAll']>): Promise<Answered[]> {
    const answered = await super.answerAll(stream, { ...asked, group: '' }, answers, ttlS);
    return answered.map((one) => ({ ...one, acknowledged: false }));
  }
}

interface World {
  readonly bus: FlakyBus;
  /** The same without faults. */
  readonly inner: StreamBus;
  readonly api: FakeNucleus;
  readonly log: string[];
  readonly alerts: string[];
  open(more?: Partial<CommandDoorDeps>): Promise<CommandDoor>;
  send(command: unknown): Promise<string>;
  answers(): Promise<AnswerJson[]>;
  dead(): Promise<Record<string, unknown>[]>;
  pending(): Promise<number>;
}

function makeWorld(
  t: TestContext,
  clock: Clock = makeSystemClock(),
  inner: StreamBus = new MemoryBus({ clock }),
): World {
  const bus = makeFlakyBus(inner);
  const api = new FakeNucleus();
  const log: string[] = [];
  const alerts: string[] = [];
  const keep =
    (level: string) =>
    (_tag: string, text: string): void =>
      void log.push(`${level} ${text}`);
  const logger = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  const say = makeSay('en');
  const doors: CommandDoor[] = [];
  t.after(async () => {
    const stopping = Promise.all(doors.map((door) => door.stop(0)));
    if (clock instanceof VirtualClock) await pass(clock, 1000);
    await stopping;
  });
  const jsonOf = async (stream: string): Promise<Record<string, unknown>[]> =>
    (await inner.read(stream, '0', 100_000, 0)).map(
      ({ fields }) => JSON.parse(String(fields['data'])) as Record<string, unknown>,
    );
  return {
    bus,
    inner,
    api,
    log,
    alerts,
    open: async (more = {}) => {
      const health = new StreamHealth({
        clock,
        logger,
        say,
        describe: String,
        alert: (found) => void alerts.push(found ?? 'over'),
      });
      const door = new CommandDoor({
        bus,
        health,
        clock,
        logger,
        say,
        api,
        commands: COMMANDS,
        config: null,
        instanceId: 'corec1',
        idioma: 'en',
        consumer: `c${doors.length}`,
        ttlS: 3600,
        durable: true,
        firstStart: false,
        generation: () => api.comandos.length,
        plugin: () => null,
        alertDead: (stream, count, found) => void alerts.push(`${stream} ${count} ${found}`),
        alertTrimmed: (stream, count) => void alerts.push(`${stream} ${count} trimmed`),
        ...more,
      });
      doors.push(door);
      await door.start();
      return door;
    },
    send: (command) =>
      inner.append('corec_commands', { data: typeof command === 'string' ? command : JSON.stringify(command) }),
    answers: async () => (await jsonOf('corec_responses')) as unknown as AnswerJson[],
    dead: () => jsonOf('corec_dead'),
    pending: async () => (await inner.pending('corec_commands', GROUP)).count,
  };
}

/** In steps, so that what a timer sets off has its turns before time goes on. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) await clock.advance(Math.min(50, ms - passed));
}

const status = (id: string) => ({ v: 1, id, command: 'status' });
const pause = (id: string, bloque = 'sensor/0') => ({ v: 1, id, command: 'pause', arguments: { bloque } });
const resume = (id: string, bloque = 'sensor/0') => ({ v: 1, id, command: 'resume', arguments: { bloque } });

async function answered(world: World, count: number): Promise<AnswerJson[]> {
  await until(`${count} answers`, async () => (await world.answers()).length >= count);
  await until('all is acknowledged', async () => (await world.pending()) === 0);
  const answers = await world.answers();
  assert.equal(answers.length, count);
  return answers;
}

describe('commands of a stream', () => {
  test('are answered by their id, in the form that is documented, and acknowledged', async (t) => {
    const world = makeWorld(t);
    await world.open();
    const entry = await world.send({ ...status('s1'), by: 'ana', instance_id: 'corec1' });
    await world.send(pause('p1'));
    const [first, second] = await answered(world, 2);
    assert.deepEqual(
      [first!.v, first!.id, first!.entry, first!.instance_id, first!.command, first!.ok],
      [1, 's1', entry, 'corec1', 'status', true],
    );
    assert.equal(first!.result!['instance_id'], 'fake');
    assert.deepEqual([second!.id, second!.result], ['p1', { bloques: 1 }]);
    assert.ok(world.api.paused.has('sensor/0'));
  });

  test('that were sent before the door opened are taken, bytes as well as text', async (t) => {
    const world = makeWorld(t);
    await world.send(status('early'));
    await world.bus.append('corec_commands', { data: new TextEncoder().encode(JSON.stringify(status('bytes'))) });
    await world.open();
    assert.deepEqual((await answered(world, 2)).map(({ id }) => id).toSorted(), ['bytes', 'early']);
  });

  test('that are wrong get a clear answer in their language, and leave nothing pending', async (t) => {
    const world = makeWorld(t);
    await world.open();
    const wrong: [Record<string, unknown>, string, RegExp][] = [
      [{ v: 1, id: 'a' }, 'COREC_E_STREAM_ENTRY', /command is missing.*command: a text of 1 to 128/s],
      [{ v: 2, id: 'b', command: 'status' }, 'COREC_E_STREAM_ENTRY', /v is 2.*v: 1/s],
      [{ v: 1, id: 'c', command: 'status', args: {} }, 'COREC_E_STREAM_ENTRY', /no field "args"/],
      [{ v: 1, id: 'd', command: 'stauts' }, 'COREC_E_COMMAND_UNKNOWN', /Did you mean status/],
      [{ v: 1, id: 'e', command: 'top', arguments: { limit: 'many' } }, 'COREC_E_ARGUMENT', /limit is "many"/],
      [{ v: 1, id: 'f', command: 'top', arguments: [] }, 'COREC_E_STREAM_ENTRY', /arguments is \[\]/],
      [{ v: 1, id: 'g', command: 'bloque', idioma: 'es', arguments: { id: 'x/9' } }, 'COREC_E_NOT_FOUND', /No existe/],
      [
        { v: 1, id: 'h', command: 'ingest', arguments: { file: '/etc/passwd' } },
        'COREC_E_UNAUTHORIZED',
        /files of this/,
      ],
      [{ v: 1, id: 'i', command: 'status', plugin: 'nobody' }, 'COREC_E_NOT_FOUND', /no plugin "nobody"/],
      [{ v: 1, id: 'j', command: 'status', idioma: 'fr' }, 'COREC_E_STREAM_ENTRY', /en or es/],
      [{ v: 1, id: 'k', command: 'status', by: '' }, 'COREC_E_STREAM_ENTRY', /by is ""/],
    ];
    for (const [command] of wrong) await world.send(command);
    const byId = new Map((await answered(world, wrong.length)).map((answer) => [answer.id, answer]));
    for (const [command, code, message] of wrong) {
      const { ok, error } = byId.get(command['id'] as string)!;
      assert.deepEqual([ok, error!.code], [false, code]);
      assert.match(error!.message, message);
    }
    assert.deepEqual(await world.dead(), []);
  });

  test('that nobody can answer are put into corec_dead, with the reason and what is left of them', async (t) => {
    const world = makeWorld(t);
    const door = await world.open();
    const bad: (string | Record<string, string>)[] = [
      'not json',
      '5',
      'null',
      '[]',
      '{"v":1,"command":"status"}',
      `{"v":1,"id":"${'x'.repeat(129)}","command":"status"}`,
      `{"v":1,"id":"","command":"status"}`,
      `{"v":1,"id":"big","command":"status","arguments":{"x":"${'y'.repeat(1024 * 1024)}"}}`,
    ];
    const ids: string[] = [];
    for (const data of bad) ids.push(await world.send(data));
    ids.push(await world.bus.append('corec_commands', { other: 'field' }));
    ids.push(await world.bus.append('corec_commands', { data: Uint8Array.of(0xff, 0xfe, 0x00) }));
    await world.send(status('good'));
    await answered(world, 1);
    const letters = await world.dead();
    assert.deepEqual(
      letters.map(({ entry }) => entry),
      ids,
    );
    assert.deepEqual([...new Set(letters.map(({ reason }) => reason))], ['malformed', 'too_long']);
    for (const { v, stream, instance_id: instance, deliveries, fields } of letters) {
      assert.deepEqual([v, stream, instance, deliveries], [1, 'corec_commands', 'corec1', 1]);
      assert.ok(JSON.stringify(fields).length < 10_000);
    }
    assert.match(String(letters[0]!['found']), /not JSON/);
    assert.deepEqual(letters[0]!['fields'], { data: 'not json' });
    assert.deepEqual([door.stats.dead.malformed, door.stats.dead.too_long], [9, 1]);
    assert.match(world.alerts.at(-1)!, /^corec_commands 10 /);
  });

  test('for another instance are left to it', async (t) => {
    const world = makeWorld(t);
    const door = await world.open();
    await world.send({ ...status('other'), instance_id: 'corec2' });
    await world.send({ ...status('wrong, and not ours'), instance_id: 'corec2', x: 1 });
    await world.send(status('ours'));
    assert.deepEqual((await answered(world, 1))[0]!.id, 'ours');
    assert.equal(door.stats.foreign, 2);
  });

  test('that ask the same in the same moment are answered together, and never with what was before a change', async (t) => {
    const world = makeWorld(t);
    const door = await world.open();
    let asked = 0;
    const { api } = world;
    const bloques = api.bloques.bind(api);
    api.bloques = (...args) => {
      asked++;
      return bloques(...args);
    };
    for (let k = 0; k < 300; k++) await world.send({ v: 1, id: `b${k}`, command: 'bloques' });
    const answers = await answered(world, 300);
    assert.ok(answers.every(({ ok }) => ok));
    assert.ok(asked < 100, `${asked} times made`);
    assert.equal(door.stats.shared, 300 - asked);
    await world.send(pause('p'));
    await answered(world, 301);
    await world.send({ v: 1, id: 'after', command: 'bloque', arguments: { id: 'sensor/0' } });
    const after = (await answered(world, 302)).at(-1)!;
    assert.equal((after.result!['bloque'] as { pausado: boolean }).pausado, true);
  });

  test('go to the plugin that they name, whose answers and failures come back', async (t) => {
    const world = makeWorld(t);
    const seen: unknown[] = [];
    await world.open({
      plugin: (name) =>
        name !== 'chat'
          ? null
          : async ({ id, command, args, by }) => {
              seen.push([id, command, args, by]);
              if (command === 'fail') throw new Error('no such book');
              if (command === 'throw')
                throw new CoreCError('COREC_E_NOT_FOUND', { what: 'libro', found: 'x', hint: '' });
              return command === 'nothing' ? undefined : { dijo: args['texto'] };
            },
    });
    await world.send({ v: 1, id: '1', plugin: 'chat', command: 'decir', arguments: { texto: 'hola' }, by: 'ana' });
    for (const command of ['fail', 'throw', 'nothing'])
      await world.send({ v: 1, id: command, plugin: 'chat', command });
    const byId = new Map((await answered(world, 4)).map((answer) => [answer.id, answer]));
    assert.deepEqual(byId.get('1')!.result, { dijo: 'hola' });
    assert.deepEqual(seen[0], ['1', 'decir', { texto: 'hola' }, 'ana']);
    assert.equal(byId.get('fail')!.error!.code, 'COREC_E_PLUGIN_COMMAND');
    assert.match(byId.get('fail')!.error!.message, /chat failed at the command "fail": no such book/);
    assert.equal(byId.get('throw')!.error!.code, 'COREC_E_NOT_FOUND');
    assert.deepEqual([byId.get('nothing')!.ok, byId.get('nothing')!.result], [true, null]);
  });

  test('of a plugin that never answers end as an error', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    await world.open({ plugin: () => () => new Promise(() => {}) });
    await world.send({ v: 1, id: '1', plugin: 'slow', command: 'x' });
    for (let s = 0; s < 40; s++) await pass(clock, 1000);
    const [answer] = await world.answers();
    assert.match(answer!.error!.message, /no answer within 30 s/);
    assert.equal(await world.pending(), 0);
  });
});

describe('one id', () => {
  test('acts once, and whoever sends it again gets the first answer, marked', async (t) => {
    const world = makeWorld(t);
    const door = await world.open();
    await world.send(pause('p1'));
    await answered(world, 1);
    await world.send(resume('r1'));
    await answered(world, 2);
    const again = await world.send(pause('p1'));
    const answers = await answered(world, 3);
    assert.deepEqual(
      answers.map(({ id, repeated }) => [id, repeated ?? false]),
      [
        ['p1', false],
        ['r1', false],
        ['p1', true],
      ],
    );
    const { entry: _first, ...first } = answers[0]!;
    assert.deepEqual(answers[2], { ...first, entry: again, repeated: true });
    assert.equal(world.api.paused.has('sensor/0'), false, 'the resume after it still holds');
    assert.equal(door.stats.repeated, 1);
  });

  test('of a command that looks gives the first answer too, and of one that was refused the refusal', async (t) => {
    const world = makeWorld(t);
    await world.open();
    await world.send({ v: 1, id: 'b', command: 'bloque', arguments: { id: 'sensor/0' } });
    await world.send({ v: 1, id: 'e', command: 'bloque', arguments: { id: 'none/0' } });
    await answered(world, 2);
    await world.send(pause('p'));
    await answered(world, 3);
    await world.send({ v: 1, id: 'b', command: 'bloque', arguments: { id: 'sensor/0' } });
    await world.send({ v: 1, id: 'e', command: 'bloque', arguments: { id: 'none/0' } });
    const answers = await answered(world, 5);
    const [looked, refused] = ['b', 'e'].map((id) => answers.find((answer) => answer.id === id && answer.repeated)!);
    assert.equal((looked!.result!['bloque'] as { pausado: boolean }).pausado, false, 'as it was first');
    assert.equal(refused!.error!.code, 'COREC_E_NOT_FOUND');
  });

  test('that comes many times at once acts once, and each sending is answered', async (t) => {
    const world = makeWorld(t);
    await world.open();
    let calls = 0;
    const pausar = world.api.pausar.bind(world.api);
    world.api.pausar = (...args) => {
      calls++;
      return pausar(...args);
    };
    const entries: string[] = [];
    for (let k = 0; k < 50; k++) entries.push(await world.send(pause('same')));
    const answers = await answered(world, 50);
    assert.equal(calls, 1);
    assert.equal(answers.filter(({ repeated }) => repeated === undefined).length, 1);
    assert.deepEqual(answers.map(({ entry }) => entry).toSorted(), entries.toSorted());
  });

  test('of a command that could not be answered for now is free to be sent again', async (t) => {
    const world = makeWorld(t);
    await world.open();
    const away = new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 's', found: 'gone' });
    const alertas = world.api.alertas.bind(world.api);
    world.api.alertas = () => Promise.reject(away);
    await world.send({ v: 1, id: 'a', command: 'alerts' });
    assert.equal((await answered(world, 1))[0]!.error!.code, 'COREC_E_POSTGRES_UNREACHABLE');
    world.api.alertas = alertas;
    await world.send({ v: 1, id: 'a', command: 'alerts' });
    const again = (await answered(world, 2))[1]!;
    assert.deepEqual([again.ok, again.repeated], [true, undefined]);
  });
});

describe('order and outages', () => {
  test('changes take effect in the order of the stream, while their store is away as well', async (t) => {
    const world = makeWorld(t);
    const away = new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 's', found: 'gone' });
    const order: string[] = [];
    let failures = 3;
    for (const method of ['pausar', 'reanudar'] as const) {
      const act = world.api[method].bind(world.api);
      world.api[method] = async (bloque, comandoId) => {
        if (failures > 0) throw away;
        order.push(comandoId);
        return act(bloque, comandoId);
      };
    }
    const door = await world.open();
    const ids = Array.from({ length: 40 }, (_, k) => `c${String(k).padStart(2, '0')}`);
    for (const [k, id] of ids.entries()) await world.send(k % 2 === 0 ? pause(id) : resume(id));
    await world.send({ v: 1, id: 'look', command: 'top' });
    // what looks is answered while what changes waits
    await until('the look is answered', async () => (await world.answers()).some(({ id }) => id === 'look'));
    await until('it says why it waits', () => door.problem !== '');
    assert.deepEqual(order, []);
    failures = 0;
    const answers = await answered(world, 41);
    assert.deepEqual(order, ids);
    assert.equal(door.problem, '');
    assert.ok(answers.every(({ ok }) => ok));
    assert.equal(world.log.filter((line) => line.startsWith('warn')).length, 1, 'told once');
  });

  test('streams that fail again and again, before or after they did it, neither lose nor double an answer', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    let seed = 7;
    const draw = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    world.bus.fault = () => (draw() < 0.2 ? 'before' : draw() < 0.2 ? 'after' : null);
    const door = await Promise.all([world.open(), pass(clock, 20_000)]).then(([opened]) => opened);
    const acted: string[] = [];
    const pausar = world.api.pausar.bind(world.api);
    world.api.pausar = (bloque, comandoId) => {
      acted.push(comandoId);
      return pausar(bloque, comandoId);
    };
    const ids: string[] = [];
    for (let k = 0; k < 300; k++) {
      const id = `c${k}`;
      ids.push(id);
      await world.send(k % 3 === 0 ? pause(id) : k % 3 === 1 ? status(id) : { v: 1, id, command: 'none' });
      if (k % 10 === 0) await clock.advance(50);
    }
    // deliveries that were lost on their way are found after a minute
    for (let s = 0; s < 400 && (await world.pending()) + (await world.answers()).length !== 300; s++)
      await pass(clock, 1000);
    world.bus.fault = () => null;
    for (let s = 0; s < 200; s++) await pass(clock, 1000);
    const answers = await world.answers();
    assert.deepEqual(answers.map(({ id }) => id).toSorted(), ids.toSorted());
    assert.deepEqual([await world.pending(), door.stats.underWay], [0, 0]);
    assert.equal(new Set(acted).size, 100);
    assert.ok(
      world.alerts.every((alert) => !alert.startsWith('corec_commands')),
      'nothing died of it',
    );
  });

  test('streams that are away for long raise one alert, which closes when they are back', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    await world.open();
    world.bus.fault = () => 'before';
    await pass(clock, 60_000);
    assert.equal(world.alerts.length, 1);
    world.bus.fault = () => null;
    await pass(clock, 10_000);
    assert.deepEqual(world.alerts.slice(1), ['over']);
    await world.send(status('s'));
    await pass(clock, 100);
    assert.equal((await world.answers()).length, 1);
    assert.deepEqual(
      world.log.filter((line) => !line.startsWith('debug')).map((line) => line.split(' ')[0]),
      ['warn', 'info'],
    );
  });

  test('a group that is gone is made anew, and what was sent meanwhile is taken', async (t) => {
    const clock = makeSystemClock();
    let inner = new MemoryBus({ clock });
    const proxy = new Proxy({} as StreamBus, {
      get: (_, name: keyof StreamBus) => (inner[name] as (...args: unknown[]) => unknown).bind(inner),
    });
    const world = makeWorld(t, clock, proxy);
    await world.open();
    await world.send(status('before'));
    await answered(world, 1);
    // as a Redis that came back empty
    const empty = new MemoryBus({ clock });
    const old = inner;
    inner = empty;
    await old.close();
    await world.send(status('after'));
    await until('it is answered', async () => (await world.answers()).some(({ id }) => id === 'after'));
    assert.ok(world.log.some((line) => line.includes('made anew')));
  });
});

describe('what a killed CoreC left', () => {
  /** Delivered to a consumer that is gone, `times` in all. */
  async function abandon(world: World, times: number): Promise<void> {
    await world.bus.openGroup('corec_commands', GROUP, '0');
    await world.bus.readGroup('corec_commands', GROUP, 'dead', 1000, 0);
    for (let k = 1; k < times; k++) await world.bus.claim('corec_commands', GROUP, 'dead', 0, 1000);
  }

  test('is taken first, also more than one claim brings, each once and none as a failure', async (t) => {
    const world = makeWorld(t);
    const ids = Array.from({ length: 1000 }, (_, k) => `c${k}`);
    for (const id of ids) await world.send(pause(id));
    await abandon(world, 1);
    const door = await world.open();
    const answers = await answered(world, 1000);
    assert.deepEqual(
      answers.map(({ id }) => id),
      ids,
    );
    assert.equal(door.stats.claimed, 1000);
    assert.deepEqual(await world.dead(), []);
  });

  test('between answer and acknowledgement is not answered again', async (t) => {
    const clock = makeSystemClock();
    const world = makeWorld(t, clock, new TwoStepBus({ clock }));
    world.bus.fault = (operation) => (operation === 'ack' ? 'before' : null);
    const first = await world.open();
    await world.send(pause('p1'));
    await world.send(status('s1'));
    await until('both are answered', async () => (await world.answers()).length === 2);
    await first.stop(20);
    assert.equal(await world.pending(), 2);
    world.bus.fault = () => null;
    const second = await world.open();
    await answered(world, 2);
    assert.equal(second.stats.repeated, 0);
  });

  test('is dead when it was delivered too often, and an alert says so; one that kills takes no other along', async (t) => {
    const world = makeWorld(t);
    await world.send(status('poison'));
    await abandon(world, DELIVERIES_MAX);
    await world.send(status('good'));
    await world.open();
    assert.equal((await answered(world, 1))[0]!.id, 'good');
    const [letter] = await world.dead();
    assert.deepEqual([letter!['reason'], letter!['deliveries']], ['deliveries', DELIVERIES_MAX + 1]);
    assert.equal(world.alerts.length, 1);
  });

  test('and is suspect runs alone, with nothing else under way', async (t) => {
    const world = makeWorld(t);
    for (const id of ['a', 'b', 'c']) await world.send({ v: 1, id, command: 'x', plugin: 'p' });
    await abandon(world, 3);
    let running = 0;
    let most = 0;
    await world.open({
      plugin: () => async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return null;
      },
    });
    await answered(world, 3);
    assert.equal(most, 1);
  });

  test('and was trimmed away is counted and told', async (t) => {
    const clock = makeSystemClock();
    const world = makeWorld(t, clock, new MemoryBus({ clock, maxlen: 5, isExact: true }));
    for (let k = 0; k < 5; k++) await world.send(status(`old${k}`));
    await abandon(world, 1);
    for (let k = 0; k < 5; k++) await world.send(status(`new${k}`));
    const door = await world.open();
    await answered(world, 5);
    assert.equal(door.stats.trimmed, 5);
    assert.deepEqual(world.alerts, ['corec_commands 5 trimmed']);
  });

  test('by another consumer of the group is taken over when it has been idle long enough, and not before', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    const door = await world.open();
    await pass(clock, 1000);
    world.bus.fault = (operation) => (operation === 'readGroup' ? 'before' : null);
    await pass(clock, 6000);
    await world.send(status('lost'));
    assert.equal((await world.inner.readGroup('corec_commands', GROUP, 'dies', 1, 0)).length, 1);
    world.bus.fault = () => null;
    await pass(clock, 50_000);
    assert.deepEqual(await world.answers(), []);
    await pass(clock, 50_000);
    assert.equal((await world.answers()).length, 1);
    assert.equal(door.stats.claimed, 1);
  });

  test('two doors on one group share the work, and nothing is answered or done twice', async (t) => {
    const world = makeWorld(t);
    const acted: string[] = [];
    const pausar = world.api.pausar.bind(world.api);
    world.api.pausar = (bloque, comandoId) => {
      acted.push(comandoId);
      return pausar(bloque, comandoId);
    };
    const [one, two] = [await world.open(), await world.open()];
    for (let k = 0; k < 2000; k++) await world.send(k % 2 === 0 ? status(`c${k}`) : pause(`c${k}`));
    const answers = await answered(world, 2000);
    assert.equal(new Set(answers.map(({ id }) => id)).size, 2000);
    assert.equal(new Set(acted).size, 1000);
    assert.equal(one.stats.answered + two.stats.answered, 2000);
  });
});

describe('bounds and ends', () => {
  test('a stop ends what was taken, answers it, and leaves what came later in the stream', async (t) => {
    const world = makeWorld(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    const door = await world.open({ plugin: () => () => promise.then(() => 'late') });
    await world.send({ v: 1, id: 'slow', command: 'x', plugin: 'p' });
    await until('it is under way', () => door.stats.underWay === 1);
    const stopping = door.stop(5000);
    await world.send(status('later'));
    resolve();
    await stopping;
    assert.deepEqual(
      (await world.answers()).map(({ id }) => id),
      ['slow'],
    );
    assert.equal(await world.pending(), 0);
    await world.open();
    await answered(world, 2);
  });

  test('a stop does not wait for what does not end: it stays pending for the next start', async (t) => {
    const world = makeWorld(t);
    const door = await world.open({ plugin: () => () => new Promise(() => {}) });
    await world.send({ v: 1, id: 'never', command: 'x', plugin: 'p' });
    await until('it is under way', () => door.stats.underWay === 1);
    await door.stop(20);
    assert.equal(await world.pending(), 1);
    assert.ok(world.log.some((line) => /left pending.*1/.test(line)));
    await world.open({ plugin: () => () => 'now' });
    assert.equal((await answered(world, 1))[0]!.ok, true);
  });

  test('commands that are older than their id is remembered are refused, not carried out', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    await world.bus.openGroup('corec_commands', GROUP, '0');
    await world.send(pause('old'));
    await clock.advance(3_602_000);
    await world.send(pause('new', 'sensor/1'));
    const door = await world.open();
    await pass(clock, 100);
    const answers = await world.answers();
    assert.deepEqual(
      answers.map(({ id, ok, error }) => [id, ok, error?.code]),
      [
        ['old', false, 'COREC_E_COMMAND_EXPIRED'],
        ['new', true, undefined],
      ],
    );
    assert.deepEqual([...world.api.paused], ['sensor/1']);
    assert.equal(door.stats.expired, 1);
  });

  test('an instance that was never here leaves what was sent long before alone', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const world = makeWorld(t, clock);
    for (let k = 0; k < 5; k++) await world.send(pause(`history${k}`));
    await clock.advance(700_000);
    await world.send(status('just before'));
    await world.open({ firstStart: true });
    await pass(clock, 2000);
    assert.deepEqual(
      (await world.answers()).map(({ id }) => id),
      ['just before'],
    );
    assert.equal(world.api.paused.size, 0);
    assert.ok(world.log.some((line) => /left alone: 5/.test(line)));
    assert.equal(await world.pending(), 0);
  });

  test('what is sent once it is here is taken, whatever clocks say', async (t) => {
    const clock = new VirtualClock(1_700_000_000_000);
    // the clock of the server stands a day behind
    const behind = new VirtualClock(1_700_000_000_000 - 86_400_000);
    const world = makeWorld(t, clock, new MemoryBus({ clock: behind }));
    await world.send(pause('history'));
    await world.open({ firstStart: true, ttlS: 7 * 86_400 });
    await pass(clock, 1000);
    await world.send(pause('now'));
    await pass(clock, 1000);
    assert.deepEqual(
      (await world.answers()).map(({ id }) => id),
      ['now'],
    );
  });

  test('what is under way is bounded while everything waits', async (t) => {
    const world = makeWorld(t);
    const { promise, resolve } = Promise.withResolvers<{ bloques: number }>();
    world.api.pausar = () => promise;
    for (let k = 0; k < 10_000; k++) await world.send(pause(`c${k}`));
    const door = await world.open();
    await until('the bound is reached', () => door.stats.underWay === 4096);
    await new Promise((done) => setTimeout(done, 50));
    assert.equal(door.stats.underWay, 4096);
    resolve({ bloques: 1 });
    const answers = await answered(world, 10_000);
    assert.deepEqual(
      answers.map(({ id }) => id),
      Array.from({ length: 10_000 }, (_, k) => `c${k}`),
    );
  });

  test('entries of a megabyte each are read few at a time', async (t) => {
    const world = makeWorld(t);
    const filler = 'z'.repeat(900_000);
    for (let k = 0; k < 30; k++) await world.send({ v: 1, id: `c${k}`, command: 'top', arguments: { filler } });
    await world.open();
    const answers = await answered(world, 30);
    assert.ok(answers.every(({ error }) => error!.code === 'COREC_E_ARGUMENT' && error!.message.length < 1000));
    assert.ok(world.bus.calls['readGroup']! >= 5, `${world.bus.calls['readGroup']} reads`);
  });

  test('in the process the same door runs, and remembers no ids in its streams', async (t) => {
    const clock = makeSystemClock();
    const world = makeWorld(t, clock, new MemoryBus({ clock, onceMax: 10 }));
    await world.open({ durable: false });
    for (let k = 0; k < 500; k++) await world.send(status(`c${k}`));
    const answers = await answered(world, 500);
    assert.equal(new Set(answers.map(({ id }) => id)).size, 500);
  });
});
