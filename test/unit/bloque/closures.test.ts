import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { runClosures } from '#domain/bloque/closures.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { MicroCeluEntidadCoreC } from '#domain/entidad/entidad.ts';
import { fromEntidades, fromFuncion } from '#domain/procesadores/closure.ts';
import { bindAll, makeBloque } from '../../fixtures/bloque.ts';

const LIMIT_MS = 100;

const bloqueOf = (funciones: readonly (() => unknown)[]): BloqueSimbiotico => {
  const entidades = funciones.map((funcion, n) => [`e${n}`, 1, funcion, true] as unknown as MicroCeluEntidadCoreC);
  return makeBloque(fromEntidades('prueba', entidades), { slots: entidades.length });
};

const run = (bloque: BloqueSimbiotico, clock: VirtualClock, cycle = true, carga = 1): Promise<number> =>
  runClosures(
    bloque,
    cycle,
    carga,
    LIMIT_MS,
    () => clock.nowMs(),
    (ms, callback) => clock.after(ms, callback),
  );

const valores = (bloque: BloqueSimbiotico): number[] => Array.from(bloque.memory.core.valor);
const activos = (bloque: BloqueSimbiotico): number[] => Array.from(bloque.memory.core.activo);

test('plain values, promises and foreign thenables answer alike', async () => {
  // oxlint-disable-next-line unicorn/no-thenable -- it is what the test is about
  const thenable = { then: (resolve: (value: unknown) => void) => resolve({ valor: 3 }) };
  const bloque = bloqueOf([() => ({ valor: 1 }), async () => ({ valor: 2 }), () => thenable]);
  const clock = new VirtualClock(1000);
  assert.equal(await run(bloque, clock), 3);
  assert.deepEqual(valores(bloque), [1, 2, 3]);
  assert.equal(clock.timersCount, 0);
});

test('a throw, a rejection, a valor that is no number and a late answer fail alone', async () => {
  const clock = new VirtualClock(1000);
  const later = (ms: number): (() => unknown) => {
    return () => new Promise((resolve) => clock.after(ms, () => resolve({ valor: 7 })));
  };
  const bloque = bloqueOf([
    () => {
      throw new Error('thrown');
    },
    async () => Promise.reject(new Error('rejected')),
    async () => ({ valor: 'text' }),
    later(LIMIT_MS + 50),
    later(LIMIT_MS - 50),
    async () => ({ valor: 5 }),
    () => ({ valor: 6 }),
    () => new Error('returned'),
  ]);
  const done = run(bloque, clock);
  await clock.advance(LIMIT_MS);
  await done;
  assert.deepEqual(activos(bloque), [0, 0, 0, 0, 1, 1, 1, 0]);
  assert.deepEqual(valores(bloque).slice(4, 7), [7, 5, 6]);
  // the late answer comes, and is dropped
  await clock.advance(LIMIT_MS);
  assert.equal(activos(bloque)[3], 0);
  assert.equal(bloque.fallos, 5);
});

test('what has answered before the limit counts, though nothing failed and one is late', async () => {
  const clock = new VirtualClock(1000);
  const bloque = bloqueOf([() => new Promise(() => {}), async () => ({ valor: 2 })]);
  const done = run(bloque, clock);
  await clock.advance(LIMIT_MS);
  await done;
  assert.deepEqual(activos(bloque), [0, 1]);
  assert.equal(valores(bloque)[1], 2);
  assert.match(bloque.lastFallo, /tiempo_limite_ms/);
});

test('a share of the entidades is asked at a time, each in its turn', async () => {
  const asked: number[] = [];
  const bloque = bloqueOf(Array.from({ length: 5 }, (_, n) => () => (asked.push(n), { valor: n })));
  const clock = new VirtualClock(1000);
  for (let k = 0; k < 3; k++) assert.equal(await run(bloque, clock, true, 0.4), 2);
  assert.deepEqual(asked, [0, 1, 2, 3, 4, 0]);
});

test('lecturas of one clave are answered in their order, and bloques under way at once keep their answers apart', async () => {
  const clock = new VirtualClock(1000);
  const make = (factor: number): BloqueSimbiotico => {
    const bloque = makeBloque(
      fromFuncion('por', async ({ valor }) => {
        if (valor === 13) throw new Error('no 13');
        return { valor: valor * factor };
      }),
    );
    bindAll(bloque, 2);
    return bloque;
  };
  const [a, b] = [make(2), make(10)];
  for (const bloque of [a, b]) {
    for (const [slot, valor] of [
      [0, 1],
      [1, 13],
      [0, 3],
      [1, 4],
    ] as const)
      bloque.inbox.pushOne(slot, valor, 1, 1000);
  }
  assert.deepEqual(await Promise.all([run(a, clock, false), run(b, clock, false)]), [3, 3]);
  assert.equal(valores(a)[0], 6);
  assert.equal(valores(b)[0], 30);
  assert.deepEqual(activos(a).slice(0, 2), [1, 0]);
  assert.equal(a.inbox.size, 1);
});
