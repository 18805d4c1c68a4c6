/** What the door counts of itself: requests by kind and outcome, their time, bytes in hand, streams. Labels are closed sets. */
import type { Counter, Histogram, Meter } from '#ports/meter.ts';
import type { AlertStream } from './alert-stream.ts';
import type { BodyBudget } from './body.ts';

export type RouteKind = 'command' | 'lecturas' | 'stream' | 'probe' | 'other';

const KINDS: readonly RouteKind[] = ['command', 'lecturas', 'stream', 'probe', 'other'];
const OUTCOMES = ['2xx', '4xx', '429', '5xx'] as const;
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export function kindOf(url: string | undefined): RouteKind {
  if (url === '/api/lecturas') return 'lecturas';
  if (url === '/api/alerts/stream') return 'stream';
  if (url === '/healthz' || url === '/readyz' || url === '/metrics') return 'probe';
  return url?.startsWith('/api') === true ? 'command' : 'other';
}

export interface DoorCounters {
  request(kind: RouteKind, status: number, seconds: number): void;
  bodyBytes(bytes: number): void;
}

/** Handles are taken once here; counting is cheap. */
export function countersOf(meter: Meter, stream: AlertStream, budget: BodyBudget): DoorCounters {
  const requests = new Map<string, Counter>();
  const seconds = new Map<RouteKind, Histogram>();
  for (const kind of KINDS) {
    for (const outcome of OUTCOMES) {
      requests.set(
        `${kind} ${outcome}`,
        meter.counter('corec_http_requests_total', 'HTTP requests answered', { kind, outcome }),
      );
    }
    if (kind !== 'stream') {
      seconds.set(
        kind,
        meter.histogram('corec_http_request_seconds', 'Time to answer an HTTP request', SECONDS_BUCKETS, { kind }),
      );
    }
  }
  const bytes = meter.counter('corec_http_body_bytes_total', 'Bytes of bodies of readings as they came, packed or not');
  meter.observedGauge('corec_http_bodies_bytes', 'Bytes of bodies in hand', () => budget.used);
  meter.observedGauge('corec_http_streams', 'Clients of the alert stream', () => stream.counts().clients);
  meter.observedGauge(
    'corec_http_streams_cut',
    'Clients of the alert stream cut since the start because they did not read',
    () => stream.counts().cut,
  );
  return {
    request: (kind, status, took) => {
      const outcome = status === 429 ? '429' : status >= 500 ? '5xx' : status >= 400 ? '4xx' : '2xx';
      requests.get(`${kind} ${outcome}`)?.add(1);
      seconds.get(kind)?.observe(took);
    },
    bodyBytes: (count) => bytes.add(count),
  };
}
