/** A bloque by hand, without a nucleus: for trying, for tests, for the specification's own example (section 2.2). */
import { BufferPool } from '#domain/bloque/buffer-pool.ts';
import { BloqueSimbiotico, type Settlement } from '#domain/bloque/bloque.ts';
import { runClosures } from '#domain/bloque/closures.ts';
import type { MicroCeluEntidadCoreC } from '#domain/entidad/entidad.ts';
import { CoreCError } from '#domain/errors.ts';
import { fromEntidades, isClosure } from '#domain/procesadores/closure.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { parseParametros, type AnyProcesador } from '#domain/procesadores/define.ts';

export interface BloquePropioOptions {
  readonly id: string;
  readonly canal: number;
  /** Entidades as closures, or how many of `procesador`. */
  readonly entidades: readonly MicroCeluEntidadCoreC[] | number;
  readonly procesador?: AnyProcesador;
  readonly parametros?: unknown;
  readonly umbral?: number;
  readonly tiempo_limite_ms?: number;
}

export interface BloquePropio {
  readonly bloque: BloqueSimbiotico;
  /** The specification's `procesar(carga)`: all seven steps; what is to be stored stays with the caller. */
  readonly procesar: (carga: number) => Promise<Settlement>;
}

export function crearBloque(options: BloquePropioOptions): BloquePropio {
  const { entidades } = options;
  const closures = typeof entidades === 'number' ? null : entidades;
  const procesador = options.procesador ?? (closures === null ? undefined : fromEntidades('closures', closures));
  if (procesador === undefined) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'crearBloque',
      found: 'a number of entidades without a procesador',
      allowed: 'entidades as closures, or a procesador',
    });
  }
  const slots = closures?.length ?? (entidades as number);
  if (!Number.isInteger(slots) || slots < 1 || slots > 65_535) {
    throw new CoreCError('COREC_E_LIMIT', { what: `entidades of ${options.id}`, found: slots, allowed: '1 to 65535' });
  }
  const bloque = new BloqueSimbiotico(
    {
      id: options.id,
      entrada: options.id,
      indice: 0,
      canal: options.canal,
      slots,
      procesador: compileProcesador(procesador),
      parametros: parseParametros(procesador, options.parametros, 'parametros'),
      numeroBase: 1,
      umbral: options.umbral ?? null,
      maxErrores: 0.05,
      minFitness: 0.2,
      maxReparaciones: 3,
      ventanaMs: 60_000,
      intervaloMs: 1000,
      inboxMax: 16_384,
      mensajes: 'ninguno',
      enfriamientoMs: 300_000,
    },
    { pool: new BufferPool(), encodeMensajes: () => new Uint8Array(0), claveText: (_bloque, slot) => `#${slot}` },
  );
  // an entidad born inactive is repaired like one that failed
  closures?.forEach(([, , , activo], slot) => {
    if (!activo) bloque.fallo(slot, new Error('activo: false'));
  });
  return {
    bloque,
    procesar: async (carga) => {
      if (!isClosure(procesador)) return bloque.procesar(carga, Date.now());
      await runClosures(bloque, true, carga, options.tiempo_limite_ms ?? 1000, Date.now, after);
      const settled = bloque.settle(Date.now());
      if (settled.restore.length > 0) bloque.repairFresh(settled.restore, Date.now());
      return settled;
    },
  };
}

function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
