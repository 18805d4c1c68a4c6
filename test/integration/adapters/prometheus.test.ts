/** What the Prometheus meter does beyond the contract. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PrometheusMeter } from '#adapters/prometheus/prometheus.ts';
import { parseExposition } from '../../contract/meter.suite.ts';

describe('prometheus meter', () => {
  test('series over the bound of their name are counted and harmless', async () => {
    const meter = new PrometheusMeter({ seriesMax: 3, isProcessIncluded: false });
    for (let i = 0; i < 5; i++) meter.counter('corec_a_total', 'A.', { bloque: String(i) }).add(1);
    for (let i = 0; i < 5; i++) meter.gauge('corec_b', 'B.', { bloque: String(i) }).set(1);
    for (let i = 0; i < 5; i++) meter.observedGauge('corec_c', 'C.', () => 1, { bloque: String(i) });
    for (let i = 0; i < 5; i++) meter.histogram('corec_d', 'D.', [1], { bloque: String(i) }).observe(1);
    const samples = parseExposition(await meter.metrics());
    assert.equal(samples.get('corec_metrics_series_dropped_total'), 8);
    assert.equal([...samples.keys()].filter((name) => name.startsWith('corec_a_total')).length, 3);
  });

  test('one name, one kind, one set of label names, one set of bounds', () => {
    const meter = new PrometheusMeter();
    meter.counter('corec_x_total', 'X.', { a: '1' });
    assert.throws(() => meter.gauge('corec_x_total', 'X.'), /is a counter already/);
    assert.throws(() => meter.counter('corec_x_total', 'X.', { b: '1' }), /has the labels \(a\), not \(b\)/);
    assert.throws(() => meter.counter('corec_y', 'Y.'), /_total/);
    assert.throws(() => meter.gauge('no good', 'N.'), /no name/);
    assert.throws(() => meter.gauge('corec_z', 'Z.', { le: '1' }), /no label/);
    meter.histogram('corec_h', 'H.', [1, 2]);
    assert.throws(() => meter.histogram('corec_h', 'H.', [1, 3]), /bounds/);
    assert.throws(() => meter.histogram('corec_i', 'I.', [2, 1]), /rise/);
  });

  test('the process is told under its usual names, or left out', async () => {
    const samples = parseExposition(await new PrometheusMeter().metrics());
    assert.ok(samples.get('process_resident_memory_bytes')! > 1e7);
    assert.ok(samples.get('process_cpu_seconds_total')! > 0);
    assert.ok(Math.abs(samples.get('process_start_time_seconds')! - Date.now() / 1000) < 600);
    const without = await new PrometheusMeter({ isProcessIncluded: false }).metrics();
    assert.doesNotMatch(without, /process_/);
  });
});
