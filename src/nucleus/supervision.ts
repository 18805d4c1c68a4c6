/**
 * Supervision: what keeps failing is kept from wearing out the rest (entidad -> bloque -> plugin -> nucleus).
 *
 *   entidad   fails: inactive, repaired; too often: quarantine      (domain/bloque/repair.ts)
 *   bloque    most of its entidades fail: its circuit opens         (domain/supervision/circuit.ts)
 *   plugin    half of its bloques opened OPENED_MAX times: suspended until it is reset by command
 *   nucleus   half of all bloques are open or suspended: not ready, and an alert of the highest canal
 *
 * Owns the circuits and what is told of them. Leaves running, settling and repairing to runs.ts and the bloque.
 *
 * V1 A bloque that never failed has no circuit here: a quiet swarm pays one look at an empty map a run.
 * V2 Circuits live as long as the process: a start tries everything anew. What is in quarantine stays so (vitals of the epoch).
 * V3 Each change of a circuit is a log line; being open is one alert, from the first opening until it has closed.
 */
import type { BloqueSimbiotico, Settlement } from '#domain/bloque/bloque.ts';
import { Circuit, FULL, type CircuitState, type Leave } from '#domain/supervision/circuit.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { SupervisionView } from '#ports/nucleus-api.ts';
import { CANAL_ALERTAS, type Avisos } from './avisos.ts';

const TAG = 'Supervision';
/** Openings of a bloque's circuit after which its plugin counts as the cause; the waits between them add up to half a minute. */
export const OPENED_MAX = 5;
const SUSPENDED_SHARE = 0.5;
const DEGRADED_SHARE = 0.5;
const FALLO_CHARS_MAX = 200;

export interface SupervisionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  readonly avisos: Avisos;
  readonly bloques: () => readonly BloqueSimbiotico[];
  /** The plugin that a bloque's entry belongs to; null none. */
  readonly pluginOf: (bloque: BloqueSimbiotico) => string | null;
}

export class Supervision {
  /** Circuits opened since the start. */
  opened = 0;

  readonly #deps: SupervisionDeps;
  readonly #circuits = new Map<BloqueSimbiotico, Circuit>();
  readonly #suspended = new Set<string>();
  #isDegraded = false;

  constructor(deps: SupervisionDeps) {
    this.#deps = deps;
  }

  /** What the bloque may do in its next turn; null: nothing. */
  leave(bloque: BloqueSimbiotico): Leave | null {
    // a plugin is suspended for the circuits of some of its bloques, so there is none without circuits
    if (this.#circuits.size === 0) return FULL;
    if (this.#isSuspended(bloque)) return null;
    const circuit = this.#circuits.get(bloque);
    return circuit === undefined ? FULL : circuit.leave(this.#deps.clock.monotonicMs());
  }

  /** A run of it had to be broken off. */
  brokenOff(bloque: BloqueSimbiotico): void {
    const circuit = this.#circuits.get(bloque) ?? new Circuit();
    this.#circuits.set(bloque, circuit);
    this.#changed(bloque, circuit, circuit.trip(this.#deps.clock.monotonicMs()));
  }

  settled(bloque: BloqueSimbiotico, { runs, errors }: Pick<Settlement, 'runs' | 'errors'>): void {
    let circuit = this.#circuits.get(bloque);
    if (circuit === undefined) {
      if (errors === 0) return;
      circuit = new Circuit();
      this.#circuits.set(bloque, circuit);
    }
    const nowMs = this.#deps.clock.monotonicMs();
    const state = circuit.observe(runs, errors, nowMs);
    if (state !== null) this.#changed(bloque, circuit, state);
    else if (circuit.isForgotten(nowMs)) this.#circuits.delete(bloque);
  }

  /** Circuits of these bloques close, and suspensions of their plugins end. */
  reset(bloques: readonly BloqueSimbiotico[]): void {
    for (const bloque of bloques) {
      const plugin = this.#deps.pluginOf(bloque);
      if (plugin !== null && this.#suspended.delete(plugin)) this.#closeAviso('', plugin, 'plugin_suspended');
      if (this.#circuits.delete(bloque)) this.#closeAviso(bloque.id, '', 'circuit_open');
    }
    this.#judgeNucleus();
  }

  /** Bloques that do not run, or only to see whether they can. */
  get open(): number {
    if (this.#circuits.size === 0) return 0;
    return this.#deps.bloques().reduce((count, bloque) => count + (this.isOpen(bloque) ? 1 : 0), 0);
  }

  isOpen(bloque: BloqueSimbiotico): boolean {
    return (this.#circuits.get(bloque)?.state ?? 'cerrado') !== 'cerrado' || this.#isSuspended(bloque);
  }

  /** What keeps CoreC from being ready; empty when nothing does. */
  get problem(): string {
    return this.#isDegraded
      ? this.#deps.say('log.degraded', { cuenta: this.open, bloques: this.#deps.bloques().length })
      : '';
  }

  view(): SupervisionView {
    const { clock, bloques } = this.#deps;
    const now = clock.monotonicMs();
    const circuitos = Array.from(this.#circuits, ([bloque, circuit]) => ({
      bloque: bloque.id,
      plugin: this.#deps.pluginOf(bloque),
      estado: this.#isSuspended(bloque) ? ('suspendido' as const) : circuit.state,
      aperturas: circuit.opened,
      reintentoMs: Number.isNaN(circuit.nextMs) ? null : Math.max(0, circuit.nextMs - now),
      fallo: bloque.lastFallo.slice(0, FALLO_CHARS_MAX),
    })).filter(({ estado, aperturas }) => estado !== 'cerrado' || aperturas > 0);
    const cuarentena = bloques()
      .filter((bloque) => bloque.quarantined > 0)
      .map((bloque) => ({
        bloque: bloque.id,
        entidades: bloque.quarantined,
        fallo: bloque.lastFallo.slice(0, FALLO_CHARS_MAX),
      }));
    return { degradado: this.#isDegraded, plugins: [...this.#suspended], circuitos, cuarentena };
  }

  #isSuspended(bloque: BloqueSimbiotico): boolean {
    return this.#suspended.size > 0 && this.#suspended.has(this.#deps.pluginOf(bloque) ?? '');
  }

  #changed(bloque: BloqueSimbiotico, circuit: Circuit, state: CircuitState): void {
    const { logger, say, avisos, clock } = this.#deps;
    const fallo = bloque.lastFallo.slice(0, FALLO_CHARS_MAX);
    if (state === 'cerrado') {
      logger.info(TAG, say('log.circuit_closed'), { bloque: bloque.id });
      this.#closeAviso(bloque.id, '', 'circuit_open');
    } else {
      this.opened++;
      const waitMs = circuit.nextMs - clock.monotonicMs();
      logger.warn(TAG, say('log.circuit_open', { ms: waitMs }), { bloque: bloque.id, fallo });
      avisos.open(
        { bloque: bloque.id, clave: '', regla: 'circuit_open' },
        { razon: { codigo: 'circuit_open', aperturas: circuit.opened, fallo }, canal: bloque.canal },
        clock.nowMs(),
      );
      this.#judgePlugin(bloque, fallo);
    }
    this.#judgeNucleus();
  }

  #judgePlugin(bloque: BloqueSimbiotico, fallo: string): void {
    const { logger, say, avisos, clock, bloques, pluginOf } = this.#deps;
    const plugin = pluginOf(bloque);
    if (plugin === null || this.#suspended.has(plugin)) return;
    const own = bloques().filter((one) => pluginOf(one) === plugin);
    const failing = own.filter((one) => (this.#circuits.get(one)?.opened ?? 0) >= OPENED_MAX).length;
    if (failing < SUSPENDED_SHARE * own.length) return;
    this.#suspended.add(plugin);
    logger.error(TAG, say('log.plugin_suspended', { plugin }), { fallo });
    avisos.open(
      { bloque: '', clave: plugin, regla: 'plugin_suspended' },
      { razon: { codigo: 'plugin_suspended', plugin, fallo }, canal: CANAL_ALERTAS },
      clock.nowMs(),
    );
  }

  #judgeNucleus(): void {
    const { logger, avisos, clock, bloques } = this.#deps;
    const all = bloques().length;
    const { open } = this;
    const isDegraded = open > 0 && open >= DEGRADED_SHARE * all;
    if (isDegraded === this.#isDegraded) return;
    this.#isDegraded = isDegraded;
    const key = { bloque: '', clave: '', regla: 'degraded' };
    if (!isDegraded) {
      avisos.close(key, clock.nowMs());
      return;
    }
    logger.error(TAG, this.problem);
    avisos.open(key, { razon: { codigo: 'degraded', cuenta: open, bloques: all } }, clock.nowMs());
  }

  #closeAviso(bloque: string, clave: string, regla: string): void {
    this.#deps.avisos.close({ bloque, clave, regla }, this.#deps.clock.nowMs());
  }
}
