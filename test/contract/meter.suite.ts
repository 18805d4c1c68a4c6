/** What every Meter promises (src/ports/meter.ts). `expose` gives the metrics as Prometheus' text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Meter } from '#ports/meter.ts';

export interface MeterUnderTest {
  readonly meter: Meter;
  readonly expose: () => Promise<string>;
}

/** name{labels} -> value of a text exposition, which must be well formed. */
export function parseExposition(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    const [, typedName] = /^# TYPE (\S+) (?:counter|gauge|histogram)$/.exec(line) ?? [];
    if (typedName !== undefined) {
      assert.ok(!typed.has(typedName), `${typedName} is told twice`);
      typed.add(typedName);
      continue;
    }
    if (line === '' || line.startsWith('# HELP ')) continue;
    const [, sample, name, value] =
      /^(([a-zA-Z_:][\w:]*)(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*\})?) (\S+)$/.exec(line) ?? [];
    assert.ok(sample !== undefined && name !== undefined, `not a sample: ${line}`);
    assert.ok(typed.has(name) || typed.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} has no type`);
    assert.ok(!samples.has(sample), `${sample} is told twice`);
    samples.set(sample, value === '+Inf' ? Infinity : Number(value));
  }
  return samples;
}

export function meterSuite(name: string, make: () => MeterUnderTest): void {
  describe(`meter contract: ${name}`, () => {
    test('counters add up, per set of labels; the same handle for the same labels', async () => {
      const { meter, expose } = make();
      const help = 'Lecturas refused.';
      const malformed = meter.counter('corec_refused_total', help, { reason: 'malformed' });
      malformed.add(1);
      malformed.add(2.5);
      meter.counter('corec_refused_total', help, { reason: 'bad_ts' }).add(7);
      meter.counter('corec_refused_total', help, { reason: 'malformed' }).add(1);
      const samples = parseExposition(await expose());
      assert.equal(samples.get('corec_refused_total{reason="malformed"}'), 4.5);
      assert.equal(samples.get('corec_refused_total{reason="bad_ts"}'), 7);
      malformed.add(1);
      assert.equal(parseExposition(await expose()).get('corec_refused_total{reason="malformed"}'), 5.5);
    });

    test('a counter never falls and never becomes NaN', () => {
      const counter = make().meter.counter('corec_x_total', 'x');
      assert.throws(() => counter.add(-1), RangeError);
      assert.throws(() => counter.add(NaN), RangeError);
    });

    test('a gauge tells what was set last; an observed one is read when metrics are asked for', async () => {
      const { meter, expose } = make();
      const gauge = meter.gauge('corec_inbox', 'Waiting.', { bloque: 'a"b\\c\nd' });
      gauge.set(3);
      gauge.set(-4);
      let seen = 10;
      meter.observedGauge('corec_seen', 'Seen.', () => seen++);
      const first = parseExposition(await expose());
      assert.equal(first.get('corec_inbox{bloque="a\\"b\\\\c\\nd"}'), -4);
      assert.equal(first.get('corec_seen'), 10);
      assert.equal(parseExposition(await expose()).get('corec_seen'), 11);
    });

    test('an observed gauge that fails costs nobody else anything', async () => {
      const { meter, expose } = make();
      meter.observedGauge('corec_bad', 'Bad.', () => {
        throw new Error('away');
      });
      meter.observedGauge('corec_good', 'Good.', () => 1);
      const samples = parseExposition(await expose());
      assert.equal(samples.get('corec_good'), 1);
      assert.equal(samples.has('corec_bad'), false);
      // The owner came back and observes anew.
      meter.observedGauge('corec_bad', 'Bad.', () => 2);
      assert.equal(parseExposition(await expose()).get('corec_bad'), 2);
    });

    test('a histogram counts what is at most each bound, sums and counts', async () => {
      const { meter, expose } = make();
      const histogram = meter.histogram('corec_sweep_ms', 'Sweep.', [1, 5, 10], { canal: '1' });
      for (const value of [0.5, 1, 1.1, 5, 7, 10, 11, 1000, NaN]) histogram.observe(value);
      const samples = parseExposition(await expose());
      const at = (le: string): number | undefined => samples.get(`corec_sweep_ms_bucket{canal="1",le="${le}"}`);
      assert.deepEqual([at('1'), at('5'), at('10'), at('+Inf')], [2, 4, 6, 8]);
      assert.equal(samples.get('corec_sweep_ms_count{canal="1"}'), 8);
      assert.equal(samples.get('corec_sweep_ms_sum{canal="1"}'), 1035.6);
    });

    test('metrics made after the first scrape are in the next', async () => {
      const { meter, expose } = make();
      await expose();
      meter.counter('corec_late_total', 'Late.').add(1);
      assert.equal(parseExposition(await expose()).get('corec_late_total'), 1);
    });
  });
}
