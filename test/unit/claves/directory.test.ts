import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bloqueOfLoc, ClaveDirectory, makeLoc, slotOfLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import { CoreCError } from '#domain/errors.ts';
import { hashClave, LecturaBatch } from '#domain/lectura/batch.ts';

const encoder = new TextEncoder();
const batchOf = (claves: readonly string[]): LecturaBatch => {
  const batch = new LecturaBatch(Math.max(1, claves.length));
  for (const clave of claves) {
    const bytes = encoder.encode(clave);
    batch.append(bytes, 0, bytes.length, 1, 0);
  }
  return batch;
};
const isBug = (part: RegExp) => (error: unknown) =>
  error instanceof CoreCError && error.code === 'COREC_E_INTERNAL' && part.test(error.message);

/** What the directory must agree with: a plain map both ways. */
function assertSame(directory: ClaveDirectory, expected: ReadonlyMap<string, number>): void {
  assert.equal(directory.size, expected.size);
  const claves = [...expected.keys()];
  const batch = batchOf(claves);
  const locs = new Uint32Array(batch.capacity);
  assert.equal(directory.lookupBatch(batch, locs), 0);
  for (const [k, clave] of claves.entries()) {
    assert.equal(locs[k], expected.get(clave));
    assert.equal(directory.lookupText(clave), expected.get(clave));
    assert.equal(directory.claveText(expected.get(clave)!), clave);
  }
  const seen = new Map<string, number>();
  directory.visitAll((loc, source, from, to) => {
    seen.set(Buffer.from(source.subarray(from, to)).toString(), loc);
  });
  assert.deepEqual(seen, new Map(expected));
}

test('a directory agrees with a plain map through any mix of binding, forgetting, moving and compacting', () => {
  const clave = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((s) => {
    const bytes = encoder.encode(s).length;
    return bytes <= 256 && Buffer.from(encoder.encode(s)).toString() === s;
  });
  const command = fc.record({
    kind: fc.constantFrom('insert', 'insert', 'insert', 'remove', 'move', 'compact'),
    clave,
    loc: fc.tuple(fc.nat(3), fc.nat(40)).map(([bloque, slot]) => makeLoc(bloque * 7, slot)),
  });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const directory = new ClaveDirectory();
      const byClave = new Map<string, number>();
      const byLoc = new Map<number, string>();
      for (const { kind, clave: text, loc } of commands) {
        const holder = byLoc.get(loc);
        if (kind === 'insert' && !byClave.has(text) && holder === undefined) {
          directory.insertText(text, loc);
          byClave.set(text, loc);
          byLoc.set(loc, text);
        } else if (kind === 'remove') {
          assert.equal(directory.remove(loc), holder !== undefined);
          if (holder !== undefined) byClave.delete(holder);
          byLoc.delete(loc);
        } else if (kind === 'move' && byClave.has(text) && holder === undefined) {
          directory.moveLoc(byClave.get(text)!, loc);
          byLoc.delete(byClave.get(text)!);
          byClave.set(text, loc);
          byLoc.set(loc, text);
        } else if (kind === 'compact') directory.compact();
      }
      assertSame(directory, byClave);
    }),
    { numRuns: 60 },
  );
});

test('ten thousand claves are found again, and unknown ones counted apart', () => {
  const directory = new ClaveDirectory();
  const expected = new Map<string, number>();
  const claves = Array.from({ length: 10_000 }, (_, i) => `host-${i % 97}/sensor-${i}`);
  const batch = batchOf(claves);
  for (let k = 0; k < claves.length; k++) {
    const loc = makeLoc(Math.floor(k / 1000), k % 1000);
    directory.insert(batch, k, loc);
    expected.set(claves[k]!, loc);
  }
  assertSame(directory, expected);
  const mixed = batchOf(claves.slice(0, 500).flatMap((clave) => [clave, `${clave}!`]));
  const locs = new Uint32Array(1000);
  assert.equal(directory.lookupBatch(mixed, locs), 500);
  for (let k = 0; k < 1000; k++) {
    if (k % 2 === 1) assert.equal(locs[k], UNKNOWN_LOC);
    else assert.equal(locs[k], expected.get(claves[k / 2]!));
  }
  assert.equal(directory.countOfBloque(3), 1000);
});

test('claves whose hashes are equal are told apart by their bytes', () => {
  // Two readings may carry one hash only by chance; here it is forced.
  const directory = new ClaveDirectory();
  const batch = batchOf(['alpha', 'bravo', 'gamma', 'delta']);
  batch.claveHash.fill(0xdeadbeef);
  for (let k = 0; k < 3; k++) directory.insert(batch, k, makeLoc(0, k));
  const locs = new Uint32Array(4);
  assert.equal(directory.lookupBatch(batch, locs), 1);
  assert.deepEqual([...locs], [0, 1, 2, UNKNOWN_LOC]);
});

test('claves that really share their 32-bit hash survive a removal between them', () => {
  const byHash = new Map<number, string>();
  const pairs: [string, string][] = [];
  for (let i = 0; pairs.length < 3 && i < 400_000; i++) {
    const clave = `${i}-${Math.imul(i, 0x9e3779b1) >>> 0}`;
    const bytes = encoder.encode(clave);
    const hash = hashClave(bytes, 0, bytes.length);
    const twin = byHash.get(hash);
    if (twin !== undefined) pairs.push([twin, clave]);
    byHash.set(hash, clave);
  }
  assert.ok(pairs.length > 0);
  const directory = new ClaveDirectory();
  for (const [r, [a, b]] of pairs.entries()) {
    directory.insertText(a, makeLoc(r, 0));
    directory.insertText(b, makeLoc(r, 1));
    directory.remove(makeLoc(r, 0));
    assert.equal(directory.lookupText(a), UNKNOWN_LOC);
    assert.equal(directory.lookupText(b), makeLoc(r, 1));
  }
});

test('claves that come and go do not grow the arena', () => {
  const directory = new ClaveDirectory();
  for (let i = 0; i < 1000; i++) directory.insertText(`pid-${10_000 + i}`, makeLoc(0, i));
  const before = directory.byteLength;
  for (let i = 0; i < 50_000; i++) {
    directory.remove(makeLoc(0, i % 1000));
    directory.insertText(`pid-${11_000 + i}`, makeLoc(0, i % 1000));
  }
  assert.equal(directory.byteLength, before);
  assert.equal(directory.waste, 0);
  assert.equal(directory.size, 1000);
});

test('compacting gives the waste back', () => {
  const directory = new ClaveDirectory();
  for (let i = 0; i < 20_000; i++) directory.insertText(`sensor-${i}`, makeLoc(i >> 10, i & 1023));
  for (let i = 0; i < 18_000; i++) directory.remove(makeLoc(i >> 10, i & 1023));
  assert.ok(directory.waste > 0.8);
  const before = directory.byteLength;
  directory.compact();
  assert.equal(directory.waste, 0);
  assert.ok(directory.byteLength < before / 2);
  for (let i = 18_000; i < 20_000; i++) assert.equal(directory.lookupText(`sensor-${i}`), makeLoc(i >> 10, i & 1023));
});

test('claves of 1 and of 256 bytes and locs past 2^31 hold', () => {
  const directory = new ClaveDirectory();
  const long = 'é'.repeat(128);
  directory.insertText('x', makeLoc(65_534, 65_535));
  directory.insertText(long, makeLoc(40_000, 0));
  assertSame(
    directory,
    new Map([
      ['x', makeLoc(65_534, 65_535)],
      [long, makeLoc(40_000, 0)],
    ]),
  );
  assert.equal(bloqueOfLoc(directory.lookupText('x')), 65_534);
  assert.equal(slotOfLoc(directory.lookupText('x')), 65_535);
});

test('a second binding of a clave or of a loc, and a clave too long, are refused', () => {
  const directory = new ClaveDirectory();
  directory.insertText('a', 1);
  assert.throws(() => directory.insertText('a', 2), isBug(/clave bound twice/));
  assert.throws(() => directory.insertText('b', 1), isBug(/loc 1 bound twice/));
  assert.throws(() => directory.insertText('c'.repeat(257), 3), isBug(/257 bytes/));
  assert.throws(() => directory.insertText('', 3), isBug(/0 bytes/));
  assert.throws(() => directory.insertText('d', UNKNOWN_LOC), isBug(/0xffffffff/));
  assert.throws(() => directory.moveLoc(9, 10), isBug(/no clave/));
  directory.insertText('e', 5);
  assert.throws(() => directory.moveLoc(1, 5), isBug(/bound twice/));
  assert.equal(directory.remove(77), false);
  assert.equal(directory.claveText(77), null);
  assertSame(
    directory,
    new Map([
      ['a', 1],
      ['e', 5],
    ]),
  );
});
