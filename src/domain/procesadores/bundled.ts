/** The procesadores that CoreC brings along; one's own come from files. */
import type { AnyProcesador } from './define.ts';
import { conteo } from './conteo.ts';
import { contador } from './contador.ts';
import { detector } from './detector.ts';
import { detectorFino } from './detector-fino.ts';
import { latido } from './latido.ts';
import { limites } from './limites.ts';
import { simulado } from './simulado.ts';
import { tasa } from './tasa.ts';

export const BUNDLED: readonly AnyProcesador[] = [
  detector,
  detectorFino,
  limites,
  conteo,
  tasa,
  latido,
  contador,
  simulado,
];
