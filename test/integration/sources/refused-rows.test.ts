import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeRefusedRows, REFUSED_FILE } from '#adapters/refused-rows/refused-rows.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';
import { Notes } from './source-run.ts';

const clock = { nowMs: () => Date.UTC(2026, 0, 1) };
const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('refused rows', () => {
  test('are kept with their source, reason and place, whatever they hold, for nobody else to read', async (context) => {
    const folder = join(tempFolder(context), 'data');
    const refused = makeRefusedRows({ folder, clock });
    const odd = 'a\n"b"\u0000\ud800\u001b[31m';
    refused.refuse('archivo:/x', 'bad_valor', odd, 'line 12, cpu');
    refused.refuse('http', 'malformed', 'x'.repeat(100_000), 'line 1');
    await refused.close();
    const [first, second] = linesOf(join(folder, REFUSED_FILE));
    assert.deepEqual(first, {
      ts: '2026-01-01T00:00:00.000Z',
      fuente: 'archivo:/x',
      motivo: 'bad_valor',
      donde: 'line 12, cpu',
      fila: odd,
    });
    assert.ok(String(second!['fila']).length <= 4096);
    assert.equal(statSync(refused.path).mode & 0o777, 0o600);
  });

  test('are counted by source and reason, all of them', async (context) => {
    const refused = makeRefusedRows({ folder: tempFolder(context), clock });
    for (let k = 0; k < 50_000; k++)
      refused.refuse('a', k % 2 === 0 ? 'malformed' : 'too_long', `row ${k}`, `line ${k}`);
    refused.refuse('b', 'capacity', 'x', 'line 1');
    await refused.close();
    refused.refuse('b', 'capacity', 'x', 'line 1');
    assert.deepEqual(refused.counts(), [
      { fuente: 'a', reason: 'malformed', count: 25_000 },
      { fuente: 'a', reason: 'too_long', count: 25_000 },
      { fuente: 'b', reason: 'capacity', count: 2 },
    ]);
  });

  test('never take more disk than two files, nor more memory than a bound; what is left out is counted', async (context) => {
    const folder = tempFolder(context);
    const bytesMax = 100_000;
    const refused = makeRefusedRows({ folder, clock, bytesMax });
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 40; round++) {
      for (let k = 0; k < 20_000; k++) refused.refuse('a', 'malformed', 'y'.repeat(200), `line ${k}`);
      await refused.flush();
    }
    await refused.close();
    const path = join(folder, REFUSED_FILE);
    // One write of what waited may stand above the size at which files change.
    assert.ok(statSync(path).size <= 700_000 && statSync(`${path}.1`).size <= 700_000);
    assert.ok(process.memoryUsage.rss() - before < 100e6);
    assert.ok(linesOf(path).some((line) => Number(line['omitidas']) > 0));
  });

  test('a disk that does not take them stops nobody, and says so once', async (context) => {
    const folder = tempFolder(context);
    // A folder stands where the file should.
    mkdirSync(join(folder, REFUSED_FILE));
    const notes = new Notes();
    const refused = makeRefusedRows({ folder, clock, logger: notes });
    for (let k = 0; k < 5; k++) {
      refused.refuse('a', 'malformed', 'x', 'line 1');
      await refused.flush();
    }
    assert.equal(notes.said.length, 1);
    rmdirSync(join(folder, REFUSED_FILE));
    refused.refuse('a', 'malformed', 'last', 'line 2');
    await until('rows are kept again', () => existsSync(join(folder, REFUSED_FILE)));
    await refused.close();
    const lines = linesOf(join(folder, REFUSED_FILE));
    assert.equal(lines[0]!['fila'], 'last');
    assert.deepEqual(lines[1], { omitidas: 5 });
  });
});
