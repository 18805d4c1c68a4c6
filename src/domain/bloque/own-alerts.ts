/**
 * The alerts of a bloque about itself: too many failed runs, a low fitness, entidades in quarantine, episodios that found no room.
 *
 * Owns which are open. Leaves measuring to the bloque and the words to domain/texts.
 */
import { EpisodioBook, type Episodio, type EpisodioLimits } from '../episodio/episodio.ts';
import { cycleFitness, spread, type CycleSums } from './fitness.ts';

/** The index is the slot in the book. */
const RULES = ['error_rate', 'fitness_low', 'quarantine', 'episodios_overflow'] as const;
/** Cycles with runs before fitness is judged: it starts at 0. */
const FITNESS_WARM_UP = 30;
const FALLO_CHARS_MAX = 200;

export interface OwnLimits {
  readonly maxErrores: number;
  readonly minFitness: number;
  readonly enfriamientoMs: number;
}

/** How the bloque stands at the end of a cycle. */
export interface OwnFigures {
  readonly sums: CycleSums;
  readonly cyclesWithRuns: number;
  readonly fitness: number;
  readonly umbral: number;
  readonly quarantine: number;
  readonly lastFallo: string;
  readonly episodios: EpisodioBook;
}

export class OwnAlerts {
  readonly book: EpisodioBook;
  readonly #own: OwnLimits;
  readonly #limits: EpisodioLimits;

  constructor(id: string, own: OwnLimits) {
    this.book = new EpisodioBook(id);
    this.#own = own;
    this.#limits = { abre: 1, cierra: 1, enfriamientoMs: own.enfriamientoMs };
  }

  /** Most cycles of most bloques have nothing to tell: what an alert would say is made only for one. */
  judge(figures: OwnFigures, nowMs: number): void {
    const { sums, fitness, quarantine, episodios } = figures;
    const { maxErrores, minFitness } = this.#own;
    const errorRate = sums.runs === 0 ? 0 : sums.errors / sums.runs;
    const judged = sums.runs > 0 && figures.cyclesWithRuns > FITNESS_WARM_UP;
    const wrong = errorRate > maxErrores;
    const low = judged && fitness < minFitness;
    const { overflow } = episodios;
    if (!wrong && !low && quarantine === 0 && overflow === 0 && this.book.openCount === 0) return;
    const errors = { max: maxErrores, runs: sums.runs, errors: sums.errors };
    this.#take(0, errorRate, wrong, errors, 0, maxErrores, nowMs);
    const cycle = judged ? cycleFitness(sums, spread(sums), figures.umbral) : 0;
    this.#take(1, fitness, low, { min: minFitness, cycle }, minFitness, 1, nowMs);
    const fallo = figures.lastFallo.slice(0, FALLO_CHARS_MAX);
    this.#take(2, quarantine, quarantine > 0, { entidades: quarantine, fallo }, 0, 0, nowMs);
    this.#take(3, overflow, overflow > 0, { abiertos: episodios.openCount }, 0, 0, nowMs);
  }

  /** Goes on with one that was open before a restart; of a rule twice, with the one that was handed over first. */
  adopt({ id, clave, regla, abiertaMs, ...rest }: Omit<Episodio, 'slot'>): void {
    const slot = RULES.findIndex((rule) => rule === regla);
    if (slot < 0 || this.book.get(slot) !== undefined) return;
    const { actualizadaMs, cerradaMs, valor, lectura, esperadoMin, esperadoMax, razon, lecturas } = rest;
    const seen = { actualizadaMs, cerradaMs, valor, lectura, esperadoMin, esperadoMax, razon, lecturas };
    this.book.restore({ abiertos: [{ id, slot, clave, regla, abiertaMs, ...seen }], enfrian: [], overflow: 0 });
  }

  #take(
    rule: number,
    measured: number,
    wrong: boolean,
    params: Readonly<Record<string, string | number | null>>,
    esperadoMin: number,
    esperadoMax: number,
    nowMs: number,
  ): void {
    const open = this.book.get(rule) !== undefined;
    if (!wrong && !open) return;
    const regla = RULES[rule]!;
    this.book.take(
      rule,
      () => '',
      regla,
      wrong ? 1 : 0,
      measured,
      nowMs,
      this.#limits,
      () => ({
        codigo: regla,
        params: { ...params, medido: measured },
        esperadoMin,
        esperadoMax,
      }),
    );
  }
}
