/** Genomas, siembras and rounds: bounds, determinism, and what may win. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { seededDice } from '#domain/anomaly/dice.ts';
import { Ensayo } from '#domain/evolucion/ensayo.ts';
import { Evolucion, PROBATION, SWITCHES_A_DAY, type Fallado } from '#domain/evolucion/evolucion.ts';
import { genesOf, keyOf, mutate, parametrosOf, type Genoma } from '#domain/evolucion/genoma.ts';
import { LECTURAS_PER_PLACE, Muestra } from '#domain/evolucion/muestra.ts';
import {
  formerOf,
  isSameBase,
  originOf,
  PASOS_MAX,
  stepped,
  type EvolucionRow,
  type Paso,
} from '#domain/evolucion/paso.ts';
import { aptitudOf } from '#domain/evolucion/seleccion.ts';
import { sow } from '#domain/evolucion/siembra.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { defineProcesador, type AnyProcesador } from '#domain/procesadores/define.ts';
import { detector } from '#domain/procesadores/detector.ts';
import { makeBloque } from '../../fixtures/bloque.ts';

const PLACES = 24;
const BASE = { procesador: 'p', parametros: {} };

/** Alerts when a lectura is `veces` steps away from the last usual one: its best `veces` lies between 3 and 8. */
const steps = defineProcesador({
  nombre: 'pasos',
  version: 1,
  estado: { usual: 'f32', vista: 'u8' },
  parametros: z.strictObject({
    veces: z.number().min(0.5).max(100).default(40),
    modo: z.enum(['a', 'b']).default('a'),
  }),
  evolucion: { veces: { min: 1, max: 50, escala: 'log' }, modo: { opciones: ['a', 'b'] } },
  onLectura: (e, lectura, p) => {
    if (e.vista === 0) {
      e.vista = 1;
      e.usual = lectura.valor;
    }
    const apart = Math.abs(lectura.valor - e.usual);
    e.usual = e.usual + Math.max(-0.2, Math.min(0.2, lectura.valor - e.usual));
    return apart > p.veces ? 1 : 0;
  },
  alerta: { regla: 'pasos', abre: 1, cierra: 1, explica: () => ({ codigo: 'jump', esperadoMin: 0, esperadoMax: 0 }) },
});

const constant = (nombre: string, valor: number): AnyProcesador =>
  defineProcesador({
    nombre,
    version: 1,
    estado: { nada: 'u8' },
    onLectura: () => valor,
    alerta: { regla: nombre, abre: 1, cierra: 1, explica: () => ({ codigo: 'x', esperadoMin: 0, esperadoMax: 0 }) },
  });

const ALL: Readonly<Record<string, AnyProcesador>> = {
  p: steps,
  nunca: constant('nunca', 0),
  siempre: constant('siempre', 1),
};
const COMPILED = Object.fromEntries(Object.entries(ALL).map(([name, one]) => [name, compileProcesador(one)]));

function makeMuestra(seed: number, lecturas: number = LECTURAS_PER_PLACE): Muestra {
  const bloque = makeBloque(steps, {
    procesador: COMPILED['p']!,
    slots: PLACES,
    mensajes: 'ninguno',
    inboxMax: 100_000,
  });
  for (let k = 0; k < PLACES; k++) bloque.bind();
  const muestra = new Muestra(
    Array.from({ length: PLACES }, (_, slot) => ({ bloque, slot, clave: bloque.claveOf(slot) })),
    steps.estado,
  );
  const dice = seededDice(seed);
  muestra.start();
  for (let k = 0; k < lecturas; k++) {
    for (let slot = 0; slot < PLACES; slot++)
      bloque.inbox.pushOne(slot, slot + dice() + dice() + dice() + dice(), 1e12 + k * 1000, 0);
    if (k % 64 === 63) bloque.drain(1, 0);
  }
  bloque.drain(1, 0);
  muestra.stop();
  return muestra;
}

const makeEvolucion = (semilla: number, alternativas: readonly Genoma[] = []): Evolucion =>
  new Evolucion({
    id: 'x',
    semilla,
    alternativas,
    runnable: (genoma) => ({
      compiled: COMPILED[genoma.procesador]!,
      parametros: parametrosOf(genoma, ALL[genoma.procesador]!, BASE),
    }),
  });

function play(evolucion: Evolucion, vigente: Genoma, muestra: Muestra, nowMs = 0): Fallado {
  const round = evolucion.round(vigente, muestra, 0, nowMs);
  for (;;) {
    const step = round.next(1);
    if (step.done === true) return step.value;
  }
}

/** Rounds with what follows from each. */
function live(semilla: number, rounds: number, from: Genoma): { readonly all: Fallado[]; readonly end: Genoma } {
  const evolucion = makeEvolucion(semilla);
  const all: Fallado[] = [];
  let vigente = from;
  for (let k = 0; k < rounds; k++) {
    const found = play(evolucion, vigente, makeMuestra(1000 * semilla + k), k * 3_600_000);
    all.push(found);
    if (found.tipo === 'cambiar') evolucion.switched(vigente, k * 3_600_000);
    if (found.tipo === 'volver') evolucion.wentBack(vigente);
    if (found.tipo === 'cambiar' || found.tipo === 'volver') vigente = found.genoma;
  }
  return { all, end: vigente };
}

test('mutants stay within their bounds, pass the schema, differ, and follow from the dice', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0.5, max: 100, noNaN: true }), (seed, veces) => {
      const genoma: Genoma = { procesador: 'p', valores: { veces } };
      const genes = genesOf(steps, parametrosOf(genoma, steps, BASE));
      const make = (): Genoma | null => mutate(genoma, genes, () => true, seededDice(seed));
      const made = make();
      assert.ok(made !== null);
      assert.notEqual(keyOf(made), keyOf(genoma));
      const { veces: now, modo = 'a' } = made.valores as { veces: number; modo?: string };
      assert.ok(now === veces || (now >= 1 && now <= 50), String(now));
      assert.ok(now === veces || now === Number(now.toPrecision(3)));
      assert.ok(['a', 'b'].includes(modo));
      parametrosOf(made, steps, BASE);
      assert.deepEqual(make(), made);
    }),
  );
  assert.equal(
    mutate({ procesador: 'p', valores: {} }, [], () => true, seededDice(1)),
    null,
  );
  const genes = genesOf(detector, { sensibilidad: 1 });
  assert.equal(
    mutate({ procesador: 'd', valores: {} }, genes, () => false, seededDice(1)),
    null,
    'what is refused is none',
  );
});

test('a procesador that declares what cannot evolve is told so', () => {
  const base = { nombre: 'x', version: 1, estado: {}, onLectura: () => 0 };
  const { alerta } = steps;
  const cases = [
    { evolucion: { a: { min: 2, max: 1 } }, alerta },
    { evolucion: { a: { min: 0, max: 1, escala: 'log' } }, alerta },
    { evolucion: { a: { opciones: ['only'] } }, alerta },
    { evolucion: { a: { min: 0, max: 1 } } },
  ];
  for (const one of cases)
    assert.throws(() => defineProcesador({ ...base, ...one } as never), /COREC_E_PROCESADOR_INVALID|evolucion/);
});

test('a muestra holds back what ran, no more than its bound, and leaves the muestra of others alone', () => {
  const muestra = makeMuestra(5, LECTURAS_PER_PLACE + 40);
  assert.equal(muestra.length, PLACES * LECTURAS_PER_PLACE);
  assert.ok(muestra.counts.every((count) => count === LECTURAS_PER_PLACE));
  assert.ok(muestra.enough);
  assert.ok(muestra.lugares.every(({ bloque }) => bloque.lookOn === null));
  const before = muestra.columns.valor.slice();
  const siembra = sow(muestra, [...muestra.counts.keys()], seededDice(1));
  assert.deepEqual(muestra.columns.valor, before, 'planting is done in a copy');
  for (const list of siembra.planted) {
    assert.ok(list.length >= 2);
    for (const [k, { from, to }] of list.entries()) {
      assert.ok(from < to && to <= LECTURAS_PER_PLACE);
      if (k > 0) assert.ok(from - list[k - 1]!.to >= 72);
    }
  }
  const { bloque } = muestra.lugares[3]!;
  bloque.unbind(3);
  muestra.dropMoved();
  assert.deepEqual([muestra.counts[3], muestra.counts[4]], [0, LECTURAS_PER_PLACE]);
});

test('whatever never alerts, or always does, has no aptitud; parts do not change what is found', () => {
  const muestra = makeMuestra(9);
  const places = [...muestra.counts.keys()];
  const siembra = sow(muestra, places, seededDice(3));
  const aptitud = (name: string, parametros: unknown = {}): number => {
    const ensayo = new Ensayo(muestra, siembra, COMPILED[name]!, parametros, name === 'p');
    while (ensayo.part());
    return aptitudOf(ensayo.cuentas, places);
  };
  assert.equal(aptitud('nunca'), 0);
  assert.ok(aptitud('siempre') < 0.02);
  const good = aptitud('p', { veces: 4 });
  assert.ok(good > 0.5, String(good));
  assert.ok(good > aptitud('p', { veces: 1 }) + 0.1, 'one that alerts at noise');
  assert.ok(good > aptitud('p', { veces: 20 }) + 0.1, 'one that hardly ever alerts');
  assert.equal(aptitud('p', { veces: 4 }), good);
});

test('the same seed makes the same choices; it finds its way from either side, and then leaves it at that', () => {
  const far = live(1, 14, { procesador: 'p', valores: { veces: 40 } });
  assert.deepEqual(live(1, 14, { procesador: 'p', valores: { veces: 40 } }), far);
  for (const [semilla, veces] of [
    [1, 40],
    [2, 1],
  ] as const) {
    const { all, end } = live(semilla, 14, { procesador: 'p', valores: { veces } });
    assert.ok(all.some(({ tipo }) => tipo === 'cambiar'));
    const at = end.valores['veces'] as number;
    assert.ok(veces === 40 ? at < 30 : at > 1.4, JSON.stringify([veces, at]));
  }
  const steady = live(3, 12, { procesador: 'p', valores: { veces: 5 } });
  assert.ok(steady.all.filter(({ tipo }) => tipo === 'cambiar').length <= 1, 'what is good is left alone');
});

test('a constant procesador never takes over, however often it is tried', () => {
  const evolucion = makeEvolucion(4, [
    { procesador: 'nunca', valores: {} },
    { procesador: 'siempre', valores: {} },
  ]);
  for (let k = 0; k < 9; k++) {
    const { tipo, genoma } = play(evolucion, { procesador: 'p', valores: { veces: 6 } }, makeMuestra(k));
    if (tipo === 'cambiar' || tipo === 'retar') assert.equal(genoma.procesador, 'p');
  }
});

test('a procesador that does better does take over from one that finds nothing', () => {
  const evolucion = makeEvolucion(4, [{ procesador: 'p', valores: { veces: 5 } }]);
  const found = Array.from({ length: 5 }, (_, k) =>
    play(evolucion, { procesador: 'nunca', valores: {} }, makeMuestra(k)),
  );
  assert.deepEqual(
    found.slice(-2).map(({ tipo, genoma }) => [tipo, genoma.procesador]),
    [
      ['retar', 'p'],
      ['cambiar', 'p'],
    ],
  );
});

test('what turns out worse than what was before it goes back, and is not tried again', () => {
  const good: Genoma = { procesador: 'p', valores: { veces: 5 } };
  const bad: Genoma = { procesador: 'p', valores: { veces: 35 } };
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), (semilla) => {
      const evolucion = makeEvolucion(semilla);
      evolucion.switched(good, 0);
      const found = play(evolucion, bad, makeMuestra(semilla));
      assert.deepEqual([found.tipo, found.genoma], ['volver', good]);
      evolucion.wentBack(bad);
      assert.equal(evolucion.prueba, null);
      assert.ok(evolucion.estado().vetos.some(([key]) => key === keyOf(bad)));
    }),
    { numRuns: 8 },
  );
});

test('one that is proved stays; there are no more switches a day than allowed; a stored evolution goes on as it was', () => {
  const good: Genoma = { procesador: 'p', valores: { veces: 5 } };
  const evolucion = makeEvolucion(6);
  evolucion.switched({ procesador: 'p', valores: { veces: 35 } }, 0);
  const tipos = Array.from({ length: PROBATION }, (_, k) => play(evolucion, good, makeMuestra(50 + k)).tipo);
  assert.ok(!tipos.includes('volver'));
  assert.equal(evolucion.prueba, null);
  const worn = makeEvolucion(6);
  for (let k = 0; k < SWITCHES_A_DAY; k++) worn.switched(good, 1000 * k);
  worn.begin();
  const far: Genoma = { procesador: 'p', valores: { veces: 40 } };
  const held = Array.from({ length: 4 }, (_, k) => play(worn, far, makeMuestra(70 + k), 5000).tipo);
  assert.ok(held.includes('retar') && !held.includes('cambiar'), held.join());
  const again = new Evolucion({ ...depsOf(6) }, JSON.parse(JSON.stringify(worn.estado())) as never);
  assert.deepEqual(play(again, far, makeMuestra(80), 90_000_000), play(worn, far, makeMuestra(80), 90_000_000));
});

const depsOf = (semilla: number): ConstructorParameters<typeof Evolucion>[0] => ({
  id: 'x',
  semilla,
  alternativas: [],
  runnable: (genoma) => ({ compiled: COMPILED['p']!, parametros: parametrosOf(genoma, steps, BASE) }),
});

test('the record tells where a value comes from and what was before, and is bounded', () => {
  const genoma = (veces: number): Genoma => ({ procesador: 'p', valores: { veces } });
  const paso = (tipo: Paso['tipo'], from: number, to: number, ensayo: number): Paso => ({
    tipo,
    por: 'x',
    tsMs: ensayo,
    genoma: genoma(to),
    antes: genoma(from),
    ensayo,
    semilla: 1,
    lecturas: 9,
    aptitud: 0.5,
    aptitudAntes: 0.4,
    confianza: 1,
  });
  let row: EvolucionRow = { base: BASE, genoma: genoma(1), fijado: false, pasos: [] };
  assert.equal(formerOf(row), null);
  row = stepped(row, paso('cambiar', 1, 2, 1));
  row = stepped(row, paso('cambiar', 2, 3, 2));
  assert.deepEqual(formerOf(row), genoma(2));
  assert.equal(originOf(row, 'veces')!.ensayo, 2);
  assert.equal(originOf(row, 'modo'), null);
  row = stepped(row, paso('fijar', 3, 3, 3));
  assert.equal(row.fijado, true);
  assert.deepEqual(formerOf(row), genoma(2));
  row = stepped(row, paso('soltar', 3, 3, 4));
  assert.equal(row.fijado, false);
  for (let k = 0; k < 40; k++) row = stepped(row, paso('cambiar', k, k + 1, k));
  assert.equal(row.pasos.length, PASOS_MAX);
  assert.ok(
    isSameBase({ procesador: 'p', parametros: { a: 1, b: 2 } }, { procesador: 'p', parametros: { b: 2, a: 1 } }),
  );
  assert.ok(!isSameBase({ procesador: 'p', parametros: { a: 1 } }, { procesador: 'p', parametros: { a: 2 } }));
});
