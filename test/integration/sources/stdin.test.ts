import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { makeStdinSource } from '#adapters/sources/stdin/stdin-source.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';
import { Notes, readAll } from './source-run.ts';

const CHILD = fileURLToPath(new URL('./stdin-child.ts', import.meta.url));
const MAPEO = 'formato=ndjson,clave=k,valor=v,ts=';
const rowsOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, k) => `{"k":"c","v":${from + k}}\n`).join('');

interface Said {
  readonly end?: { readonly rows: number; readonly refused: number };
  readonly refused?: string[];
  readonly error?: string;
}

class Child {
  readonly process: ChildProcess;
  readonly lecturas: [string, number][] = [];
  readonly batches: number[] = [];
  last: Said = {};
  readonly ended: Promise<number | null>;

  constructor(context: TestContext, args: readonly string[], stdin: 'pipe' | number = 'pipe') {
    this.process = spawn(process.execPath, [CHILD, ...args], { stdio: [stdin, 'pipe', 'inherit'] });
    context.after(() => void this.process.kill('SIGKILL'));
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      const said = JSON.parse(line) as Said | [string, number][];
      if (!Array.isArray(said)) this.last = said;
      else {
        this.lecturas.push(...said);
        this.batches.push(said.length);
      }
    });
  }

  write(data: string | Uint8Array): void {
    this.process.stdin!.write(data);
  }

  /** Closes its input and waits for its end. */
  async finish(data: string | Uint8Array = ''): Promise<void> {
    this.process.stdin!.end(data);
    assert.equal(await this.ended, 0);
  }
}

describe('the standard input', () => {
  test('gives rows as they come, those cut in pieces too, and the last one without a newline', async (context) => {
    const child = new Child(context, [MAPEO]);
    child.write(rowsOf(0, 3));
    await until('three rows came', () => child.lecturas.length === 3);
    child.write('{"k":"c",');
    child.write('"v":3}\nbroken\n');
    await until('the fourth came', () => child.lecturas.length === 4);
    await child.finish('{"k":"c","v":4}');
    assert.deepEqual(
      child.lecturas.map(([, valor]) => valor),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(child.last.refused, ['malformed line 5']);
  });

  test('large and fast input comes whole, in full batches', async (context) => {
    const child = new Child(context, [MAPEO]);
    await child.finish(rowsOf(0, 120_000));
    assert.equal(child.lecturas.length, 120_000);
    assert.ok(child.lecturas.every(([, valor], k) => valor === k));
    assert.equal(child.last.end!.rows, 120_000);
  });

  test('packed input is unpacked, a guess needs no mapping, a series is called stdin', async (context) => {
    const csv = `timestamp,value\n${Array.from({ length: 5000 }, (_, k) => `${1_600_000_000 + k},${k}\n`).join('')}`;
    for (const packed of [gzipSync(csv), zstdCompressSync(csv)]) {
      const child = new Child(context, []);
      await child.finish(packed);
      assert.equal(child.lecturas.length, 5000, JSON.stringify(child.last));
      assert.deepEqual(child.lecturas[7], ['stdin', 7]);
    }
    const child = new Child(context, []);
    await child.finish(gzipSync(csv).subarray(0, 9000));
    assert.match(child.last.error ?? '', /^COREC_E_SOURCE_READ: .*cut short/);
  });

  test('a file put in its place is read as one, and nothing at all is no fault', async (context) => {
    const path = join(tempFolder(context), 'x.ndjson');
    writeFileSync(path, rowsOf(0, 20_000));
    const child = new Child(context, [MAPEO], openSync(path, 'r'));
    assert.equal(await child.ended, 0);
    assert.equal(child.lecturas.length, 20_000);
    const empty = new Child(context, []);
    await empty.finish();
    assert.equal(empty.last.end!.rows, 0);
  });

  test('a mapping that does not fit is told', async (context) => {
    const child = new Child(context, ['clave=zzz']);
    await child.finish('a,b\nx,1\ny,2\n');
    assert.match(child.last.error ?? '', /^COREC_E_MAPPING: .*no field "zzz"/);
  });

  test('closed, it lets the process end although the pipe stays open', async (context) => {
    const child = new Child(context, [MAPEO, '3']);
    child.write(rowsOf(0, 3));
    assert.equal(await child.ended, 0);
  });

  test('whoever writes faster than it is read waits', async () => {
    const stdin = new PassThrough();
    const source = makeStdinSource({}, { ...new Notes().deps, clock: makeSystemClock(), stdin });
    await source.open(null);
    assert.equal((await readAll(source)).state.kind, 'idle');
    const text = rowsOf(0, 3000);
    let written = 0;
    while (written < 100 && stdin.write(text)) written++;
    assert.ok(written < 100, 'the pipe never filled');
    const { lecturas } = await readAll(source);
    assert.equal(lecturas.length, 3000 * (written + 1));
    await source.close();
  });

  test('a terminal is refused: nobody types rows', async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const source = makeStdinSource({}, { ...new Notes().deps, clock: makeSystemClock(), stdin });
    await assert.rejects(source.open(null), /COREC_E_SOURCE_OPEN: .*terminal/);
  });
});
