/** The module over real bloques, on time that stands still; the alerts it asks for are written down. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { InlineTrainer } from '#adapters/inline-trainer/inline-trainer.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { ModuloAuditoria } from '#modules/auditoria.ts';
import type { AvisoFacts, AvisoKey, NucleusContext } from '#ports/nucleus-context.ts';
import { bindAll, fragile, makeBloque } from '../../fixtures/bloque.ts';

const MINUTE = 60_000;

class World {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly bloques: BloqueSimbiotico[];
  readonly opened: [string, string, AvisoFacts][] = [];
  readonly closed: string[] = [];
  readonly kept = new Map<string, (isLast: boolean) => Uint8Array | null>();
  readonly gauges = new Map<string, () => number>();
  readonly modulo = new ModuloAuditoria();
  readonly nucleus: NucleusContext;
  pausado = false;
  #minute = 0;

  constructor(count: number, stored: ReadonlyMap<string, Uint8Array> = new Map(), whole = true, inteligente = false) {
    this.bloques = Array.from({ length: count }, (_, k) => makeBloque(fragile, { id: `prueba/${k}`, indice: k }));
    for (const bloque of this.bloques) bindAll(bloque, 10);
    const quiet = (): void => undefined;
    const isPausado = (): boolean => this.pausado;
    this.nucleus = {
      config: {
        auditoria: { intervalo_s: 60 },
        bloques: inteligente ? [{ id: 'prueba', modelo: 'isolation_forest' }] : [],
      },
      trainer: new InlineTrainer(),
      clock: this.clock,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      meter: { observedGauge: (name: string, _help: string, read: () => number) => this.gauges.set(name, read) },
      whole,
      get pausado() {
        return isPausado();
      },
      bloques: () => this.bloques,
      openAlerta: (key: AvisoKey, facts: AvisoFacts) => {
        this.opened.push([key.bloque, key.regla, facts]);
        return 'id';
      },
      closeAlerta: (key: AvisoKey) => this.closed.push(key.bloque) > 0,
      storedEstado: (id: string) => stored.get(id) ?? null,
      keepEstado: (id: string, encode: (isLast: boolean) => Uint8Array | null) => void this.kept.set(id, encode),
    } as unknown as NucleusContext;
  }

  async start(): Promise<void> {
    await this.modulo.inicializar(this.nucleus);
    await this.modulo.ejecutar();
  }

  /** Minutes of work; `wrong` bloques fail a part of their runs, repaired at once. */
  async minutes(count: number, wrong: (k: number) => boolean = () => false): Promise<void> {
    for (let m = 0; m < count; m++) {
      this.#minute++;
      for (const [k, bloque] of this.bloques.entries()) {
        for (let i = 0; i < 10; i++) {
          const valor = wrong(k) && i < 3 ? 666 : 5 + ((this.#minute * 7 + i * 3 + k) % 5);
          bloque.inbox.pushOne(i, valor, this.clock.nowMs(), this.clock.nowMs());
        }
        bloque.procesar(1, this.clock.nowMs());
        bloque.noteTurn(0.2);
      }
      await this.clock.advance(MINUTE);
    }
  }
}

describe('ModuloAuditoria', () => {
  test('a bloque whose runs fail as never before is an alert with the figure and its usual range, closed when it is over', async () => {
    const world = new World(6);
    await world.start();
    await world.minutes(60);
    assert.equal(world.opened.length, 0);
    await world.minutes(5, (k) => k === 3);
    const [bloque, regla, facts] = world.opened[0]!;
    assert.deepEqual([bloque, regla], ['prueba/3', 'auditoria']);
    assert.ok(['audit_error_rate', 'audit_fitness'].includes(facts.razon.codigo), facts.razon.codigo);
    assert.ok(facts.lectura! < facts.esperadoMin! || facts.lectura! > facts.esperadoMax!, JSON.stringify(facts));
    assert.deepEqual([...new Set(world.opened.map(([id]) => id))], ['prueba/3']);
    assert.equal(world.gauges.get('corec_auditoria_odd')!(), 1);
    await world.minutes(40);
    assert.deepEqual(world.closed, ['prueba/3']);
    assert.equal(world.gauges.get('corec_auditoria_opened_total')!(), 1);
    await world.modulo.detener();
    assert.equal(world.clock.timersCount, 0);
  });

  test('when many are odd at once, sixteen are told one by one and the entry says how many there are', async () => {
    const world = new World(40);
    await world.start();
    await world.minutes(40);
    await world.minutes(3, (k) => k >= 10);
    const ids = new Set(world.opened.map(([id]) => id));
    assert.equal([...ids].filter((id) => id.startsWith('prueba/')).length, 16);
    const many = world.opened.findLast(([id]) => id === 'prueba')!;
    assert.deepEqual([many[2].razon, many[2].lectura], [{ codigo: 'audit_many', bloques: 40 }, 30]);
    await world.minutes(60);
    assert.ok(world.closed.includes('prueba'));
    await world.modulo.detener();
  });

  test('an entidad of the bloque that falls silent is told with its clave', async () => {
    const world = new World(3);
    const [bloque] = world.bloques;
    await world.start();
    const minutes = async (count: number, quiet: number): Promise<void> => {
      for (let m = 0; m < count; m++) {
        const nowMs = world.clock.nowMs();
        for (let slot = 0; slot < 10; slot++) if (slot !== quiet) bloque!.inbox.pushOne(slot, m % 5, nowMs, nowMs);
        bloque!.watermarkMs = nowMs;
        bloque!.procesar(1, nowMs);
        bloque!.noteTurn(0.2);
        await world.clock.advance(MINUTE);
      }
    };
    await minutes(90, -1);
    await minutes(30, 6);
    const told = world.opened.find(([, , { razon }]) => razon.codigo === 'audit_silent');
    assert.deepEqual([told?.[0], told?.[2].razon['ejemplo'], told?.[2].lectura], ['prueba/0', 'c6', 0.1]);
    await world.modulo.detener();
  });

  test('a pause is no oddity, nor is what comes right after it', async () => {
    const world = new World(4);
    await world.start();
    await world.minutes(60);
    world.pausado = true;
    for (let m = 0; m < 10; m++) await world.clock.advance(MINUTE);
    world.pausado = false;
    world.bloques[1]!.pausado = true;
    await world.minutes(10);
    world.bloques[1]!.pausado = false;
    assert.equal(world.opened.length, 0);
    await world.modulo.detener();
  });

  test('what was learned is kept once an hour and at the stop, and is known after a restart', async () => {
    const first = new World(4);
    await first.start();
    await first.minutes(50);
    const encode = first.kept.get('ModuloAuditoria/prueba')!;
    assert.equal(encode(false), null);
    await first.minutes(20);
    assert.notEqual(encode(false), null);
    assert.equal(encode(false), null);
    await first.modulo.detener();
    const second = new World(4, new Map([['ModuloAuditoria/prueba', encode(true)!]]));
    await second.start();
    // two looks in which sources catch up, then it judges: there is no second warm-up
    await second.minutes(8);
    await second.minutes(4, (k) => k === 2);
    assert.equal(second.opened[0]?.[0], 'prueba/2');
    await second.modulo.detener();
  });

  test('what cannot be read is learned anew', async () => {
    const world = new World(2, new Map([['ModuloAuditoria/prueba', Uint8Array.of(9, 9, 9)]]));
    await world.start();
    await world.minutes(3);
    assert.equal(world.gauges.get('corec_auditoria_looks_total')!(), 3);
    await world.modulo.detener();
  });

  test('of an intelligent bloque the entidad that is unlike itself is told, by its clave and what is odd of it', async () => {
    const make = (stored?: ReadonlyMap<string, Uint8Array>): World => new World(1, stored, true, true);
    const world = make();
    await world.start();
    let minute = 0;
    const minutes = async (on: World, count: number, odd: number): Promise<void> => {
      const [bloque] = on.bloques;
      for (let m = 0; m < count; m++) {
        minute++;
        const nowMs = on.clock.nowMs();
        for (let slot = 0; slot < 10; slot++)
          bloque!.inbox.pushOne(slot, slot === odd ? 90 : 20 + slot + ((minute * 7 + slot * 3) % 5), nowMs, nowMs);
        bloque!.watermarkMs = nowMs;
        bloque!.procesar(1, nowMs);
        bloque!.noteTurn(0.2);
        await on.clock.advance(MINUTE);
      }
    };
    await minutes(world, 320, -1);
    assert.equal(world.opened.length, 0);
    await minutes(world, 4, 6);
    const [told] = world.opened.filter(([, regla]) => regla === 'modelo');
    assert.deepEqual([told?.[0], told?.[2].lectura, told?.[2].razon.codigo], ['prueba/0', 90, 'model_lectura']);
    assert.ok(told![2].esperadoMax! < 90);
    await world.modulo.detener();
    // the model goes over a restart with the epoch
    const kept = world.kept.get('ModuloAuditoria/modelo/prueba/0')!(true)!;
    assert.ok(kept.length < 64 * 1024, String(kept.length));
    const again = make(new Map([['ModuloAuditoria/modelo/prueba/0', kept]]));
    await again.start();
    await minutes(again, 3, -1);
    await minutes(again, 4, 2);
    const found = again.opened.filter(([, regla]) => regla === 'modelo');
    assert.equal(found[0]?.[2].lectura, 90);
    await again.modulo.detener();
  });

  test('a CoreC for one command looks at nothing', async () => {
    const world = new World(1, new Map(), false);
    await world.start();
    assert.equal(world.clock.timersCount, 0);
    await world.modulo.detener();
  });
});
