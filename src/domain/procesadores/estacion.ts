/**
 * What a thing usually does in each half hour of the UTC day, on working days and on weekends.
 *
 * Owns: the profile, and whether it tells more than the level alone. Leaves to detector-fino.ts what is made of the rest.
 *
 * E1 A half hour is learned when it has ended, so what is expected of it never holds a part of it.
 * E2 The profile is used only while it has come nearer to what it had not seen yet than the mean level has.
 * E3 A weekend is expected to be like those before; before the first has passed nothing is expected of it.
 */
import type { EntidadView, EstadoSpec } from './define.ts';

export const HALF_HOURS = 48;
const HALF_HOUR_MS = 1_800_000;
/** 1 January 1970 was a Thursday. */
const FIRST_WEEKDAY = 4;

/** Profile: 0 is not seen yet; relative to `base`, the first lectura. */
export const ESTACION_COLUMNS = {
  base: 'f32',
  profile: 'f32[96]',
  /** The half hour that runs, plus 1; its sum and its lecturas. */
  place: 'u8',
  sum: 'f32',
  count: 'u32',
  /** Half hours learned of working days and of weekends. */
  learned: 'u16[2]',
  /** Mean level, and how far from it and from the profile lecturas lie. */
  level: 'f32',
  apartLevel: 'f32',
  apartProfile: 'f32',
  compared: 'u16',
} as const satisfies EstadoSpec;
type EstacionView = EntidadView<typeof ESTACION_COLUMNS>;

/** The profile must leave less than this part of what the level leaves. */
const BETTER = 0.6;
/** Days of a kind before anything is expected of it. */
const WORKDAYS_MIN = 2;
const WEEKEND_DAYS_MIN = 1;
const LEARN_RATE = 0.25;
const RATE = 1 / 1000;
const COUNT_MAX = 65_535;
/** One lectura moves a mean distance as if it lay no further than this many of it. */
const GATE = 4;
const LARGEST = 1e37;
/** Stands for a profile that is 0, which says not seen. */
const ALMOST_ZERO = 1e-37;

/** 0..47 on working days, 48..95 on weekends. */
export function halfHourOf(tsMs: number): number {
  const halves = Math.floor(tsMs / HALF_HOUR_MS);
  const day = Math.floor(halves / HALF_HOURS);
  const weekday = (((day + FIRST_WEEKDAY) % 7) + 7) % 7;
  return halves - day * HALF_HOURS + (weekday === 0 || weekday === 6 ? HALF_HOURS : 0);
}

/** Takes in one lectura; returns how far it lies from what its half hour usually brings, or NaN while nothing is expected. */
export function learn(e: EstacionView, x: number, tsMs: number): number {
  const place = halfHourOf(tsMs);
  if (e.place === 0) e.base = x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x;
  const y = (x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x) - e.base;
  if (place + 1 !== e.place) {
    if (e.count > 0) endHalfHour(e, e.place - 1);
    e.place = place + 1;
    e.sum = 0;
    e.count = 0;
  }
  if (e.count < COUNT_MAX) {
    e.count = e.count + 1;
    e.sum = e.sum + (y - e.sum) / e.count;
  }
  const usual = e.profile.get(place);
  const isKnown = isExpected(e, place);
  const level = e.level;
  const compared = e.compared;
  const rate = compared < 1 / RATE ? 1 / (compared + 1) : RATE;
  if (usual !== 0) {
    const { apartLevel, apartProfile } = e;
    e.apartLevel = apartLevel + rate * (gated(Math.abs(y - level), apartLevel) - apartLevel);
    e.apartProfile = apartProfile + rate * (gated(Math.abs(y - usual), apartProfile) - apartProfile);
    if (compared < 1 / RATE) e.compared = compared + 1;
  }
  const seen = e.learned.get(0) + e.learned.get(1);
  const levelRate = Math.max(RATE, 1 / (seen + 1));
  e.level = level + levelRate * (y - level);
  return isKnown ? y - usual : NaN;
}

/** What the half hour of `tsMs` usually brings; NaN: nothing is expected of it. */
export function expect(e: EstacionView, tsMs: number): number {
  const place = halfHourOf(tsMs);
  const usual = e.profile.get(place);
  return usual === 0 ? NaN : e.base + usual;
}

function isExpected(e: EstacionView, place: number): boolean {
  if (e.profile.get(place) === 0 || e.apartProfile >= BETTER * e.apartLevel) return false;
  return place < HALF_HOURS
    ? e.learned.get(0) >= WORKDAYS_MIN * HALF_HOURS
    : e.learned.get(1) >= WEEKEND_DAYS_MIN * HALF_HOURS;
}

function endHalfHour(e: EstacionView, place: number): void {
  const kind = place < HALF_HOURS ? 0 : 1;
  const learned = e.learned.get(kind);
  const usual = e.profile.get(place);
  const rate = usual === 0 ? 1 : Math.max(LEARN_RATE, 1 / (Math.floor(learned / HALF_HOURS) + 1));
  const next = usual + rate * (e.sum - usual);
  e.profile.set(place, next === 0 ? ALMOST_ZERO : next);
  if (learned < COUNT_MAX) e.learned.set(kind, learned + 1);
}

function gated(distance: number, usual: number): number {
  return usual > 0 && distance > GATE * usual ? GATE * usual : distance;
}
