/**
 * Counts lecturas and adds them up: what proves that every acknowledged lectura has acted exactly once.
 *
 * Invariant: `cuenta` and `suma` are exact for up to 2^53 lecturas whose sum of integers stays within +-2^53. `valor` is the count
 * as a float32, exact up to 2^24.
 */
import { defineProcesador, type Procesador } from './define.ts';

const ESTADO = { cuenta: 'f64', suma: 'f64', ultimo: 'f64' } as const;

export const contador: Procesador<typeof ESTADO> = defineProcesador({
  nombre: 'contador',
  version: 1,
  estado: ESTADO,
  onLectura: (e, lectura) => {
    const x = lectura.valor;
    const cuenta = e.cuenta + 1;
    e.cuenta = cuenta;
    e.suma += x;
    e.ultimo = x;
    return cuenta;
  },
});
