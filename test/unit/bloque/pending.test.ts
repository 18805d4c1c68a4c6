import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PendingMensajes, type ModoMensajes } from '#domain/bloque/pending.ts';

const SLOTS = 4;

interface Row {
  readonly slot: number;
  readonly lectura: number;
}

/** What is kept of the rows, put in one by one and taken now and then. */
function kept(modo: ModoMensajes, rows: readonly Row[], takeEvery: number, raw: boolean): number[][] {
  let frame: number[][] = [];
  const all: number[][] = [];
  const read = (columns: { slot: Uint16Array; lectura: Float32Array; tsMs: Float64Array; length: number }): void => {
    for (let k = 0; k < columns.length; k++) frame.push([columns.tsMs[k]!, columns.slot[k]!, columns.lectura[k]!]);
  };
  const pending = new PendingMensajes(modo, SLOTS, (columns) => {
    read(columns);
    return Uint8Array.of(1);
  });
  const take = (): void => {
    frame = frame.slice();
    if (raw) pending.takeRaw(read);
    else pending.take();
    all.push(...frame);
    frame = [];
  };
  rows.forEach(({ slot, lectura }, k) => {
    const columns = pending.columns(1);
    if (columns !== null) {
      const at = columns.length++;
      columns.slot[at] = slot;
      columns.tsMs[at] = k;
      columns.lectura[at] = lectura;
    }
    if ((k + 1) % takeEvery === 0) take();
  });
  take();
  assert.ok(pending.empty);
  assert.equal(pending.rawLength, 0);
  return all;
}

function changesOf(rows: readonly Row[]): number[][] {
  const before = new Map<number, number>();
  const list: number[][] = [];
  rows.forEach(({ slot, lectura }, k) => {
    if (before.get(slot) === lectura) return;
    before.set(slot, lectura);
    list.push([k, slot, lectura]);
  });
  return list;
}

const rowsOf = fc.array(fc.record({ slot: fc.nat(SLOTS - 1), lectura: fc.nat(2) }), { maxLength: 600, size: 'max' });
const takes = fc.integer({ min: 1, max: 700 });

test('of changes each is kept once, however often it is taken and however long nothing changes', () => {
  fc.assert(
    fc.property(rowsOf, takes, fc.boolean(), (rows, every, raw) => {
      assert.deepEqual(kept('cambios', rows, every, raw), changesOf(rows));
    }),
  );
});

test('all is all, in order', () => {
  fc.assert(
    fc.property(rowsOf, takes, fc.boolean(), (rows, every, raw) => {
      assert.deepEqual(
        kept('todos', rows, every, raw),
        rows.map(({ slot, lectura }, k) => [k, slot, lectura]),
      );
    }),
  );
});

test('the last of each slot is kept, once a taking', () => {
  fc.assert(
    fc.property(rowsOf, fc.boolean(), (rows, raw) => {
      const last = new Map(rows.map(({ slot, lectura }, k) => [slot, [k, slot, lectura]]));
      assert.deepEqual(
        kept('ultimo', rows, 1000, raw),
        [...last.values()].sort((a, b) => a[0]! - b[0]!),
      );
    }),
  );
});

test('nothing is nothing', () => {
  assert.deepEqual(kept('ninguno', [{ slot: 0, lectura: 1 }], 1, false), []);
});
