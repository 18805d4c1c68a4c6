/**
 * The evolution of one entry: which genomas are tried, and what follows from a round.
 *
 * Owns who challenges whom, and the rules of switching, probation and going back. Leaves running to ensayo.ts, time and effects to
 * ModuloEvolucion.
 *
 *   a round, on a muestra of its own:
 *     all candidates on one half of the entidades -> the best few against the one in use on the other half
 *
 *   in use --beaten--> the winner waits as retador --beaten again, on new lecturas--> switch; the former on probation as challenger
 *                                                     --the former is better within PROBATION rounds--> back to it, the new one vetoed
 *
 * V1 Nothing changes without a gain of MARGIN, sure by CONFIDENCE, twice on lecturas that have nothing in common.
 * V2 At most SWITCHES_A_DAY switches in 24 hours; going back is always allowed.
 * V3 What was refused after a trial as retador, or gone back from, is not tried again for VETO rounds.
 * V4 Everything follows from the muestra, the seed and the number of the round; between procesadores also from the time that they take.
 */
import { seededDice, seedOf } from '../anomaly/dice.ts';
import type { CompiledProcesador } from '../procesadores/compile.ts';
import { Ensayo } from './ensayo.ts';
import { genesOf, keyOf, mutate, type Dice, type Genoma } from './genoma.ts';
import { LECTURAS_LEAST, type Muestra } from './muestra.ts';
import { aptitudOf, compare, type Comparison, type Costo } from './seleccion.ts';
import { sow, type Siembra } from './siembra.ts';

export const CANDIDATES = 6;
const FINALISTS = 2;
export const MARGIN = 0.02;
const CONFIDENCE = 0.95;
/** Going back needs less than going forth. */
const MARGIN_BACK = 0.01;
const CONFIDENCE_BACK = 0.9;
export const PROBATION = 4;
export const SWITCHES_A_DAY = 4;
const VETO = 24;
const VETOES_MAX = 64;
const DAY_MS = 86_400_000;
/** One mutant in so many is drawn from anywhere within the bounds. */
const BOLD_EVERY = 3;
/** Rounds between two in which other procesadores take part: only the last part of a muestra can judge them. */
const ALTERNATIVES_EVERY = 4;
/** What one that begins anew may learn from, unjudged. */
const LEARN_SHARE = 0.6;

/** What a genoma needs to run: made by whoever knows the registry. Throws when the parametros are refused. */
export interface Runnable {
  readonly compiled: CompiledProcesador;
  readonly parametros: unknown;
}

/** What follows from a round. */
export interface Fallado {
  readonly tipo: 'cambiar' | 'volver' | 'retar' | 'rechazar' | 'confirmar' | 'nada';
  readonly ensayo: number;
  /** What it is about: the one to take, the one that challenges, the one that was refused. */
  readonly genoma: Genoma;
  readonly aptitud: number;
  /** Aptitud of the one in use on the same lecturas. */
  readonly aptitudVigente: number;
  readonly confianza: number;
  readonly lecturas: number;
}

/** As an epoch keeps it. */
export interface EvolucionEstado {
  readonly ensayos: number;
  readonly retador: Genoma | null;
  readonly prueba: { readonly anterior: Genoma; readonly rounds: number } | null;
  readonly vetos: readonly (readonly [string, number])[];
  readonly cambiosMs: readonly number[];
}

interface Candidate {
  readonly genoma: Genoma;
  readonly key: string;
  readonly run: Runnable;
  /** Of the procesador in use. */
  readonly isSame: boolean;
  /** Milliseconds that its lecturas took, and how many. */
  ms: number;
  lecturas: number;
}

interface Judged extends Comparison {
  readonly one: Candidate;
}

export interface EvolucionDeps {
  readonly id: string;
  readonly semilla: number;
  /** Genomas of other procesadores that the entry allows. */
  readonly alternativas: readonly Genoma[];
  readonly runnable: (genoma: Genoma) => Runnable;
}

export class Evolucion {
  ensayos = 0;
  retador: Genoma | null = null;
  prueba: { readonly anterior: Genoma; readonly rounds: number } | null = null;
  readonly #deps: EvolucionDeps;
  readonly #vetos = new Map<string, number>();
  #cambiosMs: number[] = [];

  constructor(deps: EvolucionDeps, stored: EvolucionEstado | null = null) {
    this.#deps = deps;
    if (stored === null) return;
    this.ensayos = stored.ensayos;
    this.retador = stored.retador;
    this.prueba = stored.prueba;
    for (const [key, until] of stored.vetos) this.#vetos.set(key, until);
    this.#cambiosMs = [...stored.cambiosMs];
  }

  estado(): EvolucionEstado {
    const { ensayos, retador, prueba } = this;
    return { ensayos, retador, prueba, vetos: [...this.#vetos], cambiosMs: this.#cambiosMs };
  }

  /** A hand has changed what is in use: what was learned of the one before says nothing of it. */
  begin(): void {
    this.retador = null;
    this.prueba = null;
  }

  /**
   * A round: yields after each part, and is told its time by the next call; the sum is what a genoma costs. Returns what follows from it.
   *
   * @param presion how pressed CoreC is, 0..1. @param nowMs wall time.
   */
  *round(vigente: Genoma, muestra: Muestra, presion: number, nowMs: number): Generator<void, Fallado, number> {
    const ensayo = ++this.ensayos;
    const dice = seededDice(seedOf(`${this.#deps.semilla}/${this.#deps.id}/${ensayo}`));
    for (const [key, until] of this.#vetos) if (until < ensayo) this.#vetos.delete(key);
    const [ground, proof] = halves(muestra, dice);
    const used = this.#candidate(vigente, vigente)!;
    const seats = this.#seats(used, dice);
    const learn = seats.some(({ isSame }) => !isSame) ? LEARN_SHARE : 0;
    const first = sow(muestra, ground, dice, learn);
    const ranked = new Map<Candidate, number>();
    for (const one of seats) {
      const { cuentas } = yield* run(one, muestra, first);
      ranked.set(one, aptitudOf(cuentas, first.places));
    }
    const finalists = this.#finalists(seats, ranked);
    const second = sow(muestra, proof, dice, learn);
    const own = yield* run(used, muestra, second);
    const aptitudVigente = aptitudOf(own.cuentas, second.places);
    const judged: Judged[] = [];
    for (const one of finalists) {
      const { cuentas } = yield* run(one, muestra, second);
      const cost: Costo = { ratio: ratioOf(one, used), presion };
      judged.push({ one, ...compare(cuentas, own.cuentas, second.places, cost, dice) });
    }
    const { tipo, about } = this.#decide(judged, nowMs);
    return {
      tipo,
      ensayo,
      genoma: about?.one.genoma ?? vigente,
      aptitud: about?.aptitud ?? aptitudVigente,
      aptitudVigente,
      confianza: about?.confidence ?? 0,
      lecturas: muestra.length,
    };
  }

  /** Who challenges: the retador, the former on probation, the other procesadores now and then, and mutants of the one in use. */
  #seats(used: Candidate, dice: Dice): Candidate[] {
    const seats = new Map<string, Candidate>();
    const seat = (genoma: Genoma): void => {
      const key = keyOf(genoma);
      if (key === used.key || seats.has(key)) return;
      const made = this.#candidate(genoma, used.genoma);
      if (made !== null) seats.set(key, made);
    };
    if (this.retador !== null) seat(this.retador);
    if (this.prueba !== null) seat(this.prueba.anterior);
    if (this.ensayos % ALTERNATIVES_EVERY === 0)
      for (const genoma of this.#deps.alternativas) if (!this.#vetos.has(keyOf(genoma))) seat(genoma);
    const { procesador } = used.run.compiled;
    const genes = genesOf(procesador, used.run.parametros);
    for (let k = 0; k < 2 * CANDIDATES && seats.size < CANDIDATES; k++) {
      const made = mutate(used.genoma, genes, (genoma) => this.#isValid(genoma), dice, k % BOLD_EVERY === 0);
      if (made !== null && !this.#vetos.has(keyOf(made))) seat(made);
    }
    return [...seats.values()];
  }

  /** The best, and whoever has a claim to be heard. */
  #finalists(seats: readonly Candidate[], ranked: ReadonlyMap<Candidate, number>): Candidate[] {
    const claims = new Set([this.retador, this.prueba?.anterior ?? null].flatMap((one) => (one ? [keyOf(one)] : [])));
    const best = seats.toSorted((a, b) => ranked.get(b)! - ranked.get(a)!).slice(0, FINALISTS);
    return seats.filter((one) => claims.has(one.key) || best.includes(one));
  }

  /** V1 to V3. */
  #decide(judged: readonly Judged[], nowMs: number): { tipo: Fallado['tipo']; about: Judged | null } {
    const of = (genoma: Genoma): Judged | null => judged.find(({ one }) => one.key === keyOf(genoma)) ?? null;
    let quiet: Fallado['tipo'] = 'nada';
    if (this.prueba !== null) {
      const { anterior, rounds } = this.prueba;
      const former = of(anterior);
      if (former !== null && former.gain >= MARGIN_BACK && former.confidence >= CONFIDENCE_BACK)
        return { tipo: 'volver', about: former };
      this.prueba = rounds > 1 ? { anterior, rounds: rounds - 1 } : null;
      if (this.prueba === null) quiet = 'confirmar';
    }
    const winners = judged.filter(({ gain, confidence }) => gain >= MARGIN && confidence >= CONFIDENCE);
    const best = winners.toSorted((a, b) => b.gain - a.gain)[0] ?? null;
    const { retador } = this;
    const challenger = retador === null ? null : of(retador);
    if (challenger !== null && winners.includes(challenger)) {
      this.#cambiosMs = this.#cambiosMs.filter((ms) => nowMs - ms < DAY_MS && ms <= nowMs);
      if (this.#cambiosMs.length < SWITCHES_A_DAY) return { tipo: 'cambiar', about: challenger };
      return { tipo: quiet, about: challenger };
    }
    this.retador = best?.one.genoma ?? null;
    if (challenger !== null) {
      this.#veto(challenger.one.key);
      return { tipo: 'rechazar', about: challenger };
    }
    if (best !== null) return { tipo: 'retar', about: best };
    return { tipo: 'rechazar', about: judged.toSorted((a, b) => b.gain - a.gain)[0] ?? null };
  }

  /** The switch is durable. @param before what was in use. */
  switched(before: Genoma, nowMs: number): void {
    this.retador = null;
    this.prueba = { anterior: before, rounds: PROBATION };
    this.#cambiosMs.push(nowMs);
  }

  /** So is going back. @param from what was in use. */
  wentBack(from: Genoma): void {
    this.begin();
    this.#veto(keyOf(from));
  }

  #veto(key: string): void {
    this.#vetos.delete(key);
    this.#vetos.set(key, this.ensayos + VETO);
    if (this.#vetos.size > VETOES_MAX) this.#vetos.delete(this.#vetos.keys().next().value!);
  }

  #isValid(genoma: Genoma): boolean {
    try {
      this.#deps.runnable(genoma);
      return true;
    } catch {
      return false;
    }
  }

  #candidate(genoma: Genoma, used: Genoma): Candidate | null {
    try {
      const run = this.#deps.runnable(genoma);
      const isSame = genoma.procesador === used.procesador;
      return { genoma, key: keyOf(genoma), run, isSame, ms: 0, lecturas: 0 };
    } catch (error) {
      // the one in use runs: it must be runnable
      if (genoma === used) throw error;
      return null;
    }
  }
}

/** Runs one over a siembra, part by part. */
function* run(one: Candidate, muestra: Muestra, siembra: Siembra): Generator<void, Ensayo, number> {
  const ensayo = new Ensayo(muestra, siembra, one.run.compiled, one.run.parametros, one.isSame);
  for (let isMore = true; isMore;) {
    isMore = ensayo.part();
    one.ms += yield;
  }
  one.lecturas += siembra.length;
  return ensayo;
}

/** V4: clocks have no say among genomas of one procesador, which cost the same. */
function ratioOf(one: Candidate, used: Candidate): number {
  if (one.isSame || used.ms === 0 || used.lecturas === 0) return 1;
  return one.ms / one.lecturas / (used.ms / used.lecturas);
}

/** Every other usable place, in an order that the dice give. */
function halves({ counts }: Muestra, dice: Dice): [ground: number[], proof: number[]] {
  const order = [...counts.keys()].filter((place) => counts[place]! >= LECTURAS_LEAST);
  for (let k = order.length - 1; k > 0; k--) {
    const other = Math.floor(dice() * (k + 1));
    [order[k], order[other]] = [order[other]!, order[k]!];
  }
  return [order.filter((_, k) => k % 2 === 0), order.filter((_, k) => k % 2 === 1)];
}
