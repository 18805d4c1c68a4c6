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

const ROLE_NONE = 0;
export const ROLE_CLAVE = 1;
export const ROLE_VALOR = 2;
export const ROLE_TS = 3;
/** An object on the way to asked fields. */
export const ROLE_NODE = 4;

/** More than any look ahead of the plain way: a name, a member of the layout, or a time. */
export const LOOK_AHEAD = 64;
/** A bit each in a mask of what was seen. */
const NAMES_MAX = 30;
export const DEPTH_MAX = 8;

/** A name while the tables are made. */
interface Name {
  readonly bytes: Uint8Array;
  /** The object it stands in, 0 for the record itself. */
  readonly node: number;
  role: number;
  /** A valor's place among them, or an object's number. */
  index: number;
}

/**
 * The asked names of a record with the quote behind each. Names are numbered from 1 (0 is no name), objects on the way to them from 0,
 * which is the record.
 */
export class NameWords {
  readonly role: Uint8Array;
  readonly index: Uint8Array;
  /** Bytes of a name with its quote. */
  readonly length: Int32Array;
  /** first[object * 256 + first byte]: the first name of that object that begins so; next[name]: the next one that does. */
  readonly first: Uint8Array;
  readonly next: Uint8Array;
  /** words[wordFrom[n]..wordFrom[n + 1]) are name n, little-endian, the last one under mask[n]. */
  readonly words: Int32Array;
  readonly wordFrom: Int32Array;
  readonly mask: Int32Array;
  /** The names that a record must have to be taken in the plain way, a bit each. */
  readonly needed: number;

  constructor(names: readonly Name[], nodes: number, isFanOut: boolean) {
    const count = names.length;
    this.role = Uint8Array.from([ROLE_NONE, ...names.map(({ role }) => role)]);
    this.index = Uint8Array.from([0, ...names.map(({ index }) => index)]);
    this.length = new Int32Array(count + 1);
    this.first = new Uint8Array(nodes * 256);
    this.next = new Uint8Array(count + 1);
    this.wordFrom = new Int32Array(count + 2);
    this.mask = new Int32Array(count + 1);
    const words: number[] = [];
    let needed = 0;
    for (const [at, { bytes, node, role }] of names.entries()) {
      const n = at + 1;
      if (role !== ROLE_NODE && !(isFanOut && role === ROLE_VALOR)) needed |= 1 << n;
      this.length[n] = bytes.length;
      const first = node * 256 + bytes[0]!;
      this.next[n] = this.first[first]!;
      this.first[first] = n;
      this.wordFrom[n] = words.length;
      const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 4) * 4));
      for (const [k, byte] of bytes.entries()) padded.setUint8(k, byte);
      for (let k = 0; k < padded.byteLength; k += 4) words.push(padded.getInt32(k, true));
      this.mask[n] = lastMask(bytes.length);
    }
    this.wordFrom[count + 1] = words.length;
    this.words = Int32Array.from(words);
    this.needed = needed;
  }
}

/** The words of a plan's fields (paths by slot); null when it asks for more than the plain way does. */
export function plainNames(paths: readonly string[], plan: RecordPlan): NameWords | null {
  const { claveSlots, prefijo, valorSlots, valorNames, tsSlot } = plan;
  if (claveSlots.length !== 1 || prefijo.length > 0) return null;
  const roleSlots = [claveSlots[0], ...valorSlots, tsSlot];
  if (new Set(roleSlots).size < roleSlots.length) return null;
  const names: Name[] = [];
  let nodes = 1;
  for (const [slot, path] of paths.entries()) {
    let node = 0;
    const parts = splitPath(path);
    if (parts.length > DEPTH_MAX) return null;
    for (const [depth, part] of parts.entries()) {
      const isField = depth === parts.length - 1;
      const bytes = encodeUtf8(`${part}"`);
      const needsEscape = bytes.subarray(0, -1).some((byte) => byte < 0x20 || byte === QUOTE || byte === BACKSLASH);
      if (needsEscape || bytes.length > LOOK_AHEAD - 8) return null;
      let name = names.find((one) => one.node === node && equalBytes(one.bytes, bytes));
      if (name === undefined) {
        name = { bytes, node, role: ROLE_NODE, index: isField ? 0 : nodes++ };
        names.push(name);
      } else if (isField || name.role !== ROLE_NODE) return null; // a field with fields of its own
      node = name.index;
      if (!isField) continue;
      name.role = slot === claveSlots[0] ? ROLE_CLAVE : slot === tsSlot ? ROLE_TS : ROLE_VALOR;
      if (name.role === ROLE_VALOR) name.index = valorSlots.indexOf(slot);
    }
  }
  return names.length > NAMES_MAX ? null : new NameWords(names, nodes, valorNames !== null);
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}

const MEMBERS = 32;
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
  /** Number of the name, 0 for one that nobody asked for; and of the object it stood in. */
  readonly name: Uint8Array = new Uint8Array(MEMBERS);
  readonly node: Uint8Array = new Uint8Array(MEMBERS);
  private trust = TRUST_AT_FIRST;
  private rest = 0;

  /** Member m, of object `node`, was read by name at view[from..to). */
  learn(member: number, view: DataView, from: number, to: number, name: number, node: number): void {
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
    this.name[member] = name;
    this.node[member] = node;
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
