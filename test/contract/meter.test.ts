import { makePrometheus } from '#adapters/prometheus/prometheus.ts';
import { meterSuite } from './meter.suite.ts';

meterSuite('prometheus', () => {
  const { meter, metrics } = makePrometheus();
  return { meter, expose: metrics };
});
