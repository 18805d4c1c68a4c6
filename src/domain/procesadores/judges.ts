/**
 * Several judges (norma.ts) in one entidad: their columns as vectors, and a view that stands on one of them.
 *
 * Owns: the layout alone. A judge sees the view as if the columns were its own.
 */
import type { EntidadView, EstadoSpec } from './define.ts';
import type { NormaView } from './norma.ts';

export const JUDGES = 12;
/** So many judge the lectura itself, the others what the season leaves of it. */
export const OF_LECTURA = 8;

/** The columns of NORMA_COLUMNS, once for each judge. */
export const JUDGE_COLUMNS = {
  origin: 'f32[12]',
  last: 'f32[12]',
  low: 'f32[12]',
  high: 'f32[12]',
  fast: 'f32[12]',
  fastLow: 'f32[12]',
  fastHigh: 'f32[12]',
  slow: 'f32[12]',
  slowLow: 'f32[12]',
  slowHigh: 'f32[12]',
  spread: 'f32[12]',
  seen: 'u16[12]',
  age: 'u8[12]',
  calm: 'u8[12]',
  recent: 'u8[12]',
  motive: 'u8[12]',
  quantum: 'u8[12]',
  run: 'u8[12]',
  runMax: 'u8[12]',
  hourUnit: 'u8[12]',
  hourSpread: 'u8[12]',
  hourSpreadBefore: 'u8[12]',
  hour0: 'u8[12]',
  hour1: 'u8[12]',
  hour2: 'u8[12]',
  hour3: 'u8[12]',
  hour4: 'u8[12]',
  hour5: 'u8[12]',
  hour6: 'u8[12]',
  hour7: 'u8[12]',
} as const satisfies EstadoSpec;

type JudgesView = EntidadView<typeof JUDGE_COLUMNS>;

/** One judge of an entidad; moved like the entidad's view, never kept. Fields are spelled out since the engine is fast with no other form. */
export class JudgeView implements NormaView {
  #e: JudgesView = null as unknown as JudgesView;
  #k = 0;

  of(e: JudgesView): this {
    this.#e = e;
    return this;
  }
  at(k: number): this {
    this.#k = k;
    return this;
  }
  get slot(): number {
    return this.#e.slot;
  }
  get numero(): number {
    return this.#e.numero;
  }
  get valor(): number {
    return this.#e.valor;
  }
  get lectura(): number {
    return this.#e.lectura;
  }
  set lectura(x: number) {
    this.#e.lectura = x;
  }
  get tsMs(): number {
    return this.#e.tsMs;
  }
  get origin(): number {
    return this.#e.origin.get(this.#k);
  }
  set origin(x: number) {
    this.#e.origin.set(this.#k, x);
  }
  get last(): number {
    return this.#e.last.get(this.#k);
  }
  set last(x: number) {
    this.#e.last.set(this.#k, x);
  }
  get low(): number {
    return this.#e.low.get(this.#k);
  }
  set low(x: number) {
    this.#e.low.set(this.#k, x);
  }
  get high(): number {
    return this.#e.high.get(this.#k);
  }
  set high(x: number) {
    this.#e.high.set(this.#k, x);
  }
  get fast(): number {
    return this.#e.fast.get(this.#k);
  }
  set fast(x: number) {
    this.#e.fast.set(this.#k, x);
  }
  get fastLow(): number {
    return this.#e.fastLow.get(this.#k);
  }
  set fastLow(x: number) {
    this.#e.fastLow.set(this.#k, x);
  }
  get fastHigh(): number {
    return this.#e.fastHigh.get(this.#k);
  }
  set fastHigh(x: number) {
    this.#e.fastHigh.set(this.#k, x);
  }
  get slow(): number {
    return this.#e.slow.get(this.#k);
  }
  set slow(x: number) {
    this.#e.slow.set(this.#k, x);
  }
  get slowLow(): number {
    return this.#e.slowLow.get(this.#k);
  }
  set slowLow(x: number) {
    this.#e.slowLow.set(this.#k, x);
  }
  get slowHigh(): number {
    return this.#e.slowHigh.get(this.#k);
  }
  set slowHigh(x: number) {
    this.#e.slowHigh.set(this.#k, x);
  }
  get spread(): number {
    return this.#e.spread.get(this.#k);
  }
  set spread(x: number) {
    this.#e.spread.set(this.#k, x);
  }
  get seen(): number {
    return this.#e.seen.get(this.#k);
  }
  set seen(x: number) {
    this.#e.seen.set(this.#k, x);
  }
  get age(): number {
    return this.#e.age.get(this.#k);
  }
  set age(x: number) {
    this.#e.age.set(this.#k, x);
  }
  get calm(): number {
    return this.#e.calm.get(this.#k);
  }
  set calm(x: number) {
    this.#e.calm.set(this.#k, x);
  }
  get recent(): number {
    return this.#e.recent.get(this.#k);
  }
  set recent(x: number) {
    this.#e.recent.set(this.#k, x);
  }
  get motive(): number {
    return this.#e.motive.get(this.#k);
  }
  set motive(x: number) {
    this.#e.motive.set(this.#k, x);
  }
  get quantum(): number {
    return this.#e.quantum.get(this.#k);
  }
  set quantum(x: number) {
    this.#e.quantum.set(this.#k, x);
  }
  get run(): number {
    return this.#e.run.get(this.#k);
  }
  set run(x: number) {
    this.#e.run.set(this.#k, x);
  }
  get runMax(): number {
    return this.#e.runMax.get(this.#k);
  }
  set runMax(x: number) {
    this.#e.runMax.set(this.#k, x);
  }
  get hourUnit(): number {
    return this.#e.hourUnit.get(this.#k);
  }
  set hourUnit(x: number) {
    this.#e.hourUnit.set(this.#k, x);
  }
  get hourSpread(): number {
    return this.#e.hourSpread.get(this.#k);
  }
  set hourSpread(x: number) {
    this.#e.hourSpread.set(this.#k, x);
  }
  get hourSpreadBefore(): number {
    return this.#e.hourSpreadBefore.get(this.#k);
  }
  set hourSpreadBefore(x: number) {
    this.#e.hourSpreadBefore.set(this.#k, x);
  }
  get hour0(): number {
    return this.#e.hour0.get(this.#k);
  }
  set hour0(x: number) {
    this.#e.hour0.set(this.#k, x);
  }
  get hour1(): number {
    return this.#e.hour1.get(this.#k);
  }
  set hour1(x: number) {
    this.#e.hour1.set(this.#k, x);
  }
  get hour2(): number {
    return this.#e.hour2.get(this.#k);
  }
  set hour2(x: number) {
    this.#e.hour2.set(this.#k, x);
  }
  get hour3(): number {
    return this.#e.hour3.get(this.#k);
  }
  set hour3(x: number) {
    this.#e.hour3.set(this.#k, x);
  }
  get hour4(): number {
    return this.#e.hour4.get(this.#k);
  }
  set hour4(x: number) {
    this.#e.hour4.set(this.#k, x);
  }
  get hour5(): number {
    return this.#e.hour5.get(this.#k);
  }
  set hour5(x: number) {
    this.#e.hour5.set(this.#k, x);
  }
  get hour6(): number {
    return this.#e.hour6.get(this.#k);
  }
  set hour6(x: number) {
    this.#e.hour6.set(this.#k, x);
  }
  get hour7(): number {
    return this.#e.hour7.get(this.#k);
  }
  set hour7(x: number) {
    this.#e.hour7.set(this.#k, x);
  }
}
