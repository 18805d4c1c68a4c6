/** Bloques of the bench's own, by hand: each with the defaults of the configuration, its entidades numbered on. */
import { BufferPool } from '#domain/bloque/buffer-pool.ts';
import { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { CompiledProcesador } from '#domain/procesadores/compile.ts';
import { parseParametros } from '#domain/procesadores/define.ts';

const pool = new BufferPool();

/** Nothing of it is stored or published. */
export function makeBloque(
  entrada: string,
  indice: number,
  slots: number,
  procesador: CompiledProcesador,
  canal = 1,
): BloqueSimbiotico {
  return new BloqueSimbiotico(
    {
      id: `${entrada}/${indice}`,
      entrada,
      indice,
      canal,
      slots,
      procesador,
      parametros: parseParametros(procesador.procesador, {}, 'parametros'),
      numeroBase: indice * slots + 1,
      umbral: null,
      maxErrores: 0.05,
      minFitness: 0.2,
      maxReparaciones: 5,
      ventanaMs: 300_000,
      intervaloMs: 1000,
      inboxMax: 1000,
      mensajes: 'ninguno',
      enfriamientoMs: 300_000,
    },
    { pool, encodeMensajes: () => new Uint8Array(0), claveText: () => '' },
  );
}
