import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Aprendido } from '#domain/sincronizacion/aprendido.ts';
import type { BloqueNumeros } from '#domain/sincronizacion/numeros.ts';
import { Pronostico } from '#domain/sincronizacion/pronostico.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONDAY_MS = Date.UTC(2026, 0, 5);
const AHEAD_MS = 10 * MINUTE_MS;

const daily = (ms: number): number => 500 - 400 * Math.cos((2 * Math.PI * (ms % DAY_MS)) / DAY_MS);

/** Feeds a sample every five minutes. */
function feed(series: Pronostico, fromMs: number, toMs: number, valor: (ms: number) => number): void {
  for (let ms = fromMs; ms < toMs; ms += 5 * MINUTE_MS) series.observe(valor(ms), ms);
}

describe('the forecast', () => {
  test('nothing is foreseen for a time of the day that was never seen', () => {
    const series = new Pronostico();
    assert.equal(series.expect(MONDAY_MS, AHEAD_MS), null);
    feed(series, MONDAY_MS, MONDAY_MS + 6 * HOUR_MS, () => 10);
    assert.equal(series.expect(MONDAY_MS + 12 * HOUR_MS, AHEAD_MS), null);
    assert.ok(Math.abs(series.expect(MONDAY_MS + DAY_MS + HOUR_MS, AHEAD_MS)! - 10) < 1);
  });

  test('a daily rhythm is known before it comes, after three days within a tenth', () => {
    const series = new Pronostico();
    const knownMs = MONDAY_MS + 3 * DAY_MS;
    feed(series, MONDAY_MS, knownMs, daily);
    for (let ms = knownMs; ms < knownMs + DAY_MS; ms += 5 * MINUTE_MS) {
      const expected = series.expect(ms, AHEAD_MS)!;
      const comes = Math.max(daily(ms), daily(ms + AHEAD_MS));
      assert.ok(expected >= comes * 0.95 - 10, `${new Date(ms).toISOString()}: ${expected} for ${comes}`);
      assert.ok(expected <= comes + 90, `${new Date(ms).toISOString()}: ${expected} for ${comes}`);
      series.observe(daily(ms), ms);
    }
  });

  test('weekends are told from weekdays once weeks were seen', () => {
    const weekly = (ms: number): number => (new Date(ms).getUTCDay() % 6 === 0 ? 0.3 : 1) * daily(ms);
    const series = new Pronostico();
    const knownMs = MONDAY_MS + 42 * DAY_MS;
    feed(series, MONDAY_MS, knownMs, weekly);
    const noonOf = (day: number): number => series.expect(knownMs + day * DAY_MS + 12 * HOUR_MS, AHEAD_MS)!;
    assert.ok(noonOf(2) > 1.3 * noonOf(6), `${noonOf(2)} on Wednesday, ${noonOf(6)} on Sunday`);
  });

  test('a steady rise is followed', () => {
    const series = new Pronostico();
    const knownMs = MONDAY_MS + 10 * DAY_MS;
    feed(series, MONDAY_MS, knownMs, (ms) => 100 + (10 * (ms - MONDAY_MS)) / DAY_MS);
    const expected = series.expect(knownMs + HOUR_MS, AHEAD_MS)!;
    assert.ok(expected > 190 && expected < 225, String(expected));
  });

  test('the same samples give the same forecast, over a restart too', () => {
    const bloque = { id: 'jobs/0', entrada: 'jobs', ligadas: 0, backlog: 3, carga: 0.5 } as BloqueNumeros;
    const learned = new Aprendido();
    for (let ms = MONDAY_MS; ms < MONDAY_MS + 2 * DAY_MS; ms += 5 * MINUTE_MS)
      learned.observe([{ ...bloque, ligadas: daily(ms) }], ms);
    const again = Aprendido.decode(learned.encode());
    for (let hour = 0; hour < 24; hour++) {
      const ms = MONDAY_MS + 2 * DAY_MS + hour * HOUR_MS;
      assert.deepEqual(again.expect('jobs/0', ms, AHEAD_MS), learned.expect('jobs/0', ms, AHEAD_MS));
      for (const one of [again, learned]) one.observe([{ ...bloque, ligadas: daily(ms) }], ms);
    }
    assert.equal(again.expect('jobs/1', MONDAY_MS, AHEAD_MS), null);
    again.observe([], MONDAY_MS + 3 * DAY_MS);
    assert.equal(again.size, 0, 'a bloque that is gone is forgotten');
    const torn = learned.encode();
    torn[40]! ^= 1;
    assert.throws(() => Aprendido.decode(torn), /checksum/);
  });
});
