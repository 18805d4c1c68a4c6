/**
 * The audit of one entry: which of its bloques are unlike themselves, by one forest over how far all of them usually stray.
 *
 *   figures of a bloque -> deviations from its own usual -> forest of the entry -> odd at two looks in a row -> open
 *                                                   \-> pool of rows, from which the forest is grown anew now and then
 *
 * Owns the pool, the forest, and each bloque's way from usual to odd and back. Leaves the alert itself to ModuloAuditoria.
 *
 * E1 Only what is handed in decides: the same looks give the same findings, and a restart from `encode` goes on with them.
 * E2 A bloque is judged after its own warm-up and once the pool holds ROWS_MIN rows; rows of an odd bloque stay out of the pool.
 * E3 A forest never saw what lies beyond its sample, and cannot tell far from farther; so one figure CERTAIN spreads away is odd
 *    whatever the forest says.
 */
import { attributeForest, fitForest, scoreForest, type IsolationForest } from '../anomaly/isolation-forest.ts';
import { seededDice, seedOf } from '../anomaly/dice.ts';
import { ByteReader, ByteWriter, checksum } from '../codec/bytes.ts';
import { FEATURES, FEATURES_COUNT } from './features.ts';
import { BloqueUsual, DEVIATION_MAX } from './usual.ts';

const ROWS_MAX = 1024;
const ROWS_MIN = 64;
/** Looks after which the forest is grown anew, at most, and the growth of the pool that asks for it sooner. */
const REFIT_LOOKS = 60;
const REFIT_GROWTH = 1.5;
/** Share of the pool's rows that the forest may find odd. */
const CONTAMINATION = 0.01;
/** An odd row has a figure at least so many spreads away (what is told must be visible), and one so far is enough alone. */
const VISIBLE = 5;
const CERTAIN = DEVIATION_MAX;
/** What is told as usual. */
const RANGE_SPREADS = 3;
const ODD_LOOKS = 2;
const CALM_LOOKS = 3;
const STEP = 127 / DEVIATION_MAX;
/** 2: with the figures of quality. */
const VERSION = 2;
const BLOQUES_MAX = 1_000_000;
const ID_BYTES_MAX = 1024;

export interface Look {
  readonly id: string;
  readonly row: readonly number[];
}

export interface Finding {
  readonly evento: 'abierta' | 'actualizada' | 'cerrada';
  readonly bloque: string;
  /** Index into FEATURES of what is odd. */
  readonly feature: number;
  readonly measured: number;
  readonly min: number;
  readonly max: number;
  /** Of the forest, 0..1. */
  readonly score: number;
}

interface Watched {
  readonly usual: BloqueUsual;
  oddLooks: number;
  calmLooks: number;
  open: Finding | null;
}

export class EntradaAudit {
  readonly id: string;
  readonly #bloques = new Map<string, Watched>();
  readonly #pool = new Int8Array(ROWS_MAX * FEATURES_COUNT);
  #rows = 0;
  /** Rows offered to the pool since the beginning. */
  #taken = 0;
  #forest: IsolationForest | null = null;
  #fittedTaken = 0;
  #looksSinceFit = 0;
  /** Forests grown. */
  fits = 0;

  constructor(id: string) {
    this.id = id;
  }

  get openCount(): number {
    let open = 0;
    for (const one of this.#bloques.values()) if (one.open !== null) open++;
    return open;
  }

  /** One look at the bloques of the entry; those that are left out (paused, gone) keep what is known of them. */
  look(looks: readonly Look[]): Finding[] {
    const rows = new Float32Array(looks.length * FEATURES_COUNT);
    const watched = looks.map(({ id }) => this.#watched(id));
    looks.forEach(({ row }, k) => watched[k]!.usual.deviations(row, rows, k * FEATURES_COUNT));
    this.#refit();
    const scores = new Float64Array(looks.length);
    if (this.#forest !== null) scoreForest(this.#forest, rows, scores);
    const findings: Finding[] = [];
    looks.forEach((look, k) => {
      const one = watched[k]!;
      const deviations = rows.subarray(k * FEATURES_COUNT, (k + 1) * FEATURES_COUNT);
      const isJudged = this.#forest !== null && one.usual.isKnown;
      const feature = isJudged ? this.#oddFeature(deviations, scores[k]!) : -1;
      if (isJudged) {
        const finding = this.#judge(one, look, feature, scores[k]!);
        if (finding !== null) findings.push(finding);
      }
      if (feature < 0 && one.usual.isKnown) this.#pour(deviations);
      one.usual.learn(look.row);
    });
    return findings;
  }

  /** Bloques that are no more; what was open of them is closed. */
  forget(isAlive: (id: string) => boolean): Finding[] {
    const closed: Finding[] = [];
    for (const [id, { open }] of this.#bloques) {
      if (isAlive(id)) continue;
      this.#bloques.delete(id);
      if (open !== null) closed.push({ ...open, evento: 'cerrada' });
    }
    return closed;
  }

  #watched(id: string): Watched {
    let one = this.#bloques.get(id);
    if (one === undefined) {
      one = { usual: new BloqueUsual(), oddLooks: 0, calmLooks: 0, open: null };
      this.#bloques.set(id, one);
    }
    return one;
  }

  /** The feature by which the row is odd; -1: it is not. */
  #oddFeature(deviations: Float32Array, score: number): number {
    let farthest = 0;
    for (let f = 1; f < FEATURES_COUNT; f++)
      if (Math.abs(deviations[f]!) > Math.abs(deviations[farthest]!)) farthest = f;
    if (Math.abs(deviations[farthest]!) < VISIBLE) return -1;
    if (score > this.#forest!.limit) {
      const shares = attributeForest(this.#forest!, deviations);
      let most = farthest;
      for (let f = 0; f < FEATURES_COUNT; f++)
        if (shares[f]! > shares[most]! && Math.abs(deviations[f]!) >= VISIBLE) most = f;
      return most;
    }
    return Math.abs(deviations[farthest]!) >= CERTAIN ? farthest : -1;
  }

  #judge(one: Watched, { id, row }: Look, feature: number, score: number): Finding | null {
    if (feature < 0) {
      one.oddLooks = 0;
      if (one.open === null || ++one.calmLooks < CALM_LOOKS) return null;
      const closed: Finding = { ...one.open, evento: 'cerrada' };
      one.open = null;
      return closed;
    }
    one.calmLooks = 0;
    const { open } = one;
    if (open !== null) {
      // the episodio keeps the range that it began with: what is usual moves meanwhile (U2)
      if (feature !== open.feature || !isFarther(open, row[feature]!)) return null;
      one.open = { ...open, evento: 'actualizada', measured: row[feature]!, score };
      return one.open;
    }
    if (++one.oddLooks < ODD_LOOKS) return null;
    one.oddLooks = 0;
    const { min, max } = one.usual.range(feature, RANGE_SPREADS);
    one.open = { evento: 'abierta', bloque: id, feature, measured: row[feature]!, min, max, score };
    return one.open;
  }

  /** Takes a row into the pool: while there is room, then by chance, so that it stands for all that came. */
  #pour(deviations: Float32Array): void {
    this.#taken++;
    let at = this.#rows;
    if (at === ROWS_MAX) {
      at = Math.floor(seededDice(this.#taken)() * Math.min(this.#taken, 4 * ROWS_MAX));
      if (at >= ROWS_MAX) return;
    } else this.#rows++;
    for (let f = 0; f < FEATURES_COUNT; f++) this.#pool[at * FEATURES_COUNT + f] = Math.round(deviations[f]! * STEP);
  }

  #refit(): void {
    this.#looksSinceFit++;
    if (this.#rows < ROWS_MIN) return;
    const grown = this.#taken >= this.#fittedTaken * REFIT_GROWTH && this.#rows < ROWS_MAX;
    const due = this.#looksSinceFit >= REFIT_LOOKS && this.#taken > this.#fittedTaken;
    if (this.#forest !== null && !grown && !due) return;
    this.#looksSinceFit = 0;
    this.#fittedTaken = this.#taken;
    this.#grow();
  }

  #grow(): void {
    const rows = Float32Array.from(this.#pool.subarray(0, this.#rows * FEATURES_COUNT), (step) => step / STEP);
    const dice = seededDice(seedOf(this.id) ^ this.#fittedTaken);
    this.#forest = fitForest(rows, FEATURES_COUNT, { contamination: CONTAMINATION }, dice);
    this.fits++;
  }

  /** `u8 version | u32 checksum | pool | each bloque: id, looks, what is usual`. The forest follows from the pool. */
  encode(): Uint8Array {
    const writer = new ByteWriter(this.#rows * FEATURES_COUNT + this.#bloques.size * 96 + 64);
    writer.u8(VERSION);
    writer.u32(0);
    writer.varint(this.#taken);
    writer.varint(this.#rows);
    writer.append(new Uint8Array(this.#pool.buffer, 0, this.#rows * FEATURES_COUNT));
    writer.varint(this.#bloques.size);
    const encoder = new TextEncoder();
    for (const [id, { usual }] of this.#bloques) {
      const bytes = encoder.encode(id);
      writer.varint(bytes.length);
      writer.append(bytes);
      writer.varint(usual.seen);
      for (const figure of usual.figures) writer.f64(figure);
    }
    writer.patchU32(1, checksum(writer.bytes, 5, writer.length));
    return writer.toBytes();
  }

  /** @throws CoreCError COREC_E_STATE_UNREADABLE. Alerts that were open open again when they still hold. */
  static decode(id: string, bytes: Uint8Array): EntradaAudit {
    const reader = new ByteReader(bytes, `auditoria ${id}`);
    const version = reader.u8();
    if (version !== VERSION) reader.fail(`an audit of format ${version}, known ${VERSION},`);
    if (reader.u32() !== checksum(bytes, 5, bytes.length)) reader.fail('a checksum that does not fit');
    const audit = new EntradaAudit(id);
    audit.#taken = reader.varint(Number.MAX_SAFE_INTEGER);
    audit.#rows = reader.varint(ROWS_MAX);
    audit.#pool.set(new Int8Array(reader.slice(audit.#rows * FEATURES_COUNT)));
    const decoder = new TextDecoder();
    for (let left = reader.varint(BLOQUES_MAX); left > 0; left--) {
      const bloque = decoder.decode(reader.slice(reader.varint(ID_BYTES_MAX)));
      const seen = reader.varint(65_535);
      const figures = Float32Array.from({ length: 2 * FEATURES_COUNT }, () => reader.f64());
      audit.#bloques.set(bloque, { usual: new BloqueUsual(figures, seen), oddLooks: 0, calmLooks: 0, open: null });
    }
    reader.finish();
    if (audit.#rows >= ROWS_MIN) {
      audit.#fittedTaken = audit.#taken;
      audit.#grow();
    }
    return audit;
  }
}

/** Farther outside its usual range than what was told last. */
function isFarther(told: Finding, measured: number): boolean {
  const away = (x: number): number => (x > told.max ? x - told.max : x < told.min ? told.min - x : 0);
  return away(measured) > 1.5 * away(told.measured);
}

/** The code of a finding's reason. */
export function reasonOf({ feature }: Finding): string {
  return `audit_${FEATURES[feature]!.nombre}`;
}
