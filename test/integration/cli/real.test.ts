/** The command line with the real CoreC behind it: opened for one command, and running. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { until } from '../http/door.ts';
import { corec, makeHome, start, type Home, type Ran } from './cli.ts';

const config = {
  http: { host: '127.0.0.1', port: 0 },
  bloques: [{ id: 'plant', canal: 1, dinamico: true, entidades: 1000, entidades_por_bloque: 100 }],
  fuentes: [],
};
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);

/** 20 claves that are as usual for 600 hours; then the first is far off. */
function weeks(): string {
  const lines: string[] = [];
  for (let hour = 0; hour < 600; hour++) {
    for (let k = 0; k < 20; k++) {
      const odd = k === 0 && hour > 580 ? 500 : 0;
      const temp = 50 + 5 * Math.sin(hour / 3.8) + ((hour * 7 + k * 3) % 11) / 10 + odd;
      lines.push(JSON.stringify({ sensor: `s${k}`, temp, time: new Date(START_MS + hour * HOUR_MS).toISOString() }));
    }
  }
  return `${lines.join('\n')}\nnonsense\n`;
}

const at = (home: Home, ...args: string[]): Promise<Ran> => corec(args, { cwd: home.folder });

describe('without a running CoreC', () => {
  test('ingest opens the store for as long as it takes, and reading commands find what it left', async () => {
    await using home = makeHome(config);
    writeFileSync(join(home.folder, 'weeks.ndjson'), weeks());
    const taken = await at(home, 'ingest', 'weeks.ndjson', '--bloque', 'plant', '--json');
    assert.equal(taken.code, 0, taken.stderr);
    const sum = JSON.parse(taken.stdout) as { lecturas: number; claves: number; alertas: number; refused: unknown };
    assert.deepEqual([sum.lecturas, sum.claves, sum.refused], [12_000, 20, { malformed: 1 }]);
    assert.ok(sum.alertas >= 1);

    const again = await at(home, 'ingest', 'weeks.ndjson', '--bloque', 'plant');
    assert.equal(again.code, 0);
    assert.match(again.stdout, /nothing new|0 readings/);

    const alerts = await at(home, 'alerts', 's0');
    assert.equal(alerts.code, 0);
    assert.match(alerts.stderr, /No CoreC is running; this is what is stored/);
    assert.match(alerts.stdout, /2026-01-25T\d\d:00:00Z .* s0 /);
    const entidad = await at(home, 'entidad', 's1', '--json');
    const { history } = JSON.parse(entidad.stdout) as { history: { points: unknown[] } };
    assert.equal(history.points.length, 600);
    assert.equal((await at(home, 'forget', 's1')).code, 3, 'changing something needs a running one');
    assert.match((await at(home, 'entidades', 's1*', '--limit', '3')).stdout, /s1 [^]*s10 [^]*s11 /);
  });
});

describe('with a running CoreC', () => {
  test('everything goes through it, from the start to Ctrl-C', async () => {
    await using home = makeHome(config);
    const report = join(home.folder, 'report.json');
    const running = start(['run', '--report', report], { cwd: home.folder });
    await until('it answers', async () => (await at(home, 'status')).code === 0, 60_000);
    assert.match(running.out.text, /HTTP on http:\/\/127\.0\.0\.1:\d+/);

    const second = await at(home, 'run');
    assert.equal(second.code, 1);
    assert.match(second.stderr, /COREC_E_DATA_DIR_LOCKED/);

    const piped = await corec(['ingest', '-', '--bloque', 'plant'], { cwd: home.folder, input: weeks() });
    assert.equal(piped.code, 0, piped.stderr);
    assert.match(piped.stdout, /stdin: 12,000 readings of 12,001 rows/);
    const forgotten = await at(home, 'forget', 's7');
    assert.match(forgotten.stdout, /s7 forgotten/);
    assert.equal((await at(home, 'entidad', 's7')).code, 2);
    assert.equal((await at(home, 'pause', 'plant')).code, 0);
    const { fase } = JSON.parse((await at(home, 'status', '--json')).stdout) as { fase: string };
    assert.ok(fase === 'vivo' || fase === 'pausado');
    assert.equal((await at(home, 'doctor')).code, 0);

    running.child.kill('SIGINT');
    assert.equal((await running.done).code, 0, running.err.text);
    assert.equal((JSON.parse(readFileSync(report, 'utf8')) as { lecturas: number }).lecturas, 12_000);
    assert.ok(!existsSync(join(home.dataDir, 'corec.sock')));
    assert.equal((await at(home, 'status')).code, 3);
  });

  test('an error that nobody catches ends it, stands in the log with its stack, and costs nothing', async () => {
    const bomba = `import { ModuloBase } from 'corec';
export class Bomba extends ModuloBase {
  nombre = 'Bomba';
  async inicializar() {}
  async ejecutar() { setTimeout(() => { throw new Error('it went off'); }, 100); }
  async detener() {}
}`;
    await using home = makeHome({ ...config, modulos: ['bomba.ts'] });
    writeFileSync(join(home.folder, 'bomba.ts'), bomba);
    const { code, stdout, stderr } = await at(home, 'run');
    assert.equal(code, 1);
    assert.match(stdout + stderr, /CoreC ends by an error that nobody caught: it went off/);
    assert.match(stderr, /bomba\.ts:5/);
    const lines = readFileSync(join(home.folder, 'logs', 'corec.log'), 'utf8')
      .trimEnd()
      .split('\n');
    const last = JSON.parse(lines.at(-1)!) as { level: string; time: string; msg: string; fields: unknown };
    assert.deepEqual([last.level, Number.isNaN(Date.parse(last.time))], ['error', false]);
    assert.match(last.msg, /it went off\. What was acknowledged is kept/);
    assert.match(JSON.stringify(last.fields), /bomba\.ts:5/);

    writeFileSync(home.configPath, JSON.stringify(config));
    const again = await at(home, 'run', '--for', '1s');
    assert.equal(again.code, 0, again.stderr);
  });
});
