/**
 * Walking over JSON by bytes: strings, and values that nobody asked for.
 *
 * Owns: JSON's grammar apart from numbers (number.ts). What JSON.parse would refuse is refused here, in skipped parts too.
 *
 * J1 The text ends with a newline byte, which no JSON token can hold: it stops every loop, so none checks a bound.
 * J2 Every function returns the index behind what it read, or -1 for what JSON.parse would refuse.
 */
import { BACKSLASH, CLASS, CLASS_CONTROL, CLASS_HIGH, CLASS_QUOTE, QUOTE, writeUtf8 } from './bytes.ts';
import { scanJsonNumber } from './number.ts';

const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Classes (bytes.ts) gathered over the last string that scanString read, its closing quote included. */
export let stringClasses = 0;

/** From behind the opening quote to behind the closing one. */
export function scanString(bytes: Uint8Array, from: number): number {
  let i = from;
  let classes = 0;
  for (;;) {
    let cls = CLASS[bytes[i++]!]!;
    while (cls === 0) cls = CLASS[bytes[i++]!]!;
    classes |= cls;
    if (cls === CLASS_HIGH) continue;
    if (cls === CLASS_QUOTE) {
      stringClasses = classes;
      return i;
    }
    if (cls === CLASS_CONTROL) return -1;
    i = scanEscape(bytes, i);
    if (i < 0) return -1;
  }
}

function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const letter = c | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The character that scanEscape found; half of one for a surrogate without its other. */
export let escapedCodePoint = 0;

/** Over an escape, from behind its backslash, and over the second one of a pair of surrogates. */
export function scanEscape(bytes: Uint8Array, from: number): number {
  const escape = bytes[from]!;
  if (escape !== 0x75) {
    escapedCodePoint = unescaped(escape);
    return escapedCodePoint < 0 ? -1 : from + 1;
  }
  const unit = hex4(bytes, from + 1);
  if (unit < 0) return -1;
  escapedCodePoint = unit;
  const next = from + 5;
  if (unit >= 0xd800 && unit <= 0xdbff && bytes[next] === BACKSLASH && bytes[next + 1] === 0x75) {
    const low = hex4(bytes, next + 2);
    if (low >= 0xdc00 && low <= 0xdfff) {
      escapedCodePoint = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      return next + 6;
    }
  }
  return next;
}

/** Four hex digits as a number, or less than 0. */
function hex4(bytes: Uint8Array, at: number): number {
  return (
    (hexDigit(bytes[at]!) << 12) |
    (hexDigit(bytes[at + 1]!) << 8) |
    (hexDigit(bytes[at + 2]!) << 4) |
    hexDigit(bytes[at + 3]!)
  );
}

/**
 * Writes the text of the string bytes[from..to) (between its quotes, already scanned) without escapes to target[at..limit);
 * the index behind it, or -1 when there is no room. Never longer than the escaped text.
 */
export function unescapeString(
  bytes: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
  limit: number,
): number {
  let k = at;
  let i = from;
  while (i < to) {
    const c = bytes[i++]!;
    if (c !== BACKSLASH) {
      if (k === limit) return -1;
      target[k++] = c;
      continue;
    }
    i = scanEscape(bytes, i);
    if (k + 4 > limit && k + utf8Length(escapedCodePoint) > limit) return -1;
    k = writeUtf8(target, k, escapedCodePoint);
  }
  return k;
}

function utf8Length(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

/** What a letter behind a backslash stands for, -1 for nothing. */
function unescaped(escape: number): number {
  switch (escape) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f:
      return escape;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    default:
      return -1;
  }
}

/** Over JSON's white space except the newline, which ends the row. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let i = from;
  for (;;) {
    const c = bytes[i]!;
    if (c !== 0x20 && c !== 0x09 && c !== 0x0d) return i;
    i++;
  }
}

/** Over true, false or null. */
export function scanLiteral(bytes: Uint8Array, from: number): number {
  switch (bytes[from]) {
    case 0x74:
      return bytes[from + 1] === 0x72 && bytes[from + 2] === 0x75 && bytes[from + 3] === 0x65 ? from + 4 : -1;
    case 0x66:
      return bytes[from + 1] === 0x61 &&
        bytes[from + 2] === 0x6c &&
        bytes[from + 3] === 0x73 &&
        bytes[from + 4] === 0x65
        ? from + 5
        : -1;
    case 0x6e:
      return bytes[from + 1] === 0x75 && bytes[from + 2] === 0x6c && bytes[from + 3] === 0x6c ? from + 4 : -1;
    default:
      return -1;
  }
}

/** Over any value beginning at bytes[from] (no space before it). */
export function skipValue(bytes: Uint8Array, from: number): number {
  const c = bytes[from]!;
  if (c === QUOTE) return scanString(bytes, from + 1);
  if (c === OPEN_OBJECT || c === OPEN_ARRAY) return skipContainer(bytes, from);
  if (c >= 0x61) return scanLiteral(bytes, from);
  return scanJsonNumber(bytes, from);
}

/** One byte a level, the byte that closes it; a row is at most MAX_LINE_BYTES of openings deep. */
let closings = new Uint8Array(64);

/** Over an object or array without recursion, so that a row of a million `[` costs no stack. */
function skipContainer(bytes: Uint8Array, from: number): number {
  let depth = 0;
  let i = from;
  value: for (;;) {
    const c = bytes[i]!;
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (depth === closings.length) {
        const grown = new Uint8Array(depth * 2);
        grown.set(closings);
        closings = grown;
      }
      const closing = c + 2; // [ ] and { } are two apart
      closings[depth++] = closing;
      i = skipSpace(bytes, i + 1);
      if (bytes[i] === closing) {
        depth--;
        i++;
      } else if (c === OPEN_OBJECT) {
        i = skipName(bytes, i);
        if (i < 0) return -1;
        continue value;
      } else continue value;
    } else {
      i = c === QUOTE ? scanString(bytes, i + 1) : c >= 0x61 ? scanLiteral(bytes, i) : scanJsonNumber(bytes, i);
      if (i < 0) return -1;
    }
    while (depth > 0) {
      i = skipSpace(bytes, i);
      const after = bytes[i]!;
      if (after === COMMA) {
        i = skipSpace(bytes, i + 1);
        if (closings[depth - 1] === CLOSE_OBJECT) {
          i = skipName(bytes, i);
          if (i < 0) return -1;
        }
        continue value;
      }
      if (after !== closings[depth - 1]) return -1;
      depth--;
      i++;
    }
    return i;
  }
}

/** Over `"name":` and the space behind it. */
function skipName(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  let i = scanString(bytes, from + 1);
  if (i < 0) return -1;
  i = skipSpace(bytes, i);
  if (bytes[i] !== COLON) return -1;
  return skipSpace(bytes, i + 1);
}

export { CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, OPEN_ARRAY, OPEN_OBJECT };
