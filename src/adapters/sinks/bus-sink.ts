/**
 * Alerts into the stream corec_alerts: one entry each, field `data`, versioned JSON (notice-json.ts).
 *
 * While the streams are away notices wait, in order, to a bound. One that is told again, because its answer was lost or because a
 * CoreC that was killed has come to it once more, is not appended again.
 *
 * What does not fit, or what the streams refuse, is not gone: since when something is missing is told, and the nucleus tells it again
 * from the stored alerts.
 */
import { createHash } from 'node:crypto';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { STREAMS } from '#domain/streams.ts';
import type { Clock } from '#ports/clock.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import { Delivery, type SendResult } from './delivery.ts';
import { noticeJson, noticeKey } from './notice-json.ts';

export interface BusSinkOptions {
  readonly bus: Pick<StreamBus, 'appendOnce'>;
  readonly clock: Pick<Clock, 'after' | 'nowMs'>;
  /** 0 .. 1, for pauses. */
  readonly random?: () => number;
  /** 10,000 notices of some 600 bytes: 6 MB while the streams are away, three hours at the cap of 60 a minute. */
  readonly queueMax?: number;
}

interface Told {
  readonly notice: AlertaNotice;
  /** Wall time. */
  readonly atMs: number;
}

/** A notice told again comes soon after: with the next try, or the next start. */
const ONCE_S = 3600;

export function makeBusSink({ bus, clock, random, queueMax = 10_000 }: BusSinkOptions): AlertaSink {
  let lostSinceMs: number | null = null;
  const delivery = new Delivery<Told>({
    queueMax,
    attemptsMax: Infinity,
    pauseMsMin: 100,
    pauseMsMax: 10_000,
    closeMs: 2000,
    clock,
    random,
    onLost: ({ atMs }) => {
      lostSinceMs = Math.min(lostSinceMs ?? Infinity, atMs);
    },
    async send({ notice }, signal) {
      try {
        const data = JSON.stringify(noticeJson(notice));
        const appended = bus.appendOnce(STREAMS.alerts, onceId(notice), { data }, ONCE_S);
        return await unlessAborted(
          appended.then(() => ({ kind: 'sent' })),
          signal,
        );
      } catch (error) {
        const isOver = error instanceof CoreCError && (error.kind !== 'transient' || error.code === 'COREC_E_STOPPING');
        return { kind: isOver ? 'refused' : 'later', found: messageOf(error) };
      }
    },
  });
  return {
    nombre: STREAMS.alerts,
    notify: (notice) => delivery.push({ notice, atMs: clock.nowMs() }),
    stats: () => delivery.stats(),
    gaps: {
      get waiting() {
        return delivery.waiting;
      },
      get room() {
        return Math.max(0, queueMax - delivery.waiting);
      },
      get waitingSinceMs() {
        return delivery.oldest?.atMs ?? null;
      },
      get lostSinceMs() {
        return lostSinceMs;
      },
      forgive: () => {
        lostSinceMs = null;
      },
    },
    close: () => delivery.close(),
  };
}

/** The streams wait longer for a server that is away than a stop may take. */
function unlessAborted(sending: Promise<SendResult>, signal: AbortSignal): Promise<SendResult> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve({ kind: 'later', found: 'stopped' });
    signal.addEventListener('abort', end, { once: true });
    sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** Of one length, whatever the clave's; several CoreC may write to one stream. */
function onceId(notice: AlertaNotice): string {
  return createHash('sha256')
    .update(`${notice.instanceId}:${noticeKey(notice)}`)
    .digest('base64url');
}
