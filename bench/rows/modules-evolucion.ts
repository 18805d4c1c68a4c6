/**
 * Organic evolution on streams that are made up: `detector` with the parametros that it ships with, against the same that evolves.
 *
 * drift   each seed has one of five kinds: tails grow heavy, levels wander, noise swells and ebbs, noise calms down, bursts come at times.
 *         F1 of planted oddities in the second half; in how many of 20 seeds it is better. Beside it the one value of sensibilidad that
 *         would have been best on all of them.
 * steady  nothing but noise and oddities: the seed that lost most, in percent of its F1.
 * cost    rounds at their shortest interval, 900 s, of one entry: share of a core.
 *
 * Evolution sees the lecturas alone. Its own plantings have other dice than those that are counted here, and much the same sizes and lengths:
 * the figure tells what evolution makes of its objective, not what it finds in the field.
 */
import { Evolucion } from '#domain/evolucion/evolucion.ts';
import { parametrosOf, type Genoma } from '#domain/evolucion/genoma.ts';
import { LECTURAS_PER_PLACE, Muestra, PLACES } from '#domain/evolucion/muestra.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { detector } from '#domain/procesadores/detector.ts';
import { makeRandom } from '#adapters/system/random.ts';
import type { Random } from '#ports/random.ts';
import { makeBloque } from '../lib/bloque.ts';
import { atLeast, atMost, makeRow, type BenchRow } from '../lib/row.ts';

export const DRIFT_LIMIT = atLeast(16, 20);
export const STEADY_LIMIT = atLeast(-2, 0);
export const COST_LIMIT = atMost(2, 0.1);

const SEED_FIRST = 101;
const SEEDS = 20;
const ENTIDADES = 60;
const ROWS = 8000;
/** A minute a row: 5.5 days. */
const STEP_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 5);
/** One oddity in so many lecturas of an entidad. */
const ODD_EVERY = 1000;
/** An alert so soon after an oddity is about it. */
const LATE = 8;
const ROUND_S = 900;

/** Values of sensibilidad that are tried with hindsight. */
const HINDSIGHT = [1.5, 2.5, 4, 6, 10];

const KINDS = ['tails', 'wander', 'swell', 'calm', 'bursts'] as const;
type Kind = (typeof KINDS)[number] | 'steady';

const compiled = compileProcesador(detector);
const CONFIGURED = { procesador: 'detector', parametros: {} };
const ODD = { none: 0, begins: 1, lasts: 2 } as const;

interface Minute {
  readonly valor: Float64Array;
  readonly odd: Uint8Array;
}

/** One row of lecturas a minute; the drift sets in at a quarter of the time and is whole at the half. */
function* stream(kind: Kind, seed: number): Generator<Minute> {
  const dice = makeRandom(seed);
  const each = (of: () => number): number[] => Array.from({ length: ENTIDADES }, of);
  const level = each(() => 100 * dice.next());
  const spread = each(() => 0.5 + 2 * dice.next());
  const wander = each(() => 0);
  const until = each(() => -1);
  const size = each(() => 0);
  for (let t = 0; t < ROWS; t++) {
    const drift = kind === 'steady' ? 0 : Math.max(0, Math.min(1, (t / ROWS - 0.25) * 4));
    const valor = new Float64Array(ENTIDADES);
    const odd = new Uint8Array(ENTIDADES);
    for (let i = 0; i < ENTIDADES; i++) {
      let scale = 1;
      if (kind === 'tails' && dice.next() < 0.02 * drift) scale = 5;
      if (kind === 'swell') scale = 1 + 3 * drift * Math.abs(Math.sin(t / 200 + i));
      if (kind === 'calm') scale = 1 - 0.6 * drift;
      if (kind === 'bursts' && (t + 37 * i) % 500 < 20) scale = 1 + 5 * drift;
      if (kind === 'wander') wander[i]! += 0.1 * drift * gauss(dice);
      let x = scale * gauss(dice) + wander[i]!;
      if (until[i]! < t && dice.next() < 1 / ODD_EVERY) {
        until[i] = t + (dice.next() < 0.5 ? 12 + dice.below(28) : 0);
        size[i] = (dice.next() < 0.5 ? -1 : 1) * (4 + 8 * dice.next()) * (kind === 'calm' ? scale : 1);
        odd[i] = ODD.begins;
      }
      if (until[i]! >= t) {
        x += size[i]!;
        if (odd[i] === ODD.none) odd[i] = ODD.lasts;
      }
      valor[i] = level[i]! + spread[i]! * x;
    }
    yield { valor, odd };
  }
}

function gauss(dice: Random): number {
  return Math.sqrt(-2 * Math.log(1 - dice.next())) * Math.cos(2 * Math.PI * dice.next());
}

/** Oddities found, missed, and alerts about nothing, in the second half. */
class Score {
  found = 0;
  missed = 0;
  wrong = 0;
  readonly #open = new Uint8Array(ENTIDADES);
  readonly #until = new Int32Array(ENTIDADES).fill(-1);
  readonly #isOver = new Uint8Array(ENTIDADES);

  take(t: number, odd: Uint8Array, valor: Float32Array): void {
    const isCounted = t >= ROWS / 2;
    for (let i = 0; i < ENTIDADES; i++) {
      if (odd[i] === ODD.begins && isCounted) {
        this.missed += this.#open[i]!;
        this.#open[i] = 1;
      }
      if (odd[i] !== ODD.none) this.#until[i] = t + LATE;
      const isOver = valor[i]! >= 0.5;
      const isAlert = isOver && this.#isOver[i] === 0 && isCounted;
      this.#isOver[i] = isOver ? 1 : 0;
      if (!isAlert) continue;
      if (t > this.#until[i]!) this.wrong++;
      else if (this.#open[i] === 1) {
        this.found++;
        this.#open[i] = 0;
      }
    }
  }

  get f1(): number {
    const missed = this.missed + this.#open.reduce((sum, one) => sum + one, 0);
    return (2 * this.found) / (2 * this.found + missed + this.wrong);
  }
}

interface Run {
  readonly score: Score;
  readonly switches: number;
  readonly rounds: number;
  readonly ms: number;
}

function play(kind: Kind, seed: number, evolves: boolean, sensibilidad: number | null = null): Run {
  const bloque = makeBloque('evolucion', 0, ENTIDADES, compiled);
  for (let i = 0; i < ENTIDADES; i++) bloque.bind();
  const runnable = (genoma: Genoma) => ({ compiled, parametros: parametrosOf(genoma, detector, CONFIGURED) });
  const evolucion = new Evolucion({ id: 'evolucion', semilla: seed, alternativas: [], runnable });
  let vigente: Genoma = { procesador: 'detector', valores: sensibilidad === null ? {} : { sensibilidad } };
  if (sensibilidad !== null) bloque.evolve(compiled, runnable(vigente).parametros);
  let muestra: Muestra | null = null;
  const score = new Score();
  let [switches, rounds, ms, t] = [0, 0, 0, 0];
  for (const { valor, odd } of stream(kind, seed)) {
    const nowMs = START_MS + t * STEP_MS;
    if (evolves && muestra === null) {
      const first = t;
      const lugares = Array.from({ length: PLACES }, (_, k) => ({
        bloque,
        slot: (7 * k + first) % ENTIDADES,
        clave: '',
      }));
      muestra = new Muestra(lugares, detector.estado);
      muestra.start();
    }
    for (let i = 0; i < ENTIDADES; i++) bloque.inbox.pushOne(i, valor[i]!, nowMs, 0);
    bloque.drain(1, nowMs);
    score.take(t++, odd, bloque.memory.core.valor);
    if (muestra === null || muestra.length < PLACES * LECTURAS_PER_PLACE) continue;
    muestra.stop();
    const beganMs = performance.now();
    const round = evolucion.round(vigente, muestra, 0, nowMs);
    let step = round.next(0);
    while (step.done !== true) step = round.next(0);
    ms += performance.now() - beganMs;
    rounds++;
    muestra = null;
    const { tipo, genoma } = step.value;
    if (tipo !== 'cambiar' && tipo !== 'volver') continue;
    if (tipo === 'cambiar') evolucion.switched(vigente, nowMs);
    else evolucion.wentBack(vigente);
    switches++;
    vigente = genoma;
    bloque.evolve(compiled, runnable(vigente).parametros);
  }
  return { score, switches, rounds, ms };
}

const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
const three = (x: number): string => x.toFixed(3);

export function benchEvolucion(): BenchRow[] {
  const seeds = Array.from({ length: SEEDS }, (_, k) => SEED_FIRST + k);
  const pair = (kind: Kind, seed: number): { readonly fixed: Run; readonly evolved: Run } => ({
    fixed: play(kind, seed, false),
    evolved: play(kind, seed, true),
  });
  const drift = seeds.map((seed, k) => pair(KINDS[k % KINDS.length]!, seed));
  const steady = seeds.map((seed) => pair('steady', seed));
  const f1 = (list: typeof drift, of: 'fixed' | 'evolved'): number => mean(list.map((one) => one[of].score.f1));
  const sum = (list: typeof drift, of: (run: Run) => number): number => list.reduce((s, one) => s + of(one.evolved), 0);
  const told = (list: typeof drift): string =>
    `mean F1 ${three(f1(list, 'fixed'))} -> ${three(f1(list, 'evolved'))}, ${sum(list, (run) => run.switches)} switches in ${sum(list, (run) => run.rounds)} rounds`;
  const better = drift.filter(({ fixed, evolved }) => evolved.score.f1 > fixed.score.f1).length;
  const changes = steady.map(({ fixed, evolved }) => 100 * (evolved.score.f1 / fixed.score.f1 - 1));
  const all = [...drift, ...steady];
  const roundMs = sum(all, (run) => run.ms) / sum(all, (run) => run.rounds);
  // what nobody can know beforehand: the one value that would have been best on all of them
  const hindsight = HINDSIGHT.map((sensibilidad) => {
    const scores = seeds.map((seed, k) => play(KINDS[k % KINDS.length]!, seed, false, sensibilidad).score.f1);
    const beaten = drift.filter(({ evolved }, k) => evolved.score.f1 > scores[k]!).length;
    return { sensibilidad, f1: mean(scores), beaten };
  });
  const best = hindsight.toSorted((a, b) => b.f1 - a.f1)[0]!;
  const least = Math.min(...drift.map(({ fixed, evolved }) => evolved.score.f1 - fixed.score.f1));
  return [
    makeRow('modules.evolucion', 'of 20 seeds', DRIFT_LIMIT, {
      value: better,
      baseline: null,
      note:
        `F1 better than with fixed parametros on streams that drift (${KINDS.join(', ')}): ${told(drift)}; least gain ${three(least)}; ` +
        `the best single sensibilidad in hindsight (${best.sensibilidad}, of ${HINDSIGHT.join(' ')}) has ${three(best.f1)}, and evolution is better than it on ${best.beaten} of ${SEEDS}`,
    }),
    makeRow('modules.evolucion-steady', '%', STEADY_LIMIT, {
      value: Math.min(...changes),
      baseline: null,
      note: `change of F1 in the worst of ${SEEDS} steady streams: ${told(steady)}`,
    }),
    makeRow('modules.evolucion-cost', '% of a core', COST_LIMIT, {
      value: (roundMs / (ROUND_S * 1000)) * 100,
      baseline: null,
      note: `a round of ${roundMs.toFixed(0)} ms over ${PLACES * LECTURAS_PER_PLACE} lecturas every ${ROUND_S} s`,
    }),
  ];
}
