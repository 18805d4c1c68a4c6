/**
 * Reading and writing of small binary structures: bounds, varints, checksum.
 *
 * Owns the two cursors and the one error for damaged bytes. Leaves every format to its file.
 *
 * B1 A reader never reads past its bytes and never gives back a number it did not find: it throws COREC_E_STATE_UNREADABLE.
 */
import { CoreCError } from '#domain/errors.ts';

// Several formats are the memory of typed arrays: little-endian, as every platform is that CoreC ships for.
if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) {
  throw new CoreCError('COREC_E_INTERNAL', { found: 'a big-endian machine; stored columns are little-endian' });
}

/** Capacity for scratch that must hold `n`: half as much again, so that growing is rare. */
export function growTo(n: number): number {
  return n + (n >> 1);
}

/** What the codecs need of a compressor; the port Compressor is one. Synchronous, and bounded when it gives bytes back. */
export interface BytesCompressor {
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws on bytes that are not its own; never gives back more than `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}

/** The error for stored bytes that are not what they should be. `id`: whose they are, for the person who must find them. */
export function unreadable(id: string, found: string, cause?: unknown): CoreCError {
  return new CoreCError('COREC_E_STATE_UNREADABLE', { id, found }, cause);
}

/** Grows as needed; `reset` keeps the memory, so one writer serves many blobs. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
  }

  reset(): void {
    this.length = 0;
  }

  /** Takes back what was written behind `length`. */
  truncate(length: number): void {
    this.length = length;
  }

  /** Room for `more` bytes after `length`. */
  ensure(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.ensure(4);
    const { bytes, length } = this;
    bytes[length] = value;
    bytes[length + 1] = value >>> 8;
    bytes[length + 2] = value >>> 16;
    bytes[length + 3] = value >>> 24;
    this.length = length + 4;
  }

  /** Fills in four bytes written before. */
  patchU32(at: number, value: number): void {
    new DataView(this.bytes.buffer).setUint32(at, value, true);
  }

  f64(value: number): void {
    this.ensure(8);
    new DataView(this.bytes.buffer).setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** LEB128 of an integer of 0 to 2^53 - 1. */
  varint(value: number): void {
    this.ensure(8);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  append(source: Uint8Array): void {
    this.ensure(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** A copy of just what was written. */
  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

/** A cursor over stored bytes; B1. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, id: string, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.id = id;
    this.at = at;
    this.end = end;
  }

  fail(found: string): never {
    throw unreadable(this.id, `${found} at byte ${this.at} of ${this.bytes.length}`);
  }

  /** Steps over `count` bytes and returns where they begin. */
  take(count: number): number {
    if (!(count <= this.end - this.at)) this.fail(`${count} bytes wanted, ${this.end - this.at} left`);
    const from = this.at;
    this.at += count;
    return from;
  }

  slice(count: number): Uint8Array {
    const from = this.take(count);
    return this.bytes.subarray(from, from + count);
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }

  u32(): number {
    const from = this.take(4);
    const { bytes } = this;
    return (bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24)) >>> 0;
  }

  f64(): number {
    const from = this.take(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + from, 8).getFloat64(0, true);
  }

  /** An integer of at most `max` (so that no damaged count allocates the machine away). */
  varint(max: number): number {
    let value = 0;
    let unit = 1;
    for (let k = 0; k < 8; k++) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (value > max) this.fail(`${value}, allowed to ${max},`);
        return value;
      }
      unit *= 128;
    }
    return this.fail('a number without an end');
  }

  /** All bytes are used up. */
  finish(): void {
    if (this.at !== this.end) this.fail(`${this.end - this.at} bytes too many`);
  }
}

/** 32 bits over bytes[from..to), four bytes a step: finds damage, does not resist intent. */
export function checksum(bytes: Uint8Array, from: number, to: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
  const length = to - from;
  const even = length & ~7;
  let a = 0x9747b28c ^ length;
  let b = 0x5bd1e995;
  for (let at = 0; at < even; at += 8) {
    a = Math.imul(a ^ view.getInt32(at, true), 0x85ebca6b);
    b = Math.imul(b ^ view.getInt32(at + 4, true), 0xc2b2ae35);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  for (let at = even; at < length; at++) a = Math.imul(a ^ view.getUint8(at), 0x01000193);
  a ^= Math.imul(b ^ (b >>> 16), 0x27d4eb2f);
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  return (a ^ (a >>> 13)) >>> 0;
}

/** Decompresses to exactly `length` bytes, or throws the error for damaged bytes. */
export function decompressExactly(
  compressor: BytesCompressor,
  bytes: Uint8Array,
  length: number,
  id: string,
): Uint8Array {
  let raw: Uint8Array;
  try {
    raw = compressor.decompress(bytes, length);
  } catch (error) {
    throw unreadable(id, `${bytes.length} compressed bytes that do not decompress`, error);
  }
  if (raw.length !== length) throw unreadable(id, `${raw.length} bytes after decompression instead of ${length}`);
  return raw;
}
