/**
 * A batch of readings as columns: how readings travel from a source to the bloques.
 *
 * Owns: the columns, appending, and the clave's hash. Leaves parsing to sources and placing to the router.
 *
 * L1 `length <= capacity`; reading k is (clave k, valor[k], tsMs[k]); `valor[k]` is finite: refusing is the source's part.
 * L2 clave k is the UTF-8 bytes claveBytes[claveOffset[k] .. + claveLength[k]), 1..MAX_CLAVE_BYTES long; claves may share bytes.
 * L3 claveHash[k] = hashClave over exactly those bytes, so that nobody needs a string on the way.
 */

/** A longer clave is refused: it is a pasted payload rather than a name. */
export const MAX_CLAVE_BYTES = 256;

/** One reading as an API user writes it. `tsMs` is UTC in milliseconds since 1970; left out, the time of arrival. */
export interface Lectura {
  readonly clave: string;
  readonly valor: number;
  readonly tsMs?: number;
}

export class LecturaBatch {
  readonly capacity: number;
  length = 0;
  readonly valor: Float64Array;
  /** UTC ms; NaN when the source gives no time: the time of arrival is filled in at the door. */
  readonly tsMs: Float64Array;
  readonly claveOffset: Uint32Array;
  readonly claveLength: Uint16Array;
  readonly claveHash: Uint32Array;
  claveBytes: Uint8Array;
  claveBytesLength = 0;

  constructor(capacity: number, claveBytesHint: number = capacity * 24) {
    this.capacity = capacity;
    this.valor = new Float64Array(capacity);
    this.tsMs = new Float64Array(capacity);
    this.claveOffset = new Uint32Array(capacity);
    this.claveLength = new Uint16Array(capacity);
    this.claveHash = new Uint32Array(capacity);
    this.claveBytes = new Uint8Array(claveBytesHint);
  }

  get full(): boolean {
    return this.length === this.capacity;
  }

  clear(): void {
    this.length = 0;
    this.claveBytesLength = 0;
  }

  /** Room for `bytes` more clave bytes; the arena doubles, so offsets stay valid and the copy is rare. */
  ensureClaveBytes(bytes: number): void {
    const needed = this.claveBytesLength + bytes;
    if (needed <= this.claveBytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.claveBytes.length * 2));
    grown.set(this.claveBytes.subarray(0, this.claveBytesLength));
    this.claveBytes = grown;
  }

  /** Appends one reading whose clave is source[from..to); the caller has checked L1 and L2. Returns false when full. */
  append(source: Uint8Array, from: number, to: number, valor: number, tsMs: number): boolean {
    const k = this.length;
    if (k === this.capacity) return false;
    const bytes = to - from;
    this.ensureClaveBytes(bytes);
    const target = this.claveBytes;
    const at = this.claveBytesLength;
    let hash = HASH_SEED;
    for (let i = 0; i < bytes; i++) {
      const byte = source[from + i]!;
      target[at + i] = byte;
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    this.claveOffset[k] = at;
    this.claveLength[k] = bytes;
    this.claveHash[k] = finishHash(hash);
    this.claveBytesLength = at + bytes;
    this.valor[k] = valor;
    this.tsMs[k] = tsMs;
    this.length = k + 1;
    return true;
  }

  /** Appends one reading of a clave that already stands in claveBytes (wide tables: one clave, many rows). */
  appendShared(offset: number, bytes: number, hash: number, valor: number, tsMs: number): boolean {
    const k = this.length;
    if (k === this.capacity) return false;
    this.claveOffset[k] = offset;
    this.claveLength[k] = bytes;
    this.claveHash[k] = hash;
    this.valor[k] = valor;
    this.tsMs[k] = tsMs;
    this.length = k + 1;
    return true;
  }
}

export const HASH_SEED = 0x811c9dc5;
export const HASH_PRIME = 0x01000193;

/** Last mixing step: FNV's low bits are weak, and tables take the low bits (Murmur3's finaliser). */
export function finishHash(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** FNV-1a over bytes[from..to), finished; unsigned 32 bits. Source: Fowler, Noll, Vo (1991). */
export function hashClave(bytes: Uint8Array, from: number, to: number): number {
  let hash = HASH_SEED;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, HASH_PRIME);
  return finishHash(hash);
}
