/**
 * `detector` with a thousand bytes more: a committee judges instead of one, and knows the hours of working days and weekends.
 *
 * Owns: the votes, their episodio and the reason. Leaves to norma.ts what one judge sees, to estacion.ts what an hour usually brings.
 *
 *   lectura ------------------------------> 8 judges of the lectura    3 agree --+
 *      |                                                                          +--> an alert
 *      +-> minus what its half hour brings -> 4 judges of what is left  4 agree --+
 *          (only while that tells more than the level alone)
 *
 * A judge is a whole `detector` with its figures multiplied by its own factors (0.57 to 1.74). What one set of figures sees by luck the others
 * do not, and what is really odd most see: the figures of a single judge need not be right.
 *
 * F1 Causal: a valor depends on its lectura and those before.
 * F2 One alert an episodio: a valor >= ALERT stands for the start alone.
 * F3 A series that has no season is judged by the first eight only.
 */
import { defineProcesador, type EntidadView, type EstadoSpec, type Explicacion, type Procesador } from './define.ts';
import {
  DETECTOR_ABRE,
  DETECTOR_CIERRA,
  SENSIBILIDAD_GEN,
  detectorParametros,
  explainDetector,
  type DetectorParametros,
} from './detector.ts';
import { ESTACION_COLUMNS, HALF_HOURS, expect, halfHourOf, learn } from './estacion.ts';
import { JUDGES, JUDGE_COLUMNS, JudgeView, OF_LECTURA } from './judges.ts';
import { ALERT, ALERT_TAIL, SCORE_STEPS, judge, makeMetodo, type Metodo } from './norma.ts';

/** So many must have told within the last HOLD lecturas. */
const AGREE_LECTURA = 3;
const AGREE_REST = 4;
const HOLD = 50;
const CALM = 50;
const CALM_TAIL = CALM - 12;
/** Figures of a judge are up to 2^+-VARIETY of those of `detector`. */
const VARIETY = 0.8;

const FINO_COLUMNS = {
  ...JUDGE_COLUMNS,
  ...ESTACION_COLUMNS,
  /** Lecturas for which the vote of a judge still stands. */
  vote: 'u8[12]',
  calmAll: 'u8',
  /** The judge that has the word. */
  teller: 'u8',
} as const satisfies EstadoSpec;
type FinoView = EntidadView<typeof FINO_COLUMNS>;

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31];

/** Factors that lie evenly (multiples of irrational steps), so that no luck of dice is in them. */
const METODOS: readonly Metodo[] = Array.from({ length: JUDGES }, (_, k) =>
  makeMetodo(
    (figure) => {
      const turns = (k + 1) * Math.sqrt(PRIMES[figure]!);
      return 2 ** (VARIETY * (2 * (turns - Math.floor(turns)) - 1));
    },
    k < OF_LECTURA ? undefined : Infinity,
  ),
);

const judgeView = new JudgeView();
const scores = new Float64Array(JUDGES);

function judgeFinely(e: FinoView, x: number, tsMs: number, sensibilidad: number): number {
  const rest = learn(e, x, tsMs);
  const view = judgeView.of(e);
  for (let k = 0; k < JUDGES; k++) {
    const y = k < OF_LECTURA ? x : rest;
    const vote = e.vote.get(k);
    if (vote !== 0) e.vote.set(k, vote - 1);
    scores[k] = Number.isNaN(y) ? 0 : judge(view.at(k), y, tsMs, e.tsMs, sensibilidad, METODOS[k]);
    if (scores[k]! >= ALERT) e.vote.set(k, HOLD);
  }
  const agreed = agreement(e, 0, OF_LECTURA) >= AGREE_LECTURA || agreement(e, OF_LECTURA, JUDGES) >= AGREE_REST;
  const least = Math.max(ranked(0, OF_LECTURA, AGREE_LECTURA), ranked(OF_LECTURA, JUDGES, AGREE_REST));
  const calm = e.calmAll;
  if (calm === 0 && agreed) {
    e.calmAll = CALM;
    const teller = scores.indexOf(Math.max(...scores));
    e.teller = teller;
    return Math.max(ALERT, scores[teller]!);
  }
  if (calm !== 0) e.calmAll = agreed ? Math.max(calm - 1, CALM / 2) : calm - 1;
  const score = Math.min(least, ALERT - 1 / SCORE_STEPS);
  return calm > CALM_TAIL ? Math.max(score, ALERT_TAIL) : score;
}

function agreement(e: FinoView, from: number, to: number): number {
  let votes = 0;
  for (let k = from; k < to; k++) if (e.vote.get(k) !== 0) votes++;
  return votes;
}

/** The score that `place` of the judges reach, without holding any. */
function ranked(from: number, to: number, place: number): number {
  let best = 0;
  for (let k = from; k < to; k++) {
    const score = scores[k]!;
    if (score <= best) continue;
    let reached = 0;
    for (let j = from; j < to; j++) if (scores[j]! >= score) reached++;
    if (reached >= place) best = score;
  }
  return best;
}

function explainFino(e: FinoView, lectura: number, tsMs: number): Explicacion {
  const { teller } = e;
  const why = explainDetector(judgeView.of(e).at(teller));
  const usual = teller < OF_LECTURA ? NaN : expect(e, tsMs);
  if (Number.isNaN(usual)) return why;
  const from = (halfHourOf(tsMs) % HALF_HOURS) / 2;
  const esperadoMin = why.esperadoMin === null ? null : usual + why.esperadoMin;
  const esperadoMax = why.esperadoMax === null ? null : usual + why.esperadoMax;
  const { params } = why;
  const level = typeof params?.['lectura'] === 'number' ? usual + params['lectura'] : lectura;
  return {
    codigo: level < usual ? 'too_low' : 'too_high',
    params: { lectura: level, horasUtc: `${Math.floor(from)}-${Math.floor(from) + 1}` },
    esperadoMin,
    esperadoMax,
  };
}

export const detectorFino: Procesador<typeof FINO_COLUMNS, DetectorParametros> = defineProcesador({
  nombre: 'detector_fino',
  version: 1,
  estado: FINO_COLUMNS,
  parametros: detectorParametros,
  evolucion: { sensibilidad: SENSIBILIDAD_GEN },
  onLectura: (e, lectura, p) => judgeFinely(e, lectura.valor, lectura.tsMs, p.sensibilidad),
  alerta: {
    regla: 'detector_fino',
    abre: DETECTOR_ABRE,
    cierra: DETECTOR_CIERRA,
    explica: (e, lectura) => explainFino(e, lectura.valor, lectura.tsMs),
  },
});
