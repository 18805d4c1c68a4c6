/**
 * Times from bytes to UTC milliseconds.
 *
 * Owns: ISO 8601 (`2015-02-26T21:42:53.5+01:00`, a space for the T, `/` for `-`, date alone, no zone) and epoch numbers.
 * Leaves out what cannot be told without knowing who wrote it: `02/03/2015`, names of months, names of zones but UTC, GMT and Z.
 *
 * T1 A time is a whole number of ms, rounded down; what is no time, or outside the years 1 to 9999, is NaN.
 * T2 The bytes at and after `to` are never read, except one for a number (number.ts N1).
 */
import { scanLooseNumber, scanned } from './number.ts';

/** auto: a date by its look, a number by its size. iso refuses numbers; s, ms, us, ns refuse dates. */
export type TsFormato = 'auto' | 'iso' | 's' | 'ms' | 'us' | 'ns';

const MIN_MS = -62_135_596_800_000;
const MAX_MS = 253_402_300_799_999;
const DAY_MS = 86_400_000;
const POINT = 0x2e;
const DASH = 0x2d;
const COLON = 0x3a;

/** What scanPlain found; a typed array, so that no double becomes a heap object. */
export const scannedMs: Float64Array = new Float64Array(1);

/** A digit's value, or so much that a sum with it is out of every range checked. */
const DIGIT: Int32Array = new Int32Array(256).fill(100_000_000);
for (let digit = 0; digit < 10; digit++) DIGIT[0x30 + digit] = digit;

/**
 * An epoch number to ms. auto: below 10^11 seconds (until the year 5138), below 10^14 ms, below 10^17 us, else ns; so a time
 * before March 1973 in ms has to be stated.
 */
export function epochToMs(value: number, formato: TsFormato): number {
  let ms: number;
  let unit = formato;
  if (unit === 'auto') {
    const size = Math.abs(value);
    unit = size < 1e11 ? 's' : size < 1e14 ? 'ms' : size < 1e17 ? 'us' : 'ns';
  }
  switch (unit) {
    case 's':
      // By way of whole microseconds: 0.123 * 1000 must not fall to 122.
      ms = Number.isInteger(value) ? value * 1000 : Math.floor(Math.round(value * 1e6) / 1000);
      break;
    case 'ms':
      ms = Math.floor(value);
      break;
    case 'us':
      ms = Math.floor(value / 1e3);
      break;
    case 'ns':
      ms = Math.floor(value / 1e6);
      break;
    default:
      return Number.NaN;
  }
  return ms >= MIN_MS && ms <= MAX_MS ? ms : Number.NaN;
}

/** Days since 1970-01-01 of a proleptic Gregorian date. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** What twoDigits gives for no digits: so large that no sum with it passes for a date. */
const NO_DIGITS = 1e9;

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS;
}

export class TimeParser {
  readonly formato: TsFormato;
  /** Taken off times that name no zone. */
  readonly offsetMs: number;
  /** The last date seen, as year * 10000 + month * 100 + day: rows of one day cost no calendar. */
  private lastDate = -1;
  private lastDayMs = 0;
  /** The last minute that scanPlain saw, as the four words of its text, little-endian. */
  private word0 = 0;
  private word1 = 0;
  private word2 = 0;
  private word3 = 0;
  private minuteMs: number = Number.NaN;

  constructor(formato: TsFormato, offsetMs: number) {
    this.formato = formato;
    this.offsetMs = offsetMs;
  }

  /** bytes[from..to) as UTC ms, or NaN. The byte at `to` must exist and be no part of a number. */
  parse(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    if (length >= 10) {
      const separator = bytes[from + 4]!;
      if (separator === 0x2d || separator === 0x2f) {
        if (this.formato !== 'auto' && this.formato !== 'iso') return Number.NaN;
        return this.iso(bytes, from, to, separator);
      }
    }
    if (this.formato === 'iso' || length === 0) return Number.NaN;
    if (scanLooseNumber(bytes, from, POINT, POINT) !== to) return Number.NaN;
    return epochToMs(scanned[0]!, this.formato);
  }

  /**
   * The one shape that machines write, `YYYY-MM-DD?HH:MM:SS` with perhaps `.mmm` and `Z`: the index behind it and the time in
   * `scannedMs[0]`, or -1 for anything else, which parse() may still know. What follows is the caller's to check. Reads up to
   * 25 bytes; `view` is a view of `bytes`.
   */
  scanPlain(bytes: Uint8Array, view: DataView, from: number): number {
    const word0 = view.getInt32(from, true);
    const word1 = view.getInt32(from + 4, true);
    const word2 = view.getInt32(from + 8, true);
    const word3 = view.getInt32(from + 12, true);
    // Rows come by time: mostly the minute is that of the row before, and four words tell.
    if (word3 !== this.word3 || word2 !== this.word2 || word1 !== this.word1 || word0 !== this.word0) {
      const minuteMs = this.minute(bytes, from);
      if (minuteMs !== minuteMs) return -1;
      this.minuteMs = minuteMs;
      this.word0 = word0;
      this.word1 = word1;
      this.word2 = word2;
      this.word3 = word3;
    }
    const second = DIGIT[bytes[from + 17]!]! * 10 + DIGIT[bytes[from + 18]!]!;
    if (bytes[from + 16] !== COLON || second > 59) return -1;
    let ms = this.minuteMs + second * 1000;
    let i = from + 19;
    if (bytes[i] === POINT) {
      const fraction = DIGIT[bytes[i + 1]!]! * 100 + DIGIT[bytes[i + 2]!]! * 10 + DIGIT[bytes[i + 3]!]!;
      if (fraction > 999) return -1;
      ms += fraction;
      i += 4;
    }
    if (bytes[i] === 0x5a) i++;
    else ms -= this.offsetMs;
    if (!(ms >= MIN_MS && ms <= MAX_MS)) return -1;
    scannedMs[0] = ms;
    return i;
  }

  /** `YYYY-MM-DD?HH:MM` at bytes[from] as ms of UTC, or NaN. */
  private minute(bytes: Uint8Array, from: number): number {
    const between = bytes[from + 10]!;
    if (between !== 0x54 && between !== 0x20) return Number.NaN;
    if (bytes[from + 4] !== DASH || bytes[from + 7] !== DASH || bytes[from + 13] !== COLON) return Number.NaN;
    if (this.formato !== 'auto' && this.formato !== 'iso') return Number.NaN;
    const dayMs = this.day(bytes, from);
    const hour = twoDigits(bytes, from + 11);
    const minute = twoDigits(bytes, from + 14);
    return hour > 23 || minute > 59 ? Number.NaN : dayMs + (hour * 60 + minute) * 60_000;
  }

  /** `YYYY?MM?DD` at bytes[from] as ms of UTC, or NaN. */
  private day(bytes: Uint8Array, from: number): number {
    const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
    const month = twoDigits(bytes, from + 5);
    const day = twoDigits(bytes, from + 8);
    const date = year * 10_000 + month * 100 + day;
    if (date !== this.lastDate) {
      if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) {
        return Number.NaN;
      }
      this.lastDate = date;
      this.lastDayMs = daysFromCivil(year, month, day) * DAY_MS;
    }
    return this.lastDayMs;
  }

  private iso(bytes: Uint8Array, from: number, to: number, separator: number): number {
    const dayMs = this.day(bytes, from);
    if (dayMs !== dayMs || bytes[from + 7] !== separator) return Number.NaN;
    let i = from + 10;
    if (i === to) return this.inRange(dayMs - this.offsetMs);
    const between = bytes[i]!;
    if (between !== 0x20 && between !== 0x54 && between !== 0x74) return Number.NaN;
    if (to - i < 6 || bytes[i + 3] !== 0x3a) return Number.NaN;
    const hour = twoDigits(bytes, i + 1);
    const minute = twoDigits(bytes, i + 4);
    if (hour > 23 || minute > 59) return Number.NaN;
    i += 6;
    let ms = dayMs + (hour * 60 + minute) * 60_000;
    if (i < to && bytes[i] === 0x3a) {
      if (to - i < 3) return Number.NaN;
      const second = twoDigits(bytes, i + 1);
      if (second > 60) return Number.NaN; // 60: a leap second counts as the next one
      ms += second * 1000;
      i += 3;
      if (i < to && (bytes[i] === POINT || bytes[i] === 0x2c)) {
        const first = ++i;
        let unit = 100;
        while (i < to) {
          const digit = bytes[i]! - 0x30;
          if (digit < 0 || digit > 9) break;
          if (i < first + 3) ms += digit * unit;
          unit /= 10;
          i++;
        }
        if (i === first) return Number.NaN;
      }
    }
    if (i === to) return this.inRange(ms - this.offsetMs);
    const zoneMs = zone(bytes, i, to);
    return this.inRange(ms - zoneMs);
  }

  private inRange(ms: number): number {
    return ms >= MIN_MS && ms <= MAX_MS ? ms : Number.NaN;
  }
}

/** The offset in ms of a zone at the end of a time: Z, UTC, GMT, +hh, +hhmm, +hh:mm, a space before it allowed; else NaN. */
function zone(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  if (bytes[i] === 0x20) i++;
  const length = to - i;
  if (length === 0) return Number.NaN;
  const first = bytes[i]!;
  if (length === 1) return (first | 0x20) === 0x7a ? 0 : Number.NaN;
  if (first === 0x2b || first === 0x2d) {
    const hours = length >= 3 ? twoDigits(bytes, i + 1) : NO_DIGITS;
    let minutes = NO_DIGITS;
    if (length === 3) minutes = 0;
    else if (length === 5) minutes = twoDigits(bytes, i + 3);
    else if (length === 6 && bytes[i + 3] === 0x3a) minutes = twoDigits(bytes, i + 4);
    if (hours > 23 || minutes > 59) return Number.NaN;
    const ms = (hours * 60 + minutes) * 60_000;
    return first === 0x2d ? -ms : ms;
  }
  if (length !== 3) return Number.NaN;
  const name = ((first | 0x20) << 16) | ((bytes[i + 1]! | 0x20) << 8) | (bytes[i + 2]! | 0x20);
  return name === 0x757463 /* utc */ || name === 0x676d74 /* gmt */ ? 0 : Number.NaN;
}

/** The offset in ms that an option like `+02:00`, `-0300` or `UTC` names, or NaN. */
export function parseZona(text: string): number {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return bytes.length === 0 ? Number.NaN : zone(bytes, 0, bytes.length);
}
