/**
 * Metrics. Names by area, thing, outcome (`corec_entidades_redirected_total`); labels from closed sets only.
 * A counter or histogram handle is taken once and kept: taking is slow, counting is not.
 */
export interface Counter {
  add(amount: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

export interface Meter {
  counter(name: string, help: string, labels?: Readonly<Record<string, string>>): Counter;
  gauge(name: string, help: string, labels?: Readonly<Record<string, string>>): Gauge;
  /** `read` is called when metrics are asked for. */
  observedGauge(name: string, help: string, read: () => number, labels?: Readonly<Record<string, string>>): void;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labels?: Readonly<Record<string, string>>,
  ): Histogram;
}
