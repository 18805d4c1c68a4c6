/** A bloque whose runs are apart, and its twin that runs by itself, come to the same, bit for bit (apart.ts, P1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OtherProcesadorError, runApart, type ApartTask } from '#domain/bloque/apart.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { conteo } from '#domain/procesadores/conteo.ts';
import { defineProcesador, type AnyProcesador } from '#domain/procesadores/define.ts';
import { detector } from '#domain/procesadores/detector.ts';
import { latido } from '#domain/procesadores/latido.ts';
import { bindAll, fragile, makeBloque } from '../../fixtures/bloque.ts';

const SLOTS = 10;
const START = 1_767_225_600_000;

/** Runs by itself, breaks now and then, and alerts. */
const wave = defineProcesador({
  nombre: 'wave',
  version: 1,
  autonomo: true,
  checkpoint: false,
  estado: { x: 'f32', turns: 'u32' },
  onCycle(e, nowMs) {
    e.turns += 1;
    e.x = Math.fround(e.x * 0.9 + Math.sin(nowMs / 1000 + e.numero));
    if (e.turns % 17 === e.numero) throw new Error(`turn ${e.turns}`);
    return e.x;
  },
  alerta: {
    regla: 'high',
    abre: 1.5,
    cierra: 1,
    explica: (e) => ({ codigo: 'limit_above', esperadoMin: 0, esperadoMax: e.x }),
  },
});

/** Lecturas and cycles of its own. */
const both = defineProcesador({
  nombre: 'both',
  version: 3,
  estado: { n: 'u32', last: 'f64' },
  onLectura(e, { valor }) {
    if (valor === 666) throw new Error('cannot take 666');
    e.n += 1;
    e.last = valor;
    return valor;
  },
  onCycle: (e) => e.last / 3 + e.n,
  alerta: {
    regla: 'over_100',
    abre: 100,
    cierra: 50,
    explica: () => ({ codigo: 'limit_above', esperadoMin: 0, esperadoMax: 100 }),
  },
});

const PROCESADORES: readonly AnyProcesador[] = [fragile, wave, both, detector, conteo, latido];

interface Step {
  readonly lecturas: readonly (readonly [slot: number, valor: number])[];
  readonly carga: number;
  readonly cycles: boolean;
  /** Something else happens to the bloque while it runs apart. */
  readonly between: 'nothing' | 'lectura' | 'forget';
}

const steps = fc.array(
  fc.record({
    lecturas: fc.array(
      fc.tuple(fc.nat(SLOTS - 1), fc.oneof(fc.integer({ min: 0, max: 150 }), fc.constantFrom(666, 667, 668))),
      {
        maxLength: 30,
      },
    ),
    carga: fc.constantFrom(1, 1, 0.5),
    cycles: fc.boolean(),
    between: fc.constantFrom('nothing', 'nothing', 'nothing', 'lectura', 'forget'),
  }) satisfies fc.Arbitrary<Step>,
  { minLength: 1, maxLength: 12 },
);

test('apart or by itself: columns, mensajes, alerts, fitness and repairs are the same', () => {
  fc.assert(
    fc.property(fc.constantFrom(...PROCESADORES), steps, (procesador, list) => {
      assert.deepEqual(live(procesador, list, true), live(procesador, list, false));
    }),
    { numRuns: 400 },
  );
});

function live(procesador: AnyProcesador, list: readonly Step[], isApart: boolean): unknown {
  const bloque = makeBloque(procesador, { slots: SLOTS, inboxMax: 500 });
  const apart = compileProcesador(procesador);
  const rows: number[][] = [];
  if (!bloque.autonomo) bindAll(bloque, SLOTS);
  const seen: unknown[] = [];
  list.forEach(({ lecturas, carga, cycles, between }, k) => {
    const nowMs = START + k * 1000;
    bloque.watermarkMs = nowMs;
    if (!bloque.autonomo) for (const [slot, valor] of lecturas) bloque.inbox.pushOne(slot, valor, nowMs, nowMs);
    const meanwhile = (): void => {
      // those of one in quarantine are stored at the next drain, and which one that is differs
      if (between === 'lectura' && !bloque.autonomo && !bloque.isQuarantined(0))
        bloque.inbox.pushOne(0, 7, nowMs, nowMs);
      if (between !== 'forget' || bloque.autonomo) return;
      bloque.unbind(3);
      bloque.bind();
    };
    const byItself = (): void => {
      bloque.drain(carga, nowMs);
      if (cycles) bloque.cycle(carga, nowMs);
    };
    const task = isApart
      ? bloque.beginApart('x', carga, cycles ? carga : null, nowMs, (bytes) => new SharedArrayBuffer(bytes + 64))
      : null;
    if (task !== null) {
      const result = runApart(apart, task);
      if (between === 'forget') {
        // what it comes to is nobody's any more, and the bloque runs as it is now
        meanwhile();
        assert.equal(bloque.endApart(task, result), bloque.autonomo);
        if (!bloque.autonomo) byItself();
      } else {
        meanwhile();
        assert.equal(bloque.endApart(task, result), true);
      }
    } else {
      if (between === 'forget') {
        // who had work is counted when a run begins
        bloque.waitingFor(carga);
        meanwhile();
      }
      byItself();
      if (between !== 'forget') meanwhile();
    }
    const settled = bloque.settle(nowMs);
    if (settled.restore.length > 0) bloque.repairFresh(settled.restore, nowMs);
    seen.push(settled, bloque.takeChanges(), bloque.lastFallo, waiting(bloque));
    bloque.pending.takeRaw((columns) => {
      for (let n = 0; n < columns.length; n++) {
        rows.push([columns.slot[n]!, columns.tsMs[n]!, columns.lectura[n]!, columns.valor[n]!]);
      }
    });
  });
  return {
    seen,
    rows,
    memory: Buffer.from(bloque.memory.buffer).toString('hex'),
    vitals: bloque.vitals(),
    carga: bloque.carga,
  };
}

function waiting({ inbox }: BloqueSimbiotico): number[][] {
  const { slot, valor } = inbox.columns;
  return Array.from({ length: inbox.size }, (_, k) => [slot[k]!, valor[k]!]);
}

test('what was broken off has done nothing, and its lecturas wait', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 3);
  bloque.watermarkMs = START;
  for (const slot of [0, 1, 0]) bloque.inbox.pushOne(slot, 5, START, START);
  const before = Buffer.from(bloque.memory.buffer).toString('hex');
  const task = bloque.beginApart('x', 1, 1, START, (bytes) => new SharedArrayBuffer(bytes)) as ApartTask;
  runApart(compileProcesador(fragile), task);
  assert.equal(bloque.failApart(task, 'no end'), 2);
  assert.equal(Buffer.from(bloque.memory.buffer).toString('hex'), before);
  assert.deepEqual(waiting(bloque), [
    [0, 5],
    [1, 5],
    [0, 5],
  ]);
  assert.equal(bloque.lastFallo, 'no end');
  assert.equal(bloque.fallosTotal, 2);
});

test('what is paused meanwhile takes nothing', () => {
  const bloque = makeBloque(fragile);
  bindAll(bloque, 1);
  bloque.inbox.pushOne(0, 5, START, START);
  const task = bloque.beginApart('x', 1, null, START, (bytes) => new SharedArrayBuffer(bytes)) as ApartTask;
  const result = runApart(compileProcesador(fragile), task);
  bloque.pausado = true;
  assert.equal(bloque.endApart(task, result), false);
  assert.deepEqual(waiting(bloque), [[0, 5]]);
});

test('another procesador, another text of the same one, or an explica that throws, is left to the bloque', () => {
  const bad = defineProcesador({
    ...fragile,
    alerta: {
      regla: 'bad',
      abre: 100,
      cierra: 50,
      explica: () => {
        throw new Error('no words');
      },
    },
  });
  const bloque = makeBloque(bad);
  bindAll(bloque, 1);
  bloque.inbox.pushOne(0, 120, START, START);
  const task = bloque.beginApart('x', 1, null, START, (bytes) => new SharedArrayBuffer(bytes)) as ApartTask;
  assert.throws(() => runApart(compileProcesador(bad), task), /explica/);
  const edited = defineProcesador({ ...bad, onLectura: (_e, l) => l.valor + 0 });
  const widened: AnyProcesador = { ...(bad as AnyProcesador), estado: { ...bad.estado, more: 'f64' } };
  const before = Buffer.from(task.memory).toString('hex');
  for (const other of [both, edited, widened]) {
    assert.throws(() => runApart(compileProcesador(other), task), OtherProcesadorError);
  }
  assert.equal(Buffer.from(task.memory).toString('hex'), before);
});
