/**
 * What a bloque will need, learned from its own pattern of use: level, trend, and the seasons of the day and of the week.
 *
 * An additive Holt-Winters over buckets of half an hour, each of which counts with its highest sample: capacity must do for the peak,
 * not for the mean. The level moves slowly (a day), so that what comes back every day goes into the season and not into the level.
 *
 * L1 Only samples and their times decide: the same ones give the same forecast.
 * L2 Memory is fixed: SERIES_BYTES a series, whatever was seen.
 * L3 Nothing is foreseen for a bucket of the day that was never seen: a bloque of its first day has the plain thresholds.
 */

export const BUCKET_MS = 1_800_000;
const DAY = 48;
/** Parts of a week, of four hours each. */
const WEEK = 42;
const BUCKETS_A_PART = 8;
/** Level, trend, usual error, how many buckets were seen, the bucket under way and its peak, as float64. */
const FIGURES = 6;
export const SERIES_BYTES: number = FIGURES * 8 + (DAY + WEEK) * 4 + (DAY + WEEK);

/** Weights of one new bucket: level and trend over about a day, the seasons over about three days and three weeks. */
const LEVEL = 1 / DAY;
const TREND = 1 / (DAY * 4);
const SEASON = 0.35;
/** A trend is followed for so long: nothing grows for ever. */
const TREND_BUCKETS_MAX = DAY;
/** Share of a new error in the usual error, which is added as headroom. */
const ERROR = 0.05;

export class Pronostico {
  readonly #bytes: Uint8Array;
  readonly #day: Float32Array;
  readonly #week: Float32Array;
  /** Times that each part was seen, up to 255. */
  readonly #seenDay: Uint8Array;
  readonly #seenWeek: Uint8Array;
  #level = 0;
  #trend = 0;
  #error = 0;
  #seen = 0;
  #bucket = -1;
  #peak = 0;

  /** `bytes`: what `toBytes` gave, SERIES_BYTES of them; left out: nothing is known. */
  constructor(bytes?: Uint8Array) {
    this.#bytes = new Uint8Array(SERIES_BYTES);
    const { buffer } = this.#bytes;
    let at = FIGURES * 8;
    this.#day = new Float32Array(buffer, at, DAY);
    this.#week = new Float32Array(buffer, (at += DAY * 4), WEEK);
    this.#seenDay = new Uint8Array(buffer, (at += WEEK * 4), DAY);
    this.#seenWeek = new Uint8Array(buffer, at + DAY, WEEK);
    if (bytes === undefined) return;
    this.#bytes.set(bytes);
    const figures = new Float64Array(buffer, 0, FIGURES);
    this.#level = figures[0]!;
    this.#trend = figures[1]!;
    this.#error = figures[2]!;
    this.#seen = figures[3]!;
    this.#bucket = figures[4]!;
    this.#peak = figures[5]!;
  }

  /** A view: valid until the next sample. */
  toBytes(): Uint8Array {
    const figures = [this.#level, this.#trend, this.#error, this.#seen, this.#bucket, this.#peak];
    new Float64Array(this.#bytes.buffer, 0, FIGURES).set(figures);
    return this.#bytes;
  }

  /** Takes one sample; `nowMs` is wall time. */
  observe(valor: number, nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    // a clock that was set back begins anew where it is
    if (this.#bucket >= 0 && bucket !== this.#bucket) {
      this.#fold();
      this.#peak = valor;
    } else this.#peak = this.#bucket < 0 ? valor : Math.max(this.#peak, valor);
    this.#bucket = bucket;
  }

  /** The most that is expected from now until `spanMs` later; null: nothing is known of that time. */
  expect(nowMs: number, spanMs: number): number | null {
    const first = Math.floor(nowMs / BUCKET_MS);
    const last = Math.floor((nowMs + spanMs) / BUCKET_MS);
    let most: number | null = null;
    for (let bucket = first; bucket <= last; bucket++) {
      const at = this.#at(bucket);
      if (at !== null && (most === null || at > most)) most = at;
    }
    return most;
  }

  #at(bucket: number): number | null {
    const day = bucket % DAY;
    if (this.#seenDay[day] === 0) return null;
    const steps = Math.max(0, Math.min(TREND_BUCKETS_MAX, bucket - this.#bucket));
    return Math.max(0, this.#level + this.#trend * steps + this.#season(bucket) + this.#error);
  }

  #season(bucket: number): number {
    const week = Math.floor(bucket / BUCKETS_A_PART) % WEEK;
    return this.#day[bucket % DAY]! + (this.#seenWeek[week] === 0 ? 0 : this.#week[week]!);
  }

  #fold(): void {
    const bucket = this.#bucket;
    const day = bucket % DAY;
    const valor = this.#peak;
    this.#seen++;
    if (this.#seen > DAY) this.#follow(bucket, valor);
    // of the first day the season is all there is; its mean becomes the level once it is whole
    else this.#day[day] = valor;
    this.#seenDay[day] = Math.min(255, this.#seenDay[day]! + 1);
    if (this.#seen === DAY) this.#centre();
  }

  #centre(): void {
    let sum = 0;
    let count = 0;
    for (let k = 0; k < DAY; k++) {
      if (this.#seenDay[k] === 0) continue;
      sum += this.#day[k]!;
      count++;
    }
    this.#level = sum / count;
    for (let k = 0; k < DAY; k++) if (this.#seenDay[k]! > 0) this.#day[k] = this.#day[k]! - this.#level;
  }

  #follow(bucket: number, valor: number): void {
    const day = bucket % DAY;
    const week = Math.floor(bucket / BUCKETS_A_PART) % WEEK;
    const isKnown = this.#seenDay[day]! > 0;
    const rest = valor - this.#level - this.#season(bucket);
    if (isKnown) this.#error += ERROR * (Math.abs(rest) - this.#error);
    const step = LEVEL * rest;
    this.#level += step;
    this.#trend += TREND * (step - this.#trend);
    this.#day[day] = this.#day[day]! + (isKnown ? SEASON : 1) * (rest - step);
    // what a day of the week has of its own shows once each has been seen
    if (this.#seen <= DAY * 7) return;
    const own = valor - this.#level - this.#season(bucket);
    this.#week[week] = this.#week[week]! + (SEASON / BUCKETS_A_PART) * own;
    this.#seenWeek[week] = Math.min(255, this.#seenWeek[week]! + 1);
  }
}
