/**
 * The default procesador: learns what is normal for each clave and scores every lectura 0..1. No setting up, no training.
 *
 * Owns: the alert rule and its reason. Leaves learning and scoring to norma.ts.
 */
import { z } from 'zod';
import { defineProcesador, type Explicacion, type GenSpec, type Procesador } from './define.ts';
import { ALERT, ALERT_TAIL, MOTIVE, NORMA_COLUMNS, expected, judge, type NormaView } from './norma.ts';

export const sensibilidadSchema: z.ZodDefault<z.ZodNumber> = z.number().min(0.05).max(20).default(1);

/** How far `sensibilidad` may evolve: what lies beyond finds nothing, or alerts at every lectura. */
export const SENSIBILIDAD_GEN: GenSpec = { min: 0.1, max: 10, escala: 'log' };

export const detectorParametros: z.ZodType<DetectorParametros> = z.strictObject({
  /** 1 by default; 2 alerts at half the deviation, 0.5 at twice. */
  sensibilidad: sensibilidadSchema,
});
export interface DetectorParametros {
  readonly sensibilidad: number;
}

/** Valor from which an episodio opens, and below which it may close. */
export const DETECTOR_ABRE: number = ALERT;
export const DETECTOR_CIERRA: number = ALERT_TAIL;

const CODIGO: Readonly<Record<number, string>> = {
  [MOTIVE.above]: 'out_of_range',
  [MOTIVE.below]: 'out_of_range',
  [MOTIVE.jumpUp]: 'jump',
  [MOTIVE.jumpDown]: 'jump',
  [MOTIVE.levelAbove]: 'too_high',
  [MOTIVE.levelBelow]: 'too_low',
  [MOTIVE.driftAbove]: 'drift',
  [MOTIVE.driftBelow]: 'drift',
  [MOTIVE.flat]: 'flat',
};

/** Reason and expected range of the alert that the last lectura started. */
export function explainDetector(e: NormaView): Explicacion {
  const { min, max, level } = expected(e);
  const { motive } = e;
  if (motive >= MOTIVE.hourAbove) {
    const from = (motive & 7) * 3;
    return {
      codigo: motive >= MOTIVE.hourBelow ? 'too_low' : 'too_high',
      params: { lectura: level, horasUtc: `${from}-${from + 3}` },
      esperadoMin: min,
      esperadoMax: max,
    };
  }
  const params = motive === MOTIVE.flat ? { lecturas: e.run + 1 } : {};
  return { codigo: CODIGO[motive] ?? 'out_of_range', params, esperadoMin: min, esperadoMax: max };
}

export const detector: Procesador<typeof NORMA_COLUMNS, DetectorParametros> = defineProcesador({
  nombre: 'detector',
  version: 1,
  estado: NORMA_COLUMNS,
  parametros: detectorParametros,
  evolucion: { sensibilidad: SENSIBILIDAD_GEN },
  onLectura: (e, lectura, p) => judge(e, lectura.valor, lectura.tsMs, e.tsMs, p.sensibilidad),
  alerta: { regla: 'detector', abre: DETECTOR_ABRE, cierra: DETECTOR_CIERRA, explica: (e) => explainDetector(e) },
});
