/**
 * NDJSON of 1,000,000 things, as unlike as rows of one stream come: keys in any order, escapes in claves and beside them, nested
 * fields, spaces, numbers with exponents.
 *
 * One round holds one reading of every clave. Rows of a round keep their bytes but for valor and time, which have a fixed width, so
 * that the next round is made by writing digits over a template: making readings must not cost what taking them in costs.
 *
 * Rows stand in an order of their own (shuffled) and not in the one in which claves were first seen, so that no bloque finds its
 * readings side by side.
 */

export const CLAVES = 1_000_000;
const HOT_EACH = 100;
/** Readings of a hot clave before it is given odd ones. */
const HOT_WARM = 500;
export const START_MS = 1_767_225_600_000;
const ROUND_MS = 60_000;

export interface RoundsOptions {
  readonly claves: number;
  /** Further claves with 100 readings a round, which soon know what is usual and have odd readings now and then. */
  readonly hot?: number;
  readonly shuffled?: boolean;
}

/** Cents of the reading of clave `id` in `round`: a level of its own, some noise. */
function centsOf(id: number, round: number): number {
  return 30_000 + (mix(id) % 40_000) + (mix(id ^ Math.imul(round + 1, 0x9e3779b1)) % 400);
}

function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const pad = (id: number): string => String(id).padStart(7, '0');

/** Where the digits of valor and ts will stand: `@` and `#` never occur otherwise. Exponent rows have their point after one digit. */
const VALOR = '@@@.@@';
const VALOR_EXPONENT = '@.@@@@e2';
const TS = '#'.repeat(13);

const SHAPES: readonly ((id: number) => string)[] = [
  (id) => `{"clave":"sensor/${pad(id)}","valor":${VALOR},"ts":${TS}}`,
  (id) => `{"ts":${TS},"valor":${VALOR},"clave":"sensor/${pad(id)}"}`,
  (id) => `{"valor":${VALOR},"clave":"sensor/${pad(id)}","ts":${TS},"unidad":"\\u00b0C"}`,
  (id) => `{"ts": ${TS}, "clave": "planta\\/${id % 40}\\/${pad(id)}", "valor": ${VALOR}}`,
  (id) => `{"clave":"se\\u00f1al-${pad(id)}","ts":${TS},"valor":${VALOR_EXPONENT}}`,
  (id) => `{"valor":${VALOR},"ts":${TS},"clave":"señal \\"${pad(id)}\\""}`,
  (id) =>
    `{"meta":{"lote":[1,2,{"n":null}],"nota":"dice \\"ya\\"\\n"},"clave":"sensor/${pad(id)}","valor":${VALOR},"ts":${TS}}`,
  (id) => `{ "ts" : ${TS} , "ok" : true , "valor" : ${VALOR} , "clave" : "${pad(id)}" }`,
];

export class Rounds {
  readonly rows: number;
  /** The template; `write` leaves the round asked for last. */
  readonly bytes: Buffer;
  /** Byte at which row k begins; one more for the end. */
  readonly starts: Uint32Array;
  readonly #ids: Uint32Array;
  readonly #valorAt: Uint32Array;
  readonly #tsAt: Uint32Array;
  readonly #claves: number;

  constructor(options: RoundsOptions) {
    const { claves, hot = 0, shuffled = true } = options;
    this.#claves = claves;
    this.rows = claves + hot * HOT_EACH;
    const ids = (this.#ids = new Uint32Array(this.rows));
    for (let k = 0; k < this.rows; k++) ids[k] = k < claves ? k : claves + ((k - claves) % Math.max(1, hot));
    if (shuffled) {
      for (let k = claves - 1; k > 0; k--) {
        const other = mix(k + 77) % (k + 1);
        const id = ids[k]!;
        ids[k] = ids[other]!;
        ids[other] = id;
      }
    }
    this.starts = new Uint32Array(this.rows + 1);
    this.#valorAt = new Uint32Array(this.rows);
    this.#tsAt = new Uint32Array(this.rows);
    this.bytes = this.#makeTemplate(ids);
  }

  #makeTemplate(ids: Uint32Array): Buffer {
    const whole = Buffer.allocUnsafe(this.rows * 110);
    let at = 0;
    for (let k = 0; k < ids.length; k++) {
      const id = ids[k]!;
      this.starts[k] = at;
      const length = whole.write(`${SHAPES[mix(id + 5) % SHAPES.length]!(id)}\n`, at);
      this.#valorAt[k] = whole.indexOf(0x40, at);
      this.#tsAt[k] = whole.indexOf(0x23, at);
      at += length;
    }
    this.starts[ids.length] = at;
    return whole.subarray(0, at);
  }

  /** Makes rows [from, to) those of `round`. Times of a round lie within its minute, in order. */
  write(round: number, from: number = 0, to: number = this.rows): void {
    const { bytes } = this;
    for (let k = from; k < to; k++) {
      const id = this.#ids[k]!;
      let cents = centsOf(id, round);
      if (id >= this.#claves && round * HOT_EACH > HOT_WARM && mix(k ^ Math.imul(round, 31)) % 1000 === 0)
        cents = 99_999;
      let at = this.#valorAt[k]! + 5;
      const exponent = bytes[this.#valorAt[k]! + 1] === 0x2e;
      for (let digit = 5; digit >= 0; digit--, at--) {
        if (digit === (exponent ? 1 : 3)) continue;
        bytes[at] = 0x30 + (cents % 10);
        cents = Math.floor(cents / 10);
      }
      let ts = START_MS + round * ROUND_MS + Math.floor((k * ROUND_MS) / this.rows);
      const tsAt = this.#tsAt[k]!;
      for (let digit = 12; digit >= 0; digit--) {
        const rest = Math.floor(ts / 10);
        bytes[tsAt + digit] = 0x30 + (ts - rest * 10);
        ts = rest;
      }
    }
  }
}
