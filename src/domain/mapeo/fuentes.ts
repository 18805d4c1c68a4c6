/** The configuration of the sources that read rows: entries of `fuentes` with `tipo` archivo and stdin. */
import { z } from 'zod';
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

export type FuenteArchivo = z.output<typeof fuenteArchivoSchema>;
export type FuenteStdin = z.output<typeof fuenteStdinSchema>;
