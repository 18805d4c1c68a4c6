/**
 * ModuloSincronizacion: redirects, merges and splits by fitness and carga (specification, sections 2.2 and 2.4).
 *
 * Owns when it looks, and what it has learned of each bloque. Leaves deciding to domain/sincronizacion, carrying out to the nucleus.
 *
 * S1 A pass every `sincronizacion.intervalo_s`, on the wall clock's multiples; one that is late is not made up for.
 * S2 `adaptativa: false` foresees nothing: the plain thresholds alone decide.
 */
import { Aprendido } from '#domain/sincronizacion/aprendido.ts';
import { ORDER } from '#domain/sincronizacion/plan.ts';
import { messageOf } from '#domain/errors.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

const TAG = 'Sincronizacion';
/** Until the pass after the next: what that one finds can still be lent in time. */
const PASSES_AHEAD = 2;
/** What is learned is worth an hour: so often an epoch takes it along, and at a stop. */
const KEEP_MS = 3_600_000;

export class ModuloSincronizacion extends ModuloBase {
  readonly nombre = 'ModuloSincronizacion';
  #learned = new Aprendido();
  #nucleus: NucleusContext | null = null;
  #cancel: () => void = () => {};
  #stopping = false;
  #pass: Promise<void> = Promise.resolve();

  async inicializar(nucleus: NucleusContext): Promise<void> {
    this.#nucleus = nucleus;
    const { adaptativa, intervalo_s } = nucleus.config.sincronizacion;
    if (!adaptativa) return;
    const spanMs = PASSES_AHEAD * intervalo_s * 1000;
    nucleus.movimientos.espera = (id) => this.#learned.expect(id, nucleus.clock.nowMs(), spanMs);
    const { clock } = nucleus;
    let keptMs = clock.monotonicMs();
    nucleus.keepEstado(this.nombre, (isLast) => {
      const nowMs = clock.monotonicMs();
      if (this.#learned.size === 0 || (!isLast && nowMs - keptMs < KEEP_MS)) return null;
      keptMs = nowMs;
      return this.#learned.encode();
    });
  }

  async ejecutar(): Promise<void> {
    const nucleus = this.#nucleus!;
    // one that is here for a command alone has not all bloques, and is gone before a pass
    if (!nucleus.whole) return;
    if (nucleus.config.sincronizacion.adaptativa) this.#restore(nucleus);
    this.#timer(nucleus);
  }

  #restore(nucleus: NucleusContext): void {
    const bytes = nucleus.storedEstado(this.nombre);
    if (bytes === null) return;
    try {
      this.#learned = Aprendido.decode(bytes);
    } catch (error) {
      // it can be learned again: no reason not to start
      nucleus.logger.warn(TAG, messageOf(error));
    }
  }

  async detener(): Promise<void> {
    this.#stopping = true;
    this.#cancel();
    await this.#pass;
  }

  #timer(nucleus: NucleusContext): void {
    const { clock, config } = nucleus;
    const intervalMs = config.sincronizacion.intervalo_s * 1000;
    const nowMs = clock.nowMs();
    const nextMs = (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
    this.#cancel = clock.after(nextMs - nowMs, () => {
      this.#pass = this.#run(nucleus).then(() => {
        if (!this.#stopping) this.#timer(nucleus);
      });
    });
  }

  async #run(nucleus: NucleusContext): Promise<void> {
    const { movimientos, clock, config } = nucleus;
    if (config.sincronizacion.adaptativa) this.#learned.observe(movimientos.numeros(), clock.nowMs());
    try {
      await nucleus.movimientos.sincronizar(ORDER);
    } catch (error) {
      // the store is away, or CoreC starts or stops: the next pass looks again
      if (!this.#stopping) nucleus.logger.warn(TAG, messageOf(error));
    }
  }
}
