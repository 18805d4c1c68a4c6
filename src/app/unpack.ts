/** Bytes without their packing, which the first ones tell: gzip, zstd, or none. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** The chunks of `packed`, unpacked. Broken packing is thrown as zlib says it. */
export async function* unpack(packed: Readable): AsyncGenerator<Buffer> {
  const chunks = packed[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  if (first.done === true) return;
  const all = (async function* (): AsyncGenerator<Buffer> {
    yield first.value;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  })();
  const unpacker = unpackerOf(first.value);
  if (unpacker === null) {
    yield* all;
    return;
  }
  // its error reaches whoever reads the chunks below
  pipeline(Readable.from(all), unpacker, () => {});
  yield* unpacker as AsyncIterable<Buffer>;
}

function unpackerOf(head: Buffer): ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress> | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip();
  return head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528 ? createZstdDecompress() : null;
}
