/** Runs apart in the process itself, one after the other: nothing can be broken off. */
import { NotApartError, runApart } from '#domain/bloque/apart.ts';
import { messageOf } from '#domain/errors.ts';
import { compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ApartJob, ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';

export class InlineRunner implements BloqueRunner {
  readonly #find: (procesador: string) => AnyProcesador | null;
  readonly #compiled = new Map<string, CompiledProcesador>();
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(find: (procesador: string) => AnyProcesador | null) {
    this.#find = find;
  }

  takes(procesador: string): boolean {
    return !this.#isClosed && this.#find(procesador) !== null;
  }

  run(job: ApartJob): void {
    this.#last = this.#last.then(() => job.end(this.#outcome(job)));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#last;
  }

  #outcome({ make }: ApartJob): ApartOutcome {
    if (this.#isClosed) return { kind: 'closed' };
    const task = make((bytes) => new SharedArrayBuffer(bytes));
    if (task === null) return { kind: 'nothing' };
    try {
      return { kind: 'done', task, result: runApart(this.#compiledFor(task.procesador), task) };
    } catch (error) {
      if (!(error instanceof NotApartError)) throw error;
      return { kind: 'refused', found: messageOf(error) };
    }
  }

  #compiledFor(nombre: string): CompiledProcesador {
    let compiled = this.#compiled.get(nombre);
    if (compiled === undefined) this.#compiled.set(nombre, (compiled = compileProcesador(this.#find(nombre)!)));
    return compiled;
  }
}
