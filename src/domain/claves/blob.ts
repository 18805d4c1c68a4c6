/**
 * The claves of one bloque as bytes, and back: what an epoch stores of the directory.
 *
 * Owns the format. Leaves to the directory what a clave is bound to, to the store where the bytes lie.
 *
 *   u8 version | u32 checksum of the rest | varint count | varint raw length | compressed raw
 *   raw: count x u16 gap before the slot, count x u8 bytes shared with the clave before, count x u8 length - 1, the other bytes
 *
 * A clave is written as what it shares with the clave before it and its own rest (front coding): neighbours are often made
 * by one source, so that the compressor meets short rests.
 */
import { ByteReader, ByteWriter, type BytesCompressor, checksum, decompressExactly } from '#domain/codec/bytes.ts';
import { MAX_CLAVE_BYTES } from '#domain/lectura/batch.ts';
import type { ClaveDirectory, ClaveList } from './directory.ts';

const VERSION = 1;
const SLOTS_MAX = 65_536;
/** Of one clave in raw beside its bytes: 2 of the gap, 1 of what is shared, 1 of the length. */
const FIXED_BYTES = 4;
/** Two different claves share at most one byte less than the longest has, so that it fits a byte. */
const SHARED_MAX = MAX_CLAVE_BYTES - 1;

/** The claves of the bloque of this index, or null when it has none. */
export function encodeClaves(
  directory: ClaveDirectory,
  bloqueIndex: number,
  compressor: BytesCompressor,
): Uint8Array | null {
  const count = directory.countOfBloque(bloqueIndex);
  if (count === 0) return null;
  const raw = new ByteWriter(count * (FIXED_BYTES + 24));
  raw.length = count * FIXED_BYTES;
  const before = new Uint8Array(MAX_CLAVE_BYTES);
  let beforeLength = 0;
  let nextSlot = 0;
  let k = 0;
  directory.visitBloque(bloqueIndex, (slot, source, from, to) => {
    const length = to - from;
    const most = Math.min(length, beforeLength, SHARED_MAX);
    let same = 0;
    while (same < most && source[from + same] === before[same]) same++;
    const gap = slot - nextSlot;
    raw.ensure(length);
    const { bytes } = raw;
    bytes[k * 2] = gap;
    bytes[k * 2 + 1] = gap >>> 8;
    bytes[count * 2 + k] = same;
    bytes[count * 3 + k] = length - 1;
    let at = raw.length;
    for (let i = same; i < length; i++) {
      const byte = source[from + i]!;
      before[i] = byte;
      bytes[at++] = byte;
    }
    raw.length = at;
    beforeLength = length;
    nextSlot = slot + 1;
    k++;
  });
  const compressed = compressor.compress(raw.bytes.subarray(0, raw.length));
  const out = new ByteWriter(compressed.length + 32);
  out.u8(VERSION);
  out.u32(0);
  out.varint(count);
  out.varint(raw.length);
  out.append(compressed);
  out.patchU32(1, checksum(out.bytes, 5, out.length));
  return out.toBytes();
}

/** The list that encodeClaves wrote. `id`: whose bytes they are, for the error (COREC_E_STATE_UNREADABLE). */
export function decodeClaves(bytes: Uint8Array, compressor: BytesCompressor, id: string): ClaveList {
  const head = new ByteReader(bytes, id);
  const version = head.u8();
  if (version !== VERSION) head.fail(`claves of version ${version}, known ${VERSION},`);
  if (head.u32() !== checksum(bytes, 5, bytes.length)) head.fail('a checksum that does not fit');
  const count = head.varint(SLOTS_MAX);
  const rawLength = head.varint(count * (FIXED_BYTES + MAX_CLAVE_BYTES));
  const raw = decompressExactly(compressor, bytes.subarray(head.at), rawLength, id);
  if (raw.length < count * FIXED_BYTES) head.fail(`${raw.length} bytes for ${count} claves`);
  const slots = new Uint16Array(count);
  const offsets = new Uint32Array(count);
  const lengths = new Uint16Array(count);
  let slot = -1;
  let total = 0;
  let left = raw.length - count * FIXED_BYTES;
  for (let k = 0; k < count; k++) {
    slot += 1 + (raw[k * 2]! | (raw[k * 2 + 1]! << 8));
    const same = raw[count * 2 + k]!;
    const length = raw[count * 3 + k]! + 1;
    if (slot >= SLOTS_MAX || same > length || same > (k === 0 ? 0 : lengths[k - 1]!)) head.fail(`clave ${k} amiss`);
    slots[k] = slot;
    offsets[k] = total;
    lengths[k] = length;
    total += length;
    left -= length - same;
  }
  if (left !== 0) head.fail(`${left} bytes of claves too many`);
  const text = new Uint8Array(total);
  let from = count * FIXED_BYTES;
  let before = 0;
  let at = 0;
  for (let k = 0; k < count; k++) {
    const same = raw[count * 2 + k]!;
    const end = at + lengths[k]!;
    const shared = at + same;
    const start = at;
    for (; at < shared; at++) text[at] = text[before++]!;
    for (; at < end; at++) text[at] = raw[from++]!;
    before = start;
  }
  return { length: count, slots, offsets, lengths, bytes: text };
}

/** Binds the claves that encodeClaves wrote to the bloque of this index; returns how many. */
export function restoreClaves(
  directory: ClaveDirectory,
  bloqueIndex: number,
  bytes: Uint8Array,
  compressor: BytesCompressor,
  id: string,
): number {
  const list = decodeClaves(bytes, compressor, id);
  directory.insertList(bloqueIndex, list);
  return list.length;
}
