/**
 * The sources that a configuration may name, one schema a kind, told apart by `tipo`.
 *
 * Each kind's schema is its own part's; here they only stand together.
 */
import { z } from 'zod';

const fuenteArchivoSchema = z.looseObject({
  tipo: z.literal('archivo'),
  ruta: z.string().min(1),
  bloque: z.string().default('lecturas'),
  mapeo: z.record(z.string(), z.unknown()).default({}),
});
const fuenteStdinSchema = z.looseObject({
  tipo: z.literal('stdin'),
  bloque: z.string().default('lecturas'),
  mapeo: z.record(z.string(), z.unknown()).default({}),
});
const fuenteHostSchema = z.looseObject({
  tipo: z.literal('host'),
  bloque: z.string().default('host'),
  intervalo_ms: z.int().min(50).default(1000),
});

export const fuenteSchema = z.discriminatedUnion('tipo', [fuenteArchivoSchema, fuenteStdinSchema, fuenteHostSchema]);

/** One source with its defaults; `bloque` names the entry that its claves go to. */
export type FuenteConfig = Readonly<z.output<typeof fuenteSchema>>;
