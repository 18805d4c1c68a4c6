/**
 * A genoma: what of a procesador's parametros may vary, and the values that it has now.
 *
 * Owns reading genes from a declaration, mutation and its bounds. Leaves judging genomas to ensayo.ts, choosing among them to seleccion.ts.
 *
 * G1 A mutated value lies within the bounds of its gene, and the procesador's own schema takes the parametros as a whole.
 * G2 The same dice give the same genomas.
 * G3 Values have three significant digits, so that they can be read, said again and compared.
 */
import { parseParametros, type AnyProcesador, type GenSpec } from '../procesadores/define.ts';
import type { Configured } from './paso.ts';

/** Rolls from 0 (possible) to 1 (never). */
export type Dice = () => number;

export type GenValor = number | string;

/** Parametros that differ from those of the configuration; empty: as configured. */
export interface Genoma {
  /** As `procesador` in the configuration names it. */
  readonly procesador: string;
  readonly valores: Readonly<Record<string, GenValor>>;
}

/** One that may vary, with its value now. */
export interface Gen {
  readonly nombre: string;
  readonly spec: GenSpec;
  readonly valor: GenValor;
}

/** A logarithmic gene is at most doubled or halved by one mutation; a linear one moves by this share of its range. */
const STEP_LOG = Math.LN2;
const STEP_LINEAR = 0.25;
const TRIES = 8;

/** Genes of a procesador whose parametros, defaults filled in, are `parametros`; those that have no value do not vary. */
export function genesOf(procesador: AnyProcesador, parametros: unknown): Gen[] {
  const values = parametros as Readonly<Record<string, unknown>>;
  return Object.entries(procesador.evolucion ?? {}).flatMap(([nombre, spec]) => {
    const valor = values[nombre];
    const isKnown = 'opciones' in spec ? typeof valor === 'string' : typeof valor === 'number';
    return isKnown ? [{ nombre, spec, valor: valor as GenValor }] : [];
  });
}

/** Two genomas with the same key are the same. */
export function keyOf({ procesador, valores }: Genoma): string {
  const names = Object.keys(valores).toSorted();
  return JSON.stringify([procesador, names.map((name) => [name, valores[name]])]);
}

/**
 * The parametros of a genoma over those of the configuration. @throws CoreCError COREC_E_PARAMETROS
 *
 * @param configured of the entry; only of its own procesador do they say anything.
 */
export function parametrosOf(
  { procesador: ref, valores }: Genoma,
  procesador: AnyProcesador,
  configured: Configured,
): unknown {
  const base = ref === configured.procesador ? configured.parametros : {};
  return parseParametros(procesador, { ...base, ...valores }, 'parametros');
}

/**
 * G1, G2. A genoma of the same procesador, one or more genes changed; null: there is nothing to vary, or nothing that the schema takes.
 *
 * @param isBold true: anywhere within the bounds, for where all that is near does equally badly.
 */
export function mutate(
  genoma: Genoma,
  genes: readonly Gen[],
  isValid: (genoma: Genoma) => boolean,
  dice: Dice,
  isBold: boolean = false,
): Genoma | null {
  if (genes.length === 0) return null;
  for (let k = 0; k < TRIES; k++) {
    const chosen = Math.floor(dice() * genes.length);
    const valores: Record<string, GenValor> = { ...genoma.valores };
    for (const [at, gen] of genes.entries()) {
      // one for certain, the others now and then
      if (at === chosen || dice() < 1 / (genes.length + 1))
        valores[gen.nombre] = isBold ? drawn(gen, dice) : mutated(gen, dice);
    }
    const made: Genoma = { procesador: genoma.procesador, valores };
    const isOther = genes.some(({ nombre, valor }) => (valores[nombre] ?? valor) !== valor);
    if (isOther && isValid(made)) return made;
  }
  return null;
}

function mutated({ spec, valor }: Gen, dice: Dice): GenValor {
  if ('opciones' in spec) {
    const others = spec.opciones.filter((one) => one !== valor);
    return others[Math.floor(dice() * others.length)] ?? valor;
  }
  const { min, max, entero = false, escala = 'lineal' } = spec;
  const from = Math.min(max, Math.max(min, valor as number));
  const turn = 2 * dice() - 1;
  const moved = escala === 'log' ? from * Math.exp(STEP_LOG * turn) : from + STEP_LINEAR * (max - min) * turn;
  const stepped = entero ? stepInteger(moved, from, turn) : Number(moved.toPrecision(3));
  return Math.min(max, Math.max(min, stepped));
}

/** Anywhere within the bounds. */
function drawn(gen: Gen, dice: Dice): GenValor {
  const { spec } = gen;
  if ('opciones' in spec) return mutated(gen, dice);
  const { min, max, entero = false, escala = 'lineal' } = spec;
  const at = dice();
  const valor = escala === 'log' ? min * (max / min) ** at : min + (max - min) * at;
  return Math.min(max, Math.max(min, entero ? Math.round(valor) : Number(valor.toPrecision(3))));
}

/** By one at least: a small range would otherwise round to where it was. */
function stepInteger(moved: number, from: number, turn: number): number {
  const rounded = Math.round(moved);
  return rounded === from ? from + (turn < 0 ? -1 : 1) : rounded;
}
