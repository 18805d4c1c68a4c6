/**
 * The sources that a configuration may name, one schema a kind, told apart by `tipo`.
 *
 * Each kind's schema is its own part's; here they only stand together, and each gets the entry that its claves go to.
 */
import { z } from 'zod';
import { fuenteHostSchema } from '../host/config.ts';
import { fuenteArchivoSchema, fuenteRedisSchema, fuenteStdinSchema } from '../mapeo/fuentes.ts';

export const fuenteSchema = z.discriminatedUnion('tipo', [
  fuenteArchivoSchema,
  fuenteStdinSchema,
  fuenteRedisSchema,
  fuenteHostSchema,
]);

/** Where the claves of a source go that names no bloque. */
export const FUENTE_BLOQUE_DEFAULT = 'lecturas';

/** One source with its defaults; `bloque` names an entry of the same configuration. */
export type FuenteConfig = Readonly<z.output<typeof fuenteSchema>> & { readonly bloque: string };
