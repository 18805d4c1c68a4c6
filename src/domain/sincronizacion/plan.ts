/** One pass of ModuloSincronizacion: each plan goes on from the numbers that the one before leaves. */
import { planDivision, planFusion } from './fusion.ts';
import { afterMove, type BloqueNumeros, type Movimiento, type TipoMovimiento } from './numeros.ts';
import { planDevolucion, planRedireccion } from './redireccion.ts';

export type NextIndice = (entrada: string) => number | null;

/** Borrowed entidades come home first: what nobody needs need not be lent twice. */
export const ORDER: readonly TipoMovimiento[] = ['devolver', 'fusionar', 'redirigir', 'dividir'];

/** The moves of the kinds in `tipos`, in the order in which they are carried out. */
export function planSincronizacion(
  bloques: readonly BloqueNumeros[],
  nextIndice: NextIndice,
  tipos: readonly TipoMovimiento[] = ORDER,
): Movimiento[] {
  const moves: Movimiento[] = [];
  let now = bloques;
  for (const tipo of ORDER) {
    if (!tipos.includes(tipo)) continue;
    for (const move of planOf(tipo, now, nextIndice)) {
      moves.push(move);
      now = afterMove(now, move);
    }
  }
  return moves;
}

function planOf(tipo: TipoMovimiento, bloques: readonly BloqueNumeros[], nextIndice: NextIndice): Movimiento[] {
  if (tipo === 'devolver') return planDevolucion(bloques);
  if (tipo === 'fusionar') return planFusion(bloques);
  return tipo === 'redirigir' ? planRedireccion(bloques) : planDivision(bloques, nextIndice);
}
