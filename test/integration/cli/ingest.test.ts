import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CoreCError } from '#domain/errors.ts';
import type { LoteInput } from '#ports/nucleus-api.ts';
import { until } from '../http/door.ts';
import { corec, makeHome, makeTerminal, onTerminal, start, type Home } from './cli.ts';

const rows = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, k) => `{"clave":"k${(from + k) % 50}","valor":${k},"ts":${from + k}}\n`).join('');

function fileOf(home: Home, name: string, body: string | Uint8Array): string {
  const path = join(home.folder, name);
  writeFileSync(path, body);
  return path;
}

/** What the nucleus was given, batch by batch. */
function lotesOf(home: Home): LoteInput[] {
  const given: LoteInput[] = [];
  const real = home.nucleus.takeLote.bind(home.nucleus);
  home.nucleus.takeLote = (lote) => {
    given.push(lote);
    return real(lote);
  };
  return given;
}

describe('ingest of a file by the running CoreC', () => {
  test('the sum is said in words, and as one JSON document', async () => {
    await using home = makeHome();
    await home.open();
    fileOf(home, 'plant.ndjson', `${rows(250)}nonsense\n`);
    const text = await corec(['ingest', 'plant.ndjson', '--bloque', 'plant'], { cwd: home.folder });
    assert.deepEqual([text.code, text.stderr], [0, '']);
    assert.match(text.stdout, /plant\.ndjson: 250 readings of 251 rows in .*; claves in plant: 50$/m);
    assert.match(text.stdout, /^1 refused \(1 malformed\); the rows are in .*plant\.ndjson\.refused$/m);
    assert.match(text.stdout, /^Alerts opened: \d+; see corec alerts --bloque plant$/m);
    const json = await corec(['ingest', 'plant.ndjson', '--json'], { cwd: home.folder });
    assert.equal((JSON.parse(json.stdout) as { lecturas: number }).lecturas, 250);
  });

  test('what it is asked for reaches the nucleus', async () => {
    await using home = makeHome();
    await home.open();
    const path = fileOf(home, 'x.csv', 'clave,valor,ts\na,1,1\n');
    const real = home.nucleus.ingest.bind(home.nucleus);
    let asked: unknown = null;
    home.nucleus.ingest = (input, signal) => {
      asked = input;
      return real(input, signal);
    };
    await corec(['ingest', path, '--map', 'clave=clave,valor=valor', '--procesador', './mine.ts', '--no-resume'], {
      cwd: home.folder,
    });
    assert.deepEqual(asked, {
      ruta: path,
      bloque: 'lecturas',
      procesador: join(home.folder, 'mine.ts'),
      mapeo: 'clave=clave,valor=valor',
      seguir: false,
      resume: false,
    });
  });

  test('a file that is not there, and one of which nothing can be taken, are failures', async () => {
    await using home = makeHome();
    await home.open();
    const none = await corec(['ingest', 'none.csv'], { cwd: home.folder });
    assert.equal(none.code, 2);
    assert.match(none.stderr, /COREC_E_SOURCE_OPEN/);
    fileOf(home, 'bad.ndjson', '{"nothing":1}\n{"nothing":2}\n');
    assert.equal((await corec(['ingest', 'bad.ndjson'], { cwd: home.folder })).code, 1);
  });

  test('Ctrl-C stops it, and says that what was taken is kept', async () => {
    await using home = makeHome();
    await home.open();
    fileOf(home, 'x.ndjson', rows(10));
    const { child, err, done } = start(['ingest', 'x.ndjson', '--follow'], { cwd: home.folder });
    await until('it reads', () => home.nucleus.lecturas === 10);
    child.kill('SIGINT');
    const { code } = await done;
    assert.equal(code, 130);
    assert.match(err.text, /What was taken is kept; the same command goes on from there/);
    await until('CoreC knows', () => home.nucleus.abortedIngests === 1);
  });

  test('on a terminal a bar shows how far it is, and is gone at the end', async () => {
    await using home = makeHome();
    await home.open();
    fileOf(home, 'x.ndjson', rows(500));
    const real = home.nucleus.ingest.bind(home.nucleus);
    const terminal = makeTerminal(home);
    home.nucleus.ingest = async function* (input, signal) {
      const run = real(input, signal);
      for (let step = await run.next(); ; step = await run.next()) {
        if (step.done === true) {
          await until('the bar is there', () => terminal.errors().includes('░'));
          return step.value;
        }
        yield step.value;
      }
    };
    assert.equal(await onTerminal(terminal, ['ingest', 'x.ndjson']), 0);
    assert.match(terminal.errors(), /[█░]{24} \d+ % 500 readings/);
    assert.match(terminal.screen(), /500 readings of 500 rows/);
  });

  test('without a terminal there are lines now and then, and no control characters', async () => {
    await using home = makeHome();
    await home.open();
    fileOf(home, 'x.ndjson', rows(10));
    const { child, err, done } = start(['ingest', 'x.ndjson', '--follow'], { cwd: home.folder });
    await until('a line came', () => err.text.includes('\n'), 20_000);
    assert.match(err.text, /^100 % of \d+ B, 10 readings, [\d.]+\/s\n$/);
    child.kill('SIGINT');
    await done;
  });
});

describe('ingest of standard input by the running CoreC', () => {
  test('rows arrive in order, in batches with ids of their own, read alike', async () => {
    await using home = makeHome();
    await home.open();
    const given = lotesOf(home);
    const input = rows(60_000);
    const { code, stdout } = await corec(['ingest', '-', '--bloque', 'plant', '--procesador', 'limites'], {
      cwd: home.folder,
      input,
    });
    assert.equal(code, 0);
    assert.match(stdout, /stdin: 60,000 readings of 60,000 rows in .*, into plant/);
    assert.ok(given.length > 1);
    assert.equal(Buffer.concat(given.map((lote) => Buffer.from(lote.body))).toString(), input);
    assert.equal(new Set(given.map((lote) => lote.loteId)).size, given.length);
    assert.equal(new Set(given.map((lote) => lote.mapeo)).size, 1);
    assert.match(given[0]!.mapeo, /clave=clave,.*valor=valor/);
    assert.deepEqual([given[0]!.bloque, given[0]!.procesador], ['plant', 'limites']);
  });

  test('each batch of CSV has the header, and is cut between rows', async () => {
    await using home = makeHome();
    await home.open();
    const given = lotesOf(home);
    const header = 'clave,valor,ts,note\n';
    const line = (k: number): string => `k${k % 10},${k},${k},"a ""quoted""\nnote, of two lines"\n`;
    const input = header + Array.from({ length: 50_000 }, (_, k) => line(k)).join('');
    const { code } = await corec(['ingest', '-'], { cwd: home.folder, input });
    assert.equal(code, 0);
    assert.ok(given.length > 1);
    const bodies = given.map((lote) => Buffer.from(lote.body).toString());
    for (const body of bodies) {
      assert.ok(body.startsWith(header));
      assert.ok(body.endsWith('lines"\n'));
    }
    assert.equal(header + bodies.map((body) => body.slice(header.length)).join(''), input);
  });

  test('packed input is unpacked', async () => {
    await using home = makeHome();
    await home.open();
    const { stdout } = await corec(['ingest', '-'], { cwd: home.folder, input: gzipSync(rows(1000)) });
    assert.match(stdout, /1,000 readings/);
  });

  test('a slow log is told as it is written', async () => {
    await using home = makeHome();
    await home.open();
    const { child, done } = start(['ingest', '-'], { cwd: home.folder, keepStdin: true });
    child.stdin!.write(rows(1));
    await until('the first came', () => home.nucleus.lecturas === 1);
    child.stdin!.write(rows(2).slice(0, -5));
    await until('the whole row of the next came', () => home.nucleus.lecturas === 2);
    child.stdin!.end(rows(2).slice(-5));
    assert.equal((await done).code, 0);
    assert.equal(home.nucleus.lecturas, 3);
  });

  test('a batch that CoreC asks to wait with is sent again under its id, and nothing is lost or doubled', async () => {
    await using home = makeHome();
    await home.open();
    const real = home.nucleus.takeLote.bind(home.nucleus);
    const seen: (string | null)[] = [];
    home.nucleus.takeLote = async (lote) => {
      seen.push(lote.loteId);
      if (seen.length === 1) throw new CoreCError('COREC_E_INBOX_FULL', { bloque: 'x', limit: 1, seconds: 0.1 });
      if (seen.length === 2) throw new CoreCError('COREC_E_JOURNAL', { path: 'x', found: 'y' });
      const answer = await real(lote);
      // taken, and the answer lost
      if (seen.length === 3) throw new CoreCError('COREC_E_BUSY', { what: 'x', found: 'y', seconds: 0.1 });
      return answer;
    };
    const { code, stdout } = await corec(['ingest', '-', '--json'], { cwd: home.folder, input: rows(100) });
    assert.equal(code, 0);
    assert.deepEqual(seen.length, 4);
    assert.equal(new Set(seen).size, 1);
    assert.equal(home.nucleus.lecturas, 100);
    assert.equal((JSON.parse(stdout) as { lecturas: number }).lecturas, 100);
  });

  test('it outlives a restart of CoreC', async () => {
    await using home = makeHome();
    const door = await home.open();
    const { child, done } = start(['ingest', '-'], { cwd: home.folder, keepStdin: true });
    child.stdin!.write(rows(10));
    await until('the first came', () => home.nucleus.lecturas === 10);
    await door.close();
    child.stdin!.end(rows(10));
    await home.open();
    assert.equal((await done).code, 0);
    assert.equal(home.nucleus.lecturas, 20);
  });

  test('what cannot be taken ends it with the reason', async () => {
    await using home = makeHome();
    await home.open();
    home.nucleus.failWith = new CoreCError('COREC_E_PROCESADOR_UNKNOWN', { found: 'x', allowed: 'detector' });
    const { code, stderr } = await corec(['ingest', '-'], { cwd: home.folder, input: rows(10) });
    assert.equal(code, 2);
    assert.match(stderr, /COREC_E_PROCESADOR_UNKNOWN/);
    const unfit = await corec(['ingest', '-', '--map', 'clave=nothing,valor=valor'], {
      cwd: home.folder,
      input: rows(10),
    });
    assert.equal(unfit.code, 2);
    assert.match(unfit.stderr, /COREC_E_MAPPING/);
  });

  test('nothing at all is nothing taken', async () => {
    await using home = makeHome();
    await home.open();
    const { code, stdout } = await corec(['ingest', '-'], { cwd: home.folder, input: '' });
    assert.equal(code, 0);
    assert.match(stdout, /0 readings of 0 rows/);
  });
});

describe('ingest --explain', () => {
  test('shows what would be taken and refused, without any CoreC and without taking anything', async () => {
    await using home = makeHome();
    fileOf(
      home,
      'week.csv.gz',
      gzipSync(
        `sensor,time,temp\n${Array.from({ length: 20 }, (_, k) => `s${k % 2},2026-01-${10 + k}T00:00:00Z,${20 + k}.5`).join('\n')}\ns1,never,12\ns1,2026-02-01T00:00:00Z,warm\n`,
      ),
    );
    const { code, stdout, stderr } = await corec(['ingest', 'week.csv.gz', '--explain'], { cwd: home.folder });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /--map '.*clave=sensor.*'/);
    assert.match(stdout, /2 +s0 +20\.5 +2026-01-10T00:00:00\.000Z/);
    assert.match(stdout, /1 would be refused: bad_valor\n.*warm/);
    assert.match(stdout, /20 readings of 22 rows would be taken, 2 rows refused\. Nothing was taken\./);
    assert.equal(home.nucleus.ingests, 0);
    const json = await corec(['ingest', '-', '--explain', '--json'], { cwd: home.folder, input: rows(30) });
    const told = JSON.parse(json.stdout) as { lecturas: unknown[]; lecturasCount: number; whole: boolean };
    assert.deepEqual([told.lecturas.length, told.lecturasCount, told.whole], [10, 30, true]);
  });

  test('speaks Spanish, too', async () => {
    await using home = makeHome({ idioma: 'es' });
    fileOf(home, 'x.ndjson', rows(3));
    const { stdout } = await corec(['ingest', 'x.ndjson', '--explain'], { cwd: home.folder });
    assert.match(stdout, /Todo: se tomarían 3 lecturas de 3 filas/);
  });

  test('nothing in it, no file, a folder', async () => {
    await using home = makeHome();
    fileOf(home, 'empty.csv', '');
    const empty = await corec(['ingest', 'empty.csv', '--explain'], { cwd: home.folder });
    assert.equal(empty.code === 1 || empty.code === 2, true);
    assert.match((await corec(['ingest', 'none', '--explain'], { cwd: home.folder })).stderr, /COREC_E_SOURCE_OPEN/);
    mkdirSync(join(home.folder, 'folder'));
    assert.match((await corec(['ingest', 'folder', '--explain'], { cwd: home.folder })).stderr, /COREC_E_SOURCE_OPEN/);
  });
});
