/**
 * JSON text to values, remembering on which line each key stands.
 *
 * Owns positions: a defect of syntax with line and column, the line of every path for defects found later, keys given twice (JSON.parse
 * lets the last one win in silence). Leaves what the values mean to the schema. The values are those of JSON.parse.
 */

/** Steps from the root: keys and indexes. */
export type JsonPath = readonly (string | number)[];

export interface JsonDefect {
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  readonly found: { readonly en: string; readonly es: string };
}

export interface JsonDocument {
  readonly value: unknown;
  /** Line of the key (or element) at a path; the nearest parent's when the path itself is not there. */
  lineOf(path: JsonPath): number;
  /** Paths of keys that stand twice in one object. */
  readonly repeated: readonly JsonPath[];
}

export type JsonResult =
  | { readonly ok: true; readonly document: JsonDocument }
  | { readonly ok: false; readonly defect: JsonDefect };

/** Deeper nesting is no configuration; the bound keeps a hostile file from the end of the stack. */
const DEPTH_MAX = 64;

class Stop extends Error {
  readonly at: number;
  readonly found: JsonDefect['found'];
  constructor(at: number, en: string, es: string) {
    super(en);
    this.at = at;
    this.found = { en, es };
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

/** Parses one JSON text; a leading byte order mark is allowed. */
export function parseJson(text: string): JsonResult {
  const reader = new Reader(text);
  try {
    const value = reader.document();
    return { ok: true, document: { value, repeated: reader.repeated, lineOf: (path) => reader.lineOf(path) } };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { ok: false, defect: { ...positionOf(text, error.at), found: error.found } };
  }
}

function positionOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return { line, column: at - before.lastIndexOf('\n') };
}

const keyOf = (path: JsonPath): string => JSON.stringify(path);

class Reader {
  readonly text: string;
  at = 0;
  line = 1;
  readonly repeated: JsonPath[] = [];
  readonly lines = new Map<string, number>();

  constructor(text: string) {
    this.text = text;
    if (text.charCodeAt(0) === 0xfeff) this.at = 1;
  }

  lineOf(path: JsonPath): number {
    for (let length = path.length; length >= 0; length--) {
      const line = this.lines.get(keyOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }

  document(): unknown {
    this.space();
    if (this.at === this.text.length) throw new Stop(this.at, 'the file is empty', 'el archivo está vacío');
    const value = this.value([]);
    this.space();
    if (this.at < this.text.length) {
      throw new Stop(this.at, `${this.here()} after the end of the value`, `${this.here()} tras el final del valor`);
    }
    return value;
  }

  space(): void {
    for (;;) {
      const char = this.text[this.at];
      if (char === '\n') this.line++;
      else if (char !== ' ' && char !== '\t' && char !== '\r') break;
      this.at++;
    }
    if (this.text[this.at] === '/' && (this.text[this.at + 1] === '/' || this.text[this.at + 1] === '*')) {
      throw new Stop(
        this.at,
        'a comment, which JSON does not have; write it as a key that begins with $ ("$note": "...")',
        'un comentario, que JSON no tiene; escríbalo como una clave que empiece con $ ("$nota": "...")',
      );
    }
  }

  /** The character at hand, for messages. */
  here(): string {
    const point = this.text.codePointAt(this.at);
    if (point === undefined) return '<EOF>';
    if (point === 10 || point === 13) return '<EOL>';
    return point < 0x20 ? `<U+${point.toString(16).padStart(4, '0')}>` : `'${String.fromCodePoint(point)}'`;
  }

  unexpected(en: string, es: string): Stop {
    if (this.at >= this.text.length)
      return new Stop(this.at, `the file ends where ${en} is due`, `el archivo termina donde toca ${es}`);
    return new Stop(this.at, `${this.here()} where ${en} is due`, `${this.here()} donde toca ${es}`);
  }

  value(path: JsonPath): unknown {
    this.lines.set(keyOf(path), this.lines.get(keyOf(path)) ?? this.line);
    const char = this.text[this.at];
    if (char === '{') return this.object(path);
    if (char === '[') return this.array(path);
    if (char === '"') return this.string();
    if (char === "'")
      throw new Stop(this.at, 'a text in \'...\'; JSON wants "..."', 'un texto entre \'...\'; JSON exige "..."');
    NUMBER.lastIndex = this.at;
    const number = NUMBER.exec(this.text)?.[0];
    if (number !== undefined) {
      this.at += number.length;
      const next = this.text[this.at] ?? '';
      if (/[\w.+-]/.test(next))
        throw new Stop(this.at, `${this.here()} inside a number`, `${this.here()} dentro de un número`);
      return Number(number);
    }
    WORD.lastIndex = this.at;
    const word = WORD.exec(this.text)?.[0];
    if (word !== undefined) {
      if (Object.hasOwn(WORDS, word)) {
        this.at += word.length;
        return WORDS[word];
      }
      throw new Stop(
        this.at,
        `the bare word ${word}; texts stand in "..."`,
        `la palabra suelta ${word}; los textos van entre "..."`,
      );
    }
    throw this.unexpected('a value', 'un valor');
  }

  object(path: JsonPath): Record<string, unknown> {
    this.enter(path);
    const object: Record<string, unknown> = {};
    const seen = new Set<string>();
    for (let first = true; !this.close('}', first); first = false) {
      if (this.text[this.at] !== '"') throw this.unexpected('a key in "..."', 'una clave entre "..."');
      const line = this.line;
      const key = this.string();
      const keyPath = [...path, key];
      if (seen.has(key)) this.repeated.push(keyPath);
      seen.add(key);
      this.lines.set(keyOf(keyPath), line);
      this.space();
      if (this.text[this.at] !== ':') throw this.unexpected("':'", "':'");
      this.at++;
      this.space();
      // defined, not assigned: a key may be called __proto__
      Object.defineProperty(object, key, {
        value: this.value(keyPath),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return object;
  }

  array(path: JsonPath): unknown[] {
    this.enter(path);
    const array: unknown[] = [];
    for (let first = true; !this.close(']', first); first = false) array.push(this.value([...path, array.length]));
    return array;
  }

  enter(path: JsonPath): void {
    if (path.length >= DEPTH_MAX)
      throw new Stop(this.at, `more than ${DEPTH_MAX} levels`, `más de ${DEPTH_MAX} niveles`);
    this.at++;
  }

  /** Before each item: true and past the bracket at the end of the list, else past the comma that is due. */
  close(bracket: '}' | ']', first: boolean): boolean {
    this.space();
    if (this.text[this.at] === bracket) {
      this.at++;
      return true;
    }
    if (first) return false;
    if (this.text[this.at] !== ',') throw this.unexpected(`',' or '${bracket}'`, `',' o '${bracket}'`);
    const comma = this.at++;
    this.space();
    if (this.text[this.at] === bracket) {
      throw new Stop(comma, `a comma before '${bracket}'; take it out`, `una coma antes de '${bracket}'; quítela`);
    }
    return false;
  }

  string(): string {
    const from = this.at;
    for (this.at++; ; this.at++) {
      const char = this.text[this.at];
      if (char === undefined || char === '\n')
        throw new Stop(from, 'a text without its closing "', 'un texto sin su " de cierre');
      if (char === '\\') this.at++;
      else if (char === '"') break;
    }
    this.at++;
    const raw = this.text.slice(from, this.at);
    try {
      return JSON.parse(raw) as string;
    } catch {
      throw new Stop(
        from,
        'a text with a bad \\ escape or a control character',
        'un texto con un escape \\ inválido o un carácter de control',
      );
    }
  }
}
