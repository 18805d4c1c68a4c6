import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planDivision, planFusion } from '#domain/sincronizacion/fusion.ts';
import {
  ACTIVE_FITNESS,
  afterMove,
  INACTIVE_CARGA,
  INACTIVE_FITNESS,
  libres,
  propiasLibres,
  type BloqueNumeros,
  type Movimiento,
} from '#domain/sincronizacion/numeros.ts';
import { planSincronizacion } from '#domain/sincronizacion/plan.ts';
import { planDevolucion, planRedireccion } from '#domain/sincronizacion/redireccion.ts';
import { carryOut, nextIndiceOf, numerosOf, rollCall, sorted, sparseWorlds, worlds, type World } from './world.ts';

const CASES = { numRuns: 10_000, seed: 20_261_126 };

const entradaOf = (bloque: string): string => bloque.slice(0, bloque.lastIndexOf('/'));

/** What holds of every plan, whatever it is for: carried out on real numbers, it does just what it says. */
function assertSound(world: World, moves: readonly Movimiento[]): void {
  const before = rollCall(world);
  const told = new Map(numerosOf(world).map((b) => [b.id, b]));
  let expected = numerosOf(world);
  for (const move of moves) {
    assert.ok(move.entidades > 0 && move.ligadas >= 0 && move.ligadas <= move.entidades, JSON.stringify(move));
    assert.notEqual(move.de, move.a);
    if (move.ligadas > 0) assert.ok(told.get(move.de)!.sana, 'claves of what is to be repaired stay');
    assert.ok(told.get(move.de)!.mueve && told.get(move.a)?.mueve !== false, 'what must not move is left alone');
    if (move.ligadas > 0) assert.equal(entradaOf(move.de), entradaOf(move.a), 'bound claves stay in their entry');
    expected = afterMove(expected, move);
  }
  carryOut(world, moves);
  const after = rollCall(world);
  assert.equal(after.size, before.size, 'the total never changes');
  for (const [numero, { clave, bloque }] of before) {
    assert.equal(after.get(numero)?.clave, clave, 'a bound clave keeps its entidad');
    if (clave !== null) assert.equal(entradaOf(after.get(numero)!.bloque), entradaOf(bloque));
  }
  assert.deepEqual(sorted(numerosOf(world)), sorted(expected), 'the numbers after it are those that were foretold');
}

/** The same numbers in another order. */
function shuffled(bloques: readonly BloqueNumeros[]): BloqueNumeros[] {
  return bloques.toReversed().toSorted((a, b) => a.entidades - b.entidades);
}

describe('redirection', () => {
  test('10,000 cases: inactive bloques lend unbound entidades to active ones that need them, and nothing else happens', () => {
    let lent = 0;
    fc.assert(
      fc.property(worlds, (world) => {
        const bloques = numerosOf(world);
        const byId = new Map(bloques.map((b) => [b.id, b]));
        const moves = planRedireccion(bloques);
        assert.deepEqual(planRedireccion(shuffled(bloques)), moves, 'the same plan from the same numbers');
        const given = new Map<string, number>();
        for (const { tipo, de, a, entidades, ligadas } of moves) {
          const lender = byId.get(de)!;
          const taker = byId.get(a)!;
          assert.equal(tipo, 'redirigir');
          assert.equal(ligadas, 0);
          assert.ok(lender.fitness < INACTIVE_FITNESS && lender.carga < INACTIVE_CARGA);
          assert.ok(taker.fitness > ACTIVE_FITNESS);
          assert.notEqual(lender.entrada, taker.entrada);
          given.set(de, (given.get(de) ?? 0) + entidades);
          lent += entidades;
        }
        for (const [id, n] of given) assert.ok(n <= propiasLibres(byId.get(id)!));
        assertSound(world, moves);
        for (const b of numerosOf(world)) {
          if (moves.some(({ a }) => a === b.id))
            assert.ok(b.entidades <= b.cabe, 'nobody takes more than there is room for');
          if (given.has(b.id)) assert.ok(b.entidades >= Math.max(b.ligadas + b.backlog, 1));
        }
        for (const entrada of new Set(moves.map(({ a }) => entradaOf(a)))) {
          const all = numerosOf(world).filter((b) => b.entrada === entrada);
          const has = all.reduce((sum, b) => sum + b.entidades, 0);
          const now = all.reduce((sum, b) => sum + b.ligadas + b.backlog, 0);
          const soon = all.reduce((sum, b) => sum + b.espera, 0);
          assert.ok(has <= Math.max(now, soon), 'an entry gets no more than it needs');
        }
        assert.deepEqual(planRedireccion(numerosOf(world)), [], 'what was carried out is not planned again');
      }),
      CASES,
    );
    assert.ok(lent > 1000, `only ${lent} were lent: the cases prove nothing`);
  });

  test('10,000 cases: borrowed entidades that nobody needs here, or that are missed at home, come home', () => {
    let returned = 0;
    fc.assert(
      fc.property(worlds, (world) => {
        const bloques = numerosOf(world);
        const moves = planDevolucion(bloques);
        assert.deepEqual(planDevolucion(shuffled(bloques)), moves);
        for (const { tipo, de, a, entidades, ligadas } of moves) {
          const there = bloques.find(({ id }) => id === de)!.prestadas.find(({ casa }) => casa === a)!;
          assert.equal(tipo, 'devolver');
          assert.equal(ligadas, 0);
          assert.ok(entidades <= there.libres);
          returned += entidades;
        }
        assertSound(world, moves);
        assert.deepEqual(planDevolucion(numerosOf(world)), []);
      }),
      CASES,
    );
    assert.ok(returned > 1000, `only ${returned} came home`);
  });

  test('an idle bloque lends what a busy one needs, its reserve stays', () => {
    const idle: BloqueNumeros = {
      id: 'idle/0',
      entrada: 'idle',
      indice: 0,
      rango: 2,
      entidades: 1000,
      ligadas: 100,
      prestadas: [],
      normal: 1000,
      cabe: 9000,
      fitness: 0.1,
      carga: 0.05,
      backlog: 0,
      espera: 0,
      cargaEspera: 0.05,
      mueve: true,
      sana: true,
    };
    const busy = { ...idle, id: 'busy/0', entrada: 'busy', ligadas: 1000, fitness: 0.9, carga: 0.9, backlog: 500 };
    assert.deepEqual(planRedireccion([idle, busy]), [
      { tipo: 'redirigir', de: 'idle/0', a: 'busy/0', entidades: 500, ligadas: 0 },
    ]);
    const [all] = planRedireccion([
      { ...idle, ligadas: 0 },
      { ...busy, backlog: 5000 },
    ]);
    assert.equal(all!.entidades, 950);
    assert.deepEqual(planRedireccion([{ ...idle, fitness: 0.3 }, busy]), []);
    assert.deepEqual(planRedireccion([{ ...idle, carga: 0.2, cargaEspera: 0.2 }, busy]), []);
    assert.deepEqual(planRedireccion([idle, { ...busy, fitness: 0.8 }]), []);
    const soon = { ...busy, backlog: 0, espera: 1500 };
    assert.equal(planRedireccion([idle, soon])[0]!.entidades, 500, 'ahead of the rush');
    assert.equal(planRedireccion([{ ...idle, espera: 800 }, soon])[0]!.entidades, 200, 'beyond what is needed here');
    assert.deepEqual(planRedireccion([{ ...idle, cargaEspera: 0.5 }, soon]), [], 'who will be busy soon lends nothing');
    const unsure = { ...idle, espera: 1000, cargaEspera: 0.5 };
    assert.equal(planRedireccion([unsure, busy])[0]!.entidades, 500, 'claves that wait go before a forecast');
    const home = planDevolucion([
      { ...idle, entidades: 700, ligadas: 700, backlog: 100 },
      { ...soon, entidades: 1300, prestadas: [{ casa: 'idle/0', ligadas: 0, libres: 300 }] },
    ]);
    assert.deepEqual(home, [{ tipo: 'devolver', de: 'busy/0', a: 'idle/0', entidades: 100, ligadas: 0 }]);
  });
});

describe('merging', () => {
  test('10,000 cases: of siblings that are both under a quarter full one takes all that the other holds', () => {
    let merged = 0;
    fc.assert(
      fc.property(sparseWorlds, (world) => {
        const bloques = numerosOf(world);
        const byId = new Map(bloques.map((b) => [b.id, b]));
        const moves = planFusion(bloques);
        assert.deepEqual(planFusion(shuffled(bloques)), moves);
        for (const { tipo, de, a, entidades, ligadas } of moves) {
          const source = byId.get(de)!;
          const target = byId.get(a)!;
          assert.equal(tipo, 'fusionar');
          assert.equal(source.entrada, target.entrada);
          assert.equal(ligadas, source.ligadas);
          assert.equal(entidades, ligadas);
          assert.ok(source.ligadas < source.entidades / 4 && target.ligadas < target.entidades / 4);
          merged++;
        }
        assertSound(world, moves);
        for (const b of numerosOf(world)) {
          if (moves.some(({ de }) => de === b.id)) assert.equal(b.ligadas, 0);
          if (!moves.some(({ a }) => a === b.id)) continue;
          assert.ok(b.entidades <= b.cabe && b.entidades <= b.normal * 1.5, 'what is merged is not split again');
        }
      }),
      CASES,
    );
    assert.ok(merged > 1000, `only ${merged} merges`);
  });
});

describe('splitting', () => {
  test('10,000 cases: a bloque of more than one and a half of its size gives half to a new sibling', () => {
    let split = 0;
    fc.assert(
      fc.property(worlds, (world) => {
        const bloques = numerosOf(world);
        const byId = new Map(bloques.map((b) => [b.id, b]));
        const next = nextIndiceOf(world);
        const moves = planDivision(bloques, next);
        assert.deepEqual(planDivision(shuffled(bloques), next), moves);
        assert.equal(new Set(moves.map(({ a }) => a)).size, moves.length);
        for (const { tipo, de, a, entidades, ligadas } of moves) {
          const source = byId.get(de)!;
          assert.equal(tipo, 'dividir');
          assert.ok(Math.abs(2 * ligadas - source.ligadas) <= 1, `${ligadas} of ${source.ligadas} bound`);
          assert.ok(!byId.has(a) && entradaOf(a) === source.entrada);
          assert.ok(source.entidades > Math.min(source.cabe, source.normal * 1.5));
          assert.equal(entidades, Math.floor(source.entidades / 2));
          split++;
        }
        assertSound(world, moves);
      }),
      CASES,
    );
    assert.ok(split > 1000, `only ${split} splits`);
  });
});

describe('a whole pass', () => {
  test('10,000 cases: all kinds together are sound, and come to rest', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        for (let pass = 0; ; pass++) {
          const moves = planSincronizacion(numerosOf(world), nextIndiceOf(world));
          if (moves.length === 0) break;
          assert.ok(pass < 20, `still moving: ${JSON.stringify(moves)}`);
          assertSound(world, moves);
          for (const b of numerosOf(world)) assert.ok(libres(b) >= 0 && propiasLibres(b) >= 0);
        }
      }),
      CASES,
    );
  });
});
