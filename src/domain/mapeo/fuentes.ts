/** The configuration of the sources that read rows: entries of `fuentes` with `tipo` archivo and stdin. */
import { z } from 'zod';
import { doc } from '../config/doc.ts';
import { mapeoSchema } from './mapeo.ts';

const shared = {
  id: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Names the position in the store; default: tipo and ruta. Change the ruta under an id and reading goes on.',
    ),
  bloque: z.string().min(1).optional().describe('Id of the entry of bloques that gets the lecturas.'),
  mapeo: mapeoSchema.optional(),
};

export const fuenteArchivoSchema = z
  .strictObject({
    tipo: z.literal('archivo'),
    ruta: z
      .string()
      .min(1)
      .describe(
        'File of NDJSON or CSV, plain, gzip or zstd; with *, ? or [ ] every file that fits (not those a rotation leaves).',
      ),
    ...shared,
    seguir: z.boolean().default(false).describe('Go on reading as the file grows and is rotated, like tail -F.'),
  })
  .describe('Rows of a file.');

export const fuenteStdinSchema = z
  .strictObject({ tipo: z.literal('stdin'), ...shared })
  .describe('Rows of the standard input; what was read and not yet in an epoch is gone after a crash.');

/** What a consumer group and a stream may be called. */
const nombre = z.string().min(1).max(512);
const NOMBRE_PERMITIDO = { en: 'a text of 1 to 512 characters', es: 'un texto de 1 a 512 caracteres' };

export const fuenteRedisSchema = doc(
  z.strictObject({
    tipo: z.literal('redis'),
    stream: doc(nombre, {
      en: 'Stream of Redis (without redis_config: of this process) whose entries are rows: their fields, or JSON in the field data.',
      es: 'Stream de Redis (sin redis_config: de este proceso) cuyas entradas son filas: sus campos, o JSON en el campo data.',
      permitido: NOMBRE_PERMITIDO,
    }),
    grupo: doc(nombre.optional(), {
      en: 'Consumer group; one CoreC reads by it. Default corec:<instance_id>.',
      es: 'Grupo de consumidores; un solo CoreC lee con él. Por defecto corec:<instance_id>.',
      permitido: NOMBRE_PERMITIDO,
    }),
    desde: doc(z.enum(['inicio', 'ahora']).default('inicio'), {
      en: 'Where a group that is new begins: inicio, the oldest entry, or ahora, what comes next. Default inicio.',
      es: 'Dónde empieza un grupo nuevo: inicio, la entrada más antigua, o ahora, lo que llegue después. Por defecto inicio.',
    }),
    ...shared,
  }),
  {
    en: 'Entries of a Redis stream, acknowledged when an epoch holds them.',
    es: 'Entradas de un stream de Redis, confirmadas cuando una época las contiene.',
  },
);

export type FuenteRedis = z.output<typeof fuenteRedisSchema>;
export type FuenteArchivo = z.output<typeof fuenteArchivoSchema>;
export type FuenteStdin = z.output<typeof fuenteStdinSchema>;
