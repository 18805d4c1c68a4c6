/**
 * ModuloEvolucion: lets parametros of procesadores, and procesadores themselves, compete on lecturas that were held back (specification,
 * section 9: organic evolution).
 *
 * Owns when lecturas are held back, when a round runs and how much of the processor it may have. Leaves what a round is to
 * domain/evolucion, what becomes of its outcome to the nucleus.
 *
 *   entry: hold back lecturas -> enough of them, and intervalo_s has passed -> round, part by part -> outcome -> hold back anew
 *
 * E1 Off, it does nothing: no timer, no lectura is held back.
 * E2 Rounds are background work: a part (512 lecturas) runs only when no bloque waits for its turn, one round at a time, and the pause
 *    after it keeps to `cpu_max`. A loop that is never idle lets a part pass every BUSY_MS_MAX, as it does with canal 5.
 * E3 At most MUESTRAS_MAX entries hold lecturas back at a time; the others take their turn when one has had its round.
 */
import { seededDice, seedOf } from '#domain/anomaly/dice.ts';
import { messageOf } from '#domain/errors.ts';
import { Evolucion, type EvolucionEstado, type Fallado } from '#domain/evolucion/evolucion.ts';
import { keyOf } from '#domain/evolucion/genoma.ts';
import { Muestra, PLACES, PLACES_LEAST, type Lugar } from '#domain/evolucion/muestra.ts';
import type { Evolutiva, NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

/** 0.5 MB each. */
const MUESTRAS_MAX = 32;
/** Bloques of an entry that entidades are taken from; each has a look at every lectura while it takes part. */
const BLOQUES_MAX = 12;
const LOOK_MS = 1000;
const BUSY_WAIT_MS = 5;
const BUSY_MS_MAX = 10_000;

interface Line {
  readonly evolucion: Evolucion;
  muestra: Muestra | null;
  /** Of what was in use when it began. */
  key: string;
  /** Monotonic ms of the end of the last round. */
  roundMs: number;
  ultima: Fallado | null;
}

export class ModuloEvolucion extends ModuloBase {
  readonly nombre = 'ModuloEvolucion';
  rounds = 0;
  /** Time that rounds have taken, ms. */
  spentMs = 0;

  readonly #lines = new Map<string, Line>();
  #nucleus: NucleusContext | null = null;
  #isStopping = false;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  async inicializar(nucleus: NucleusContext): Promise<void> {
    if (!nucleus.config.evolucion.activa) return;
    this.#nucleus = nucleus;
    const { evolucion, meter } = nucleus;
    evolucion.progreso = (id) => {
      const line = this.#lines.get(id);
      if (line === undefined) return null;
      const { muestra, ultima } = line;
      const { ensayos, retador, prueba } = line.evolucion;
      const held = { lecturas: muestra?.length ?? 0, bytes: muestra?.bytes ?? 0 };
      return { ensayos, ...held, retador, anterior: prueba?.anterior ?? null, ultima };
    };
    evolucion.aMano = (id) => {
      const line = this.#lines.get(id);
      line?.evolucion.begin();
      if (line !== undefined) this.#drop(line);
    };
    const gauge = (name: string, help: string, read: () => number): void => meter.observedGauge(name, help, read);
    gauge('corec_evolucion_rounds_total', 'Rounds of ModuloEvolucion', () => this.rounds);
    gauge('corec_evolucion_ms_total', 'Time that rounds have taken', () => this.spentMs);
    gauge('corec_evolucion_bytes', 'Memory of lecturas that are held back', () => this.#bytes());
  }

  async ejecutar(): Promise<void> {
    if (this.#nucleus?.whole === true) this.#schedule();
  }

  async detener(): Promise<void> {
    this.#isStopping = true;
    this.#cancel();
    this.#wake();
    await this.#looking;
    for (const line of this.#lines.values()) this.#drop(line);
  }

  #bytes(): number {
    let sum = 0;
    for (const { muestra } of this.#lines.values()) sum += muestra?.bytes ?? 0;
    return sum;
  }

  #schedule(): void {
    const { clock, logger } = this.#nucleus!;
    this.#cancel = clock.after(LOOK_MS, () => {
      this.#looking = this.look()
        .catch((error: unknown) => logger.error(this.nombre, messageOf(error)))
        .finally(() => {
          if (!this.#isStopping) this.#schedule();
        });
    });
  }

  /** Begins muestras where there are none, and runs the rounds that are due. */
  async look(): Promise<void> {
    const { clock, config, evolucion, pausado } = this.#nucleus!;
    if (pausado) return;
    const evolutivas = evolucion.evolutivas();
    const alive = new Set(evolutivas.map(({ id }) => id));
    for (const [id, line] of this.#lines) if (!alive.has(id)) this.#drop(line);
    for (const one of evolutivas) {
      const line = this.#line(one);
      // a hand, or a restart, has changed what is in use: what was held back began from the state of another
      if (one.fijado || (line.muestra !== null && line.key !== keyOf(one.vigente))) this.#drop(line);
      if (one.fijado) continue;
      if (line.muestra === null) this.#begin(one, line);
      const isDue = clock.monotonicMs() - line.roundMs >= config.evolucion.intervalo_s * 1000;
      if (line.muestra === null || !isDue || !line.muestra.enough) continue;
      await this.#round(one, line, line.muestra);
      if (this.#isStopping) return;
      const next = evolucion.evolutivas().find(({ id }) => id === one.id);
      if (next !== undefined && !next.fijado) this.#begin(next, line);
    }
  }

  #line(one: Evolutiva): Line {
    const known = this.#lines.get(one.id);
    if (known !== undefined) return known;
    const nucleus = this.#nucleus!;
    const deps = {
      id: one.id,
      semilla: nucleus.config.evolucion.semilla,
      alternativas: one.alternativas,
      runnable: one.runnable,
    };
    const key = `${this.nombre}/${one.id}`;
    const line: Line = {
      evolucion: new Evolucion(deps, this.#stored(key)),
      muestra: null,
      key: '',
      roundMs: nucleus.clock.monotonicMs(),
      ultima: null,
    };
    this.#lines.set(one.id, line);
    let kept = JSON.stringify(line.evolucion.estado());
    nucleus.keepEstado(key, (isLast) => {
      const text = JSON.stringify(line.evolucion.estado());
      if (!isLast && text === kept) return null;
      kept = text;
      return new TextEncoder().encode(text);
    });
    return line;
  }

  #stored(key: string): EvolucionEstado | null {
    const { logger } = this.#nucleus!;
    const bytes = this.#nucleus!.storedEstado(key);
    try {
      return bytes === null ? null : (JSON.parse(new TextDecoder().decode(bytes)) as EvolucionEstado);
    } catch (error) {
      // it begins anew: no reason not to start
      logger.warn(this.nombre, messageOf(error), { id: key });
      return null;
    }
  }

  #drop(line: Line): void {
    line.muestra?.stop();
    line.muestra = null;
  }

  /** E3. */
  #begin(one: Evolutiva, line: Line): void {
    let held = 0;
    for (const { muestra } of this.#lines.values()) if (muestra !== null) held++;
    if (held >= MUESTRAS_MAX) return;
    const { semilla } = this.#nucleus!.config.evolucion;
    const lugares = choose(one, seededDice(seedOf(`${semilla}/${one.id}/muestra/${line.evolucion.ensayos}`)));
    if (lugares.length < PLACES_LEAST) return;
    line.muestra = new Muestra(lugares, one.spec);
    line.key = keyOf(one.vigente);
    line.muestra.start();
  }

  async #round(one: Evolutiva, line: Line, muestra: Muestra): Promise<void> {
    const { clock, evolucion, logger } = this.#nucleus!;
    muestra.stop();
    muestra.dropMoved();
    line.muestra = null;
    line.roundMs = clock.monotonicMs();
    if (!muestra.enough) return;
    const round = line.evolucion.round(one.vigente, muestra, evolucion.presion, clock.nowMs());
    let partMs = 0;
    for (;;) {
      await this.#untilIdle();
      if (this.#isStopping) return;
      const beganMs = clock.monotonicMs();
      const step = round.next(partMs);
      partMs = clock.monotonicMs() - beganMs;
      this.spentMs += partMs;
      if (step.done === true) {
        line.ultima = step.value;
        break;
      }
      await this.#pause(this.#restMs(partMs));
      if (this.#isStopping) return;
    }
    this.rounds++;
    line.roundMs = clock.monotonicMs();
    try {
      await this.#follow(one, line, line.ultima);
    } catch (error) {
      // the store is away, or CoreC stops: the next round comes to it again
      if (!this.#isStopping) logger.warn(this.nombre, messageOf(error), { entrada: one.id });
    }
  }

  async #follow({ id, vigente }: Evolutiva, { evolucion: line }: Line, found: Fallado): Promise<void> {
    const { evolucion, clock } = this.#nucleus!;
    // pinned or changed by hand while the round ran
    const now = evolucion.evolutivas().find((one) => one.id === id);
    if (now === undefined || now.fijado || keyOf(now.vigente) !== keyOf(vigente)) return;
    if (found.tipo === 'cambiar') {
      await evolucion.cambiar(id, found, () => line.switched(vigente, clock.nowMs()));
    } else if (found.tipo === 'volver') {
      await evolucion.cambiar(id, found, () => line.wentBack(vigente));
    } else if (found.tipo === 'rechazar') await evolucion.rechazar(id, found);
  }

  /** E2. */
  #restMs(partMs: number): number {
    const share = this.#nucleus!.config.evolucion.cpu_max / 100;
    return partMs / share - partMs;
  }

  /** E2. */
  async #untilIdle(): Promise<void> {
    const { clock, evolucion } = this.#nucleus!;
    const sinceMs = clock.monotonicMs();
    while (evolucion.isBusy && !this.#isStopping && clock.monotonicMs() - sinceMs < BUSY_MS_MAX)
      await this.#pause(BUSY_WAIT_MS);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#nucleus!.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Entidades by lot: of some bloques, those that are bound and run. */
function choose({ bloques }: Evolutiva, dice: () => number): Lugar[] {
  const able = shuffled(
    bloques.filter((bloque) => bloque.bound > 0 && !bloque.pausado),
    dice,
  ).slice(0, BLOQUES_MAX);
  const lists = able.map((bloque) => {
    const { corre } = bloque.memory.core;
    return {
      bloque,
      slots: shuffled(
        [...bloque.boundSlots()].filter((slot) => corre[slot] === 1),
        dice,
      ),
    };
  });
  const lugares: Lugar[] = [];
  for (let k = 0; lugares.length < PLACES; k++) {
    const before = lugares.length;
    for (const { bloque, slots } of lists) {
      const slot = slots[k];
      if (slot === undefined || lugares.length === PLACES) continue;
      lugares.push({ bloque, slot, clave: bloque.claveOf(slot) });
    }
    if (lugares.length === before) break;
  }
  return lugares;
}

function shuffled<T>(list: T[], dice: () => number): T[] {
  for (let k = list.length - 1; k > 0; k--) {
    const other = Math.floor(dice() * (k + 1));
    [list[k], list[other]] = [list[other]!, list[k]!];
  }
  return list;
}
