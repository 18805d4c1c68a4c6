/** What every AlertaSink promises (src/ports/sink.ts), whatever it sends to. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';
import { until } from '../support/until.ts';

export function makeNotice(n: number, more: Partial<AlertaNotice> = {}): AlertaNotice {
  return {
    evento: 'abierta',
    instanceId: 'corec1',
    alerta: {
      id: `sensores/0|c${n}|alto|${1000 + n}`,
      bloque: 'sensores/0',
      canal: 2,
      clave: `c${n}`,
      regla: 'alto',
      abiertaMs: 1000 + n,
      actualizadaMs: 2000 + n,
      cerradaMs: null,
      valor: 0.97,
      lectura: 71.3,
      esperadoMin: 60.1,
      esperadoMax: 62.4,
      razon: { codigo: 'above' },
      lecturas: 3,
    },
    texto: `71.3 is above the usual 60.1 to 62.4 (${n})`,
    omitidas: 0,
    ...more,
  };
}

export interface SinkUnderTest {
  readonly sink: AlertaSink;
  /** The claves that arrived at the other end, in order. */
  readonly arrived: () => Promise<readonly string[]> | readonly string[];
  /** The other end takes nothing any more: it fails or stays silent. */
  readonly breakIt: () => void | Promise<void>;
}

export function sinkSuite(name: string, make: (t: TestContext) => Promise<SinkUnderTest>): void {
  describe(`alerta sink contract: ${name}`, () => {
    test('notices arrive in the order they were told, and are counted', async (t) => {
      const { sink, arrived } = await make(t);
      for (let n = 0; n < 20; n++) sink.notify(makeNotice(n));
      await until('all arrive', async () => (await arrived()).length === 20);
      assert.deepEqual(
        await arrived(),
        Array.from({ length: 20 }, (_, n) => `c${n}`),
      );
      await until('all are counted', () => sink.stats().sent === 20);
      await sink.close();
      assert.deepEqual(sink.stats(), { sent: 20, failed: 0, dropped: 0 });
    });

    test('closing sends what waits', async (t) => {
      const { sink, arrived } = await make(t);
      for (let n = 0; n < 5; n++) sink.notify(makeNotice(n));
      await sink.close();
      assert.equal((await arrived()).length, 5);
    });

    test('an end that fails makes no trouble: telling is quick, closing ends, and every notice is accounted for', async (t) => {
      const { sink, breakIt } = await make(t);
      await breakIt();
      const startMs = performance.now();
      for (let n = 0; n < 5000; n++) sink.notify(makeNotice(n));
      assert.ok(performance.now() - startMs < 1000);
      await sink.close();
      assert.ok(performance.now() - startMs < 6000);
      sink.notify(makeNotice(5000));
      const { sent, failed, dropped } = sink.stats();
      assert.equal(sent + failed + dropped, 5001);
      assert.ok(sent < 5001);
    });
  });
}
