/**
 * The bytes of a journal segment.
 *
 *   segment  = "COREC-J1" | firstSeq f64 | salt u32 | crc u32                               24 bytes, then records
 *   record   = length u32 | crc u32 | seq f64 | tsMs f64 | inFlight u32 | headerBytes u32    32 bytes, then header JSON, body
 *
 * All numbers little-endian. `length` counts what follows the 32 bytes. The crc covers everything but itself, and starts from
 * salt XOR length, so that bytes a client put into a body cannot pass for a record, nor can a block of a deleted segment.
 *
 * B1 A record of seq s with inFlight f proves that every record up to s - f was durable before s was written.
 * B2 Zeros are no record: a length of zero cannot hold a header.
 */
import { crc32 } from 'node:zlib';

export const SEGMENT_HEADER_BYTES = 24;
export const RECORD_HEAD_BYTES = 32;
/** The shortest header JSON is `{}`. */
const HEADER_JSON_BYTES_MIN = 2;

const MAGIC = Buffer.from('COREC-J1', 'latin1');
const NAME = /^(\d{16})\.seg$/;

export interface SegmentHeader {
  readonly firstSeq: number;
  readonly salt: number;
}

export interface RecordHead {
  /** Bytes after the head. */
  readonly length: number;
  readonly seq: number;
  readonly tsMs: number;
  readonly inFlight: number;
  readonly headerBytes: number;
}

/** Names sort as their seqs do. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}.seg`;
}

export function parseSegmentName(name: string): number | null {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeDoubleLE(header.firstSeq, 8);
  bytes.writeUInt32LE(header.salt, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 20)), 20);
  return bytes;
}

/** Null when these bytes are not a segment header. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  if (bytes.readUInt32LE(20) !== crc32(bytes.subarray(0, 20))) return null;
  return { firstSeq: bytes.readDoubleLE(8), salt: bytes.readUInt32LE(16) };
}

/** Puts header and body behind the place of the head, which `sealRecord` fills in when the seq is known. */
export function placeRecord(target: Buffer, offset: number, header: Buffer, body: Uint8Array, tsMs: number): void {
  target.writeUInt32LE(header.length + body.length, offset);
  target.writeDoubleLE(tsMs, offset + 16);
  target.writeUInt32LE(header.length, offset + 28);
  target.set(header, offset + RECORD_HEAD_BYTES);
  target.set(body, offset + RECORD_HEAD_BYTES + header.length);
}

export function sealRecord(target: Buffer, offset: number, salt: number, seq: number, inFlight: number): void {
  const length = target.readUInt32LE(offset);
  target.writeDoubleLE(seq, offset + 8);
  target.writeUInt32LE(inFlight, offset + 24);
  target.writeUInt32LE(recordCrc(target, offset, length, salt), offset + 4);
}

function recordCrc(bytes: Buffer, offset: number, length: number, salt: number): number {
  return crc32(bytes.subarray(offset + 8, offset + RECORD_HEAD_BYTES + length), (salt ^ length) >>> 0);
}

/** The head at `offset`, which must have its 32 bytes there; null when no record can look like this. */
export function decodeHead(bytes: Buffer, offset: number): RecordHead | null {
  const length = bytes.readUInt32LE(offset);
  const headerBytes = bytes.readUInt32LE(offset + 28);
  if (headerBytes < HEADER_JSON_BYTES_MIN || headerBytes > length) return null;
  const seq = bytes.readDoubleLE(offset + 8);
  if (!Number.isSafeInteger(seq) || seq < 1) return null;
  return { length, seq, tsMs: bytes.readDoubleLE(offset + 16), inFlight: bytes.readUInt32LE(offset + 24), headerBytes };
}

/** True when the whole record is in `bytes` and its crc holds. */
export function isSound(bytes: Buffer, offset: number, head: RecordHead, salt: number): boolean {
  return bytes.readUInt32LE(offset + 4) === recordCrc(bytes, offset, head.length, salt);
}
