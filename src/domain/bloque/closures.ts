/**
 * Runs the closures of a bloque and hands their answers to its loop (specification, section 2.2, step 2).
 *
 * F1 A closure that throws, rejects or is late (`limitMs`) is a failed run of its entidad alone; a late answer is dropped.
 * F2 Lecturas that arrive meanwhile wait for the next run.
 * F3 A run whose closures all answer well costs one Promise.all: handlers of each one's own are made only when one failed or is late.
 * A synchronous closure that never returns cannot be cut here; only a thread could.
 */
import { isClosure, withAnswers, type Answer } from '../procesadores/closure.ts';
import type { BloqueSimbiotico } from './bloque.ts';

/** Calls back after `ms`; the returned function cancels. */
export type After = (ms: number, callback: () => void) => () => void;

/** What a closure threw, beside what it may return. */
class Thrown {
  readonly error: Error;

  constructor(error: unknown) {
    this.error = asError(error);
  }
}

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
  const { corre } = bloque.memory.core;
  const { closures } = procesador;
  if ('porLectura' in closures) {
    const { porLectura } = closures;
    const count = bloque.waitingFor(carga);
    const { slot, valor, tsMs } = bloque.inbox.columns;
    const slots: number[] = [];
    const results: unknown[] = [];
    for (let k = 0; k < count; k++) {
      const s = slot[k]!;
      if (corre[s] === 0) continue;
      slots.push(s);
      const payload = { clave: bloque.claveOf(s), valor: valor[k]!, tsMs: tsMs[k]! };
      results.push(resultOf(() => porLectura(payload)));
    }
    bloque.inbox.inFlight = count;
    const queues = queuesOf(slots, await answersOf(results, limitMs, after));
    try {
      return withAnswers({ queues }, () => bloque.drainFirst(count, nowMs()));
    } finally {
      bloque.inbox.inFlight = 0;
    }
  }
  if (!cycle) return 0;
  const { porSlot } = closures;
  const { from, count, of } = bloque.cycleRange(carga);
  // by slot: who is not asked has no answer
  const results = porSlot.map((): unknown => undefined);
  for (let k = 0; k < count; k++) {
    const s = from + k < of ? from + k : from + k - of;
    if (corre[s] === 1) results[s] = resultOf(porSlot[s]![2]);
  }
  const valores = await answersOf(results, limitMs, after);
  return withAnswers({ valores }, () => bloque.cycle(carga, nowMs()));
}

const LATE = new Error('no answer within tiempo_limite_ms');

/** The answers in the order of the results, LATE for those that are not there after `limitMs`. */
async function answersOf(results: readonly unknown[], limitMs: number, after: After): Promise<readonly Answer[]> {
  if (!results.some(isPromise)) return results.map(answerOf);
  let cancel = (): void => {};
  const limit = new Promise<null>((resolve) => {
    cancel = after(limitMs, () => resolve(null));
  });
  try {
    const all = await Promise.race([Promise.all(results), limit]).catch(() => null);
    return all === null ? await eachOf(results, limit) : all.map(answerOf);
  } finally {
    cancel();
  }
}

/** The same one by one: what has answered, by its promise or not, whatever became of the others. */
async function eachOf(results: readonly unknown[], limit: Promise<null>): Promise<readonly Answer[]> {
  const answers = results.map((): Answer => LATE);
  const pending: Promise<void>[] = [];
  for (const [k, result] of results.entries()) {
    if (!isPromise(result)) {
      answers[k] = answerOf(result);
      continue;
    }
    const taken = result.then(
      (value) => void (answers[k] = answerOf(value)),
      (error: unknown) => void (answers[k] = asError(error)),
    );
    pending.push(taken);
  }
  // handlers of promises that have settled run before that of the limit, also of one that is over
  await Promise.race([Promise.all(pending), limit]);
  return answers.slice();
}

/** The answers of each slot, in the order of its lecturas. */
function queuesOf(slots: readonly number[], answers: readonly Answer[]): Map<number, Answer[]> {
  const queues = new Map<number, Answer[]>();
  for (const [k, slot] of slots.entries()) {
    const queue = queues.get(slot);
    if (queue === undefined) queues.set(slot, [answers[k]]);
    else queue.push(answers[k]);
  }
  return queues;
}

/** What a closure returned, a promise of any making as one of ours; or what it threw. */
function resultOf(call: () => unknown): unknown {
  try {
    const result = call();
    return isPromise(result) || !isThenable(result) ? result : Promise.resolve(result);
  } catch (error) {
    return new Thrown(error);
  }
}

function answerOf(result: unknown): Answer {
  if (typeof result !== 'object' || result === null) return undefined;
  return result instanceof Thrown ? result.error : (result as { valor?: unknown }).valor;
}

function isPromise(result: unknown): result is Promise<unknown> {
  return result instanceof Promise;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
