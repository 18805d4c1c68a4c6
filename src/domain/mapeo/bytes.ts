/**
 * Classes of bytes, UTF-8 checking and text out of bytes, shared by the parsers.
 *
 * Y1 CLASS[byte] & CLASS_HIGH: part of a character beyond ASCII; & CLASS_CONTROL: below 0x20. Plain ASCII is 0, so that the
 *    classes of a whole text can be gathered with `|`.
 */

export const CLASS_CONTROL = 1;
export const CLASS_HIGH = 2;
/** The byte that ends a JSON string, or the one that begins an escape in it. */
export const CLASS_QUOTE = 4;
export const CLASS_BACKSLASH = 8;

export const NEWLINE = 0x0a;
export const RETURN = 0x0d;
export const TAB = 0x09;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

export const CLASS: Uint8Array = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) CLASS[byte] = byte < 0x20 ? CLASS_CONTROL : byte >= 0x80 ? CLASS_HIGH : 0;
CLASS[QUOTE] = CLASS_QUOTE;
CLASS[BACKSLASH] = CLASS_BACKSLASH;

/** The classes of bytes[from..to), gathered. */
export function classesOf(bytes: Uint8Array, from: number, to: number): number {
  let classes = 0;
  for (let i = from; i < to; i++) classes |= CLASS[bytes[i]!]!;
  return classes;
}

/** True when bytes[from..to) is UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF (RFC 3629). */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let i = from;
  while (i < to) {
    const lead = bytes[i++]!;
    if (lead < 0x80) continue;
    let more: number;
    let lowest = 0x80;
    let highest = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) lowest = 0xa0;
      else if (lead === 0xed) highest = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) lowest = 0x90;
      else if (lead === 0xf4) highest = 0x8f;
    } else return false;
    if (i + more > to) return false;
    if (bytes[i]! < lowest || bytes[i]! > highest) return false;
    for (let k = 1; k < more; k++) if ((bytes[i + k]! & 0xc0) !== 0x80) return false;
    i += more;
  }
  return true;
}

/** Writes `codePoint` as UTF-8 at target[at]; the index behind it. A lone surrogate gives three bytes that isUtf8 refuses. */
export function writeUtf8(target: Uint8Array, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    target[at] = codePoint;
    return at + 1;
  }
  if (codePoint < 0x800) {
    target[at] = 0xc0 | (codePoint >> 6);
    target[at + 1] = 0x80 | (codePoint & 0x3f);
    return at + 2;
  }
  if (codePoint < 0x10000) {
    target[at] = 0xe0 | (codePoint >> 12);
    target[at + 1] = 0x80 | ((codePoint >> 6) & 0x3f);
    target[at + 2] = 0x80 | (codePoint & 0x3f);
    return at + 3;
  }
  target[at] = 0xf0 | (codePoint >> 18);
  target[at + 1] = 0x80 | ((codePoint >> 12) & 0x3f);
  target[at + 2] = 0x80 | ((codePoint >> 6) & 0x3f);
  target[at + 3] = 0x80 | (codePoint & 0x3f);
  return at + 4;
}

const encoder = new TextEncoder();
// ignoreBOM: a byte order mark inside the data is data; the one at the beginning is taken off before.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** bytes[from..to) as text; what is not UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, from: number = 0, to: number = bytes.length): string {
  return decoder.decode(bytes.subarray(from, to));
}
