import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { makeConfigAccess } from '#app/config-access.ts';
import { defaultConfig, loadConfig } from '#app/load-config.ts';
import { ConfigError } from '#domain/config/defects.ts';
import { CoreCError } from '#domain/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'corec-config-access-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const root = join(import.meta.dirname, '..', '..', '..');
const access = makeConfigAccess({ inUse: defaultConfig(folder), env: {}, namesFiles: true });

function fileOf(name: string, config: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(config, null, 1));
  return path;
}

test('the shipped file and the sample of the specification pass the whole check', async () => {
  for (const file of ['corec_config.json', 'examples/spec/corec_config.json']) {
    const { check } = await access.check(join(root, file));
    assert.ok(check.entidades >= 1_000_000, file);
    assert.ok(check.estimate.memoriaBytes > 0 && check.estimate.discoBytes > 0);
  }
});

test('without a file the configuration in use is told', async () => {
  const own = makeConfigAccess({
    inUse: loadConfig(fileOf('own.json', { instance_id: 'own' }), {}),
    env: {},
    namesFiles: true,
  });
  assert.equal((await own.check(null)).check.instanceId, 'own');
});

test('a door whose callers may name no files answers for the configuration in use only', async () => {
  const closed = makeConfigAccess({ inUse: defaultConfig(folder), env: {}, namesFiles: false });
  await closed.check(null);
  await assert.rejects(
    closed.check('/etc/passwd'),
    (error) => error instanceof CoreCError && error.code === 'COREC_E_UNAUTHORIZED',
  );
});

test('unknown procesadores, their parametros and sizes are told together', async () => {
  const file = fileOf('broken.json', {
    bloques: [
      { id: 'a', procesador: 'detecter' },
      { id: 'b', parametros: { sensibilidad: 'much' } },
      { id: 'c', entidades: 60_000, entidades_por_bloque: 60_000 },
      { id: 'd', procesador: './absent.ts' },
    ],
  });
  await assert.rejects(access.check(file), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error
        .text('en')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(' ')[0]),
      [
        'bloques[0].procesador',
        'bloques[3].procesador',
        'bloques[1].parametros.sensibilidad',
        'bloques[2].max_size_mb',
      ],
    );
    assert.match(error.text('en'), /no procesador "detecter"/);
    assert.match(error.text('es'), /no se puede usar/);
    return true;
  });
});

test("one's own procesador from a file beside the configuration is judged with its parametros", async () => {
  writeFileSync(
    join(folder, 'own.mjs'),
    `export default { nombre: 'own', version: 1, estado: { a: 'f64' }, onLectura: (e, lectura) => lectura.valor };\n`,
  );
  const sound = await access.check(fileOf('sound.json', { bloques: [{ id: 'a', procesador: './own.mjs' }] }));
  assert.equal(sound.check.entradas[0]?.procesador, join(folder, 'own.mjs'));
  await assert.rejects(
    access.check(fileOf('unsound.json', { bloques: [{ id: 'a', procesador: './own.mjs', parametros: { x: 1 } }] })),
    /own takes no parametros/,
  );
});

test('more than this machine has is told as a notice and stops nothing', async () => {
  const many = { entidades: 2_000_000_000, entidades_por_bloque: 65_000, max_size_mb: 100 };
  const { check } = await access.check(fileOf('many.json', { bloques: [{ id: 'a', ...many }] }));
  assert.ok(check.notices.some(({ code }) => code === 'config.notice_memory'));
  assert.ok(check.notices.some(({ code, path }) => code === 'config.notice_disk' && path === 'data_dir'));
});
