/**
 * Decimal numbers from bytes to the very double that Number(text) gives.
 *
 * Owns: the two grammars (JSON's strict one; the looser one of CSV cells and of numbers written as strings) and the
 * conversion. Leaves to callers what follows a number.
 *
 * N1 The bytes read end with one that is no part of a number (newline, quote, separator): no scan checks a bound.
 * N2 The value stands in `scanned[0]`: a typed array, so that no double becomes a heap object.
 *
 * The conversion, by number of digits (sign and exponent apart), W being the digits as an integer, e the power of ten:
 *   W <= 2^53, |e| <= 22   W * 10^e or W / 10^e: both exact, so one IEEE rounding gives the right double (Clinger 1990)
 *   <= 18 digits, -22 <= e <= 0   W = hi + lo exactly; q = fl(hi / 10^-e) and its exact remainder (Dekker 1971) give a second
 *                          term q2 with a relative error below 2^-50; q + q2 is right unless the two ends of that error
 *                          round apart. This is where doubles printed in full (17 digits) go.
 *   all else               Number(text).
 */

/** What the last scan found (N2). */
export const scanned: Float64Array = new Float64Array(1);

const POW10: Float64Array = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const MAX_EXACT = 2 ** 53;
const SPLITTER = 2 ** 27 + 1;
const QUOTIENT_ERROR = 2 ** -48;

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;

/** A JSON number at bytes[from]: the index behind it, or -1 where JSON.parse would throw. */
export function scanJsonNumber(bytes: Uint8Array, from: number): number {
  let i = from;
  let c = bytes[i]!;
  if (c === MINUS) c = bytes[++i]!;
  let head = 0;
  let tail = 0;
  let digits = 0;
  let d = c - ZERO;
  if (d === 0) {
    digits = 1;
    d = bytes[++i]! - ZERO;
    if (d >= 0 && d <= 9) return -1;
  } else {
    if (d < 0 || d > 9) return -1;
    do {
      if (digits < 9) head = (Math.imul(head, 10) + d) | 0;
      else if (digits < 18) tail = (Math.imul(tail, 10) + d) | 0;
      digits++;
      d = bytes[++i]! - ZERO;
    } while (d >= 0 && d <= 9);
  }
  c = bytes[i]!;
  let scale = 0;
  if (c === POINT) {
    const before = digits;
    d = bytes[++i]! - ZERO;
    while (d >= 0 && d <= 9) {
      if (digits < 9) head = (Math.imul(head, 10) + d) | 0;
      else if (digits < 18) tail = (Math.imul(tail, 10) + d) | 0;
      digits++;
      d = bytes[++i]! - ZERO;
    }
    scale = digits - before;
    if (scale === 0) return -1;
    c = bytes[i]!;
  }
  if ((c | 0x20) === 0x65) {
    i = scanExponent(bytes, i + 1);
    if (i < 0) return -1;
    scale -= exponentFound;
  }
  if (digits <= 15 && scale >= 0 && scale <= 22) {
    const whole = digits <= 9 ? head : head * POW10[digits - 9]! + tail;
    const magnitude = scale === 0 ? whole : whole / POW10[scale]!;
    scanned[0] = bytes[from] === MINUS ? -magnitude : magnitude;
    return i;
  }
  convert(bytes, from, i, head, tail, digits, -scale, POINT);
  return i;
}

/**
 * A number as people and spreadsheets write it, at bytes[from]: sign + or -, leading zeros, `.5` and `5.`, an exponent;
 * `pointA` and `pointB` are the bytes taken for a decimal point. The index behind it, or -1: not a number.
 */
export function scanLooseNumber(bytes: Uint8Array, from: number, pointA: number, pointB: number): number {
  let i = from;
  let c = bytes[i]!;
  if (c === MINUS || c === PLUS) c = bytes[++i]!;
  let head = 0;
  let tail = 0;
  let digits = 0;
  let d = c - ZERO;
  while (d >= 0 && d <= 9) {
    if (digits < 9) head = (Math.imul(head, 10) + d) | 0;
    else if (digits < 18) tail = (Math.imul(tail, 10) + d) | 0;
    digits++;
    d = bytes[++i]! - ZERO;
  }
  c = bytes[i]!;
  let scale = 0;
  let point = POINT;
  if (c === pointA || c === pointB) {
    point = c;
    const before = digits;
    d = bytes[++i]! - ZERO;
    while (d >= 0 && d <= 9) {
      if (digits < 9) head = (Math.imul(head, 10) + d) | 0;
      else if (digits < 18) tail = (Math.imul(tail, 10) + d) | 0;
      digits++;
      d = bytes[++i]! - ZERO;
    }
    scale = digits - before;
    c = bytes[i]!;
  }
  if (digits === 0) return -1;
  if ((c | 0x20) === 0x65) {
    i = scanExponent(bytes, i + 1);
    if (i < 0) return -1;
    scale -= exponentFound;
  }
  if (digits <= 15 && scale >= 0 && scale <= 22) {
    const whole = digits <= 9 ? head : head * POW10[digits - 9]! + tail;
    const magnitude = scale === 0 ? whole : whole / POW10[scale]!;
    scanned[0] = bytes[from] === MINUS ? -magnitude : magnitude;
    return i;
  }
  convert(bytes, from, i, head, tail, digits, -scale, point);
  return i;
}

/** scanLooseNumber, small enough to be built into a hot loop: up to nine digits here, all else there. */
export function scanShortNumber(bytes: Uint8Array, from: number, pointA: number, pointB: number): number {
  let i = from;
  let d = bytes[i]! - ZERO;
  const isNegative = d === MINUS - ZERO;
  if (isNegative) d = bytes[++i]! - ZERO;
  const first = i;
  let whole = 0;
  while (d >= 0 && d <= 9) {
    whole = (Math.imul(whole, 10) + d) | 0;
    d = bytes[++i]! - ZERO;
  }
  let power = 1;
  let points = 0;
  if (d === pointA - ZERO || d === pointB - ZERO) {
    points = 1;
    d = bytes[++i]! - ZERO;
    while (d >= 0 && d <= 9) {
      whole = (Math.imul(whole, 10) + d) | 0;
      power *= 10;
      d = bytes[++i]! - ZERO;
    }
  }
  const digits = i - first - points;
  // e and E, 0x45 and 0x65, are the only other bytes that a number can go on with; a sign + begins none here.
  if (digits === 0 || digits > 9 || ((d + ZERO) | 0x20) === 0x65) return scanLooseNumber(bytes, from, pointA, pointB);
  const magnitude = points === 0 ? whole : whole / power;
  scanned[0] = isNegative ? -magnitude : magnitude;
  return i;
}

let exponentFound = 0;

/** The exponent after its `e`; the index behind it or -1, the exponent in `exponentFound`. */
function scanExponent(bytes: Uint8Array, from: number): number {
  let i = from;
  const sign = bytes[i]!;
  if (sign === MINUS || sign === PLUS) i++;
  let d = bytes[i]! - ZERO;
  if (d < 0 || d > 9) return -1;
  let exponent = 0;
  do {
    // Past any exponent of a double the digits still have to be read, and must not overflow.
    if (exponent < 100_000) exponent = exponent * 10 + d;
    d = bytes[++i]! - ZERO;
  } while (d >= 0 && d <= 9);
  exponentFound = sign === MINUS ? -exponent : exponent;
  return i;
}

/** Sets scanned[0] to (head, tail: the first 9 and the next 9 digits) * 10^power, or by way of the text where that is not exact. */
function convert(
  bytes: Uint8Array,
  from: number,
  to: number,
  head: number,
  tail: number,
  digits: number,
  power: number,
  point: number,
): void {
  let magnitude = -1;
  if (digits <= 18 && power >= -22 && power <= 22) {
    // head has at most 30 bits and 10^9 = 2^9 * 5^9 adds 21, so `top` is exact.
    const top = digits <= 9 ? head : head * POW10[digits - 9]!;
    const whole = top + tail;
    if (whole <= MAX_EXACT) {
      magnitude = power <= 0 ? whole / POW10[-power]! : whole * POW10[power]!;
    } else if (power === 0) {
      magnitude = whole;
    } else if (power < 0) {
      magnitude = divide(whole, tail - (whole - top), POW10[-power]!);
    }
  }
  if (magnitude >= 0) scanned[0] = bytes[from] === MINUS ? -magnitude : magnitude;
  else scanned[0] = Number(numberText(bytes, from, to, point));
}

/** (hi + lo) / divisor rounded once, or -1 when the second term cannot tell which way; hi + lo is exact, |lo| <= ulp(hi) / 2. */
function divide(hi: number, lo: number, divisor: number): number {
  const quotient = hi / divisor;
  const product = quotient * divisor;
  let split = SPLITTER * quotient;
  const quotientHi = split - (split - quotient);
  const quotientLo = quotient - quotientHi;
  split = SPLITTER * divisor;
  const divisorHi = split - (split - divisor);
  const divisorLo = divisor - divisorHi;
  const productError =
    quotientLo * divisorLo - (product - quotientHi * divisorHi - quotientLo * divisorHi - quotientHi * divisorLo);
  const second = (hi - product - productError + lo) / divisor;
  const slack = Math.abs(second) * QUOTIENT_ERROR;
  const below = quotient + (second - slack);
  return below === quotient + (second + slack) ? below : -1;
}

function numberText(bytes: Uint8Array, from: number, to: number, point: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += bytes[i] === point ? '.' : String.fromCharCode(bytes[i]!);
  return text;
}
