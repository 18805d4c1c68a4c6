import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { CoreCError } from '#domain/errors.ts';
import { startHttp } from '#http/server.ts';
import {
  findSocket,
  pointerOf,
  prepareSocket,
  removeSocket,
  SOCKET_PATH_BYTES_MAX,
  socketPathOf,
} from '#http/socket-path.ts';
import { COMMAND_NAMES } from '#nucleus/commands/catalogue.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';
import { ask, loggerInto, meterInto, openDoor, until } from './door.ts';

const json = { 'content-type': 'application/json' };

async function refusal(run: Promise<unknown>): Promise<CoreCError> {
  try {
    await run;
  } catch (error) {
    assert.ok(error instanceof CoreCError, String(error));
    return error;
  }
  return assert.fail('it was not refused');
}

describe('commands over HTTP', () => {
  test('every command has its route, on TCP and on the unix socket alike', async () => {
    await using at = await openDoor();
    at.nucleus.feed('cpu/total', 150, 1000);
    for (const socket of [false, true]) {
      const table = await at.ask('/api', { socket });
      assert.deepEqual(
        table.json.commands.map((command: { name: string }) => command.name),
        COMMAND_NAMES,
      );
      const top = await at.ask('/api/top?limit=1', { socket });
      assert.equal(top.status, 200);
      assert.equal(top.json.entidades[0].clave, 'cpu/total');
      const pause = await at.ask('/api/pause', { socket, method: 'POST', headers: json, body: '{"bloque":"host"}' });
      assert.deepEqual(pause.json, { bloques: 1 });
    }
    const status = await at.ask('/api/status');
    assert.equal(status.json.fase, 'pausado');
    assert.equal((await at.ask('/api/entidad?ref=cpu%2Ftotal')).json.entidad.lectura, 150);
  });

  test('a fault of the caller says what was found, in the language it reads', async () => {
    await using at = await openDoor({ idioma: 'es' });
    const en = await at.ask('/api/top?limit=many', { headers: { 'accept-language': 'en-US,en;q=0.9,es;q=0.5' } });
    assert.equal(en.status, 400);
    assert.equal(en.json.error.code, 'COREC_E_ARGUMENT');
    assert.match(en.json.error.message, /limit is "many"\. Allowed: limit: a whole number/);
    assert.equal(en.json.error.details.command, 'top');
    const es = await at.ask('/api/top?limit=many', { headers: { 'accept-language': 'fr,es-AR;q=0.8,en;q=0.1' } });
    assert.match(es.json.error.message, /limit es "many"\. Permitido: limit: un entero/);
    assert.match(
      (await at.ask('/api/top?limit=many')).json.error.message,
      /Permitido/,
      'without a wish, the instance decides',
    );
  });

  test('an unknown route, and a known one by the wrong method, show the way', async () => {
    await using at = await openDoor();
    const typo = await at.ask('/api/statsu');
    assert.equal(typo.status, 404);
    assert.match(typo.json.error.message, /Did you mean \/api\/status\?/);
    const wrong = await at.ask('/api/pause');
    assert.equal(wrong.status, 405);
    assert.match(wrong.json.error.message, /Use POST \/api\/pause/);
    assert.equal((await at.ask('/api/%zz')).status, 400);
  });

  test('arguments of a changing command are a JSON object', async () => {
    await using at = await openDoor();
    const form = await at.ask('/api/pause', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' });
    assert.equal(form.status, 415);
    const broken = await at.ask('/api/pause', { method: 'POST', headers: json, body: '{"bloque":' });
    assert.equal(broken.status, 400);
    assert.match(broken.json.error.message, /it is not JSON/);
    const large = await at.ask('/api/pause', {
      method: 'POST',
      headers: json,
      body: `{"bloque":"${'x'.repeat(1_100_000)}"}`,
    });
    assert.equal(large.status, 413);
    assert.equal(at.nucleus.paused.size, 0);
    assert.equal((await at.ask('/api/pause', { method: 'POST' })).status, 200, 'no body is no arguments');
  });

  test('a command sent again with its id acts once', async () => {
    await using at = await openDoor();
    at.nucleus.feed('a', 150, 1000);
    const sent = {
      method: 'POST',
      headers: { ...json, 'idempotency-key': 'k1' },
      body: '{"id":"0000000100000001","by":"Ana"}',
    };
    const [one, two] = await Promise.all([at.ask('/api/ack', sent), at.ask('/api/ack', sent)]);
    assert.equal(one.json.reconocidaPor, 'Ana');
    assert.deepEqual(one.json, two.json);
    assert.deepEqual(at.nucleus.comandos, ['k1']);
  });

  test('errors get the status that says whether to try again', async () => {
    await using at = await openDoor();
    at.nucleus.feed('a', 150, 1000);
    const ack = (): ReturnType<typeof at.ask> =>
      at.ask('/api/ack', { method: 'POST', headers: json, body: '{"id":"0000000100000001"}' });
    const cases = [
      [new CoreCError('COREC_E_BUSY', { what: 'x', found: 'y', seconds: 2.2 }), 429, '3'],
      [new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 'x', found: 'y' }), 503, '1'],
      [new CoreCError('COREC_E_STOPPING'), 503, '1'],
      [new CoreCError('COREC_E_STORE_REFUSED', { operation: 'x', found: 'y' }), 500, undefined],
    ] as const;
    for (const [error, status, retryAfter] of cases) {
      at.nucleus.failWith = error;
      const answer = await ack();
      assert.equal(answer.status, status, error.code);
      assert.equal(answer.headers['retry-after'], retryAfter);
      assert.equal(answer.json.error.code, error.code);
    }
    at.nucleus.failWith = null;
    assert.equal((await at.ask('/api/entidad?ref=nobody')).status, 404);
  });

  test('a fault of our own is a 500 without its stack, which goes to the log', async () => {
    await using at = await openDoor();
    at.nucleus.top = () => {
      throw new TypeError('boom');
    };
    const answer = await at.ask('/api/top');
    assert.equal(answer.status, 500);
    assert.equal(answer.json.error.code, 'COREC_E_INTERNAL');
    assert.doesNotMatch(answer.text, /fake-nucleus|at /);
    assert.match(at.logged.find((line) => line.level === 'error')!.text, /GET \/api\/top: boom/);
  });
});

describe('ingest over HTTP', () => {
  const fileOf = (dir: string, rows: number): string => {
    const file = join(dir, 'rows.ndjson');
    writeFileSync(file, Array.from({ length: rows }, (_, k) => `{"clave":"k${k}","valor":1,"ts":1}\n`).join(''));
    return file;
  };

  test('the unix socket may name files and gets progress by lines', async () => {
    await using at = await openDoor();
    const body = JSON.stringify({ file: fileOf(at.dataDir, 250) });
    const answer = await at.ask('/api/ingest', {
      socket: true,
      method: 'POST',
      headers: { ...json, accept: 'application/x-ndjson' },
      body,
    });
    const lines = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, { lecturas: number }>);
    assert.ok(lines.length >= 3);
    assert.ok(lines.slice(0, -1).every((line) => line['progress'] !== undefined));
    assert.equal(lines.at(-1)!['result']!.lecturas, 250);
    const whole = await at.ask('/api/ingest', { socket: true, method: 'POST', headers: json, body });
    assert.equal(whole.json.state, 'done');
  });

  test('an error before the first line has its status, one in the middle is the last line', async () => {
    await using at = await openDoor();
    const headers = { ...json, accept: 'application/x-ndjson' };
    const body = JSON.stringify({ file: join(at.dataDir, 'none') });
    assert.equal((await at.ask('/api/ingest', { socket: true, method: 'POST', headers, body })).status, 400);
    const real = at.nucleus.ingest.bind(at.nucleus);
    at.nucleus.ingest = async function* (input, signal) {
      const run = real(input, signal);
      const { value } = await run.next();
      yield value;
      await run.return(value);
      throw new CoreCError('COREC_E_DISK_FULL', { path: 'x', found: 'y' });
    };
    const answer = await at.ask('/api/ingest', {
      socket: true,
      method: 'POST',
      headers,
      body: JSON.stringify({ file: fileOf(at.dataDir, 5) }),
    });
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.text.trim().split('\n').at(-1)!).error.code, 'COREC_E_DISK_FULL');
  });

  test('TCP without a token may not name files, with one it may', async () => {
    await using open = await openDoor();
    const body = JSON.stringify({ file: fileOf(open.dataDir, 3) });
    const refused = await open.ask('/api/ingest', { method: 'POST', headers: json, body });
    assert.equal(refused.status, 401);
    assert.equal(open.nucleus.ingests, 0);
    await using closed = await openDoor({ token: 'a long enough token' });
    const taken = await closed.ask('/api/ingest', {
      method: 'POST',
      headers: { ...json, authorization: 'Bearer a long enough token' },
      body,
    });
    assert.equal(taken.status, 401, 'a token holds no blanks');
    await using right = await openDoor({ token: 'long-enough-token' });
    const done = await right.ask('/api/ingest', {
      method: 'POST',
      headers: { ...json, authorization: 'Bearer long-enough-token' },
      body,
    });
    assert.equal(done.json.lecturas, 3);
  });

  test('it stops when the one who asked goes away', async () => {
    await using at = await openDoor();
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const body = JSON.stringify({ file: fileOf(at.dataDir, 3), follow: true });
    const { request } = await import('node:http');
    const sent = request(
      {
        socketPath: at.door.socketPath!,
        path: '/api/ingest',
        method: 'POST',
        headers: { ...json, accept: 'application/x-ndjson' },
        signal: controller.signal,
      },
      (response) => response.on('data', () => resolve()).on('error', () => {}),
    );
    sent.on('error', () => {});
    sent.end(body);
    await promise;
    controller.abort();
    await until('the ingest saw it', () => at.nucleus.abortedIngests === 1);
  });
});

describe('who may come in', () => {
  test('with a token set, TCP asks for it and the unix socket does not', async () => {
    await using at = await openDoor({ token: 'correct-horse-battery' });
    const none = await at.ask('/api/status');
    assert.equal(none.status, 401);
    assert.equal(none.headers['www-authenticate'], 'Bearer');
    assert.match(none.json.error.message, /none was sent/);
    for (const authorization of [
      'Bearer correct-horse-batterx',
      'Bearer x',
      'Basic correct-horse-battery',
      'Bearer ',
    ]) {
      assert.equal((await at.ask('/api/status', { headers: { authorization } })).status, 401, authorization);
    }
    assert.equal((await at.ask('/metrics')).status, 401);
    assert.equal((await at.ask('/api/nothing')).status, 401, 'strangers do not learn which routes there are');
    assert.equal(
      (await at.ask('/api/status', { headers: { authorization: 'bearer correct-horse-battery' } })).status,
      200,
    );
    assert.equal((await at.ask('/api/status', { socket: true })).status, 200);
  });

  test('an empty token is none', async () => {
    await using at = await openDoor({ token: '' });
    assert.equal((await at.ask('/api/status')).status, 200);
    assert.match((await refusal(openDoor({ host: '0.0.0.0', token: '' }))).message, /needs a token/);
  });

  test('another address than loopback needs a token', async () => {
    const error = await refusal(openDoor({ host: '0.0.0.0', token: null }));
    assert.equal(error.code, 'COREC_E_HTTP_LISTEN');
    assert.match(error.message, /0\.0\.0\.0:0.*needs a token.*http\.token/);
    await using at = await openDoor({ host: '0.0.0.0', token: 'correct-horse-battery' });
    assert.equal((await at.ask('/api/status')).status, 401);
    assert.deepEqual((await at.ask('/readyz')).json, { ready: true }, 'a probe learns yes or no');
    const { json: told } = await at.ask('/readyz', { headers: { authorization: 'Bearer correct-horse-battery' } });
    assert.equal(told.fase, 'vivo');
    assert.equal(
      (
        await at.ask('/api/status', {
          headers: { host: 'corec.example:80', authorization: 'Bearer correct-horse-battery' },
        })
      ).status,
      200,
    );
  });

  test('on loopback a foreign name is refused, whether as Host or as Origin', async () => {
    await using at = await openDoor();
    const { port } = at.door;
    for (const host of [
      'evil.example',
      'evil.example:8420',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '[::1',
      'a@127.0.0.1',
    ]) {
      const answer = await at.ask('/api/status', { headers: { host } });
      assert.equal(answer.status, 403, host);
      assert.equal(answer.json.error.code, 'COREC_E_HOST_REFUSED');
    }
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:80', 'corec.localhost']) {
      assert.equal((await at.ask('/api/status', { headers: { host } })).status, 200, host);
    }
    const own = `127.0.0.1:${port}`;
    for (const origin of [
      'https://evil.example',
      'null',
      'http://127.0.0.1:1',
      `https://127.0.0.1.evil.example:${port}`,
    ]) {
      const answer = await at.ask('/api/pause', {
        method: 'POST',
        headers: { ...json, host: own, origin },
        body: '{}',
      });
      assert.equal(answer.status, 403, origin);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
    assert.equal(at.nucleus.paused.size, 0);
    assert.equal((await at.ask('/api/status', { headers: { host: own, origin: `http://${own}` } })).status, 200);
  });

  test('the unix socket is private', async () => {
    await using at = await openDoor();
    assert.equal(statSync(at.door.socketPath!).mode & 0o777, 0o600);
  });
});

describe('listening', () => {
  test('a port in use is said with its address and its key', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as AddressInfo;
    const error = await refusal(openDoor({ port }));
    assert.equal(error.code, 'COREC_E_HTTP_LISTEN');
    assert.match(
      error.text('en'),
      new RegExp(`127\\.0\\.0\\.1:${port}: something else listens there already.*http\\.port`),
    );
    assert.match(error.text('es'), /otro programa ya escucha ahí/);
    squatter.close();
  });

  test('a failed start leaves no socket behind', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'corec-http-'));
    const options = {
      api: new FakeNucleus(),
      port: 0,
      token: null,
      socketPath: socketPathOf(dataDir),
      idioma: 'en',
      logger: loggerInto([]),
      metrics: meterInto(new Map()),
    } as const;
    await refusal(startHttp({ ...options, host: '203.0.113.1', token: 'x-token-x' }));
    assert.ok(!existsSync(socketPathOf(dataDir)));
    rmSync(dataDir, { recursive: true });
  });

  test('without a host there is only the socket', async () => {
    await using at = await openDoor({ host: null });
    assert.equal(at.door.url, null);
    assert.equal((await at.ask('/healthz', { socket: true })).json.ok, true);
  });

  test('a folder with a path too long for a socket gets a short one, and says where', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corec-http-'));
    const dataDir = join(root, 'd'.repeat(90), 'e'.repeat(40));
    mkdirSync(dataDir, { recursive: true });
    const wanted = socketPathOf(dataDir);
    await using at = await openDoor({ socketPath: wanted });
    const used = at.door.socketPath!;
    assert.ok(Buffer.byteLength(used) <= SOCKET_PATH_BYTES_MAX);
    assert.equal(readFileSync(pointerOf(wanted), 'utf8').trim(), used);
    assert.equal(findSocket(wanted), used);
    assert.equal(statSync(used).mode & 0o777, 0o600);
    assert.equal((await ask({ socketPath: findSocket(wanted) }, '/healthz')).status, 200);
    await at.door.close();
    assert.ok(!existsSync(used) && !existsSync(pointerOf(wanted)));
    rmSync(root, { recursive: true });
  });

  test('so does a user without a name, as containers have', (t) => {
    const root = mkdtempSync(join(tmpdir(), 'corec-http-'));
    t.after(() => rmSync(root, { recursive: true }));
    chmodSync(root, 0o777);
    const self = process.geteuid!();
    if (self === 0) process.seteuid!(54_321);
    try {
      const dataDir = join(root, 'd'.repeat(90), 'e'.repeat(40));
      mkdirSync(dataDir, { recursive: true });
      const used = prepareSocket(socketPathOf(dataDir));
      assert.ok(Buffer.byteLength(used) <= SOCKET_PATH_BYTES_MAX);
      removeSocket(socketPathOf(dataDir));
      assert.ok(!existsSync(dirname(used)));
    } finally {
      if (self === 0) process.seteuid!(self);
    }
  });

  test('what a killed one left at the path does not hinder', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'corec-http-'));
    writeFileSync(socketPathOf(dataDir), '');
    await using at = await openDoor({ socketPath: socketPathOf(dataDir) });
    assert.equal((await at.ask('/healthz', { socket: true })).status, 200);
    rmSync(dataDir, { recursive: true });
  });

  test('what is no HTTP gets one line and the end', async () => {
    await using at = await openDoor();
    const { connect } = await import('node:net');
    const socket = connect(at.door.port!, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write('hello\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    assert.match(text, /^HTTP\/1\.1 400 Bad Request/);
    assert.match(text, /COREC_E_BODY/);
  });
});

describe('probes', () => {
  test('healthz answers always, readyz says what is missing', async () => {
    await using at = await openDoor();
    assert.deepEqual((await at.ask('/healthz')).json, { ok: true });
    assert.deepEqual((await at.ask('/readyz')).json, { ready: true, fase: 'vivo', problems: [] });
    at.nucleus.problems = ['PostgreSQL does not answer'];
    const not = await at.ask('/readyz');
    assert.equal(not.status, 503);
    assert.equal(not.headers['retry-after'], '2');
    assert.deepEqual(not.json, { ready: false, fase: 'vivo', problems: ['PostgreSQL does not answer'] });
    assert.equal((await at.ask('/healthz')).status, 200);
  });

  test('metrics are Prometheus text, and requests are counted by kind and outcome', async () => {
    await using at = await openDoor();
    const answer = await at.ask('/metrics');
    assert.match(answer.headers['content-type']!, /^text\/plain; version=0\.0\.4/);
    assert.match(answer.text, /corec_lecturas_total 0/);
    await at.ask('/api/status');
    await at.ask('/api/top?limit=x');
    await until('they are counted', () => at.counted.get('corec_http_requests_total command 4xx') === 1);
    assert.equal(at.counted.get('corec_http_requests_total command 2xx'), 1);
    assert.equal(at.counted.get('corec_http_requests_total probe 2xx'), 1);
    assert.equal(at.counted.get('corec_http_request_seconds command'), 2);
  });
});

describe('closing', () => {
  test('what runs is finished, what comes is refused', async () => {
    const at = await openDoor();
    const { promise, resolve } = Promise.withResolvers<void>();
    at.nucleus.gate = promise;
    const sent = at.ask('/api/lecturas', { method: 'POST', body: '{"clave":"a","valor":1}\n' });
    await until('it is under way', () => at.nucleus.loteCalls === 1);
    const closed = at.door.close();
    await assert.rejects(at.ask('/healthz'), /ECONNREFUSED/);
    resolve();
    assert.equal((await sent).json.lecturas, 1);
    await closed;
    assert.ok(!existsSync(socketPathOf(at.dataDir)));
    await at[Symbol.asyncDispose]();
  });

  test('what does not finish is cut', async () => {
    const at = await openDoor({ limits: { graceMs: 50 } });
    at.nucleus.gate = new Promise(() => {});
    const sent = at.ask('/api/lecturas', { method: 'POST', body: '{"clave":"a","valor":1}\n' });
    const cut = assert.rejects(sent, /hang up|ECONNRESET/);
    await until('it is under way', () => at.nucleus.loteCalls === 1);
    await at.door.close();
    await cut;
    await at[Symbol.asyncDispose]();
  });
});
