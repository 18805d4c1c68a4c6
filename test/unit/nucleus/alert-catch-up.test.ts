import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { CoreCError } from '#domain/errors.ts';
import { makeSay } from '#domain/texts/text.ts';
import { AlertCatchUp } from '#nucleus/alert-catch-up.ts';
import type { AlertaQuery, AlertaRow, StoredAlerta } from '#ports/bloque-store.ts';
import type { AlertaEvento, AlertaNotice } from '#ports/sink.ts';
import { makeFlakyBus } from '../../fixtures/flaky-bus.ts';

const START_MS = 1_700_000_000_000;

function makeWorld(queueMax = 10) {
  const clock = new VirtualClock(START_MS);
  const inner = new MemoryBus({ clock, onceMax: 1_000_000 });
  const bus = makeFlakyBus(inner);
  /** The table `alertas`, with when each row was stored. */
  const table = new Map<string, { row: StoredAlerta; guardadaMs: number }>();
  const silenced = new Set<string>();
  const quiet = (): void => {};
  const make = () => {
    const sink = makeBusSink({ bus, clock, queueMax });
    const noticeOf = (evento: AlertaEvento, alerta: AlertaRow): AlertaNotice => ({
      evento,
      instanceId: 'i',
      alerta,
      texto: '',
      omitidas: 0,
    });
    const catchUp = new AlertCatchUp({
      sinks: [sink],
      store: {
        queryAlertas: async ({ guardadaDesdeMs = 0, limit }: AlertaQuery) =>
          [...table.values()]
            .filter(({ guardadaMs }) => guardadaMs >= guardadaDesdeMs)
            .map(({ row }) => row)
            .toSorted((a, b) => b.abiertaMs - a.abiertaMs)
            .slice(0, limit),
      },
      clock,
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      say: makeSay('en'),
      describe: String,
      noticeOf,
      isSilenced: ({ clave }) => silenced.has(clave),
      unsaved: () => [],
    });
    /** Something happened to an alert: stored and told. */
    const happen = (evento: AlertaEvento, clave: string): void => {
      const nowMs = clock.nowMs();
      const known = table.get(clave)?.row;
      const row: StoredAlerta = {
        id: `id-${clave}`,
        bloque: 'b/0',
        canal: 1,
        clave,
        regla: 'r',
        abiertaMs: known?.abiertaMs ?? nowMs,
        actualizadaMs: nowMs,
        cerradaMs: evento === 'cerrada' ? nowMs : null,
        valor: 1,
        lectura: 1,
        esperadoMin: null,
        esperadoMax: null,
        razon: { codigo: 'x' },
        lecturas: 1,
        reconocidaMs: null,
        reconocidaPor: null,
      };
      table.set(clave, { row, guardadaMs: nowMs });
      sink.notify(noticeOf(evento, row));
    };
    return { sink, catchUp, happen };
  };
  /** Goes on by seconds, as housekeeping does. */
  const pass = async (catchUp: AlertCatchUp, seconds: number): Promise<void> => {
    for (let s = 0; s < seconds; s++) {
      for (let k = 0; k < 10; k++) await clock.advance(100);
      await catchUp.tick();
    }
  };
  const told = async (): Promise<string[]> =>
    (await inner.read('corec_alerts', '0', 100_000, 0)).map(({ fields }) => {
      const { clave, evento } = JSON.parse(String(fields['data'])) as { clave: string; evento: string };
      return `${clave} ${evento}`;
    });
  return { clock, bus, make, pass, told, silenced };
}

describe('alerts that a sink could not deliver', () => {
  test('for want of room are told again from the store, each once', async () => {
    const { bus, make, pass, told } = makeWorld(10);
    const { sink, catchUp, happen } = make();
    happen('abierta', 'before');
    await pass(catchUp, 2);
    bus.fault = () => 'before';
    for (let k = 0; k < 40; k++) {
      happen('abierta', `c${k}`);
      if (k % 2 === 0) happen('cerrada', `c${k}`);
      await pass(catchUp, 1);
    }
    happen('cerrada', 'before');
    assert.ok(sink.stats().dropped > 40);
    assert.notEqual(catchUp.missingSinceMs, null);
    bus.fault = () => null;
    await pass(catchUp, 60);
    const all = await told();
    assert.equal(new Set(all).size, all.length, 'nothing twice');
    for (let k = 0; k < 40; k++) {
      assert.ok(all.includes(`c${k} abierta`), `c${k}`);
      assert.equal(all.includes(`c${k} cerrada`), k % 2 === 0);
    }
    assert.ok(all.includes('before cerrada'));
    assert.equal(catchUp.missingSinceMs, null);
    const { sent } = sink.stats();
    await pass(catchUp, 100);
    assert.equal(sink.stats().sent, sent, 'and not again');
  });

  test('and were waiting when CoreC ended are told after the next start, from what its epoch keeps', async () => {
    const { bus, make, pass, told } = makeWorld();
    const first = make();
    bus.fault = () => 'before';
    first.happen('abierta', 'a');
    await pass(first.catchUp, 1);
    first.happen('abierta', 'b');
    await pass(first.catchUp, 5);
    const kept = first.catchUp.missingSinceMs;
    assert.equal(kept, START_MS);
    const second = make();
    second.catchUp.restore(kept);
    await pass(second.catchUp, 3);
    // killed once more before the streams are back
    const third = make();
    third.catchUp.restore(second.catchUp.missingSinceMs);
    assert.equal(third.catchUp.missingSinceMs, START_MS);
    bus.fault = () => null;
    await pass(third.catchUp, 30);
    const all = await told();
    assert.deepEqual([...new Set(all)].toSorted(), ['a abierta', 'b abierta']);
    assert.equal(third.catchUp.missingSinceMs, null);
    const fourth = make();
    fourth.catchUp.restore(null);
    await pass(fourth.catchUp, 30);
    assert.deepEqual(await told(), all);
  });

  test('and are silenced by now are not told', async () => {
    const { make, pass, told, silenced } = makeWorld();
    const { catchUp, happen } = make();
    happen('abierta', 'a');
    happen('abierta', 'b');
    await pass(catchUp, 1);
    silenced.add('a');
    const again = make();
    again.catchUp.restore(START_MS);
    await pass(again.catchUp, 30);
    assert.deepEqual(await told(), ['a abierta', 'b abierta']);
    assert.equal(again.catchUp.told, 1);
  });

  test('thousands go as fast as the sink takes them, and none is lost on the way', async () => {
    const { bus, make, pass, told } = makeWorld(1500);
    const { sink, catchUp, happen } = make();
    bus.fault = () => 'before';
    for (let k = 0; k < 5000; k++) happen('abierta', `c${k}`);
    await pass(catchUp, 5);
    bus.fault = () => null;
    await pass(catchUp, 60);
    assert.equal(new Set(await told()).size, 5000);
    assert.equal(sink.stats().dropped, 3500);
  });

  test('while the streams refuse everything it is tried with growing pauses, not in a hot loop', async () => {
    const { bus, make, pass, told } = makeWorld();
    const refused = new CoreCError('COREC_E_STORE_REFUSED', { operation: 'x', found: 'no right' });
    const appendOnce = bus.appendOnce.bind(bus);
    bus.appendOnce = () => Promise.reject(refused);
    const { sink, catchUp, happen } = make();
    happen('abierta', 'a');
    await pass(catchUp, 600);
    assert.ok(sink.stats().failed < 12, `${sink.stats().failed} tries`);
    bus.appendOnce = appendOnce;
    await pass(catchUp, 700);
    assert.deepEqual(await told(), ['a abierta']);
  });
});
