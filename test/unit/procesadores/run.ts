/**
 * Runs a procesador the way a bloque does (compiled loops over columns), for one clave or a few, and notes what opened.
 */
import { makeBloqueMemory, type BloqueMemory } from '#domain/entidad/columns.ts';
import { ACC_LENGTH, compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import { parseParametros, type AnyProcesador, type Explicacion } from '#domain/procesadores/define.ts';

export interface Opened {
  readonly slot: number;
  readonly tsMs: number;
  readonly lectura: number;
  readonly valor: number;
  readonly why: Explicacion;
}

export class Bench {
  readonly memory: BloqueMemory;
  readonly opened: Opened[] = [];
  readonly fallos: unknown[] = [];
  readonly #compiled: CompiledProcesador;
  readonly #p: unknown;
  readonly #abre: number;

  constructor(procesador: AnyProcesador, parametros: unknown = {}, slots = 1) {
    this.#compiled = compileProcesador(procesador);
    this.#p = parseParametros(procesador, parametros, 'bloques[0].parametros');
    const abre = procesador.alerta?.abre as number | ((p: unknown) => number) | undefined;
    this.#abre = abre === undefined ? Infinity : typeof abre === 'number' ? abre : abre(this.#p);
    this.memory = makeBloqueMemory(procesador.estado as never, slots);
    const { core } = this.memory;
    core.corre.fill(1);
    for (let slot = 0; slot < slots; slot++) core.numero[slot] = slot + 1;
    this.#compiled.bind(this.memory);
  }

  /** Valores of the lecturas, which all go to `slot`, in batches of `batch`. */
  feed(valores: ArrayLike<number>, times: ArrayLike<number>, slot = 0, batch = valores.length): Float32Array {
    const n = valores.length;
    const out = new Float32Array(n);
    for (let from = 0; from < n; from += Math.max(1, batch)) {
      const size = Math.min(Math.max(1, batch), n - from);
      const lecturas = {
        slot: new Uint16Array(size).fill(slot),
        valor: Float64Array.from({ length: size }, (_, k) => valores[from + k]!),
        tsMs: Float64Array.from({ length: size }, (_, k) => times[from + k]!),
      };
      const pend = {
        slot: new Uint16Array(size),
        tsMs: new Float64Array(size),
        lectura: new Float32Array(size),
        valor: new Float32Array(size),
        length: 0,
      };
      this.#compiled.runLecturas(
        this.#p,
        lecturas,
        0,
        size,
        pend,
        new Float64Array(ACC_LENGTH),
        this.#sink(),
        new Uint32Array(size),
        this.#abre,
      );
      out.set(pend.valor.subarray(0, pend.length), from);
    }
    return out;
  }

  /** One cycle over all slots; valores after it. */
  cycle(nowMs: number): Float32Array {
    const { slots, core } = this.memory;
    this.#compiled.runCycle(this.#p, 0, slots, nowMs, new Float64Array(ACC_LENGTH), this.#sink(), this.#abre, true, 0);
    return core.valor.slice();
  }

  /** State columns of `slot` by name. */
  state(slot = 0): Record<string, number> {
    return Object.fromEntries(this.memory.estado.map(({ name, data }) => [name, data[slot]!]));
  }

  #sink(): {
    fallo(slot: number, error: unknown): void;
    excede(slot: number, valor: number, x: number, t: number): void;
  } {
    return {
      fallo: (_slot, error) => {
        this.fallos.push(error ?? new Error('no finite number'));
      },
      excede: (slot, valor, lectura, tsMs) => {
        this.opened.push({ slot, tsMs, lectura, valor, why: this.#compiled.explica(this.#p, valor) });
      },
    };
  }
}

/** Seeded dice, 0 <= x < 1. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export const MINUTE = 60_000;
export const DAY = 86_400_000;
/** A Monday, 00:00 UTC. */
export const START: number = Date.UTC(2024, 0, 1);

/** Times every `stepMs` from START. */
export function every(stepMs: number, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => START + i * stepMs);
}
