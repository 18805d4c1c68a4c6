import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../http/door.ts';
import { corec, makeHome, start } from './cli.ts';

describe('alerts --follow', () => {
  test('tells alerts as they come, in words or as a line of JSON each, until Ctrl-C', async () => {
    await using home = makeHome();
    await home.open();
    const words = start(['alerts', '--follow', '--config', home.configPath]);
    const json = start(['alerts', '--follow', '--json', '--config', home.configPath]);
    const some = start(['alerts', 'disk/*', '--follow', '--json', '--config', home.configPath]);
    await until('all listen', () => home.counted.get('corec_http_streams') === 3);
    home.nucleus.feed('cpu', 150, 1_700_000_000_000);
    home.nucleus.feed('disk/sda', 150, 1_700_000_000_000);
    home.nucleus.feed('disk/sda', 1, 1_700_000_060_000);
    await until('the last came', () =>
      [words, json, some].every(({ out }) => /"evento":"cerrada"|alert over/.test(out.text)),
    );
    assert.match(words.err.text, /^Waiting for alerts/);
    assert.match(words.out.text, /^2023-11-14T22:13:20Z ALERT sensor\/0 disk\/sda: 150 is above the usual 0 to 100$/m);
    assert.match(words.out.text, /^2023-11-14T22:14:20Z alert over sensor\/0 disk\/sda, it lasted 1 min/m);
    const told = some.out.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { evento: string; alerta: { clave: string } });
    assert.deepEqual(
      told.map(({ evento, alerta }) => [evento, alerta.clave]),
      [
        ['abierta', 'disk/sda'],
        ['cerrada', 'disk/sda'],
      ],
    );
    for (const { child, done } of [words, json, some]) {
      child.kill('SIGINT');
      assert.equal((await done).code, 130);
    }
  });

  test('comes back after a restart of CoreC, misses nothing and repeats nothing', async () => {
    await using home = makeHome();
    const door = await home.open();
    const { child, out, err, done } = start(['alerts', '--follow', '--json', '--config', home.configPath]);
    await until('it hears', () => {
      home.nucleus.feed(`first${home.nucleus.lecturas}`, 150, 1000 + home.nucleus.lecturas);
      return out.text !== '';
    });
    await door.close();
    await until('it waits', () => err.text.includes('trying again'));
    home.nucleus.feed('between', 150, 1_000_000);
    await home.open();
    await until('it knows', () => out.text.includes('"between"'));
    home.nucleus.feed('after', 150, 2_000_000);
    await until('it goes on', () => out.text.includes('"after"'));
    const claves = out.text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { alerta: { clave: string } }).alerta.clave);
    assert.equal(new Set(claves).size, claves.length);
    child.kill('SIGTERM');
    assert.equal((await done).code, 130);
  });

  test('ends when nobody reads on', async () => {
    await using home = makeHome();
    await home.open();
    const { child, err, done } = start(['alerts', '--follow', '--config', home.configPath]);
    child.stdout!.once('data', () => child.stdout!.destroy());
    let k = 0;
    await until('it ended', async () => {
      home.nucleus.feed(`k${k++}`, 150, 1000);
      return child.exitCode !== null || child.signalCode !== null;
    });
    await done;
    assert.ok(!err.text.includes('EPIPE'));
  });
});

describe('config', () => {
  test('check tells what will stand and what it needs, without starting anything', async () => {
    await using home = makeHome({ bloques: [{ id: 'plant', canal: 1, entidades: 5000, entidades_por_bloque: 1000 }] });
    const { code, stdout } = await corec(['config', 'check'], { cwd: home.folder });
    assert.equal(code, 0);
    assert.match(stdout, /corec_config\.json is sound: 5,000 entidades in 5 bloques/);
    assert.match(stdout, /^plant +1 +detector +5,000 +5/m);
    assert.match(stdout, /^Memory +now +at most$[^]*^total +[\d.]+ MB +[\d.]+ MB$/m);
    const json = await corec(['config', 'check', home.configPath, '--json']);
    assert.equal((JSON.parse(json.stdout) as { check: { entidades: number } }).check.entidades, 5000);
  });

  test('check names every defect with its path', async () => {
    await using home = makeHome({
      bloques: [{ id: 'plant', canal: 9, entidades: -1 }],
      persistencia: { intervalo: 3 },
    });
    const { code, stderr } = await corec(['config', 'check'], { cwd: home.folder });
    assert.equal(code, 2);
    assert.match(stderr, /COREC_E_CONFIG_INVALID/);
    for (const path of ['bloques[0].canal', 'bloques[0].entidades', 'persistencia.intervalo'])
      assert.ok(stderr.includes(path), path);
    assert.match((await corec(['config', 'check', 'none.json'], { cwd: home.folder })).stderr, /COREC_E_CONFIG_READ/);
  });

  test('schema prints the JSON Schema, in the language asked for', async () => {
    const { code, stdout } = await corec(['config', 'schema']);
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as { title: string }).title, 'corec_config.json');
    assert.notEqual((await corec(['config', 'schema', '--idioma', 'es'])).stdout, stdout);
  });
});
