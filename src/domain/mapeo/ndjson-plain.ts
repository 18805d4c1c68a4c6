/**
 * The plain way through NDJSON: rows as machines write them, all at once in one pass.
 *
 * Owns: records that have each asked field once, clave as text, valor as a number (or several below one clave), whatever else
 * stands in them. Anything else (a field twice or missing or null, a name with escapes, a refusal of any kind) it leaves to
 * NdjsonParser.row, from the beginning of the row on.
 *
 * K1 It does exactly what row() would do; tests hold both against JSON.parse.
 * K2 It reads at most LOOK_AHEAD bytes beyond where it stands, and keeps so far from the end of the bytes.
 */
import { finishHash, HASH_PRIME, HASH_SEED, MAX_CLAVE_BYTES, type LecturaBatch } from '#domain/lectura/batch.ts';
import { BACKSLASH, CLASS, CLASS_HIGH, isUtf8, NEWLINE, QUOTE, SPACE, writeUtf8 } from './bytes.ts';
import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_OBJECT,
  scanString,
  skipSpace,
  skipValue,
  scanEscape,
  escapedCodePoint,
} from './json-scan.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import {
  DEPTH_MAX,
  LOOK_AHEAD,
  MEMBER_WORDS,
  RecordLayout,
  ROLE_CLAVE,
  ROLE_NODE,
  ROLE_TS,
  ROLE_VALOR,
  type NameWords,
} from './ndjson-names.ts';
import { scanJsonNumber, scanLooseNumber, scanned } from './number.ts';
import type { RecordPlan } from './row-parser.ts';
import { epochToMs, scannedMs } from './time.ts';

const POINT = 0x2e;
const SLASH = 0x2f;

/** Bytes that stand for themselves in a JSON string; and those of them that are ASCII. */
const PLAIN_TEXT: Uint8Array = Uint8Array.from(CLASS, (cls) => Number(cls === 0 || cls === CLASS_HIGH));
const PLAIN_ASCII: Uint8Array = Uint8Array.from(CLASS, (cls) => Number(cls === 0));

export class PlainWay {
  /** Rows taken by the last call of rows(). */
  taken = 0;
  private readonly names: NameWords;
  private readonly plan: RecordPlan;
  private readonly layout = new RecordLayout();
  /** The valores of a record by their place, and the objects that the name at hand stands in. */
  private readonly valores: Float64Array;
  private readonly inside = new Uint8Array(DEPTH_MAX + 1);
  /** What finishClave came to. */
  private claveTo = 0;
  private claveHash = 0;
  /** The bytes that `view` is a view of. */
  private viewed: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));

  constructor(names: NameWords, plan: RecordPlan) {
    this.names = names;
    this.plan = plan;
    this.valores = new Float64Array(plan.valorSlots.length);
  }

  /** As many rows as it can from bytes[from] on, the last newline standing at bytes[end - 1]: the index behind them. */
  rows(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    if (this.viewed !== bytes) {
      this.viewed = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const { names, layout, view, valores, inside } = this;
    const { words, needed } = names;
    const { words: layoutWords, last: layoutLast, mask: layoutMask } = layout;
    const { time, valorNames } = this.plan;
    const tsFormato = time.formato;
    const isMs = tsFormato === 'auto' || tsFormato === 'ms';
    // A character more than a clave holds may be written before it is seen to be too long.
    const arenaBytes = ((valorNames?.length ?? 0) + 1) * MAX_CLAVE_BYTES + 4;
    const { valor: valorColumn, tsMs: tsColumn, claveOffset, claveLength, claveHash, capacity } = batch;
    const safe = Math.min(end, bytes.length - LOOK_AHEAD);
    let known = layout.known;
    let count = batch.length;
    let taken = 0;
    let rowFrom = from;
    row: while (rowFrom < safe && count < capacity) {
      batch.ensureClaveBytes(arenaBytes);
      const arena = batch.claveBytes;
      const claveFrom = batch.claveBytesLength;
      const claveLimit = claveFrom + MAX_CLAVE_BYTES;
      let claveTo = claveFrom;
      let hash = HASH_SEED;
      let valor = 0;
      let tsMs = Number.NaN;
      let seen = 0;
      let node = 0;
      let depth = 0;
      let i = rowFrom;
      let c: number;
      if (bytes[i] !== OPEN_OBJECT) break;
      member: for (let member = 0; ; member++) {
        // Here bytes[i] is the brace or comma before a name.
        if (i >= safe) break row;
        let name = -1;
        if (member < known && layout.node[member] === node) {
          let word = member * MEMBER_WORDS;
          const last = layoutLast[member]!;
          let k = i;
          while (word < last && view.getInt32(k, true) === layoutWords[word]!) {
            word++;
            k += 4;
          }
          if (word === last && (view.getInt32(k, true) & layoutMask[member]!) === layoutWords[word]!) {
            name = layout.name[member]!;
            i += layout.length[member]!;
          }
        }
        if (name < 0) {
          const memberFrom = i;
          c = bytes[++i]!;
          if (c <= SPACE) c = bytes[(i = skipSpace(bytes, i))]!;
          if (c !== QUOTE) break row;
          c = bytes[++i]!;
          name = names.first[(node << 8) | c]!;
          while (name !== 0) {
            // The last word is masked.
            let word = names.wordFrom[name]!;
            const last = names.wordFrom[name + 1]! - 1;
            let k = i;
            while (word < last && view.getInt32(k, true) === words[word]!) {
              word++;
              k += 4;
            }
            if (word === last && (view.getInt32(k, true) & names.mask[name]!) === words[word]!) {
              i += names.length[name]!;
              break;
            }
            name = names.next[name]!;
          }
          if (name === 0) {
            while (PLAIN_TEXT[c] === 1) c = bytes[++i]!;
            // A name with escapes may be one of ours: row() looks.
            if (c !== QUOTE) break row;
            i++;
          }
          c = bytes[i]!;
          if (c <= SPACE) c = bytes[(i = skipSpace(bytes, i))]!;
          if (c !== COLON) break row;
          c = bytes[++i]!;
          if (c <= SPACE) i = skipSpace(bytes, i);
          if (i >= safe) break row;
          layout.learn(member, view, memberFrom, i, name, node);
          known = layout.known;
        }
        c = bytes[i]!;
        const role = names.role[name]!;
        if (name !== 0) {
          if ((seen & (1 << name)) !== 0) break row;
          seen |= 1 << name;
        }
        if (role === ROLE_CLAVE) {
          if (c !== QUOTE) break row;
          c = bytes[++i]!;
          while (PLAIN_ASCII[c] === 1 && claveTo < claveLimit) {
            arena[claveTo++] = c;
            hash = Math.imul(hash ^ c, HASH_PRIME);
            c = bytes[++i]!;
          }
          if (c === QUOTE) i++;
          else {
            i = this.finishClave(bytes, i, arena, claveFrom, claveTo, hash);
            if (i < 0) break row;
            claveTo = this.claveTo;
            hash = this.claveHash;
          }
          if (claveTo === claveFrom) break row;
        } else if (role === ROLE_VALOR) {
          if (c === QUOTE) {
            i = scanLooseNumber(bytes, i + 1, POINT, POINT);
            if (i < 0 || bytes[i] !== QUOTE) break row;
            i++;
          } else {
            i = scanJsonNumber(bytes, i);
            if (i < 0) break row;
          }
          valor = scanned[0]!;
          if (valor - valor !== 0) break row;
          valores[names.index[name]!] = valor;
        } else if (role === ROLE_TS) {
          if (c === QUOTE) {
            if (i >= safe) break row;
            const textFrom = i + 1;
            i = time.scanPlain(bytes, view, textFrom);
            if (i >= 0 && bytes[i] === QUOTE) {
              tsMs = scannedMs[0]!;
              i++;
            } else {
              i = scanString(bytes, textFrom);
              if (i < 0) break row;
              tsMs = time.parse(bytes, textFrom, i - 1);
              if (tsMs !== tsMs) break row;
            }
          } else {
            i = scanJsonNumber(bytes, i);
            if (i < 0 || tsFormato === 'iso') break row;
            const epoch = scanned[0]!;
            // Milliseconds of this age, as most senders have them, need no more than this.
            tsMs = isMs && epoch >= 1e11 && epoch < 1e14 ? Math.floor(epoch) : epochToMs(epoch, tsFormato);
            if (tsMs !== tsMs) break row;
          }
        } else if (role === ROLE_NODE) {
          if (c !== OPEN_OBJECT) break row;
          inside[depth++] = node;
          node = names.index[name]!;
          continue;
        } else if (c === QUOTE) {
          c = bytes[++i]!;
          while (PLAIN_TEXT[c] === 1) c = bytes[++i]!;
          i = c === QUOTE ? i + 1 : scanString(bytes, i);
          if (i < 0) break row;
        } else {
          i = skipValue(bytes, i);
          if (i < 0) break row;
        }
        for (;;) {
          c = bytes[i]!;
          if (c <= SPACE) c = bytes[(i = skipSpace(bytes, i))]!;
          if (c === COMMA) continue member;
          if (c !== CLOSE_OBJECT) break row;
          i++;
          if (depth === 0) break member;
          node = inside[--depth]!;
        }
      }
      c = bytes[i]!;
      if (c <= SPACE && c !== NEWLINE) c = bytes[(i = skipSpace(bytes, i))]!;
      if (c !== NEWLINE || (seen & needed) !== needed || i - rowFrom > MAX_LINE_BYTES) break;
      if (valorNames === null) {
        claveOffset[count] = claveFrom;
        claveLength[count] = claveTo - claveFrom;
        claveHash[count] = finishHash(hash);
        valorColumn[count] = valor;
        tsColumn[count] = tsMs;
        batch.claveBytesLength = claveTo;
        batch.length = ++count;
      } else {
        const before = count;
        count = this.fanOut(seen, claveFrom, claveTo, hash, tsMs, batch);
        if (count === before) break;
      }
      taken++;
      rowFrom = i + 1;
    }
    if (taken > 0) layout.rows(taken);
    this.taken = taken;
    return rowFrom;
  }

  /**
   * The rest of a clave from bytes[from] on, which is an escape or no ASCII, behind arena[claveFrom..at): the index behind its
   * closing quote, its end and hash in fields; or -1 for one that row() has to see.
   */
  private finishClave(
    bytes: Uint8Array,
    from: number,
    arena: Uint8Array,
    claveFrom: number,
    at: number,
    hashed: number,
  ): number {
    const limit = claveFrom + MAX_CLAVE_BYTES;
    let i = from;
    let to = at;
    let hash = hashed;
    let isAscii = true;
    for (;;) {
      const c = bytes[i]!;
      if (c === QUOTE) break;
      if (to >= limit) return -1;
      if (c === BACKSLASH) {
        i = scanEscape(bytes, i + 1);
        // No control characters in claves.
        if (i < 0 || escapedCodePoint < 0x20) return -1;
        let k = to;
        to = writeUtf8(arena, to, escapedCodePoint);
        for (; k < to; k++) hash = Math.imul(hash ^ arena[k]!, HASH_PRIME);
        isAscii &&= escapedCodePoint < 0x80;
      } else {
        if (c < 0x20) return -1;
        arena[to++] = c;
        hash = Math.imul(hash ^ c, HASH_PRIME);
        isAscii &&= c < 0x80;
        i++;
      }
    }
    if (to > limit || (!isAscii && !isUtf8(arena, claveFrom, to))) return -1;
    this.claveTo = to;
    this.claveHash = hash;
    return i + 1;
  }

  /**
   * Appends a lectura for each valor that was seen, below the clave that stands at arena[claveFrom..claveTo) behind the batch's
   * others. The batch's length: as before when they do not all fit, or none was seen.
   */
  private fanOut(
    seen: number,
    claveFrom: number,
    claveTo: number,
    hash: number,
    tsMs: number,
    batch: LecturaBatch,
  ): number {
    const { names, valores } = this;
    const valorNames = this.plan.valorNames!;
    const base = claveTo - claveFrom;
    const before = batch.length;
    const arena = batch.claveBytes;
    const below = Math.imul(hash ^ SLASH, HASH_PRIME);
    // The first one takes the clave where it stands.
    let at = claveFrom;
    let seenValores = 0;
    for (let n = 1; n < names.role.length; n++) {
      if (names.role[n] === ROLE_VALOR && (seen & (1 << n)) !== 0) seenValores |= 1 << names.index[n]!;
    }
    for (let part = 0; part < valorNames.length; part++) {
      if ((seenValores & (1 << part)) === 0) continue;
      const name = valorNames[part]!;
      const length = base + 1 + name.length;
      if (length > MAX_CLAVE_BYTES) {
        batch.length = before;
        return before;
      }
      if (at !== claveFrom) for (let k = 0; k < base; k++) arena[at + k] = arena[claveFrom + k]!;
      arena[at + base] = SLASH;
      let whole = below;
      for (let k = 0; k < name.length; k++) {
        const byte = name[k]!;
        arena[at + base + 1 + k] = byte;
        whole = Math.imul(whole ^ byte, HASH_PRIME);
      }
      if (!batch.appendShared(at, length, finishHash(whole), valores[part]!, tsMs)) {
        batch.length = before;
        return before;
      }
      at += length;
    }
    batch.claveBytesLength = at;
    return batch.length;
  }
}
