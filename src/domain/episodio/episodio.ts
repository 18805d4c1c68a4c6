/**
 * Episodios: what turns thousands of odd lecturas into one alert that opens, is updated and closes.
 *
 * Owns: the episodios of one bloque. Leaves telling people to sinks, how often they are told to the notice gate, storing to epochs.
 *
 *            valor >= abre                     valor < cierra
 *   (none) ----------------> abierto <------------------------> enfria
 *                               ^        valor >= abre (same one) |
 *                               |                                 | a lectura later than the last odd one + enfriamiento
 *                               +---------- (new one) <-- (none) <+
 *
 * O1 Only valores and the lecturas' own times decide, so that a replay gives the same episodios with the same ids.
 * O2 At most MAX_ABIERTOS are open in a bloque; further ones are counted in `overflow`, never lost silently.
 */
import type { Explicacion } from '../procesadores/define.ts';
import { EPISODIO } from '../entidad/columns.ts';

/** Beyond this, the bloque itself is what is wrong, and one alert says so. */
export const MAX_ABIERTOS = 128;

export interface Episodio {
  readonly id: string;
  readonly slot: number;
  readonly clave: string;
  readonly regla: string;
  readonly abiertaMs: number;
  actualizadaMs: number;
  cerradaMs: number | null;
  /** Highest valor, and the lectura that had it. */
  valor: number;
  lectura: number | null;
  esperadoMin: number | null;
  esperadoMax: number | null;
  razon: Readonly<Record<string, string | number | null>>;
  lecturas: number;
}

export type EpisodioEvento = 'abierta' | 'actualizada' | 'cerrada';

export interface EpisodioChange {
  readonly evento: EpisodioEvento;
  readonly episodio: Episodio;
}

export interface EpisodioLimits {
  readonly abre: number;
  readonly cierra: number;
  readonly enfriamientoMs: number;
  /** As ReglaAlerta has it. */
  readonly porTiempo?: boolean;
}

/** A worse valor is told again only when it is this much worse, so that a slow climb is no flood. */
const WORSE_BY = 1.1;

export class EpisodioBook {
  readonly #owner: string;
  readonly #bySlot = new Map<number, Episodio>();
  #changes: EpisodioChange[] = [];
  /** Lecturas whose episodio could not be opened (O2), since there was last room to spare. */
  overflow = 0;

  /** `owner`: the entry of the claves, or the bloque whose own alerts these are; ids are made of it. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  get open(): Iterable<Episodio> {
    return this.#bySlot.values();
  }

  get openCount(): number {
    return this.#bySlot.size;
  }

  get(slot: number): Episodio | undefined {
    return this.#bySlot.get(slot);
  }

  /**
   * One valor of an entidad that is over the limit or has an episodio. Returns the entidad's EPISODIO state for its column.
   * `explica` is called only when the episodio opens or worsens, and at every odd valor of a rule that is `porTiempo`.
   */
  take(
    slot: number,
    clave: () => string,
    regla: string,
    valor: number,
    lectura: number,
    tsMs: number,
    limits: EpisodioLimits,
    explica: () => Explicacion,
  ): number {
    let episodio = this.#bySlot.get(slot);
    if (episodio !== undefined && limits.porTiempo === true && valor >= limits.abre) {
      const why = explica();
      const beganMs = why.desdeMs ?? tsMs;
      // it had ended, and has begun anew: whether a look saw that, or how soon, must not matter
      if (beganMs >= episodio.actualizadaMs) {
        this.#cooling.delete(slot);
        if ((why.notableMs ?? beganMs) - episodio.actualizadaMs >= limits.enfriamientoMs) {
          this.close(slot);
          return this.#openNew(slot, clave(), regla, valor, lectura, tsMs, why);
        }
      }
    }
    if (episodio !== undefined && (valor < limits.cierra || this.#cooling.has(slot))) {
      const ended = tsMs - episodio.actualizadaMs >= limits.enfriamientoMs;
      if (valor < limits.abre) {
        if (ended) this.close(slot);
        else this.#cooling.add(slot);
        return ended ? EPISODIO.ninguno : EPISODIO.enfria;
      }
      // odd again: the same episodio within the cool-down, a new one after it
      if (ended) {
        this.close(slot);
        episodio = undefined;
      } else this.#cooling.delete(slot);
    }
    if (episodio === undefined) {
      if (valor < limits.abre) return EPISODIO.ninguno;
      return this.#openNew(slot, clave(), regla, valor, lectura, tsMs, explica());
    }
    episodio.actualizadaMs = Math.max(episodio.actualizadaMs, tsMs);
    episodio.lecturas++;
    if (valor > episodio.valor) {
      const told = valor >= episodio.valor * WORSE_BY;
      const why = explica();
      episodio.valor = valor;
      episodio.lectura = lectura;
      episodio.esperadoMin = why.esperadoMin;
      episodio.esperadoMax = why.esperadoMax;
      episodio.razon = { codigo: why.codigo, ...why.params };
      if (told) this.#changes.push({ evento: 'actualizada', episodio });
    }
    return EPISODIO.abierto;
  }

  /** Ends the episodio of `slot` at its last odd lectura. */
  close(slot: number): void {
    const episodio = this.#bySlot.get(slot);
    if (episodio === undefined) return;
    episodio.cerradaMs = episodio.actualizadaMs;
    this.#bySlot.delete(slot);
    this.#cooling.delete(slot);
    if (this.#bySlot.size <= MAX_ABIERTOS / 2) this.overflow = 0;
    this.#changes.push({ evento: 'cerrada', episodio });
  }

  /** The episodio of `slot`, which goes on elsewhere; null: it has none. */
  takeOut(slot: number): Episodio | null {
    const episodio = this.#bySlot.get(slot) ?? null;
    this.#bySlot.delete(slot);
    this.#cooling.delete(slot);
    if (this.#bySlot.size <= MAX_ABIERTOS / 2) this.overflow = 0;
    return episodio;
  }

  /** What happened since the last call, in order. */
  takeChanges(): EpisodioChange[] {
    const changes = this.#changes;
    if (changes.length > 0) this.#changes = [];
    return changes;
  }

  /** The open ones as plain data for a checkpoint. */
  snapshot(): EpisodioSnapshot {
    return {
      abiertos: [...this.#bySlot.values()].map((e) => ({ ...e })),
      enfrian: [...this.#cooling],
      overflow: this.overflow,
    };
  }

  restore(snapshot: EpisodioSnapshot): void {
    for (const episodio of snapshot.abiertos) this.#bySlot.set(episodio.slot, { ...episodio });
    for (const slot of snapshot.enfrian) this.#cooling.add(slot);
    this.overflow = snapshot.overflow;
  }

  isCooling(slot: number): boolean {
    return this.#cooling.has(slot);
  }

  readonly #cooling = new Set<number>();

  #openNew(
    slot: number,
    clave: string,
    regla: string,
    valor: number,
    lectura: number,
    tsMs: number,
    why: Explicacion,
  ): number {
    if (this.#bySlot.size >= MAX_ABIERTOS) {
      this.overflow++;
      return EPISODIO.ninguno;
    }
    const abiertaMs = why.desdeMs ?? tsMs;
    const episodio: Episodio = {
      id: episodioId(this.#owner, clave, regla, abiertaMs),
      slot,
      clave,
      regla,
      abiertaMs,
      actualizadaMs: tsMs,
      cerradaMs: null,
      valor,
      lectura,
      esperadoMin: why.esperadoMin,
      esperadoMax: why.esperadoMax,
      razon: { codigo: why.codigo, ...why.params },
      lecturas: 1,
    };
    this.#bySlot.set(slot, episodio);
    this.#changes.push({ evento: 'abierta', episodio });
    return EPISODIO.abierto;
  }
}

export interface EpisodioSnapshot {
  readonly abiertos: readonly Episodio[];
  readonly enfrian: readonly number[];
  readonly overflow: number;
}

/** 16 hex digits over (owner, clave, rule, opening): the same episodio has the same id however often it is told or stored. */
export function episodioId(owner: string, clave: string, regla: string, abiertaMs: number): string {
  const text = `${owner}\u0000${clave}\u0000${regla}\u0000${abiertaMs}`;
  return (
    hash32(text, 0x811c9dc5).toString(16).padStart(8, '0') + hash32(text, 0x9e3779b9).toString(16).padStart(8, '0')
  );
}

function hash32(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) ^ (h >>> 15);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
