/** A BloqueRunner whose thread is slow, and now and then has to be broken off (src/ports/bloque-runner.ts, B1 to B4). */
import { NotApartError, runApart } from '#domain/bloque/apart.ts';
import { messageOf } from '#domain/errors.ts';
import { compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ApartJob, ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import type { Host } from '../sim/host.ts';

export class SimRunner implements BloqueRunner {
  readonly #host: Host;
  readonly #load: (procesador: string) => AnyProcesador;
  readonly #compiled = new Map<string, CompiledProcesador>();
  #last: Promise<void> = Promise.resolve();

  constructor(host: Host, load: (procesador: string) => AnyProcesador) {
    this.#host = host;
    this.#load = load;
  }

  takes(): boolean {
    return true;
  }

  run(job: ApartJob): void {
    this.#last = this.#last.then(async () => job.end(await this.#outcome(job)));
  }

  close(): Promise<void> {
    return this.#last;
  }

  async #outcome({ make }: ApartJob): Promise<ApartOutcome> {
    const task = make((bytes) => new SharedArrayBuffer(bytes));
    if (task === null) return { kind: 'nothing' };
    await this.#host.passage('runner task', 'runner_slow');
    // a circuit opens for it; who is silent hangs on when lecturas and cycles come together (checks/undisturbed.ts)
    if (task.procesador !== 'latido' && this.#host.mishap('runner_broken_off'))
      return { kind: 'broken_off', task, found: 'no end' };
    let compiled = this.#compiled.get(task.procesador);
    if (compiled === undefined) {
      this.#compiled.set(task.procesador, (compiled = compileProcesador(this.#load(task.procesador))));
    }
    try {
      return { kind: 'done', task, result: runApart(compiled, task) };
    } catch (error) {
      if (!(error instanceof NotApartError)) throw error;
      return { kind: 'refused', found: messageOf(error) };
    }
  }
}
