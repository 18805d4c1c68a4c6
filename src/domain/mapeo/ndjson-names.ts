/**
 * How the plain way through NDJSON (ndjson-plain.ts) tells names: four bytes at a time.
 *
 * Owns: the asked names as words, and the layout, a guess that the next record has the names of the last one in the same order,
 * byte for byte. Where it holds, `,"temp":` costs two loads. Where it often does not (senders that shuffle), it is given up for
 * a while, since a wrong guess costs more than none. It never decides anything: a record that it does not fit is read by name.
 */
import { BACKSLASH, encodeUtf8, QUOTE } from './bytes.ts';
import { splitPath } from './path.ts';
import type { RecordPlan } from './row-parser.ts';

export const ROLE_NONE = 0;
export const ROLE_CLAVE = 1;
export const ROLE_VALOR = 2;
export const ROLE_TS = 4;

/** More than any look ahead of the plain way: a name, a member of the layout, or a time. */
export const LOOK_AHEAD = 64;

/** The asked names of a flat record, each with the quote behind it. Numbered from 1; 0 is no name. */
export class NameWords {
  readonly role: Uint8Array;
  /** Bytes of a name with its quote. */
  readonly length: Int32Array;
  /** By the first byte of a name, the first name that begins so; and by name the next one that does. */
  readonly first: Uint8Array = new Uint8Array(256);
  readonly next: Uint8Array;
  /** words[wordFrom[n]..wordFrom[n + 1]) are name n, little-endian, the last one under mask[n]. */
  readonly words: Int32Array;
  readonly wordFrom: Int32Array;
  readonly mask: Int32Array;

  constructor(names: readonly Uint8Array[], roles: readonly number[]) {
    const count = names.length;
    this.role = Uint8Array.from([ROLE_NONE, ...roles]);
    this.length = new Int32Array(count + 1);
    this.next = new Uint8Array(count + 1);
    this.wordFrom = new Int32Array(count + 2);
    this.mask = new Int32Array(count + 1);
    const words: number[] = [];
    for (const [index, name] of names.entries()) {
      const n = index + 1;
      this.length[n] = name.length;
      this.next[n] = this.first[name[0]!]!;
      this.first[name[0]!] = n;
      this.wordFrom[n] = words.length;
      const padded = new DataView(new ArrayBuffer(Math.ceil(name.length / 4) * 4));
      for (const [at, byte] of name.entries()) padded.setUint8(at, byte);
      for (let at = 0; at < padded.byteLength; at += 4) words.push(padded.getInt32(at, true));
      this.mask[n] = lastMask(name.length);
    }
    this.wordFrom[count + 1] = words.length;
    this.words = Int32Array.from(words);
  }
}

/** The words of a plan's fields (paths by slot); null when it asks for more than the plain way does. */
export function plainNames(paths: readonly string[], plan: RecordPlan): NameWords | null {
  const { claveSlots, prefijo, valorSlots, valorNames, tsSlot } = plan;
  if (claveSlots.length !== 1 || prefijo.length > 0 || valorNames !== null) return null;
  if (new Set([claveSlots[0], valorSlots[0], tsSlot]).size < 3) return null;
  const names: Uint8Array[] = [];
  const roles: number[] = [];
  for (const [slot, path] of paths.entries()) {
    const parts = splitPath(path);
    const name = encodeUtf8(`${parts[0]}"`);
    const needsEscape = name.subarray(0, -1).some((byte) => byte < 0x20 || byte === QUOTE || byte === BACKSLASH);
    if (parts.length > 1 || needsEscape || name.length > LOOK_AHEAD - 8) return null;
    names.push(name);
    roles.push(slot === claveSlots[0] ? ROLE_CLAVE : slot === tsSlot ? ROLE_TS : ROLE_VALOR);
  }
  return new NameWords(names, roles);
}

const MEMBERS = 16;
export const MEMBER_WORDS = 8;
const TRUST_MAX = 32;
const TRUST_AT_FIRST = 8;
const TRUST_LOST = 4;
const REST_ROWS = 1000;

/** What stands between the values of a record: `{"sensor":`, `,"temp":`, ... as learned from the last one. */
export class RecordLayout {
  /** Members known, the first ones of a record; 0 while the guess is given up. */
  known = 0;
  /** Member m is words[m * MEMBER_WORDS .. last[m]], the last one under mask[m]. */
  readonly words: Int32Array = new Int32Array(MEMBERS * MEMBER_WORDS);
  readonly last: Int32Array = new Int32Array(MEMBERS);
  readonly mask: Int32Array = new Int32Array(MEMBERS);
  readonly length: Int32Array = new Int32Array(MEMBERS);
  readonly role: Uint8Array = new Uint8Array(MEMBERS);
  private trust = TRUST_AT_FIRST;
  private rest = 0;

  /** Member m was read by name at view[from..to) and has this role. */
  learn(member: number, view: DataView, from: number, to: number, role: number): void {
    if (this.rest > 0 || member > this.known || member >= MEMBERS) return;
    if (member < this.known) {
      this.trust -= TRUST_LOST;
      if (this.trust < 0) {
        this.rest = REST_ROWS;
        this.known = 0;
        return;
      }
    }
    const length = to - from;
    if (length > MEMBER_WORDS * 4) {
      this.known = member;
      return;
    }
    const base = member * MEMBER_WORDS;
    const last = base + ((length - 1) >> 2);
    for (let word = base; word <= last; word++) this.words[word] = view.getInt32(from + (word - base) * 4, true);
    const mask = lastMask(length);
    this.mask[member] = mask;
    this.words[last]! &= mask;
    this.last[member] = last;
    this.length[member] = length;
    this.role[member] = role;
    if (member === this.known) this.known++;
  }

  /** Called once a batch of records that were read in the plain way. */
  rows(count: number): void {
    if (this.rest > 0) {
      this.rest = Math.max(0, this.rest - count);
      if (this.rest === 0) this.trust = TRUST_AT_FIRST;
    } else this.trust = Math.min(TRUST_MAX, this.trust + count);
  }
}

function lastMask(length: number): number {
  const rest = length & 3;
  return rest === 0 ? -1 : (1 << (rest * 8)) - 1;
}
