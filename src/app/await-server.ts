/**
 * The start beside a server that is not there yet: fail at once, or with `corec run --wait` try again until it is.
 *
 * One way for every server that a configuration names (PostgreSQL, Redis): each gives its own `attempt`.
 *
 * A1 Only what may pass is tried again. A wrong password or a missing database is told at once, waited for or not.
 * A2 One line when the wait begins, one when its reason changes, one when it ends; not one for each attempt.
 * A3 A stop asked for meanwhile ends it with COREC_E_STOPPING.
 */
import { CoreCError, describeError, isTransient, type Idioma } from '#domain/errors.ts';
import { text } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 5000;

export interface ServerWait {
  /** How long to go on trying: 0 for one attempt, Infinity until it is stopped. */
  readonly forMs: number;
  readonly signal: AbortSignal;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly idioma: Idioma;
}

/** What `attempt` comes to. `server`: its name for people, as "PostgreSQL" or "Redis". */
export async function awaitServer<T>(server: string, attempt: () => Promise<T>, wait: ServerWait): Promise<T> {
  const { forMs, signal, clock, logger, idioma } = wait;
  const startMs = clock.monotonicMs();
  let pauseMs = RETRY_MS_MIN;
  let told = '';
  for (;;) {
    try {
      const answer = await attempt();
      const ms = clock.monotonicMs() - startMs;
      if (told !== '') logger.info('CoreCNucleus', text(idioma, 'log.server_there', { server, ms }));
      return answer;
    } catch (error) {
      const leftMs = startMs + forMs - clock.monotonicMs();
      if (signal.aborted) throw new CoreCError('COREC_E_STOPPING');
      if (!isTransient(error) || leftMs <= 0) throw error;
      const found = describeError(error, idioma);
      if (found !== told) logger.warn('CoreCNucleus', text(idioma, 'log.server_awaited', { server, error: found }));
      told = found;
      await pause(clock, Math.min(pauseMs, leftMs), signal);
      pauseMs = Math.min(RETRY_MS_MAX, pauseMs * 2);
    }
    if (signal.aborted) throw new CoreCError('COREC_E_STOPPING');
  }
}

function pause(clock: Pick<Clock, 'after'>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
