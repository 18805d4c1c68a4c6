/**
 * The directory of claves: which bloque and slot (loc) each clave lives in, for a million of them, without a string.
 *
 * Owns clave -> loc, loc -> clave, and the clave bytes. Leaves to its neighbours: choosing a loc (the router), storing (blob.ts).
 *
 *   loc      bloque index << 16 | slot, uint32; UNKNOWN_LOC (0xffffffff) is no loc
 *   table    open addressing, linear probing, two words a slot: [hash, record]; record 0 = empty
 *   arena    records in 32-bit words, reached in one cache line:  | loc | length-1, clave bytes ... padding |
 *   reverse  for each bloque, record by slot
 *
 * D1 A clave stands once; its loc is held by no other clave. insert() throws otherwise.
 * D2 A record's number is valid until the next insert, remove or compact; only locs may be kept.
 * D3 No more than 70 % of the table is taken, so every probe ends. Deletion shifts back: there are no tombstones.
 * D4 Freed records are kept by size and used again first: claves that come and go (pids) do not grow the arena.
 *
 * Memory for claves of 16 bytes at a million: table 16.8 + arena 24 + reverse 4 = 45 bytes each.
 */
import { CoreCError } from '#domain/errors.ts';
import { hashClave, type LecturaBatch, MAX_CLAVE_BYTES } from '#domain/lectura/batch.ts';

export const UNKNOWN_LOC = 0xffffffff;

export const makeLoc = (bloqueIndex: number, slot: number): number => ((bloqueIndex << 16) | slot) >>> 0;
export const bloqueOfLoc = (loc: number): number => loc >>> 16;
export const slotOfLoc = (loc: number): number => loc & 0xffff;

/** Readings looked up together: their cache misses overlap, and their records still fit the first-level cache. */
const GROUP = 64;
const FIRST_TABLE_SLOTS = 64;
const LOAD_MAX = 0.7;
/** Of records of MAX_CLAVE_BYTES: the loc, the length and the bytes, in words. */
const RECORD_WORDS_MAX = recordWords(MAX_CLAVE_BYTES);

const decoder = new TextDecoder('utf-8');
const encoder = new TextEncoder();

/** 32-bit words of the record of a clave of `length` bytes: 4 of loc, 1 of length, the clave. */
function recordWords(length: number): number {
  return (length + 8) >> 2;
}

/** Claves of one bloque by ascending slot: clave j is bytes[offsets[j] .. + lengths[j]). Arrays may be longer than `length`. */
export interface ClaveList {
  readonly length: number;
  readonly slots: Uint16Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint16Array;
  readonly bytes: Uint8Array;
}

export class ClaveDirectory {
  private table = new Uint32Array(FIRST_TABLE_SLOTS * 2);
  private mask = FIRST_TABLE_SLOTS - 1;
  private words = new Uint32Array(1024);
  private bytes = new Uint8Array(this.words.buffer);
  /** First free word; 0 is never a record, so that it can mean none. */
  private wordsUsed = 1;
  private wordsFree = 0;
  /** By record words: the freed records. */
  private readonly freed: number[][] = Array.from({ length: RECORD_WORDS_MAX + 1 }, () => []);
  private readonly reverse: Uint32Array[] = [];
  private readonly found = new Uint32Array(GROUP);
  /** Keeps the compiler from dropping the reads that only warm the cache. */
  private lastTouched = 0;
  private count = 0;

  /** How many claves there are. */
  get size(): number {
    return this.count;
  }

  /** Bytes of memory held, used or not. */
  get byteLength(): number {
    let bytes = this.table.byteLength + this.words.byteLength;
    for (const slots of this.reverse) bytes += slots.byteLength;
    return bytes;
  }

  /**
   * Fills locs[k] for every reading k of the batch, UNKNOWN_LOC when its clave is not here; returns how many are unknown.
   * Three passes a group, so that the misses of 64 readings overlap: table, record, comparison.
   */
  lookupBatch(batch: LecturaBatch, locs: Uint32Array): number {
    const { table, mask, words, bytes, found } = this;
    const { length, claveHash, claveOffset, claveLength, claveBytes } = batch;
    let unknown = 0;
    for (let base = 0; base < length; base += GROUP) {
      const n = length - base < GROUP ? length - base : GROUP;
      for (let j = 0; j < n; j++) {
        const hash = claveHash[base + j]!;
        let slot = (hash & mask) << 1;
        let record = table[slot + 1]!;
        while (record !== 0 && table[slot] !== hash) {
          slot = (slot + 2) & ((mask << 1) | 1);
          record = table[slot + 1]!;
        }
        found[j] = record;
      }
      for (let j = 0; j < n; j++) locs[base + j] = words[found[j]!]!;
      for (let j = 0; j < n; j++) {
        const k = base + j;
        const record = found[j]!;
        if (record === 0) {
          locs[k] = UNKNOWN_LOC;
          unknown++;
          continue;
        }
        const bytesLength = claveLength[k]!;
        const at = record * 4 + 4;
        let difference = (bytes[at]! + 1) ^ bytesLength;
        if (difference === 0) {
          const from = claveOffset[k]!;
          for (let i = 0; i < bytesLength; i++) difference |= bytes[at + 1 + i]! ^ claveBytes[from + i]!;
        }
        if (difference !== 0) {
          // Another clave with the same 32 bits of hash: about one in 4,000 at a million claves.
          const other = this.findRecord(claveBytes, claveOffset[k]!, bytesLength, claveHash[k]!);
          locs[k] = other === 0 ? UNKNOWN_LOC : words[other]!;
          if (other === 0) unknown++;
        }
      }
    }
    return unknown;
  }

  /** The loc of the clave source[from..to), or UNKNOWN_LOC. */
  lookup(source: Uint8Array, from: number, to: number, hash: number = hashClave(source, from, to)): number {
    const record = this.findRecord(source, from, to - from, hash);
    return record === 0 ? UNKNOWN_LOC : this.words[record]!;
  }

  /** The loc of a clave given as text, or UNKNOWN_LOC. */
  lookupText(clave: string): number {
    const source = encoder.encode(clave);
    return this.lookup(source, 0, source.length);
  }

  /** Binds the clave of reading k to `loc`; D1. */
  insert(batch: LecturaBatch, k: number, loc: number): void {
    const from = batch.claveOffset[k]!;
    this.insertBytes(batch.claveBytes, from, from + batch.claveLength[k]!, batch.claveHash[k]!, loc);
  }

  /** Binds a clave given as text to `loc`; D1. */
  insertText(clave: string, loc: number): void {
    const source = encoder.encode(clave);
    this.insertBytes(source, 0, source.length, hashClave(source, 0, source.length), loc);
  }

  /** Binds the clave source[from..to), whose hash is given, to `loc`; D1. */
  insertBytes(source: Uint8Array, from: number, to: number, hash: number, loc: number): void {
    const length = to - from;
    if (length < 1 || length > MAX_CLAVE_BYTES) bug(`a clave of ${length} bytes`);
    if (loc === UNKNOWN_LOC) bug('loc 0xffffffff');
    const slots = this.slotsFor(loc);
    if (slots[slotOfLoc(loc)] !== 0) bug(`loc ${loc} bound twice`);
    if (this.count + 1 > (this.mask + 1) * LOAD_MAX) this.growTable();
    const { table } = this;
    const slot = this.freeTableSlot(source, from, length, hash);
    const record = this.allocate(recordWords(length));
    this.words[record] = loc;
    const { bytes } = this;
    const at = record * 4 + 4;
    bytes[at] = length - 1;
    for (let i = 0; i < length; i++) bytes[at + 1 + i] = source[from + i]!;
    table[slot] = hash;
    table[slot + 1] = record;
    slots[slotOfLoc(loc)] = record;
    this.count++;
  }

  /**
   * Binds claves of one bloque whose loc is known: list entry j to (bloqueIndex, list.slots[j]); D1. What a restore calls:
   * hashes first, then a look at every table slot, so that the cache misses of a group overlap (half the time of insert).
   */
  insertList(bloqueIndex: number, list: ClaveList): void {
    const n = list.length;
    if (n === 0) return;
    const { slots, offsets, lengths, bytes: source } = list;
    let size = 0;
    let last = 0;
    for (let k = 0; k < n; k++) {
      const length = lengths[k]!;
      if (length < 1 || length > MAX_CLAVE_BYTES) bug(`a clave of ${length} bytes`);
      size += recordWords(length);
      if (slots[k]! > last) last = slots[k]!;
    }
    const tableSlots = tableSlotsFor(this.count + n);
    if (tableSlots > this.mask + 1) this.rehash(tableSlots);
    this.ensureWords(size);
    const reverse = this.slotsFor(makeLoc(bloqueIndex, last));
    const { table, mask, words, bytes, found: hashes } = this;
    let record = this.wordsUsed;
    for (let base = 0; base < n; base += GROUP) {
      const end = Math.min(n, base + GROUP);
      let touched = 0;
      for (let k = base; k < end; k++) {
        const from = offsets[k]!;
        const hash = hashClave(source, from, from + lengths[k]!);
        hashes[k - base] = hash;
        touched ^= table[(hash & mask) << 1]!;
      }
      this.lastTouched = touched;
      for (let k = base; k < end; k++) {
        const from = offsets[k]!;
        const length = lengths[k]!;
        const slot = slots[k]!;
        const at = this.freeTableSlot(source, from, length, hashes[k - base]!);
        if (reverse[slot] !== 0) bug(`slot ${slot} of bloque index ${bloqueIndex} bound twice`);
        table[at] = hashes[k - base]!;
        table[at + 1] = record;
        reverse[slot] = record;
        words[record] = (bloqueIndex << 16) | slot;
        const byte = record * 4 + 5;
        bytes[byte - 1] = length - 1;
        for (let i = 0; i < length; i++) bytes[byte + i] = source[from + i]!;
        record += recordWords(length);
      }
    }
    this.wordsUsed = record;
    this.count += n;
  }

  /** Forgets the clave at `loc`; false when there is none. */
  remove(loc: number): boolean {
    const record = this.recordAt(loc);
    if (record === 0) return false;
    this.reverse[bloqueOfLoc(loc)]![slotOfLoc(loc)] = 0;
    this.unlink(record);
    const size = recordWords(this.bytes[record * 4 + 4]! + 1);
    this.words[record] = UNKNOWN_LOC;
    this.freed[size]!.push(record);
    this.wordsFree += size;
    this.count--;
    return true;
  }

  /** The clave at `from` lives at `to` from now on; throws when `from` is empty or `to` is taken (D1). */
  moveLoc(from: number, to: number): void {
    const record = this.recordAt(from);
    if (record === 0) bug(`no clave at loc ${from}`);
    if (to === UNKNOWN_LOC) bug('loc 0xffffffff');
    const slots = this.slotsFor(to);
    if (slots[slotOfLoc(to)] !== 0) bug(`loc ${to} bound twice`);
    this.reverse[bloqueOfLoc(from)]![slotOfLoc(from)] = 0;
    slots[slotOfLoc(to)] = record;
    this.words[record] = to;
  }

  /** The clave at `loc` as text, or null. */
  claveText(loc: number): string | null {
    const clave = this.claveBytes(loc);
    return clave === null ? null : decoder.decode(clave);
  }

  /** The bytes of the clave at `loc`, or null. A view: valid until the directory changes. */
  claveBytes(loc: number): Uint8Array | null {
    const record = this.recordAt(loc);
    if (record === 0) return null;
    const at = record * 4 + 4;
    return this.bytes.subarray(at + 1, at + 2 + this.bytes[at]!);
  }

  /** How many claves the bloque of this index holds. */
  countOfBloque(bloqueIndex: number): number {
    let n = 0;
    for (const record of this.reverse[bloqueIndex] ?? []) if (record !== 0) n++;
    return n;
  }

  /** Visits the claves of one bloque by ascending slot: source[from..to). The bytes are only valid inside the visit. */
  visitBloque(bloqueIndex: number, visit: (slot: number, source: Uint8Array, from: number, to: number) => void): void {
    const slots = this.reverse[bloqueIndex];
    if (slots === undefined) return;
    for (let slot = 0; slot < slots.length; slot++) {
      const record = slots[slot]!;
      if (record === 0) continue;
      const at = record * 4 + 4;
      visit(slot, this.bytes, at + 1, at + 2 + this.bytes[at]!);
    }
  }

  /**
   * Visits every clave in the order of the arena (near the order of binding) until `visit` answers false.
   * The directory must not change inside the visit.
   */
  visitAll(visit: (loc: number, source: Uint8Array, from: number, to: number) => boolean | void): void {
    const { words, bytes, wordsUsed } = this;
    for (let record = 1; record < wordsUsed;) {
      const length = bytes[record * 4 + 4]! + 1;
      const loc = words[record]!;
      if (loc !== UNKNOWN_LOC) {
        const at = record * 4 + 5;
        if (visit(loc, bytes, at, at + length) === false) return;
      }
      record += recordWords(length);
    }
  }

  /** Room for `claves` more of about `bytesEach` bytes, so that a restore neither rehashes nor copies. */
  reserve(claves: number, bytesEach: number): void {
    const slots = tableSlotsFor(this.count + claves);
    if (slots > this.mask + 1) this.rehash(slots);
    this.ensureWords(claves * recordWords(Math.ceil(bytesEach)));
  }

  /** Drops what freed records hold: a new arena in the same order. About 0.3 s at a million claves; worth it past half. */
  compact(): void {
    const before = { words: this.words, bytes: this.bytes, used: this.wordsUsed };
    this.words = new Uint32Array(Math.max(1024, before.used - this.wordsFree));
    this.bytes = new Uint8Array(this.words.buffer);
    this.wordsUsed = 1;
    this.wordsFree = 0;
    for (const records of this.freed) records.length = 0;
    const slots = tableSlotsFor(this.count);
    this.table = new Uint32Array(slots * 2);
    this.mask = slots - 1;
    for (let record = 1; record < before.used;) {
      const length = before.bytes[record * 4 + 4]! + 1;
      const size = recordWords(length);
      const loc = before.words[record]!;
      if (loc !== UNKNOWN_LOC) {
        const moved = this.wordsUsed;
        this.words.set(before.words.subarray(record, record + size), moved);
        this.wordsUsed += size;
        this.link(hashClave(before.bytes, record * 4 + 5, record * 4 + 5 + length), moved);
        this.reverse[bloqueOfLoc(loc)]![slotOfLoc(loc)] = moved;
      }
      record += size;
    }
  }

  /** The share of the arena that freed records hold, 0..1: when to compact. */
  get waste(): number {
    return this.wordsFree / this.wordsUsed;
  }

  private recordAt(loc: number): number {
    return this.reverse[bloqueOfLoc(loc)]?.[slotOfLoc(loc)] ?? 0;
  }

  private findRecord(source: Uint8Array, from: number, length: number, hash: number): number {
    const { table } = this;
    const wrap = (this.mask << 1) | 1;
    let slot = (hash & this.mask) << 1;
    for (let record = table[slot + 1]!; record !== 0; record = table[slot + 1]!) {
      if (table[slot] === hash && this.recordHolds(record, source, from, length)) return record;
      slot = (slot + 2) & wrap;
    }
    return 0;
  }

  /** Where in the table a new clave of this hash goes; throws when it is there already. */
  private freeTableSlot(source: Uint8Array, from: number, length: number, hash: number): number {
    const { table } = this;
    const wrap = (this.mask << 1) | 1;
    let at = (hash & this.mask) << 1;
    for (let record = table[at + 1]!; record !== 0; record = table[at + 1]!) {
      if (table[at] === hash && this.recordHolds(record, source, from, length)) bug('a clave bound twice');
      at = (at + 2) & wrap;
    }
    return at;
  }

  private recordHolds(record: number, source: Uint8Array, from: number, length: number): boolean {
    const { bytes } = this;
    const at = record * 4 + 5;
    if (bytes[at - 1]! + 1 !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== source[from + i]) return false;
    return true;
  }

  /** Records by slot of the bloque of `loc`, long enough for its slot. */
  private slotsFor(loc: number): Uint32Array {
    const bloqueIndex = bloqueOfLoc(loc);
    const slot = slotOfLoc(loc);
    while (this.reverse.length <= bloqueIndex) this.reverse.push(new Uint32Array(0));
    let slots = this.reverse[bloqueIndex]!;
    if (slot >= slots.length) {
      const grown = new Uint32Array(Math.max(slot + 1, Math.min(65536, slots.length * 2), 16));
      grown.set(slots);
      this.reverse[bloqueIndex] = slots = grown;
    }
    return slots;
  }

  private allocate(size: number): number {
    const reused = this.freed[size]!.pop();
    if (reused !== undefined) {
      this.wordsFree -= size;
      return reused;
    }
    this.ensureWords(size);
    const record = this.wordsUsed;
    this.wordsUsed += size;
    return record;
  }

  private ensureWords(more: number): void {
    const needed = this.wordsUsed + more;
    if (needed <= this.words.length) return;
    const grown = new Uint32Array(Math.max(needed, Math.ceil(this.words.length * 1.5)));
    grown.set(this.words.subarray(0, this.wordsUsed));
    this.words = grown;
    this.bytes = new Uint8Array(grown.buffer);
  }

  private growTable(): void {
    this.rehash((this.mask + 1) * 2);
  }

  /** Old slots in order go to two ascending streams of the doubled table: about 10 ms at a million. */
  private rehash(slots: number): void {
    const before = this.table;
    this.table = new Uint32Array(slots * 2);
    this.mask = slots - 1;
    const { table, mask } = this;
    const wrap = (mask << 1) | 1;
    for (let i = 0; i < before.length; i += 2) {
      const record = before[i + 1]!;
      if (record === 0) continue;
      const hash = before[i]!;
      let slot = (hash & mask) << 1;
      while (table[slot + 1] !== 0) slot = (slot + 2) & wrap;
      table[slot] = hash;
      table[slot + 1] = record;
    }
  }

  private link(hash: number, record: number): void {
    const { table } = this;
    const wrap = (this.mask << 1) | 1;
    let slot = (hash & this.mask) << 1;
    while (table[slot + 1] !== 0) slot = (slot + 2) & wrap;
    table[slot] = hash;
    table[slot + 1] = record;
  }

  /** Takes a record out of the table and shifts back what had probed past it (D3). */
  private unlink(record: number): void {
    const { table, mask } = this;
    const at = record * 4 + 5;
    const hash = hashClave(this.bytes, at, at + this.bytes[at - 1]! + 1);
    let hole = hash & mask;
    while (table[hole * 2 + 1] !== record) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; table[next * 2 + 1] !== 0; next = (next + 1) & mask) {
      const home = table[next * 2]! & mask;
      // `next` may move into the hole when its home is not after the hole, going round.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      table[hole * 2] = table[next * 2]!;
      table[hole * 2 + 1] = table[next * 2 + 1]!;
      hole = next;
    }
    table[hole * 2] = 0;
    table[hole * 2 + 1] = 0;
  }
}

/** Table slots, a power of two, for `claves` within LOAD_MAX. */
function tableSlotsFor(claves: number): number {
  let slots = FIRST_TABLE_SLOTS;
  while (claves + 1 > slots * LOAD_MAX) slots *= 2;
  return slots;
}

function bug(found: string): never {
  throw new CoreCError('COREC_E_INTERNAL', { found: `clave directory: ${found}` });
}
