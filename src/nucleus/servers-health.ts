/**
 * How the store and the streams are, for whoever only looks: asked for a few times a second at most, and waited for by nobody who can
 * be told what was found a moment ago. A question to a server that is busy takes as long as the server, and a quarter of all that asks is
 * a status.
 *
 * H1 What is said was found within SEEN_MS, or so long before the question that is under way, whose answer is limited in time; and
 *    both were well. That one is away is not said again: it may be back.
 * H2 While they are well one question is under way at a time: a server that is slow is not asked more for it.
 */
import type { BloqueStore } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { StreamBus } from '#ports/stream-bus.ts';

/** The servers are asked again when what is known is older. */
const FRESH_MS = 250;
const SEEN_MS = 1000;

type Found = readonly [Awaited<ReturnType<BloqueStore['health']>>, Awaited<ReturnType<StreamBus['health']>>];

interface Asked {
  readonly askedMs: number;
  readonly found: Promise<Found>;
  isUnderWay: boolean;
}

export interface ServersHealthDeps {
  readonly store: Pick<BloqueStore, 'health'>;
  readonly bus: Pick<StreamBus, 'health'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export class ServersHealth {
  readonly #deps: ServersHealthDeps;
  #last: Asked | null = null;
  /** Null: the last answer was not that both are well. */
  #seen: { readonly foundMs: number; readonly found: Found } | null = null;

  constructor(deps: ServersHealthDeps) {
    this.#deps = deps;
  }

  async now(): Promise<Found> {
    const nowMs = this.#deps.clock.monotonicMs();
    const isUnderWay = this.#last?.isUnderWay === true;
    const isFresh = this.#last !== null && nowMs - this.#last.askedMs < FRESH_MS;
    const sinceMs = isUnderWay ? this.#last!.askedMs : nowMs;
    if (this.#seen !== null && sinceMs - this.#seen.foundMs < SEEN_MS) {
      // whoever asks next is told what comes of it
      if (!isFresh && !isUnderWay) this.#ask(nowMs).catch(() => undefined);
      return this.#seen.found;
    }
    if (isFresh) {
      const found = await this.#last!.found;
      if (isWell(found)) return found;
    }
    return await this.#ask(nowMs);
  }

  async #ask(askedMs: number): Promise<Found> {
    const { store, bus, clock } = this.#deps;
    const asked: Asked = { askedMs, found: Promise.all([store.health(), bus.health()]), isUnderWay: true };
    this.#last = asked;
    try {
      const found = await asked.found;
      // an older question may be answered later
      if (this.#last === asked) this.#seen = isWell(found) ? { foundMs: clock.monotonicMs(), found } : null;
      return found;
    } finally {
      asked.isUnderWay = false;
    }
  }
}

const isWell = (found: Found): boolean => found.every(({ ok }) => ok);
