/** What every BloqueStore promises (src/ports/bloque-store.ts), whatever it is made of. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test, type TestContext } from 'node:test';
import type {
  AlertaRow,
  BloqueRow,
  BloqueStore,
  ComandoRow,
  EpochCommit,
  EstadoClase,
  EstadoRow,
} from '#ports/bloque-store.ts';

/** A store's place for one instance: `begin` gives a new store over it, not yet opened. */
export interface StorePlace {
  begin(): BloqueStore;
}

/** Fills by a simple generator, so that values are not compressible and can be told apart. */
export function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = (seed + 1) * 2654435761;
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

export const NOON_MS = Date.UTC(2025, 3, 10, 12);

export function makeCommit(epoca: number, given: Partial<EpochCommit> = {}): EpochCommit {
  const scheduledMs = NOON_MS + epoca * 30_000;
  return { epoca, scheduledMs, estado: [], estadoDeleted: [], bloques: [], alertas: [], comandos: [], ...given };
}

export function makeBloqueRow(id: string, timestampMs: number, given: Partial<BloqueRow> = {}): BloqueRow {
  return {
    id,
    canal: 1,
    numEntidades: 1000,
    fitness: 0.5,
    timestampS: timestampMs / 1000,
    mensajes: null,
    codec: null,
    ...given,
  };
}

export function makeAlerta(id: string, given: Partial<AlertaRow> = {}): AlertaRow {
  return {
    id,
    bloque: 'host/0',
    canal: 4,
    clave: 'cpu.user',
    regla: 'umbral',
    abiertaMs: NOON_MS,
    actualizadaMs: NOON_MS + 1000,
    cerradaMs: null,
    valor: 0.75,
    lectura: 98.5,
    esperadoMin: 10,
    esperadoMax: null,
    razon: { codigo: 'sobre', limite: 90, unidad: null },
    lecturas: 3,
    ...given,
  };
}

export function makeComando(id: string, given: Partial<ComandoRow> = {}): ComandoRow {
  return {
    id,
    nombre: 'silence',
    puerta: 'http',
    argumentos: { clave: 'a*', n: 1.5 },
    efecto: { b: [1, 'ñ', null], a: true },
    respuesta: { ok: true },
    timestampMs: NOON_MS,
    epoca: 1,
    ...given,
  };
}

/** Everything stored, by class and id. */
export async function loadAll(store: BloqueStore, clases: readonly EstadoClase[]): Promise<Map<string, Buffer>> {
  const all = new Map<string, Buffer>();
  for await (const batch of store.loadEstado(clases)) {
    for (const { clase, id, datos } of batch) {
      assert.ok(!all.has(`${clase} ${id}`), `${clase} ${id} came twice`);
      all.set(`${clase} ${id}`, Buffer.from(datos));
    }
  }
  return all;
}

const CLASES: readonly EstadoClase[] = [
  'nucleus',
  'catalogo',
  'columnas',
  'claves',
  'inbox',
  'episodios',
  'fuente',
  'lotes',
  'modulo',
];
const keysOf = (map: ReadonlyMap<string, unknown>): string[] => [...map.keys()].toSorted();

function assertSame(found: ReadonlyMap<string, Buffer>, expected: ReadonlyMap<string, Uint8Array>): void {
  assert.deepEqual(keysOf(found), keysOf(expected));
  for (const [key, datos] of expected) assert.equal(Buffer.compare(found.get(key)!, datos), 0, `bytes of ${key}`);
}

/** `onDone` is told how many tests ran. */
export function bloqueStoreSuite(
  name: string,
  makePlace: (t: TestContext) => Promise<StorePlace>,
  onDone: (tests: number) => void = () => undefined,
): void {
  describe(`bloque store contract: ${name}`, () => {
    let tests = 0;
    afterEach(() => void tests++);
    after(() => onDone(tests));

    async function openStore(t: TestContext, place: StorePlace): Promise<BloqueStore> {
      const store = place.begin();
      await store.open();
      t.after(() => store.close());
      return store;
    }
    const freshStore = async (t: TestContext): Promise<BloqueStore> => openStore(t, await makePlace(t));

    test('an empty store has no epoch and answers every question with nothing', async (t) => {
      const store = await freshStore(t);
      assert.equal(await store.lastEpoch(), 0);
      assert.equal((await loadAll(store, CLASES)).size, 0);
      assert.equal(await store.readEstado('columnas', 'a/0'), null);
      assert.equal(await store.findComando('x'), null);
      assert.deepEqual(await store.comandosAfter(0), []);
      assert.deepEqual(await store.queryAlertas({ limit: 10, orden: 'tiempo' }), []);
      assert.deepEqual(await store.queryBloques({ bloque: 'a/0', limit: 10, conMensajes: true }), []);
      const health = await store.health();
      assert.equal(health.ok, true);
      assert.ok(health.bytes! > 0);
      assert.match(health.version!, /^\d+/);
    });

    test('an epoch is found whole by the next process', async (t) => {
      const place = await makePlace(t);
      const first = place.begin();
      await first.open();
      const mensajes = bytesOf(3000, 1);
      const commit = makeCommit(1, {
        estado: [
          { clase: 'nucleus', id: '', datos: bytesOf(10, 2) },
          { clase: 'columnas', id: 'a/0', datos: bytesOf(30_000, 3) },
          { clase: 'claves', id: 'a/0', datos: new Uint8Array(0) },
        ],
        bloques: [
          makeBloqueRow('a/0', NOON_MS + 30_000, { fitness: 0.25, canal: 3, mensajes, codec: 'columnas+zstd3' }),
        ],
        alertas: [makeAlerta('e1')],
        comandos: [makeComando('c1')],
      });
      const result = await first.commitEpoch(commit);
      assert.deepEqual(result, { already: false, bytes: 33_010 });
      await first.close();

      const second = await openStore(t, place);
      assert.equal(await second.lastEpoch(), 1);
      const rows = new Map([...commit.estado].map(({ clase, id, datos }) => [`${clase} ${id}`, datos]));
      assertSame(await loadAll(second, CLASES), rows);
      assert.deepEqual(keysOf(await loadAll(second, ['claves', 'nucleus'])), ['claves a/0', 'nucleus ']);
      assert.deepEqual(await loadAll(second, []), new Map());
      const columnas = await second.readEstado('columnas', 'a/0');
      assert.equal(Buffer.compare(columnas!, bytesOf(30_000, 3)), 0);
      assert.equal((await second.readEstado('claves', 'a/0'))!.length, 0);
      const [bloque] = await second.queryBloques({ bloque: 'a/0', limit: 1, conMensajes: true });
      assert.deepEqual(
        { ...bloque, mensajes: new Uint8Array(bloque!.mensajes!) },
        (await Array.fromAsync(commit.bloques))[0],
      );
      assert.deepEqual(await second.queryAlertas({ limit: 1, orden: 'tiempo' }), [
        { ...makeAlerta('e1'), reconocidaMs: null, reconocidaPor: null },
      ]);
      assert.deepEqual(await second.findComando('c1'), makeComando('c1'));
      assert.match((await second.health()).found, /epoch 1 /);
    });

    test('the same epoch again, or an older one, changes nothing and says so', async (t) => {
      const store = await freshStore(t);
      const give = (seed: number): Partial<EpochCommit> => ({
        estado: [{ clase: 'columnas', id: 'a/0', datos: bytesOf(100, seed) }],
        bloques: [makeBloqueRow('a/0', NOON_MS + seed)],
        alertas: [makeAlerta('e1', { valor: seed })],
        comandos: [makeComando('c1', { respuesta: seed })],
      });
      assert.equal((await store.commitEpoch(makeCommit(7, give(1)))).already, false);
      for (const epoca of [7, 6]) {
        const again = await store.commitEpoch(makeCommit(epoca, give(2)));
        assert.deepEqual(again, { already: true, bytes: 0 });
      }
      assert.equal(await store.lastEpoch(), 7);
      assertSame(await loadAll(store, CLASES), new Map([['columnas a/0', bytesOf(100, 1)]]));
      assert.equal((await store.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 1);
      assert.equal((await store.queryAlertas({ limit: 9, orden: 'valor' }))[0]!.valor, 1);
      assert.equal((await store.findComando('c1'))!.respuesta, 1);
    });

    test('epochs that rewrite all, much or little, and delete, leave exactly the newest of everything', async (t) => {
      const place = await makePlace(t);
      let store = await openStore(t, place);
      const model = new Map<string, Uint8Array>();
      let seed = 99;
      const draw = (below: number): number => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      const lengths = [0, 1, 7999, 8000, 8001, 16_500, 40_000, 70_000, 300_000];
      // Shares of 60 bloques rewritten in each epoch; 60 are about 3 MB.
      const shares = [1, 1, 1, 0.02, 0.5, 1, 0.9, 0.7, 0.02, 0.02, 1, 1, 0.6, 0.6, 0.6, 1, 1];
      for (const [i, share] of shares.entries()) {
        const epoca = i + 1;
        const rows: EstadoRow[] = [];
        for (let b = 0; b < 60; b++) {
          if (draw(1000) >= share * 1000) continue;
          const length = draw(4) === 0 ? lengths[draw(lengths.length)]! : 30_000 + draw(50_000);
          rows.push({ clase: 'columnas', id: `a/${b}`, datos: bytesOf(length, seed) });
          if (draw(5) === 0) rows.push({ clase: 'claves', id: `a/${b}`, datos: bytesOf(20_000, seed) });
        }
        rows.push({ clase: 'nucleus', id: '', datos: bytesOf(200, epoca) });
        const deleted = (['columnas', 'claves'] as const)
          .map((clase) => ({ clase, id: `a/${draw(60)}` }))
          .filter(({ clase, id }) => !rows.some((row) => row.clase === clase && row.id === id));
        // Lazily, as the nucleus gives them.
        const lazily = function* (): Generator<EstadoRow> {
          yield* rows;
        };
        await store.commitEpoch(makeCommit(epoca, { estado: lazily(), estadoDeleted: deleted }));
        for (const { clase, id, datos } of rows) model.set(`${clase} ${id}`, datos);
        for (const { clase, id } of deleted) model.delete(`${clase} ${id}`);
        if (i % 5 === 4) {
          assertSame(await loadAll(store, CLASES), model);
          await store.close();
          store = await openStore(t, place);
          assert.equal(await store.lastEpoch(), epoca);
        }
      }
      assertSame(await loadAll(store, CLASES), model);
    });

    test('an epoch whose rows cannot be produced leaves nothing behind, and the store goes on', async (t) => {
      const store = await freshStore(t);
      await store.commitEpoch(makeCommit(1, { estado: [{ clase: 'columnas', id: 'a/0', datos: bytesOf(9, 1) }] }));
      const broken = function* (): Generator<EstadoRow> {
        for (let i = 0; i < 100; i++) yield { clase: 'columnas', id: `a/${i}`, datos: bytesOf(50_000, 2) };
        throw new Error('a bloque vanished');
      };
      const failing = makeCommit(2, { estado: broken(), alertas: [makeAlerta('e1')] });
      await assert.rejects(store.commitEpoch(failing), /a bloque vanished/);
      assert.equal(await store.lastEpoch(), 1);
      assertSame(await loadAll(store, CLASES), new Map([['columnas a/0', bytesOf(9, 1)]]));
      const brokenBloques = function* (): Generator<BloqueRow> {
        yield makeBloqueRow('a/0', NOON_MS, { mensajes: bytesOf(600_000, 3), codec: 'x' });
        throw new Error('another vanished');
      };
      await assert.rejects(store.commitEpoch(makeCommit(2, { bloques: brokenBloques() })), /another vanished/);
      const twice: EstadoRow[] = [1, 2].map((seed) => ({ clase: 'nucleus', id: '', datos: bytesOf(5, seed) }));
      await assert.rejects(store.commitEpoch(makeCommit(2, { estado: twice })), /twice/);
      assert.equal((await store.commitEpoch(makeCommit(2))).already, false);
      assert.equal((await store.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 0);
      assert.equal((await store.queryAlertas({ limit: 9, orden: 'tiempo' })).length, 0);
    });

    test('leaving loadEstado in the middle does no harm', async (t) => {
      const store = await freshStore(t);
      const rows: EstadoRow[] = Array.from({ length: 100 }, (_, i) => ({
        clase: 'columnas',
        id: `a/${i}`,
        datos: bytesOf(50_000, i),
      }));
      await store.commitEpoch(makeCommit(1, { estado: rows }));
      for (let i = 0; i < 6; i++) {
        for await (const batch of store.loadEstado(['columnas'])) {
          assert.ok(batch.length > 0 && batch.length < 100, 'comes in batches');
          break;
        }
      }
      assert.equal((await loadAll(store, ['columnas'])).size, 100);
      await store.commitEpoch(makeCommit(2, { estado: rows }));
      assert.equal((await loadAll(store, ['columnas'])).size, 100);
    });

    test('bloque rows come newest first, between times, with their mensajes only when asked', async (t) => {
      const store = await freshStore(t);
      const lengths = [0, 1, 4000, 9000, 700_000];
      for (const [i, length] of lengths.entries()) {
        const timestampMs = NOON_MS + i * 30_000;
        await store.commitEpoch(
          makeCommit(i + 1, {
            bloques: [
              makeBloqueRow('a/0', timestampMs, { mensajes: bytesOf(length, i), codec: 'json+zstd3', fitness: i / 8 }),
              makeBloqueRow('a/1', timestampMs, { canal: 5 }),
            ],
          }),
        );
      }
      const all = await store.queryBloques({ bloque: 'a/0', limit: 100, conMensajes: true });
      assert.deepEqual(
        all.map((row) => row.mensajes!.length),
        lengths.toReversed(),
      );
      for (const [i, row] of all.toReversed().entries()) {
        assert.equal(Buffer.compare(row.mensajes!, bytesOf(lengths[i]!, i)), 0);
        assert.equal(row.fitness, i / 8);
        assert.equal(row.timestampS, (NOON_MS + i * 30_000) / 1000);
      }
      const newest = await store.queryBloques({ bloque: 'a/0', limit: 2, conMensajes: false });
      assert.deepEqual(
        newest.map(({ timestampS, mensajes }) => [timestampS * 1000 - NOON_MS, mensajes]),
        [
          [120_000, null],
          [90_000, null],
        ],
      );
      const between = await store.queryBloques({
        bloque: 'a/1',
        desdeMs: NOON_MS + 30_000,
        hastaMs: NOON_MS + 90_000,
        limit: 9,
        conMensajes: false,
      });
      assert.deepEqual(
        between.map((row) => row.timestampS * 1000 - NOON_MS),
        [60_000, 30_000],
      );
    });

    test('mensajes of any length leave room for what stands beside them', async (t) => {
      const store = await openStore(t, await makePlace(t));
      // around where a sender's buffers end
      const lengths = Array.from({ length: 64 }, (_, k) => 192 * 1024 - 260 + 4 * k);
      for (const [k, length] of lengths.entries()) {
        const row = makeBloqueRow('a/0', NOON_MS + (k + 1) * 30_000, {
          mensajes: bytesOf(length, k),
          codec: 'columnas+zstd3',
        });
        await store.commitEpoch(makeCommit(k + 1, { bloques: [row] }));
      }
      const rows = await store.queryBloques({ bloque: 'a/0', limit: 100, conMensajes: true });
      assert.deepEqual(
        rows.map((row) => row.mensajes?.length),
        lengths.toReversed(),
      );
      assert.ok(rows.every((row) => row.codec === 'columnas+zstd3'));
    });

    test('no bloque row is lost to a clock set back or a month long past or to come', async (t) => {
      const store = await freshStore(t);
      const times = [
        NOON_MS,
        NOON_MS,
        NOON_MS - 3_600_000,
        NOON_MS,
        Date.UTC(1999, 11, 31, 23, 59, 59, 999),
        Date.UTC(2088, 1, 29),
      ];
      for (const [i, timestampMs] of times.entries()) {
        await store.commitEpoch(
          makeCommit(i + 1, {
            bloques: [
              makeBloqueRow('a/0', timestampMs, { mensajes: bytesOf(10, i), codec: 'x' }),
              makeBloqueRow('a/1', timestampMs),
              // The same bloque twice at one instant.
              makeBloqueRow('a/1', timestampMs, { fitness: 1 }),
            ],
          }),
        );
      }
      const rows = await store.queryBloques({ bloque: 'a/0', limit: 100, conMensajes: true });
      assert.equal(rows.length, times.length);
      const seeds = rows.map((row) => times.findIndex((_, i) => Buffer.compare(row.mensajes!, bytesOf(10, i)) === 0));
      assert.deepEqual(seeds, [5, 3, 1, 0, 2, 4]);
      for (const [i, row] of rows.entries()) {
        const asked = times[seeds[i]!]!;
        assert.ok(row.timestampS * 1000 - asked < 10, `${row.timestampS} is far from ${asked / 1000}`);
      }
      const others = await store.queryBloques({ bloque: 'a/1', limit: 100, conMensajes: false });
      assert.equal(others.length, 2 * times.length);
      assert.equal(others.filter((row) => row.fitness === 1).length, times.length);
    });

    test('an alerta is one row that follows its episodio', async (t) => {
      const store = await freshStore(t);
      const opened = makeAlerta('e1');
      const closed = makeAlerta('e1', {
        cerradaMs: NOON_MS + 5000,
        valor: 0.9,
        lectura: null,
        lecturas: 77,
        razon: {},
      });
      await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1', { valor: 0.1 }), opened, makeAlerta('e2')] }));
      await store.commitEpoch(makeCommit(2, { alertas: [closed] }));
      const [first, second] = await store.queryAlertas({ clave: 'cpu.user', limit: 9, orden: 'valor' });
      assert.deepEqual(first, { ...closed, reconocidaMs: null, reconocidaPor: null });
      assert.deepEqual(second, { ...makeAlerta('e2'), reconocidaMs: null, reconocidaPor: null });
      const many = Array.from({ length: 2500 }, (_, i) => makeAlerta(`m${i}`, { clave: `m.${i}`, lecturas: i }));
      await store.commitEpoch(makeCommit(3, { alertas: many }));
      assert.equal((await store.queryAlertas({ clave: 'm.*', limit: 9999, orden: 'tiempo' })).length, 2500);
    });

    test('alertas are found by clave, bloque, state and time, in the order asked', async (t) => {
      const store = await freshStore(t);
      const minute = 60_000;
      await store.commitEpoch(
        makeCommit(1, {
          alertas: [
            makeAlerta('a', { clave: 'cpu.user', abiertaMs: NOON_MS, cerradaMs: NOON_MS + minute, valor: 0.5 }),
            makeAlerta('b', { clave: 'cpu.sys', bloque: 'host/1', abiertaMs: NOON_MS + 2 * minute, valor: 0.9 }),
            makeAlerta('c', { clave: '100%_a\\b', bloque: 'hosts/0', abiertaMs: NOON_MS + 3 * minute, valor: 0.7 }),
            makeAlerta('d', { clave: '', bloque: 'other', abiertaMs: NOON_MS + 4 * minute, valor: 0.6 }),
          ],
        }),
      );
      const ids = async (query: object): Promise<string> =>
        (await store.queryAlertas({ limit: 100, orden: 'tiempo', ...query })).map((row) => row.id).join('');
      assert.equal(await ids({}), 'dcba');
      assert.equal(await ids({ orden: 'valor' }), 'bcda');
      assert.equal(await ids({ limit: 2 }), 'dc');
      assert.equal(await ids({ clave: 'cpu.user' }), 'a');
      assert.equal(await ids({ clave: 'cpu.*' }), 'ba');
      assert.equal(await ids({ clave: 'cpu.s?s' }), 'b');
      assert.equal(await ids({ clave: '*%_a\\*' }), 'c');
      assert.equal(await ids({ clave: '%' }), '');
      assert.equal(await ids({ clave: '' }), 'd');
      assert.equal(await ids({ bloque: 'host/1' }), 'b');
      assert.equal(await ids({ bloque: 'host' }), 'ba', 'an entry of the configuration stands for its bloques');
      assert.equal(await ids({ reglas: ['umbral'] }), 'dcba');
      assert.equal(await ids({ reglas: ['other'] }), '');
      assert.equal(await ids({ abiertas: true }), 'dcb');
      assert.equal(await ids({ abiertas: false }), 'a');
      assert.equal(await ids({ desdeMs: NOON_MS + minute, hastaMs: NOON_MS + 3 * minute }), 'b', 'opened then');
      assert.equal(await ids({ desdeMs: NOON_MS + minute + 1, hastaMs: NOON_MS + 3 * minute + 1 }), 'cb');
    });

    test('alertas come in the order of their ends, and from a place on', async (t) => {
      const store = await freshStore(t);
      const at = (id: string, abiertaMs: number, cerradaMs: number | null): AlertaRow =>
        makeAlerta(id, { abiertaMs: NOON_MS + abiertaMs, cerradaMs: cerradaMs === null ? null : NOON_MS + cerradaMs });
      const alertas = [at('B', 0, 50), at('a', 0, 10), at('c', 1, 10), at('d', 2, null), at('e', 3, 40)];
      await store.commitEpoch(makeCommit(1, { alertas }));
      const ids = async (query: object): Promise<string> =>
        (await store.queryAlertas({ limit: 100, orden: 'cierre', ...query })).map((row) => row.id).join('');
      assert.equal(await ids({}), 'Beac', 'none that is open');
      assert.equal(await ids({ desdeMs: NOON_MS + 11, hastaMs: NOON_MS + 50 }), 'e', 'closed then');
      assert.equal(await ids({ desdeLugar: { ms: NOON_MS + 40, id: '' } }), 'eac');
      assert.equal(await ids({ desdeLugar: { ms: NOON_MS + 10, id: 'b' } }), 'c');
      assert.equal(await ids({ orden: 'tiempo' }), 'edcBa', 'of one moment by the bytes of their ids');
      assert.equal(await ids({ orden: 'tiempo', desdeLugar: { ms: NOON_MS, id: 'B' } }), 'Ba');
      assert.equal(await ids({ orden: 'tiempo', desdeLugar: { ms: NOON_MS, id: 'C' }, limit: 1 }), 'a');
    });

    test('comandos are found by name and time, newest first, from a place on', async (t) => {
      const store = await freshStore(t);
      const row = (id: string, ms: number, nombre: string): ComandoRow =>
        makeComando(id, { timestampMs: NOON_MS + ms, nombre });
      const rows = [row('c', 1, 'pause'), row('B', 1, 'ack'), row('a', 1, 'ack'), row('d', 0.5, 'pause')];
      await store.commitEpoch(makeCommit(1, { comandos: rows }));
      await store.commitComandos([{ row: row('e', 2, 'resume') }]);
      const ids = async (query: object): Promise<string> =>
        (await store.queryComandos({ limit: 100, ...query })).map(({ id }) => id).join('');
      assert.equal(await ids({}), 'eBacd');
      assert.equal(await ids({ limit: 2 }), 'eB');
      assert.equal(await ids({ nombres: ['pause', 'resume'] }), 'ecd');
      assert.equal(await ids({ nombres: [] }), '');
      assert.equal(await ids({ desdeMs: NOON_MS + 0.5, hastaMs: NOON_MS + 1 }), 'd');
      assert.equal(await ids({ desdeLugar: { ms: NOON_MS + 1, id: 'C' } }), 'acd');
      const [first] = await store.queryComandos({ nombres: ['resume'], limit: 1 });
      assert.deepEqual(first, row('e', 2, 'resume'));
    });

    test('text of any kind comes back, a zero character as its sign', async (t) => {
      const store = await freshStore(t);
      const clave = 'ñ \u{1f600} "\'\\{},NULL\n\u0007\u0000end';
      const razon = { texto: 'a\u0000b \ud800', comilla: '{"x":"\\u0000"}' };
      await store.commitEpoch(
        makeCommit(1, {
          alertas: [makeAlerta('e\u0000', { clave, razon, valor: Infinity, lectura: -Infinity })],
          bloques: [makeBloqueRow('a\u0000/0', NOON_MS)],
          comandos: [makeComando('c\u0000', { respuesta: { texto: 'a\u0000b' } })],
        }),
      );
      const [alerta] = await store.queryAlertas({ clave: 'ñ*end', limit: 9, orden: 'tiempo' });
      assert.equal(alerta!.clave, clave.replace('\0', '\u2400'));
      assert.deepEqual(alerta!.razon, razon);
      assert.deepEqual([alerta!.valor, alerta!.lectura], [Infinity, -Infinity]);
      assert.equal((await store.queryAlertas({ clave, limit: 9, orden: 'tiempo' })).length, 1);
      assert.equal((await store.queryBloques({ bloque: 'a\u0000/0', limit: 1, conMensajes: false })).length, 1);
      assert.deepEqual((await store.findComando('c\u0000'))!.respuesta, { texto: 'a\u0000b' });
    });

    test('a comando acts once: the second delivery of its id gets the first answer', async (t) => {
      const store = await freshStore(t);
      const answer = { b: 2, a: [1, null, 'ñ'], n: 1e21 };
      const change = { id: 'e1', reconocidaMs: NOON_MS, reconocidaPor: 'ana' };
      const once = { row: makeComando('c1', { respuesta: answer }), alertaChange: change };
      assert.deepEqual(await store.commitComandos([once]), [{ first: true, respuesta: answer, timestampMs: NOON_MS }]);
      const other = makeComando('c1', { respuesta: 'other', timestampMs: NOON_MS + 1 });
      const [again] = await store.commitComandos([{ row: other, alertaChange: { ...change, reconocidaPor: 'eva' } }]);
      assert.deepEqual([again!.first, again!.timestampMs], [false, NOON_MS]);
      assert.equal(JSON.stringify(again!.respuesta), JSON.stringify(answer), 'the very answer, its order of keys too');
      const both = await Promise.all(
        ['x', 'y'].map((respuesta) => store.commitComandos([{ row: makeComando('c2', { respuesta }) }])),
      );
      assert.equal(both.flat().filter(({ first }) => first).length, 1);
      assert.equal(both[0]![0]!.respuesta, both[1]![0]!.respuesta);
      const empty = makeComando('c3', { argumentos: undefined, efecto: null, respuesta: undefined });
      await store.commitComandos([{ row: empty }]);
      assert.equal((await store.findComando('c3'))!.respuesta, null);

      // Acknowledged before the epoch that stores the alerta.
      await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1'), makeAlerta('e2')] }));
      await store.commitEpoch(makeCommit(2, { alertas: [makeAlerta('e1', { valor: 1 })] }));
      const alertas = await store.queryAlertas({ limit: 9, orden: 'valor' });
      assert.deepEqual(
        alertas.map(({ id, valor, reconocidaMs, reconocidaPor }) => [id, valor, reconocidaMs, reconocidaPor]),
        [
          ['e1', 1, NOON_MS, 'ana'],
          ['e2', 0.75, null, null],
        ],
      );
    });

    test('comandos of one commit keep their order, and each id acts once, in it and before it', async (t) => {
      const store = await freshStore(t);
      assert.deepEqual(await store.commitComandos([]), []);
      await store.commitComandos([{ row: makeComando('old', { respuesta: 'first' }) }]);
      const change = (id: string, by: string) => ({ id, reconocidaMs: NOON_MS, reconocidaPor: by });
      const list = [
        { row: makeComando('n3', { respuesta: 3 }), alertaChange: change('e1', 'ana') },
        { row: makeComando('old', { respuesta: 'again' }), alertaChange: change('e1', 'nobody') },
        { row: makeComando('n1', { respuesta: 1 }) },
        { row: makeComando('n3', { respuesta: 'twice' }), alertaChange: change('e2', 'nobody') },
        { row: makeComando('n2', { respuesta: 2 }), alertaChange: change('e1', 'eva') },
      ];
      const results = await store.commitComandos(list);
      assert.deepEqual(
        results.map(({ first, respuesta }) => [first, respuesta]),
        [
          [true, 3],
          [false, 'first'],
          [true, 1],
          [false, 3],
          [true, 2],
        ],
      );
      const rows = await store.comandosAfter(0);
      assert.equal(rows.map(({ id }) => id).join(' '), 'old n3 n1 n2');
      await store.commitEpoch(makeCommit(1, { alertas: [makeAlerta('e1'), makeAlerta('e2')] }));
      const alertas = await store.queryAlertas({ limit: 9, orden: 'tiempo' });
      assert.deepEqual(
        alertas.map(({ id, reconocidaPor }) => [id, reconocidaPor]),
        [
          ['e1', 'eva'],
          ['e2', null],
        ],
      );
      const many = Array.from({ length: 2000 }, (_, k) => ({ row: makeComando(`m${k}`, { epoca: 9 }) }));
      assert.ok((await store.commitComandos(many)).every(({ first }) => first));
      assert.deepEqual(
        (await store.comandosAfter(8)).map(({ id }) => id),
        many.map(({ row }) => row.id),
      );
    });

    test('comandos to replay come in the order they were committed', async (t) => {
      const store = await freshStore(t);
      for (const [id, epoca] of [
        ['z', 2],
        ['y', 1],
        ['x', 3],
        ['w', 2],
      ] as const) {
        await store.commitComandos([{ row: makeComando(id, { epoca }) }]);
      }
      await store.commitEpoch(
        makeCommit(1, { comandos: [makeComando('v', { epoca: 2 }), makeComando('z', { epoca: 9 })] }),
      );
      const ids = (rows: readonly ComandoRow[]): string => rows.map((row) => row.id).join('');
      assert.equal(ids(await store.comandosAfter(1)), 'zxwv');
      assert.equal(ids(await store.comandosAfter(2)), 'x');
      assert.equal(ids(await store.comandosAfter(3)), '');
    });

    test('what is older than the days kept goes by whole months, what is open or new stays', async (t) => {
      const store = await freshStore(t);
      const days = 24 * 3_600_000;
      const atMs = [NOON_MS - 200 * days, NOON_MS - 100 * days, NOON_MS - 40 * days, NOON_MS];
      for (const [i, timestampMs] of atMs.entries())
        await store.commitEpoch(makeCommit(i + 1, { bloques: [makeBloqueRow('a/0', timestampMs)] }));
      await store.commitEpoch(makeCommit(5, { alertas: [makeAlerta('of2001', { cerradaMs: Date.UTC(2001, 0, 1) })] }));
      const report = await store.upkeep(NOON_MS, 90, 1e12);
      assert.deepEqual(
        report.dropped.filter((one) => one.startsWith('bloques_')),
        ['bloques_2024_09', 'bloques_2024_12'],
      );
      const left = await store.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false });
      assert.deepEqual(
        left.map((row) => row.timestampS * 1000),
        [atMs[3], atMs[2]],
      );
      // Stored a moment ago, though of 2001.
      assert.equal((await store.queryAlertas({ limit: 9, orden: 'tiempo' })).length, 1);
      assert.deepEqual((await store.upkeep(NOON_MS, 90, 1e12)).dropped, []);
      assert.equal(
        (await store.commitEpoch(makeCommit(6, { bloques: [makeBloqueRow('a/0', NOON_MS + 1)] }))).already,
        false,
      );
    });

    test('over the bytes kept the oldest rows go, those of this month too', async (t) => {
      const store = await freshStore(t);
      const step = 10 * 60_000;
      for (let i = 0; i < 60; i++) {
        const row = makeBloqueRow('a/0', NOON_MS - (60 - i) * step, { mensajes: bytesOf(20_000, i), codec: 'x' });
        await store.commitEpoch(makeCommit(i + 1, { bloques: [row] }));
      }
      const before = await store.upkeep(NOON_MS, 90, 2_000_000);
      assert.equal(before.dropped.length, 0);
      const report = await store.upkeep(NOON_MS, 90, 600_000);
      assert.equal(report.dropped.length, 1);
      assert.ok(report.bytes > 500_000);
      const left = await store.queryBloques({ bloque: 'a/0', limit: 99, conMensajes: false });
      assert.ok(left.length >= 22 && left.length <= 28, `${left.length} rows left`);
      assert.equal(left[0]!.timestampS * 1000, NOON_MS - step, 'the newest stays');
      assert.equal((await store.upkeep(NOON_MS, 90, 600_000)).dropped.length, 0, 'and the next look finds it within');
    });

    test('two instances never see each other', async (t) => {
      const [one, two] = [await freshStore(t), await freshStore(t)];
      await one.commitEpoch(
        makeCommit(1, {
          estado: [{ clase: 'columnas', id: 'a/0', datos: bytesOf(50, 1) }],
          bloques: [makeBloqueRow('a/0', NOON_MS)],
          alertas: [makeAlerta('e1')],
          comandos: [makeComando('c1')],
        }),
      );
      assert.equal(await two.lastEpoch(), 0);
      assert.equal((await loadAll(two, CLASES)).size, 0);
      assert.equal((await two.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 0);
      assert.equal((await two.queryAlertas({ limit: 9, orden: 'tiempo' })).length, 0);
      assert.equal((await two.commitComandos([{ row: makeComando('c1') }]))[0]!.first, true);
      await two.upkeep(NOON_MS + 400 * 24 * 3_600_000, 30, 1e12);
      assert.equal((await one.queryBloques({ bloque: 'a/0', limit: 9, conMensajes: false })).length, 1);
    });
  });
}
