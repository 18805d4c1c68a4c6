/**
 * What stands between CoreC and its streams, and trying again until it does not.
 *
 * Owns who is in trouble, telling it once when it begins and once when it ends, and the pauses. Leaves what is tried to whoever tries.
 *
 * S1 Trouble is told when it begins and when it ends, however many tries lie between.
 * S2 What can never get better by itself (a password, a right) is tried on all the same, slower: it can be mended on the server.
 */
import { CoreCError, isTransient, messageOf } from '#domain/errors.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';

const TAG = 'Streams';
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5000;
const PAUSE_MS_FATAL = 30_000;
/** An alert is for what lasts: a failover of Redis is over within four seconds. */
const ALERT_AFTER_MS = 5000;

export interface StreamHealthDeps {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  readonly logger: Logger;
  readonly say: Say;
  readonly describe: (error: unknown) => string;
  /** An alert that the streams are away, opened or closed. */
  readonly alert: (found: string | null) => void;
}

export class StreamHealth {
  readonly #deps: StreamHealthDeps;
  /** By who has it. */
  readonly #troubles = new Map<string, string>();
  #sinceMs = Infinity;
  #isAlerted = false;

  constructor(deps: StreamHealthDeps) {
    this.#deps = deps;
  }

  /** For people: `corec_commands: Redis at ... does not answer`. */
  get problems(): readonly string[] {
    return [...this.#troubles].map(([who, found]) => `${who}: ${found}`);
  }

  /** True while something cannot be sent or read. */
  get isAway(): boolean {
    return this.#troubles.size > 0;
  }

  trouble(who: string, error: unknown): void {
    const { clock, logger, describe } = this.#deps;
    if (this.#troubles.size === 0) this.#sinceMs = clock.monotonicMs();
    if (!this.#troubles.has(who)) {
      logger[isTransient(error) ? 'warn' : 'error'](TAG, describe(error), { stream: who });
    }
    this.#troubles.set(who, messageOf(error));
    if (this.#isAlerted || clock.monotonicMs() - this.#sinceMs < ALERT_AFTER_MS) return;
    this.#isAlerted = true;
    this.#deps.alert(messageOf(error));
  }

  well(who: string): void {
    if (!this.#troubles.delete(who)) return;
    const { clock, logger, say } = this.#deps;
    logger.info(TAG, say('log.streams_back'), { stream: who });
    if (this.#troubles.size > 0) return;
    const lastedMs = Math.round(clock.monotonicMs() - this.#sinceMs);
    logger.debug(TAG, 'All streams are back', { ms: lastedMs });
    if (this.#isAlerted) this.#deps.alert(null);
    this.#isAlerted = false;
  }

  /** What `attempt` resolves to, tried until it does; null once `signal` is aborted, or when the streams were closed. */
  async keepTrying<T>(who: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T | null> {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        const result = await attempt();
        this.well(who);
        return result;
      } catch (error) {
        if (error instanceof CoreCError && error.code === 'COREC_E_STOPPING') return null;
        if (signal.aborted) return null;
        this.trouble(who, error);
        const growing = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(tries, 10));
        await this.pause(isTransient(error) ? growing : PAUSE_MS_FATAL, signal);
      }
    }
    return null;
  }

  /** Resolves after `ms`, or when `signal` is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void> {
    return pause(this.#deps.clock, ms, signal);
  }
}

/** Resolves after `ms`, or when `signal` is aborted. */
export function pause(clock: Pick<Clock, 'after'>, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
