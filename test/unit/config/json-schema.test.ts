import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { pathOf, pathText } from '#domain/config/defects.ts';
import { configJsonSchema, type SchemaNode } from '#domain/config/json-schema.ts';
import { nearestKey } from '#domain/texts/nearest.ts';

type Node = SchemaNode & Record<string, unknown>;

function everyNode(node: unknown, path: string, visit: (node: Node, path: string) => void): void {
  if (Array.isArray(node)) {
    for (const [k, item] of node.entries()) everyNode(item, `${path}[${k}]`, visit);
  } else if (node !== null && typeof node === 'object') {
    visit(node as Node, path);
    for (const [key, inner] of Object.entries(node))
      if (key !== 'default' && key !== 'patternProperties') everyNode(inner, `${path}.${key}`, visit);
  }
}

for (const idioma of ['en', 'es'] as const) {
  test(`every key says its meaning (${idioma}), and our own notes are not published`, () => {
    const schema = configJsonSchema(idioma);
    let keys = 0;
    everyNode(schema, '', (node, path) => {
      for (const [name, property] of Object.entries(node.properties ?? {})) {
        if (property.const !== undefined) continue;
        keys++;
        const described =
          property.description ?? property.anyOf?.find((one) => one.description !== undefined)?.description;
        // the schemas of sources describe what is not plain by its name
        if (path.includes('fuentes')) continue;
        assert.ok(described, `${path}.${name} has no description`);
      }
      const isProperties = path.endsWith('.properties');
      for (const note of ['descripcion', 'permitido', 'permitido_es', 'secreto'])
        assert.ok(isProperties || !(note in node), path);
    });
    assert.ok(keys > 80, String(keys));
  });
}

test('the languages differ in descriptions only', () => {
  const plain = (idioma: 'en' | 'es'): unknown =>
    JSON.parse(
      JSON.stringify(configJsonSchema(idioma), (key, value: unknown) => (key === 'description' ? undefined : value)),
    );
  assert.deepEqual(plain('en'), plain('es'));
  assert.notDeepEqual(configJsonSchema('en'), configJsonSchema('es'));
});

test('objects take no unknown key but notes', () => {
  const schema = configJsonSchema('en') as Node;
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.patternProperties, { '^\\$': {} });
  const plugin = schema.properties!['plugins']!.items!;
  assert.deepEqual(plugin.patternProperties, { '^\\$': {} });
  assert.deepEqual(plugin['required'], ['name']);
});

test('the schema that editors use is the one of this version: corec config schema > docs/corec_config.schema.json', () => {
  const file = new URL('../../../docs/corec_config.schema.json', import.meta.url);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(configJsonSchema('en'))));
});

test('the nearest known key is found over slips, case, accents and parts, and not at any price', () => {
  const known = ['entidades', 'entidades_por_bloque', 'bloque_id', 'canal', 'max_size_mb', 'id'];
  const nearest = (key: string): string | null => nearestKey(key, known);
  assert.equal(nearest('entidadez'), 'entidades');
  assert.equal(nearest('Entidades'), 'entidades');
  assert.equal(nearest('cnaal'), 'canal');
  assert.equal(nearest('maxSizeMb'), 'max_size_mb');
  assert.equal(nearest('entidadesPorBloque'), 'entidades_por_bloque');
  assert.equal(nearestKey('id', ['bloque_id', 'canal']), 'bloque_id');
  assert.equal(nearest('color'), null);
  assert.equal(nearest('x'), null);
});

test('paths are written as one would in code', () => {
  assert.equal(pathText(['bloques', 0, 'autoreparacion', 'max_errores']), 'bloques[0].autoreparacion.max_errores');
  assert.equal(pathText(['a b', 1]), '["a b"][1]');
  assert.equal(pathText([]), '');
  assert.deepEqual(pathOf('plugins[10].bloque'), ['plugins', 10, 'bloque']);
});
