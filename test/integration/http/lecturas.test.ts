import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CoreCError } from '#domain/errors.ts';
import type { LoteInput } from '#ports/nucleus-api.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';
import { openDoor, until } from './door.ts';

const rows = (count: number): string =>
  Array.from({ length: count }, (_, k) => `{"clave":"k${k}","valor":${k},"ts":${k}}\n`).join('');
const ndjson = { 'content-type': 'application/x-ndjson' };

/** Keeps what the nucleus was given. */
function listening(): { nucleus: FakeNucleus; given: LoteInput[] } {
  const nucleus = new FakeNucleus();
  const given: LoteInput[] = [];
  const real = nucleus.takeLote.bind(nucleus);
  nucleus.takeLote = (lote) => {
    given.push(lote);
    return real(lote);
  };
  return { nucleus, given };
}

describe('POST /api/lecturas', () => {
  test('counts come back once the nucleus says the readings are durable', async () => {
    await using at = await openDoor();
    const { promise, resolve } = Promise.withResolvers<void>();
    at.nucleus.gate = promise;
    let answered = false;
    const sent = at
      .ask('/api/lecturas?bloque=plant', { method: 'POST', headers: ndjson, body: `${rows(3)}nonsense\n` })
      .then((answer) => {
        answered = true;
        return answer;
      });
    await until('the nucleus has it', () => at.nucleus.loteCalls === 1);
    assert.equal(answered, false);
    resolve();
    assert.deepEqual((await sent).json, {
      lecturas: 3,
      refused: { malformed: 1 },
      repetido: false,
      seq: 1,
      loteId: null,
    });
  });

  test('the bytes reach the nucleus as they came, packed ones unpacked', async () => {
    const { nucleus, given } = listening();
    await using at = await openDoor({ api: nucleus });
    const body = Buffer.from(`${rows(2)}\u00ff {"clave":"ñ 日本","valor":1}\r\n`);
    await at.ask('/api/lecturas', { method: 'POST', headers: ndjson, body });
    await at.ask('/api/lecturas', {
      method: 'POST',
      headers: { ...ndjson, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    });
    assert.equal(given.length, 2);
    for (const lote of given) assert.deepEqual(Buffer.from(lote.body), body);
  });

  test('a batch id, under either name, makes a resend harmless', async () => {
    await using at = await openDoor();
    const send = (headers: Record<string, string>): ReturnType<typeof at.ask> =>
      at.ask('/api/lecturas', { method: 'POST', headers: { ...ndjson, ...headers }, body: rows(5) });
    assert.equal((await send({ 'idempotency-key': 'b-1' })).json.repetido, false);
    const again = await send({ 'x-lote-id': 'b-1' });
    assert.deepEqual(
      [again.status, again.json.repetido, again.json.lecturas, again.json.loteId],
      [200, true, 5, 'b-1'],
    );
    assert.equal(at.nucleus.lecturas, 5);
    for (const id of ['x'.repeat(201), 'with blank', 'ñ']) {
      assert.equal((await send({ 'idempotency-key': id })).status, 400, id);
    }
  });

  test('bloque, procesador and mapping come from the query, the format from the type', async () => {
    const { nucleus, given } = listening();
    await using at = await openDoor({ api: nucleus });
    const send = (query: string, type: string): ReturnType<typeof at.ask> =>
      at.ask(`/api/lecturas${query}`, { method: 'POST', headers: { 'content-type': type }, body: rows(1) });
    await send('', 'application/x-ndjson');
    await send('?bloque=plant&procesador=limites&mapeo=clave%3Did%2Cvalor%3Dtemp', 'text/csv; charset=utf-8');
    await send('?clave=id&valor=cpu%7Cmem&ts=time', 'text/plain');
    assert.deepEqual(
      given.map(({ bloque, procesador, mapeo, puerta }) => ({ bloque, procesador, mapeo, puerta })),
      [
        { bloque: 'lecturas', procesador: null, mapeo: 'formato=ndjson', puerta: 'http' },
        { bloque: 'plant', procesador: 'limites', mapeo: 'formato=csv,clave=id,valor=temp', puerta: 'http' },
        { bloque: 'lecturas', procesador: null, mapeo: 'clave=id,valor=cpu|mem,ts=time', puerta: 'http' },
      ],
    );
    const typo = await send('?bloqe=plant', 'text/csv');
    assert.equal(typo.status, 400);
    assert.match(typo.json.error.message, /no parameter "bloqe"\. Allowed: bloque/);
    const mapping = await send('?mapeo=clave', 'text/csv');
    assert.equal(mapping.json.error.code, 'COREC_E_MAPPING');
    assert.equal((await send('?bloque=a&bloque=b', 'text/csv')).status, 400);
    assert.equal((await send('?bloque=', 'text/csv')).status, 400);
  });

  test('a procesador in a file is code: only a trusted caller may name it', async () => {
    await using at = await openDoor();
    const send = (socket: boolean): ReturnType<typeof at.ask> =>
      at.ask('/api/lecturas?procesador=.%2Fmine.ts', { method: 'POST', headers: ndjson, body: rows(1), socket });
    assert.equal((await send(false)).status, 401);
    assert.equal(at.nucleus.loteCalls, 0);
    assert.equal((await send(true)).status, 200);
  });

  test('what cannot be taken is refused with its own status', async () => {
    await using at = await openDoor({ limits: { bodyBytesMax: 10_000 } });
    const send = (body: string | Uint8Array, headers: Record<string, string> = ndjson): ReturnType<typeof at.ask> =>
      at.ask('/api/lecturas', { method: 'POST', headers, body });
    assert.equal((await send('')).status, 400);
    assert.equal((await send(rows(1), { 'content-type': 'image/png' })).status, 415);
    assert.equal((await send(rows(1), { 'content-type': 'multipart/form-data; boundary=x' })).status, 415);
    assert.equal((await send(rows(1), { ...ndjson, 'content-encoding': 'br' })).status, 415);
    const large = await send(rows(1000));
    assert.equal(large.status, 413);
    assert.match(large.json.error.message, /too large \(\d+ bytes\).*at most 10000 bytes/);
    const bomb = await send(gzipSync('x'.repeat(1_000_000)), { ...ndjson, 'content-encoding': 'gzip' });
    assert.equal(bomb.status, 413);
    const broken = await send(gzipSync(rows(3)).subarray(0, 20), { ...ndjson, 'content-encoding': 'gzip' });
    assert.equal(broken.status, 400);
    assert.match(broken.json.error.message, /broken gzip/);
    assert.equal(at.nucleus.loteCalls, 0);
    assert.equal(at.counted.get('corec_http_bodies_bytes'), 0, 'nothing stays in hand');
    assert.equal(
      (await send(rows(1), { 'content-type': 'application/x-www-form-urlencoded' })).status,
      200,
      'as curl sends it',
    );
  });

  test('a body without a length is bounded too', async () => {
    await using at = await openDoor({ limits: { bodyBytesMax: 10_000 } });
    const socket = connect(at.door.port!, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => {});
    socket.write('POST /api/lecturas HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let k = 0; k < 40; k++) socket.write(`3e8\r\n${'x'.repeat(1000)}\r\n`);
    await until('it is refused', () => text.includes('413'));
    socket.destroy();
    await until('nothing stays in hand', () => at.counted.get('corec_http_bodies_bytes') === 0);
  });

  test('a full inbox is 429 with the time to wait, a store away is 503', async () => {
    await using at = await openDoor();
    const send = (): ReturnType<typeof at.ask> =>
      at.ask('/api/lecturas', { method: 'POST', headers: ndjson, body: rows(1) });
    at.nucleus.failWith = new CoreCError('COREC_E_INBOX_FULL', { bloque: 'plant', limit: 16384, seconds: 4 });
    const full = await send();
    assert.deepEqual(
      [full.status, full.headers['retry-after'], full.json.error.code],
      [429, '4', 'COREC_E_INBOX_FULL'],
    );
    at.nucleus.failWith = new CoreCError('COREC_E_JOURNAL', { path: 'x', found: 'EIO' });
    assert.equal((await send()).status, 503);
    at.nucleus.failWith = null;
    assert.equal((await send()).status, 200);
  });

  test('bodies in hand are bounded all together: beyond it 429 until some are answered', async () => {
    await using at = await openDoor({ limits: { bodyBytesMax: 10_000, bodiesBytesMax: 20_000 } });
    const { promise, resolve } = Promise.withResolvers<void>();
    at.nucleus.gate = promise;
    const send = (): ReturnType<typeof at.ask> =>
      at.ask('/api/lecturas', { method: 'POST', headers: ndjson, body: rows(150) });
    const held = [send(), send(), send()];
    await until('three are in hand', () => at.nucleus.loteCalls === 3);
    const fourth = await send();
    assert.deepEqual(
      [fourth.status, fourth.headers['retry-after'], fourth.json.error.code],
      [429, '1', 'COREC_E_BUSY'],
    );
    resolve();
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 200);
    await until('they were given back', () => at.counted.get('corec_http_bodies_bytes') === 0);
    assert.equal((await send()).status, 200);
  });

  test('a sender that breaks off in the middle changes nothing', async () => {
    await using at = await openDoor();
    const socket = connect(at.door.port!, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /api/lecturas HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n${rows(10)}`);
    await until('the body is in hand', () => at.counted.get('corec_http_bodies_bytes') === 100_000);
    socket.destroy();
    await until('it was given back', () => at.counted.get('corec_http_bodies_bytes') === 0);
    assert.equal(at.nucleus.loteCalls, 0);
  });

  test('many connections at once lose nothing', async () => {
    await using at = await openDoor();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, k) =>
        at.ask('/api/lecturas', {
          method: 'POST',
          headers: { ...ndjson, 'idempotency-key': `b${k % 40}` },
          body: rows(20),
          socket: k % 2 === 0,
        }),
      ),
    );
    assert.ok(answers.every((answer) => answer.status === 200));
    assert.equal(at.nucleus.lecturas, 40 * 20);
  });
});
