/**
 * Whether the store answers, or the journal can be written, as people see it: log, alert, metric. Waiting and catching up are the
 * epochs' and the doors' matter.
 *
 *   answers --(a look or a commit fails)--> silent --(still so after ALERT_AFTER_MS)--> alerted
 *      ^                                      |                                            |
 *      +------ a look or a commit works ------+--------------------------------------------+
 *
 * B1 It is looked after also when no epoch is due: an outage of the night is known before the epoch of the morning.
 * B2 A short pause, a server that restarts, is a line in the log and no alert.
 * B3 The alert is one episodio of the instance itself, by the wall clock: no lectura decides it, so no replay repeats it.
 */
import type { Say } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { AvisoKey } from '#ports/nucleus-context.ts';
import type { Avisos } from './avisos.ts';

export const ALERT_AFTER_MS = 10_000;
const LOOK_MS = 10_000;
const LOOK_MS_SILENT = 2000;

export interface OutageWatchDeps {
  /** What is looked after; names its texts and its alert. */
  readonly what: 'store' | 'journal';
  readonly health: () => Promise<{ readonly ok: boolean; readonly found: string }>;
  readonly avisos: Pick<Avisos, 'open' | 'close'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
}

interface Silence {
  readonly sinceMs: number;
  found: string;
  isAlerted: boolean;
}

export class OutageWatch {
  readonly #deps: OutageWatchDeps;
  readonly #alert: AvisoKey;
  #silence: Silence | null = null;
  #lookedAtMs = -Infinity;
  #isLooking = false;

  constructor(deps: OutageWatchDeps) {
    this.#deps = deps;
    this.#alert = { bloque: '', clave: '', regla: `${deps.what}_away` };
  }

  /** What was found; empty while it answers. */
  get problem(): string {
    return this.#silence?.found ?? '';
  }

  get awayMs(): number {
    return this.#silence === null ? 0 : this.#deps.clock.monotonicMs() - this.#silence.sinceMs;
  }

  /** Call about once a second (B1). Never throws. */
  async tick(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#alertWhenDue();
    const everyMs = this.#silence === null ? LOOK_MS : LOOK_MS_SILENT;
    if (this.#isLooking || nowMs - this.#lookedAtMs < everyMs) return;
    this.#lookedAtMs = nowMs;
    this.#isLooking = true;
    try {
      const { ok, found } = await this.#deps.health();
      if (ok) this.answered();
      else this.failed(found);
    } finally {
      this.#isLooking = false;
    }
  }

  /** A commit or a look came through. */
  answered(): void {
    const silence = this.#silence;
    if (silence === null) return;
    this.#silence = null;
    const { what, clock, avisos, logger, say } = this.#deps;
    logger.info('Persistencia', say(`log.${what}_back`, { ms: clock.monotonicMs() - silence.sinceMs }));
    if (silence.isAlerted) avisos.close(this.#alert, clock.nowMs());
  }

  /** One did not. `told`: a line in the log says so already. */
  failed(found: string, told = false): void {
    const { what, clock, logger, say } = this.#deps;
    if (this.#silence === null) {
      this.#silence = { sinceMs: clock.monotonicMs(), found, isAlerted: false };
      if (!told) logger.warn('Persistencia', say(`log.${what}_away`), { found });
    }
    this.#silence.found = found;
    this.#alertWhenDue();
  }

  /** B2. */
  #alertWhenDue(): void {
    const silence = this.#silence;
    if (silence === null || silence.isAlerted || this.awayMs < ALERT_AFTER_MS) return;
    silence.isAlerted = true;
    const { clock, avisos } = this.#deps;
    avisos.open(this.#alert, { razon: { codigo: this.#alert.regla, encontrado: silence.found } }, clock.nowMs());
  }
}
