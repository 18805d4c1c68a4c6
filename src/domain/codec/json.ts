/**
 * Codec `json+zstd3`: mensajes as JSON compressed with Zstandard, as the specification has them (section 2.6).
 *
 * Owns the text and finding where one compressed frame ends and the next begins. Leaves the columns to columnas.ts.
 *
 * J1 A frame decompresses to one JSON array of StoredMensaje and a line break: rows of many frames read with `zstd -d`.
 * J2 Numbers are written so that float32 comes back exactly: the shortest decimal of the value as it stands.
 */
import { type BytesCompressor, unreadable } from './bytes.ts';
import type { MensajeRows, StoredMensaje } from './columnas.ts';

/** Longest text of one frame that is read back: 65,536 mensajes of at most ~160 characters. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;
const FRAME_MENSAJES = 65_536;
const ZSTD_MAGIC = 0xfd2fb528;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** See encodePending in columnas.ts. */
export function encodeJson(
  rows: MensajeRows,
  numeroBySlot: Uint32Array,
  canal: number,
  compressor: BytesCompressor,
): Uint8Array {
  const frames: Uint8Array[] = [];
  for (let from = 0; from < rows.length; from += FRAME_MENSAJES) {
    const list: StoredMensaje[] = [];
    for (let k = from; k < Math.min(rows.length, from + FRAME_MENSAJES); k++) {
      const lectura = rows.lectura[k]!;
      list.push({
        id: numeroBySlot[rows.slot[k]!]!,
        canal,
        valor: shortest(rows.valor[k]!),
        activo: rows.activo === undefined || rows.activo[k] !== 0,
        lectura: Number.isNaN(lectura) ? null : shortest(lectura),
        ts: rows.tsMs[k]!,
      });
    }
    frames.push(compressor.compress(encoder.encode(`${JSON.stringify(list)}\n`)));
  }
  if (frames.length === 1) return frames[0]!;
  const whole = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    whole.set(frame, at);
    at += frame.length;
  }
  return whole;
}

/** The decimal of at most 9 digits that rounds to this float32 (9 always do): `0.1` rather than 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** The mensajes of all frames. Throws COREC_E_STATE_UNREADABLE naming `id`. */
export function decodeJson(bytes: Uint8Array, compressor: BytesCompressor, id: string): StoredMensaje[] {
  const list: StoredMensaje[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = endOfFrame(bytes, at, id);
    let parsed: unknown;
    try {
      parsed = JSON.parse(decoder.decode(compressor.decompress(bytes.subarray(at, end), TEXT_BYTES_MAX)));
    } catch (error) {
      throw unreadable(id, `a frame at byte ${at} that is not compressed JSON`, error);
    }
    if (!Array.isArray(parsed)) throw unreadable(id, `a frame at byte ${at} that is no array`);
    for (const mensaje of parsed) {
      if (!isMensaje(mensaje)) throw unreadable(id, `a frame at byte ${at} with something that is no mensaje`);
      list.push({ ...mensaje, valor: Math.fround(mensaje.valor), lectura: roundLectura(mensaje.lectura) });
    }
    at = end;
  }
  return list;
}

const roundLectura = (lectura: number | null): number | null => (lectura === null ? null : Math.fround(lectura));

function isMensaje(value: unknown): value is StoredMensaje {
  if (typeof value !== 'object' || value === null) return false;
  const { id, canal, valor, activo, lectura, ts } = value as Record<string, unknown>;
  return (
    typeof id === 'number' &&
    typeof canal === 'number' &&
    typeof valor === 'number' &&
    typeof activo === 'boolean' &&
    (lectura === null || typeof lectura === 'number') &&
    typeof ts === 'number'
  );
}

/** Where the Zstandard frame that begins at `from` ends: its header and block lengths tell. Source: RFC 8878, section 3.1. */
function endOfFrame(bytes: Uint8Array, from: number, id: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cut = (): never => {
    throw unreadable(id, `a frame at byte ${from} that is cut short or no Zstandard frame`);
  };
  if (from + 6 > bytes.length || view.getUint32(from, true) !== ZSTD_MAGIC) cut();
  const descriptor = bytes[from + 4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let at = from + 5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentBytes;
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) cut();
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    last = (header & 1) === 1;
    // A block of type 1 repeats one byte.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  if ((descriptor & 4) !== 0) at += 4;
  if (at > bytes.length) cut();
  return at;
}
