/**
 * Alerts into the stream corec_alerts: one entry each, field `data`, versioned JSON (notice-json.ts).
 *
 * While the streams are away notices wait, in order, to a bound.
 */
import { CoreCError, messageOf } from '#domain/errors.ts';
import { STREAMS } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import { Delivery } from './delivery.ts';
import { noticeJson } from './notice-json.ts';

export interface BusSinkOptions {
  readonly bus: Pick<StreamBus, 'append'>;
  readonly clock?: Pick<Clock, 'after'>;
  /** 10,000 notices of some 600 bytes: 6 MB while the streams are away, three hours at the cap of 60 a minute. */
  readonly queueMax?: number;
}

export function makeBusSink({ bus, clock, queueMax = 10_000 }: BusSinkOptions): AlertaSink {
  const delivery = new Delivery<AlertaNotice>({
    queueMax,
    attemptsMax: Infinity,
    pauseMsMin: 100,
    pauseMsMax: 10_000,
    closeMs: 2000,
    clock,
    async send(notice) {
      try {
        await bus.append(STREAMS.alerts, { data: JSON.stringify(noticeJson(notice)) });
        return { kind: 'sent' };
      } catch (error) {
        const isOver = error instanceof CoreCError && (error.kind !== 'transient' || error.code === 'COREC_E_STOPPING');
        return { kind: isOver ? 'refused' : 'later', found: messageOf(error) };
      }
    },
  });
  return {
    nombre: STREAMS.alerts,
    notify: (notice) => delivery.push(notice),
    stats: () => delivery.stats(),
    close: () => delivery.close(),
  };
}
