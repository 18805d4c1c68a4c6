import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bloqueEntryDefaults } from '#domain/config/normalize.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';
import { afterMove, inOrder, type Movimiento, type TipoMovimiento } from '#domain/sincronizacion/numeros.ts';
import { splitOf } from '#domain/sincronizacion/fusion.ts';
import { planSincronizacion } from '#domain/sincronizacion/plan.ts';
import { admitAll, carryOut, nextIndiceOf, numerosOf, settleHomes } from '#nucleus/mudanza.ts';
import { Swarm, type CatalogRow } from '#nucleus/swarm.ts';

/** Counts and sums its lecturas; odd over 900. */
const suma = compileProcesador(
  defineProcesador({
    nombre: 'suma',
    version: 1,
    estado: { n: 'u32', suma: 'f64' },
    onLectura(e, lectura) {
      e.n += 1;
      e.suma += lectura.valor;
      return lectura.valor;
    },
    alerta: {
      regla: 'over_900',
      abre: 900,
      cierra: 500,
      explica: () => ({ codigo: 'limit_above', esperadoMin: 0, esperadoMax: 900 }),
    },
  }),
);

const ENTRADAS = ['alfa', 'beta'] as const;
const POR_BLOQUE = 8;
const BLOQUES = 3;

function makeSwarm(
  catalog: readonly CatalogRow[] = [],
  porBloque: (id: string) => number = () => POR_BLOQUE,
  entradas: readonly string[] = ENTRADAS,
): Swarm {
  const swarm = new Swarm({
    encodeMensajes: (_bloque, columns) => new Uint8Array(columns.length),
    procesador: () => suma,
    mensajes: 'cambios',
    enfriamientoMs: 1000,
    onRefused: () => {},
    onLecturas: () => {},
  });
  swarm.nextNumero = 1 + catalog.length * POR_BLOQUE * BLOQUES;
  for (const id of entradas) {
    const entry = bloqueEntryDefaults(id, {
      entidades: POR_BLOQUE * BLOQUES,
      entidades_por_bloque: porBloque(id),
      dinamico: false,
    });
    swarm.registrar(entry, catalog.find(({ config }) => config.id === id) ?? null);
  }
  return swarm;
}

/** What is known of every clave, by the lecturas that were taken. */
type Ledger = Map<string, { n: number; suma: number; numero: number }>;

class Tried {
  readonly swarm = makeSwarm();
  readonly ledger: Ledger = new Map();
  readonly total = this.swarm.entidades;
  ms = 1000;

  deliver(entrada: string, k: number, valor: number): void {
    const clave = `c${k}`;
    const batch = new LecturaBatch(4);
    const bytes = new TextEncoder().encode(clave);
    batch.append(bytes, 0, bytes.length, valor, this.ms++);
    const one = this.swarm.entradas.get(entrada)!;
    if (this.swarm.deliver(one, batch, this.ms) === 0) return;
    for (const bloque of one.bloques) bloque.drain(1, this.ms);
    const known = this.ledger.get(`${entrada}:${clave}`) ?? { n: 0, suma: 0, numero: this.numeroOf(entrada, clave) };
    known.n++;
    known.suma += valor;
    this.ledger.set(`${entrada}:${clave}`, known);
  }

  forget(entrada: string, k: number): void {
    const one = this.swarm.entradas.get(entrada)!;
    const loc = one.claves.lookupText(`c${k}`);
    if (!this.ledger.delete(`${entrada}:c${k}`)) return;
    this.swarm.forget(one, loc);
  }

  numeroOf(entrada: string, clave: string): number {
    const { claves, bloques } = this.swarm.entradas.get(entrada)!;
    const loc = claves.lookupText(clave);
    return bloques[loc >>> 16]!.memory.core.numero[loc & 0xffff]!;
  }

  move(move: Movimiento, isAdmitted: boolean): void {
    const before = this.numeros();
    const touched = carryOut(this.swarm, move);
    const after = inOrder(this.numeros());
    assert.deepEqual(
      after.map(({ id, entidades, ligadas, prestadas }) => ({ id, entidades, ligadas, prestadas })),
      inOrder(afterMove(before, move)).map(({ id, entidades, ligadas, prestadas }) => ({
        id,
        entidades,
        ligadas,
        prestadas,
      })),
      `${JSON.stringify(move)} does what was foretold`,
    );
    if (isAdmitted) admitAll(this.swarm, touched);
  }

  numeros(): ReturnType<typeof numerosOf> {
    return numerosOf({ swarm: this.swarm, isBusy: () => false, espera: () => null });
  }

  check(): void {
    const seen = new Set<number>();
    for (const bloque of this.swarm.bloques) {
      const { numero, ocupado, corre } = bloque.memory.core;
      let bound = 0;
      for (let slot = 0; slot < bloque.slots; slot++) {
        if (numero[slot] === 0) {
          assert.equal(ocupado[slot], 0);
          continue;
        }
        assert.ok(!seen.has(numero[slot]!), `number ${numero[slot]} stands twice`);
        seen.add(numero[slot]!);
        assert.equal(corre[slot], ocupado[slot] === 0 ? 0 : 1);
        if (ocupado[slot] !== 0) bound++;
      }
      assert.equal(bloque.bound, bound);
      assert.ok(bloque.free <= bloque.entidades - bound);
    }
    assert.equal(seen.size, this.total, 'the total never changes');
    assert.equal(this.swarm.entidades, this.total);
    for (const [ref, { n, suma: sum, numero }] of this.ledger) {
      const [entrada, clave] = ref.split(':') as [string, string];
      const { claves, bloques } = this.swarm.entradas.get(entrada)!;
      const loc = claves.lookupText(clave);
      const bloque = bloques[loc >>> 16]!;
      const slot = loc & 0xffff;
      const column = (name: string): number => bloque.memory.estado.find((c) => c.name === name)!.data[slot]!;
      assert.deepEqual([column('n'), column('suma'), bloque.memory.core.numero[slot]], [n, sum, numero], ref);
      assert.equal(bloque.claveOf(slot), clave);
    }
    assert.equal(this.swarm.ligadas, this.ledger.size);
  }

  catalog(): CatalogRow[] {
    const rows = ENTRADAS.map((id) => this.swarm.catalogRow(this.swarm.entradas.get(id)!));
    return JSON.parse(JSON.stringify(rows)) as CatalogRow[];
  }

  /** As a restart finds it: a swarm made of the catalogue, and of what the columns hold. */
  restarted(): void {
    const again = makeSwarm(this.catalog());
    assert.equal(again.entidades, this.total);
    assert.deepEqual(again.bloques.map(({ id }) => id).toSorted(), this.swarm.bloques.map(({ id }) => id).toSorted());
    for (const bloque of this.swarm.bloques) {
      const copy = again.bloque(bloque.id)!;
      const { core } = copy.memory;
      core.numero.set(bloque.memory.core.numero.subarray(0, bloque.used));
      copy.restored(bloque.vitals(), (slot) => slot < bloque.used && bloque.memory.core.ocupado[slot] === 1);
      assert.equal(copy.entidades, bloque.entidades);
      assert.deepEqual(new Set(copy.unbound()), new Set(bloque.unbound()));
      assert.equal(copy.bound, bloque.bound);
      // every one of them can be bound, once
      const free = copy.free;
      const numeros = new Set<number>();
      for (let k = 0; k < free; k++) numeros.add(core.numero[copy.bind()]!);
      assert.ok(numeros.size === free && !numeros.has(0));
      assert.equal(copy.bind(), -1);
    }
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant('lectura' as const),
        entrada: fc.constantFrom(...ENTRADAS),
        k: fc.nat(40),
        valor: fc.nat(1000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('forget' as const),
        entrada: fc.constantFrom(...ENTRADAS),
        k: fc.nat(40),
        valor: fc.nat(1),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constantFrom('redirigir' as const, 'devolver' as const, 'fusionar' as const, 'dividir' as const),
        entrada: fc.constantFrom(...ENTRADAS),
        k: fc.nat(40),
        valor: fc.nat(40),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constantFrom('admit' as const, 'restart' as const),
        entrada: fc.constantFrom(...ENTRADAS),
        k: fc.nat(1),
        valor: fc.nat(1),
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

/** A move of that kind that can be made now, as `k` and `n` choose; null: there is none. */
function someMove(tried: Tried, tipo: TipoMovimiento, k: number, n: number): Movimiento | null {
  const all = inOrder(tried.numeros());
  const de = all[k % all.length]!;
  const a = all[(k + 1 + (n % (all.length - 1))) % all.length]!;
  if (tipo === 'dividir') return all.length > 12 ? null : splitOf(de, nextIndiceOf(tried.swarm)(de.entrada));
  if (tipo === 'fusionar')
    return de.entrada === a.entrada && de.ligadas > 0
      ? { tipo, de: de.id, a: a.id, entidades: de.ligadas, ligadas: de.ligadas }
      : null;
  const free = de.entidades - de.ligadas;
  const borrowed = de.prestadas.reduce((sum, p) => sum + p.libres, 0);
  if (tipo === 'redirigir') {
    const entidades = Math.min(free - borrowed, 1 + (n % 8));
    return entidades > 0 && de.entrada !== a.entrada ? { tipo, de: de.id, a: a.id, entidades, ligadas: 0 } : null;
  }
  const loan = de.prestadas.find(({ libres }) => libres > 0);
  return loan === undefined ? null : { tipo, de: de.id, a: loan.casa, entidades: 1 + (n % loan.libres), ligadas: 0 };
}

describe('moving entidades', () => {
  test('through any mix of lecturas, forgetting and moves no clave loses its state, and every number stands once', () => {
    const moved = { redirigir: 0, devolver: 0, fusionar: 0, dividir: 0 };
    fc.assert(
      fc.property(steps, (list) => {
        const tried = new Tried();
        for (const { what, entrada, k, valor } of list) {
          if (what === 'lectura') tried.deliver(entrada, k, valor);
          else if (what === 'forget') tried.forget(entrada, k);
          else if (what === 'admit') admitAll(tried.swarm, tried.swarm.bloques);
          else if (what === 'restart') {
            admitAll(tried.swarm, tried.swarm.bloques);
            tried.restarted();
          } else {
            const move = someMove(tried, what, k, valor);
            if (move === null) continue;
            moved[what]++;
            tried.move(move, valor % 3 !== 0);
          }
          tried.check();
        }
        admitAll(tried.swarm, tried.swarm.bloques);
        tried.restarted();
      }),
      { numRuns: 1000, seed: 20_261_126 },
    );
    for (const [tipo, times] of Object.entries(moved)) assert.ok(times > 150, `${tipo}: only ${times}`);
  });

  test('what was lent is used by new claves only once it is admitted', () => {
    const tried = new Tried();
    for (let k = 0; k < 30; k++) tried.deliver('alfa', k, 1);
    assert.equal(tried.ledger.size, 24);
    assert.equal(tried.swarm.entradas.get('alfa')!.backlog.size, 6);
    const move: Movimiento = { tipo: 'redirigir', de: 'beta/0', a: 'alfa/1', entidades: 6, ligadas: 0 };
    tried.move(move, false);
    for (let k = 24; k < 30; k++) tried.deliver('alfa', k, 1);
    assert.equal(tried.ledger.size, 24, 'an epoch must hold it first');
    admitAll(tried.swarm, tried.swarm.bloques);
    for (let k = 24; k < 30; k++) tried.deliver('alfa', k, 1);
    assert.equal(tried.ledger.size, 30);
    assert.equal(tried.swarm.bloque('beta/0')!.entidades, 2);
    assert.equal(tried.swarm.nacimiento(tried.numeroOf('alfa', 'c29'))!.bloque.id, 'beta/0');
    tried.check();
  });

  test('after a change of configuration what was lent comes home, and what has no home any more goes', () => {
    const tried = new Tried();
    for (let k = 0; k < 26; k++) tried.deliver('alfa', k, 1);
    tried.move({ tipo: 'redirigir', de: 'beta/0', a: 'alfa/1', entidades: 5, ligadas: 0 }, true);
    tried.deliver('alfa', 24, 1);
    const catalog = tried.catalog();
    for (const [larger, expected] of [
      // the bloques that had borrowed are others now
      ['alfa', { alfa: POR_BLOQUE * BLOQUES, beta: POR_BLOQUE * BLOQUES }],
      // what is borrowed has no home any more
      ['beta', { alfa: POR_BLOQUE * BLOQUES, beta: POR_BLOQUE * BLOQUES }],
    ] as const) {
      const again = makeSwarm(catalog, (id) => (id === larger ? POR_BLOQUE + 1 : POR_BLOQUE));
      settleHomes(again, []);
      const found: Record<string, number> = { alfa: 0, beta: 0 };
      const seen = new Set<number>();
      for (const bloque of again.bloques) {
        found[bloque.entrada]! += bloque.entidades;
        for (const numero of bloque.unbound()) seen.add(numero);
      }
      assert.deepEqual(found, expected, larger);
      assert.equal(seen.size, again.entidades, 'every number stands once');
    }
    const without = makeSwarm(
      catalog.filter(({ config }) => config.id === 'beta'),
      undefined,
      ['beta'],
    );
    settleHomes(
      without,
      catalog.filter(({ config }) => config.id === 'alfa'),
    );
    assert.equal(
      without.entidades,
      POR_BLOQUE * BLOQUES - 5,
      'what an entry that is left out now has borrowed stays its own',
    );
  });

  test('an open episodio goes along, and closes where its clave is', () => {
    const tried = new Tried();
    tried.deliver('alfa', 1, 950);
    const de = tried.swarm.bloque('alfa/0')!;
    const [opened] = de.takeChanges();
    carryOut(tried.swarm, { tipo: 'fusionar', de: 'alfa/0', a: 'alfa/2', entidades: 1, ligadas: 1 });
    assert.equal(de.episodios.openCount, 0);
    assert.deepEqual(de.takeChanges(), [], 'nothing closes by a move');
    tried.ms += 5000;
    tried.deliver('alfa', 1, 10);
    const [closed] = tried.swarm.bloque('alfa/2')!.takeChanges();
    assert.equal(closed!.evento, 'cerrada');
    assert.equal(closed!.episodio.id, opened!.episodio.id);
  });

  test('a whole pass on a real swarm lends, and brings home when the claves are gone', () => {
    const tried = new Tried();
    for (let k = 0; k < 34; k++) tried.deliver('alfa', k, 1);
    for (const bloque of tried.swarm.entradas.get('alfa')!.bloques)
      bloque.inherit({ ...bloque.vitals(), fitness: 0.95, carga: 0.9 });
    const plan = (): Movimiento[] => planSincronizacion(tried.numeros(), nextIndiceOf(tried.swarm));
    const lent = plan();
    assert.equal(
      lent.reduce((sum, { entidades }) => sum + entidades, 0),
      10,
    );
    for (const move of lent) tried.move(move, true);
    for (let k = 24; k < 34; k++) tried.deliver('alfa', k, 1);
    assert.equal(tried.ledger.size, 34);
    tried.swarm.entradas.get('alfa')!.backlog.clear();
    assert.deepEqual(plan(), []);
    for (let k = 0; k < 34; k++) tried.forget('alfa', k);
    const home = plan();
    assert.ok(home.every(({ tipo }) => tipo === 'devolver'));
    for (const move of home) tried.move(move, true);
    for (const bloque of tried.swarm.bloques) assert.equal(bloque.entidades, POR_BLOQUE, bloque.id);
    tried.check();
  });
});
