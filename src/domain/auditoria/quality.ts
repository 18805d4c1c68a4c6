/**
 * How good the data of a bloque is: which entidades are silent, stuck, or hold what cannot be.
 *
 * Owns one pass over the columns at each look, and the little that it must remember between two. Leaves to usual.ts and the forest whether
 * the shares are odd (a fleet may have always had its dead sensors), and to procesadores what is odd in one clave (`latido`, `detector`).
 *
 *   silent      its last lectura lies about sixteen times as far behind the bloque's newest as nine of ten of the others' do, and as many times as
 *               far as the bloque's time moves from look to look
 *   stuck       lecturas came at STUCK_LOOKS looks, and all were the same
 *   impossible  a time more than FUTURE_MS ahead of the clock, or a lectura that no float32 holds
 *
 * Q1 By event time alone, so a bloque that is silent as a whole has no silent entidades: that is a figure of its throughput.
 * Q2 Ages are counted by powers of two: exact enough for "sixteen times", and no sorting of a million ages.
 */
import { OCUPADO, type CoreColumns } from '../entidad/columns.ts';

const SILENT_DOUBLINGS = 4;
/** Fewer than so many entidades say nothing about what is usual among them. */
const SILENT_AMONG = 10;
const STUCK_LOOKS = 30;
const FUTURE_MS = 86_400_000;
const STEP_KEPT = 0.98;
const AGES = 48;

export interface QualityShares {
  readonly silent: number;
  readonly stuck: number;
  readonly impossible: number;
}

export type QualityKind = keyof QualityShares;

export class Quality {
  /** Lectura of each slot at the last look, and at how many looks in a row a new one was the same. */
  #last = new Float32Array(0);
  #same = new Uint8Array(0);
  readonly #ages = new Uint32Array(AGES);
  /** A slot of each kind, -1: none. */
  readonly #example: Record<QualityKind, number> = { silent: -1, stuck: -1, impossible: -1 };
  #watermarkMs = Infinity;
  /** The longest step of the watermark between two looks, of late: sources that send all at once let it jump. */
  #stepMs = 0;

  /** A slot that is of the kind, at the last look; -1: none was. */
  example(kind: QualityKind): number {
    return this.#example[kind];
  }

  /** `expectsAll`: claves that come and go (a TTL) are not silent but gone. */
  look(core: CoreColumns, used: number, watermarkMs: number, nowMs: number, expectsAll: boolean): QualityShares {
    const { ocupado, lectura, tsMs } = core;
    if (used > this.#last.length) this.#grow(tsMs.length);
    const ages = this.#ages.fill(0);
    const futureMs = nowMs + FUTURE_MS;
    // one clave of the future would make all others look silent
    const newestMs = Math.min(watermarkMs, futureMs);
    let heard = 0;
    let stuck = 0;
    let impossible = 0;
    this.#example.silent = this.#example.stuck = this.#example.impossible = -1;
    for (let slot = 0; slot < used; slot++) {
      const ts = tsMs[slot]!;
      if (ocupado[slot] !== OCUPADO.ligado || ts === 0) continue;
      heard++;
      ages[ageClass(newestMs - ts)]!++;
      const x = lectura[slot]!;
      if (ts > futureMs || x - x !== 0) {
        impossible++;
        this.#example.impossible = slot;
      }
      if (x !== this.#last[slot]) {
        this.#last[slot] = x;
        this.#same[slot] = 0;
      } else if (ts > this.#watermarkMs && this.#same[slot]! < STUCK_LOOKS) this.#same[slot] = this.#same[slot]! + 1;
      if (this.#same[slot] === STUCK_LOOKS) {
        stuck++;
        this.#example.stuck = slot;
      }
    }
    this.#stepMs = Math.max(this.#stepMs * STEP_KEPT, newestMs - this.#watermarkMs);
    this.#watermarkMs = newestMs;
    const silent = expectsAll && heard >= SILENT_AMONG ? this.#silent(core, used, newestMs, heard) : 0;
    const share = (count: number): number => (heard === 0 ? 0 : count / heard);
    return { silent: share(silent), stuck: share(stuck), impossible: share(impossible) };
  }

  /** A bloque may get entidades of others. */
  #grow(slots: number): void {
    const last = new Float32Array(slots);
    const same = new Uint8Array(slots);
    last.set(this.#last);
    same.set(this.#same);
    this.#last = last;
    this.#same = same;
  }

  #silent({ ocupado, tsMs }: CoreColumns, used: number, newestMs: number, heard: number): number {
    let usual = 0;
    for (let seen = this.#ages[0]!; seen < 0.9 * heard; seen += this.#ages[usual]!) usual++;
    const least = Math.max(usual, ageClass(this.#stepMs)) + SILENT_DOUBLINGS;
    let silent = 0;
    for (let k = least; k < AGES; k++) silent += this.#ages[k]!;
    if (silent === 0) return 0;
    let oldestMs = Infinity;
    for (let slot = 0; slot < used; slot++) {
      const ts = tsMs[slot]!;
      if (ocupado[slot] !== OCUPADO.ligado || ts === 0 || ts >= oldestMs) continue;
      oldestMs = ts;
      this.#example.silent = slot;
    }
    return silent;
  }
}

/** 0 up to a second, then one more for each doubling. */
function ageClass(ms: number): number {
  return ms <= 1000 ? 0 : Math.min(AGES - 1, Math.ceil(Math.log2(ms / 1000)));
}
