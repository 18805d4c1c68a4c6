import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { bloqueId, bloquesOf, entidadesOf, type CoreCConfig } from '#domain/config/config.ts';
import { ConfigError } from '#domain/config/defects.ts';
import { bloqueEntryDefaults, isEntryId } from '#domain/config/normalize.ts';
import { parseConfig, type ParsedConfig } from '#domain/config/parse.ts';
import { BLOQUES_MAX, ENTIDADES_DINAMICO_MAX } from '#domain/limits.ts';

const SPEC = readFileSync(new URL('../../../examples/spec/corec_config.json', import.meta.url), 'utf8');

function parse(config: unknown, env: Record<string, string> = {}): ParsedConfig {
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, 1);
  return parseConfig(text, { file: 'corec_config.json', env });
}

function refused(config: unknown, env: Record<string, string> = {}): ConfigError {
  try {
    parse(config, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail('was accepted');
}

/** The defects as a person reads them, without file name and line numbers. */
function defectLines(error: ConfigError, idioma: 'en' | 'es' = 'en'): string[] {
  return error
    .text(idioma)
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/^ {2}(?:line|línea) \d+: /, ''));
}

test("the specification's sample parses unmodified, and means what it says", () => {
  const { config } = parse(SPEC);
  assert.deepEqual(
    config.bloques.map(({ id, canal, entidades, max_size_mb, entidades_por_bloque, autoreparacion }) => [
      id,
      canal,
      entidades,
      max_size_mb,
      entidades_por_bloque,
      autoreparacion.max_errores,
      autoreparacion.min_fitness,
    ]),
    [
      ['enjambre_sensor', 1, 980_000, 1, 1000, 0.05, 0.2],
      ['nodo_seguridad', 2, 1000, 1, 1000, 0.02, 0.5],
      ['ia_analisis', 3, 20_000, 5, 2000, 0.05, 0.2],
      ['example_block', 4, 1000, 3, 1000, 0.05, 0.5],
    ],
  );
  assert.equal(config.instance_id, 'corec1');
  assert.deepEqual(config.db_config, {
    dbname: 'corec_db',
    user: 'postgres',
    password: 'your_password',
    host: 'localhost',
    port: 5432,
    ssl: false,
    max_connections: 10,
    replicas: [],
  });
  assert.equal(config.redis_config?.username, 'corec_user');
  assert.equal(config.plugins[0]?.config_path, 'plugins/example_plugin/config.json');
  assert.equal(config.bloques[3]?.plugin, 'example_plugin');
});

test('980,000 entidades by 1,000 are the bloques enjambre_sensor/0 to enjambre_sensor/979; the last bloque takes the rest', () => {
  const [entry] = parse(SPEC).config.bloques;
  assert.equal(bloquesOf(entry!), 980);
  assert.equal(bloqueId(entry!.id, 979), 'enjambre_sensor/979');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 65_535 }), (entidades, porBloque) => {
      const odd = { entidades, entidades_por_bloque: porBloque };
      let sum = 0;
      for (let k = 0; k < bloquesOf(odd); k++) {
        assert.ok(entidadesOf(odd, k) >= 1 && entidadesOf(odd, k) <= porBloque);
        sum += entidadesOf(odd, k);
      }
      assert.equal(sum, entidades);
    }),
    { numRuns: 50 },
  );
});

test('an empty file is a whole configuration of defaults', () => {
  const { config, notices } = parse({});
  assert.deepEqual(
    { ...config },
    {
      instance_id: 'corec1',
      data_dir: 'data',
      idioma: 'auto',
      db_config: null,
      redis_config: null,
      bloques: [],
      plugins: [],
      fuentes: [],
      http: { host: '127.0.0.1', port: 8420, token: null },
      persistencia: {
        intervalo_s: 30,
        mensajes: 'todos',
        codec: 'columnas+zstd3',
        retencion_dias: 30,
        retencion_mb: 4096,
      },
      alertas: { max_por_minuto: 60, enfriamiento_s: 300, webhook: null },
      sincronizacion: { intervalo_s: 300, adaptativa: true },
      auditoria: { intervalo_s: 60 },
      evolucion: { activa: false, intervalo_s: 900, semilla: 1, cpu_max: 2 },
      modulos: [],
      logs: { ruta: 'logs/corec.log', nivel: 'info', max_mb: 10, archivos: 5 },
    },
  );
  assert.deepEqual(notices, []);
});

test('an entry with nothing but its id is a detector with every default', () => {
  const entry = parse({ bloques: [{ id: 'a' }] }).config.bloques[0];
  assert.deepEqual(entry, {
    id: 'a',
    canal: 1,
    entidades: 1000,
    entidades_por_bloque: 1000,
    dinamico: false,
    max_size_mb: 1,
    autoreparacion: { max_errores: 0.05, min_fitness: 0.2, max_reparaciones: 5, ventana_s: 300 },
    procesador: 'detector',
    parametros: {},
    intervalo_ms: 1000,
    umbral: 'auto',
    tiempo_limite_ms: 1000,
    modelo: null,
    clave_ttl_s: null,
    publicar: 'ninguno',
    evolucion: { activa: true, alternativas: [] },
    inbox_max: 16_384,
    origen: 'config',
    plugin: null,
    path: 'bloques[0]',
  });
});

test('an intelligent bloque may be larger by default, and an entry that grows may grow far', () => {
  const { config } = parse({
    bloques: [
      { id: 'a', modelo: 'isolation_forest' },
      { id: 'b', dinamico: true },
    ],
  });
  assert.equal(config.bloques[0]?.max_size_mb, 5);
  assert.equal(config.bloques[1]?.entidades, ENTIDADES_DINAMICO_MAX);
});

test('a bloque of detector_fino may be as large as an intelligent one, and no other by its procesador', () => {
  const sizeOf = (own: object): number => parse({ bloques: [{ id: 'x', ...own }] }).config.bloques[0]!.max_size_mb;
  const [usual, large] = [sizeOf({}), sizeOf({ modelo: 'isolation_forest' })];
  assert.ok(large > usual);
  assert.equal(sizeOf({ procesador: 'detector_fino' }), large);
  assert.equal(sizeOf({ procesador: 'detector_fino', max_size_mb: 2 }), 2);
  assert.equal(sizeOf({ procesador: 'conteo' }), usual);
});

test("a plugin's bloque is the same flat, nested or mixed", () => {
  const entryOf = (bloque: object): object =>
    parse({ plugins: [{ name: 'p', bloque: { bloque_id: 'b', ...bloque } }] }).config.bloques[0]!.autoreparacion;
  const flat = entryOf({ max_errores: 0.1, min_fitness: 0.5 });
  assert.deepEqual(flat, { max_errores: 0.1, min_fitness: 0.5, max_reparaciones: 5, ventana_s: 300 });
  assert.deepEqual(entryOf({ autoreparacion: { max_errores: 0.1, min_fitness: 0.5 } }), flat);
  assert.deepEqual(entryOf({ max_errores: 0.1, autoreparacion: { min_fitness: 0.5 } }), flat);
});

test('a disabled plugin brings no bloque, a plugin may have none', () => {
  const { config } = parse({
    plugins: [{ name: 'off', enabled: false, bloque: { bloque_id: 'b' } }, { name: 'bare' }],
  });
  assert.deepEqual(config.bloques, []);
  assert.deepEqual(
    config.plugins.map(({ name, enabled, bloque }) => [name, enabled, bloque?.id ?? null]),
    [
      ['off', false, 'b'],
      ['bare', true, null],
    ],
  );
});

test('a source that names no entry of the file gets one that grows, with a notice', () => {
  const { config, notices } = parse({
    bloques: [{ id: 'known' }],
    fuentes: [
      { tipo: 'archivo', ruta: 'a.csv', bloque: 'known' },
      { tipo: 'archivo', ruta: 'b.csv' },
      { tipo: 'stdin', bloque: 'lecturas' },
    ],
  });
  assert.deepEqual(
    config.bloques.map(({ id, origen, dinamico, procesador, path }) => [id, origen, dinamico, procesador, path]),
    [
      ['known', 'config', false, 'detector', 'bloques[0]'],
      ['lecturas', 'fuente', true, 'detector', 'fuentes[1].bloque'],
    ],
  );
  assert.deepEqual(
    config.fuentes.map((fuente) => fuente.bloque),
    ['known', 'lecturas', 'lecturas'],
  );
  assert.deepEqual(
    notices.map(({ code, path }) => [code, path]),
    [['config.notice_implied', 'fuentes[1].bloque']],
  );
});

test('paths of the file are resolved, names of procesadores are not', () => {
  const { config } = parseConfig(
    JSON.stringify({
      data_dir: 'd',
      modulos: ['m.ts'],
      logs: { ruta: 'l/c.log' },
      bloques: [
        { id: 'a', procesador: './own.ts' },
        { id: 'b', procesador: 'latido' },
      ],
      plugins: [{ name: 'p' }],
      fuentes: [{ tipo: 'archivo', ruta: 'x.csv', bloque: 'a' }],
    }),
    { file: 'f', env: {}, resolve: (path) => `/srv/${path}` },
  );
  assert.equal(config.data_dir, '/srv/d');
  assert.deepEqual(config.modulos, ['/srv/m.ts']);
  assert.equal(config.logs.ruta, '/srv/l/c.log');
  assert.deepEqual(
    config.bloques.map((entry) => entry.procesador),
    ['/srv/./own.ts', 'latido'],
  );
  assert.equal(config.plugins[0]?.config_path, '/srv/plugins/p/config.json');
  assert.equal((config.fuentes[0] as { ruta?: string }).ruta, '/srv/x.csv');
});

test('the configuration is frozen to its leaves', () => {
  const { config } = parse(SPEC);
  const frozen = (value: unknown): boolean =>
    value === null || typeof value !== 'object' || (Object.isFrozen(value) && Object.values(value).every(frozen));
  assert.ok(frozen(config));
});

test('keys that begin with $ are notes, wherever they stand', () => {
  const { config } = parse({
    $schema: 'x',
    $comentario: ['any', { thing: 1 }],
    bloques: [{ $nota: true, id: 'a', parametros: { $n: 1, k: 2 } }],
  });
  assert.deepEqual(config.bloques[0]?.parametros, { k: 2 });
});

test('every defect is told at once, one a line in the order of the file, with path, what was found and what is allowed', () => {
  const error = refused(`{
  "instance_id": "a/b",
  "data_dir": 3,
  "db_config": { "port": 70000, "pasword": "x" },
  "bloques": [
    { "id": "a", "canal": 9, "entidades": 0, "max_errores": 0.1 },
    { "id": "a", "umbral": "automatic" },
    {}
  ],
  "fuentes": [ { "tipo": "archvo" } ],
  "http": { "host": "0.0.0.0" },
  "persistencia": { "mensajes": "all" }
}`);
  assert.equal(error.code, 'COREC_E_CONFIG_INVALID');
  assert.equal(
    error.text('en'),
    `corec_config.json has 13 fault(s):
  line 2: instance_id is "a/b"; allowed: 1 to 64 letters, digits, _ . or -, the first no . or -
  line 3: data_dir is 3; allowed: the path of a folder
  line 4: db_config.port is 70000; allowed: a whole number from 1 to 65535
  line 4: db_config.pasword is not a known key; did you mean "password"?
  line 6: bloques[0].canal is 9; allowed: a whole number from 1 to 5
  line 6: bloques[0].entidades is 0; allowed: a whole number from 1 to 4294836225
  line 6: bloques[0].max_errores is not a known key; did you mean "autoreparacion.max_errores"?
  line 7: bloques[1].umbral is "automatic"; allowed: "auto" or a number greater than 0
  line 7: bloques[1].id is "a", as is bloques[0].id; give each entry a name of its own
  line 8: bloques[2].id is missing; give 1 to 64 letters, digits, _ . or -, the first no . or -
  line 10: fuentes[0].tipo is "archvo"; allowed: "archivo", "stdin", "redis" or "host"
  line 11: http.token is missing while http.host is "0.0.0.0", which other machines reach; give a token of at least 16 characters ("\${COREC_TOKEN}"), or host 127.0.0.1
  line 12: persistencia.mensajes is "all"; allowed: "todos", "cambios", "ultimo" or "ninguno"`.replace(
      '12 defect',
      '13 defect',
    ),
  );
  assert.equal(error.defects.length, 13);
  const spanish = error.text('es').split('\n');
  assert.equal(spanish[0], 'corec_config.json tiene 13 fallo(s):');
  assert.equal(spanish[3], '  línea 4: db_config.port es 70000; se permite: un entero de 1 a 65535');
  assert.equal(spanish.length, 14);
});

test('ids are unique over entries and plugins, and so are plugins', () => {
  const lines = defectLines(
    refused({ bloques: [{ id: 'x' }], plugins: [{ name: 'p', bloque: { bloque_id: 'x' } }, { name: 'p' }] }),
  );
  assert.deepEqual(lines, [
    'plugins[0].bloque.bloque_id is "x", as is bloques[0].id; give each entry a name of its own',
    'plugins[1].name is "p", as is plugins[0].name; give each plugin a name of its own',
  ]);
});

test('more bloques than the limit are refused, in one entry and in all together', () => {
  const [one] = defectLines(refused({ bloques: [{ id: 'a', entidades: BLOQUES_MAX + 1, entidades_por_bloque: 1 }] }));
  assert.match(one!, /^bloques\[0\]\.entidades is 65536, by 1 that is 65536 bloques; allowed: at most 65535 bloques/);
  const half = { entidades: 40_000, entidades_por_bloque: 1 };
  const [together] = defectLines(
    refused({
      bloques: [
        { id: 'a', ...half },
        { id: 'b', ...half },
      ],
    }),
  );
  assert.match(together!, /^bloques has 80000 bloques in all entries together; allowed: at most 65535/);
  // what grows by need is judged when it grows
  parse({
    bloques: [
      { id: 'a', ...half },
      { id: 'b', ...half, dinamico: true },
    ],
  });
});

test('a command id is not remembered for longer than the record of its command', () => {
  assert.match(
    defectLines(refused({ redis_config: { ttl_idempotencia_s: 200_000 }, persistencia: { retencion_dias: 2 } }))[0]!,
    /^redis_config\.ttl_idempotencia_s is 200000, but records of commands are kept for 2 days .*at most 172800$/,
  );
  const both = { redis_config: { ttl_idempotencia_s: 172_800 }, persistencia: { retencion_dias: 2 } };
  assert.equal(parse(both).config.redis_config?.ttl_idempotencia_s, 172_800);
});

test('http on an address that others reach needs a token that is worth one; loopback does not', () => {
  const token = 'sixteen-chars-ok';
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1'])
    assert.equal(parse({ http: { host } }).config.http?.host, host);
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'box.example', '128.0.0.1', '127.0.0.1.example.com']) {
    assert.match(defectLines(refused({ http: { host } }))[0]!, /^http\.token is missing while/);
    assert.equal(parse({ http: { host, token } }).config.http?.token, token);
  }
  assert.match(
    defectLines(refused({ http: { token: 'short' } }))[0]!,
    /^http\.token has 5 characters; allowed: at least 16/,
  );
  assert.equal(parse({ http: null }).config.http, null);
  assert.equal(parse({ http: { token: '${COREC_TOKEN:-}' } }).config.http?.token, null);
});

test('the same source twice is refused', () => {
  const lines = defectLines(
    refused({
      fuentes: [
        { tipo: 'host', bloque: 'h' },
        { tipo: 'archivo', ruta: 'x.csv' },
        { tipo: 'archivo', ruta: 'x.csv' },
        { tipo: 'archivo', ruta: 'x.csv', id: 'again', bloque: 'no/such' },
        { tipo: 'host', bloque: 'h2' },
      ],
    }),
  );
  assert.deepEqual(lines, [
    'fuentes[2] is the same source as fuentes[1] (archivo x.csv); a source is read once, so take one out',
    'fuentes[3].bloque is "no/such"; allowed: 1 to 64 letters, digits, _ . or -, the first no . or -',
    'fuentes[4] is the same source as fuentes[0] (host); a source is read once, so take one out',
  ]);
});

test('a token that no header can carry is refused, and not shown', () => {
  for (const token of ['sixteen chars ok!', 'sixteen-chars-ok\n', 'sixteen-chars-ok\u00f1', '\tsixteen-chars-ok']) {
    const allowed =
      'ASCII letters, digits and signs without a blank or newline among them, best as ${VARIABLE}, or null';
    assert.deepEqual(defectLines(refused({ http: { token } })), [
      `http.token is a text (not shown); allowed: ${allowed}`,
    ]);
    assert.deepEqual(defectLines(refused({ alertas: { webhook: { url: 'http://x/', token } } })), [
      `alertas.webhook.token is a text (not shown); allowed: ${allowed}`,
    ]);
  }
  const token = '!"#$%&()*+,-./:;<=>?@[]^_`{|}~09azAZ';
  assert.equal(parse({ http: { token } }).config.http?.token, token);
});

test('a webhook is an address or an address with a token', () => {
  assert.deepEqual(parse({ alertas: { webhook: 'https://x.example/h' } }).config.alertas.webhook, {
    url: 'https://x.example/h',
    token: null,
  });
  const full = { url: 'http://localhost:9000/a', token: 't' };
  assert.deepEqual(parse({ alertas: { webhook: full } }).config.alertas.webhook, full);
  assert.deepEqual(defectLines(refused({ alertas: { webhook: 'ftp://x' } })), [
    'alertas.webhook is "ftp://x"; allowed: an http:// or https:// address, {url, token}, or null',
  ]);
  assert.deepEqual(defectLines(refused({ alertas: { webhook: { url: 'x', token: 3 } } })), [
    'alertas.webhook.url is "x"; allowed: an http:// or https:// address',
    'alertas.webhook.token is a number (not shown); allowed: ASCII letters, digits and signs without a blank or newline among them, best as ${VARIABLE}, or null',
  ]);
});

test('no secret of the file enters an error, a notice or a defect', () => {
  const secret = 'hunter2hunter2';
  const broken = {
    db_config: { password: [secret], pasword: secret },
    redis_config: { password: { x: secret } },
    http: { token: secret },
    bloques: 3,
  };
  const error = refused(broken);
  for (const text of [error.text('en'), error.text('es'), error.message, JSON.stringify(error.defects)]) {
    assert.ok(!text.includes(secret), text);
  }
});

test('a secret written in the file is told as a notice; one from the environment is not', () => {
  const { notices } = parse(
    {
      db_config: { password: 'literal' },
      redis_config: { password: '${R}' },
      http: { token: 'literal-and-long-enough' },
    },
    { R: 'x' },
  );
  assert.deepEqual(
    notices.map(({ code, path }) => [code, path]),
    [
      ['config.notice_secret', 'db_config.password'],
      ['config.notice_secret', 'http.token'],
    ],
  );
});

test('a variable may stand for a number, true, false or null where one is wanted, and stays a text where text is wanted', () => {
  const { config } = parse(
    {
      db_config: { port: '${P}', ssl: '${S:-true}', password: '${W}' },
      bloques: [{ id: 'a', umbral: '${U:-0.5}', clave_ttl_s: '${T:-null}' }],
    },
    { P: '6543', W: '12345' },
  );
  assert.equal(config.db_config?.port, 6543);
  assert.equal(config.db_config?.ssl, true);
  assert.equal(config.db_config?.password, '12345');
  assert.equal(config.bloques[0]?.umbral, 0.5);
  assert.equal(config.bloques[0]?.clave_ttl_s, null);
  assert.deepEqual(defectLines(refused({ db_config: { port: '${P}' } }, { P: 'abc' })), [
    'db_config.port is "abc" (from ${P}); allowed: a whole number from 1 to 65535',
  ]);
});

test('one unset variable has its own code; with other defects it is one line among them', () => {
  const alone = refused({ db_config: { password: '${DB_PASSWORD}' } });
  assert.equal(alone.code, 'COREC_E_CONFIG_VARIABLE');
  assert.equal(
    alone.text('en'),
    'corec_config.json: db_config.password uses ${DB_PASSWORD}, which is not set. Set the environment variable DB_PASSWORD, or give a default as ${DB_PASSWORD:-value}.',
  );
  const among = refused({ db_config: { port: '${X}', host: '${Y}' }, modulos: 1 });
  assert.deepEqual(
    defectLines(among).map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['db_config.port uses ${X},', 'db_config.host uses ${Y},', 'modulos is 1;'],
  );
});

test('broken JSON is told with line and column in both languages', () => {
  const error = refused('{\n  "a": 1,\n}');
  assert.equal(error.code, 'COREC_E_CONFIG_JSON');
  assert.equal(
    error.text('en'),
    "corec_config.json is not valid JSON: a comma before '}'; take it out. Correct it at line 2, column 9.",
  );
  assert.match(error.text('es'), /una coma antes de '}'; quítela\. Corríjalo en la línea 2, columna 9\.$/);
});

test('a key given twice is a defect, though JSON.parse would take the last in silence', () => {
  assert.deepEqual(defectLines(refused('{"data_dir": "a", "data_dir": "b"}')), [
    'data_dir is given twice in the same object; give it once',
  ]);
});

test('values of any kind anywhere give an error of the table or a configuration, never anything else', () => {
  const keys = fc.constantFrom(
    'bloques',
    'plugins',
    'fuentes',
    'http',
    'db_config',
    'alertas',
    'id',
    'bloque',
    'tipo',
    'x',
  );
  const node = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, -1, 1e99, '', 'host', '${X}', 'archivo'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(node, (value) => {
      try {
        parse(JSON.stringify(value));
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(!error.text('en').includes('{found}') && !error.text('es').includes('undefined'));
      }
    }),
    { numRuns: 500 },
  );
});

test('an entry made on the fly has the defaults and the changes asked for', () => {
  const entry = bloqueEntryDefaults('carreras', { procesador: 'latido', origen: 'comando' });
  assert.deepEqual(
    [entry.id, entry.procesador, entry.dinamico, entry.entidades, entry.origen],
    ['carreras', 'latido', true, ENTIDADES_DINAMICO_MAX, 'comando'],
  );
  assert.ok(Object.isFrozen(entry));
  assert.ok(
    isEntryId('año_2025.v-1') && !isEntryId('a/b') && !isEntryId('') && !isEntryId('-a') && !isEntryId('x'.repeat(65)),
  );
});

test('two parses share nothing that one could change', () => {
  const first: CoreCConfig = parse({}).config;
  const second: CoreCConfig = parse({}).config;
  assert.notEqual(first, second);
  assert.deepEqual(first, second);
});
