/** Defects of an entry's `parametros`, judged by its procesador's own schema and said as every other defect is. */
import { z } from 'zod';
import type { AnyProcesador } from '../procesadores/define.ts';
import type { BloqueEntry } from './config.ts';
import { defect, defectsOfIssues, pathOf, type ConfigDefect } from './defects.ts';
import type { SchemaNode } from './json-schema.ts';

export function parametrosDefects(entry: BloqueEntry, procesador: AnyProcesador): ConfigDefect[] {
  const at = [...pathOf(entry.path), 'parametros'];
  const schema = procesador.parametros as z.ZodType | undefined;
  if (schema === undefined) {
    return Object.keys(entry.parametros).map((key) =>
      defect(
        [...at, key],
        `is given, but ${procesador.nombre} takes no parametros`,
        `está dado, pero ${procesador.nombre} no toma parametros`,
      ),
    );
  }
  const result = schema.safeParse(entry.parametros);
  if (result.success) return [];
  // a check that JSON Schema cannot express only makes the words poorer
  const node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  return defectsOfIssues(result.error.issues, entry.parametros, node, new Map()).map(({ path, says }) => ({
    path: [...at, ...path],
    says,
  }));
}
