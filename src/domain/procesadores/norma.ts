/**
 * What is normal for one thing: learned from its lecturas one by one, in 64 bytes, and how far a lectura stands outside of it.
 *
 * Owns: the columns, learning and the score 0..1 that `detector`, `conteo` and `tasa` share. Leaves to them what is judged (a
 * lectura, a count, a rate) and how an alert is put in words. The method, its figures and its weak sides: docs/DETECTION.md.
 *
 *   lectura -> y = x - origin
 *      range   [low, high] of y                      odd when y leaves it            (spikes, jumps)
 *      fast    mean of ~16, its range                odd when the mean leaves it     (bursts, shifts)
 *      slow    mean of ~300, its range               odd when the mean leaves it     (drift, failures that creep)
 *      season  level by time of day, 8 tramos of 3 h odd when a tramo is unlike      (a missing morning)
 *      run     equal lecturas in a row, longest      odd when far longer than ever   (a stuck sensor)
 *   exceedance = how far outside, as a part of the width of the range -> score = exceedance / (exceedance + margin)
 *
 * N1 Scale free: only ratios of differences count, so 1e-6 and 1e9 behave alike.
 * N2 Event time only: days of experience, season and forgetting follow the lecturas' own time; a step back in time changes none of them.
 * N3 One alert an episodio: a score >= ALERT stands for the start alone; while the calm lasts, scores stay below it.
 * N4 The lectura that starts an alert is taken into the ranges by the next one, so that the columns still tell what was expected.
 */
import type { EntidadView, EstadoSpec } from './define.ts';

/** Scores are stepped by 1/256, so that they store small. */
export const SCORE_STEPS = 256;
/** A score from here on starts an alert: the exceedance has reached the margin. */
export const ALERT = 128 / SCORE_STEPS;
/** While an episodio is fresh, its score does not fall below this. */
export const ALERT_TAIL = 64 / SCORE_STEPS;

/** 64 bytes. All but `origin` are relative to origin: the first lectura, which keeps float32 exact enough around 1e9. */
export const NORMA_COLUMNS = {
  origin: 'f32',
  last: 'f32',
  low: 'f32',
  high: 'f32',
  fast: 'f32',
  fastLow: 'f32',
  fastHigh: 'f32',
  slow: 'f32',
  slowLow: 'f32',
  slowHigh: 'f32',
  /** Mean distance from `slow`. */
  spread: 'f32',
  /** Lecturas seen, up to SEEN_MAX. */
  seen: 'u16',
  /** Tramos lived through, up to 255: 32 days. */
  age: 'u8',
  /** Lecturas until the next alert may start. */
  calm: 'u8',
  /** Alerts of late: 40 each, 1 less a tramo. */
  recent: 'u8',
  motive: 'u8',
  /** Exponent + QUANTUM_BIAS of the smallest step ever seen between two lecturas; 0: none yet. */
  quantum: 'u8',
  run: 'u8',
  runMax: 'u8',
  /** Exponent + QUANTUM_BIAS of the unit of the hours; 0: none yet. */
  hourUnit: 'u8',
  /** Usual distance from the hours, in half units; the one before the last tramo beside it. */
  hourSpread: 'u8',
  hourSpreadBefore: 'u8',
  /** Level by time of day (UTC): 128 is origin, 0 not seen yet. */
  hour0: 'u8',
  hour1: 'u8',
  hour2: 'u8',
  hour3: 'u8',
  hour4: 'u8',
  hour5: 'u8',
  hour6: 'u8',
  hour7: 'u8',
} as const satisfies EstadoSpec;

export type NormaView = EntidadView<typeof NORMA_COLUMNS>;

/** What made a lectura odd. Season: HOUR_ABOVE or HOUR_BELOW plus the tramo of the day. */
export const MOTIVE = {
  none: 0,
  above: 1,
  below: 2,
  jumpUp: 3,
  jumpDown: 4,
  levelAbove: 5,
  levelBelow: 6,
  driftAbove: 7,
  driftBelow: 8,
  flat: 9,
  hourAbove: 16,
  hourBelow: 24,
} as const;

/** A tramo is three hours of UTC. */
const TRAMOS_PER_MS = 1 / 10_800_000;
const TRAMOS_PER_DAY = 8;

// -- the method's figures: one set for everything, chosen on the middle of a plateau (docs/DETECTION.md) ----------------------

/** Margin of a clave with long experience, as a part of the range's width; more while it knows few days. */
const MARGIN = 0.09;
const MARGIN_YOUNG = 5;
const MARGIN_YOUNG_DAYS = 0.4;
/** Ready to alert: after this many lecturas, or after fewer over ten days. */
const READY = 300;
const READY_SLOW = 60;
const READY_SLOW_AGE = 10 * TRAMOS_PER_DAY;
/** So long ranges take in whatever comes. */
const LEARN_FREELY = 150;
/** Ranges of the means begin here: the mean of the first lecturas is no mean yet, and an odd first one would widen them for long. */
const MEANS_FROM = 12;
const FAST_RATE = 1 / 16;
const SLOW_RATE = 1 / 300;
const SPREAD_RATE = 1 / 1000;
/** After this many, no mean is one over all lecturas any more. */
const SEEN_MAX = 1000;
/** Weights of the exceedances against that of the range itself. */
const FAST_WEIGHT = 0.7;
const HOUR_WEIGHT = 0.2;
const FLAT_EXCEEDANCE = 2;
/** Share of the exceedance that a range takes in at each lectura outside it. */
const RANGE_GAIN = 0.2;
const MEAN_GAIN = 0.01;
const YOUNG_GAIN = 0.1;
/** Counts have steps: the width is at least this many of the smallest step. */
const RANGE_STEPS = 10;
const MEAN_STEPS = 3;
/** The means follow a lectura no further than this many widths outside the range. */
const GATE_WIDTHS = 2;
const CALM = 50;
const CALM_TAIL = CALM - 12;
const RECENT_ALERT = 40;
const RECENT_FREE = 80;
/** Parts of a range beyond slow +- 8 spreads are forgotten in 80 days. */
const FORGET_SPREADS = 8;
const FORGET_TRAMOS = 80 * TRAMOS_PER_DAY;
const FLAT_RUNS = 3;
const FLAT_MORE = 36;
/** Runs are counted up to here; the value above it in `runMax` says that the present run has been told. */
const RUN_MAX = 254;
const RUN_TOLD = 255;
const HOUR_RATE = 0.3;
const HOUR_AGE = 3 * TRAMOS_PER_DAY;
const EXCEEDANCE_MIN = 0.01;
/** Lecturas beyond are taken as this large, so that differences stay float32. */
const LARGEST = 1e37;

const QUANTUM_BIAS = 150;
const POWER = Float64Array.from({ length: 256 }, (_, k) => (k === 0 ? Infinity : 2 ** (k - QUANTUM_BIAS)));
const perAge = (f: (days: number) => number): Float64Array =>
  Float64Array.from({ length: 256 }, (_, age) => f(age / TRAMOS_PER_DAY));

/** The figures that make one judge unlike another; the rest is the same for all. */
export interface Metodo {
  readonly margin: number;
  readonly marginAt: Float64Array;
  readonly rangeGainAt: Float64Array;
  readonly meanGainAt: Float64Array;
  readonly fastRate: number;
  readonly slowRate: number;
  readonly fastWeight: number;
  readonly hourWeight: number;
  readonly gateWidths: number;
  readonly forgetSpreads: number;
  readonly flatMore: number;
}

/** @param vary what the nth figure is multiplied by. */
export function makeMetodo(vary: (figure: number) => number, flatMore: number = FLAT_MORE): Metodo {
  const margin = MARGIN * vary(0);
  const young = MARGIN_YOUNG * vary(1);
  const rangeGain = RANGE_GAIN * vary(2);
  const meanGain = MEAN_GAIN * vary(3);
  const youngGain = YOUNG_GAIN * vary(4);
  const gainAt = (gain: number): Float64Array =>
    perAge((days) => Math.min(1, Math.max(gain, youngGain / (days + 0.01))));
  return {
    margin,
    marginAt: perAge((days) => margin * (1 + young / (days + MARGIN_YOUNG_DAYS))),
    rangeGainAt: gainAt(rangeGain),
    meanGainAt: gainAt(meanGain),
    fastRate: FAST_RATE * vary(5),
    slowRate: SLOW_RATE * vary(6),
    fastWeight: FAST_WEIGHT * vary(7),
    hourWeight: HOUR_WEIGHT * vary(8),
    gateWidths: GATE_WIDTHS * vary(9),
    forgetSpreads: FORGET_SPREADS * vary(10),
    flatMore,
  };
}

const METODO: Metodo = makeMetodo(() => 1);

/**
 * Takes in one lectura and returns its score, 0..1.
 *
 * @param x what is judged; @param tsMs its time and @param beforeMs that of the one judged before it, UTC ms.
 * @param sensitivity 1 by default; 2 halves the margin.
 */
export function judge(
  e: NormaView,
  x: number,
  tsMs: number,
  beforeMs: number,
  sensitivity: number,
  m: Metodo = METODO,
): number {
  const seen = e.seen;
  if (seen === 0) return begin(e, x);
  const y = Math.fround((x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x) - e.origin);
  let odd = 0;
  const tramo = Math.floor(tsMs * TRAMOS_PER_MS);
  const before = Math.floor(beforeMs * TRAMOS_PER_MS);
  if (tramo > before) odd = turn(e, before, tramo - before, m);

  const last = e.last;
  if (y === last) {
    const run = e.run;
    if (run < RUN_MAX) {
      e.run = run + 1;
      if (run >= m.flatMore && flat(e, run + 1, seen)) odd = FLAT_EXCEEDANCE;
    }
  } else {
    e.last = y;
    if (e.run !== 0) endRun(e);
    const step = y > last ? y - last : last - y;
    if (step < POWER[e.quantum]!) e.quantum = exponent(step);
  }

  const calm = e.calm;
  if (calm !== 0) {
    e.calm = calm - 1;
    if (calm > CALM) takeIn(e, last, 1, m);
    else if (calm === 1) settle(e);
  }

  const low = e.low;
  const high = e.high;
  const slow = e.slow;
  let gated = y;
  let perSeen = 0;
  if (seen < SEEN_MAX) {
    e.seen = seen + 1;
    perSeen = 1 / (seen + 1);
  }
  if ((y > high || y < low) && seen > LEARN_FREELY) {
    const most = m.gateWidths * (high - low);
    gated = y > high + most ? high + most : y < low - most ? low - most : y;
  }
  const apart = gated > slow ? gated - slow : slow - gated;
  const spread = e.spread;
  e.spread = spread + (perSeen > SPREAD_RATE ? perSeen : SPREAD_RATE) * (apart - spread);
  const fast = e.fast;
  const fastNow = Math.fround(fast + (perSeen > m.fastRate ? perSeen : m.fastRate) * (gated - fast));
  e.fast = fastNow;
  const slowNow = Math.fround(slow + (perSeen > m.slowRate ? perSeen : m.slowRate) * (gated - slow));
  e.slow = slowNow;

  if (seen === MEANS_FROM) {
    e.fastLow = e.fastHigh = fastNow;
    e.slowLow = e.slowHigh = slowNow;
  }
  if (
    odd !== 0 ||
    y > high ||
    y < low ||
    fastNow > e.fastHigh ||
    fastNow < e.fastLow ||
    slowNow > e.slowHigh ||
    slowNow < e.slowLow
  ) {
    return outside(e, y, last, odd, calm, seen, sensitivity, m);
  }
  return calm > CALM_TAIL ? ALERT_TAIL : 0;
}

function begin(e: NormaView, x: number): number {
  e.origin = x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x;
  const y = Math.fround(x - e.origin);
  e.last = e.low = e.high = e.fast = e.fastLow = e.fastHigh = e.slow = e.slowLow = e.slowHigh = y;
  e.seen = 1;
  return 0;
}

/** Something lies outside of what was learned: score it, and take it in unless it starts an alert (N4). */
function outside(
  e: NormaView,
  y: number,
  last: number,
  before: number,
  calm: number,
  seen: number,
  sensitivity: number,
  m: Metodo,
): number {
  const step = e.quantum === 0 ? 0 : POWER[e.quantum]!;
  let odd = before;
  let motive: number = before === 0 ? MOTIVE.none : e.motive;
  const low = e.low;
  const high = e.high;
  const width = high - low;
  const range = exceedance(y, low, high, width + RANGE_STEPS * step);
  if (range > odd) {
    odd = range;
    const jumped = Math.abs(y - last) > width / 2;
    if (y > high) motive = jumped ? MOTIVE.jumpUp : MOTIVE.above;
    else motive = jumped ? MOTIVE.jumpDown : MOTIVE.below;
  }
  const { fast, fastLow, fastHigh } = e;
  const fastOdd = m.fastWeight * exceedance(fast, fastLow, fastHigh, fastHigh - fastLow + MEAN_STEPS * step);
  if (fastOdd > odd) {
    odd = fastOdd;
    motive = fast > fastHigh ? MOTIVE.levelAbove : MOTIVE.levelBelow;
  }
  const { slow, slowLow, slowHigh } = e;
  const slowOdd = exceedance(slow, slowLow, slowHigh, slowHigh - slowLow + MEAN_STEPS * step);
  if (slowOdd > odd) {
    odd = slowOdd;
    motive = slow > slowHigh ? MOTIVE.driftAbove : MOTIVE.driftBelow;
  }

  const age = e.age;
  let score = calm > CALM_TAIL ? ALERT_TAIL * SCORE_STEPS : 0;
  if (odd > EXCEEDANCE_MIN && (seen >= READY || (seen >= READY_SLOW && age >= READY_SLOW_AGE))) {
    const recent = e.recent;
    const many = recent > RECENT_FREE ? (m.margin * (recent - RECENT_FREE)) / RECENT_ALERT : 0;
    const margin = (m.marginAt[age]! + many) / sensitivity;
    const scored = Math.round((SCORE_STEPS * odd) / (odd + margin));
    if (calm === 0) {
      score = scored;
      if (scored >= ALERT * SCORE_STEPS) {
        e.calm = CALM + 1;
        e.recent = recent > 255 - RECENT_ALERT ? 255 : recent + RECENT_ALERT;
        e.motive = motive;
        return scored / SCORE_STEPS;
      }
    } else {
      if (scored > score) score = scored < ALERT * SCORE_STEPS ? scored : ALERT * SCORE_STEPS - 1;
      if (odd > margin / 2 && calm < CALM) e.calm = CALM;
    }
  }
  if (seen <= LEARN_FREELY || calm !== 0) takeIn(e, y, 1, m);
  else takeIn(e, y, 0, m);
  return score / SCORE_STEPS;
}

function exceedance(y: number, low: number, high: number, width: number): number {
  if (y > high) return width > 0 ? (y - high) / width : 0;
  if (y < low) return width > 0 ? (low - y) / width : 0;
  return 0;
}

/** Widens the ranges towards `y` and the means: wholly (1), or by the gains of the clave's age (0). */
function takeIn(e: NormaView, y: number, wholly: number, m: Metodo): void {
  const gain = wholly === 1 ? 1 : m.rangeGainAt[e.age]!;
  const { low, high, fast, fastLow, fastHigh, slow, slowLow, slowHigh } = e;
  if (y > high) e.high = gain === 1 ? y : high + gain * (y - high);
  else if (y < low) e.low = gain === 1 ? y : low + gain * (y - low);
  const meanGain = wholly === 1 ? 1 : m.meanGainAt[e.age]!;
  if (fast > fastHigh) e.fastHigh = fastHigh + meanGain * (fast - fastHigh);
  else if (fast < fastLow) e.fastLow = fastLow + meanGain * (fast - fastLow);
  if (slow > slowHigh) e.slowHigh = slowHigh + meanGain * (slow - slowHigh);
  else if (slow < slowLow) e.slowLow = slowLow + meanGain * (slow - slowLow);
}

/** The calm is over. A level that has stayed away will pull the slow mean after it: half of that is known now, and is no second alert. */
function settle(e: NormaView): void {
  const { fast, slowLow, slowHigh } = e;
  if (fast > slowHigh) e.slowHigh = (slowHigh + fast) / 2;
  else if (fast < slowLow) e.slowLow = (slowLow + fast) / 2;
}

/** Whether a run of equal lecturas is far longer than any before; if so it is known from now on. */
function flat(e: NormaView, run: number, seen: number): boolean {
  const longest = e.runMax;
  if (seen <= LEARN_FREELY) {
    if (run > longest) e.runMax = run;
    return false;
  }
  if (run <= FLAT_RUNS * longest + FLAT_MORE) return false;
  e.runMax = RUN_TOLD;
  e.motive = MOTIVE.flat;
  return seen > READY;
}

function endRun(e: NormaView): void {
  const run = e.run;
  if (run > e.runMax || e.runMax === RUN_TOLD) e.runMax = run;
  e.run = 0;
}

/** Floor of log2, as a column value. */
function exponent(step: number): number {
  const k = Math.floor(Math.log2(step)) + QUANTUM_BIAS;
  return k < 1 ? 1 : k > 255 ? 255 : k;
}

// -- every three hours ---------------------------------------------------------------------------------------------------------

/** The time of day has moved on by `tramos`: judges and learns the tramo that ended; forgets; grows older. Returns the exceedance. */
function turn(e: NormaView, ended: number, tramos: number, m: Metodo): number {
  const few = tramos < TRAMOS_PER_DAY ? tramos : TRAMOS_PER_DAY;
  const odd = tramos < TRAMOS_PER_DAY ? endHour(e, ended & (TRAMOS_PER_DAY - 1), m) : 0;
  const age = e.age + few;
  e.age = age > 255 ? 255 : age;
  const recent = e.recent - tramos;
  e.recent = recent < 0 ? 0 : recent;
  const part = few / FORGET_TRAMOS;
  const most = e.slow + m.forgetSpreads * e.spread;
  const least = e.slow - m.forgetSpreads * e.spread;
  const { low, high, fastLow, fastHigh, slowLow, slowHigh } = e;
  if (high > most) e.high = high - part * (high - most);
  if (low < least) e.low = low + part * (least - low);
  if (fastHigh > most) e.fastHigh = fastHigh - part * (fastHigh - most);
  if (fastLow < least) e.fastLow = fastLow + part * (least - fastLow);
  if (slowHigh > most) e.slowHigh = slowHigh - part * (slowHigh - most);
  if (slowLow < least) e.slowLow = slowLow + part * (least - slowLow);
  return odd;
}

function endHour(e: NormaView, hour: number, m: Metodo): number {
  if (e.hourUnit === 0) {
    const half = Math.max(Math.abs(e.low), Math.abs(e.high));
    if (half === 0) return 0;
    e.hourUnit = exponent(half / 48);
  }
  let level = e.fast / POWER[e.hourUnit]! + 128;
  while (level < 1 || level > 255) {
    if (e.hourUnit === 255) return 0;
    coarsen(e);
    level = e.fast / POWER[e.hourUnit]! + 128;
  }
  const usual = getHour(e, hour);
  if (usual === 0) {
    setHour(e, hour, Math.round(level));
    return 0;
  }
  const apart = level - usual;
  const distance = Math.abs(apart);
  const before = e.hourSpread;
  const known = before / 2;
  let odd = 0;
  const young = e.age < HOUR_AGE;
  e.hourSpreadBefore = before;
  if (distance > known) {
    const width = 2 * (known + (0.1 * e.spread) / POWER[e.hourUnit]!);
    if (!young && width > 0 && swing(e) > 3 * known) {
      odd = (m.hourWeight * (distance - known)) / width;
      e.motive = (apart > 0 ? MOTIVE.hourAbove : MOTIVE.hourBelow) + hour;
    }
    const spread = Math.ceil(2 * distance);
    e.hourSpread = spread > 255 ? 255 : spread;
  } else if (hour === 0 && before >= 32) {
    e.hourSpread = before - (before >> 5);
  }
  const most = young ? distance : Math.max(known, 2);
  const step = apart > most ? most : apart < -most ? -most : apart;
  setHour(e, hour, Math.round(usual + HOUR_RATE * step));
  return odd;
}

/** How far the hours of the day lie apart, in units; seen ones only. */
function swing(e: NormaView): number {
  let least = 256;
  let most = 0;
  for (let hour = 0; hour < TRAMOS_PER_DAY; hour++) {
    const level = getHour(e, hour);
    if (level === 0) continue;
    if (level < least) least = level;
    if (level > most) most = level;
  }
  return most - least;
}

/** Doubles the unit of the hours. */
function coarsen(e: NormaView): void {
  e.hourUnit = e.hourUnit + 1;
  e.hourSpread = (e.hourSpread + 1) >> 1;
  for (let hour = 0; hour < TRAMOS_PER_DAY; hour++) {
    const level = getHour(e, hour);
    if (level !== 0) setHour(e, hour, 128 + Math.round((level - 128) / 2));
  }
}

function getHour(e: NormaView, hour: number): number {
  switch (hour) {
    case 0:
      return e.hour0;
    case 1:
      return e.hour1;
    case 2:
      return e.hour2;
    case 3:
      return e.hour3;
    case 4:
      return e.hour4;
    case 5:
      return e.hour5;
    case 6:
      return e.hour6;
    default:
      return e.hour7;
  }
}

function setHour(e: NormaView, hour: number, level: number): void {
  switch (hour) {
    case 0:
      e.hour0 = level;
      break;
    case 1:
      e.hour1 = level;
      break;
    case 2:
      e.hour2 = level;
      break;
    case 3:
      e.hour3 = level;
      break;
    case 4:
      e.hour4 = level;
      break;
    case 5:
      e.hour5 = level;
      break;
    case 6:
      e.hour6 = level;
      break;
    default:
      e.hour7 = level;
  }
}

/** Whether the motive in the columns is one of being too high. */
export function isAbove(e: NormaView): boolean {
  const { motive } = e;
  if (motive >= MOTIVE.hourAbove) return motive < MOTIVE.hourBelow;
  return (
    motive === MOTIVE.above || motive === MOTIVE.jumpUp || motive === MOTIVE.levelAbove || motive === MOTIVE.driftAbove
  );
}

/** The score that `x` would have by its range alone, without taking it in. */
export function peek(e: NormaView, x: number, sensitivity: number): number {
  const { age, seen } = e;
  if (seen < READY && (seen < READY_SLOW || age < READY_SLOW_AGE)) return 0;
  const step = e.quantum === 0 ? 0 : POWER[e.quantum]!;
  const { low, high } = e;
  const odd = exceedance(Math.fround(x - e.origin), low, high, high - low + RANGE_STEPS * step);
  const margin = METODO.marginAt[age]! / sensitivity;
  return Math.round((SCORE_STEPS * odd) / (odd + margin)) / SCORE_STEPS;
}

/** What would have been usual, in the unit of what is judged: of the alert whose motive stands in the columns, or of the range. */
export function expected(e: NormaView, ofRange = false): { min: number; max: number; level: number } {
  const { motive, origin } = e;
  if (motive >= MOTIVE.hourAbove && !ofRange) {
    const unit = POWER[e.hourUnit]!;
    const usual = (getHour(e, motive & (TRAMOS_PER_DAY - 1)) - 128) * unit;
    const known = (e.hourSpreadBefore / 2) * unit;
    return { min: origin + usual - known, max: origin + usual + known, level: origin + e.fast };
  }
  if (!ofRange && (motive === MOTIVE.levelAbove || motive === MOTIVE.levelBelow))
    return { min: origin + e.fastLow, max: origin + e.fastHigh, level: origin + e.fast };
  if (!ofRange && (motive === MOTIVE.driftAbove || motive === MOTIVE.driftBelow))
    return { min: origin + e.slowLow, max: origin + e.slowHigh, level: origin + e.slow };
  return { min: origin + e.low, max: origin + e.high, level: origin + e.last };
}
