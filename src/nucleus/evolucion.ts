/**
 * Evolution in a running nucleus: what an entry judges by, changed at a quiet moment and held by an epoch.
 *
 * Owns the change, its record in `comandos`, log and alert, and what a start takes over. Leaves deciding to domain/evolucion, when a
 * round is to ModuloEvolucion.
 *
 *   quiet the doors -> every bloque of the entry evolves -> ride in the next epoch -> open the doors ... epoch in -> the entry runs on
 *
 * E1 A change is in the epoch that is cut next, in the catalogue, with its record. A crash before it leaves everything as it was.
 * E2 What arrives for the entry meanwhile waits: nothing is judged by parametros that no epoch has, so that a replay comes to the same
 *    verdicts. It waits RETAIN_MS_MAX at most; a store that is slower than that must not keep alerts from being told.
 * E3 Of another configuration (procesador, parametros) than it began with, and while `evolucion.activa` is false, an evolution counts
 *    for nothing: the entry judges as configured.
 */
import type { BloqueEntry } from '#domain/config/config.ts';
import { CORE_BYTES } from '#domain/entidad/columns.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Fallado, Runnable } from '#domain/evolucion/evolucion.ts';
import { genesOf, keyOf, parametrosOf, type Genoma } from '#domain/evolucion/genoma.ts';
import {
  formerOf,
  isSameBase,
  originOf,
  stepped,
  type Configured,
  type EvolucionRow,
  type Paso,
} from '#domain/evolucion/paso.ts';
import { MIB } from '#domain/limits.ts';
import { isClosure } from '#domain/procesadores/closure.ts';
import type { EstadoSpec } from '#domain/procesadores/define.ts';
import type { ComandoRow } from '#ports/bloque-store.ts';
import type { EvolucionView } from '#ports/nucleus-api.ts';
import type { EvolucionPort, EvolucionProgreso, Evolutiva } from '#ports/nucleus-context.ts';
import type { Nucleus } from './nucleus.ts';
import type { CatalogRow, Entrada, Evolved } from './swarm.ts';

const TAG = 'Evolucion';
const PUERTA = 'ModuloEvolucion';
/** E2: an epoch takes a few tenths of this. */
const RETAIN_MS_MAX = 1000;

const TOLD: Readonly<Record<Paso['tipo'], string>> = {
  cambiar: 'Entrada evolucionada',
  volver: 'Evolucion deshecha',
  fijar: 'Evolucion fijada',
  soltar: 'Evolucion soltada',
};

/** How the record of a change is kept. */
export type RecordOf = (paso: Paso) => Omit<ComandoRow, 'epoca'>;

export class NucleusEvolucion implements EvolucionPort {
  progreso: (entrada: string) => EvolucionProgreso | null = () => null;
  aMano: (entrada: string) => void = () => {};
  /** Since the start. */
  cambios = 0;
  vueltas = 0;
  rechazos = 0;

  readonly #nucleus: Nucleus;
  #last: Promise<unknown> = Promise.resolve();

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
  }

  get presion(): number {
    return 1 - this.#nucleus.ejecucion.carga;
  }

  get isBusy(): boolean {
    const { ejecucion, fase, pausado } = this.#nucleus;
    return ejecucion.oldestQueuedMs !== Infinity || fase !== 'vivo' || pausado;
  }

  evolutivas(): Evolutiva[] {
    return this.#entradas().map((entrada) => ({
      id: entrada.id,
      bloques: entrada.bloques,
      vigente: vigenteOf(entrada),
      spec: entrada.procesador.procesador.estado as EstadoSpec,
      fijado: entrada.evolucion?.fijado ?? false,
      alternativas: (entrada.config.evolucion?.alternativas ?? []).map((procesador) => ({ procesador, valores: {} })),
      runnable: (genoma) => this.#runnable(entrada.config, genoma),
    }));
  }

  /** E3. What an entry takes over from before a restart; null: it judges as configured. */
  evolved(entry: BloqueEntry, catalog: CatalogRow | null): Evolved | null {
    const row = catalog?.evolucion;
    if (row === undefined) return null;
    const { config, logger, say } = this.#nucleus;
    const isAllowed =
      config.evolucion.activa &&
      entry.evolucion?.activa !== false &&
      isSameBase(row.base, baseOf(entry)) &&
      [entry.procesador, ...(entry.evolucion?.alternativas ?? [])].includes(row.genoma.procesador);
    try {
      if (isAllowed) {
        const { compiled, parametros } = this.#runnable(entry, row.genoma);
        return { procesador: compiled, parametros, row };
      }
    } catch (error) {
      logger.warn(TAG, messageOf(error), { entrada: entry.id });
    }
    logger.info(TAG, say('log.evolution_dropped'), { entrada: entry.id, ...row.genoma.valores });
    return null;
  }

  async cambiar(id: string, found: Fallado, made: () => void): Promise<void> {
    const { config, clock } = this.#nucleus;
    const { genoma, ensayo, lecturas, aptitud, aptitudVigente: aptitudAntes, confianza } = found;
    const tipo = found.tipo === 'volver' ? 'volver' : 'cambiar';
    const { semilla } = config.evolucion;
    await this.change(
      id,
      (antes) => ({
        tipo,
        por: PUERTA,
        tsMs: clock.nowMs(),
        genoma,
        antes,
        ensayo,
        semilla,
        lecturas,
        aptitud,
        aptitudAntes,
        confianza,
      }),
      (paso) => this.#row(id, `evolucion-${tipo}`, ensayo, paso),
      made,
    );
  }

  async rechazar(id: string, found: Fallado): Promise<void> {
    this.rechazos++;
    const { logger, comandos } = this.#nucleus;
    const { genoma, ensayo, aptitud, aptitudVigente, confianza } = found;
    logger.debug(TAG, 'Candidato rechazado', { entrada: id, ensayo, ...genoma, aptitud, aptitudVigente, confianza });
    await comandos.commit(this.#row(id, 'evolucion-rechazar', ensayo, found));
  }

  /**
   * E1, E2. One change at a time; `made` is called when it is made and no epoch holds it yet: what follows from it rides along.
   *
   * @throws CoreCError when the nucleus is not running, or what `make` throws.
   */
  change(id: string, make: (antes: Genoma) => Paso, record: RecordOf, made: () => void = () => {}): Promise<Paso> {
    const run = this.#last.then(() => this.#change(id, make, record, made));
    this.#last = run.catch(() => {});
    return run;
  }

  async #change(id: string, make: (antes: Genoma) => Paso, record: RecordOf, made: () => void): Promise<Paso> {
    const n = this.#nucleus;
    this.#assertLive();
    if (n.watch.problem !== '') throw notNow(`the store: ${n.watch.problem}`);
    const entrada = this.entrada(id);
    let paso: Paso;
    let release = (): void => {};
    let stored: Promise<unknown>;
    await n.quiet();
    try {
      this.#assertLive();
      const antes = vigenteOf(entrada);
      paso = make(antes);
      if (keyOf(paso.genoma) !== keyOf(antes)) {
        this.#evolve(entrada, paso.genoma);
        release = this.#retain(entrada);
      }
      entrada.evolucion = stepped(rowOf(entrada), paso);
      entrada.catalogDirty = true;
      made();
      stored = n.epochs!.ride(record(paso));
    } finally {
      n.gate.open();
    }
    this.#tell(entrada, paso);
    try {
      await stored;
    } finally {
      release();
    }
    return paso;
  }

  #evolve(entrada: Entrada, genoma: Genoma): void {
    const { compiled, parametros } = this.#runnable(entrada.config, genoma);
    entrada.procesador = compiled;
    entrada.parametros = parametros;
    for (const bloque of entrada.bloques) bloque.evolve(compiled, parametros);
  }

  /** E2. Returns what lets its lecturas run again. */
  #retain({ bloques }: Entrada): () => void {
    const { clock, runs } = this.#nucleus;
    for (const bloque of bloques) bloque.retenido = true;
    let isOver = false;
    const release = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      for (const bloque of bloques) {
        bloque.retenido = false;
        if (bloque.hasLecturas) runs.arrived(bloque);
      }
    };
    const cancel = clock.after(RETAIN_MS_MAX, release);
    return release;
  }

  #tell({ id, bloques }: Entrada, { tipo, por, genoma, antes, aptitud, aptitudAntes, confianza, ensayo }: Paso): void {
    const { avisos, clock, logger } = this.#nucleus;
    const a = genomaText(genoma);
    const de = genomaText(antes);
    const facts = { entrada: id, por, de, a, ensayo, aptitud, aptitudAntes, confianza };
    logger.info(TAG, TOLD[tipo], facts);
    if (tipo === 'cambiar') this.cambios++;
    else if (tipo === 'volver') this.vueltas++;
    if (a === de) return;
    const codigo = aptitud === null ? 'evolved_by_hand' : tipo === 'cambiar' ? 'evolved' : 'evolved_back';
    const razon = { codigo, de, a, por, aptitud, antes: aptitudAntes };
    const canal = bloques[0]?.canal ?? 1;
    avisos.open(
      { bloque: id, clave: '', regla: 'evolucion' },
      { razon, valor: aptitud ?? 0, canal, passes: true },
      clock.nowMs(),
    );
  }

  // -- for doors -------------------------------------------------------------------------------------------------------------

  views(ref: string | null): EvolucionView[] {
    const list = ref === null ? this.#entradas() : [this.entrada(ref)];
    return list.map((entrada) => this.#view(entrada));
  }

  /** What is to be taken: what was in use before, or the configuration. @throws CoreCError COREC_E_NOT_FOUND */
  goalOf(id: string, a: 'anterior' | 'configurado'): Genoma {
    const entrada = this.entrada(id);
    const former = a === 'anterior' ? formerOf(rowOf(entrada)) : configuredOf(entrada.config);
    if (former !== null && keyOf(former) !== keyOf(vigenteOf(entrada))) return former;
    throw new CoreCError('COREC_E_NOT_FOUND', {
      what: 'genoma',
      found: a,
      hint: `What ${entrada.id} judges by has not changed: corec evolucion ${entrada.id}.`,
    });
  }

  /** An entry that evolves, by its id or that of one of its bloques. @throws CoreCError COREC_E_NOT_FOUND */
  entrada(ref: string): Entrada {
    const { swarm, config } = this.#nucleus;
    const id = swarm.bloque(ref)?.entrada ?? ref;
    const list = this.#entradas();
    const found = list.find((entrada) => entrada.id === id);
    if (found !== undefined) return found;
    const known = swarm.entradas.has(id);
    const hint = !config.evolucion.activa
      ? 'Nothing evolves: evolucion.activa is false.'
      : known
        ? 'It has nothing that may vary, or is left out by its own evolucion.activa.'
        : `Those that do: ${list.map((entrada) => entrada.id).join(', ') || 'none'}.`;
    throw new CoreCError('COREC_E_NOT_FOUND', { what: 'entry that evolves', found: ref, hint });
  }

  // -- own -------------------------------------------------------------------------------------------------------------------

  #entradas(): Entrada[] {
    const { swarm, config } = this.#nucleus;
    if (!config.evolucion.activa) return [];
    return [...swarm.entradas.values()].filter((entrada) => {
      const { procesador } = entrada.procesador;
      if (entrada.config.evolucion?.activa === false || procesador.autonomo || isClosure(procesador)) return false;
      if (procesador.alerta === undefined || procesador.onLectura === undefined) return false;
      const hasOthers = (entrada.config.evolucion?.alternativas.length ?? 0) > 0;
      return hasOthers || genesOf(procesador, entrada.parametros).length > 0;
    });
  }

  #runnable(entry: BloqueEntry, genoma: Genoma): Runnable {
    const compiled = this.#nucleus.compiledOf(entry, genoma.procesador);
    const { procesador } = compiled;
    const isFit =
      procesador.alerta !== undefined &&
      procesador.onLectura !== undefined &&
      !procesador.autonomo &&
      procesador.checkpoint;
    const mb =
      (Math.min(entry.entidades, entry.entidades_por_bloque) * (CORE_BYTES + procesador.bytesPorEntidad)) / MIB;
    if (!isFit || isClosure(procesador) || mb > entry.max_size_mb) {
      throw new CoreCError('COREC_E_LIMIT', {
        what: `${entry.path}.evolucion.alternativas: ${genoma.procesador}`,
        found: isFit ? `${mb.toFixed(2)} MB a bloque` : 'a procesador that does not judge lecturas by itself',
        allowed: isFit ? `max_size_mb ${entry.max_size_mb}` : 'one with onLectura, alerta and checkpoint',
      });
    }
    return { compiled, parametros: parametrosOf(genoma, procesador, baseOf(entry)) };
  }

  #view(entrada: Entrada): EvolucionView {
    const row = rowOf(entrada);
    const progreso = this.progreso(entrada.id);
    const { procesador } = entrada.procesador;
    const configured = parametrosOf(
      configuredOf(entrada.config),
      this.#nucleus.compiledOf(entrada.config, entrada.config.procesador).procesador,
      baseOf(entrada.config),
    ) as Readonly<Record<string, unknown>>;
    return {
      entrada: entrada.id,
      procesador: row.genoma.procesador,
      procesadorBase: entrada.config.procesador,
      fijado: row.fijado,
      parametros: genesOf(procesador, entrada.parametros).map(({ nombre, spec, valor }) => {
        const was = row.genoma.procesador === entrada.config.procesador ? configured[nombre] : undefined;
        return {
          nombre,
          valor,
          configurado: typeof was === 'number' || typeof was === 'string' ? was : null,
          min: 'opciones' in spec ? null : spec.min,
          max: 'opciones' in spec ? null : spec.max,
          opciones: 'opciones' in spec ? spec.opciones : [],
          origen: originOf(row, nombre),
        };
      }),
      ensayos: progreso?.ensayos ?? 0,
      lecturas: progreso?.lecturas ?? 0,
      bytes: progreso?.bytes ?? 0,
      semilla: this.#nucleus.config.evolucion.semilla,
      retador: progreso?.retador ?? null,
      anterior: progreso?.anterior ?? null,
      aptitud: progreso?.ultima?.aptitudVigente ?? null,
      pasos: row.pasos,
    };
  }

  #row(entrada: string, nombre: string, ensayo: number, respuesta: unknown): Omit<ComandoRow, 'epoca'> {
    const { config, epochs, clock } = this.#nucleus;
    const timestampMs = clock.nowMs();
    return {
      id: `evolucion-${config.instance_id}-${entrada}-${ensayo}-${epochs!.next}-${timestampMs}`,
      nombre,
      puerta: PUERTA,
      argumentos: { entrada },
      efecto: { tipo: 'nada' },
      respuesta,
      timestampMs,
    };
  }

  #assertLive(): void {
    const { fase } = this.#nucleus;
    if (fase !== 'vivo') throw notNow(`fase ${fase}`);
  }
}

const baseOf = ({ procesador, parametros }: BloqueEntry): Configured => ({ procesador, parametros });

const configuredOf = ({ procesador }: BloqueEntry): Genoma => ({ procesador, valores: {} });

function vigenteOf({ evolucion, config }: Entrada): Genoma {
  return evolucion?.genoma ?? configuredOf(config);
}

function rowOf({ evolucion, config }: Entrada): EvolucionRow {
  return evolucion ?? { base: baseOf(config), genoma: configuredOf(config), fijado: false, pasos: [] };
}

/** `detector sensibilidad=2.4`, for people. */
export function genomaText({ procesador, valores }: Genoma): string {
  return [procesador, ...Object.entries(valores).map(([name, valor]) => `${name}=${valor}`)].join(' ');
}

function notNow(found: string): CoreCError {
  return new CoreCError('COREC_E_BUSY', { what: 'CoreC', found, seconds: 1 });
}
