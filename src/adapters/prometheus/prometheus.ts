/**
 * The Meter of a process, exposed in Prometheus' text format by a registry of its own.
 *
 * P1 Asking for a handle twice gives the same one; a name keeps its kind, its labels' names and its bounds, or it is a bug and throws.
 * P2 The number of series is bounded: further ones are counted in `corec_metrics_series_dropped_total` and otherwise ignored.
 * P3 A scrape never fails because of one gauge's reading.
 * prom-client is loaded by the first scrape: a CoreC that nobody scrapes does without its 2 to 12 MB.
 */
import type { Metric, Registry } from 'prom-client';
import type { Counter, Gauge, Histogram, Meter } from '#ports/meter.ts';
import {
  CounterFamily,
  CounterHandle,
  GaugeFamily,
  GaugeHandle,
  HistogramFamily,
  HistogramHandle,
  ObservedFamily,
  type Family,
  type Labels,
} from './families.ts';

export interface PrometheusMeterOptions {
  /** Memory and processor time of the process under their usual names. */
  readonly isProcessIncluded?: boolean;
  /** Series of one name: room for a series a bloque at the shipped size. */
  readonly seriesMax?: number;
}

const SERIES_MAX_DEFAULT = 2000;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^(?!__|le$)[a-zA-Z_][a-zA-Z0-9_]*$/;

export class PrometheusMeter implements Meter {
  readonly contentType: string = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #seriesMax: number;
  readonly #families = new Map<string, Family<unknown>>();
  readonly #dropped: Counter;
  readonly #readErrors: Counter;
  #registry: Promise<Registry> | null = null;
  #registered = 0;

  constructor(options: PrometheusMeterOptions = {}) {
    this.#seriesMax = options.seriesMax ?? SERIES_MAX_DEFAULT;
    this.#dropped = this.counter('corec_metrics_series_dropped_total', 'Series over the bound of their name.');
    this.#readErrors = this.counter('corec_metrics_read_errors_total', 'Gauges that could not be read for a scrape.');
    if (options.isProcessIncluded ?? true) this.#observeProcess();
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    if (!name.endsWith('_total')) throw new Error(`a counter is named ..._total, not ${name}`);
    const family = this.#family(
      name,
      labels,
      CounterFamily,
      () => new CounterFamily(name, help, labels, this.#seriesMax),
    );
    return family.take(labels, () => new CounterHandle(name)) ?? this.#drop(new CounterHandle(name));
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    const family = this.#family(name, labels, GaugeFamily, () => new GaugeFamily(name, help, labels, this.#seriesMax));
    return family.take(labels, () => new GaugeHandle()) ?? this.#drop(new GaugeHandle());
  }

  /** A name that ends in `_total` is told as a counter: `read` then gives a number that only grows. */
  observedGauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    const onReadError = (): void => this.#readErrors.add(1);
    const make = (): ObservedFamily => new ObservedFamily(name, help, labels, this.#seriesMax, onReadError);
    const handle = this.#family(name, labels, ObservedFamily, make).take(labels, () => ({ read }));
    if (handle === null) this.#drop(null);
    else handle.read = read;
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: Labels = {}): Histogram {
    const make = (): HistogramFamily => new HistogramFamily(name, help, labels, this.#seriesMax, buckets);
    const family = this.#family(name, labels, HistogramFamily, make);
    if (String(family.bounds) !== String(buckets))
      throw new Error(`metric ${name} has the bounds ${String(family.bounds)}`);
    return (
      family.take(labels, () => new HistogramHandle(family.bounds)) ?? this.#drop(new HistogramHandle(family.bounds))
    );
  }

  /** All metrics as text, for `contentType`. */
  async metrics(): Promise<string> {
    this.#registry ??= import('prom-client').then((client) => new client.Registry());
    const registry = await this.#registry;
    const families = [...this.#families.values()];
    for (; this.#registered < families.length; this.#registered++) {
      // The registry asks a metric for its name and its `get`, nothing else of prom-client's own classes.
      registry.registerMetric(families[this.#registered] as unknown as Metric<string>);
    }
    return await registry.metrics();
  }

  #family<F extends Family<unknown>>(
    name: string,
    labels: Labels,
    kind: abstract new (...args: never[]) => F,
    make: () => F,
  ): F {
    const known = this.#families.get(name);
    if (known !== undefined) {
      if (known instanceof kind) return known;
      throw new Error(`metric ${name} is a ${known.type} already`);
    }
    if (!NAME.test(name)) throw new Error(`"${name}" is no name of a metric`);
    const badLabel = Object.keys(labels).find((label) => !LABEL.test(label));
    if (badLabel !== undefined) throw new Error(`"${badLabel}" is no label for metric ${name}`);
    const family = make();
    this.#families.set(name, family);
    return family;
  }

  #drop<H>(handle: H): H {
    this.#dropped.add(1);
    return handle;
  }

  #observeProcess(): void {
    const startS = (Date.now() - performance.now()) / 1000;
    const cpuS = (): number => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    };
    this.observedGauge('process_cpu_seconds_total', 'Processor time used, user and system.', cpuS);
    this.observedGauge('process_start_time_seconds', 'When the process started, UTC seconds since 1970.', () => startS);
    const rss = (): number => process.memoryUsage.rss();
    this.observedGauge('process_resident_memory_bytes', 'Memory that the process occupies.', rss);
    const heap = (): number => process.memoryUsage().heapUsed;
    this.observedGauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', heap);
    const buffers = (): number => process.memoryUsage().arrayBuffers;
    this.observedGauge('nodejs_array_buffers_bytes', 'Memory of array buffers, columns of bloques included.', buffers);
  }
}

export interface Prometheus {
  readonly meter: Meter;
  readonly contentType: string;
  /** All metrics as text, for `contentType`. */
  readonly metrics: () => Promise<string>;
}

export function makePrometheus(options: PrometheusMeterOptions = {}): Prometheus {
  const meter = new PrometheusMeter(options);
  return { meter, contentType: meter.contentType, metrics: () => meter.metrics() };
}
