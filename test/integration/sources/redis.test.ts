/** A stream as a source, over the bus in the process: what is read, what is acknowledged, and what a kill leaves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { RedisSource, type RedisSourceConfig } from '#adapters/sources/redis/redis-source.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import type { SourcePosition } from '#ports/source.ts';
import type { StreamBus, StreamFields } from '#ports/stream-bus.ts';
import { lecturasOfBatch, type Parsed } from '../../unit/mapeo/parse.ts';
import { Notes, readAll, readCount } from './source-run.ts';

const GROUP = 'corec:t';
const TS = 1_700_000_000_000;

function makeWorld(bus: StreamBus = new MemoryBus({ clock: makeSystemClock() })) {
  const notes = new Notes();
  const make = (config: Partial<RedisSourceConfig> = {}, consumer = 'c1'): RedisSource =>
    new RedisSource({ stream: 's', ...config }, { bus, consumer, group: GROUP, ...notes.deps });
  const open = async (config?: Partial<RedisSourceConfig>, position: SourcePosition | null = null) => {
    const source = make(config);
    await source.open(position);
    return source;
  };
  const send = (...list: StreamFields[]) => bus.appendAll('s', list);
  const pending = async () => (await bus.pending('s', GROUP)).count;
  return { bus, notes, make, open, send, pending };
}

const told = (lecturas: readonly Parsed[]): string[] => lecturas.map(({ clave, valor }) => `${clave}=${valor}`);

describe('entries of a stream as lecturas', () => {
  test('their fields are a record, numbers as text included', async () => {
    const { open, send } = makeWorld();
    await send(
      { sensor: 'a', temp: '21.5', ts: String(TS) },
      { sensor: '007', temp: '-3e2', ts: '2023-11-14T22:13:20Z' },
    );
    const source = await open({ mapeo: { clave: 'sensor', valor: 'temp', ts: 'ts' } });
    const lecturas = await readCount(source, 2);
    assert.deepEqual(told(lecturas), ['a=21.5', '007=-300']);
    assert.deepEqual(
      lecturas.map(({ tsMs }) => tsMs),
      [TS, TS],
    );
  });

  test('the field data holds an object, a list of them, NDJSON or one over several lines, as text or bytes', async () => {
    const { open, send } = makeWorld();
    const row = (clave: string, valor: number) => ({ clave, valor, ts: TS });
    const text = JSON.stringify(row('a', 1));
    await send(
      { data: text },
      { data: new TextEncoder().encode(JSON.stringify(row('b', 2))) },
      { data: JSON.stringify([row('c', 3), row('d', 4)]) },
      { data: `${JSON.stringify(row('e', 5))}\n${JSON.stringify(row('f', 6))}\n` },
      { data: JSON.stringify(row('g', 7), null, 2), other: 'is not looked at' },
      { data: new TextEncoder().encode(JSON.stringify([row('ñ', 8)])) },
    );
    const lecturas = await readCount(await open(), 8);
    assert.deepEqual(told(lecturas), ['a=1', 'b=2', 'c=3', 'd=4', 'e=5', 'f=6', 'g=7', 'ñ=8']);
  });

  test('a lectura without a time gets that of its entry, whenever it is read', async () => {
    const { open, send } = makeWorld();
    const ids = await send(
      { clave: 'a', valor: '1' },
      { clave: 'b', valor: '2', ts: String(TS) },
      { clave: 'c', valor: '3' },
    );
    const lecturas = await readCount(await open(), 3);
    assert.deepEqual(
      lecturas.map(({ tsMs }) => tsMs),
      [Number(ids[0]!.split('-')[0]), TS, Number(ids[2]!.split('-')[0])],
    );
  });

  test('what is no record is refused, by entry, and the next one is read', async () => {
    const { open, send, notes, pending } = makeWorld();
    const ids = await send(
      { data: 'hello' },
      { data: '' },
      { data: '[1,2]' },
      { data: Uint8Array.of(0xff, 0x00) },
      { clave: 'a', valor: '1' },
      { clave: 'a', valor: 'much' },
      { valor: '1' },
      { data: `{"clave":"b","valor":2}\nnonsense\n{"clave":"c","valor":3}` },
      { data: 'z'.repeat(17 * 1024 * 1024) },
      { clave: 'd', valor: '4' },
    );
    const source = await open();
    const lecturas = await readCount(source, 4);
    assert.deepEqual(told(lecturas), ['a=1', 'b=2', 'c=3', 'd=4']);
    assert.deepEqual(
      [...new Set(notes.refused.map(({ where }) => where.split(/[,:]/)[0]))],
      [0, 1, 2, 3, 5, 6, 7, 8].map((k) => ids[k]),
    );
    assert.deepEqual([...new Set(notes.refused.map(({ reason }) => reason))].toSorted(), [
      'bad_valor',
      'malformed',
      'no_clave',
      'too_long',
    ]);
    assert.ok(notes.refused.every(({ row, source: id }) => row.length <= 5000 && id === `redis:s:${GROUP}`));
    await source.committed(source.position());
    assert.equal(await pending(), 0, 'they do not come again');
    assert.equal(source.progress().refused, notes.refused.length);
  });

  test('a mapping that cannot be told, or is for other rows, is a clear error', async () => {
    const { open, send } = makeWorld();
    await send({ name: 'x', text: 'y' });
    await assert.rejects(readAll(await open()), { code: 'COREC_E_MAPPING' });
    await assert.rejects(open({ mapeo: { formato: 'csv' } }), { code: 'COREC_E_MAPPING' });
  });

  test('a group that is new begins with the oldest entry, or with what comes next', async () => {
    const one = makeWorld();
    await one.send({ clave: 'old', valor: '1' });
    assert.deepEqual(told((await readAll(await one.open())).lecturas), ['old=1']);
    const two = makeWorld();
    await two.send({ clave: 'old', valor: '1' });
    const source = await two.open({ desde: 'ahora' });
    await two.send({ clave: 'new', valor: '2' });
    assert.deepEqual(told((await readAll(source)).lecturas), ['new=2']);
  });
});

describe('acknowledging', () => {
  test('comes with the epoch that holds an entry, and not before', async () => {
    const { open, send, pending } = makeWorld();
    await send(...['a', 'b', 'c'].map((clave) => ({ clave, valor: '1' })));
    const source = await open();
    await readAll(source);
    const position = source.position();
    assert.equal(await pending(), 3);
    await send({ clave: 'd', valor: '1' });
    await readAll(source);
    await source.committed(position);
    assert.equal(await pending(), 1);
    await source.close();
    await source.committed(source.position());
    assert.equal(await pending(), 0, 'the last epoch comes after the close');
  });

  test('is tried again with the next epoch when the stream is away', async () => {
    const inner = new MemoryBus({ clock: makeSystemClock() });
    let isAway = false;
    const bus = new Proxy(inner, {
      get: (target, name: keyof StreamBus) =>
        name === 'ack' && isAway
          ? () => Promise.reject(new Error('away'))
          : (target[name] as (...args: unknown[]) => unknown).bind(target),
    });
    const { open, send, pending } = makeWorld(bus);
    await send({ clave: 'a', valor: '1' });
    const source = await open();
    await readAll(source);
    isAway = true;
    await source.committed(source.position());
    assert.equal(await pending(), 1);
    isAway = false;
    await source.committed(source.position());
    assert.equal(await pending(), 0);
  });

  test('what waits for it is bounded: an epoch is asked for, then nothing more is read', async () => {
    const { open, send } = makeWorld();
    for (let k = 0; k < 70; k++) await send(...Array.from({ length: 1000 }, () => ({ clave: 'a', valor: '1' })));
    const source = await open();
    const batch = new LecturaBatch(8192);
    let count = 0;
    while ((await source.read(batch)).kind === 'more') {
      count += batch.length;
      batch.clear();
      assert.equal(source.wantsEpoch, count >= 16_384);
    }
    assert.ok(count >= 65_536 && count < 70_000, `${count}`);
    await source.committed(source.position());
    assert.equal(source.wantsEpoch, false);
    assert.equal(count + (await readAll(source, 8192)).lecturas.length, 70_000);
  });
});

describe('a kill', () => {
  test('before the first epoch: all that was delivered is read again', async () => {
    const { open, send, pending } = makeWorld();
    await send(...Array.from({ length: 300 }, (_, k) => ({ clave: 'a', valor: String(k) })));
    await readCount(await open(), 200);
    const again = await open();
    assert.deepEqual(
      told((await readAll(again)).lecturas),
      Array.from({ length: 300 }, (_, k) => `a=${k}`),
    );
    await again.committed(again.position());
    await readAll(again);
    await again.committed(again.position());
    assert.equal(await pending(), 0);
  });

  test('between commit and acknowledgement: nothing is read again, and it is acknowledged then', async () => {
    const { open, send, pending } = makeWorld();
    await send(...Array.from({ length: 300 }, (_, k) => ({ clave: 'a', valor: String(k) })));
    const first = await open();
    await readAll(first);
    const position = first.position();
    const again = await open({}, position);
    assert.equal(await pending(), 0);
    await send({ clave: 'b', valor: '1' });
    assert.deepEqual(told((await readAll(again)).lecturas), ['b=1']);
  });

  test('anywhere, again and again: every lectura of every entry is in exactly one epoch', async () => {
    let seed = 11;
    const draw = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const { open, send, pending, notes } = makeWorld();
    let sent = 0;
    const sendSome = async (): Promise<void> => {
      const list: StreamFields[] = [];
      for (let k = draw(40); k >= 0; k--) {
        const kind = draw(4);
        if (kind === 0) list.push({ clave: 'x', valor: String(sent++), ts: String(TS) });
        else if (kind === 1) list.push({ data: JSON.stringify({ clave: 'x', valor: sent++, ts: TS }) });
        else if (kind === 2) {
          const rows = Array.from({ length: 1 + draw(30) }, () => ({ clave: 'x', valor: sent++, ts: TS }));
          list.push({ data: draw(2) === 0 ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join('\n') });
        } else list.push({ data: 'rubbish' });
      }
      await send(...list);
    };
    const stored: number[] = [];
    let waiting: number[] = [];
    let kept: SourcePosition | null = null;
    let source = await open();
    for (let step = 0; step < 1500; step++) {
      const what = draw(20);
      if (what < 6) await sendSome();
      else if (what < 15) {
        const batch = new LecturaBatch(1 + draw(25));
        if ((await bounded(source, batch)) === 'end') assert.fail('it ended');
        waiting.push(...lecturasOfBatch(batch).map(({ valor }) => valor));
      } else if (what < 18) {
        kept = source.position();
        stored.push(...waiting);
        waiting = [];
        // killed before it could acknowledge, sometimes
        if (draw(3) > 0) await source.committed(kept);
      } else if (what === 18) {
        waiting = [];
        source = await open({}, kept);
      } else {
        // the streams were away for a while: the same process opens again where it was
        const position = source.position();
        await source.close();
        await source.open(position);
      }
    }
    for (;;) {
      const { lecturas } = await readAll(source);
      if (lecturas.length === 0) break;
      waiting.push(...lecturas.map(({ valor }) => valor));
    }
    stored.push(...waiting);
    await source.committed(source.position());
    await readAll(source);
    await source.committed(source.position());
    assert.deepEqual(
      stored,
      Array.from({ length: sent }, (_, k) => k),
    );
    assert.equal(await pending(), 0);
    assert.ok(notes.refused.every(({ row }) => row === 'rubbish'));
  });

  /** One read, without waiting for what may come. */
  async function bounded(source: RedisSource, batch: LecturaBatch): Promise<string> {
    const state = await source.read(batch);
    return state.kind;
  }

  test('half-way through an entry of many rows: the rest of it comes, and no row twice', async () => {
    const { open, send } = makeWorld();
    const rows = Array.from({ length: 50 }, (_, k) => ({ id: 'x', ts: TS, a: k, b: k + 0.5 }));
    await send({ data: JSON.stringify(rows) }, { data: JSON.stringify({ id: 'y', ts: TS, a: 1, b: 2 }) });
    const mapeo = { clave: 'id', valor: ['a', 'b'], ts: 'ts' };
    for (let cut = 1; cut < 100; cut += 7) {
      const world = makeWorld();
      await world.send({ data: JSON.stringify(rows) }, { data: JSON.stringify({ id: 'y', ts: TS, a: 1, b: 2 }) });
      const first = await world.open({ mapeo });
      const batch = new LecturaBatch(cut);
      await first.read(batch);
      const before = told(lecturasOfBatch(batch));
      const second = await world.open({ mapeo }, first.position());
      const all = [...before, ...told((await readAll(second)).lecturas)];
      assert.deepEqual(
        all,
        [...rows.flatMap(({ a, b }) => [`x/a=${a}`, `x/b=${b}`]), 'y/a=1', 'y/b=2'],
        `cut at ${cut}`,
      );
    }
    await (await open({ mapeo })).close();
  });

  test('does not change what the mapping was told to be', async () => {
    const { open, send } = makeWorld();
    await send(...Array.from({ length: 30 }, (_, k) => ({ sensor: `s${k % 3}`, temp: String(k), ts: String(TS + k) })));
    const first = await open();
    assert.equal((await readCount(first, 30))[0]!.clave, 's0');
    await send({ sensor: 's1', temp: '5', hum: '7', ts: String(TS) });
    const again = await open({}, first.position());
    assert.deepEqual(told((await readAll(again)).lecturas), ['s1=5']);
  });

  test('entries that were delivered and trimmed since are counted and told', async () => {
    const bus = new MemoryBus({ clock: makeSystemClock(), maxlen: 5, isExact: true });
    const { open, send, notes, pending } = makeWorld(bus);
    await send(...Array.from({ length: 5 }, (_, k) => ({ clave: 'a', valor: String(k) })));
    const first = await open();
    await readAll(first);
    const position = null;
    await send(...Array.from({ length: 3 }, (_, k) => ({ clave: 'b', valor: String(k) })));
    const again = await open({}, position);
    assert.deepEqual(told((await readAll(again)).lecturas), ['a=3', 'a=4', 'b=0', 'b=1', 'b=2']);
    await again.committed(again.position());
    assert.ok(notes.said.some((text) => text.includes('trimmed away')));
    assert.equal(await pending(), 0);
  });

  test('a group that is gone while it is read is made anew, and what was dealt with is passed over', async () => {
    const clock = makeSystemClock();
    let inner = new MemoryBus({ clock });
    const bus = new Proxy({} as StreamBus, {
      get: (_, name: keyof StreamBus) => (inner[name] as (...args: unknown[]) => unknown).bind(inner),
    });
    const { open, send, notes } = makeWorld(bus);
    await send({ clave: 'a', valor: '1' });
    const source = await open();
    await readCount(source, 1);
    // not in the millisecond of the first: its id would be that of an entry that was dealt with
    inner = new MemoryBus({ clock: { ...clock, nowMs: () => clock.nowMs() + 1000 } });
    await send({ clave: 'b', valor: '2' });
    assert.deepEqual(told(await readCount(source, 1)), ['b=2']);
    assert.ok(notes.said.some((text) => text.includes('made anew')));
  });

  test('a close ends a read that waits', async () => {
    const { open } = makeWorld();
    const source = await open();
    const reading = source.read(new LecturaBatch(10));
    await source.close();
    assert.deepEqual(await reading, { kind: 'end' });
  });
});
