/**
 * Makes a procesador fast: its own view class and its own loops.
 *
 * Owns: the generated loops. Leaves to bloque/ what happens with what they report.
 *
 * A loop body shared by several procesadores becomes megamorphic (six of them in one loop ran five times slower), and a view
 * made of object literals fifty times; so each procesador gets loops and a view class of its own, from one template, with the
 * columns as fields of the view. The text below holds no data: only column indices and the procesador's checked names.
 *
 * R1 A failing run touches only its own entidad: it is told to the sink, and the loop goes on with the next.
 * R2 Lecturas run in the order given; those of an entidad that does not run (corre = 0) are put aside by index in `held`, in order.
 * R3 The loop stops early only when `pend` has no room; it returns the index it reached.
 */
import type { BloqueMemory, Column, CoreColumns } from '../entidad/columns.ts';
import { isClosure } from './closure.ts';
import { plainColumns, type AnyProcesador, type EstadoSpec, type Explicacion, type Vector } from './define.ts';
import { huellaOf } from './huella.ts';

/** What the loops add up; index into `acc`. */
export const ACC = { runs: 0, errors: 1, sum: 2, sumSquares: 3, held: 4, shift: 5, late: 6 } as const;
export const ACC_LENGTH = 7;

/** What a loop tells beside its sums; called only for the rare. */
export interface RunSink {
  /** The run of `slot` failed; `error` undefined: its valor was no finite number. The sink makes the entidad inactive. */
  fallo(slot: number, error: unknown): void;
  /** The valor reached `abre`, or the entidad has an episodio. The runner's view stands on the entidad. */
  excede(slot: number, valor: number, lectura: number, tsMs: number): void;
}

/** Columns in which what was drained waits to be stored. */
export interface PendingColumns {
  readonly slot: Uint16Array;
  readonly tsMs: Float64Array;
  readonly lectura: Float32Array;
  readonly valor: Float32Array;
  length: number;
}

export interface LecturaColumns {
  readonly slot: Uint16Array;
  readonly valor: Float64Array;
  readonly tsMs: Float64Array;
}

interface ViewObject {
  slot: number;
  bindColumns(memory: BloqueMemory): void;
}
interface MutableLectura {
  valor: number;
  tsMs: number;
}

type LecturasLoop = (
  core: CoreColumns,
  p: unknown,
  lecturas: LecturaColumns,
  from: number,
  to: number,
  pend: PendingColumns | null,
  acc: Float64Array,
  sink: RunSink,
  held: Uint32Array,
  abre: number,
) => number;
type CycleLoop = (
  core: CoreColumns,
  p: unknown,
  from: number,
  to: number,
  nowMs: number,
  acc: Float64Array,
  sink: RunSink,
  abre: number,
  dense: boolean,
  episodios: number,
) => void;

/** A procesador ready to run over bloques; one for all bloques that use it, bound to one at a time. */
export interface CompiledProcesador {
  readonly procesador: AnyProcesador;
  /** huella.ts */
  readonly huella: number;
  /** Points the view and the loops at a bloque; cheap. */
  bind(memory: BloqueMemory): void;
  /** onLectura over lecturas[from..to) of the bound bloque; R2, R3. */
  runLecturas(
    p: unknown,
    lecturas: LecturaColumns,
    from: number,
    to: number,
    pend: PendingColumns | null,
    acc: Float64Array,
    sink: RunSink,
    held: Uint32Array,
    abre: number,
  ): number;
  /** onCycle over the running slots in [from, to). `dense`: all of them run; `episodios`: how many are open in the bloque. */
  runCycle(
    p: unknown,
    from: number,
    to: number,
    nowMs: number,
    acc: Float64Array,
    sink: RunSink,
    abre: number,
    dense: boolean,
    episodios: number,
  ): void;
  /** onBind of one slot; a throw is the caller's to handle. */
  bindSlot(p: unknown, slot: number): void;
  /** The explanation of the run just told to `excede`. */
  explica(p: unknown, valor: number): Explicacion;
}

let compiledCount = 0;

/** Places of a vector, of the entidad on which `view` stands. */
class VectorView implements Vector {
  columns: readonly Column[] = [];
  readonly view: ViewObject;
  constructor(view: ViewObject) {
    this.view = view;
  }
  get length(): number {
    return this.columns.length;
  }
  get(k: number): number {
    return this.columns[k]![this.view.slot]!;
  }
  set(k: number, x: number): void {
    this.columns[k]![this.view.slot] = x;
  }
}

function makeViewClass(procesador: AnyProcesador): new () => ViewObject {
  const spec = procesador.estado as EstadoSpec;
  let fields = '';
  let binds = '';
  let accessors = '';
  let at = 0;
  for (const name of Object.keys(spec)) {
    const places = plainColumns({ [name]: spec[name]! }).length;
    const isVector = spec[name]!.endsWith(']');
    if (isVector) {
      fields += `this.${name} = new VectorView(this);`;
      binds += `this.${name}.columns = memory.estado.slice(${at}, ${at + places}).map((c) => c.data);`;
    } else {
      fields += `this.$${at} = null;`;
      binds += `this.$${at} = memory.estado[${at}].data;`;
      accessors += `get ${name}() { return this.$${at}[this.slot]; } set ${name}(x) { this.$${at}[this.slot] = x; }\n`;
    }
    at += places;
  }
  const text = `'use strict';
return class EntidadView${compiledCount} {
  constructor() { this.slot = 0; this.$numero = null; this.$valor = null; this.$lectura = null; this.$tsMs = null; ${fields} }
  bindColumns(memory) {
    this.$numero = memory.core.numero; this.$valor = memory.core.valor; this.$lectura = memory.core.lectura; this.$tsMs = memory.core.tsMs;
    ${binds}
  }
  get numero() { return this.$numero[this.slot]; }
  get valor() { return this.$valor[this.slot]; }
  get lectura() { return this.$lectura[this.slot]; }
  set lectura(x) { this.$lectura[this.slot] = x; }
  get tsMs() { return this.$tsMs[this.slot]; }
  ${accessors}
};`;
  // oxlint-disable-next-line no-new-func -- the reason stands in the head of this file
  return new Function('VectorView', text)(VectorView) as new () => ViewObject;
}

/** `typeof` comes first: a string or boolean would pass the arithmetic; fround first: 1e300 is no float32. */
const CHECK = `if (typeof v !== 'number' || (f = Math.fround(v)) - f !== 0) { errors++; sink.fallo(i, undefined); continue; }`;

function makeLecturasLoop(procesador: AnyProcesador, view: ViewObject, lectura: MutableLectura): LecturasLoop {
  const text = `'use strict';
return function lecturas${compiledCount}(core, p, lecturas, from, to, pend, acc, sink, held, abre) {
  const { corre, valor, lectura: last, tsMs: lastTs, episodio } = core;
  const { slot: slots, valor: xs, tsMs: ts } = lecturas;
  const shift = acc[${ACC.shift}];
  const keep = pend !== null;
  const pSlot = keep ? pend.slot : null, pTs = keep ? pend.tsMs : null, pLectura = keep ? pend.lectura : null, pValor = keep ? pend.valor : null;
  const room = keep ? pSlot.length : 0;
  let n = keep ? pend.length : 0;
  let k = from, runs = 0, errors = 0, late = 0, sum = 0, sumSquares = 0, h = acc[${ACC.held}], i = 0, f = 0;
  for (;;) {
    try {
      for (; k < to; k++) {
        i = slots[k];
        if (corre[i] === 0) { held[h++] = k; continue; }
        if (keep && n === room) break;
        const x = xs[k], t = ts[k];
        view.slot = i; l.valor = x; l.tsMs = t;
        runs++;
        const v = onLectura(view, l, p);
        ${CHECK}
        if (t < lastTs[i]) late++;
        valor[i] = f; last[i] = x; lastTs[i] = t;
        const d = f - shift; sum += d; sumSquares += d * d;
        if (keep) { pSlot[n] = i; pTs[n] = t; pLectura[n] = x; pValor[n] = f; n++; }
        if (f >= abre || episodio[i] !== 0) sink.excede(i, f, x, t);
      }
      break;
    } catch (error) { errors++; sink.fallo(i, error); k++; }
  }
  if (keep) pend.length = n;
  acc[${ACC.runs}] += runs; acc[${ACC.errors}] += errors; acc[${ACC.sum}] += sum; acc[${ACC.sumSquares}] += sumSquares; acc[${ACC.held}] = h; acc[${ACC.late}] += late;
  return k;
};`;
  // oxlint-disable-next-line no-new-func -- the reason stands in the head of this file
  return new Function('onLectura', 'view', 'l', text)(procesador.onLectura, view, lectura) as LecturasLoop;
}

/** Squares beyond it may hide a valor that float32 cannot hold (3.4e38); what is below cannot. */
const LARGE = 1e70;

/**
 * One pass that runs, stores and adds up with no branch that a valor decides unforeseeably: looking for the largest one by comparing
 * cost more than the kernel itself, while a limit that is not reached costs next to nothing. A fault makes a sum NaN or infinite (a
 * valor beyond float32 by its square; sums are of valores before they are rounded to float32, which no fitness can tell). Only when
 * something rare is seen (a fault, a limit reached, an open episodio), or when not every slot ran, a careful second pass looks at
 * each. One run a slot, so looking later changes nothing.
 */
function makeCycleLoop(procesador: AnyProcesador, view: ViewObject, lectura: MutableLectura): CycleLoop {
  const text = `'use strict';
return function cycle${compiledCount}(core, p, from, to, nowMs, acc, sink, abre, dense, episodios) {
  const { corre, valor } = core;
  const shift = acc[${ACC.shift}];
  // what rounds up to the limit as a float32 is looked at too
  const near = abre - Math.abs(abre) * 2e-7;
  let i = from, thrown = 0, sum = 0, sumSquares = 0, over = false;
  for (;;) {
    try {
      if (dense) for (; i < to; i++) {
        view.slot = i;
        const v = onCycle(view, nowMs, p);
        const x = typeof v === 'number' ? v : NaN;
        valor[i] = x;
        const d = x - shift;
        sum += d; sumSquares += d * d;
        if (x >= near) over = true;
      } else for (; i < to; i++) {
        if (corre[i] === 0) continue;
        view.slot = i;
        const v = onCycle(view, nowMs, p);
        valor[i] = typeof v === 'number' ? v : NaN;
      }
      break;
    } catch (error) { thrown++; sink.fallo(i, error); i++; }
  }
  if (dense && thrown === 0 && shift * shift + sumSquares < ${LARGE} && !over && episodios === 0) {
    acc[${ACC.runs}] += to - from; acc[${ACC.sum}] += sum; acc[${ACC.sumSquares}] += sumSquares;
    return;
  }
  careful(core, from, to, nowMs, acc, sink, abre, thrown);
};`;
  // oxlint-disable-next-line no-new-func -- the reason stands in the head of this file
  return new Function('onCycle', 'view', 'careful', text)(
    procesador.onCycle,
    view,
    (
      core: CoreColumns,
      from: number,
      to: number,
      nowMs: number,
      acc: Float64Array,
      sink: RunSink,
      abre: number,
      thrown: number,
    ) => settleCarefully(core, view, lectura, from, to, nowMs, acc, sink, abre, thrown),
  ) as CycleLoop;
}

/** The second pass: adds up what ran, tells every fault and everything over the limit, in order of slots. */
function settleCarefully(
  core: CoreColumns,
  view: ViewObject,
  lectura: MutableLectura,
  from: number,
  to: number,
  nowMs: number,
  acc: Float64Array,
  sink: RunSink,
  abre: number,
  thrown: number,
): void {
  const { corre, valor, lectura: last, episodio } = core;
  const shift = acc[ACC.shift]!;
  let runs = thrown;
  let errors = thrown;
  let sum = 0;
  let sumSquares = 0;
  for (let i = from; i < to; i++) {
    if (corre[i] === 0) continue;
    runs++;
    const f = valor[i]!;
    if (f - f !== 0) {
      errors++;
      // the first pass has written it where readers look
      valor[i] = 0;
      sink.fallo(i, undefined);
      continue;
    }
    if (f >= abre || episodio[i] !== 0) {
      view.slot = i;
      lectura.valor = last[i]!;
      lectura.tsMs = nowMs;
      try {
        // calls the procesador's own explica
        sink.excede(i, f, last[i]!, nowMs);
      } catch (error) {
        errors++;
        sink.fallo(i, error);
        continue;
      }
    }
    const d = f - shift;
    sum += d;
    sumSquares += d * d;
  }
  acc[ACC.runs] = acc[ACC.runs]! + runs;
  acc[ACC.errors] = acc[ACC.errors]! + errors;
  acc[ACC.sum] = acc[ACC.sum]! + sum;
  acc[ACC.sumSquares] = acc[ACC.sumSquares]! + sumSquares;
}

const noLecturas: LecturasLoop = (_core, _p, _lecturas, _from, to) => to;
const noCycle: CycleLoop = () => {};

interface Loops {
  readonly view: ViewObject;
  readonly lectura: MutableLectura;
  readonly lecturasLoop: LecturasLoop;
  readonly cycleLoop: CycleLoop;
}

/** Of closures: they differ in their answers alone, which lie outside. By what the loop calls. */
const closureLoops = new Map<AnyProcesador['onCycle'] | AnyProcesador['onLectura'], Loops>();

function loopsOf(procesador: AnyProcesador): Loops {
  if (!isClosure(procesador)) return makeLoops(procesador);
  const called = procesador.onCycle ?? procesador.onLectura;
  let loops = closureLoops.get(called);
  if (loops === undefined) closureLoops.set(called, (loops = makeLoops(procesador)));
  return loops;
}

function makeLoops(procesador: AnyProcesador): Loops {
  compiledCount++;
  const View = makeViewClass(procesador);
  const view = new View();
  const lectura: MutableLectura = { valor: 0.5, tsMs: 0.5 };
  const lecturasLoop = procesador.onLectura === undefined ? noLecturas : makeLecturasLoop(procesador, view, lectura);
  const cycleLoop = procesador.onCycle === undefined ? noCycle : makeCycleLoop(procesador, view, lectura);
  return { view, lectura, lecturasLoop, cycleLoop };
}

/** Compiles `procesador`; do it once and share the result among all its bloques. */
export function compileProcesador(procesador: AnyProcesador): CompiledProcesador {
  const { view, lectura, lecturasLoop, cycleLoop } = loopsOf(procesador);
  const typedView = view as never;
  let core: CoreColumns | null = null;
  const bound = (): CoreColumns => {
    if (core === null) throw new Error(`procesador ${procesador.nombre} runs before it is bound to a bloque`);
    return core;
  };
  let huella: number | null = null;
  return {
    procesador,
    get huella() {
      return (huella ??= huellaOf(procesador));
    },
    bind(memory) {
      core = memory.core;
      view.bindColumns(memory);
    },
    runLecturas: (p, lecturas, from, to, pend, acc, sink, held, abre) =>
      lecturasLoop(bound(), p, lecturas, from, to, pend, acc, sink, held, abre),
    runCycle: (p, from, to, nowMs, acc, sink, abre, dense, episodios) =>
      cycleLoop(bound(), p, from, to, nowMs, acc, sink, abre, dense, episodios),
    bindSlot(p, slot) {
      view.slot = slot;
      procesador.onBind?.(typedView, p);
    },
    explica(p, valor) {
      const regla = procesador.alerta;
      if (regla === undefined) return { codigo: 'over_limit', esperadoMin: null, esperadoMax: null };
      return regla.explica(typedView, lectura, valor, p);
    },
  };
}
