/** A BloqueRunner whose thread is slow, and now and then has to be broken off (src/ports/bloque-runner.ts, B1 to B4). */
import { NotApartError, runApart, runningSlots, type ApartTask } from '#domain/bloque/apart.ts';
import { messageOf } from '#domain/errors.ts';
import { compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { ApartJob, ApartOutcome, BloqueRunner } from '#ports/bloque-runner.ts';
import type { Host } from '../sim/host.ts';

export class SimRunner implements BloqueRunner {
  readonly #host: Host;
  readonly #load: (procesador: string) => AnyProcesador;
  readonly #compiled = new Map<string, CompiledProcesador>();
  readonly #hungAlone = new Set<string>();
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
    const compiled = this.#compiledOf(task.procesador);
    // a circuit opens for it; who is silent hangs on when lecturas and cycles come together (checks/undisturbed.ts)
    if (task.procesador !== 'latido' && this.#mayHang(task, compiled) && this.#host.mishap('runner_broken_off')) {
      return { kind: 'broken_off', task, found: 'no end' };
    }
    try {
      return { kind: 'done', task, result: runApart(compiled, task) };
    } catch (error) {
      if (!(error instanceof NotApartError)) throw error;
      return { kind: 'refused', found: messageOf(error) };
    }
  }

  #compiledOf(procesador: string): CompiledProcesador {
    let compiled = this.#compiled.get(procesador);
    if (compiled === undefined) this.#compiled.set(procesador, (compiled = compileProcesador(this.#load(procesador))));
    return compiled;
  }

  /** By chance a lectura hangs alone once, never twice: that would be one that hangs, and its entidad guilty. */
  #mayHang(task: ApartTask, { procesador }: CompiledProcesador): boolean {
    const { lecturas } = task;
    const slots = runningSlots(task, procesador.estado);
    if (lecturas === null || slots.length !== 1) return true;
    const at = lecturas.slot.indexOf(slots[0]!);
    const key = `${slots[0]} ${lecturas.tsMs[at]} ${lecturas.valor[at]}`;
    if (this.#hungAlone.has(key)) return false;
    this.#hungAlone.add(key);
    return true;
  }
}
