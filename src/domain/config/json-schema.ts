/**
 * The configuration's JSON Schema: what `corec config schema` prints, so that editors complete the file and mark its defects,
 * and what defects.ts reads the allowed values from.
 */
import { z } from 'zod';
import type { Idioma } from '../errors.ts';
import type { JsonPath } from './json.ts';
import { configSchema } from './schema.ts';

/** The parts of a JSON Schema node that are used here, and our own notes on it (doc.ts). */
export interface SchemaNode {
  type?: string | string[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  maxItems?: number;
  patternProperties?: Record<string, unknown>;
  additionalProperties?: unknown;
  description?: string;
  descripcion?: string;
  permitido?: string;
  permitido_es?: string;
  secreto?: boolean;
  [keyword: string]: unknown;
}

/** The schema of the file as it may be written, with our notes. */
export function rawJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
}

/** JSON Schema (draft 2020-12) with descriptions in one language. Keys that begin with `$` are allowed everywhere. */
export function configJsonSchema(idioma: Idioma): Record<string, unknown> {
  const publish = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(publish);
    if (node === null || typeof node !== 'object') return node;
    const { descripcion, permitido: _en, permitido_es: _es, secreto: _secreto, ...rest } = node as SchemaNode;
    const published: Record<string, unknown> = {};
    for (const [keyword, value] of Object.entries(rest)) {
      if (keyword === 'properties') {
        // names of properties are not keywords: a property may well be called `secreto`
        published[keyword] = Object.fromEntries(
          Object.entries(value as object).map(([name, inner]) => [name, publish(inner)]),
        );
      } else
        published[keyword] =
          keyword === 'default' || keyword === 'const' || keyword === 'enum' ? value : publish(value);
    }
    if (idioma === 'es' && descripcion !== undefined) published['description'] = descripcion;
    if (published['additionalProperties'] === false) published['patternProperties'] = { '^\\$': {} };
    return published;
  };
  return { title: 'corec_config.json', ...(publish(rawJsonSchema()) as Record<string, unknown>) };
}

/** The node for `path`; between alternatives the one whose constant (`tipo`) or kind fits the value that stands there. */
export function nodeAt(schema: SchemaNode, path: JsonPath, root: unknown): SchemaNode | null {
  let node: SchemaNode | null = schema;
  let value = root;
  for (const step of path) {
    node = node === null ? null : choose(node, value);
    node = (typeof step === 'number' ? node?.items : node?.properties?.[step]) ?? null;
    value = value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return node === null ? null : choose(node, value, true);
}

/** The alternatives of a node, those of its alternatives in their place; the node itself when it has none. */
function alternativesOf(node: SchemaNode): SchemaNode[] {
  return (node.anyOf ?? node.oneOf)?.flatMap(alternativesOf) ?? [node];
}

function choose(node: SchemaNode, value: unknown, keepOpen = false): SchemaNode {
  const alternatives = alternativesOf(node);
  if (alternatives.length < 2) return node;
  const objects = alternatives.filter((one) => one.properties !== undefined || one.items !== undefined);
  const isObject = value !== null && typeof value === 'object';
  if (keepOpen && !isObject) return node;
  const fitting = objects.find((one) =>
    Object.entries(one.properties ?? {}).some(
      ([key, inner]) =>
        inner.const !== undefined && isObject && (value as Record<string, unknown>)[key] === inner.const,
    ),
  );
  const discriminated = objects.length > 1;
  return fitting ?? (discriminated ? { properties: mergeConstants(objects) } : (objects[0] ?? node));
}

/** When no alternative fits: each key that tells them apart, with all its constants. */
function mergeConstants(objects: readonly SchemaNode[]): Record<string, SchemaNode> {
  const merged: Record<string, SchemaNode> = {};
  for (const object of objects) {
    for (const [key, inner] of Object.entries(object.properties ?? {})) {
      if (inner.const !== undefined) (merged[key] ??= { enum: [] }).enum!.push(inner.const);
    }
  }
  return merged;
}

const OR: Readonly<Record<Idioma, string>> = { en: 'or', es: 'o' };

/** What may stand at a node, in words. */
export function allowedAt(node: SchemaNode | null, idioma: Idioma): string {
  if (node === null) return idioma === 'en' ? 'another value' : 'otro valor';
  const written = idioma === 'en' ? node.permitido : node.permitido_es;
  if (written !== undefined) return written;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined)
    return list(
      node.enum.map((value) => JSON.stringify(value)),
      idioma,
    );
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives !== undefined)
    return list(
      alternatives.map((one) => allowedAt(one, idioma)),
      idioma,
    );
  if (Array.isArray(node.type))
    return list(
      node.type.map((type) => allowedAt({ ...node, type }, idioma)),
      idioma,
    );
  switch (node.type) {
    case 'integer':
    case 'number':
      return numberText(node, idioma);
    case 'boolean':
      return idioma === 'en' ? 'true or false' : 'true o false';
    case 'string':
      return idioma === 'en' ? 'a text' : 'un texto';
    case 'null':
      return 'null';
    case 'array': {
      const most =
        node.maxItems === undefined
          ? ''
          : idioma === 'en'
            ? ` of at most ${node.maxItems}`
            : ` de ${node.maxItems} como máximo`;
      return idioma === 'en' ? `a list [...]${most}` : `una lista [...]${most}`;
    }
    case 'object':
      return idioma === 'en' ? 'an object {...}' : 'un objeto {...}';
    default:
      return idioma === 'en' ? 'another value' : 'otro valor';
  }
}

function list(words: readonly string[], idioma: Idioma): string {
  const unique = [...new Set(words)];
  if (unique.length < 2) return unique[0] ?? '';
  return `${unique.slice(0, -1).join(', ')} ${OR[idioma]} ${unique.at(-1)}`;
}

function numberText(node: SchemaNode, idioma: Idioma): string {
  const whole = node.type === 'integer';
  const noun = idioma === 'en' ? (whole ? 'a whole number' : 'a number') : whole ? 'un entero' : 'un número';
  // zod writes the safe-integer range where no bound was given: that is no limit a person set
  const least = node.minimum === Number.MIN_SAFE_INTEGER ? undefined : node.minimum;
  const most = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
  const above = node.exclusiveMinimum;
  if (above !== undefined) {
    const upTo = most === undefined ? '' : idioma === 'en' ? `, at most ${most}` : `, como máximo ${most}`;
    return idioma === 'en' ? `${noun} greater than ${above}${upTo}` : `${noun} mayor que ${above}${upTo}`;
  }
  if (least !== undefined && most !== undefined)
    return idioma === 'en' ? `${noun} from ${least} to ${most}` : `${noun} de ${least} a ${most}`;
  if (least !== undefined) return idioma === 'en' ? `${noun} of at least ${least}` : `${noun} de ${least} como mínimo`;
  if (most !== undefined) return idioma === 'en' ? `${noun} of at most ${most}` : `${noun} de ${most} como máximo`;
  return noun;
}
