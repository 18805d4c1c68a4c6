/** The commands about the configuration. They need no nucleus: what they need is handed in as ConfigAccess. */
import { z } from 'zod';
import { PARTES_DISCO, PARTES_MEMORIA } from '#domain/config/estimate.ts';
import type { ConfigNotice } from '#domain/config/parse.ts';
import { configJsonSchema } from '#domain/config/json-schema.ts';
import { CATALOGUE } from './catalogue.ts';
import { CommandError, type Command, type ConfigCheckResult } from './command.ts';
import { defineCommand } from './define.ts';
import { schemaResult } from './results.ts';

const amount = z.number().min(0);
const partOf = <const P extends readonly [string, ...string[]]>(partes: P) =>
  z.strictObject({ parte: z.enum(partes), bytes: amount, bytesMax: amount });
const memoryPart = partOf(PARTES_MEMORIA);
const diskPart = partOf(PARTES_DISCO);
const entry = z.strictObject({
  id: z.string(),
  bloques: z.int(),
  entidades: z.int(),
  bytesPorEntidad: amount,
  bytesPorBloque: amount,
  artificial: z.boolean(),
  lecturaCadaMs: z.number().nullable(),
  origen: z.string(),
  plugin: z.string().nullable(),
  canal: z.int(),
  procesador: z.string(),
  dinamico: z.boolean(),
  maxSizeMb: z.number(),
});
/** Which codes there are is the parser's matter; a door shows whichever comes. */
const textCode = z.string() as unknown as z.ZodType<ConfigNotice['code']>;
const checkResult: z.ZodType<ConfigCheckResult> = z.strictObject({
  file: z.string(),
  check: z.strictObject({
    instanceId: z.string(),
    dataDir: z.string(),
    entradas: z.array(entry),
    entidades: z.int(),
    bloques: z.int(),
    fuentes: z.array(z.strictObject({ tipo: z.string(), bloque: z.string(), ruta: z.string().nullable() })),
    plugins: z.array(z.strictObject({ name: z.string(), enabled: z.boolean() })),
    postgres: z.string().nullable(),
    redis: z.string().nullable(),
    http: z.string().nullable(),
    estimate: z.strictObject({
      entradas: z.array(
        entry.pick({
          id: true,
          bloques: true,
          entidades: true,
          bytesPorEntidad: true,
          bytesPorBloque: true,
          artificial: true,
          lecturaCadaMs: true,
        }),
      ),
      memoria: z.array(memoryPart),
      memoriaBytes: amount,
      memoriaBytesMax: amount,
      discoDia: z.array(diskPart),
      discoDiaBytes: amount,
      disco: z.array(diskPart),
      discoBytes: amount,
      discoBytesMax: amount,
    }),
    notices: z.array(
      z.strictObject({
        code: textCode,
        path: z.string(),
        params: z.record(z.string(), z.union([z.string(), z.number()])),
      }),
    ),
  }),
});

const configCheck = defineCommand(CATALOGUE['config-check'], checkResult, async ({ file }, { config }) => {
  if (config !== null) return config.check(file);
  throw new CommandError('COREC_E_NOT_FOUND', {
    en: { what: 'configuration', found: file ?? '', hint: 'This door has none at hand: use ./corec config check.' },
    es: {
      what: 'la configuración',
      found: file ?? '',
      hint: 'Esta puerta no tiene ninguna a mano: use ./corec config check.',
    },
  });
});

const configSchema = defineCommand(CATALOGUE['config-schema'], schemaResult, async (_input, { idioma }) =>
  configJsonSchema(idioma),
);

export const CONFIG: readonly Command[] = [configCheck, configSchema];
