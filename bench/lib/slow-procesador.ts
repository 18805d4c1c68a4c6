/** A procesador that takes long, as one loads it from a file: some ten microseconds a lectura. */
import { defineProcesador } from '../../src/index.ts';

const STEPS = 1500;

export default defineProcesador({
  nombre: 'slow',
  version: 1,
  estado: { sum: 'f64' },
  onLectura(e, lectura) {
    let x = lectura.valor;
    for (let k = 0; k < STEPS; k++) x = Math.sqrt(x * x + k);
    e.sum += x;
    return x / (x + 1);
  },
});
