/** Tries a procesador on a few lecturas, as a test helper: what it says, and when it would alert. */
import { falloText } from '#domain/bloque/fallo.ts';
import { makeBloqueMemory } from '#domain/entidad/columns.ts';
import { ACC_LENGTH, compileProcesador, type RunSink } from '#domain/procesadores/compile.ts';
import { parseParametros, type AnyProcesador, type Explicacion } from '#domain/procesadores/define.ts';
import type { Lectura } from '#domain/lectura/batch.ts';

export interface TriedLectura {
  readonly clave: string;
  readonly tsMs: number;
  readonly lectura: number;
  /** NaN when the run failed. */
  readonly valor: number;
  /** What it failed with, or null. */
  readonly fallo: string | null;
  /** Its explanation when the valor reached the limit. */
  readonly alerta: Explicacion | null;
}

/** Runs `lecturas` in order through `procesador`, one entidad a clave. Times default to one a second from 0. */
export function tryProcesador(
  procesador: AnyProcesador,
  lecturas: readonly Lectura[],
  parametros: unknown = {},
): TriedLectura[] {
  const compiled = compileProcesador(procesador);
  const p = parseParametros(procesador, parametros, 'parametros');
  const claves = [...new Set(lecturas.map((lectura) => lectura.clave))];
  const memory = makeBloqueMemory(procesador.estado, Math.max(1, claves.length));
  memory.core.ocupado.fill(1);
  memory.core.corre.fill(1);
  compiled.bind(memory);
  claves.forEach((_, slot) => compiled.bindSlot(p, slot));
  const abre = procesador.alerta?.abre ?? Infinity;
  const limit = typeof abre === 'function' ? (abre as (p: unknown) => number)(p) : abre;
  return lecturas.map((lectura, k) => {
    const slot = claves.indexOf(lectura.clave);
    const tsMs = lectura.tsMs ?? k * 1000;
    const columns = { slot: Uint16Array.of(slot), valor: Float64Array.of(lectura.valor), tsMs: Float64Array.of(tsMs) };
    let fallo: string | null = null;
    let alerta: Explicacion | null = null;
    const sink: RunSink = {
      fallo: (_slot, error) => {
        fallo = falloText(error);
      },
      excede: (_slot, valor) => {
        alerta = compiled.explica(p, valor);
      },
    };
    compiled.runLecturas(p, columns, 0, 1, null, new Float64Array(ACC_LENGTH), sink, new Uint32Array(1), limit);
    return {
      clave: lectura.clave,
      tsMs,
      lectura: lectura.valor,
      valor: fallo === null ? memory.core.valor[slot]! : NaN,
      fallo,
      alerta,
    };
  });
}
