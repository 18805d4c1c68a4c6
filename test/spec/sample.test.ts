/** Section 6.1's configuration, run on real servers: with their ports alone replaced, and as it stands. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runSample, SAMPLE, type SampleFindings } from './sample-run.ts';

const RUN = fileURLToPath(new URL('sample-run.ts', import.meta.url));

function assertRan(found: SampleFindings): void {
  assert.equal(found.entidades, 1_002_000);
  assert.deepEqual(found.problems, []);
  assert.deepEqual(found.bloques.toSorted(), ['enjambre_sensor', 'example_block', 'ia_analisis', 'nodo_seguridad']);
  for (const text of [
    '[CoreCNucleus] Inicializado',
    '[ModuloRegistro] Bloque registrado',
    'db_config.password is the placeholder',
    'redis_config.password is the placeholder',
  ])
    assert.ok(found.output.includes(text), `${text} in ${found.output}`);
  const response = JSON.parse(found.response) as { id: string; ok: boolean; result: unknown };
  assert.deepEqual([response.id, response.ok, response.result], ['sample-1', true, { bloques: 1 }]);
  assert.equal(found.exitCode, 0);
  for (const name of ['bloques', 'alertas', 'comandos', 'epocas']) assert.ok(found.tables.includes(name), name);
  assert.ok(
    found.tables.some((name) => /^bloques_\d{4}_\d{2}$/.test(name)),
    'months of bloques',
  );
  // every bloque has its row, and one of the plugin's is among them
  assert.ok(found.storedRows >= 992, `${found.storedRows} rows`);
  assert.ok(found.epoca >= 1);
}

test('6.1: the sample configuration brings up a million entidades on a PostgreSQL and a Redis with its own settings', async () => {
  assertRan(await runSample(false));
});

test('6.1: the file runs as it stands, byte for byte, on the ports that it names', async () => {
  const text = readFileSync(SAMPLE, 'utf8');
  if (canHaveOwnNetwork()) {
    // nothing of this machine's network is in there: 5432, 6379 and 8420 are free
    const script = 'ip link set lo up && exec "$0" "$1"';
    const { stdout } = await promisify(execFile)('unshare', ['-n', 'sh', '-c', script, process.execPath, RUN], {
      maxBuffer: 16 * 1024 * 1024,
    });
    const found = JSON.parse(stdout.trim().split('\n').at(-1)!) as SampleFindings;
    assert.equal(found.config, text);
    assertRan(found);
    return;
  }
  const taken = (await Promise.all([5432, 6379, 8420].map(isTaken))).some((one) => one);
  if (taken) {
    console.log(
      '  not tried: the sample as it stands (no network of its own may be made here, and its ports are taken)',
    );
    return;
  }
  const found = await runSample(true);
  assert.equal(found.config, text);
  assertRan(found);
});

function canHaveOwnNetwork(): boolean {
  try {
    execFileSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
