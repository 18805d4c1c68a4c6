import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CoreCError } from '#domain/errors.ts';
import { Comandos } from '#nucleus/comandos.ts';
import type { ComandoCommit, ComandoResult, ComandoRow } from '#ports/bloque-store.ts';

const AWAY = new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 's', found: 'gone' });
const REFUSED = new CoreCError('COREC_E_STORE_REFUSED', { operation: 'comandos', found: 'a bad row' });

/** A store in memory whose commits wait until they are let go on. */
class Store {
  readonly rows = new Map<string, ComandoRow>();
  readonly batches: string[][] = [];
  /** Asked before a commit; what it gives is thrown, `after` once it is in. */
  fault: (list: readonly ComandoCommit[]) => { error: unknown; after: boolean } | null = () => null;
  gate: Promise<void> = Promise.resolve();
  /** Questions are not answered. */
  silent = false;

  async commitComandos(list: readonly ComandoCommit[]): Promise<readonly ComandoResult[]> {
    this.batches.push(list.map(({ row }) => row.id));
    const fault = this.fault(list);
    await this.gate;
    if (fault !== null && !fault.after) throw fault.error;
    const results = list.map(({ row }): ComandoResult => {
      const known = this.rows.get(row.id);
      if (known !== undefined) return { first: false, respuesta: known.respuesta, timestampMs: known.timestampMs };
      this.rows.set(row.id, row);
      return { first: true, respuesta: row.respuesta, timestampMs: row.timestampMs };
    });
    if (fault !== null) throw fault.error;
    return results;
  }

  async findComando(id: string): Promise<ComandoRow | null> {
    if (this.silent) throw AWAY;
    return this.rows.get(id) ?? null;
  }
}

let ms = 0;
const row = (id: string): Omit<ComandoRow, 'epoca'> => ({
  id,
  nombre: 'pause',
  puerta: 'test',
  argumentos: {},
  efecto: id,
  respuesta: `answer ${id}`,
  timestampMs: ++ms,
});

function make(store: Store, epoca: { next: number } = { next: 1 }) {
  const applied: string[] = [];
  const comandos = new Comandos({ store, nextEpoca: () => epoca.next, apply: ({ id }) => applied.push(id) });
  return { comandos, applied };
}

describe('comandos', () => {
  test('those of one turn share a commit, those that come meanwhile share the next, all in their order', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    const { promise, resolve } = Promise.withResolvers<void>();
    store.gate = promise;
    const answers: string[] = [];
    const commit = (id: string) => comandos.commit(row(id)).then(({ respuesta }) => answers.push(String(respuesta)));
    const first = ['a', 'b', 'c'].map(commit);
    await new Promise((done) => setImmediate(done));
    const later = ['d', 'e'].map(commit);
    assert.deepEqual([store.batches, applied], [[['a', 'b', 'c']], []], 'nothing is applied before it is stored');
    resolve();
    await Promise.all([...first, ...later]);
    assert.deepEqual(store.batches, [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    assert.equal(applied.join(''), 'abcde');
    assert.equal(answers.join(), 'answer a,answer b,answer c,answer d,answer e');
    assert.deepEqual([comandos.committed, comandos.batches, comandos.waiting], [5, 2, 0]);
  });

  test('the epoch that a command is replayed after is that of its commit, not of its call', async () => {
    const store = new Store();
    const epoca = { next: 1 };
    const { comandos } = make(store, epoca);
    const { promise, resolve } = Promise.withResolvers<void>();
    store.gate = promise;
    const first = comandos.commit(row('a'));
    await new Promise((done) => setImmediate(done));
    const second = comandos.commit(row('b'));
    // epoch 1 is sealed while b waits behind a: the state of epoch 2 may be sealed without b as well
    epoca.next = 2;
    resolve();
    await Promise.all([first, second]);
    assert.deepEqual(
      [...store.rows.values()].map(({ id, epoca: e }) => [id, e]),
      [
        ['a', 2],
        ['b', 3],
      ],
    );
  });

  test('a known id changes nothing and gets the first answer', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    await comandos.commit(row('a'));
    const again = await comandos.commit({ ...row('a'), respuesta: 'another' });
    assert.deepEqual([again.first, again.respuesta, applied], [false, 'answer a', ['a']]);
  });

  test('a command whose commit was in, though its answer was lost, is applied when it comes again', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    store.fault = () => ({ error: AWAY, after: true });
    await assert.rejects(comandos.commit(row('a')), AWAY);
    assert.deepEqual(applied, []);
    store.fault = () => ({ error: AWAY, after: false });
    await assert.rejects(comandos.commit(row('a')), AWAY);
    store.fault = () => null;
    const again = await comandos.commit(row('a'));
    assert.deepEqual([again.first, again.respuesta, applied], [false, 'answer a', ['a']]);
    await comandos.commit(row('a'));
    assert.deepEqual(applied, ['a'], 'once');
  });

  test('effects come in the order in which the store took the commands, also when an answer was lost in between', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    store.fault = () => ({ error: AWAY, after: true });
    await assert.rejects(comandos.commit(row('pause')), AWAY);
    store.fault = () => ({ error: AWAY, after: false });
    await assert.rejects(comandos.commit(row('silence')), AWAY);
    store.fault = () => null;
    await comandos.commit(row('resume'));
    assert.deepEqual(applied, ['pause', 'resume']);
    await comandos.commit(row('pause'));
    await comandos.commit(row('silence'));
    assert.deepEqual(applied, ['pause', 'resume', 'silence']);
  });

  test('an epoch that recovery would take to hold a command waits until the store has said whether it is in', async () => {
    const store = new Store();
    const epoca = { next: 5 };
    const { comandos, applied } = make(store, epoca);
    store.fault = () => ({ error: AWAY, after: true });
    await assert.rejects(comandos.commit(row('a')), AWAY);
    assert.equal(store.rows.get('a')!.epoca, 6);
    // epoch 5 may go without it, recovery would apply it after that one
    assert.deepEqual([comandos.isSettledFor(5), comandos.isSettledFor(6)], [true, false]);
    store.silent = true;
    await assert.rejects(comandos.settle(), AWAY);
    assert.equal(comandos.isSettledFor(6), false);
    store.silent = false;
    await comandos.settle();
    assert.deepEqual([comandos.isSettledFor(6), applied], [true, ['a']]);
  });

  test('a command that is in, and cannot be applied before one that is in doubt, waits for the answer and is applied once', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    store.fault = () => ({ error: AWAY, after: true });
    await assert.rejects(comandos.commit(row('a')), AWAY);
    store.fault = () => null;
    store.silent = true;
    await assert.rejects(comandos.commit(row('b')), AWAY);
    assert.deepEqual(applied, []);
    store.silent = false;
    const again = await comandos.commit(row('b'));
    assert.deepEqual([again.first, again.respuesta, applied], [false, 'answer b', ['a', 'b']]);
  });

  test('an old command that comes again in an outage is not applied anew', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    await comandos.commit(row('pause'));
    await comandos.commit(row('resume'));
    store.fault = () => ({ error: AWAY, after: false });
    await assert.rejects(comandos.commit(row('pause')), AWAY);
    store.fault = () => null;
    await comandos.commit(row('pause'));
    assert.deepEqual(applied, ['pause', 'resume']);
  });

  test('one command that the store will not have does not take the others along', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    store.fault = (list) => (list.some(({ row: { id } }) => id === 'bad') ? { error: REFUSED, after: false } : null);
    const results = await Promise.allSettled(['a', 'bad', 'b'].map((id) => comandos.commit(row(id))));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(applied, ['a', 'b']);
  });

  test('what waits is bounded, and refused as busy beyond it', async () => {
    const store = new Store();
    const { comandos, applied } = make(store);
    const { promise, resolve } = Promise.withResolvers<void>();
    store.gate = promise;
    const all = Array.from({ length: 20_000 }, (_, k) => comandos.commit(row(`c${k}`)));
    const settled = Promise.allSettled(all);
    resolve();
    const refused = (await settled).filter((one) => one.status === 'rejected');
    assert.ok(refused.length > 0 && refused.every(({ reason }) => (reason as CoreCError).code === 'COREC_E_BUSY'));
    assert.equal(applied.length + refused.length, 20_000);
    assert.ok(store.batches.every((batch) => batch.length <= 512));
  });
});
