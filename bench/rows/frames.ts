/** 1,000,000 mensajes into frames of 1,000 and back, validated, against a DataView loop that does neither checks nor frames. */
import { decodeFrame, encodeFrame, MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
import { makeRow, ratioAtMost, type BenchRow } from '../lib/row.ts';
import { interleave } from '../lib/stats.ts';

export const FRAMES_LIMIT = ratioAtMost(1.5, 0.7);

const N = 1_000_000;
const FRAME = 1000;
const FRAME_BYTES = FRAME * MENSAJE_BYTES;
const ROUNDS = 21;
const WARM_UP = 5;

export function benchFrames(): BenchRow[] {
  const numeros = Uint32Array.from({ length: N }, (_, k) => k * 7);
  const valores = Float32Array.from({ length: N }, (_, k) => Math.sin(k) * 50);
  const activos = new Uint8Array(N).fill(1);
  const bytes = new Uint8Array(N * MENSAJE_BYTES);
  const bareBytes = new Uint8Array(N * MENSAJE_BYTES);
  const makeOut = () => ({
    numeros: new Uint32Array(FRAME),
    canales: new Int8Array(FRAME),
    valores: new Float32Array(FRAME),
    activos: new Uint8Array(FRAME),
  });
  const out = makeOut();
  const bareOut = makeOut();
  const ms = interleave(
    {
      encodeBare: {
        run: () => {
          const view = new DataView(bareBytes.buffer);
          for (let k = 0, at = 0; k < N; k++, at += MENSAJE_BYTES) {
            view.setUint32(at, numeros[k]!);
            view.setInt8(at + 4, 1);
            view.setFloat32(at + 5, valores[k]!);
            view.setUint8(at + 9, activos[k]!);
          }
        },
      },
      encode: {
        run: () => {
          for (let f = 0; f < N; f += FRAME)
            encodeFrame(numeros, 1, valores, activos, f, f + FRAME, bytes, f * MENSAJE_BYTES);
        },
      },
      decodeBare: {
        run: () => {
          const view = new DataView(bareBytes.buffer);
          for (let f = 0; f < N; f += FRAME) {
            for (let j = 0, at = f * MENSAJE_BYTES; j < FRAME; j++, at += MENSAJE_BYTES) {
              bareOut.numeros[j] = view.getUint32(at);
              bareOut.canales[j] = view.getInt8(at + 4);
              bareOut.valores[j] = view.getFloat32(at + 5);
              bareOut.activos[j] = view.getUint8(at + 9);
            }
          }
        },
      },
      decode: {
        run: () => {
          for (let at = 0; at < bytes.length; at += FRAME_BYTES)
            decodeFrame(bytes.subarray(at, at + FRAME_BYTES), out, 1);
        },
      },
    },
    ROUNDS,
    WARM_UP,
  );
  const same = Buffer.compare(bytes, bareBytes) === 0 && out.valores.every((valor, k) => valor === bareOut.valores[k]);
  return [
    makeRow('frames.encode', 'ms', FRAMES_LIMIT, { value: ms.encode, baseline: ms.encodeBare, sound: same }),
    makeRow('frames.decode', 'ms', FRAMES_LIMIT, { value: ms.decode, baseline: ms.decodeBare, sound: same }),
  ];
}
