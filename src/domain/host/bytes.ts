/**
 * Reading the kernel's texts as bytes: no string is made of what is only compared or counted.
 *
 * Owns the cursor and the table of known words. Leaves what a text means to its parser.
 *
 * Y1 `at` never passes `end`; every step at the end stays there, so a text cut anywhere gives NaN and ends, never a throw.
 */

const SPACE = 32;
const TAB = 9;
const NEWLINE = 10;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;

export class ByteCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  reset(bytes: Uint8Array, end: number): this {
    this.bytes = bytes;
    this.at = 0;
    this.end = end;
    return this;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** The byte at the cursor, -1 at the end. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at]! : -1;
  }

  skipSpaces(): void {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
    this.at = at;
  }

  /** To the end of a word: a space, `stop`, or the line's end. Returns where the word ended; the cursor stands there. */
  skipWord(stop: number = SPACE): number {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === SPACE || byte === NEWLINE || byte === TAB || byte === stop) break;
      at++;
    }
    this.at = at;
    return at;
  }

  skipByte(): void {
    if (this.at < this.end) this.at++;
  }

  skipFields(count: number): void {
    for (let i = 0; i < count; i++) {
      this.skipSpaces();
      this.skipWord();
    }
  }

  /** To the first byte of the next line. Native search: the line of interrupts is kilobytes long. */
  nextLine(): void {
    const at = this.bytes.indexOf(NEWLINE, this.at);
    this.at = at === -1 || at >= this.end ? this.end : at + 1;
  }

  /** The decimal number at the cursor after spaces; NaN when there is none, and then the cursor has only passed the spaces. */
  number(): number {
    this.skipSpaces();
    const { bytes, end } = this;
    let at = this.at;
    const negative = at < end && bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    let value = 0;
    while (at < end) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (at === first) return Number.NaN;
    if (at < end && bytes[at] === DOT) {
      at++;
      // Divided once, at the end: 0.71 is then the nearest double to 0.71.
      let scale = 1;
      while (at < end) {
        const digit = bytes[at]! - ZERO;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
        scale *= 10;
        at++;
      }
      value /= scale;
    }
    this.at = at;
    return negative ? -value : value;
  }

  /** True when the bytes at the cursor are `word`; the cursor stays. */
  startsWith(word: Uint8Array): boolean {
    const { bytes, at } = this;
    if (at + word.length > this.end) return false;
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
    return true;
  }

  /** bytes[from..to) as text, one character a byte: for names of things met for the first time. */
  text(from: number, to: number): string {
    let text = '';
    for (let i = from; i < to; i++) text += String.fromCharCode(this.bytes[i]!);
    return text;
  }
}

/** The bytes of an ASCII text. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function sameBytes(known: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (known.length !== to - from) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}

/** Which of a few known words a run of bytes is. Sorted by length: most words of a text are ruled out by theirs. */
export class WordTable {
  readonly #byLength: { readonly word: Uint8Array; readonly index: number }[][] = [];

  constructor(words: readonly string[]) {
    words.forEach((text, index) => {
      const word = asciiBytes(text);
      (this.#byLength[word.length] ??= []).push({ word, index });
    });
    for (let length = 0; length < this.#byLength.length; length++) this.#byLength[length] ??= [];
  }

  /** The index of bytes[from..to) among the words, -1 when it is none of them. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const sameLength = this.#byLength[to - from];
    if (sameLength === undefined) return -1;
    for (const { word, index } of sameLength) if (sameBytes(word, bytes, from, to)) return index;
    return -1;
  }
}

/**
 * Things that a text lists by name, in an order that hardly changes: the next one asked for is nearly always the next one
 * known, so that finding costs one comparison.
 *
 * Y2 What was not met in a round is forgotten at its end: a device that returns starts with fresh counters.
 */
export class NamedThings<T> {
  readonly #create: (name: string) => T;
  #things: { readonly name: Uint8Array; readonly thing: T; round: number }[] = [];
  #next = 0;
  #round = 0;
  #met = 0;

  constructor(create: (name: string) => T) {
    this.#create = create;
  }

  begin(): void {
    this.#round++;
    this.#next = 0;
    this.#met = 0;
  }

  find(text: ByteCursor, from: number, to: number): T {
    const things = this.#things;
    for (let tried = 0; tried < things.length; tried++) {
      let at = this.#next + tried;
      if (at >= things.length) at -= things.length;
      const known = things[at]!;
      if (!sameBytes(known.name, text.bytes, from, to)) continue;
      this.#next = at + 1;
      if (known.round !== this.#round) this.#met++;
      known.round = this.#round;
      return known.thing;
    }
    const thing = this.#create(text.text(from, to));
    things.push({ name: text.bytes.slice(from, to), thing, round: this.#round });
    this.#next = things.length;
    this.#met++;
    return thing;
  }

  end(): void {
    if (this.#met < this.#things.length) this.#things = this.#things.filter((known) => known.round === this.#round);
  }

  get size(): number {
    return this.#things.length;
  }
}
