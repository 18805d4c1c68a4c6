/**
 * Alerts that a sink was told and could not deliver (its receiver was away for longer than its queue holds, or CoreC ended meanwhile)
 * are told again from the store once it can.
 *
 * Owns since when something is missing, over a restart too, and the pace of telling it. Leaves queues and tries to the sink, which
 * knows a notice that had got through.
 *
 * C1 What is missing is told as it is stored by then: an alert that is over is opened and closed, one that is open is opened.
 * C2 At most ALERTAS_MAX are told again, the newest; what is silenced is not.
 * C3 A round that was lost again (the streams refuse everything) is tried again after pauses that grow.
 * C4 A restart begins where the epoch says: a notice that waited at its cut is missing until it is known to have got through.
 */
import type { Say } from '#domain/texts/text.ts';
import type { AlertaRow, BloqueStore } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaEvento, AlertaNotice, AlertaSink, SinkGaps } from '#ports/sink.ts';

const ALERTAS_MAX = 10_000;
/** Told at a time, two notices each at most. */
const AT_A_TIME = 500;
/** Between two rounds; doubled while they come to nothing. */
const ROUND_MS_MIN = 10_000;
const ROUND_MS_MAX = 600_000;
const TAG = 'Alertas';

export interface AlertCatchUpDeps {
  readonly sinks: readonly AlertaSink[];
  readonly store: Pick<BloqueStore, 'queryAlertas'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logger: Logger;
  readonly say: Say;
  readonly describe: (error: unknown) => string;
  readonly noticeOf: (evento: AlertaEvento, row: AlertaRow) => AlertaNotice;
  readonly isSilenced: (row: AlertaRow) => boolean;
  /** Rows that no epoch holds yet. */
  readonly unsaved: () => Iterable<AlertaRow>;
}

interface Backlog {
  readonly sink: AlertaSink;
  readonly gaps: SinkGaps;
  /** Of the round under way: still to be told. */
  rows: readonly AlertaRow[];
  isUnderWay: boolean;
  /** Since when, until all of it has got through. */
  sinceMs: number | null;
  notBeforeMs: number;
  pauseMs: number;
}

export class AlertCatchUp {
  /** Alerts told again since the start. */
  told = 0;
  readonly #deps: AlertCatchUpDeps;
  readonly #backlogs: Backlog[];
  #isBusy = false;

  constructor(deps: AlertCatchUpDeps) {
    this.#deps = deps;
    this.#backlogs = deps.sinks.flatMap((sink) => (sink.gaps === undefined ? [] : [makeBacklog(sink, sink.gaps)]));
  }

  /** What an epoch keeps (C4): since when something may be missing somewhere; null: nothing is. */
  get missingSinceMs(): number | null {
    let sinceMs = Infinity;
    for (const { gaps, sinceMs: begun } of this.#backlogs) {
      sinceMs = Math.min(sinceMs, begun ?? Infinity, gaps.lostSinceMs ?? Infinity, gaps.waitingSinceMs ?? Infinity);
    }
    return sinceMs === Infinity ? null : sinceMs;
  }

  /** As the last epoch has it. */
  restore(missingSinceMs: number | null): void {
    if (missingSinceMs === null) return;
    for (const backlog of this.#backlogs) backlog.sinceMs = missingSinceMs;
  }

  /** Call about once a second. Never throws. */
  async tick(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (const backlog of this.#backlogs) await this.#goOn(backlog);
    } catch (error) {
      // the store is away: with the next tick
      this.#deps.logger.debug(TAG, this.#deps.describe(error));
    } finally {
      this.#isBusy = false;
    }
  }

  async #goOn(backlog: Backlog): Promise<void> {
    const { sink, gaps } = backlog;
    if (backlog.rows.length > 0) {
      this.#tell(backlog);
      return;
    }
    // only a sink that gets through can be caught up
    if (gaps.waiting > 0) return;
    if (backlog.isUnderWay) {
      backlog.isUnderWay = false;
      if (gaps.lostSinceMs === null) {
        backlog.sinceMs = null;
        backlog.pauseMs = ROUND_MS_MIN;
      }
    }
    const sinceMs = Math.min(backlog.sinceMs ?? Infinity, gaps.lostSinceMs ?? Infinity);
    const { clock, logger, say } = this.#deps;
    if (sinceMs === Infinity || clock.monotonicMs() < backlog.notBeforeMs) return;
    backlog.rows = await this.#missing(sinceMs);
    backlog.sinceMs = sinceMs;
    backlog.isUnderWay = true;
    backlog.notBeforeMs = clock.monotonicMs() + backlog.pauseMs;
    backlog.pauseMs = Math.min(ROUND_MS_MAX, backlog.pauseMs * 2);
    // what is lost from now on is another gap
    gaps.forgive();
    if (backlog.rows.length === 0) return;
    logger.info(TAG, say('log.alerts_caught_up'), { sink: sink.nombre, alertas: backlog.rows.length });
    this.#tell(backlog);
  }

  #tell(backlog: Backlog): void {
    const { sink, gaps } = backlog;
    // half of the room stays for what happens meanwhile
    const count = Math.min(AT_A_TIME, Math.floor(gaps.room / 4));
    const some = backlog.rows.slice(0, count);
    backlog.rows = backlog.rows.slice(count);
    for (const row of some) {
      sink.notify(this.#deps.noticeOf('abierta', row));
      if (row.cerradaMs !== null) sink.notify(this.#deps.noticeOf('cerrada', row));
      this.told++;
    }
  }

  /** Oldest first. */
  async #missing(sinceMs: number): Promise<AlertaRow[]> {
    const { store, unsaved, isSilenced } = this.#deps;
    const rows = new Map<string, AlertaRow>();
    const stored = await store.queryAlertas({ guardadaDesdeMs: sinceMs, limit: ALERTAS_MAX, orden: 'tiempo' });
    for (const row of stored.toReversed()) rows.set(row.id, row);
    for (const row of unsaved()) rows.set(row.id, row);
    return [...rows.values()].filter((row) => !isSilenced(row));
  }
}

function makeBacklog(sink: AlertaSink, gaps: SinkGaps): Backlog {
  return { sink, gaps, rows: [], isUnderWay: false, sinceMs: null, notBeforeMs: -Infinity, pauseMs: ROUND_MS_MIN };
}
