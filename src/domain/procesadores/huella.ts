/** What tells one text of a procesador from another of the same name and version. */
import { seedOf } from '../anomaly/dice.ts';
import type { AnyProcesador } from './define.ts';

/**
 * uint32 over its columns and the text of its functions: two that are alike may work on the same columns. What its functions call, or
 * close over, is not in it.
 */
export function huellaOf(procesador: AnyProcesador): number {
  const { nombre, version, autonomo, estado, onBind, onLectura, onCycle, alerta = {} } = procesador;
  const parts = [nombre, version, autonomo, onBind, onLectura, onCycle, ...Object.entries(alerta).flat()];
  return seedOf(JSON.stringify([Object.entries(estado), ...parts.map(String)]));
}
