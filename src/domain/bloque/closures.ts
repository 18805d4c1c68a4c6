/**
 * Runs the closures of a bloque and hands their answers to its loop (specification, section 2.2, step 2).
 *
 * F1 A closure that throws, rejects or is late (`limitMs`) is a failed run of its entidad alone; a late answer is dropped.
 * F2 Lecturas that arrive meanwhile wait for the next run.
 * A synchronous closure that never returns cannot be cut here; only a thread could.
 */
import { isClosure, type Answers } from '../procesadores/closure.ts';
import type { BloqueSimbiotico } from './bloque.ts';

/** Calls back after `ms`; the returned function cancels. */
export type After = (ms: number, callback: () => void) => () => void;

/**
 * One run: the lecturas in the inbox (or, for autonomous entidades, a cycle) of ceil(candidates x carga) entidades, those that have
 * waited longest. Resolves to the runs.
 */
export async function runClosures(
  bloque: BloqueSimbiotico,
  cycle: boolean,
  carga: number,
  limitMs: number,
  nowMs: () => number,
  after: After,
): Promise<number> {
  const { procesador } = bloque.options.procesador;
  if (!isClosure(procesador)) throw new Error(`${procesador.nombre} is no closure`);
  const answers: Answers = new Map();
  const pending: Promise<void>[] = [];
  const late = { value: false };
  const settle = (slot: number, call: () => unknown): void => {
    const list = answers.get(slot) ?? [];
    answers.set(slot, list);
    const at = list.length;
    list.push(LATE);
    let result: unknown;
    try {
      result = call();
    } catch (error) {
      list[at] = asError(error);
      return;
    }
    if (!isThenable(result)) {
      list[at] = valorOf(result);
      return;
    }
    pending.push(
      Promise.resolve(result).then(
        (value) => {
          if (!late.value) list[at] = valorOf(value);
        },
        (error: unknown) => {
          if (!late.value) list[at] = asError(error);
        },
      ),
    );
  };
  const { corre } = bloque.memory.core;
  const { closures } = procesador;
  if ('porLectura' in closures) {
    const count = bloque.waitingFor(carga);
    const { slot, valor, tsMs } = bloque.inbox.columns;
    for (let k = 0; k < count; k++) {
      const s = slot[k]!;
      if (corre[s] === 0) continue;
      const payload = { clave: bloque.claveOf(s), valor: valor[k]!, tsMs: tsMs[k]! };
      settle(s, () => closures.porLectura(payload));
    }
    bloque.inbox.inFlight = count;
  } else if (cycle) {
    for (const s of bloque.cycleSlots(carga)) {
      if (corre[s] === 1) settle(s, () => closures.porSlot[s]![2]());
    }
  }
  if (pending.length > 0) await withLimit(Promise.all(pending), limitMs, after);
  late.value = true;
  procesador.box.answers = answers;
  try {
    const runs = 'porLectura' in closures ? bloque.drainFirst(bloque.inbox.inFlight, nowMs()) : 0;
    return runs + (cycle ? bloque.cycle(carga, nowMs()) : 0);
  } finally {
    bloque.inbox.inFlight = 0;
    procesador.box.answers = new Map();
  }
}

const LATE = new Error('no answer within tiempo_limite_ms');

function valorOf(result: unknown): unknown {
  return typeof result === 'object' && result !== null ? (result as { valor?: unknown }).valor : undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

async function withLimit(all: Promise<unknown>, limitMs: number, after: After): Promise<void> {
  let cancel = (): void => {};
  const limit = new Promise<void>((resolve) => {
    cancel = after(limitMs, resolve);
  });
  await Promise.race([all, limit]);
  cancel();
}
