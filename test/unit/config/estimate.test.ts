import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { describeCheck } from '#domain/config/check.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import { defectsError } from '#domain/config/defects.ts';
import { estimate, sizeDefects, type ProcesadorLookup } from '#domain/config/estimate.ts';
import { parseConfig } from '#domain/config/parse.ts';
import { CORE_BYTES } from '#domain/entidad/columns.ts';
import { MIB } from '#domain/limits.ts';

const procesadores: ProcesadorLookup = (nombre) =>
  nombre === 'simulado'
    ? { bytesPorEntidad: 12, autonomo: true, checkpoint: false }
    : nombre === 'detector'
      ? { bytesPorEntidad: 90, autonomo: false, checkpoint: true }
      : null;

function configOf(value: unknown): CoreCConfig {
  return parseConfig(JSON.stringify(value), { file: 'f', env: {} }).config;
}

const part = (
  parts: readonly { parte: string; bytes: number; bytesMax: number }[],
  parte: string,
): { bytes: number; bytesMax: number } => parts.find((one) => one.parte === parte) ?? { bytes: 0, bytesMax: 0 };

test('the shipped configuration stands from the start with over a million entidades and fits the smallest machine', () => {
  const text = readFileSync(new URL('../../../corec_config.json', import.meta.url), 'utf8');
  const { config, notices } = parseConfig(text, { file: 'corec_config.json', env: {} });
  const check = describeCheck(config, estimate(config, procesadores), notices);
  assert.ok(check.entidades >= 1_000_000, String(check.entidades));
  assert.deepEqual(
    check.entradas.map(({ id, canal, procesador, artificial }) => [id, canal, procesador, artificial]),
    [
      ['enjambre_sensor', 1, 'simulado', true],
      ['nodo_seguridad', 2, 'simulado', true],
      ['ia_analisis', 3, 'simulado', true],
      ['host', 2, 'detector', false],
      ['example_block', 4, 'detector', false],
    ],
  );
  assert.ok(check.estimate.memoriaBytes < 220 * MIB);
  assert.ok(check.estimate.memoriaBytesMax < 1024 * MIB);
  assert.ok(check.estimate.discoBytesMax < 8 * 1024 * MIB);
  assert.deepEqual(sizeDefects(config, procesadores), []);
  assert.equal(check.postgres, null);
  assert.equal(check.http, '127.0.0.1:8420');
});

test('columns are exact: entidades times core and state bytes', () => {
  const { entradas } = estimate(
    configOf({ bloques: [{ id: 'a', entidades: 2500, entidades_por_bloque: 1000 }] }),
    procesadores,
  );
  assert.deepEqual(entradas, [
    {
      id: 'a',
      bloques: 3,
      entidades: 2500,
      bytesPorEntidad: CORE_BYTES + 90,
      bytesPorBloque: 1000 * (CORE_BYTES + 90),
      artificial: false,
      lecturaCadaMs: 60_000,
    },
  ]);
});

test('artificial entidades have no claves, inbox, mensajes or stored state', () => {
  const sums = estimate(configOf({ bloques: [{ id: 'a', entidades: 100_000, procesador: 'simulado' }] }), procesadores);
  for (const parte of ['claves', 'inbox', 'pending', 'episodios'])
    assert.equal(part(sums.memoria, parte).bytesMax, 0, parte);
  for (const parte of ['mensajes', 'state']) assert.equal(part(sums.discoDia, parte).bytesMax, 0, parte);
  // a row every ten minutes and bloque
  assert.equal(part(sums.discoDia, 'rows').bytes, 100 * 144 * 208 * 2);
});

test('an entry that grows counts one bloque now and all of them at most', () => {
  const sums = estimate(configOf({ bloques: [{ id: 'a', dinamico: true, entidades: 100_000 }] }), procesadores);
  const columns = part(sums.memoria, 'columns');
  assert.ok(columns.bytes < 200_000 && columns.bytesMax > 100_000 * (CORE_BYTES + 90));
  assert.ok(sums.memoriaBytes < sums.memoriaBytesMax);
});

test('more readings, more disk; the host source says itself how often it reads', () => {
  const one = { bloques: [{ id: 'a', entidades: 1000 }] };
  const mensajes = (cadaMs: number): number =>
    part(estimate(configOf(one), procesadores, cadaMs).discoDia, 'mensajes').bytes;
  assert.equal(mensajes(1000), 60 * mensajes(60_000));
  const host = configOf({ ...one, fuentes: [{ tipo: 'host', bloque: 'a', intervalo_ms: 5000 }] });
  assert.equal(estimate(host, procesadores).entradas[0]?.lecturaCadaMs, 5000);
});

test('what is kept is bounded by retention, whatever is written', () => {
  const config = configOf({
    bloques: [{ id: 'a', entidades: 1_000_000, entidades_por_bloque: 1000 }],
    persistencia: { retencion_mb: 100 },
  });
  const sums = estimate(config, procesadores, 1000);
  assert.equal(part(sums.disco, 'retained').bytes, 100 * MIB);
  for (const parts of [sums.memoria, sums.disco, sums.discoDia]) {
    for (const { parte, bytes, bytesMax } of parts) assert.ok(bytes <= bytesMax && Number.isFinite(bytesMax), parte);
  }
});

test('storing no mensajes costs none, and the last of each entidad costs no more than all', () => {
  const perDay = (mensajes: string): number =>
    part(
      estimate(configOf({ bloques: [{ id: 'a' }], persistencia: { mensajes } }), procesadores, 1000).discoDia,
      'mensajes',
    ).bytes;
  assert.equal(perDay('ninguno'), 0);
  assert.ok(perDay('ultimo') < perDay('todos'));
});

test('a bloque larger than its max_size_mb is refused with what would do', () => {
  const config = configOf({
    bloques: [{ id: 'a', entidades: 20_000, entidades_por_bloque: 20_000 }],
    plugins: [
      { name: 'p', bloque: { bloque_id: 'b', entidades: 60_000, entidades_por_bloque: 60_000, max_size_mb: 2 } },
    ],
  });
  const error = defectsError('corec_config.json', sizeDefects(config, procesadores), null);
  assert.equal(error.code, 'COREC_E_CONFIG_INVALID');
  const mb = Math.ceil(((20_000 * (CORE_BYTES + 90)) / MIB) * 100) / 100;
  const lines = error.text('en').split('\n');
  assert.equal(lines.length, 3);
  assert.match(
    lines[1]!,
    new RegExp(
      `^ {2}bloques\\[0\\]\\.max_size_mb is 1, but a bloque takes ${mb} MB .* allowed: at least ${mb}, or entidades_por_bloque of at most \\d+$`,
    ),
  );
  assert.match(lines[2]!, /^ {2}plugins\[0\]\.bloque\.max_size_mb is 2/);
  const fitting = Number(/at most (\d+)$/.exec(lines[1]!)![1]);
  const defectsWith = (entidades: number): number =>
    sizeDefects(configOf({ bloques: [{ id: 'a', entidades, entidades_por_bloque: entidades }] }), procesadores).length;
  assert.equal(defectsWith(fitting), 0);
  assert.equal(defectsWith(fitting + 1), 1);
});

test('the check holds no secret', () => {
  const config = configOf({
    db_config: { password: 'hunter2hunter2' },
    redis_config: { password: 'hunter2hunter2' },
    http: { token: 'hunter2hunter2hunter2' },
    alertas: { webhook: { url: 'http://x/', token: 'hunter2hunter2' } },
  });
  const check = JSON.stringify(describeCheck(config, estimate(config, procesadores)));
  assert.ok(!check.includes('hunter2'));
  assert.match(check, /localhost:5432\/corec_db/);
});

test('an entry that grows is told with what it may come to', () => {
  const config = configOf({ bloques: [{ id: 'a', dinamico: true, entidades: 5000 }] });
  assert.deepEqual(describeCheck(config, estimate(config, procesadores)).notices, [
    { code: 'config.notice_growth', path: 'bloques[0]', params: { entidades: 5000, bytes: 5000 * (CORE_BYTES + 90) } },
  ]);
});
