import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { COMMAND_NAMES } from '#nucleus/commands/catalogue.ts';
import { exampleLine } from '#cli/help.ts';
import { ROWS } from '#cli/rows.ts';
import { until } from '../http/door.ts';
import { corec, makeHome, makeTerminal, onTerminal, root, start, within, type Home, type Ran } from './cli.ts';

const at = (home: Home, ...args: string[]): Promise<Ran> => within([...args, '--config', home.configPath]);

describe('help', () => {
  test('every command of the table can be given on the command line', () => {
    const offered = ROWS.flatMap((row) => row.entry?.name ?? []).sort();
    assert.deepEqual(offered, COMMAND_NAMES.toSorted());
  });

  test('every example of the table is shown as it is typed', () => {
    const lines = ROWS.flatMap((row) => (row.entry?.examples ?? []).map((example) => exampleLine(row, example.input)));
    assert.ok(lines.includes('corec top --limit 5'));
    assert.ok(lines.includes("corec silence 'disco/*' --for 2h"));
    assert.ok(lines.includes('corec alerts --open'));
    assert.ok(lines.includes('corec config check corec_config.json'));
  });

  test('docs/CLI.md and docs/HTTP.md name every command', () => {
    const [cli, http] = ['CLI.md', 'HTTP.md'].map((file) => readFileSync(join(root, 'docs', file), 'utf8'));
    for (const { path, own = [] } of ROWS) {
      assert.ok(cli!.includes(`\`${path}`), path);
      for (const { name } of own) assert.ok(cli!.includes(`--${name}`), `${path} --${name}`);
    }
    for (const name of COMMAND_NAMES) assert.match(http!, new RegExp(`\\b${name}\\b`), name);
  });

  test('it comes in groups, with examples and exit codes, in both languages', async () => {
    const en = await corec(['help']);
    assert.equal(en.code, 0);
    assert.match(en.stdout, /^Look$/m);
    assert.match(en.stdout, /alerts \[PATTERN\] +What was odd/);
    assert.match(en.stdout, /3 no CoreC running/);
    const es = await within(['--help'], { env: { LANG: 'es_ES.UTF-8' } });
    assert.equal(es.code, 0);
    assert.match(es.stdout, /^Mirar$/m);
    assert.equal((await within([])).stdout, en.stdout);
  });

  test('one command has its own page, however it is asked for', async () => {
    const page = await within(['help', 'silence']);
    assert.match(page.stdout, /^Usage: corec silence PATTERN/);
    assert.match(page.stdout, /--for SPAN [^]*\(default 1h\)/);
    assert.match(page.stdout, /corec silence 'disco\/\*' --for 2h +while the disks are replaced/);
    assert.equal((await within(['silence', '--help'])).stdout, page.stdout);
    const nested = await within(['help', 'config']);
    assert.match(nested.stdout, /corec config check \[FILE\]/);
    assert.match(nested.stdout, /corec config schema/);
  });

  test('no line is wider than the terminal', async () => {
    await using home = makeHome();
    const terminal = makeTerminal(home, {}, 50);
    await onTerminal(terminal, ['help']);
    await onTerminal(terminal, ['help', 'ingest']);
    for (const line of stripVTControlCharacters(terminal.screen()).split('\n')) {
      assert.ok(line.length <= 50 || line.startsWith('Usage') || line.includes('corec '), line);
    }
  });

  test('the version comes at once and alone', async () => {
    const { code, stdout, stderr } = await corec(['--version']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong command line', () => {
  const cases: [string[], RegExp, RegExp][] = [
    [
      ['statsu'],
      /COREC_E_COMMAND_UNKNOWN: There is no command "statsu"\. Did you mean status\?/,
      /¿Quiso decir status\?/,
    ],
    [['help', 'statsu'], /Did you mean status\?/, /¿Quiso decir status\?/],
    [['config', 'chek'], /Did you mean config check\?|no command/, /comando/],
    [['top', '--limt', '3'], /top: there is no option --limt\. Allowed: --limit/, /no existe la opción --limt/],
    [['entidad'], /entidad: CLAVE is missing/, /falta CLAVE/],
    [['ack', 'a', 'b'], /ack: too many arguments\. Allowed: 1;/, /demasiados argumentos/],
    [['silence', 'x', '--for'], /silence: --for has no value/, /--for no tiene valor/],
    [['status', '--idioma', 'fr'], /--idioma "fr"\. Allowed: en, es/, /--idioma "fr"/],
  ];
  for (const [args, en, es] of cases) {
    test(`is told what to write instead: ${args.join(' ')}`, async () => {
      const english = await within(args);
      assert.equal(english.code, 2);
      assert.equal(english.stdout, '');
      assert.match(english.stderr, en);
      const spanish = await within(args, { env: { LC_ALL: 'es_AR.UTF-8' } });
      assert.match(spanish.stderr, es);
    });
  }

  test('values are judged by the table, with the same words as over HTTP', async () => {
    await using home = makeHome();
    await home.open();
    const { code, stderr } = await at(home, 'top', '--limit', 'many');
    assert.equal(code, 2);
    assert.match(stderr, /top: limit is "many"\. Allowed: limit: a whole number from 1 to 10000/);
    assert.match((await at(home, 'silence', 'x', '--for', 'long')).stderr, /for is "long"/);
  });
});

describe('without a running CoreC', () => {
  test('what needs one says so and exits with 3', async () => {
    await using home = makeHome();
    for (const args of [
      ['status'],
      ['top'],
      ['pause'],
      ['ack', 'x'],
      ['alerts', '--follow'],
      ['alerts'],
      ['entidades'],
    ]) {
      const { code, stdout, stderr } = await at(home, ...args);
      assert.deepEqual([code, stdout], [3, ''], args.join(' '));
      assert.match(stderr, /COREC_E_NOT_RUNNING: No CoreC is running on .*data\. Start one with \.\/run\.sh/);
    }
  });

  test('with --json the error is the one document', async () => {
    await using home = makeHome({ idioma: 'es' });
    const { code, stdout } = await at(home, 'status', '--json');
    assert.equal(code, 3);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    assert.equal(error.code, 'COREC_E_NOT_RUNNING');
    assert.match(error.message, /Ningún CoreC está en marcha/);
  });

  test('a socket that nobody answers is no CoreC', async () => {
    await using home = makeHome();
    const door = await home.open();
    await door.close();
    writeFileSync(join(home.dataDir, 'corec.sock'), '');
    assert.equal((await at(home, 'status')).code, 3);
  });
});

describe('which CoreC is meant', () => {
  test('--config, COREC_CONFIG, the working folder, and --data-dir all lead to the socket', async () => {
    await using home = makeHome({ data_dir: '${CLI_TEST_FOLDER:-data}' });
    await home.open();
    const codes = await Promise.all([
      within(['status', '--config', home.configPath]),
      within(['--config', home.configPath, 'status']),
      within(['status'], { env: { COREC_CONFIG: home.configPath } }),
      within(['status'], { cwd: home.folder }),
      within(['status', '--data-dir', home.dataDir]),
      within(['status', '--data-dir', 'data'], { cwd: home.folder }),
      within(['status'], { cwd: home.folder, env: { CLI_TEST_FOLDER: 'elsewhere' } }),
    ]);
    assert.deepEqual(
      codes.map(({ code }) => code),
      [0, 0, 0, 0, 0, 0, 3],
    );
  });

  test('a broken configuration is told as it is', async () => {
    await using home = makeHome();
    writeFileSync(home.configPath, '{ "instance_id": ');
    const broken = await at(home, 'status');
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /COREC_E_CONFIG_JSON/);
    const none = await within(['status', '--config', join(home.folder, 'none.json')]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /COREC_E_CONFIG_READ.*there is no such file/);
    // the data folder says enough to find the socket
    await home.open();
    assert.equal((await at(home, 'status', '--data-dir', home.dataDir)).code, 0);
  });

  test('the language is that of --idioma, the configuration, then the environment', async () => {
    await using home = makeHome({ idioma: 'es' });
    await home.open();
    const spanish = /en marcha/;
    assert.match((await at(home, 'status')).stdout, spanish);
    assert.match(
      (await within(['status', '--config', home.configPath], { env: { LANG: 'en_US.UTF-8' } })).stdout,
      spanish,
    );
    assert.doesNotMatch((await at(home, 'status', '--idioma', 'en')).stdout, spanish);
    writeFileSync(home.configPath, '{"http":null}');
    assert.match(
      (await within(['status', '--config', home.configPath], { env: { LANG: 'es_MX.UTF-8' } })).stdout,
      spanish,
    );
    assert.doesNotMatch((await at(home, 'status')).stdout, spanish);
  });
});

describe('asking a running CoreC', () => {
  test('every command answers as text and as exactly one JSON document', async () => {
    await using home = makeHome();
    await home.open();
    const { nucleus } = home;
    nucleus.feed('cpu/total', 40, 1_700_000_000_000);
    nucleus.feed('cpu/total', 150, 1_700_000_060_000);
    nucleus.feed('disk/sda', 12, 1_700_000_000_000);
    const cases: [string[], RegExp][] = [
      [
        ['status'],
        /fake alive: CoreC 0\.0\.0[^]*entidades +2,000 in 3 bloques[^]*1 open, 1 since the start[^]*host -> host, reading/,
      ],
      [['top'], /^clave +bloque +reading +valor[^]*cpu\/total +sensor\/0 +150 +0\.75 .*alert$/m],
      [['bloques'], /^entry[^]*sensor +2 +1 +detector +2,000/m],
      [['bloques', 'sensor', '--limit', '1'], /^bloque +canal[^]*sensor\/0[^]*--limit shows them/m],
      [['bloque', 'sensor/0'], /^sensor\/0\n[^]*umbral +9[^]*150 is above the usual 0 to 100[^]*cpu\/total/],
      [['entidades', 'disk/*'], /^clave[^]*disk\/sda/],
      [
        ['entidad', 'cpu/total'],
        /^cpu\/total in sensor\/0\n[^]*usual +0 to 100[^]*150 [⠀-⣿]+\n[^]*40 [⠀-⣿]+\n +▲\n[^]*2023-11-14T22:13:20Z +1 min +2023-11-14T22:14:20Z/,
      ],
      [
        ['alerts'],
        /^opened[^]*2023-11-14T22:14:20Z +open, 0 ms +cpu\/total +150 is above the usual 0 to 100 +00000001/m,
      ],
      [
        ['history'],
        /^when +what +where +what happened\n2023-11-14T22:14:20Z +alert +cpu\/total +150 is above the usual 0 to 100\n$/,
      ],
      [['history', 'host', '--tipo', 'comando'], /^nothing happened\n$/],
      [
        ['ack', '00000001', '--by', 'Ana'],
        /^Acknowledged: cpu\/total, 150 is above the usual 0 to 100 \(00000001, by Ana\)/,
      ],
      [['silence', 'disk/*', '--for', '2h'], /^No alert of disk\/\* is told until 20.* \(claves now: 1\)/],
      [['silence', 'disk/*', '--for', '0'], /^Alerts of disk\/\* are told again/],
      [['pause', 'host'], /^Bloques paused: 1;/],
      [['resume', 'host'], /^Bloques running again: 1/],
      [
        ['block-redirect', '--dry-run'],
        /^move +from +to +entidades +bound\s+lend +host\/0 +sensor\/0 +20 +0\s+20 entidades would move. Nothing was done./,
      ],
      [
        ['block-redirect', '--from', 'host/0', '--to', 'sensor/0', '--entidades', '20'],
        /lend +host\/0 +sensor\/0[^]*20 entidades moved/,
      ],
      [['block-merge', 'host'], /merge +host\/0[^]*20 entidades moved/],
      [['block-split', 'host/0'], /split +host\/0[^]*20 entidades moved/],
      [['doctor'], /ok +store +answers[^]*1 well, 0 to look at, 0 broken/],
      [['forget', 'disk/sda'], /^disk\/sda forgotten; entidades freed: 1/],
    ];
    for (const [args, shows] of cases) {
      const { code, stdout, stderr } = await at(home, ...args);
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
      assert.match(stdout, shows, args.join(' '));
      assert.ok(!stdout.includes('\u001b'), 'no colours without a terminal');
    }
    nucleus.feed('disk/sda', 12, 1_700_000_000_000);
    for (const [args] of cases) {
      const { code, stdout } = await at(home, ...args, '--json');
      assert.equal(code, 0, args.join(' '));
      assert.equal(typeof JSON.parse(stdout), 'object');
    }
    assert.equal(nucleus.silences.has('disk/*'), true);
  });

  test('a history that would end before it begins is refused, and says which times it was given', async () => {
    await using home = makeHome();
    await home.open();
    const { code, stdout, stderr } = await at(home, 'history', '--since', '2026-02-01', '--until', '2026-01-31T12:00Z');
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /since 2026-02-01T00:00:00.000Z is after until 2026-01-31T12:00:00.000Z/);
  });

  test('who acknowledges is on record', async () => {
    await using home = makeHome();
    await home.open();
    home.nucleus.feed('a', 150, 1000);
    await at(home, 'ack', '00000001');
    assert.notEqual(home.nucleus.stored[0]!.reconocidaPor, 'socket');
    assert.notEqual(home.nucleus.stored[0]!.reconocidaPor, null);
  });

  test('doctor exits with 1 when something is broken, and shows the mend', async () => {
    await using home = makeHome();
    await home.open();
    home.nucleus.findings = [
      { check: 'disk', state: 'warn', found: '700 MB free', mend: 'Free space.' },
      { check: 'postgresql', state: 'fail', found: 'no answer', mend: 'Start it.' },
    ];
    const { code, stdout } = await at(home, 'doctor');
    assert.equal(code, 1);
    assert.match(stdout, /look +disk +700 MB free +Free space\.\nBROKEN +postgresql +no answer +Start it\./);
    assert.match(stdout, /0 well, 1 to look at, 1 broken/);
  });

  test('what the nucleus refuses is an error with its code', async () => {
    await using home = makeHome();
    await home.open();
    const { code, stderr } = await at(home, 'entidad', 'nobody');
    assert.equal(code, 2);
    assert.match(stderr, /^error COREC_E_NOT_FOUND: There is no clave "nobody"/);
  });

  test('a clave from the data cannot steer the terminal', async () => {
    await using home = makeHome();
    await home.open();
    home.nucleus.feed('\u001b[2Jevil\u0007\nline', 150, 1000);
    for (const args of [['top'], ['alerts'], ['entidad', '\u001b[2Jevil\u0007\nline'], ['entidades']]) {
      const { stdout } = await at(home, ...args);
      assert.equal(stripVTControlCharacters(stdout), stdout, args[0]);
      assert.ok(!stdout.includes('\u0007'));
      assert.match(stdout, /\\x1b\[2Jevil\\x07\\nline/);
    }
  });

  test('a reader that goes away is no error', async () => {
    await using home = makeHome();
    await home.open();
    for (let k = 0; k < 5000; k++) home.nucleus.feed(`clave-with-a-long-name-${k}`, 1, 1000);
    const { child, err, done } = start(['entidades', '--limit', '5000', '--config', home.configPath]);
    child.stdout!.once('data', () => child.stdout!.destroy());
    assert.equal((await done).code, 0);
    assert.equal(err.text, '');
  });
});

describe('on a terminal', () => {
  test('colours are there, and gone with NO_COLOR or --no-color', async () => {
    await using home = makeHome();
    await home.open();
    const painted = async (env: Record<string, string>, ...more: string[]): Promise<boolean> => {
      const terminal = makeTerminal(home, env);
      assert.equal(await onTerminal(terminal, ['status', ...more]), 0);
      return terminal.screen().includes('\u001b[');
    };
    assert.equal(await painted({}), true);
    assert.equal(await painted({ NO_COLOR: '1' }), false);
    assert.equal(await painted({ NO_COLOR: '' }), true);
    assert.equal(await painted({}, '--no-color'), false);
    assert.equal(await painted({ TERM: 'dumb' }), false);
  });

  test('tables and charts fit its width', async () => {
    await using home = makeHome();
    await home.open();
    for (let k = 0; k < 50; k++)
      home.nucleus.feed(`日本-a-rather-long-clave-that-goes-on-and-on-${k}`, k * 3, 1_700_000_000_000 + k);
    for (const columns of [72, 80, 200]) {
      for (const args of [
        ['top'],
        ['alerts', '--limit', '50'],
        ['bloques'],
        ['entidad', '日本-a-rather-long-clave-that-goes-on-and-on-40'],
      ]) {
        const terminal = makeTerminal(home, {}, columns);
        const once = args[0] === 'top' ? [...args, '--once'] : args;
        assert.equal(await onTerminal(terminal, once), 0);
        const { widthOf } = await import('#cli/render/width.ts');
        for (const line of stripVTControlCharacters(terminal.screen()).split('\n')) {
          assert.ok(widthOf(line) <= columns, `${args[0]} at ${columns}: ${line}`);
        }
      }
    }
  });

  test('top draws anew and gives the terminal back, whether by q or by an interrupt', async () => {
    await using home = makeHome();
    await home.open();
    home.nucleus.feed('cpu/total', 150, 1000);
    for (const end of ['q', '\u0003', 'interrupt'] as const) {
      const terminal = makeTerminal(home);
      const ended = onTerminal(terminal, ['top']);
      await until('it is drawn', () => terminal.screen().includes('cpu/total'));
      assert.ok(terminal.screen().startsWith('\u001b[?1049h\u001b[?25l'));
      assert.equal(terminal.rawMode(), true);
      home.nucleus.feed(`later-${end.codePointAt(0)}`, 190, 2000);
      terminal.type(' ');
      await until('it is drawn anew', () => terminal.screen().includes(`later-${end.codePointAt(0)}`));
      if (end === 'interrupt') terminal.interrupt();
      else terminal.type(end);
      assert.equal(await ended, 0);
      assert.ok(terminal.screen().endsWith('\u001b[?25h\u001b[?1049l'));
      assert.equal(terminal.rawMode(), false);
    }
  });

  test('top goes on when CoreC goes away, and says so', async () => {
    await using home = makeHome();
    const door = await home.open();
    const terminal = makeTerminal(home);
    const ended = onTerminal(terminal, ['top']);
    await until('it is drawn', () => terminal.screen().includes('2,000'));
    await door.close();
    terminal.type(' ');
    await until('it says so', () => terminal.screen().includes('No CoreC is running'));
    terminal.type('q');
    assert.equal(await ended, 0);
  });
});
