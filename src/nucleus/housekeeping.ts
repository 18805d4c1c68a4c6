/**
 * What the nucleus does by the clock: epochs, looks after the store, summaries of alerts, claves past their TTL, retention.
 */
import type { Nucleus } from './nucleus.ts';

const TICK_MS = 1000;
const EXPIRE_TICKS = 10;
const UPKEEP_TICKS = 3600;
/** The first retention comes soon after the start, and not with it. */
const UPKEEP_FIRST = 5;

export class Housekeeping {
  readonly #nucleus: Nucleus;
  #cancelEpoch: () => void = () => {};
  #cancelTick: () => void = () => {};
  #ticks = 0;
  #stopped = false;

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
  }

  start(): void {
    this.#epochTimer();
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelEpoch();
    this.#cancelTick();
  }

  /** An epoch every interval, on the wall clock's multiples. */
  #epochTimer(): void {
    const { clock, config } = this.#nucleus;
    const intervalMs = config.persistencia.intervalo_s * 1000;
    const nowMs = clock.nowMs();
    const nextMs = (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
    this.#cancelEpoch = clock.after(nextMs - nowMs, () => {
      void this.#nucleus.epoch(nextMs).then(() => {
        if (!this.#stopped) this.#epochTimer();
      });
    });
  }

  #tick(): void {
    const { clock, hub, avisos, watch, journalWatch, catchUp } = this.#nucleus;
    const nowMs = clock.nowMs();
    hub.tick(nowMs);
    avisos.tick(nowMs);
    void watch.tick();
    void journalWatch.tick();
    void catchUp.tick();
    if (this.#ticks % EXPIRE_TICKS === 0) this.#expire();
    if (this.#ticks % UPKEEP_TICKS === UPKEEP_FIRST) void this.#upkeep(nowMs);
    this.#ticks++;
    this.#cancelTick = clock.after(TICK_MS, () => {
      if (!this.#stopped) this.#tick();
    });
  }

  #expire(): void {
    const { gate, swarm, logger } = this.#nucleus;
    if (gate.isShut) return;
    for (const entrada of swarm.entradas.values()) {
      const count = swarm.expire(entrada);
      if (count > 0)
        logger.debug('CoreCNucleus', 'Claves without lecturas forgotten', { bloque: entrada.id, claves: count });
    }
  }

  async #upkeep(nowMs: number): Promise<void> {
    const { config, deps, logger, say } = this.#nucleus;
    const { retencion_dias, retencion_mb } = config.persistencia;
    try {
      const { dropped } = await deps.store.upkeep(nowMs, retencion_dias, retencion_mb * 1024 * 1024);
      if (dropped.length > 0) logger.info('Persistencia', say('log.retention'), { partitions: dropped });
    } catch (error) {
      logger.warn('Persistencia', say('log.upkeep_failed', { error: this.#nucleus.describe(error) }));
    }
  }
}
