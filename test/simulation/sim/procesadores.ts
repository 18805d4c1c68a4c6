/** Two procesadores that fail as people's own do. What makes a run fail is in its lectura, so that a replay fails again. */
import { fromEntidades, fromFuncion } from '#domain/procesadores/closure.ts';
import { BUNDLED } from '#domain/procesadores/bundled.ts';
import { defineProcesador, type AnyProcesador } from '#domain/procesadores/define.ts';
import type { MicroCeluEntidadCoreC, ProcesadorFuncion } from '#domain/entidad/entidad.ts';
import type { Clock } from '#ports/clock.ts';

/** Entidades in a bloque of `pulso` at most. */
export const PULSOS_MAX = 6;
/** Valores that stand for trouble. */
export const THROWS = 666;
export const NOT_FINITE = 667;
export const LATE = 668;

/** Counts as contador does; a bad lectura leaves it half-written (`sucio`) before it throws. */
export const fragil: AnyProcesador = defineProcesador({
  nombre: 'fragil',
  version: 1,
  estado: { cuenta: 'f64', sucio: 'u8' },
  onLectura(e, { valor }) {
    e.cuenta += 1;
    if (valor === THROWS) {
      e.sucio = 1;
      throw new Error('a bad lectura');
    }
    if (valor === NOT_FINITE) {
      e.sucio = 1;
      return NaN;
    }
    return e.cuenta;
  },
});

/** A closure that answers after a while, late, or with a rejection. */
function makeLento(clock: Pick<Clock, 'after'>): AnyProcesador {
  const funcion = (({ valor }) => {
    if (valor === NOT_FINITE) return { valor: NaN };
    return new Promise((resolve, reject) => {
      clock.after(valor === LATE ? 5_000 : 1 + (valor % 20), () => {
        if (valor === THROWS) reject(new Error('a bad lectura'));
        else resolve({ valor });
      });
    });
  }) as ProcesadorFuncion;
  return fromFuncion('lento', funcion);
}

/** Functions of no payload that take about as long as they are called often: something of it is always under way. */
function makePulso(clock: Pick<Clock, 'after'>): AnyProcesador {
  const entidades = Array.from({ length: PULSOS_MAX }, (_, slot): MicroCeluEntidadCoreC => {
    let calls = 0;
    const funcion = (): Promise<{ valor: number }> =>
      new Promise((resolve) => void clock.after(40 + 37 * ((slot + calls++) % 9), () => resolve({ valor: calls })));
    return [`pulso/${slot}`, 1, funcion, true];
  });
  return fromEntidades('pulso', entidades);
}

/** `clock` outlives the instance, as people's own timers may. */
export function loadSimProcesador(ref: string, clock: Pick<Clock, 'after'>): AnyProcesador {
  if (ref === 'fragil') return fragil;
  if (ref === 'lento') return makeLento(clock);
  if (ref === 'pulso') return makePulso(clock);
  const bundled = BUNDLED.find((procesador) => procesador.nombre === ref);
  if (bundled === undefined) throw new Error(`no procesador ${ref}`);
  return bundled;
}
