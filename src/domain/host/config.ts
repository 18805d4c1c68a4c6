/**
 * The configuration of a `host` source, and what it leaves out unless asked.
 *
 * Owns the schema of one entry of `fuentes` with tipo `host`. Leaves to the configuration as a whole whether `bloque` names
 * an entry that exists.
 */
import { z } from 'zod';
import { doc } from '../config/doc.ts';

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

const globs = z.array(z.string().min(1).max(256)).max(256).default([]);

const procesosSchema = doc(
  z.strictObject({
    max: doc(z.int().min(0).max(1000).default(24), {
      en: 'Processes reported at once, two claves each; 0 turns them off. Default 24.',
      es: 'Procesos informados a la vez, dos claves cada uno; 0 los desactiva. Por defecto 24.',
    }),
    edad_min_s: doc(z.number().min(0).max(86_400).default(10), {
      en: 'Seconds that a process must have lived to be reported: short-lived ones would only spend claves. Default 10.',
      es: 'Segundos que debe haber vivido un proceso para informarse: los breves solo gastarían claves. Por defecto 10.',
    }),
    hilos_kernel: doc(z.boolean().default(false), {
      en: 'true: kernel threads too. Default false.',
      es: 'true: también los hilos del kernel. Por defecto false.',
    }),
    leidos_max: doc(z.int().min(16).max(10_000).default(100), {
      en: 'Processes looked at in one scan: the reported ones always, the others in turn. Default 100.',
      es: 'Procesos mirados en cada pasada: los informados siempre, los demás por turno. Por defecto 100.',
    }),
  }),
  { en: 'The processes of the host.', es: 'Los procesos de la máquina.' },
);

export const fuenteHostSchema = doc(
  z.strictObject({
    tipo: z.literal('host'),
    bloque: doc(z.string().min(1), {
      en: 'Id of the entry of bloques that takes the claves.',
      es: 'Id de la entrada de bloques que recibe las claves.',
    }),
    intervalo_ms: doc(z.int().min(100).max(3_600_000).default(1000), {
      en: 'Milliseconds between two scans. Default 1000.',
      es: 'Milisegundos entre dos pasadas. Por defecto 1000.',
    }),
    intervalo_lento_ms: doc(z.int().min(1000).max(3_600_000).default(10_000), {
      en: 'Milliseconds between two looks at file systems and temperatures, which move slowly and may answer late. Default 10000.',
      es: 'Milisegundos entre dos miradas a sistemas de archivos y temperaturas, que cambian poco y pueden tardar. Por defecto 10000.',
    }),
    procesos: procesosSchema.prefault({}),
    include: doc(globs, {
      en: 'Globs on the clave (* any run of characters, ? one); empty: all but what docs/HOST.md lists as left out. Default [].',
      es: 'Globs sobre la clave (* cualquier texto, ? un carácter); vacío: todas salvo las que docs/HOST.md da por omitidas. Por defecto [].',
    }),
    exclude: doc(globs, {
      en: 'Globs on the clave that take away from include. Default [].',
      es: 'Globs sobre la clave que quitan de include. Por defecto [].',
    }),
    raiz: doc(z.string().min(1).default('/'), {
      en: "Where the host's file system stands: /host in a container that has the host's / mounted there. Default /.",
      es: 'Dónde está el sistema de archivos de la máquina: /host en un contenedor que lo tenga montado ahí. Por defecto /.',
    }),
  }),
  { en: 'The Linux machine that CoreC runs on, live.', es: 'La máquina Linux en la que corre CoreC, en vivo.' },
);

export type FuenteHost = z.output<typeof fuenteHostSchema>;
