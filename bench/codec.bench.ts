/**
 * Codec figures, each beside its baseline in the same run: median of interleaved rounds.
 *   node bench/codec.bench.ts [mensaje|columnas|estado ...]
 */
import { decodeFrame, encodeFrame, MENSAJE_BYTES } from '#domain/codec/mensaje.ts';

const ROUNDS = 11;
const only = process.argv.slice(2);
const wanted = (name: string) => only.length === 0 || only.includes(name);

const median = (xs: number[]): number => xs.toSorted((a, b) => a - b)[xs.length >> 1]!;

/** Runs the contenders round by round, each once a round, and gives the median ms of each. */
function interleave(contenders: Record<string, () => void>): Record<string, number> {
  const times: Record<string, number[]> = {};
  for (let round = -2; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now();
      run();
      if (round >= 0) (times[name] ??= []).push(performance.now() - start);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, xs]) => [name, median(xs)]));
}

function benchMensaje(): void {
  const n = 1_000_000;
  const frame = 1000;
  const numeros = Uint32Array.from({ length: n }, (_, k) => k * 7);
  const valores = Float32Array.from({ length: n }, (_, k) => Math.sin(k) * 50);
  const activos = new Uint8Array(n).fill(1);
  const bytes = new Uint8Array(n * MENSAJE_BYTES);
  const out = {
    numeros: new Uint32Array(frame),
    canales: new Int8Array(frame),
    valores: new Float32Array(frame),
    activos: new Uint8Array(frame),
  };
  const ms = interleave({
    encode: () => {
      for (let f = 0; f < n; f += frame) encodeFrame(numeros, 1, valores, activos, f, f + frame, bytes, f * 10);
    },
    encodeBare: () => {
      const view = new DataView(bytes.buffer);
      for (let k = 0, at = 0; k < n; k++, at += 10) {
        view.setUint32(at, numeros[k]!);
        view.setInt8(at + 4, 1);
        view.setFloat32(at + 5, valores[k]!);
        view.setUint8(at + 9, activos[k]!);
      }
    },
    decode: () => {
      for (let f = 0; f < n; f += frame) decodeFrame(bytes.subarray(f * 10, (f + frame) * 10), out, 1);
    },
    decodeBare: () => {
      const view = new DataView(bytes.buffer);
      for (let f = 0; f < n; f += frame) {
        for (let j = 0, at = f * 10; j < frame; j++, at += 10) {
          out.numeros[j] = view.getUint32(at);
          out.canales[j] = view.getInt8(at + 4);
          out.valores[j] = view.getFloat32(at + 5);
          out.activos[j] = view.getUint8(at + 9);
        }
      }
    },
  });
  const row = (what: string, a: number, b: number) =>
    console.log(`${what}: ${a.toFixed(2)} ms, bare DataView loop ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(2)}`);
  row('1M mensajes encoded in frames of 1,000', ms['encode']!, ms['encodeBare']!);
  row('1M mensajes decoded and validated', ms['decode']!, ms['decodeBare']!);
}

if (wanted('mensaje')) benchMensaje();
