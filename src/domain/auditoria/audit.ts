/**
 * The audit of a family: which of its members are unlike themselves, by one forest over how far all of them usually stray. The bloques of an
 * entry are one, the entidades of an intelligent bloque another.
 *
 *   figures of a member -> deviations from its own usual -> forest of the family -> odd at two looks in a row -> open
 *                                                   \-> pool of rows, from which the forest is grown anew now and then
 *
 * Owns the pool, the forest, and each member's way from usual to odd and back. Leaves the alert itself to ModuloAuditoria.
 *
 * E1 Only what is handed in decides: the same looks give the same findings, and a restart from `encode` goes on with them.
 * E2 A member is judged after its own warm-up and once the pool holds ROWS_MIN rows; rows of an odd one stay out of the pool.
 * E3 A forest never saw what lies beyond its sample, and cannot tell far from farther; so one figure `certain` spreads away is odd
 *    whatever the forest says.
 * E4 A forest may be grown elsewhere: `wanted` says of what, and the old one judges until `take` brings the new one.
 */
import {
  attributeForest,
  fitForest,
  scoreForest,
  type ForestOptions,
  type IsolationForest,
} from '../anomaly/isolation-forest.ts';
import { seededDice, seedOf } from '../anomaly/dice.ts';
import { ByteReader, ByteWriter, checksum } from '../codec/bytes.ts';
import { FEATURES } from './features.ts';
import { Usual, type UsualOptions } from './usual.ts';

const ROWS_MAX = 1024;
const ROWS_MIN = 64;
/** Looks after which the forest is grown anew, at most, and the growth of the pool that asks for it sooner. */
const REFIT_LOOKS = 60;
const REFIT_GROWTH = 1.5;
/** Share of the pool's rows that the forest may find odd. */
const CONTAMINATION = 0.01;
/** What is told as usual. */
const RANGE_SPREADS = 3;
const CALM_LOOKS = 3;
/** 1 had eight figures of a bloque and did not say so. */
const VERSION = 2;
const MEMBERS_MAX = 1_000_000;
const FEATURES_MAX = 64;
const ID_BYTES_MAX = 1024;

export interface AuditOptions extends UsualOptions {
  /** An odd row has a figure at least so many spreads away: what is told must be visible. */
  readonly visible: number;
  /** Looks in a row that it takes. */
  readonly oddLooks: number;
  /** E3; Infinity: only the forest says. */
  readonly certain: number;
  /** False: forests come from elsewhere (E4). */
  readonly growsItself: boolean;
}

export const BLOQUES_AUDIT: AuditOptions = {
  features: FEATURES,
  warmUp: 20,
  rate: 1 / 48,
  deviationMax: 8,
  visible: 5,
  oddLooks: 2,
  certain: 8,
  growsItself: true,
};

export interface Look {
  readonly id: string;
  readonly row: readonly number[];
}

export interface Finding {
  readonly evento: 'abierta' | 'actualizada' | 'cerrada';
  /** Of the member. */
  readonly id: string;
  /** Index into the features, of what is odd. */
  readonly feature: number;
  readonly measured: number;
  readonly min: number;
  readonly max: number;
  /** Of the forest, 0..1. */
  readonly score: number;
}

/** What a forest is to be grown of. */
export interface FitRequest {
  readonly rows: Float32Array;
  readonly features: number;
  readonly options: ForestOptions;
  readonly seed: number;
}

interface Member {
  readonly usual: Usual;
  oddLooks: number;
  calmLooks: number;
  open: Finding | null;
}

export class Audit {
  readonly id: string;
  readonly #options: AuditOptions;
  /** Features. */
  readonly #n: number;
  /** Steps of the pool in a spread. */
  readonly #step: number;
  readonly #members = new Map<string, Member>();
  readonly #pool: Int8Array;
  #rows = 0;
  /** Rows offered to the pool since the beginning. */
  #taken = 0;
  #forest: IsolationForest | null = null;
  #fittedTaken = 0;
  #looksSinceFit = 0;
  #wanted: FitRequest | null = null;
  /** Forests grown. */
  fits = 0;

  constructor(id: string, options: AuditOptions = BLOQUES_AUDIT) {
    this.id = id;
    this.#options = options;
    this.#n = options.features.length;
    this.#step = 127 / options.deviationMax;
    this.#pool = new Int8Array(ROWS_MAX * this.#n);
  }

  get openCount(): number {
    let open = 0;
    for (const one of this.#members.values()) if (one.open !== null) open++;
    return open;
  }

  /** Members known. */
  get size(): number {
    return this.#members.size;
  }

  /** E4, once. */
  wanted(): FitRequest | null {
    const wanted = this.#wanted;
    this.#wanted = null;
    return wanted;
  }

  take(forest: IsolationForest): void {
    this.#forest = forest;
    this.fits++;
  }

  /** One look at members; those that are left out (paused, gone) keep what is known of them. */
  look(looks: readonly Look[]): Finding[] {
    const rows = new Float32Array(looks.length * this.#n);
    const members = looks.map(({ id }) => this.#member(id));
    looks.forEach(({ row }, k) => members[k]!.usual.deviations(row, rows, k * this.#n));
    this.#refit();
    const scores = new Float64Array(looks.length);
    if (this.#forest !== null) scoreForest(this.#forest, rows, scores);
    const findings: Finding[] = [];
    looks.forEach((look, k) => {
      const one = members[k]!;
      const deviations = rows.subarray(k * this.#n, (k + 1) * this.#n);
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

  /** Members that are no more; what was open of them is closed. */
  forget(isAlive: (id: string) => boolean): Finding[] {
    const closed: Finding[] = [];
    for (const [id, { open }] of this.#members) {
      if (isAlive(id)) continue;
      this.#members.delete(id);
      if (open !== null) closed.push({ ...open, evento: 'cerrada' });
    }
    return closed;
  }

  #member(id: string): Member {
    let one = this.#members.get(id);
    if (one === undefined) {
      one = { usual: new Usual(this.#options), oddLooks: 0, calmLooks: 0, open: null };
      this.#members.set(id, one);
    }
    return one;
  }

  /** The feature by which the row is odd; -1: it is not. */
  #oddFeature(deviations: Float32Array, score: number): number {
    let farthest = 0;
    for (let f = 1; f < this.#n; f++) if (Math.abs(deviations[f]!) > Math.abs(deviations[farthest]!)) farthest = f;
    if (Math.abs(deviations[farthest]!) < this.#options.visible) return -1;
    if (score > this.#forest!.limit) {
      const shares = attributeForest(this.#forest!, deviations);
      let most = farthest;
      for (let f = 0; f < this.#n; f++)
        if (shares[f]! > shares[most]! && Math.abs(deviations[f]!) > this.#options.visible) most = f;
      return most;
    }
    return Math.abs(deviations[farthest]!) >= this.#options.certain ? farthest : -1;
  }

  #judge(one: Member, { id, row }: Look, feature: number, score: number): Finding | null {
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
    if (++one.oddLooks < this.#options.oddLooks) return null;
    one.oddLooks = 0;
    const { min, max } = one.usual.range(feature, RANGE_SPREADS);
    one.open = { evento: 'abierta', id, feature, measured: row[feature]!, min, max, score };
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
    for (let f = 0; f < this.#n; f++) this.#pool[at * this.#n + f] = Math.round(deviations[f]! * this.#step);
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
    const rows = Float32Array.from(this.#pool.subarray(0, this.#rows * this.#n), (steps) => steps / this.#step);
    const seed = (seedOf(this.id) ^ this.#fittedTaken) >>> 0;
    const request: FitRequest = { rows, features: this.#n, options: { contamination: CONTAMINATION }, seed };
    if (this.#options.growsItself) this.take(growForest(request));
    else this.#wanted = request;
  }

  /** `u8 version | u32 checksum | pool | each member: id, looks, what is usual`. The forest follows from the pool. */
  encode(): Uint8Array {
    const writer = new ByteWriter(this.#rows * this.#n + this.#members.size * 96 + 64);
    writer.u8(VERSION);
    writer.u32(0);
    writer.varint(this.#n);
    writer.varint(this.#taken);
    writer.varint(this.#rows);
    writer.append(new Uint8Array(this.#pool.buffer, 0, this.#rows * this.#n));
    writer.varint(this.#members.size);
    const encoder = new TextEncoder();
    for (const [id, { usual }] of this.#members) {
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
  static decode(id: string, bytes: Uint8Array, options: AuditOptions = BLOQUES_AUDIT): Audit {
    const reader = new ByteReader(bytes, `auditoria ${id}`);
    const version = reader.u8();
    if (version !== VERSION) reader.fail(`an audit of format ${version}, known ${VERSION},`);
    if (reader.u32() !== checksum(bytes, 5, bytes.length)) reader.fail('a checksum that does not fit');
    const audit = new Audit(id, options);
    const n = options.features.length;
    if (reader.varint(FEATURES_MAX) !== n) reader.fail('an audit of other figures');
    audit.#taken = reader.varint(Number.MAX_SAFE_INTEGER);
    audit.#rows = reader.varint(ROWS_MAX);
    audit.#pool.set(new Int8Array(reader.slice(audit.#rows * n)));
    const decoder = new TextDecoder();
    for (let left = reader.varint(MEMBERS_MAX); left > 0; left--) {
      const member = decoder.decode(reader.slice(reader.varint(ID_BYTES_MAX)));
      const seen = reader.varint(65_535);
      const figures = Float32Array.from({ length: 2 * n }, () => reader.f64());
      audit.#members.set(member, { usual: new Usual(options, figures, seen), oddLooks: 0, calmLooks: 0, open: null });
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

/** The forest asked for: the same on whatever thread it is grown. */
export function growForest({ rows, features, options, seed }: FitRequest): IsolationForest {
  return fitForest(rows, features, options, seededDice(seed));
}

/** The code of a finding's reason, of bloques. */
export function reasonOf({ feature }: Finding): string {
  return `audit_${FEATURES[feature]!.nombre}`;
}
