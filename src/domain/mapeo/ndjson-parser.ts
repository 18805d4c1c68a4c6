/**
 * NDJSON rows to lecturas.
 *
 * Owns: finding the asked fields in a JSON record, in any order, among any others. What JSON.parse refuses is malformed, what it
 * accepts is not, and a field has the value that JSON.parse gives it: of a name that stands twice the last one counts.
 * A number as clave is taken as it is written.
 *
 *   asked fields: sensor, pos.x              root -- "sensor" (slot 0)
 *   a tree of names                               `- "pos" -- "x" (slot 1)
 *
 * Names that no branch has are skipped with their values; skipping checks the grammar all the same. Most rows are as machines write
 * them and go the plain way (ndjson-plain.ts), which is several times faster and leaves here what it does not know.
 */
import { hashClave, type LecturaBatch } from '#domain/lectura/batch.ts';
import { BACKSLASH, CLASS_BACKSLASH, encodeUtf8, NEWLINE, QUOTE } from './bytes.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  scanLiteral,
  scanString,
  skipSpace,
  skipValue,
  stringClasses,
  unescapeString,
} from './json-scan.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { plainNames } from './ndjson-names.ts';
import { PlainWay } from './ndjson-plain.ts';
import { scanJsonNumber, scanned } from './number.ts';
import { splitPath } from './path.ts';
import {
  FALSE,
  FULL,
  MISSING,
  NESTED,
  NULL,
  NUMBER,
  RecordParser,
  TEXT,
  TRUE,
  type RecordPlan,
  type RefuseRow,
} from './row-parser.ts';

/** Up to this many names are told apart by their first byte, more by a hash. */
const FEW_CHILDREN = 12;

/** A name on the way to asked fields. */
class JsonNode {
  /** Its UTF-8 bytes and the closing quote. */
  readonly name: Uint8Array;
  /** False for a name that JSON has to escape: it never stands in the data as it is, only among the escaped names. */
  readonly isPlain: boolean;
  slot = -1;
  readonly children: JsonNode[] = [];
  /** Slots of this node and below: emptied when the name comes again. */
  slots: Int32Array = new Int32Array(0);
  /** By the first byte of a name: 1 + index of the first child that begins so. */
  first: Uint8Array = new Uint8Array(256);
  /** 1 + index of the next sibling that begins with the same byte. */
  next = 0;
  /** For many children: open addressing over the hash of the name, 1 + index of the child. */
  table: Int32Array | null = null;
  /** The sibling that came after this one the last time: records mostly repeat their order. */
  follower: JsonNode | null = null;

  constructor(name: string) {
    this.name = encodeUtf8(`${name}"`);
    this.isPlain = this.name.subarray(0, -1).every((byte) => byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH);
  }

  child(name: string): JsonNode {
    const wanted = new JsonNode(name);
    const found = this.children.find((child) => equalBytes(child.name, wanted.name));
    if (found !== undefined) return found;
    this.children.push(wanted);
    return wanted;
  }

  /** Builds the look-ups; returns the slots of this node and below. */
  seal(): number[] {
    const below: number[] = this.slot < 0 ? [] : [this.slot];
    for (const child of this.children) below.push(...child.seal());
    this.slots = Int32Array.from(below);
    if (this.children.length > FEW_CHILDREN) {
      let size = 32;
      while (size < this.children.length * 2) size *= 2;
      this.table = new Int32Array(size);
      for (const [index, child] of this.children.entries()) {
        let at = hashClave(child.name, 0, child.name.length - 1) & (size - 1);
        while (this.table[at] !== 0) at = (at + 1) & (size - 1);
        this.table[at] = index + 1;
      }
      return below;
    }
    for (const [index, child] of this.children.entries()) {
      if (!child.isPlain) continue;
      const begin = child.name[0]!;
      child.next = this.first[begin]!;
      this.first[begin] = index + 1;
    }
    return below;
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export class NdjsonParser extends RecordParser {
  private readonly root: JsonNode;
  /** Null when the mapping asks for more than the plain way does. */
  private readonly plain: PlainWay | null;
  private nameScratch = new Uint8Array(256);

  /** paths[slot] is the field of each slot of the plan. */
  constructor(paths: readonly string[], plan: RecordPlan, refuse: RefuseRow) {
    super(plan, refuse);
    this.root = new JsonNode('');
    for (const [slot, path] of paths.entries()) {
      let node = this.root;
      for (const name of splitPath(path)) node = node.child(name);
      node.slot = slot;
    }
    this.root.seal();
    const names = plainNames(paths, plan);
    this.plain = names === null ? null : new PlainWay(names, plan);
  }

  protected override plainRows(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    const plain = this.plain;
    if (plain === null) return from;
    const next = plain.rows(bytes, from, end, batch);
    this.rows += plain.taken;
    this.line += plain.taken;
    return next;
  }

  protected row(bytes: Uint8Array, from: number, end: number, batch: LecturaBatch): number {
    let i = skipSpace(bytes, from);
    const c = bytes[i]!;
    if (c === NEWLINE) {
      this.line++;
      return i + 1;
    }
    const kind = this.kind;
    for (let slot = 0; slot < kind.length; slot++) kind[slot] = MISSING;
    if (c === OPEN_OBJECT) i = this.object(bytes, i + 1, this.root);
    else if (c === OPEN_ARRAY) i = this.array(bytes, i + 1, this.root);
    else i = skipValue(bytes, i);
    if (i >= 0) i = skipSpace(bytes, i);
    if (i < 0 || bytes[i] !== NEWLINE) return this.refuseLine('malformed', bytes, from, end);
    if (i - from > MAX_LINE_BYTES) return this.refuseLine('too_long', bytes, from, end);
    if (!this.emit(bytes, from, i, batch)) return FULL;
    this.line++;
    return i + 1;
  }

  protected unescape(
    bytes: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    at: number,
    limit: number,
  ): number {
    return unescapeString(bytes, from, to, target, at, limit);
  }

  /** The inside of an object, from behind its brace: the index behind the closing one, or -1. */
  private object(bytes: Uint8Array, from: number, node: JsonNode): number {
    const { first, children } = node;
    const isMany = node.table !== null;
    let last: JsonNode | null = null;
    let i = from;
    let c = bytes[i]!;
    if (c <= 0x20) c = bytes[(i = skipSpace(bytes, i))]!;
    if (c === CLOSE_OBJECT) return i + 1;
    for (;;) {
      if (c !== QUOTE) return -1;
      i++;
      let child: JsonNode | null = null;
      if (!isMany) {
        let at = first[bytes[i]!]!;
        while (at !== 0) {
          const candidate = children[at - 1]!;
          const name = candidate.name;
          const length = name.length;
          let k = 1;
          while (k < length && bytes[i + k] === name[k]) k++;
          if (k === length) {
            child = candidate;
            i += length;
            break;
          }
          at = candidate.next;
        }
      } else if (last !== null && last.follower !== null && startsWith(bytes, i, last.follower.name)) {
        child = last.follower;
        i += child.name.length;
      }
      if (child === null) {
        const nameEnd = scanString(bytes, i);
        if (nameEnd < 0) return -1;
        if ((stringClasses & CLASS_BACKSLASH) !== 0) child = this.childOfEscaped(bytes, i, nameEnd - 1, node);
        else if (isMany) child = childOfHash(bytes, i, nameEnd, node);
        i = nameEnd;
      }
      if (isMany && child !== null && child.isPlain) {
        if (last !== null) last.follower = child;
        last = child;
      }
      c = bytes[i]!;
      if (c <= 0x20) c = bytes[(i = skipSpace(bytes, i))]!;
      if (c !== COLON) return -1;
      c = bytes[++i]!;
      if (c <= 0x20) i = skipSpace(bytes, i);
      i = child === null ? skipValue(bytes, i) : this.take(bytes, i, child);
      if (i < 0) return -1;
      c = bytes[i]!;
      if (c <= 0x20) c = bytes[(i = skipSpace(bytes, i))]!;
      if (c === COMMA) {
        c = bytes[++i]!;
        if (c <= 0x20) c = bytes[(i = skipSpace(bytes, i))]!;
        continue;
      }
      return c === CLOSE_OBJECT ? i + 1 : -1;
    }
  }

  /** The inside of an array, its elements being named by their index. */
  private array(bytes: Uint8Array, from: number, node: JsonNode): number {
    let i = skipSpace(bytes, from);
    if (bytes[i] === CLOSE_ARRAY) return i + 1;
    for (let index = 0; ; index++) {
      const name = `${index}"`;
      const child = node.children.find((one) => one.name.length === name.length && startsWithText(one.name, name));
      i = child === undefined ? skipValue(bytes, i) : this.take(bytes, i, child);
      if (i < 0) return -1;
      i = skipSpace(bytes, i);
      if (bytes[i] === COMMA) i = skipSpace(bytes, i + 1);
      else return bytes[i] === CLOSE_ARRAY ? i + 1 : -1;
    }
  }

  /** The value of an asked name into its slots: the index behind it, or -1. */
  private take(bytes: Uint8Array, from: number, node: JsonNode): number {
    const slot = node.slot;
    if (node.slots.length > 1 || slot < 0) {
      // Said before in this record? What it held, nested fields too, is no longer true.
      const slots = node.slots;
      for (let k = 0; k < slots.length; k++) this.kind[slots[k]!] = MISSING;
    }
    const c = bytes[from]!;
    let i: number;
    let kind: number;
    if (c === QUOTE) {
      i = scanString(bytes, from + 1);
      if (i < 0 || slot < 0) return i;
      this.kind[slot] = TEXT;
      this.from[slot] = from + 1;
      this.to[slot] = i - 1;
      this.classes[slot] = stringClasses;
      return i;
    }
    if (c === OPEN_OBJECT) {
      i = node.children.length > 0 ? this.object(bytes, from + 1, node) : skipValue(bytes, from);
      kind = NESTED;
    } else if (c === OPEN_ARRAY) {
      i = node.children.length > 0 ? this.array(bytes, from + 1, node) : skipValue(bytes, from);
      kind = NESTED;
    } else if (c >= 0x61) {
      i = scanLiteral(bytes, from);
      kind = c === 0x74 ? TRUE : c === 0x66 ? FALSE : NULL;
    } else {
      i = scanJsonNumber(bytes, from);
      kind = NUMBER;
      if (slot >= 0) this.num[slot] = scanned[0]!;
    }
    if (slot >= 0) {
      this.kind[slot] = kind;
      this.from[slot] = from;
      this.to[slot] = i;
      this.classes[slot] = 0;
    }
    return i;
  }

  private childOfEscaped(bytes: Uint8Array, from: number, to: number, node: JsonNode): JsonNode | null {
    if (this.nameScratch.length < to - from + 8) this.nameScratch = new Uint8Array((to - from + 8) * 2);
    const length = unescapeString(bytes, from, to, this.nameScratch, 0, this.nameScratch.length);
    for (const child of node.children) {
      if (child.name.length === length + 1 && startsWith(this.nameScratch, 0, child.name.subarray(0, length)))
        return child;
    }
    return null;
  }
}

function startsWith(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let k = 0; k < name.length; k++) if (bytes[at + k] !== name[k]) return false;
  return true;
}

function startsWithText(bytes: Uint8Array, text: string): boolean {
  for (let k = 0; k < text.length; k++) if (bytes[k] !== text.charCodeAt(k)) return false;
  return true;
}

/** The child of a node with many, by the hash of the name bytes[from..end - 1), a quote standing behind it. */
function childOfHash(bytes: Uint8Array, from: number, end: number, node: JsonNode): JsonNode | null {
  const table = node.table!;
  const mask = table.length - 1;
  let at = hashClave(bytes, from, end - 1) & mask;
  for (;;) {
    const index = table[at]!;
    if (index === 0) return null;
    const child = node.children[index - 1]!;
    if (child.name.length === end - from && startsWith(bytes, from, child.name)) return child;
    at = (at + 1) & mask;
  }
}
