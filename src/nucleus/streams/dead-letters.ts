/**
 * Entries that nobody can handle: into corec_dead with the reason, into the log, and an alert while they come.
 *
 * Owns their form and counts. Leaves acknowledging them to the door.
 *
 * D1 An entry stands in corec_dead once, however often it was on its way there when CoreC was killed.
 * D2 Of what it held at most KEPT_CHARS are kept: it may be what no memory holds twice.
 */
import { STREAMS } from '#domain/streams.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Logger } from '#ports/logger.ts';
import type { StreamBus, StreamEntry, StreamFields } from '#ports/stream-bus.ts';
import type { DeadReason } from './envelope.ts';
import type { StreamHealth } from './stream-health.ts';

const KEPT_CHARS = 4096;

export interface DeadLettersDeps {
  readonly bus: StreamBus;
  readonly health: StreamHealth;
  readonly logger: Logger;
  readonly say: Say;
  readonly instanceId: string;
  readonly ttlS: number;
  readonly alert: (stream: string, count: number, found: string) => void;
}

export class DeadLetters {
  readonly counts: Record<DeadReason, number> = { malformed: 0, too_long: 0, deliveries: 0 };
  readonly #deps: DeadLettersDeps;

  constructor(deps: DeadLettersDeps) {
    this.#deps = deps;
  }

  /** False: it could not be put there, and nothing is tried any more. */
  async bury(
    stream: string,
    entry: StreamEntry,
    reason: DeadReason,
    found: string,
    deliveries: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { bus, health, logger, say, instanceId, ttlS, alert } = this.#deps;
    const fields = keptFields(entry.fields);
    const letter = { v: 1, instance_id: instanceId, stream, entry: entry.id, reason, found, deliveries, fields };
    const onceId = `${instanceId}:${stream}:${entry.id}`.slice(-256);
    const appended = await health.keepTrying(STREAMS.dead, signal, () =>
      bus.appendOnce(STREAMS.dead, onceId, { data: JSON.stringify(letter) }, ttlS),
    );
    if (appended === null) return false;
    this.counts[reason]++;
    logger.warn('Streams', say('log.streams_dead', { encontrado: found }), { stream, entry: entry.id, reason });
    const count = Object.values(this.counts).reduce((sum, one) => sum + one, 0);
    alert(stream, count, found);
    return true;
  }
}

const decoder = new TextDecoder();

/** The fields as text, the beginning of each, as long as there is room. */
function keptFields(fields: StreamFields): Readonly<Record<string, string>> {
  const kept: [string, string][] = [];
  let room = KEPT_CHARS;
  for (const [name, value] of Object.entries(fields)) {
    if (room <= 0) break;
    const text = typeof value === 'string' ? value.slice(0, room) : decoder.decode(value.subarray(0, room));
    kept.push([name.slice(0, room), text]);
    room -= name.length + text.length;
  }
  return Object.fromEntries(kept);
}
