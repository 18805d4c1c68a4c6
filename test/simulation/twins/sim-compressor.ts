/**
 * Zstandard frames that hold their bytes as they are ("raw blocks"): any reader of the format can read them, and making one costs a copy.
 *
 * That zstd gives back what it was given is its own contract suite's matter; its engine, made anew for each of the small blobs of a
 * simulated epoch, was a tenth of a seed's time.
 */
import type { Compressor } from '#ports/compressor.ts';

/** Magic number; a frame in one segment whose length stands in four bytes. */
const HEAD = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0);
const LENGTH_AT = HEAD.length;
const BLOCKS_AT = LENGTH_AT + 4;
const BLOCK_HEAD = 3;
const BLOCK_BYTES = 128 * 1024;

const blocksOf = (length: number): number => Math.max(1, Math.ceil(length / BLOCK_BYTES));

export const simCompressor: Compressor = {
  nombre: 'zstd3',
  compress(bytes) {
    const count = blocksOf(bytes.length);
    const frame = new Uint8Array(BLOCKS_AT + count * BLOCK_HEAD + bytes.length);
    const view = new DataView(frame.buffer);
    frame.set(HEAD);
    view.setUint32(LENGTH_AT, bytes.length, true);
    for (let k = 0, to = BLOCKS_AT; k < count; k++) {
      const block = bytes.subarray(k * BLOCK_BYTES, (k + 1) * BLOCK_BYTES);
      const head = (block.length << 3) | (k === count - 1 ? 1 : 0);
      view.setUint16(to, head & 0xffff, true);
      view.setUint8(to + 2, head >>> 16);
      frame.set(block, to + BLOCK_HEAD);
      to += BLOCK_HEAD + block.length;
    }
    return frame;
  },
  decompress(frame, maxBytes) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    if (frame.length < BLOCKS_AT || HEAD.some((byte, k) => frame[k] !== byte)) throw new Error('no frame of ours');
    const length = view.getUint32(LENGTH_AT, true);
    if (length > maxBytes) throw new Error(`not a frame of ours: it unpacks to more than ${maxBytes} bytes`);
    const whole = BLOCKS_AT + blocksOf(length) * BLOCK_HEAD + length;
    if (frame.length < whole) throw new Error('not a frame of ours: it is cut short');
    if (frame.length > whole) throw new Error(`not a frame of ours: ${frame.length - whole} bytes follow its end`);
    const bytes = new Uint8Array(length);
    for (let at = 0, from = BLOCKS_AT; at < length; at += BLOCK_BYTES, from += BLOCK_BYTES + BLOCK_HEAD) {
      const size = Math.min(BLOCK_BYTES, length - at);
      bytes.set(frame.subarray(from + BLOCK_HEAD, from + BLOCK_HEAD + size), at);
    }
    return bytes;
  },
};
