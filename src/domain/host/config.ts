/**
 * The configuration of a `host` source, and what it leaves out unless asked.
 *
 * Owns the schema of one entry of `fuentes` with tipo `host`. Leaves to the configuration as a whole whether `bloque` names
 * an entry that exists.
 */
import { z } from 'zod';

/**
 * Left out while `include` is empty: things that carry nothing of their own (their traffic is counted once more at the
 * device below), or that come and go under random names with every container.
 */
export const EXCLUDE_DEFAULT: readonly string[] = [
  'disco/loop*',
  'disco/ram*',
  'disco/zram*',
  'disco/dm-*',
  'disco/sr*',
  'disco/fd*',
  'disco/nbd*',
  'red/lo/*',
  'red/veth*',
  'red/ifb*',
  'red/cali*',
  'red/lxc*',
];

const glob = z.string().min(1).max(256);

const procesosSchema = z.strictObject({
  /** Processes reported at once; 0 turns them off. */
  max: z.int().min(0).max(1000).default(24),
  /** A process must have lived this long to be reported: short-lived ones would only spend claves. */
  edad_min_s: z.number().min(0).max(86_400).default(10),
  /** Kernel threads too. */
  hilos_kernel: z.boolean().default(false),
  /** Processes looked at in one scan: the reported ones always, of the others as many as fit, in turn. */
  leidos_max: z.int().min(16).max(10_000).default(100),
});

export const fuenteHostSchema = z.strictObject({
  tipo: z.literal('host'),
  /** Id of the entry of `bloques` that takes the claves. */
  bloque: z.string().min(1),
  intervalo_ms: z.int().min(100).max(3_600_000).default(1000),
  /** How often file systems and temperatures are asked: they move slowly and their answers may take long. */
  intervalo_lento_ms: z.int().min(1000).max(3_600_000).default(10_000),
  procesos: procesosSchema.prefault({}),
  /** Globs on the clave (`*` any run of characters, `?` one). Empty: everything but `EXCLUDE_DEFAULT`. */
  include: z.array(glob).max(256).default([]),
  exclude: z.array(glob).max(256).default([]),
  /** Where the host's file system stands: `/host` in a container that has the host's / mounted there. */
  raiz: z.string().min(1).default('/'),
});

export type FuenteHost = z.output<typeof fuenteHostSchema>;
