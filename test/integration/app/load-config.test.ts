import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { defaultConfig, loadConfig } from '#app/load-config.ts';
import { ConfigError } from '#domain/config/defects.ts';

const folder = mkdtempSync(join(tmpdir(), 'corec-load-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function refused(file: string, env: Record<string, string> = {}): ConfigError {
  try {
    loadConfig(file, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail('was accepted');
}

test('paths start from the folder of the file, wherever one stands', () => {
  const deep = join(folder, 'deep');
  mkdirSync(deep);
  const file = join(deep, 'my.json');
  writeFileSync(
    file,
    JSON.stringify({ data_dir: '../d', logs: { ruta: '/var/log/x.log' }, instance_id: '${NAME:-n}' }),
  );
  const { config, path, folder: from } = loadConfig(file, { NAME: 'box' });
  assert.equal(config.data_dir, join(folder, 'd'));
  assert.equal(config.logs.ruta, '/var/log/x.log');
  assert.equal(config.instance_id, 'box');
  assert.equal(path, file);
  assert.equal(from, deep);
});

test('a file that cannot be read is told with the reason in both languages', () => {
  const absent = refused(join(folder, 'absent.json'));
  assert.equal(absent.code, 'COREC_E_CONFIG_READ');
  assert.match(absent.text('en'), /absent\.json: there is no such file\. Give an existing JSON file with --config\.$/);
  assert.match(absent.text('es'), /absent\.json: no existe ese archivo\./);
  assert.match(refused(folder).text('en'), /it is a folder/);
  const binary = join(folder, 'binary.json');
  writeFileSync(binary, Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]));
  assert.match(refused(binary).text('en'), /it is not UTF-8 text/);
  const huge = join(folder, 'huge.json');
  writeFileSync(huge, Buffer.alloc(17 * 1024 * 1024, 0x20));
  assert.match(refused(huge).text('en'), /it has 17 MB/);
});

test('without a file the defaults hold, from the folder that is given', () => {
  const { config, path } = defaultConfig(folder);
  assert.equal(path, null);
  assert.equal(config.data_dir, join(folder, 'data'));
});
