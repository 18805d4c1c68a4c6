import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpisodioBook, episodioId, MAX_ABIERTOS, type EpisodioLimits } from '#domain/episodio/episodio.ts';

const limits: EpisodioLimits = { abre: 0.8, cierra: 0.4, enfriamientoMs: 1000 };
const why = { codigo: 'too_high', esperadoMin: 1, esperadoMax: 2 };

function follow(valores: readonly (readonly [tsMs: number, valor: number])[]): { book: EpisodioBook; told: string[] } {
  const book = new EpisodioBook('b/0');
  for (const [tsMs, valor] of valores)
    book.take(
      0,
      () => 'c',
      'r',
      valor,
      10 * valor,
      tsMs,
      limits,
      () => why,
    );
  const told = book.takeChanges().map(({ evento, episodio }) => `${evento} ${episodio.abiertaMs}`);
  return { book, told };
}

test('an episodio opens once, however many lecturas are over the limit', () => {
  const { told, book } = follow([
    [0, 0.1],
    [100, 0.9],
    [200, 0.9],
    [300, 0.85],
  ]);
  assert.deepEqual(told, ['abierta 100']);
  assert.equal(book.get(0)!.lecturas, 3);
});

test('it is told again only when it is clearly worse', () => {
  assert.deepEqual(
    follow([
      [0, 0.8],
      [100, 0.81],
      [200, 0.99],
    ]).told,
    ['abierta 0', 'actualizada 0'],
  );
});

test('a return within the cool-down is the same episodio, a later one is new', () => {
  assert.deepEqual(
    follow([
      [0, 0.9],
      [100, 0.1],
      [600, 0.9],
      [700, 0.1],
      [1700, 0.1],
    ]).told,
    ['abierta 0', 'cerrada 0'],
  );
  assert.deepEqual(
    follow([
      [0, 0.9],
      [100, 0.1],
      [5000, 0.9],
    ]).told,
    ['abierta 0', 'cerrada 0', 'abierta 5000'],
  );
});

test('it stays open between the two limits, however far apart its lecturas are', () => {
  assert.deepEqual(
    follow([
      [0, 0.9],
      [5000, 0.5],
      [10_000, 0.45],
      [15_000, 0.1],
    ]).told,
    ['abierta 0', 'cerrada 0'],
  );
  const { book } = follow([
    [0, 0.9],
    [5000, 0.5],
  ]);
  assert.equal(book.get(0)!.actualizadaMs, 5000);
});

test('it closes at its last odd lectura, not when that was noticed', () => {
  const { book } = follow([
    [0, 0.9],
    [400, 0.9],
    [500, 0.1],
  ]);
  book.take(
    0,
    () => 'c',
    'r',
    0.1,
    1,
    9000,
    limits,
    () => why,
  );
  const closed = book.takeChanges().find((change) => change.evento === 'cerrada')!;
  assert.equal(closed.episodio.cerradaMs, 400);
});

test('time that steps back neither closes nor lengthens it wrongly', () => {
  const { book, told } = follow([
    [1000, 0.9],
    [500, 0.9],
    [800, 0.1],
  ]);
  assert.deepEqual(told, ['abierta 1000']);
  assert.equal(book.get(0)!.actualizadaMs, 1000);
});

test('an explanation may say that it began earlier, and the id follows', () => {
  const book = new EpisodioBook('b/0');
  book.take(
    0,
    () => 'c',
    'silent',
    1,
    0,
    9000,
    limits,
    () => ({ ...why, desdeMs: 4000 }),
  );
  assert.equal([...book.open][0]!.id, episodioId('b/0', 'c', 'silent', 4000));
});

test('the id is a function of bloque, clave, rule and opening alone', () => {
  assert.equal(episodioId('b', 'c', 'r', 1), episodioId('b', 'c', 'r', 1));
  const ids = new Set([
    episodioId('b', 'c', 'r', 1),
    episodioId('b', 'c', 'r', 2),
    episodioId('b', 'cr', '', 1),
    episodioId('bc', '', 'r', 1),
  ]);
  assert.equal(ids.size, 4);
});

test('past the bound further ones are counted, not opened', () => {
  const book = new EpisodioBook('b/0');
  for (let slot = 0; slot < MAX_ABIERTOS + 5; slot++)
    book.take(
      slot,
      () => `c${slot}`,
      'r',
      1,
      0,
      0,
      limits,
      () => why,
    );
  assert.equal(book.openCount, MAX_ABIERTOS);
  assert.equal(book.overflow, 5);
  // with half of the room free again it is over
  for (let slot = 0; slot < MAX_ABIERTOS / 2; slot++) book.close(slot);
  assert.equal(book.overflow, 0);
});

test('a snapshot restored goes on as if nothing had been', () => {
  const { book } = follow([
    [0, 0.9],
    [100, 0.1],
  ]);
  const copy = new EpisodioBook('b/0');
  copy.restore(JSON.parse(JSON.stringify(book.snapshot())));
  assert.ok(copy.isCooling(0));
  copy.take(
    0,
    () => 'c',
    'r',
    0.9,
    9,
    600,
    limits,
    () => why,
  );
  assert.deepEqual(copy.takeChanges(), []);
  assert.equal(copy.get(0)!.lecturas, 2);
});
