import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AlertaQuery, ComandoQuery, ComandoRow, StoredAlerta } from '#ports/bloque-store.ts';
import type { Timeline, TimelineEvent, TimelineQuery } from '#ports/nucleus-api.ts';
import { readTimeline, type TimelineSources } from '#nucleus/timeline.ts';
import { Records } from '#nucleus/records.ts';
import { Reparaciones } from '#nucleus/reparaciones.ts';
import { eventText } from '#domain/texts/event-text.ts';

const ALL: TimelineQuery = { bloque: null, tipo: null, desdeMs: null, hastaMs: null, antes: null, limit: 1000 };

function alerta(id: string, given: Partial<StoredAlerta> = {}): StoredAlerta {
  return {
    id,
    bloque: 'sensor/0',
    canal: 1,
    clave: 'a',
    regla: 'detector',
    abiertaMs: 1000,
    actualizadaMs: 1000,
    cerradaMs: null,
    valor: 1,
    lectura: 1,
    esperadoMin: null,
    esperadoMax: null,
    razon: {},
    lecturas: 1,
    reconocidaMs: null,
    reconocidaPor: null,
    ...given,
  };
}

function comando(id: string, given: Partial<ComandoRow> = {}): ComandoRow {
  return {
    id,
    nombre: 'pause',
    puerta: 'socket',
    argumentos: { bloque: 'sensor' },
    efecto: { tipo: 'nada' },
    respuesta: { bloques: 1 },
    timestampMs: 1000,
    epoca: 1,
    ...given,
  };
}

const moves = (id: string, ms: number, pairs: readonly [string, string][]): ComandoRow =>
  comando(id, {
    nombre: 'block-redirect',
    timestampMs: ms,
    argumentos: {},
    respuesta: {
      movimientos: pairs.map(([de, a]) => ({ tipo: 'redirigir', de, a, entidades: 3, ligadas: 0 })),
      seco: false,
    },
  });

interface Asked {
  rows: number;
}

/** What a store does, over lists. */
function stored(
  alertas: readonly StoredAlerta[],
  comandos: readonly ComandoRow[],
  asked: Asked = { rows: 0 },
): TimelineSources {
  const page = <T>(
    list: readonly T[],
    { desdeMs = -Infinity, hastaMs = Infinity, desdeLugar, limit }: AlertaQuery | ComandoQuery,
    msOf: (row: T) => number,
    idOf: (row: T) => string,
  ): T[] => {
    const rows = list
      .filter((row) => msOf(row) >= desdeMs && msOf(row) < hastaMs)
      .filter(
        (row) =>
          desdeLugar === undefined ||
          msOf(row) < desdeLugar.ms ||
          (msOf(row) === desdeLugar.ms && idOf(row) >= desdeLugar.id),
      )
      .toSorted((a, b) => msOf(b) - msOf(a) || (idOf(a) < idOf(b) ? -1 : 1))
      .slice(0, limit);
    asked.rows += rows.length;
    return rows;
  };
  return {
    alertas: (query) => {
      const closed = alertas.filter((row) => row.cerradaMs !== null);
      return Promise.resolve(
        query.orden === 'cierre'
          ? page(
              closed,
              query,
              (row) => row.cerradaMs!,
              (row) => row.id,
            )
          : page(
              alertas,
              query,
              (row) => row.abiertaMs,
              (row) => row.id,
            ),
      );
    },
    comandos: (query) =>
      Promise.resolve(
        page(
          comandos.filter(({ nombre }) => query.nombres?.includes(nombre) ?? true),
          query,
          (row) => row.timestampMs,
          (row) => row.id,
        ),
      ),
    unsaved: () => [],
  };
}

const told = ({ eventos }: Timeline): string[] =>
  eventos.map(({ tsMs, tipo, evento, bloque }) => `${tsMs} ${tipo} ${evento} ${bloque}`);

async function pages(query: TimelineQuery, sources: TimelineSources): Promise<TimelineEvent[]> {
  const all: TimelineEvent[] = [];
  let antes: string | null = null;
  do {
    const page: Timeline = await readTimeline({ ...query, antes }, sources);
    assert.ok(page.eventos.length <= query.limit);
    all.unshift(...page.eventos);
    antes = page.antes;
  } while (antes !== null);
  return all;
}

describe('one time line', () => {
  test('has alerts and their ends, circuits, repairs, moves and commands, newest last', async () => {
    const sources = stored(
      [
        alerta('1', { abiertaMs: 1000, cerradaMs: 5000 }),
        alerta('2', { regla: 'circuit_open', clave: '', abiertaMs: 2000, cerradaMs: 4000 }),
        alerta('3', { regla: 'quarantine', clave: '', abiertaMs: 3000 }),
        // of a move its record tells more
        alerta('4', { regla: 'redirected', bloque: 'jobs/0', clave: '', abiertaMs: 6000 }),
      ],
      [
        comando('p', { timestampMs: 1500 }),
        moves('m', 6000, [
          ['sensor/0', 'jobs/0'],
          ['sensor/1', 'jobs/0'],
        ]),
      ],
    );
    assert.deepEqual(told(await readTimeline(ALL, sources)), [
      '1000 alerta abierta sensor/0',
      '1500 comando pause sensor',
      '2000 circuito abierta sensor/0',
      '3000 reparacion abierta sensor/0',
      '4000 circuito cerrada sensor/0',
      '5000 alerta cerrada sensor/0',
      '6000 movimiento redirigir sensor/0',
      '6000 movimiento redirigir sensor/1',
    ]);
  });

  test('can be narrowed to a bloque, an entry, a kind and a span', async () => {
    const sources = stored(
      [
        alerta('1', { bloque: 'sensor/1' }),
        alerta('2', { bloque: 'sensor/10', abiertaMs: 1100 }),
        alerta('3', { bloque: '', clave: 'weather', regla: 'plugin_suspended', abiertaMs: 1200 }),
        alerta('4', { bloque: '', clave: '', regla: 'store_away', abiertaMs: 1300 }),
      ],
      [
        comando('p1', { timestampMs: 2000 }),
        comando('p2', { timestampMs: 2100, argumentos: { bloque: null } }),
        comando('p3', { timestampMs: 2200, argumentos: { bloque: 'host' } }),
        comando('ack', {
          nombre: 'ack',
          timestampMs: 2300,
          argumentos: { id: '1', por: 'Ana' },
          respuesta: { bloque: 'sensor/1', clave: 'a' },
        }),
        moves('m', 3000, [
          ['sensor/2', 'host/0'],
          ['other/0', 'sensor/1'],
        ]),
      ],
    );
    const of = async (given: Partial<TimelineQuery>): Promise<string> =>
      (await readTimeline({ ...ALL, ...given }, sources)).eventos.map(({ tsMs }) => tsMs).join(' ');
    assert.equal(await of({ bloque: 'sensor/1' }), '1000 1300 2000 2100 2300 3000');
    assert.equal(await of({ bloque: 'sensor' }), '1000 1100 1300 2000 2100 2300 3000 3000');
    assert.equal(await of({ bloque: 'weather' }), '1200 1300 2100');
    assert.equal(await of({ tipo: 'comando' }), '2000 2100 2200 2300');
    assert.equal(await of({ tipo: 'movimiento', bloque: 'sensor/1' }), '3000');
    assert.equal(await of({ tipo: 'circuito' }), '1200');
    assert.equal(await of({ tipo: 'alerta', desdeMs: 1100, hastaMs: 1300 }), '1100');
  });

  test('goes on page by page exactly where it ended, also among hundreds of one moment', async () => {
    const alertas = Array.from({ length: 900 }, (_, k) =>
      alerta(k.toString(16).padStart(4, '0'), {
        abiertaMs: 1000 + (k % 3),
        cerradaMs: k % 2 === 0 ? 1002 + (k % 5) : null,
      }),
    );
    const comandos = Array.from({ length: 40 }, (_, k) =>
      k % 4 === 0
        ? moves(`m${k}`, 1001, [
            ['sensor/0', 'jobs/0'],
            ['sensor/0', 'jobs/1'],
            ['sensor/0', 'jobs/2'],
          ])
        : comando(`c${k}`, { timestampMs: 1000 + (k % 7) }),
    );
    const sources = stored(alertas, comandos);
    const whole = await readTimeline({ ...ALL, limit: 10_000 }, sources);
    assert.equal(whole.antes, null);
    assert.equal(whole.eventos.length, 900 + 450 + 30 + 30);
    assert.equal(new Set(whole.eventos.map(({ id }) => id)).size, whole.eventos.length);
    for (const limit of [1000, 256, 77]) {
      assert.deepEqual(await pages({ ...ALL, limit }, sources), whole.eventos, `pages of ${limit}`);
    }
    assert.deepEqual(
      await pages({ ...ALL, tipo: 'movimiento', limit: 7 }, sources),
      whole.eventos.filter(({ tipo }) => tipo === 'movimiento'),
    );
  });

  test('reads no more than a bounded number of rows at a time, and says where to go on', async () => {
    const many = Array.from({ length: 18_000 }, (_, k) =>
      comando(`c${k}`, { timestampMs: k, argumentos: { bloque: 'x' } }),
    );
    const asked = { rows: 0 };
    const sources = stored([], [comando('first', { timestampMs: -1, argumentos: { bloque: 'rare' } }), ...many], asked);
    const page = await readTimeline({ ...ALL, bloque: 'rare', limit: 5 }, sources);
    assert.deepEqual(page.eventos, []);
    assert.ok(page.antes !== null && asked.rows < 17_500, `${asked.rows} rows`);
    assert.deepEqual((await pages({ ...ALL, bloque: 'rare', limit: 5 }, sources)).length, 1);
  });

  test('has what the next epoch will store, once, also while it gets in', async () => {
    const noted = new Reparaciones();
    noted.note({ id: 'sensor/0', lastFallo: 'broken' }, 2, 2000);
    noted.note({ id: 'sensor/0', lastFallo: 'broken again' }, 3, 2500);
    const row = (): ComandoRow => ({ ...noted.unsaved(7)[0]!, epoca: 7 });
    const before = { ...stored([], []), unsaved: () => noted.unsaved(7) };
    const between = { ...stored([], [row()]), unsaved: () => noted.unsaved(7) };
    noted.take(7);
    const after = stored([], [row()]);
    for (const sources of [before, between, after]) {
      const { eventos } = await readTimeline(ALL, sources);
      assert.equal(eventos.length, 1);
      assert.deepEqual([eventos[0]!.tsMs, eventos[0]!.datos['entidades']], [2500, 5]);
      assert.equal(eventos[0]!.datos['fallo'], 'broken again');
    }
    noted.saved();
    assert.deepEqual(noted.unsaved(8), []);
  });

  test('has starts and stops, in the line of every bloque', async () => {
    const records = new Records();
    records.note('start', { version: '1.2.3', entidades: 200, bloques: 2 }, 1000);
    const rows = records.take(1).map((row) => ({ ...row, epoca: 1 }));
    records.note('stop', null, 5000);
    const sources = {
      ...stored([], [...rows, comando('p', { timestampMs: 2000 })]),
      unsaved: () => records.unsaved(2),
    };
    assert.deepEqual(told(await readTimeline({ ...ALL, bloque: 'sensor/3' }, sources)), [
      '1000 arranque arrancado ',
      '2000 comando pause sensor',
      '5000 arranque parado ',
    ]);
    const { eventos } = await readTimeline({ ...ALL, tipo: 'arranque' }, sources);
    assert.deepEqual(
      eventos.map((one) => eventText('en', one)),
      ['CoreC 1.2.3 started with 200 entidades in 2 bloques', 'CoreC stopped in order; all is stored'],
    );
    records.saved();
    assert.equal(records.unsaved(2).length, 1);
  });

  test('refuses an event that it has never shown', async () => {
    for (const antes of ['', 'x', '1-2', '1000-9-0-a', '1000-1-0-']) {
      await assert.rejects(readTimeline({ ...ALL, antes }, stored([], [])), /COREC_E_ARGUMENT|before is/);
    }
  });
});

test('repairs of very many bloques are a bounded number of rows, and none is lost from the sum', () => {
  const noted = new Reparaciones();
  for (let k = 0; k < 500; k++) noted.note({ id: `b/${k}`, lastFallo: 'x'.repeat(1000) }, k + 1, 1000 + k);
  const rows = noted.take(3);
  assert.equal(rows.length, 17);
  const of = (k: number): { bloque: string; bloques: number; entidades: number; fallo: string } =>
    rows[k]!.respuesta as never;
  assert.deepEqual([of(0).bloque, of(0).entidades, of(0).fallo.length], ['b/499', 500, 200]);
  assert.deepEqual([of(16).bloque, of(16).bloques], ['', 484]);
  assert.equal(
    rows.reduce((sum, _, k) => sum + of(k).entidades, 0),
    (500 * 501) / 2,
  );
  assert.equal(new Set(rows.map(({ id }) => id)).size, 17);
});
