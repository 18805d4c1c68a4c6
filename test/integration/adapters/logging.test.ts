/** Log lines in real files and on a terminal that the test plays. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeLogging, type Logging } from '#adapters/logging/logging.ts';
import { formatLine, isColourWanted } from '#adapters/logging/terminal.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

interface Line {
  readonly level: string;
  readonly time: string;
  readonly tag: string;
  readonly msg: string;
  readonly fields?: Record<string, unknown>;
}

const linesOf = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

function screen(): { readonly stream: { write(text: string): void; on(): void }; readonly printed: string[] } {
  const printed: string[] = [];
  return { printed, stream: { write: (text) => void printed.push(text), on: () => undefined } };
}

function makeFileOnly(ruta: string, more: object = {}): Logging {
  return makeLogging({ ruta, terminal: null, colour: false, ...more });
}

describe('log file', () => {
  test('a line is JSON with level, time, tag, msg and fields', async (t) => {
    const file = join(tempFolder(t), 'logs', 'corec.log');
    const clock = new VirtualClock(1_700_000_000_123);
    const logging = makeFileOnly(file, { clock });
    logging.logger.info('CoreCNucleus', 'Inicializado', { bloques: 1003, clave: 'a"\n\u001b[31m', nada: null });
    const error = Object.assign(new Error('away', { cause: new Error('cable') }), { code: 'ECONNREFUSED' });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    logging.logger.error('Redis', 'No connection', { error, big: 12n, circular });
    logging.logger.debug('CoreCNucleus', 'not at this level');
    await logging.close();
    const [first, second, ...rest] = linesOf(file);
    assert.deepEqual(first, {
      level: 'info',
      time: '2023-11-14T22:13:20.123Z',
      tag: 'CoreCNucleus',
      fields: { bloques: 1003, clave: 'a"\n\u001b[31m', nada: null },
      msg: 'Inicializado',
    });
    const fields = second!.fields as { error: { code: string; message: string; cause: string }; big: string };
    assert.deepEqual(
      [fields.error.code, fields.error.message, fields.error.cause, fields.big],
      ['ECONNREFUSED', 'away', 'cable', '12'],
    );
    assert.deepEqual(rest, []);
    assert.equal(statSync(file).mode & 0o007, 0, 'others cannot read it');
    assert.deepEqual(logging.stats(), { written: 2, lost: 0 });
  });

  test('the live file keeps its name, the rotated ones are counted, and no line is lost in between', async (t) => {
    const folder = tempFolder(t);
    const file = join(folder, 'corec.log');
    const logging = makeFileOnly(file, { maxBytes: 20_000, archivos: 3 });
    for (let i = 0; i < 600; i++) {
      logging.logger.info('T', `line ${i} ${'x'.repeat(60)}`);
      if (i % 50 === 0) await logging.flush();
    }
    await logging.close();
    assert.deepEqual(readdirSync(folder).sort(), ['corec.log', 'corec.log.1', 'corec.log.2', 'corec.log.3']);
    const numbers = ['corec.log.3', 'corec.log.2', 'corec.log.1', 'corec.log']
      .flatMap((name) => linesOf(join(folder, name)))
      .map((line) => Number(line.msg.split(' ')[1]));
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, i) => 600 - numbers.length + i),
    );
    for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size < 21_000);
    assert.deepEqual(logging.stats(), { written: 600, lost: 0 });
  });

  test('the next process goes on in the same file, on a line of its own after half a line', async (t) => {
    const file = join(tempFolder(t), 'corec.log');
    writeFileSync(file, '{"msg":"one"}\n{"msg":"tor');
    const logging = makeFileOnly(file);
    logging.logger.info('T', 'two');
    await logging.close();
    const rows = readFileSync(file, 'utf8').split('\n');
    assert.deepEqual(rows.slice(0, 2), ['{"msg":"one"}', '{"msg":"tor']);
    assert.equal((JSON.parse(rows[2]!) as Line).msg, 'two');
    assert.equal(rows.length, 4);
  });

  test('a file that was moved or deleted, or whose folder was, is begun anew under its name', async (t) => {
    const folder = join(tempFolder(t), 'logs');
    const file = join(folder, 'corec.log');
    const clock = new VirtualClock(1);
    const logging = makeFileOnly(file, { clock });
    const takeAway = [
      () => renameSync(file, `${file}.moved`),
      () => rmSync(file),
      () => rmSync(folder, { recursive: true }),
    ];
    logging.logger.info('T', 'begin');
    for (const [i, take] of takeAway.entries()) {
      await logging.flush();
      // Its inode is remembered a moment after it was opened.
      await until('the file is there', () => clock.yieldToIo().then(() => linesOf(file).length > 0));
      take();
      await until('a new file takes the lines', async () => {
        await clock.advance(6000);
        logging.logger.info('T', `after ${i}`);
        await logging.flush();
        return readdirSync(join(folder, '..')).includes('logs') && readdirSync(folder).includes('corec.log');
      });
    }
    await logging.close();
    assert.equal(linesOf(file).at(-1)!.msg, 'after 2');
  });

  test('a file that cannot be opened stops nothing; it is said once, and the lost lines are told when it can be again', async (t) => {
    const folder = tempFolder(t);
    const logs = join(folder, 'logs');
    writeFileSync(logs, 'a file where the folder should be');
    const clock = new VirtualClock(1);
    const { stream, printed } = screen();
    const file = join(logs, 'corec.log');
    const logging = makeLogging({ ruta: file, clock, terminal: stream, colour: false, nivelTerminal: 'warn' });
    for (let i = 0; i < 10; i++) {
      logging.logger.info('T', `lost ${i}`);
      await logging.flush();
      await clock.yieldToIo();
    }
    await until('the trouble is said', () => printed.length > 0);
    assert.equal(printed.length, 1);
    assert.match(printed[0]!, /ERROR \[Registro\] The log file .* cannot be written.*: E/);
    rmSync(logs);
    mkdirSync(logs);
    await clock.advance(6000);
    logging.logger.info('T', 'there again');
    await logging.flush();
    await logging.close();
    assert.match(printed[1]!, /WARN \[Registro\] .* written again; 10 lines/);
    assert.deepEqual(
      linesOf(file).map((line) => [line.tag, line.fields?.['lost']]),
      [
        ['T', undefined],
        ['Registro', 10],
      ],
    );
    assert.deepEqual(logging.stats(), { written: 2, lost: 10 });
  });

  test('a full disk loses lines, counted, and nothing else', (t) => {
    const file = join(tempFolder(t), 'corec.log');
    const child = join(import.meta.dirname, 'children', 'logging-full-disk.ts');
    // 16 KiB is the largest file allowed: writing beyond fails as on a full disk.
    const said = JSON.parse(
      execFileSync('bash', ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, child, file], { encoding: 'utf8' }),
    ) as { full: { written: number; lost: number }; stats: { lost: number }; printed: string[]; lines: string[] };
    assert.ok(said.full.written > 50 && said.full.lost > 300);
    assert.equal(said.full.written + said.full.lost, 500);
    assert.equal(said.printed.length, 2);
    const [room, again] = said.lines.map((line) => JSON.parse(line) as Line);
    assert.equal(room!.msg, 'room again');
    assert.equal(again!.fields!['lost'], said.stats.lost);
  });
});

describe('log on a terminal', () => {
  test('time, tag and text as the specification writes them', () => {
    const timeMs = new Date(2026, 0, 31, 7, 8, 9).getTime();
    assert.equal(
      formatLine('info', timeMs, 'CoreCNucleus', 'Inicializado', { bloques: 3, id: 'a b' }, false),
      '07:08:09 [CoreCNucleus] Inicializado bloques=3 id="a b"\n',
    );
    assert.equal(formatLine('warn', timeMs, 'T', 'x', undefined, false), '07:08:09 WARN [T] x\n');
    // oxlint-disable-next-line no-control-regex -- the colours
    const plain = formatLine('error', timeMs, 'T', 'x', { a: 1 }, true).replace(/\x1b\[\d+m/g, '');
    assert.equal(plain, '07:08:09 ERROR [T] x a=1\n');
    assert.equal(formatLine('info', timeMs, 'T', 'x', undefined, false, true), '2026-01-31 07:08:09 [T] x\n');
  });

  test('what is logged cannot steer the terminal or forge a line', () => {
    const evil = 'a\x1b[2J\r\x07\u202e\n12:00:00 [CoreCNucleus] Inicializado';
    const line = formatLine('info', 0, 'T', evil, { clave: evil }, false);
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    assert.doesNotMatch(line.replaceAll('\n', ''), /[\u0000-\u001f\u202e]/);
    assert.match(line, /\n {4}12:00:00/);
  });

  test('colours are for terminals, unless the environment has a say', () => {
    assert.equal(isColourWanted(true, {}), true);
    assert.equal(isColourWanted(false, {}), false);
    assert.equal(isColourWanted(true, { NO_COLOR: '1' }), false);
    assert.equal(isColourWanted(true, { NO_COLOR: '' }), true);
    assert.equal(isColourWanted(true, { TERM: 'dumb' }), false);
    assert.equal(isColourWanted(false, { FORCE_COLOR: '1' }), true);
    assert.equal(isColourWanted(true, { FORCE_COLOR: '0' }), false);
  });

  test('levels are its own; a reader that goes away ends the printing, not the program', () => {
    const { stream, printed } = screen();
    const clock = new VirtualClock(0);
    const onlyTerminal = { ruta: null, clock, colour: false };
    const quiet = makeLogging({ ...onlyTerminal, nivel: 'debug', nivelTerminal: 'error', terminal: stream });
    quiet.logger.warn('T', 'no');
    quiet.logger.error('T', 'yes');
    assert.equal(printed.length, 1);

    let fail: (error: Error) => void = () => undefined;
    let writes = 0;
    const pipe = {
      on: (_event: 'error', listener: (error: Error) => void) => void (fail = listener),
      write: () => {
        writes += 1;
        if (writes === 3) throw new Error('EPIPE');
      },
    };
    const piped = makeLogging({ ...onlyTerminal, terminal: pipe });
    for (let i = 0; i < 6; i++) piped.logger.info('T', 'x');
    assert.equal(writes, 3);
    fail(new Error('EPIPE'));
    const silent = makeLogging({ ...onlyTerminal, nivel: 'silent', terminal: stream });
    silent.logger.error('T', 'x');
    assert.equal(printed.length, 1);
  });
});
