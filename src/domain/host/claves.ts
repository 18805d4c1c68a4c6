/**
 * The claves of a host: how they are spelled, which are wanted, and a scan's readings on their way to a batch.
 *
 * Owns the spelling (`area/thing/measure`, ASCII), the globs, and the columns of one scan. Leaves when to scan to the source.
 *
 * V1 A clave's bytes and hash are made once, when the thing is first met; a reading then costs a copy of its bytes.
 * V2 A scan holds finite valores only: what cannot be told (no second look yet, a reset) is NaN and is dropped by `add`.
 */
import { compileGlob } from '../claves/glob.ts';
import type { Glob } from '../claves/glob.ts';
import { hashClave } from '../lectura/batch.ts';
import type { LecturaBatch } from '../lectura/batch.ts';
import { asciiBytes } from './bytes.ts';
import { EXCLUDE_DEFAULT } from './config.ts';

/** A clave ready to be appended. */
export interface ClaveHost {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/** One part of a clave: what could be mistaken for a separator or a glob, and what is not printable ASCII, becomes `_`. */
export function cleanPart(text: string, charsMax: number = 64): string {
  const cleaned = text.slice(0, charsMax).replace(/[^A-Za-z0-9._+:@~-]/g, '_');
  return cleaned === '' ? '_' : cleaned;
}

/** `base`, or `base~2`, `base~3` ... when it is taken already; the name is taken then. */
export function uniqueName(base: string, taken: Set<string>): string {
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}~${n}`;
  taken.add(name);
  return name;
}

/** Makes the claves that are wanted. */
export class Claves {
  readonly #include: readonly Glob[];
  readonly #exclude: readonly Glob[];

  /** With `include` empty: everything but `EXCLUDE_DEFAULT`; else what it matches. `exclude` takes away from either. */
  constructor(include: readonly string[], exclude: readonly string[]) {
    this.#include = include.map(compileGlob);
    this.#exclude = [...(include.length === 0 ? EXCLUDE_DEFAULT : []), ...exclude].map(compileGlob);
  }

  /** The clave, or null when it is not wanted: null may be handed to `ScanOutput.add`. */
  make(text: string): ClaveHost | null {
    const bytes = asciiBytes(text);
    const matches = (glob: Glob): boolean => glob.matches(bytes, 0, bytes.length);
    if (this.#include.length > 0 && !this.#include.some(matches)) return null;
    if (this.#exclude.some(matches)) return null;
    return { text, bytes, hash: hashClave(bytes, 0, bytes.length) };
  }
}

/** The readings of one scan, kept until batches have taken them all. */
export class ScanOutput {
  #claves: ClaveHost[] = [];
  #valor: Float64Array = new Float64Array(256);
  #length = 0;
  #taken = 0;
  tsMs = 0;

  /** Starts a new scan at `tsMs` (UTC). What was not taken of the last one is dropped. */
  begin(tsMs: number): void {
    this.#length = 0;
    this.#taken = 0;
    this.tsMs = tsMs;
  }

  add(clave: ClaveHost | null, valor: number): void {
    if (clave === null || !Number.isFinite(valor)) return;
    const k = this.#length;
    if (k === this.#valor.length) {
      const grown = new Float64Array(k * 2);
      grown.set(this.#valor);
      this.#valor = grown;
    }
    this.#claves[k] = clave;
    this.#valor[k] = valor;
    this.#length = k + 1;
  }

  get length(): number {
    return this.#length;
  }

  get pending(): number {
    return this.#length - this.#taken;
  }

  /** Moves what fits into `batch`; returns how many. */
  drain(batch: LecturaBatch): number {
    const from = this.#taken;
    let k = from;
    for (; k < this.#length && !batch.full; k++) {
      const { bytes, hash } = this.#claves[k]!;
      batch.ensureClaveBytes(bytes.length);
      const at = batch.claveBytesLength;
      batch.claveBytes.set(bytes, at);
      batch.claveBytesLength = at + bytes.length;
      batch.appendShared(at, bytes.length, hash, this.#valor[k]!, this.tsMs);
    }
    this.#taken = k;
    return k - from;
  }
}
