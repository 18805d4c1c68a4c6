import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { CYCLES_MAX, FULL, WAIT_MS_MAX } from '#domain/supervision/circuit.ts';
import { makeSay } from '#domain/texts/text.ts';
import { Avisos } from '#nucleus/avisos.ts';
import { OPENED_MAX, Supervision } from '#nucleus/supervision.ts';
import { fragile, makeBloque } from '../../fixtures/bloque.ts';

interface World {
  readonly clock: VirtualClock;
  readonly supervision: Supervision;
  readonly told: string[];
  readonly logged: string[];
  readonly bloques: readonly BloqueSimbiotico[];
}

/** Bloques of the plugin `clima`, and others of none. */
function makeWorld(ofPlugin: number, others: number): World {
  const clock = new VirtualClock(1_000_000);
  const told: string[] = [];
  const logged: string[] = [];
  const log = (_tag: string, text: string): void => void logged.push(text);
  const bloques = Array.from({ length: ofPlugin + others }, (_, k) => {
    const entrada = k < ofPlugin ? 'clima' : 'otros';
    return makeBloque(fragile, { id: `${entrada}/${k}`, entrada });
  });
  const supervision = new Supervision({
    clock,
    logger: { debug: log, info: log, warn: log, error: log },
    say: makeSay('en'),
    avisos: new Avisos(
      { takeRow: (evento, { bloque, clave, regla }) => void told.push(`${evento} ${bloque}${clave} ${regla}`) },
      1000,
    ),
    bloques: () => bloques,
    pluginOf: ({ entrada }) => (entrada === 'clima' ? 'clima' : null),
  });
  return { clock, supervision, told, logged, bloques };
}

/** Opens the bloque's circuit so often: each time it is tried, everything fails. */
async function fail({ clock, supervision }: World, bloque: BloqueSimbiotico, times: number): Promise<void> {
  for (let k = 0; k < CYCLES_MAX; k++) supervision.settled(bloque, { runs: 10, errors: 10 });
  for (let k = 1; k < times; k++) {
    await clock.advance(WAIT_MS_MAX);
    assert.notEqual(supervision.leave(bloque), null);
    supervision.settled(bloque, { runs: 1, errors: 1 });
  }
}

test('a plugin half of whose bloques keep failing is suspended with all of them, until it is reset', async () => {
  const world = makeWorld(2, 3);
  const { supervision, told, bloques, clock } = world;
  const [ill, sound] = bloques as [BloqueSimbiotico, BloqueSimbiotico];
  await fail(world, ill, OPENED_MAX - 1);
  assert.equal(supervision.leave(sound), FULL);
  await clock.advance(WAIT_MS_MAX);
  supervision.leave(ill);
  supervision.settled(ill, { runs: 1, errors: 1 });
  await clock.advance(10 * WAIT_MS_MAX);
  assert.deepEqual([supervision.leave(ill), supervision.leave(sound)], [null, null]);
  assert.equal(supervision.leave(bloques[2]!), FULL, 'others go on');
  assert.equal(supervision.open, 2);
  assert.deepEqual(supervision.view().plugins, ['clima']);
  assert.ok(told.includes('abierta clima plugin_suspended'));
  supervision.reset([ill, sound]);
  assert.deepEqual([supervision.leave(ill), supervision.leave(sound)], [FULL, FULL]);
  assert.ok(told.includes('cerrada clima plugin_suspended'));
  assert.deepEqual(supervision.view(), { degradado: false, plugins: [], circuitos: [], cuarentena: [] });
});

test('a bloque of no plugin is tried for ever, and what it was is forgotten when it runs well', async () => {
  const world = makeWorld(0, 3);
  const { supervision, told, bloques, clock } = world;
  const ill = bloques[0]!;
  await fail(world, ill, 3 * OPENED_MAX);
  assert.equal(supervision.opened, 3 * OPENED_MAX);
  assert.equal(told.filter((one) => one === `abierta ${ill.id} circuit_open`).length, 1, 'one alert for all of it');
  await clock.advance(WAIT_MS_MAX);
  supervision.leave(ill);
  supervision.settled(ill, { runs: 10, errors: 0 });
  assert.equal(supervision.leave(ill), FULL);
  assert.ok(told.includes(`cerrada ${ill.id} circuit_open`));
  await clock.advance(WAIT_MS_MAX);
  supervision.settled(ill, { runs: 10, errors: 0 });
  assert.deepEqual(supervision.view().circuitos, []);
});

test('when half of the bloques do not run CoreC is not ready, and says so once', async () => {
  const world = makeWorld(0, 4);
  const { supervision, told, bloques } = world;
  await fail(world, bloques[0]!, 1);
  assert.equal(supervision.problem, '');
  await fail(world, bloques[1]!, 1);
  assert.match(supervision.problem, /2 of 4 bloques/);
  assert.equal(told.filter((one) => one.endsWith(' degraded')).length, 1);
  supervision.reset([bloques[0]!]);
  assert.equal(supervision.problem, '');
});
